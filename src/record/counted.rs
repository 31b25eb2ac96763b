//! What the metrics are told of deliveries that are durable.

use std::time::Duration;

use super::batch::Batch;
use super::{Delivery, Door, Outcome};
use crate::ops::database::Fault;
use crate::ops::metrics::{Metric, Metrics};

/// A batch was committed, unless all of it left no trace.
pub fn committed(metrics: &Metrics, deliveries: &[Delivery], outcomes: &[Outcome], took: Duration) {
    let pairs = deliveries.iter().zip(outcomes);
    let kept = pairs.filter(|(delivery, outcome)| leaves_a_trace(delivery, **outcome));
    let kept = kept.count();
    if kept == 0 {
        return;
    }
    metrics.count(Metric::Batches, &["committed"], 1);
    metrics.observe(Metric::BatchDeliveries, kept as f64);
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
        let outcome = outcome.filter(|&outcome| leaves_a_trace(delivery, outcome));
        let Some(outcome) = outcome.and_then(code) else {
            continue;
        };
        let labels = [delivery.door.as_str(), outcome];
        metrics.count(Metric::Deliveries, &labels, 1);
        if delivery.door != Door::Reconcile {
            // What we asked for does not tell that VOD speaks to us.
            metrics.delivered(delivery.received_at);
        }
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

/// The deliveries that VOD contradicts from now on.
pub fn refuted(metrics: &Metrics, batch: &Batch) {
    for refuted in batch.marks.values().flatten() {
        metrics.count(Metric::DeliveriesRefuted, &[refuted.as_str()], 1);
    }
}

/// An answer of VOD that told nothing new was not kept.
fn leaves_a_trace(delivery: &Delivery, outcome: Outcome) -> bool {
    delivery.door != Door::Reconcile || outcome != Outcome::Duplicate
}

fn code(outcome: Outcome) -> Option<&'static str> {
    match outcome {
        Outcome::Recorded => Some("recorded"),
        Outcome::Duplicate => Some("duplicate"),
        Outcome::Quarantined => Some("quarantined"),
        Outcome::Spooled => None,
    }
}
