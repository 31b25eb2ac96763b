//! The bytes behind objects: files in a temporary folder, which goes with the simulator.
//!
//! Files are numbered; no name that a client chose becomes a path.

use std::fs::{DirBuilder, File};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, FileExt as _};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use md5::{Digest as _, Md5};

/// The folder; made when its first file is.
pub(in crate::simulator) struct Disk {
    dir: PathBuf,
    is_made: Mutex<bool>,
    next: AtomicU64,
    used_bytes: AtomicU64,
    most_bytes: u64,
}

/// A file that is being written.
pub(super) struct Draft {
    file: File,
    hash: Md5,
    kept: Kept,
}

/// A file, gone when nobody holds it any more.
pub(in crate::simulator) struct Kept {
    path: PathBuf,
    pub bytes: u64,
    /// The MD5 of its bytes.
    pub digest: [u8; 16],
    disk: Arc<Disk>,
}

impl Disk {
    /// A folder of this name below the system's for temporary files, for so many bytes at most.
    pub fn new(name: &str, most_bytes: u64) -> Arc<Self> {
        Arc::new(Self {
            dir: std::env::temp_dir().join(name),
            is_made: Mutex::new(false),
            next: AtomicU64::new(0),
            used_bytes: AtomicU64::new(0),
            most_bytes,
        })
    }

    pub fn used_bytes(&self) -> u64 {
        self.used_bytes.load(Ordering::Relaxed)
    }

    /// Removes the folder and all that is in it; the next draft makes it again.
    pub fn remove(&self) {
        let mut is_made = self.is_made.lock().unwrap_or_else(PoisonError::into_inner);
        if std::mem::take(&mut *is_made) {
            // It lies among temporary files; whatever keeps it from going is the system's to tidy.
            let _ = std::fs::remove_dir_all(&self.dir);
        }
    }

    pub(super) fn draft(self: &Arc<Self>) -> io::Result<Draft> {
        {
            let mut is_made = self.is_made.lock().unwrap_or_else(PoisonError::into_inner);
            if !*is_made {
                DirBuilder::new().mode(0o700).create(&self.dir)?;
                *is_made = true;
            }
        }
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let path = self.dir.join(number.to_string());
        Ok(Draft {
            file: File::create_new(&path)?,
            hash: Md5::new(),
            kept: Kept {
                path,
                bytes: 0,
                digest: [0; 16],
                disk: Arc::clone(self),
            },
        })
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        self.remove();
    }
}

impl Draft {
    pub fn bytes(&self) -> u64 {
        self.kept.bytes
    }

    /// # Errors
    ///
    /// The disk's, and `StorageFull` when the folder holds what it may.
    pub fn write(&mut self, chunk: &[u8]) -> io::Result<()> {
        let disk = &self.kept.disk;
        let more = u64::try_from(chunk.len()).unwrap_or(u64::MAX);
        let used = disk.used_bytes.fetch_add(more, Ordering::Relaxed);
        self.kept.bytes += more;
        if used.saturating_add(more) > disk.most_bytes {
            return Err(io::ErrorKind::StorageFull.into());
        }
        self.hash.update(chunk);
        self.file.write_all(chunk)
    }

    pub fn keep(mut self) -> Kept {
        self.kept.digest = self.hash.finalize().into();
        self.kept
    }
}

impl Kept {
    /// Bytes from somewhere in it, at most so many.
    pub fn read(&self, from: u64, most: usize) -> io::Result<Vec<u8>> {
        let left = usize::try_from(self.bytes.saturating_sub(from)).unwrap_or(usize::MAX);
        let mut bytes = vec![0; most.min(left)];
        File::open(&self.path)?.read_exact_at(&mut bytes, from)?;
        Ok(bytes)
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        self.disk
            .used_bytes
            .fetch_sub(self.bytes, Ordering::Relaxed);
        // The folder may be gone already.
        let _ = std::fs::remove_file(&self.path);
    }
}
