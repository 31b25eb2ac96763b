//! What a cluster needs around it: an account that may run Postgres, directories closed to others, locks.

use std::{
    fs,
    fs::{DirBuilder, File, OpenOptions, TryLockError},
    io,
    os::unix::{
        ffi::OsStrExt,
        fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt, lchown},
    },
    path::{Path, PathBuf},
    process::{Command, Stdio},
    thread,
};

use super::{ClusterError, PATIENCE, POLL, PORT, error::io_error};

/// The shortest limit of the path of a Unix socket: 103 bytes on macOS, 107 on Linux.
const SOCKET_PATH_BYTES: usize = 103;

/// Who the server runs as.
#[derive(Debug, Clone)]
pub(super) struct Account {
    pub name: String,
    pub uid: u32,
    /// What to become before running Postgres; nothing if we are that already.
    pub become_ids: Option<(u32, u32)>,
}

impl Account {
    pub fn own() -> Self {
        let uid = me().unwrap_or(u32::MAX);
        Self {
            name: format!("the user with id {uid}"),
            uid,
            become_ids: None,
        }
    }

    /// The owner of the cluster that is there, else `postgres`, else `nobody`: root may not run Postgres.
    pub fn for_root(dir: &Path) -> Result<Self, ClusterError> {
        let owner = fs::metadata(dir.join("data"))
            .ok()
            .filter(|data| data.uid() != 0);
        if let Some(owner) = owner {
            let (uid, gid) = (owner.uid(), owner.gid());
            return Ok(Self {
                name: format!("the user with id {uid}"),
                uid,
                become_ids: Some((uid, gid)),
            });
        }
        let known = |name: &str| {
            let (uid, gid) = (id(&["-u", name])?, id(&["-g", name])?);
            Some(Self {
                name: format!("the user `{name}`"),
                uid,
                become_ids: Some((uid, gid)),
            })
        };
        known("postgres")
            .or_else(|| known("nobody"))
            .ok_or(ClusterError::NoAccount)
    }

    pub fn may_enter(&self, dir: &Path) -> bool {
        let Ok(dir) = fs::metadata(dir) else {
            return false;
        };
        let gid = self.become_ids.map(|(_, gid)| gid);
        let bit = if dir.uid() == self.uid {
            0o100
        } else if Some(dir.gid()) == gid {
            0o010
        } else {
            0o001
        };
        dir.mode() & bit != 0
    }
}

/// The effective user id of this process.
pub(super) fn me() -> Option<u32> {
    id(&["-u"])
}

/// Asks `id`, which is POSIX: std cannot tell, and /etc/passwd does not hold every user.
fn id(arguments: &[&str]) -> Option<u32> {
    let answer = Command::new("id")
        .args(arguments)
        .stderr(Stdio::null())
        .output()
        .ok()?;
    String::from_utf8_lossy(&answer.stdout).trim().parse().ok()
}

/// `dir/socket` if its path is short enough, else a directory in /tmp that depends on `dir` alone.
pub(super) fn socket_directory(dir: &Path) -> PathBuf {
    let near = dir.join("socket");
    let fits = socket_file(&near).as_os_str().len() <= SOCKET_PATH_BYTES;
    if fits && near.to_str().is_some_and(|path| !path.contains('"')) {
        return near;
    }
    // FNV-1a: std promises no hash that stays the same from one build to the next.
    let hash = dir
        .as_os_str()
        .as_bytes()
        .iter()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
        });
    PathBuf::from(format!("/tmp/vod-receiver-{hash:016x}"))
}

pub(super) fn socket_file(socket: &Path) -> PathBuf {
    socket.join(format!(".s.PGSQL.{PORT}"))
}

/// Makes what is missing of a path: for an ordinary user closed to others, for root such that the server can pass.
pub(super) fn make_directories(dir: &Path, root: bool) -> Result<(), ClusterError> {
    if dir.is_dir() {
        return Ok(());
    }
    if let Some(parent) = dir.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        make_directories(parent, root)?;
    }
    let mode = if root { 0o755 } else { 0o700 };
    match fs::create_dir(dir) {
        Ok(()) => fs::set_permissions(dir, fs::Permissions::from_mode(mode))
            .map_err(io_error("open up", dir)),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && dir.is_dir() => Ok(()),
        Err(source) => Err(ClusterError::Io {
            doing: "make",
            at: dir.to_owned(),
            source,
        }),
    }
}

/// Makes a directory that only the account can enter; one that is there must be like that, and no link.
pub(super) fn private_directory(at: &Path, account: &Account) -> Result<(), ClusterError> {
    match DirBuilder::new().mode(0o700).create(at) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
            return Err(ClusterError::Io {
                doing: "make",
                at: at.to_owned(),
                source: error,
            });
        }
        _ => {}
    }
    let found = fs::symlink_metadata(at).map_err(io_error("look at", at))?;
    let owned = found.uid() == account.uid || (account.become_ids.is_some() && found.uid() == 0);
    if !found.is_dir() || !owned || found.mode() & 0o077 != 0 {
        return Err(ClusterError::NotPrivate {
            at: at.to_owned(),
            account: account.name.clone(),
        });
    }
    match account.become_ids {
        Some((uid, gid)) => lchown(at, Some(uid), Some(gid)).map_err(io_error("give away", at)),
        None => Ok(()),
    }
}

/// Takes a lock as soon as whoever holds it is done.
pub(super) fn lock(path: &Path) -> Result<File, ClusterError> {
    let file = lock_file(path)?;
    for _ in 0..PATIENCE.as_millis() / POLL.as_millis() {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::WouldBlock) => thread::sleep(POLL),
            Err(TryLockError::Error(source)) => {
                return Err(ClusterError::Io {
                    doing: "lock",
                    at: path.to_owned(),
                    source,
                });
            }
        }
    }
    Err(ClusterError::Busy(path.to_owned()))
}

/// Opens a file that is only ever appended to, and that nobody else can open to get in the way.
pub(super) fn lock_file(path: &Path) -> Result<File, ClusterError> {
    OpenOptions::new()
        .create(true)
        .append(true)
        .read(true)
        .mode(0o600)
        .open(path)
        .map_err(io_error("open", path))
}
