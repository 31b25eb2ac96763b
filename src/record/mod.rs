//! Stage 4: deliveries become rows, in one statement, all or nothing.
//!
//! [`Recorder::submit`] is the only door to `deliveries`, `uploads`, `tasks` and the change log, for
//! every entrance. A batch is read, folded in memory ([`fold`]) and written on the condition that no
//! row of it has moved meanwhile; where one has, it is folded again on what is there now. What Postgres
//! cannot take goes to the [`spool`], and from there through the same writer once it is back ([`drain`]).
//! What was kept is run again through it too ([`replay`]). A person's verdict, and today's rules over old
//! uploads, are written by the same condition ([`verdict`]).

pub mod batch;
pub mod bulk;
mod columns;
mod counted;
pub mod drain;
pub mod erase;
pub mod fold;
mod recall;
pub mod refute;
pub mod rehearsal;
pub mod replay;
mod rows;
pub mod spool;
mod spooled;
pub mod sql;
pub mod verdict;
mod writer;

use std::borrow::Cow;
use std::sync::Arc;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use tokio::sync::{Notify, Semaphore};
use uuid::Uuid;

use crate::attribute::Resolvers;
use crate::config::AppName;
use crate::erased::ErasedUsers;
use crate::ops::clock::Clock;
use crate::ops::database::Database;
use crate::ops::metrics::Metrics;
use crate::ops::queue::{self, Bounds, Full, Queue};
use crate::ops::random::Random;
use crate::ticket::KnownTickets;
use crate::vod::event::Event;
use crate::vod::{inventory, notification};
use spool::{Depth, Spool};
use writer::Writer;
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

impl Delivery {
    /// How many files it names.
    pub fn files(&self) -> usize {
        self.said.as_ref().map_or(0, |event| event.files.len())
    }
}

/// What a body says that came in by a door, or why it is to be kept aside.
pub fn said(door: Door, body: &[u8]) -> Result<Event, Quarantine> {
    let read = match door {
        Door::Push | Door::Pull | Door::Replay => notification::read_item(body),
        Door::Reconcile => inventory::read(body),
    };
    read.map_err(|fault| Quarantine(fault.code().into()))
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
    const ALL: [Self; 4] = [Self::Push, Self::Pull, Self::Reconcile, Self::Replay];

    /// The door with this code.
    pub fn parse(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|door| door.as_str() == code)
    }

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
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quarantine(pub Cow<'static, str>);

/// What became of one delivery, which is durable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It said something new.
    Recorded,
    /// Everything it said was known.
    Duplicate,
    /// It is kept aside.
    Quarantined,
    /// It is on the local disk, and will be recorded when Postgres can take it.
    Spooled,
}

/// Neither Postgres nor the spool can take them now: the deliveries are given back, to be tried again.
/// None are where the writer is gone, and the process with it.
#[derive(Debug)]
pub struct NotDurable(pub Vec<Delivery>);

/// The only way to write uploads.
#[derive(Clone)]
pub struct Recorder {
    database: Database,
    queue: Arc<Queue<Delivery, Outcome>>,
    spool: Option<Spool>,
    resolvers: Resolvers,
    erased: ErasedUsers,
    clock: Clock,
    random: Random,
    metrics: Metrics,
    committed: Arc<Notify>,
    /// Held by whoever runs a kept delivery again.
    replaying: Arc<Semaphore>,
}

/// Enough for a second of the highest load that was measured; what is more goes to the spool.
const BOUNDS: Bounds = Bounds {
    queued_items: 16_384,
    queued_bytes: 32 * 1024 * 1024,
    batch_items: 2_048,
    batch_bytes: 8 * 1024 * 1024,
    // With 256 requests at once a second batch gathers while the first is written (docs/performance.md).
    beside_items: 64,
};

