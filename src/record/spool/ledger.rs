//! What the threads of the spool share: the queue, the list of segments, and what counts against the bounds.
//!
//! The lock is never held over IO, so that callers on the runtime may take it.

use std::collections::VecDeque;
use std::fs::File;
use std::path::PathBuf;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use tokio::sync::{oneshot, watch};

use super::disk::{Faults, Name, Owner};
use super::drain::Drain;
use super::fault::AppendFault;
use super::frame::Record;
use super::recover::Recovered;
use super::{Depth, Limits};

/// Everything that the handle, the writer and a drain share.
pub struct Shared {
    pub dir: PathBuf,
    pub limits: Limits,
    pub faults: Faults,
    /// Told when the writer has ended, for whatever reason.
    pub ended: watch::Sender<bool>,
    ledger: Mutex<Ledger>,
    drain: Mutex<Drain>,
    /// Something is queued, or the spool was closed: for the writer.
    work: Condvar,
    /// A group is done: for a drain that waits for its segment.
    settled: Condvar,
}

/// What is queued and what lies on disk.
pub struct Ledger {
    queue: Vec<Ask>,
    /// Queued or being written.
    queued_bytes: u64,
    /// Oldest first; only the last may be other than [`State::Sealed`].
    pub segments: VecDeque<Segment>,
    closed: bool,
    pub damages: u64,
}

/// One file, as far as it is known without reading it.
pub struct Segment {
    pub name: Name,
    pub state: State,
    pub bytes: u64,
    /// Accepted and not confirmed.
    pub records: u64,
    /// Of the first that is not confirmed.
    pub oldest_at_ms: Option<i64>,
    /// Not deleted when it is drained, but set aside: something in it could be neither read nor copied.
    pub keep: bool,
}

/// Who may touch a segment.
pub enum State {
    /// The writer may go on in it.
    Open(File),
    /// The writer is in it.
    Writing {
        /// A drain waits for it.
        seal: bool,
    },
    /// Nobody writes to it again.
    Sealed,
}

/// Records that somebody waits for.
pub struct Ask {
    pub records: Vec<Record>,
    pub bytes: u64,
    done: oneshot::Sender<Result<(), AppendFault>>,
}

impl Ask {
    /// Records, and whom to tell.
    pub fn new(records: Vec<Record>, done: oneshot::Sender<Result<(), AppendFault>>) -> Self {
        Self {
            bytes: records.iter().map(Record::frame_bytes).sum(),
            records,
            done,
        }
    }

    /// Tells what became of them; whoever has gone away is not missed.
    pub fn answer(self, outcome: Result<(), AppendFault>) {
        let _ = self.done.send(outcome);
    }
}

impl Shared {
    /// The ledger of a spool that was just recovered.
    pub fn new(
        dir: PathBuf,
        limits: Limits,
        faults: Faults,
        owner: Owner,
        segments: VecDeque<Segment>,
        recovered: &Recovered,
    ) -> Self {
        Self {
            dir,
            limits,
            faults,
            ended: watch::Sender::new(false),
            ledger: Mutex::new(Ledger {
                queue: Vec::new(),
                queued_bytes: 0,
                segments,
                closed: false,
                damages: recovered.damages.len() as u64,
            }),
            drain: Mutex::new(Drain::new(owner)),
            work: Condvar::new(),
            settled: Condvar::new(),
        }
    }

    /// The ledger. A panic while it was held leaves sums slightly wrong, which is no reason to stop draining.
    pub fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Where the drain stands; held over IO, so never taken on the runtime.
    pub fn drain(&self) -> MutexGuard<'_, Drain> {
        self.drain.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes records in, if the bounds allow.
    pub fn enqueue(&self, ask: Ask) -> Result<(), AppendFault> {
        let mut ledger = self.ledger();
        if ledger.closed {
            return Err(AppendFault::Stopped);
        }
        if ledger.on_disk() + ledger.queued_bytes + ask.bytes > self.limits.quota_bytes {
            return Err(AppendFault::Full);
        }
        // One that is larger than the queue passes when it is alone.
        let queued_bytes = ledger.queued_bytes + ask.bytes;
        if ledger.queued_bytes > 0 && queued_bytes > self.limits.queue_bytes {
            return Err(AppendFault::Busy);
        }
        ledger.queued_bytes = queued_bytes;
        ledger.queue.push(ask);
        self.work.notify_one();
        Ok(())
    }

    /// Takes nothing new; what is queued is still written.
    pub fn close(&self) {
        self.ledger().closed = true;
        self.work.notify_one();
    }

    /// Everything queued, once there is something; `None` when it is closed and empty.
    pub fn next_group(&self) -> Option<Vec<Ask>> {
        let mut ledger = self
            .work
            .wait_while(self.ledger(), |ledger| {
                ledger.queue.is_empty() && !ledger.closed
            })
            .unwrap_or_else(PoisonError::into_inner);
        let group = std::mem::take(&mut ledger.queue);
        (!group.is_empty()).then_some(group)
    }

    /// Books what became of a group, under one lock, and wakes a drain that waits for it.
    pub fn settle(&self, group_bytes: u64, book: impl FnOnce(&mut Ledger)) {
        let mut ledger = self.ledger();
        ledger.queued_bytes = ledger.queued_bytes.saturating_sub(group_bytes);
        book(&mut ledger);
        self.settled.notify_all();
    }

    /// The oldest segment, closed to the writer: waits for a group that is being written to it.
    pub fn seal_oldest(&self) -> Option<Name> {
        let mut ledger = self.ledger();
        loop {
            let oldest = ledger.segments.front_mut()?;
            match &mut oldest.state {
                State::Sealed => return Some(oldest.name),
                State::Open(_) => oldest.state = State::Sealed,
                State::Writing { seal } => {
                    *seal = true;
                    ledger = self
                        .settled
                        .wait(ledger)
                        .unwrap_or_else(PoisonError::into_inner);
                }
            }
        }
    }

    /// The writer is gone: nobody is to wait for it any more.
    pub fn abandon(&self) {
        let mut ledger = self.ledger();
        ledger.closed = true;
        // Dropping a question tells whoever waits that the spool has stopped.
        ledger.queue.clear();
        ledger.queued_bytes = 0;
        for segment in &mut ledger.segments {
            segment.state = State::Sealed;
        }
        self.settled.notify_all();
        drop(ledger);
        self.ended.send_replace(true);
    }

    /// How much is in it.
    pub fn depth(&self) -> Depth {
        let ledger = self.ledger();
        Depth {
            records: ledger.segments.iter().map(|segment| segment.records).sum(),
            bytes: ledger.on_disk(),
            oldest_at_ms: ledger
                .segments
                .iter()
                .find_map(|segment| segment.oldest_at_ms),
            damages: ledger.damages,
        }
    }
}

impl Ledger {
    /// A quota's worth of segments is about a hundred: summed up when asked, so that it cannot be wrong.
    fn on_disk(&self) -> u64 {
        self.segments.iter().map(|segment| segment.bytes).sum()
    }

    /// The segment of a name, if it is still there.
    pub fn segment(&mut self, name: Name) -> Option<&mut Segment> {
        self.segments
            .iter_mut()
            .find(|segment| segment.name == name)
    }

    /// Forgets a segment whose file is gone.
    pub fn remove(&mut self, name: Name) {
        self.segments.retain(|segment| segment.name != name);
    }
}
