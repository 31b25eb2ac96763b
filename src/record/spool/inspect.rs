//! What a spool's directory is like, for those who set one up; it may be in use meanwhile.

use std::fs::{self, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use super::disk::{self, Name};
use super::fault::OpenFault;

/// How much a spool's disk has to offer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Room {
    /// Of its segments.
    pub held_bytes: u64,
    /// Free on its disk for whoever asks.
    pub free_bytes: u64,
}

/// Why a directory is no good for a spool.
#[derive(Debug, thiserror::Error)]
pub enum Unfit {
    #[error("{} does not exist", .0.display())]
    Missing(PathBuf),
    #[error("{} is not a directory", .0.display())]
    NotADirectory(PathBuf),
    #[error("{} is on {filesystem}, which does not outlive the container or the machine", .dir.display())]
    Volatile { dir: PathBuf, filesystem: String },
    #[error("nothing can be written to {}", .dir.display())]
    NotWritable { dir: PathBuf, source: io::Error },
    #[error("{} cannot be looked at", .dir.display())]
    Unread { dir: PathBuf, source: io::Error },
}

/// Looks at the directory of a spool: writes a file there and takes it away again, and leaves the rest alone.
///
/// # Errors
///
/// [`Unfit`]; volatile disks unless `allow_volatile`.
pub fn inspect(dir: &Path, allow_volatile: bool) -> Result<Room, Unfit> {
    let unread = |source| Unfit::Unread {
        dir: dir.to_owned(),
        source,
    };
    match fs::metadata(dir) {
        Ok(found) if found.is_dir() => {}
        Ok(_) => return Err(Unfit::NotADirectory(dir.to_owned())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Err(Unfit::Missing(dir.to_owned()));
        }
        Err(error) => return Err(unread(error)),
    }
    if !allow_volatile && let Err(fault) = disk::refuse_volatile(dir) {
        return Err(match fault {
            OpenFault::Volatile { dir, filesystem } => Unfit::Volatile { dir, filesystem },
            other => unread(io::Error::other(other)),
        });
    }
    write_and_remove(dir).map_err(|source| Unfit::NotWritable {
        dir: dir.to_owned(),
        source,
    })?;
    let disk = rustix::fs::statvfs(dir).map_err(|errno| unread(errno.into()))?;
    Ok(Room {
        held_bytes: held_bytes(dir).map_err(unread)?,
        free_bytes: disk.f_bavail.saturating_mul(disk.f_frsize),
    })
}

fn write_and_remove(dir: &Path) -> io::Result<()> {
    // No name of a segment, so that no receiver takes it for one.
    let path = dir.join(format!("looked-at-by-{}", std::process::id()));
    let file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&path)?;
    let synced = file.sync_all();
    fs::remove_file(&path)?;
    synced
}

fn held_bytes(dir: &Path) -> io::Result<u64> {
    let mut held = 0;
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        if Name::parse(&entry.file_name().to_string_lossy()).is_some() {
            // One that was drained just now is gone.
            held += entry.metadata().map_or(0, |found| found.len());
        }
    }
    Ok(held)
}
