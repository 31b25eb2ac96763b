//! The directory: making it, owning it, what it may lie on, and the names in it.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;

use super::fault::{IoFault, OpenFault};
use super::frame::Mark;

const LOCK_NAME: &str = "owner.lock";
/// Bodies name people: nobody else reads them.
const PRIVATE_DIR: u32 = 0o700;
/// The data directory, in which the Postgres of try-out mode lies too: for root it runs as another user.
const PASSABLE_DIR: u32 = 0o711;
const PRIVATE_FILE: u32 = 0o600;
/// Gone with the container or the machine.
const VOLATILE: [&str; 7] = [
    "tmpfs",
    "ramfs",
    "rootfs",
    "devtmpfs",
    "overlay",
    "aufs",
    "fuse.fuse-overlayfs",
];

/// Makes a directory that only we can read, and what lies above it, each durably.
pub fn create_dir(dir: &Path) -> io::Result<()> {
    create_dir_of_mode(dir, PRIVATE_DIR)
}

fn create_dir_of_mode(dir: &Path, mode: u32) -> io::Result<()> {
    if dir.is_dir() {
        return Ok(());
    }
    let above = match dir.parent() {
        Some(above) if above != Path::new("") => above,
        _ => Path::new("."),
    };
    create_dir_of_mode(above, PASSABLE_DIR)?;
    match DirBuilder::new().mode(mode).create(dir) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
        _ => {}
    }
    sync_dir(above)
}

/// Makes names that came or went in a directory durable.
pub fn sync_dir(dir: &Path) -> io::Result<()> {
    File::open(dir)?.sync_all()
}

/// Makes a file that must not exist yet.
pub fn create_file(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(PRIVATE_FILE)
        .open(path)
}

/// The right to a directory, for as long as it is held.
pub struct Owner(pub(super) File);

impl Drop for Owner {
    fn drop(&mut self) {
        // Closing the file is not enough: a process just being started holds a copy until its exec.
        // If this fails, the copy is gone in a moment.
        let _ = self.0.unlock();
    }
}

/// Takes a directory that nobody else has.
pub fn lock(dir: &Path) -> Result<Owner, OpenFault> {
    let path = dir.join(LOCK_NAME);
    let file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .mode(PRIVATE_FILE)
        .open(&path)
        .map_err(IoFault::doing("open", &path))?;
    match file.try_lock() {
        Ok(()) => Ok(Owner(file)),
        Err(TryLockError::WouldBlock) => Err(OpenFault::Owned(dir.to_owned())),
        Err(TryLockError::Error(error)) => Err(IoFault::doing("lock", &path)(error).into()),
    }
}

/// Refuses a directory that does not outlive the container or the machine.
pub fn refuse_volatile(dir: &Path) -> Result<(), OpenFault> {
    if !cfg!(target_os = "linux") {
        return Ok(());
    }
    let real = dir.canonicalize().map_err(IoFault::doing("resolve", dir))?;
    // Mount points need not be text.
    let mounts = match fs::read("/proc/self/mountinfo") {
        Ok(mounts) => String::from_utf8_lossy(&mounts).into_owned(),
        Err(error) => {
            let error: &dyn std::error::Error = &error;
            tracing::warn!(
                error,
                "cannot tell what filesystem the spool is on; it is taken to be durable"
            );
            return Ok(());
        }
    };
    match filesystem_of(&real, &mounts) {
        Some(filesystem) if VOLATILE.contains(&filesystem) => Err(OpenFault::Volatile {
            dir: real,
            filesystem: filesystem.to_owned(),
        }),
        _ => Ok(()),
    }
}

/// The filesystem on which a resolved path lies, by the lines of `/proc/self/mountinfo`.
pub fn filesystem_of<'a>(path: &Path, mounts: &'a str) -> Option<&'a str> {
    let mounted = mounts.lines().filter_map(|line| {
        // 36 35 98:0 /root /mount/point options ... - filesystem source options
        let (place, filesystem) = line.split_once(" - ")?;
        let point = unescaped(place.split(' ').nth(4)?);
        path.starts_with(&point)
            .then_some((point.len(), filesystem.split(' ').next()?))
    });
    // Of several at one point the last lies on top; `max_by_key` takes the last of equals.
    mounted
        .max_by_key(|(depth, _)| *depth)
        .map(|(_, name)| name)
}

/// Space, tab, newline and backslash are written in octal there.
fn unescaped(point: &str) -> String {
    [
        ("\\040", " "),
        ("\\011", "\t"),
        ("\\012", "\n"),
        ("\\134", "\\"),
    ]
    .into_iter()
    .fold(point.to_owned(), |point, (code, sign)| {
        point.replace(code, sign)
    })
}

/// What a segment's file is called: its place in the order, and its mark.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Name {
    pub sequence: u64,
    pub mark: Mark,
}

impl Name {
    /// The name that a file has, if it is a segment's.
    pub fn parse(file: &str) -> Option<Self> {
        let (sequence, mark) = file.strip_suffix(".segment")?.split_once('-')?;
        let name = Self {
            sequence: u64::from_str_radix(sequence, 16).ok()?,
            mark: Mark(u64::from_str_radix(mark, 16).ok()?),
        };
        // Only what this program wrote: not `+1-2`, not upper case.
        (name.file() == file).then_some(name)
    }

    /// `0000000000000007-9f86d081884c7d65.segment`
    pub fn file(self) -> String {
        format!("{:016x}-{:016x}.segment", self.sequence, self.mark.0)
    }

    /// The copy of what is damaged from some offset on.
    pub fn kept(self, offset: u64) -> String {
        format!("{}{offset:016x}.corrupt", self.kept_prefix())
    }

    /// How the names of all such copies begin.
    pub fn kept_prefix(self) -> String {
        format!("{:016x}-{:016x}-", self.sequence, self.mark.0)
    }

    /// Where all of it goes when it cannot be read or copied.
    pub fn set_aside(self) -> String {
        format!("{}.corrupt", self.file())
    }
}

/// Where tests let the disk fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    Create,
    Write,
    Sync,
    SyncDir,
}

/// What is to fail: nothing, outside of tests.
#[derive(Debug, Clone, Default)]
pub struct Faults {
    #[cfg(test)]
    pub next: std::sync::Arc<std::sync::Mutex<Vec<Step>>>,
}

impl Faults {
    /// An error if a test asked for one at this step.
    #[cfg(test)]
    pub fn at(&self, step: Step) -> io::Result<()> {
        let mut next = self.next.lock().unwrap();
        match next.iter().position(|failing| *failing == step) {
            Some(index) => {
                next.remove(index);
                Err(io::Error::other("a test let it fail"))
            }
            None => Ok(()),
        }
    }

    /// Nothing fails here but the disk.
    #[cfg(not(test))]
    pub fn at(&self, _: Step) -> io::Result<()> {
        Ok(())
    }
}
