//! What was spooled goes to Postgres: oldest first, beside what is new, through the same writer.

use std::time::Duration;

use tokio::time::Instant;

use super::spool::{Chunk, DrainFault, Record, Spool};
use super::writer::Writer;
use super::{Delivery, Outcome, counted, spooled};
use crate::attribute::Resolvers;
use crate::ops::clock::Clock;
use crate::ops::database::Database;
use crate::ops::lifecycle::Stop;
use crate::ops::line::Line;
use crate::ops::metrics::Metrics;
use crate::ops::random::Random;
use crate::ticket::KnownTickets;

/// The size at which the write statement does best (docs/performance.md).
const CHUNK_RECORDS: usize = 1_024;
const CHUNK_BYTES: usize = 4 * 1024 * 1024;
/// Nobody waits for the answer, so that even the slowest batch may end.
const WRITE_WITHIN: Duration = Duration::from_secs(60);
/// How often an empty spool is looked at: costs a lock, no IO.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// After what should not happen: a chunk that Postgres does not take although it takes others, a disk that cannot be read.
const AGAIN: Duration = Duration::from_millis(250);

/// Drains a spool that nobody else has open, until it is empty.
pub async fn drain(
    spool: &Spool,
    database: &Database,
    clock: Clock,
    random: Random,
    resolvers: Resolvers,
) -> Result<Drained, StuckOrUnread> {
    // A command that ends is not scraped.
    let metrics = Metrics::new(clock.now(), []);
    let writer = Writer::new(clock, random, KnownTickets::default(), resolvers, metrics);
    Drain::new(spool, database, &writer).until_empty().await
}

/// Drains one spool.
pub(super) struct Drain<'a> {
    spool: &'a Spool,
    database: &'a Database,
    writer: &'a Writer,
    line: Line,
    /// How many records are taken at once: halved when they do not go in, doubled when they do.
    chunk_records: usize,
}

/// What became of the records that were taken.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Drained {
    pub recorded: u64,
    pub duplicate: u64,
    pub quarantined: u64,
}

/// Why a spool was not drained to its end; with what had gone in by then.
#[derive(Debug, thiserror::Error)]
pub enum StuckOrUnread {
    #[error("Postgres does not take the rest")]
    Stuck(Drained),
    #[error(transparent)]
    Unread(#[from] DrainFault),
}

enum Step {
    /// So many are in Postgres now; it took so long.
    Wrote(Duration),
    Empty,
    /// They did not go in.
    Stuck,
}

impl<'a> Drain<'a> {
    pub(super) fn new(spool: &'a Spool, database: &'a Database, writer: &'a Writer) -> Self {
        Self {
            spool,
            database,
            writer,
            line: Line::new(database.clone()),
            chunk_records: CHUNK_RECORDS,
        }
    }

    /// Drains whatever comes, while Postgres is there, until told to stop.
    pub async fn run(mut self, mut stop: Stop) {
        let mut drained = Drained::default();
        let work = async {
            loop {
                self.database.breaker().wait_until_closed().await;
                let pause = match self.step(&mut drained).await {
                    Ok(Step::Empty) => LOOK_EVERY,
                    // At most half of the time: the other half is for what is new.
                    Ok(Step::Wrote(took)) => took,
                    Ok(Step::Stuck) => AGAIN,
                    Err(DrainFault::Stopped) => return,
                    Err(fault) => {
                        let error: &dyn std::error::Error = &fault;
                        tracing::error!(error, "the spool cannot be read");
                        AGAIN
                    }
                };
                if pause == LOOK_EVERY && drained != Drained::default() {
                    tracing::info!(
                        recorded = drained.recorded,
                        duplicate = drained.duplicate,
                        quarantined = drained.quarantined,
                        "the spool is drained"
                    );
                    drained = Drained::default();
                }
                tokio::time::sleep(pause).await;
            }
        };
        // A chunk that is cut off in the middle comes up again; its ids make it once.
        tokio::select! {
            () = work => {}
            () = stop.wait() => {}
        }
        self.line.close().await;
    }

    async fn until_empty(mut self) -> Result<Drained, StuckOrUnread> {
        let mut drained = Drained::default();
        loop {
            match self.step(&mut drained).await? {
                Step::Empty => break,
                Step::Wrote(_) => {}
                Step::Stuck => return Err(StuckOrUnread::Stuck(drained)),
            }
        }
        self.line.close().await;
        Ok(drained)
    }

    async fn step(&mut self, drained: &mut Drained) -> Result<Step, DrainFault> {
        let Some(chunk) = self.spool.oldest(self.chunk_records, CHUNK_BYTES).await? else {
            return Ok(Step::Empty);
        };
        let began = Instant::now();
        let Some(mut deliveries) = deliveries(&chunk).await else {
            return Ok(Step::Stuck);
        };
        let outcomes = self
            .writer
            .record(&mut self.line, &mut deliveries, WRITE_WITHIN)
            .await;
        if outcomes.iter().all(Option::is_some) {
            counted::drained(&self.writer.metrics, &outcomes);
            drained.count(outcomes.into_iter().flatten());
            self.spool.confirm(chunk).await?;
            self.chunk_records = CHUNK_RECORDS.min(self.chunk_records * 2);
            return Ok(Step::Wrote(began.elapsed()));
        }
        match &chunk.records[..] {
            [alone] => self.put_behind(alone.clone(), chunk).await?,
            several => self.chunk_records = several.len() / 2,
        }
        Ok(Step::Stuck)
    }

    /// A record that does not go in, for no reason by which it could be refused, is not to hold up those
    /// behind it: it is tried again after them.
    async fn put_behind(&self, record: Record, chunk: Chunk) -> Result<(), DrainFault> {
        // While Postgres is away it is nobody's fault; and what cannot be kept again stays where it is.
        if self.database.breaker().closed() && self.spool.append(vec![record]).await.is_ok() {
            tracing::error!("a spooled delivery is not taken by Postgres; it is tried again later");
            self.spool.confirm(chunk).await?;
        }
        Ok(())
    }
}

/// Reads the bodies again; large ones take their time, so not here. `None` if the runtime ends.
async fn deliveries(chunk: &Chunk) -> Option<Vec<Delivery>> {
    let records = chunk.records.clone();
    let read = move || records.iter().map(spooled::delivery).collect();
    tokio::task::spawn_blocking(read).await.ok()
}

impl Drained {
    fn count(&mut self, outcomes: impl Iterator<Item = Outcome>) {
        for outcome in outcomes {
            match outcome {
                Outcome::Recorded => self.recorded += 1,
                Outcome::Duplicate => self.duplicate += 1,
                Outcome::Quarantined => self.quarantined += 1,
                Outcome::Spooled => {}
            }
        }
    }
}
