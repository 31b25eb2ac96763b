//! Why the spool was not opened, did not store, or could not be read.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Why a spool was not opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenFault {
    #[error(
        "The spool in {} is in use by another process. Give each receiver a directory of its own; \
         to replay a spool, stop its receiver first.", .0.display()
    )]
    Owned(PathBuf),
    #[error(
        "The spool in {} is on {filesystem}, which does not outlive the container or the machine. \
         Put it on a real volume, or allow a volatile spool.", .dir.display()
    )]
    Volatile { dir: PathBuf, filesystem: String },
    #[error(transparent)]
    Io(#[from] IoFault),
}

/// Why records were not stored. As far as the caller may rely on, none of them was.
#[derive(Debug, Clone, thiserror::Error)]
pub enum AppendFault {
    /// The quota is used up, or the directory is open only to be drained.
    #[error("the spool is full")]
    Full,
    /// The disk does not keep up: too much waits already.
    #[error("too much waits for the spool")]
    Busy,
    /// A record beyond the bounds of [`Record::fits`](super::Record::fits).
    #[error("a record is too large for the spool")]
    TooLarge,
    /// It was closed, or its writer died.
    #[error("the spool has stopped")]
    Stopped,
    /// The write or the fsync failed.
    #[error("the spool could not write")]
    NotWritten(#[source] Arc<IoFault>),
}

/// Why no records were read.
#[derive(Debug, thiserror::Error)]
pub enum DrainFault {
    /// It was closed.
    #[error("the spool has stopped")]
    Stopped,
    #[error(transparent)]
    Io(#[from] IoFault),
}

/// What the disk refused.
#[derive(Debug, thiserror::Error)]
#[error("could not {doing} {}", .at.display())]
pub struct IoFault {
    doing: &'static str,
    at: PathBuf,
    source: io::Error,
}

impl IoFault {
    /// Adds to an error what was being done, and to what.
    pub(super) fn doing(doing: &'static str, at: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self {
            doing,
            at: at.to_owned(),
            source,
        }
    }

    /// What kind of error it was.
    pub fn kind(&self) -> io::ErrorKind {
        self.source.kind()
    }
}