impl Recorder {
    /// A recorder over a database that may not be there yet, and the writers that have to run for it.
    ///
    /// Without a spool nothing is durable while Postgres is away.
    pub fn new(
        database: Database,
        spool: Option<Spool>,
        clock: Clock,
        random: Random,
        tickets: KnownTickets,
        resolvers: Resolvers,
        metrics: Metrics,
    ) -> (Self, Writers) {
        let erased = ErasedUsers::default();
        let (queue, batches) = queue::queue(BOUNDS);
        let committed = Arc::<Notify>::default();
        let recorder = Self {
            database: database.clone(),
            queue: Arc::new(queue),
            spool: spool.clone(),
            resolvers: resolvers.clone(),
            erased: erased.clone(),
            clock: clock.clone(),
            random: random.clone(),
            metrics: metrics.clone(),
            committed: committed.clone(),
            replaying: Arc::new(Semaphore::new(1)),
        };
        let writer = Writer::new(clock, random, tickets, resolvers, metrics);
        let writer = writer.knowing(erased).telling(committed);
        (recorder, Writers::new(batches, database, spool, writer))
    }

    /// Makes deliveries durable and tells what became of each, in their order.
    ///
    /// They share a transaction with whatever else is queued. One that Postgres refuses is found by
    /// halving and kept aside; its neighbours are recorded. What Postgres cannot take now, and what the
    /// queue has no room for, is spooled.
    pub async fn submit(&self, deliveries: Vec<Delivery>) -> Result<Vec<Outcome>, NotDurable> {
        let deliveries = if self.database.breaker().closed() {
            match self.write(deliveries).await {
                Ok(outcomes) => return Ok(outcomes),
                Err(given_back) => given_back,
            }
        } else {
            deliveries
        };
        self.keep(deliveries).await
    }

    /// Notified after each batch that this recorder commits, for the one who reads the change log.
    pub fn committed(&self) -> Arc<Notify> {
        Arc::clone(&self.committed)
    }

    /// What waits on the local disk for Postgres.
    pub fn spooled(&self) -> Depth {
        self.spool.as_ref().map(Spool::depth).unwrap_or_default()
    }

    /// How much the spool may hold, in bytes.
    pub fn spool_limit_bytes(&self) -> u64 {
        self.spool.as_ref().map_or(0, Spool::quota_bytes)
    }

    /// How many deliveries, and how many bytes, are queued or being written.
    pub fn queued(&self) -> (usize, usize) {
        self.queue.load()
    }

    /// Through the queue into Postgres.
    async fn write(&self, deliveries: Vec<Delivery>) -> Result<Vec<Outcome>, Vec<Delivery>> {
        let bytes = deliveries
            .iter()
            .map(|delivery| delivery.body.len() + ROW_BYTES)
            .sum();
        match self.queue.push(deliveries, bytes) {
            Ok(answer) => answer.await.unwrap_or_else(|_| Err(Vec::new())),
            Err(Full(deliveries)) => Err(deliveries),
        }
    }

    /// Into the spool.
    async fn keep(&self, deliveries: Vec<Delivery>) -> Result<Vec<Outcome>, NotDurable> {
        // What VOD answered can be asked again, and kept back it would come after later answers.
        let may_wait = |delivery: &Delivery| delivery.door != Door::Reconcile;
        let may_wait = !deliveries.is_empty() && deliveries.iter().all(may_wait);
        let Some(spool) = self.spool.as_ref().filter(|_| may_wait) else {
            return Err(NotDurable(deliveries));
        };
        let records = deliveries.iter().map(spooled::record).collect();
        match spool.append(records).await {
            Ok(()) => {
                counted::spooled(&self.metrics, &deliveries);
                Ok(vec![Outcome::Spooled; deliveries.len()])
            }
            Err(fault) => {
                tracing::debug!(
                    error = &fault as &dyn std::error::Error,
                    "deliveries could not be spooled"
                );
                Err(NotDurable(deliveries))
            }
        }
    }
}
