//! Why there is no cluster.

use std::{
    io,
    path::{Path, PathBuf},
    process::ExitStatus,
};

use super::{PATIENCE, binaries::OLDEST};

/// What to type where there are none.
const INSTALL: &str = "`apt-get install postgresql`, `dnf install postgresql-server`, `apk add postgresql` \
                       or `brew install postgresql@17`";

/// Every message says what to do about it.
#[derive(Debug, thiserror::Error)]
pub enum ClusterError {
    #[error(
        "No server binaries of Postgres {OLDEST} or newer were found. Install them with {INSTALL}; \
         or name the directory that holds `postgres` and `initdb` in PG_BIN_DIR."
    )]
    NoBinaries,
    #[error("PG_BIN_DIR is {}, which does not hold `postgres`, `initdb` and `pg_ctl`. Correct it or unset it.", .0.display())]
    BadBinDir(PathBuf),
    #[error(
        "The database in {} was made by Postgres {version}, whose binaries were not found. Install that version, \
         or move the directory away to begin with an empty database.", .dir.display()
    )]
    OtherVersion { dir: PathBuf, version: String },
    #[error(
        "Postgres does not run as root, and there is neither a user `postgres` nor a user `nobody` to run it as. \
         Make one of them, or run this as an ordinary user."
    )]
    NoAccount,
    #[error(
        "Postgres runs as {account}, which cannot enter {}. Choose a data directory that it can reach \
         (for root: /var/lib/vod-receiver), or let it in with `chmod a+x`.", .at.display()
    )]
    OutOfReach { at: PathBuf, account: String },
    #[error("The binaries in {} cannot be run as {account}. Install Postgres where every user can run it.", .binaries.display())]
    NotRunnable { binaries: PathBuf, account: String },
    #[error(
        "{} must be a directory that belongs to {account} and is closed to others, and it is not. \
         Remove it, or run as its owner.", .at.display()
    )]
    NotPrivate { at: PathBuf, account: String },
    #[error("{} is held by another process that is starting or stopping Postgres for a minute now. Look whether it hangs.", .0.display())]
    Busy(PathBuf),
    #[error("{what} failed ({status}). Its last words, which should tell what to mend:\n{words}")]
    Failed {
        what: &'static str,
        status: ExitStatus,
        words: String,
    },
    #[error("Postgres was not ready after {} s. Look at {}, which ends:\n{words}", PATIENCE.as_secs(), .log.display())]
    NotReady { log: PathBuf, words: String },
    #[error("Could not {doing} {} (check that it belongs to the user who runs this and that the disk is not full)", .at.display())]
    Io {
        doing: &'static str,
        at: PathBuf,
        source: io::Error,
    },
}

/// The error of an operation on a path, for `map_err`.
pub(super) fn io_error(doing: &'static str, at: &Path) -> impl FnOnce(io::Error) -> ClusterError {
    let at = at.to_owned();
    move |source| ClusterError::Io { doing, at, source }
}
