//! Stage 4: deliveries become rows, in one statement, all or nothing.
//!
//! [`Recorder::submit`] is the only door to `deliveries`, `uploads`, `tasks` and the change log, for
//! every entrance. A batch is read, folded in memory ([`fold`]) and written on the condition that no
//! row of it has moved meanwhile; where one has, it is folded again on what is there now.

pub mod batch;
pub mod fold;
mod rows;
pub mod spool;
pub mod sql;
mod writer;

use std::sync::Arc;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::config::AppName;
use crate::ops::clock::Clock;
use crate::ops::database::Database;
use crate::ops::queue::{self, Bounds, Full, Queue};
use crate::ops::random::Random;
use crate::vod::event::Event;
pub use writer::Writers;

/// What a delivery costs beside its body, roughly.
const ROW_BYTES: usize = 512;

/// One body that reached us, byte for byte; it gets its id and its time at the door.
#[derive(Debug, Clone)]
pub struct Delivery {
    /// UUIDv7 of `received_at`: drained twice, it is stored once.
    pub id: Uuid,
    pub app: AppName,
    pub door: Door,
    pub received_at: DateTime<Utc>,
    pub body: Bytes,
    /// What it says, or why it is kept aside.
    pub said: Result<Event, Quarantine>,
}

/// By which way a body came in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Door {
    /// VOD posted it.
    Push,
    /// It was taken from VOD's queue.
    Pull,
    /// We asked VOD what it holds.
    Reconcile,
    /// A person ran it again.
    Replay,
}

impl Door {
    /// The code under which it is stored and shown.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Push => "push",
            Self::Pull => "pull",
            Self::Reconcile => "reconcile",
            Self::Replay => "replay",
        }
    }
}

/// Why a body is kept but not acted on, as a stable code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quarantine(pub &'static str);

/// What became of one delivery. All but the last mean that it is durable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It said something new.
    Recorded,
    /// Everything it said was known.
    Duplicate,
    /// It is kept aside.
    Quarantined,
    /// The database cannot take it now; nothing of it is stored.
    Unavailable,
}

/// The only way to write uploads.
#[derive(Clone)]
pub struct Recorder(Arc<Queue<Delivery, Outcome>>);

/// Enough for a second of the highest load that was measured; what is more waits at the door.
const BOUNDS: Bounds = Bounds {
    queued_items: 16_384,
    queued_bytes: 32 * 1024 * 1024,
    batch_items: 2_048,
    batch_bytes: 8 * 1024 * 1024,
};

impl Recorder {
    /// A recorder over a database that may not be there yet, and the writers that have to run for it.
    pub fn new(database: Database, clock: Clock, random: Random) -> (Self, Writers) {
        let (queue, batches) = queue::queue(BOUNDS);
        (
            Self(Arc::new(queue)),
            Writers::new(batches, database, clock, random),
        )
    }

    /// Records deliveries and tells what became of each, in their order.
    ///
    /// They share a transaction with whatever else is queued. One that Postgres refuses is found by
    /// halving and kept aside; its neighbours are recorded.
    pub async fn submit(&self, deliveries: Vec<Delivery>) -> Vec<Outcome> {
        let count = deliveries.len();
        let bytes = deliveries
            .iter()
            .map(|delivery| delivery.body.len() + ROW_BYTES)
            .sum();
        match self.0.push(deliveries, bytes) {
            Ok(answer) => answer
                .await
                .unwrap_or_else(|_| vec![Outcome::Unavailable; count]),
            Err(Full(_)) => vec![Outcome::Unavailable; count],
        }
    }
}
