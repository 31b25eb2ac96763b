//! Stage 4: deliveries become rows, in one statement, all or nothing.
//!
//! [`Recorder::submit`] is the only door to `deliveries`, `uploads`, `tasks` and the change log, for
//! every entrance. A batch is read, folded in memory ([`fold`]) and written on the condition that no
//! row of it has moved meanwhile; where one has, it is folded again on what is there now.

pub mod batch;
pub mod fold;
mod rows;
mod sql;

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::config::AppName;
use crate::ops::clock::Clock;
use crate::ops::database::{self, Database, Fault};
use crate::ops::random::Random;
use crate::vod::event::Event;
use batch::Batch;

/// Of two writers that meet in a row one always goes on, so that so many turns mean a fault elsewhere.
const TURNS: usize = 200;

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

/// Postgres will never take what it says.
const REFUSED: Quarantine = Quarantine("refused_by_database");

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
pub struct Recorder(Arc<Parts>);

struct Parts {
    database: Database,
    clock: Clock,
    random: Random,
    /// Whether the last batch was not recorded: an outage is told once, not once a request.
    failing: AtomicBool,
}

impl Recorder {
    /// A recorder over a database that may not be there yet.
    pub fn new(database: Database, clock: Clock, random: Random) -> Self {
        Self(Arc::new(Parts {
            database,
            clock,
            random,
            failing: AtomicBool::new(false),
        }))
    }

    /// Records deliveries and tells what became of each, in their order.
    ///
    /// They share a transaction. One that Postgres refuses is found by halving and kept aside; its
    /// neighbours are recorded.
    pub async fn submit(&self, deliveries: Vec<Delivery>) -> Vec<Outcome> {
        let mut outcomes = vec![Outcome::Unavailable; deliveries.len()];
        let everything: Range<usize> = 0..deliveries.len();
        let mut parts = vec![everything];
        let mut deliveries = deliveries;
        while let Some(part) = parts.pop() {
            match self.write(&deliveries[part.clone()]).await {
                Ok(done) => outcomes[part].copy_from_slice(&done),
                Err(Fault::Refused) if part.len() > 1 => {
                    let middle = part.start + part.len() / 2;
                    parts.extend([middle..part.end, part.start..middle]);
                }
                Err(Fault::Refused) if deliveries[part.start].said != Err(REFUSED) => {
                    deliveries[part.start].said = Err(REFUSED);
                    parts.push(part);
                }
                Err(_) => {}
            }
        }
        outcomes
    }

    /// Records deliveries in one transaction.
    async fn write(&self, deliveries: &[Delivery]) -> Result<Vec<Outcome>, Fault> {
        if deliveries.is_empty() {
            return Ok(Vec::new());
        }
        for _ in 0..TURNS {
            match self.try_write(deliveries).await {
                Ok(outcomes) => {
                    if self.0.failing.swap(false, Ordering::Relaxed) {
                        tracing::info!("recording again");
                    }
                    return Ok(outcomes);
                }
                Err(error) => match database::classify(&error) {
                    Fault::Contended => {}
                    fault => {
                        let error: &dyn std::error::Error = &error;
                        if fault == Fault::Refused || !self.0.failing.swap(true, Ordering::Relaxed)
                        {
                            tracing::warn!(error, ?fault, "a batch was not recorded");
                        }
                        return Err(fault);
                    }
                },
            }
        }
        tracing::error!("a batch met other writers {TURNS} times in a row");
        Err(Fault::Unavailable)
    }

    async fn try_write(&self, deliveries: &[Delivery]) -> Result<Vec<Outcome>, sqlx::Error> {
        let Parts {
            database,
            clock,
            random,
            ..
        } = &*self.0;
        let pool = database
            .pool()
            .map_err(|unavailable| sqlx::Error::Configuration(unavailable.into()))?;
        let mut connection = pool.acquire().await?;
        let now = clock.now();
        let mut batch = Batch::of(deliveries);
        sql::read_files(&mut connection, &mut batch).await?;
        sql::read_tasks(&mut connection, &mut batch).await?;
        sql::read_tickets(&mut connection, &mut batch, deliveries).await?;
        let outcomes = batch.fold(deliveries, now);
        sql::write(&mut connection, deliveries, &batch, now, random).await?;
        Ok(outcomes)
    }
}
