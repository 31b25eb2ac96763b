//! What becomes of bytes that cannot be used, and of segments that are done with.

use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom};
use std::ops::Range;
use std::path::{Path, PathBuf};

use super::disk::{self, Name};
use super::fault::IoFault;

/// So many copies of one segment; where it is broken all over the whole of it is kept instead.
const MAX_COPIES: usize = 100;

/// Copies damaged bytes to a file of their own and says so; `None` if that cannot be done.
pub fn copy(dir: &Path, name: Name, at: &Range<u64>) -> Option<PathBuf> {
    let to = dir.join(name.kept(at.start));
    if is_copied(dir, name, at) {
        return Some(to);
    }
    match try_copy(dir, name, at, &to) {
        Ok(()) => {
            tracing::error!(
                segment = name.file(),
                offset = at.start,
                bytes = at.end - at.start,
                "the spool holds bytes that are no record; a copy is kept in {}",
                to.display()
            );
            Some(to)
        }
        Err(error) => {
            let error: &dyn std::error::Error = &error;
            tracing::error!(
                error,
                segment = name.file(),
                offset = at.start,
                bytes = at.end - at.start,
                "the spool holds bytes that are no record; the whole segment is kept"
            );
            None
        }
    }
}

/// Whether these bytes were copied before.
pub fn is_copied(dir: &Path, name: Name, at: &Range<u64>) -> bool {
    fs::metadata(dir.join(name.kept(at.start))).is_ok_and(|found| found.len() == at.end - at.start)
}

/// Deletes a segment that is done with, or renames it if some of it is still of use.
pub fn dispose(dir: &Path, name: Name, keep: bool) -> Result<(), IoFault> {
    let path = dir.join(name.file());
    let done = if keep {
        fs::rename(&path, dir.join(name.set_aside()))
    } else {
        fs::remove_file(&path)
    };
    match done.and_then(|()| disk::sync_dir(dir)) {
        // The file is gone, whoever did it, or whether or not that is durable yet: should it come
        // back after a crash it is drained again, which is harmless.
        Err(error) if path.exists() => Err(IoFault::doing("be done with", &path)(error)),
        _ => Ok(()),
    }
}

fn try_copy(dir: &Path, name: Name, at: &Range<u64>, to: &Path) -> io::Result<()> {
    let prefix = name.kept_prefix();
    let copies = fs::read_dir(dir)?
        .flatten()
        .filter(|entry| {
            entry
                .file_name()
                .as_encoded_bytes()
                .starts_with(prefix.as_bytes())
        })
        .count();
    if copies >= MAX_COPIES {
        return Err(io::Error::other("it is damaged in too many places"));
    }
    let mut from = File::open(dir.join(name.file()))?;
    from.seek(SeekFrom::Start(at.start))?;
    // A copy that was cut short must not pass for one: its length gives it away.
    let _ = fs::remove_file(to);
    let mut file = disk::create_file(to)?;
    let copied = io::copy(&mut from.take(at.end - at.start), &mut file)?;
    if copied < at.end - at.start {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    file.sync_all()?;
    disk::sync_dir(dir)
}
