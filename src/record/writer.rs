//! The writer behind the queue: it takes everything queued and writes it in one transaction.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::future::join_all;
use sqlx::PgConnection;
use tokio::sync::Notify;
use tokio::time::{Instant, timeout};

use super::batch::Batch;
use super::drain::Drain;
use super::recall::{Question, Recall};
use super::spool::Spool;
use super::{Delivery, Outcome, Quarantine, counted, erase, refute, sql, verdict};
use crate::attribute::Resolvers;
use crate::erased::ErasedUsers;
use crate::ops::breaker;
use crate::ops::clock::Clock;
use crate::ops::database::{self, Database, Fault};
use crate::ops::lifecycle::Stop;
use crate::ops::line::Line;
use crate::ops::metrics::Metrics;
use crate::ops::queue::{Batches, Halves, Taken};
use crate::ops::random::Random;
use crate::ticket::KnownTickets;

/// Of two writers that meet in a row one always goes on, so that so many turns mean a fault elsewhere.
const TURNS: usize = 200;
/// A deletion may name many files: a batch may take this much more for each, far more than it takes.
const WRITE_FILE_WITHIN: Duration = Duration::from_micros(100);
/// Postgres will never take what it says.
const REFUSED: &str = "refused_by_database";

/// So many batches are written at the same time, if there is enough for a second: while one waits for the disk, or for the
/// row that orders commits, the other goes on. A third only makes the batches smaller (docs/performance.md).
const WRITERS: usize = 2;

/// What has to run for one recorder: its writers, the guard of its breaker, the drain of its spool.
pub struct Writers {
    batches: Batches<Delivery, Outcome>,
    database: Database,
    spool: Option<Spool>,
    writer: Writer,
}

/// Writes batches of deliveries.
pub struct Writer {
    clock: Clock,
    random: Random,
    recall: Recall,
    resolvers: Resolvers,
    erased: ErasedUsers,
    /// Whether what is likely is presumed and not asked.
    presuming: bool,
    pub(super) metrics: Metrics,
    /// Notified after each commit.
    committed: Arc<Notify>,
    /// Whether the last batch was not recorded: an outage is told once, not once a batch.
    failing: AtomicBool,
}

impl Writers {
    pub(super) fn new(
        batches: Batches<Delivery, Outcome>,
        database: Database,
        spool: Option<Spool>,
        writer: Writer,
    ) -> Self {
        Self {
            batches,
            database,
            spool,
            writer,
        }
    }

    /// Writes until told to stop, and then what is still queued.
    pub async fn run(self, stop: Stop) {
        let guarding = breaker::guard(self.database.clone(), stop.clone());
        let draining = async {
            if let Some(spool) = &self.spool {
                let drain = Drain::new(spool, &self.database, &self.writer);
                drain.run(stop.clone()).await;
            }
        };
        let writing = join_all((0..WRITERS).map(|_| self.write(stop.clone())));
        tokio::join!(writing, guarding, draining);
    }

    async fn write(&self, mut stop: Stop) {
        let mut line = Line::new(self.database.clone());
        while let Some(taken) = self.batches.next(&mut stop).await {
            self.write_batch(&mut line, taken).await;
        }
        line.close().await;
    }

    async fn write_batch(&self, line: &mut Line, mut taken: Taken<Delivery, Outcome>) {
        let breaker = self.database.breaker();
        if !breaker.closed() {
            let unanswered = vec![None; taken.items.len()];
            return taken.answer(unanswered);
        }
        let files: usize = taken.items.iter().map(Delivery::files).sum();
        // What takes longer is better spooled.
        let within =
            self.database.patience() + WRITE_FILE_WITHIN * u32::try_from(files).unwrap_or(u32::MAX);
        let outcomes = self.writer.record(line, &mut taken.items, within).await;
        if outcomes.iter().any(Option::is_none) {
            breaker.open();
        }
        taken.answer(outcomes);
    }
}

impl Writer {
    /// A writer that has not failed yet.
    pub fn new(
        clock: Clock,
        random: Random,
        tickets: KnownTickets,
        resolvers: Resolvers,
        metrics: Metrics,
    ) -> Self {
        Self {
            clock,
            random,
            recall: Recall::new(tickets),
            resolvers,
            erased: ErasedUsers::default(),
            presuming: true,
            metrics,
            committed: Arc::default(),
            failing: AtomicBool::new(false),
        }
    }

    /// The same, which notifies somebody after each commit.
    pub(super) fn telling(self, committed: Arc<Notify>) -> Self {
        Self { committed, ..self }
    }

    /// The same, which shares what others of this process know of who is erased.
    pub(super) fn knowing(self, erased: ErasedUsers) -> Self {
        Self { erased, ..self }
    }

    /// The same for deliveries that were mostly written before: everything is asked from the first.
    pub fn presuming_nothing(self) -> Self {
        Self {
            presuming: false,
            ..self
        }
    }

