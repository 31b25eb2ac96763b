//! Reconciling every so often, in a running service.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use super::{Ask, Counts, Interrupted, Reconciler, sql, within};
use crate::ops::lifecycle::Stop;
use crate::ops::metrics::{Metric, Metrics};

/// After a run that failed, or that another receiver was doing; each failure in a row doubles it, up to the interval.
const AGAIN: Duration = Duration::from_secs(60);
/// How often the clock is looked at.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Reconciles one app each time that so long has passed since the last run of any receiver.
pub struct Schedule {
    reconciler: Reconciler,
    every: Duration,
    metrics: Metrics,
    /// In a row.
    failures: u32,
}

impl Schedule {
    /// A schedule that has not run yet.
    pub fn new(reconciler: Reconciler, every: Duration, metrics: Metrics) -> Self {
        Self {
            reconciler,
            every,
            metrics,
            failures: 0,
        }
    }

    /// Runs until told to stop. What a run was doing then is given up: the next one begins where the checkpoint is.
    pub async fn run(mut self, mut stop: Stop) {
        self.reached(self.reconciler.clock.now());
        loop {
            let due = tokio::select! {
                () = stop.wait() => return,
                due = self.turn() => due,
            };
            tokio::select! {
                () = stop.wait() => return,
                () = self.wait_until(due) => {}
            }
        }
    }

    /// Runs if it is time, and tells when it is time again.
    async fn turn(&mut self) -> DateTime<Utc> {
        self.reconciler.database.breaker().wait_until_closed().await;
        match self.run_if_due().await {
            Ok(due) => {
                self.failures = 0;
                due
            }
            Err(Interrupted::Elsewhere) => {
                self.count("elsewhere");
                self.after(AGAIN)
            }
            Err(error) => {
                self.count(error.code());
                let app = &self.reconciler.app.name;
                let error: &dyn std::error::Error = &error;
                if self.failures == 0 {
                    tracing::warn!(%app, error, "reconciling failed");
                } else {
                    tracing::debug!(%app, error, "reconciling still fails");
                }
                let pause = AGAIN * 2_u32.saturating_pow(self.failures.min(16));
                self.failures = self.failures.saturating_add(1);
                self.after(pause.min(self.every))
            }
        }
    }

    async fn run_if_due(&mut self) -> Result<DateTime<Utc>, Interrupted> {
        let app = self.reconciler.app.name.clone();
        let mut connection = within(self.reconciler.database.pool()?.acquire()).await?;
        let held = within(sql::checkpoint(&mut connection, app.as_str())).await?;
        drop(connection);
        if let Some(held) = held {
            self.reached(held.reconciled_to);
            let due = held.ran_at.map(|at| at + self.interval());
            if let Some(due) = due.filter(|due| *due > self.reconciler.clock.now()) {
                return Ok(due);
            }
        }
        let mut run = self.reconciler.begin(&Ask::default()).await?;
        let ended = run.finish(Box::new(|_| ())).await;
        self.repaired(&run.counts);
        ended?;
        self.reached(run.until);
        let due = self.after(self.every);
        let counts = run.counts;
        if counts.are_incomplete() {
            self.count("incomplete");
            tracing::warn!(%app, ?counts, "reconciled, but not all of it");
        } else {
            self.count("done");
            tracing::info!(%app, ?counts, "reconciled");
        }
        Ok(due)
    }

    async fn wait_until(&self, due: DateTime<Utc>) {
        while self.reconciler.clock.now() < due {
            let left = (due - self.reconciler.clock.now()).to_std();
            tokio::time::sleep(left.unwrap_or_default().min(LOOK_EVERY)).await;
        }
    }

    fn interval(&self) -> TimeDelta {
        TimeDelta::from_std(self.every).unwrap_or(TimeDelta::MAX)
    }

    fn after(&self, pause: Duration) -> DateTime<Utc> {
        let pause = TimeDelta::from_std(pause).unwrap_or(TimeDelta::MAX);
        self.reconciler.clock.now() + pause
    }

    fn reached(&self, at: DateTime<Utc>) {
        self.metrics
            .reconciled(self.reconciler.app.name.as_str(), at);
    }

    fn count(&self, outcome: &str) {
        self.metrics.count(Metric::ReconcileRuns, &[outcome], 1);
    }

    fn repaired(&self, counts: &Counts) {
        for (what, by) in [
            ("upload", counts.repaired),
            ("confirmed", counts.confirmed),
            ("task", counts.tasks),
            ("deletion", counts.deleted),
        ] {
            self.metrics.count(Metric::ReconcileRepaired, &[what], by);
        }
    }
}
