//! What the metrics are told of deliveries that are durable.

use std::time::Duration;

use super::batch::Batch;
use super::{Delivery, Outcome};
use crate::ops::database::Fault;
use crate::ops::metrics::{Metric, Metrics};

/// A batch was committed.
pub fn committed(metrics: &Metrics, deliveries: usize, took: Duration) {
    metrics.count(Metric::Batches, &["committed"], 1);
    metrics.observe(Metric::BatchDeliveries, deliveries as f64);
    metrics.observe(Metric::CommitDuration, took.as_secs_f64());
}

/// A batch was not committed; the fault is passed on.
pub fn fault(metrics: &Metrics, fault: Fault) -> Fault {
    let outcome = match fault {
        Fault::Contended => "contended",
        Fault::Refused => "refused",
        Fault::Unavailable => "unavailable",
    };
    metrics.count(Metric::Batches, &[outcome], 1);
    fault
}

/// What became of deliveries in Postgres; those without an outcome are not there.
pub fn recorded(metrics: &Metrics, deliveries: &[Delivery], outcomes: &[Option<Outcome>]) {
    for (delivery, outcome) in deliveries.iter().zip(outcomes) {
        let Some(outcome) = outcome.and_then(code) else {
            continue;
        };
        let labels = [delivery.door.as_str(), outcome];
        metrics.count(Metric::Deliveries, &labels, 1);
        metrics.delivered(delivery.received_at);
        if let Err(quarantine) = &delivery.said {
            metrics.quarantined(&quarantine.0);
        }
    }
}

/// Deliveries are in the spool.
pub fn spooled(metrics: &Metrics, deliveries: &[Delivery]) {
    metrics.count(Metric::SpoolAppended, &[], deliveries.len() as u64);
    for delivery in deliveries {
        metrics.delivered(delivery.received_at);
    }
}

/// What became of deliveries that were in the spool; [`recorded`] counted them already.
pub fn drained(metrics: &Metrics, outcomes: &[Option<Outcome>]) {
    for outcome in outcomes.iter().flatten().copied().filter_map(code) {
        metrics.count(Metric::SpoolDrained, &[outcome], 1);
    }
}

/// The verdicts on uploads that nobody was shown before.
pub fn uploads(metrics: &Metrics, batch: &Batch) {
    for file in batch.files.values() {
        let was_announced = file
            .before
            .as_ref()
            .is_some_and(|stored| stored.row.announced);
        let Some(after) = file.after.as_ref().filter(|after| after.announced) else {
            continue;
        };
        if !was_announced {
            let verdict = &after.verdict;
            let labels = [verdict.method.as_str(), verdict.reason.as_str()];
            metrics.count(Metric::UploadsRecorded, &labels, 1);
        }
    }
}

fn code(outcome: Outcome) -> Option<&'static str> {
    match outcome {
        Outcome::Recorded => Some("recorded"),
        Outcome::Duplicate => Some("duplicate"),
        Outcome::Quarantined => Some("quarantined"),
        Outcome::Spooled => None,
    }
}