    /// Tells what would become of deliveries, and writes nothing.
    pub async fn rehearse(
        &self,
        line: &mut Line,
        deliveries: &[Delivery],
        within: Duration,
    ) -> Result<Vec<Outcome>, sqlx::Error> {
        let now = self.clock.now();
        let told = timeout(within, async {
            let connection = line.open().await?;
            let mut batch = self.read(connection, deliveries, false).await?;
            Ok(batch.fold(deliveries, now))
        })
        .await;
        line.settle(told)
    }

    /// Records deliveries; one that Postgres refuses is found by halving and kept aside. Those that it
    /// cannot take now have no outcome.
    pub async fn record(
        &self,
        line: &mut Line,
        deliveries: &mut [Delivery],
        within: Duration,
    ) -> Vec<Option<Outcome>> {
        let mut outcomes = vec![None; deliveries.len()];
        let mut parts = Halves::of(deliveries.len());
        while let Some(part) = parts.next() {
            match self.write(line, &deliveries[part.clone()], within).await {
                Ok(done) => outcomes[part].copy_from_slice(&done),
                Err(Fault::Refused) if !parts.split(&part) => {
                    let refused = &mut deliveries[part.start];
                    refused.said = Err(Quarantine(REFUSED.into()));
                    let refused = std::slice::from_ref(refused);
                    if let Ok(done) = self.write(line, refused, within).await {
                        outcomes[part].copy_from_slice(&done);
                    }
                }
                Err(Fault::Refused) => {}
                // Postgres is away: it will not take the rest either.
                Err(_) => break,
            }
        }
        counted::recorded(&self.metrics, deliveries, &outcomes);
        outcomes
    }

    /// Records deliveries in one transaction.
    async fn write(
        &self,
        line: &mut Line,
        deliveries: &[Delivery],
        within: Duration,
    ) -> Result<Vec<Option<Outcome>>, Fault> {
        let began = Instant::now();
        for turn in 0..TURNS {
            let presuming = self.presuming && turn == 0;
            let written = timeout(within, async {
                let connection = line.open().await?;
                self.try_write(connection, deliveries, presuming).await
            })
            .await;
            match line.settle(written) {
                Ok(outcomes) => {
                    let took = began.elapsed();
                    counted::committed(&self.metrics, deliveries, &outcomes, took);
                    if self.failing.swap(false, Ordering::Relaxed) {
                        tracing::info!("recording again");
                    }
                    return Ok(outcomes.into_iter().map(Some).collect());
                }
                Err(error) => match counted::fault(&self.metrics, fault_of(&error, presuming)) {
                    Fault::Contended => {}
                    fault => {
                        let error: &dyn std::error::Error = &error;
                        if fault == Fault::Refused || !self.failing.swap(true, Ordering::Relaxed) {
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

    /// Asks what is known, unless it may be presumed, folds, and writes.
    async fn try_write(
        &self,
        connection: &mut PgConnection,
        deliveries: &[Delivery],
        presuming: bool,
    ) -> Result<Vec<Outcome>, sqlx::Error> {
        let now = self.clock.now();
        let mut batch = self.read(connection, deliveries, presuming).await?;
        let outcomes = batch.fold(deliveries, now);
        refute::judge(connection, &mut batch).await?;
        if let Err(error) = sql::write(connection, deliveries, &batch, now, &self.random).await {
            if fault_of(&error, presuming) == Fault::Contended {
                self.recall.was_wrong(&batch);
            }
            return Err(error);
        }
        self.committed.notify_one();
        self.recall.note(&batch);
        counted::uploads(&self.metrics, &batch);
        counted::refuted(&self.metrics, &batch);
        Ok(outcomes)
    }

    /// The batch of deliveries, with what is known or presumed of what they name.
    async fn read(
        &self,
        connection: &mut PgConnection,
        deliveries: &[Delivery],
        presuming: bool,
    ) -> Result<Batch, sqlx::Error> {
        let mut batch = Batch::of(deliveries);
        batch.resolvers = self.resolvers.clone();
        let mut question = if presuming {
            batch.erased = self.erased.known();
            self.recall.presume(&mut batch, deliveries)
        } else {
            batch.perhaps_again = true;
            batch.erased = self.erased.refresh(connection).await?;
            Question::everything(&batch, deliveries)
        };
        if !batch.erased.is_empty() {
            question.tickets.extend(erase::tickets_aside(deliveries));
        }
        sql::look(connection, &mut batch, question).await?;
        sql::read_files(connection, &mut batch).await?;
        sql::read_tasks(connection, &mut batch).await?;
        sql::read_tickets(connection, &mut batch).await?;
        if !presuming {
            verdict::read_standing(connection, &mut batch).await?;
        }
        Ok(batch)
    }
}

/// What an error of a write means: where its rows were presumed new, a key that is there already is no fault of theirs.
fn fault_of(error: &sqlx::Error, presuming: bool) -> Fault {
    let is_taken = error
        .as_database_error()
        .is_some_and(|error| error.is_unique_violation());
    if presuming && is_taken {
        Fault::Contended
    } else {
        database::classify(error)
    }
}
