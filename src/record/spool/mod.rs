//! The spool: deliveries that Postgres cannot take now, fsynced here and drained later.
//!
//! A directory of *segments*, files of checksummed frames ([`frame`]), written by one thread that
//! takes everything queued, writes it and fsyncs once (`writer`); read back oldest first
//! (`drain`). What the directory holds:
//!
//! - `owner.lock`: held by whoever has the spool open;
//! - `<sequence>-<mark>.segment`: frames, oldest first. A file found at start is never appended to;
//! - `<sequence>-<mark>-<offset>.corrupt`: bytes that were damaged, or `….segment.corrupt`: a file that
//!   could not be read. Never read again, never deleted, outside the quota: for a person to look at.
//!
//! **Stored at least once.** [`Spool::append`] says `Ok` only after an fsync that succeeded, so what it
//! accepted comes up again after any crash. More may come up than was accepted: a record whose fsync
//! failed, whose waiter went away, or that was drained just before a crash. The caller's ids make it once.
//!
//! The records are opaque, and their bytes come from strangers; that is why each segment has a mark
//! that nobody outside can know (see [`frame`]).

mod disk;
mod drain;
mod fault;
pub mod frame;
mod inspect;
mod keep;
mod ledger;
pub mod reader;
mod recover;
mod writer;

#[cfg(test)]
mod tests;

use std::path::Path;
use std::sync::Arc;

use tokio::sync::oneshot;

pub use drain::Chunk;
pub use fault::{AppendFault, DrainFault, IoFault, OpenFault};
pub use frame::{MAX_BODY_BYTES, MAX_HEAD_BYTES, Record};
pub use inspect::{Room, Unfit, inspect};
pub use recover::{Damage, Recovered};

use disk::Faults;
use ledger::{Ask, Shared};

/// An hour and more of Postgres away, at 500 deliveries of 1.5 kB a second.
const QUOTA_BYTES: u64 = 4 << 30;
/// What waits for the writer: ten thousand deliveries of 1.5 kB, far more than one group takes in.
const QUEUE_BYTES: u64 = 16 << 20;
/// 20,000 deliveries: small enough that a drain gives room back soon, large enough that making a
/// file (two fsyncs of its directory in its life) does not show.
const SEGMENT_BYTES: u64 = 32 << 20;

/// How much the spool may hold.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// On disk; beyond it appends are [`AppendFault::Full`].
    pub quota_bytes: u64,
    /// In memory, waiting to be written or being written; beyond it appends are [`AppendFault::Busy`].
    pub queue_bytes: u64,
    /// A segment that has reached this is closed and another begun.
    pub segment_bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            quota_bytes: QUOTA_BYTES,
            queue_bytes: QUEUE_BYTES,
            segment_bytes: SEGMENT_BYTES,
        }
    }
}

/// What lies in the spool now: for metrics and `/readyz`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Depth {
    /// Records that were accepted and not yet confirmed.
    pub records: u64,
    /// Bytes of all segments: what counts against the quota, confirmed records of the oldest included.
    pub bytes: u64,
    /// The time of the record that comes up next, as its caller gave it.
    pub oldest_at_ms: Option<i64>,
    /// Places found damaged since the spool was opened.
    pub damages: u64,
}

/// A durable queue in a directory that nobody else has open. Clones share it.
///
/// Dropping the last clone stops it without waiting; [`Spool::close`] waits.
#[derive(Clone)]
pub struct Spool(Arc<Handle>);

struct Handle {
    shared: Arc<Shared>,
    recovered: Recovered,
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.shared.close();
    }
}

impl Spool {
    /// Opens the spool in `dir`, made if need be, and recovers what is there. Blocks.
    ///
    /// `salt` is to be random: the marks of the segments are made of it. Overlayfs and tmpfs, which
    /// keep nothing when a container or a machine goes, are refused unless `allow_volatile`.
    pub fn open(
        dir: &Path,
        limits: Limits,
        allow_volatile: bool,
        salt: u64,
    ) -> Result<Self, OpenFault> {
        disk::create_dir(dir).map_err(IoFault::doing("create", dir))?;
        if !allow_volatile {
            disk::refuse_volatile(dir)?;
        }
        Self::start(dir, limits, salt, Faults::default())
    }

