//! The writers behind the queue: each takes everything queued and writes it in one transaction.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::batch::Batch;
use super::{Delivery, Outcome, Quarantine, sql};
use crate::ops::clock::Clock;
use crate::ops::database::{self, Database, Fault};
use crate::ops::lifecycle::Stop;
use crate::ops::queue::{Batches, Halves};
use crate::ops::random::Random;

/// A second one only makes the batches smaller, on two cores (docs/performance.md).
const WRITERS: usize = 1;
/// Of two writers that meet in a row one always goes on, so that so many turns mean a fault elsewhere.
const TURNS: usize = 200;
/// Postgres will never take what it says.
const REFUSED: Quarantine = Quarantine("refused_by_database");

/// The writers of one recorder.
pub struct Writers {
    batches: Batches<Delivery, Outcome>,
    writer: Arc<Writer>,
}

struct Writer {
    database: Database,
    clock: Clock,
    random: Random,
    /// Whether the last batch was not recorded: an outage is told once, not once a batch.
    failing: AtomicBool,
}

impl Writers {
    pub(super) fn new(
        batches: Batches<Delivery, Outcome>,
        database: Database,
        clock: Clock,
        random: Random,
    ) -> Self {
        let failing = AtomicBool::new(false);
        Self {
            batches,
            writer: Arc::new(Writer {
                database,
                clock,
                random,
                failing,
            }),
        }
    }

    /// Writes until told to stop, and then what is still queued.
    pub async fn run(self, stop: Stop) {
        let each = (0..WRITERS).map(|_| self.writer.run(self.batches.clone(), stop.clone()));
        futures_util::future::join_all(each).await;
    }
}

impl Writer {
    async fn run(&self, batches: Batches<Delivery, Outcome>, mut stop: Stop) {
        loop {
            let taken = tokio::select! {
                taken = batches.take() => taken,
                () = stop.wait() => break,
            };
            let Some(mut taken) = taken else { return };
            let outcomes = self.record(&mut taken.items).await;
            taken.answer(outcomes);
        }
        batches.close().await;
        while let Some(mut taken) = batches.take().await {
            let outcomes = self.record(&mut taken.items).await;
            taken.answer(outcomes);
        }
    }

    /// Records deliveries; one that Postgres refuses is found by halving and kept aside.
    async fn record(&self, deliveries: &mut [Delivery]) -> Vec<Outcome> {
        let mut outcomes = vec![Outcome::Unavailable; deliveries.len()];
        let mut parts = Halves::of(deliveries.len());
        while let Some(part) = parts.next() {
            match self.write(&deliveries[part.clone()]).await {
                Ok(done) => outcomes[part].copy_from_slice(&done),
                Err(Fault::Refused) if !parts.split(&part) => {
                    let refused = &mut deliveries[part.start];
                    refused.said = Err(REFUSED);
                    if let Ok(done) = self.write(std::slice::from_ref(refused)).await {
                        outcomes[part].copy_from_slice(&done);
                    }
                }
                Err(_) => {}
            }
        }
        outcomes
    }

    /// Records deliveries in one transaction.
    async fn write(&self, deliveries: &[Delivery]) -> Result<Vec<Outcome>, Fault> {
        for _ in 0..TURNS {
            match self.try_write(deliveries).await {
                Ok(outcomes) => {
                    if self.failing.swap(false, Ordering::Relaxed) {
                        tracing::info!("recording again");
                    }
                    return Ok(outcomes);
                }
                Err(error) => match database::classify(&error) {
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

    async fn try_write(&self, deliveries: &[Delivery]) -> Result<Vec<Outcome>, sqlx::Error> {
        let pool = self
            .database
            .pool()
            .map_err(|gone| sqlx::Error::Configuration(gone.into()))?;
        let mut connection = pool.acquire().await?;
        let now = self.clock.now();
        let mut batch = Batch::of(deliveries);
        sql::read_files(&mut connection, &mut batch).await?;
        sql::read_tasks(&mut connection, &mut batch).await?;
        sql::read_tickets(&mut connection, &mut batch, deliveries).await?;
        let outcomes = batch.fold(deliveries, now);
        sql::write(&mut connection, deliveries, &batch, now, &self.random).await?;
        Ok(outcomes)
    }
}