    /// Opens a spool that some receiver left behind, only to drain it: nothing can be appended. Blocks.
    pub fn open_orphan(dir: &Path) -> Result<Self, OpenFault> {
        let limits = Limits {
            quota_bytes: 0,
            ..Limits::default()
        };
        Self::start(dir, limits, 0, Faults::default())
    }

    fn start(dir: &Path, limits: Limits, salt: u64, faults: Faults) -> Result<Self, OpenFault> {
        let dir = dir.canonicalize().map_err(IoFault::doing("resolve", dir))?;
        let owner = disk::lock(&dir)?;
        let (segments, recovered) = recover::recover(&dir)?;
        let shared = Arc::new(Shared::new(
            dir, limits, faults, owner, segments, &recovered,
        ));
        writer::spawn(&shared, salt)?;
        Ok(Self(Arc::new(Handle { shared, recovered })))
    }

    /// What was found when the spool was opened.
    pub fn recovered(&self) -> &Recovered {
        &self.0.recovered
    }

    /// Stores records; done only when they are on disk. All of them or, as far as the caller is told, none.
    ///
    /// Many callers share one write and one fsync. A caller that goes away may still be stored.
    pub async fn append(&self, records: Vec<Record>) -> Result<(), AppendFault> {
        if records.is_empty() {
            return Ok(());
        }
        if !records.iter().all(Record::fits) {
            return Err(AppendFault::TooLarge);
        }
        let (done, outcome) = oneshot::channel();
        self.0.shared.enqueue(Ask::new(records, done))?;
        // The writer went away with the question.
        outcome.await.unwrap_or(Err(AppendFault::Stopped))
    }

    /// The oldest records not yet confirmed, in the order in which they were written; `None` if there
    /// are none. At least one, however large; beyond that no more than the two bounds.
    ///
    /// All are of one segment. The one being written is closed when it is the oldest, so new records
    /// never come in between. Asked again without [`Spool::confirm`], it answers the same.
    pub async fn oldest(
        &self,
        max_records: usize,
        max_bytes: usize,
    ) -> Result<Option<Chunk>, DrainFault> {
        self.blocking(move |shared| drain::oldest(shared, max_records, max_bytes))
            .await
    }

    /// Says that these records are safe elsewhere. A segment of which all is confirmed is deleted.
    ///
    /// Where a drain stands is not kept on disk: after a crash the oldest segment comes up from its
    /// beginning. A chunk that was confirmed before is ignored.
    pub async fn confirm(&self, chunk: Chunk) -> Result<(), DrainFault> {
        self.blocking(move |shared| drain::confirm(shared, &chunk))
            .await
    }

    /// How much is in it. Takes no IO.
    pub fn depth(&self) -> Depth {
        self.0.shared.depth()
    }

    /// How many bytes may lie on disk.
    pub fn quota_bytes(&self) -> u64 {
        self.0.shared.limits.quota_bytes
    }

    /// Ends when the writer has: after [`Spool::close`], or because it died and nothing can be stored
    /// any more.
    pub async fn ended(&self) {
        let mut ended = self.0.shared.ended.subscribe();
        // The sender is in `self`, so that this cannot fail.
        let _ = ended.wait_for(|ended| *ended).await;
    }

    /// Takes nothing new, writes what is queued, ends the writer and lets go of the directory.
    pub async fn close(&self) {
        self.0.shared.close();
        self.ended().await;
        // A drain under way ends first; if it panicked there is nothing to let go of.
        let _ = self.blocking(drain::let_go).await;
    }

    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Shared) -> Result<T, DrainFault> + Send + 'static,
    ) -> Result<T, DrainFault> {
        let shared = Arc::clone(&self.0.shared);
        tokio::task::spawn_blocking(move || work(&shared))
            .await
            .unwrap_or(Err(DrainFault::Stopped))
    }
}
