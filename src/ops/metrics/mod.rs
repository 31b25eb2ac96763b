//! What is counted, for Prometheus ([`names`] has the list).
//!
//! Each service has a registry of its own, handed in where something is counted, and none of the
//! process: two services in one process (the tests) do not mix, and nothing is counted unseen. All
//! series are registered when it is made, so they are at 0 before anything happens, and counting is
//! an index, a look through a few labels and an atomic add: nothing is formatted, hashed or locked.

pub mod names;
mod process;
mod reference;
mod registry;

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chrono::{DateTime, Utc};
use metrics_exporter_prometheus::PrometheusHandle;

use super::lifecycle::Stop;
pub use names::Metric;
use names::OTHER;
pub use reference::reference_markdown;
use registry::{Family, STATUS_CLASSES, Series};

/// Samples of histograms are kept one by one until they are summed up: where nobody scrapes, this
/// often, so that they stay few.
const SUM_UP_EVERY: Duration = Duration::from_secs(5);
/// What stands for a request that no route takes.
const NO_ENDPOINT: Endpoint = Endpoint {
    method: "none",
    route: "none",
};

/// The metrics of one service. Clones share them.
#[derive(Clone)]
pub struct Metrics(Arc<Registry>);

struct Registry {
    exporter: PrometheusHandle,
    /// By [`Metric`], in its order.
    families: Vec<Family>,
    /// Those of the route table, and [`NO_ENDPOINT`] last.
    endpoints: Vec<Endpoint>,
    started_at: DateTime<Utc>,
    /// Microseconds since the Unix epoch; 0 before the first.
    newest_delivery: AtomicI64,
    /// How far each app was reconciled that is so on a schedule.
    reconciled_to: Mutex<BTreeMap<String, DateTime<Utc>>>,
}

/// A method and the template of a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Endpoint {
    pub method: &'static str,
    pub route: &'static str,
}

/// What is looked up at each scrape and not counted.
#[derive(Debug, Clone, Copy, Default)]
pub struct State {
    pub callbacks_held: usize,
    pub bodies_in_flight_bytes: usize,
    pub queue_deliveries: usize,
    pub queue_bytes: usize,
    pub spool_records: u64,
    pub spool_bytes: u64,
    pub spool_limit_bytes: u64,
    pub spool_oldest_at_ms: Option<i64>,
    pub spool_damages: u64,
    pub postgres_up: bool,
    pub pool_in_use: usize,
    pub pool_idle: usize,
    pub ticket_waiters: usize,
    pub feed_readers: usize,
}

impl Metrics {
    /// Registers every series there is, for a service that starts now and has these endpoints.
    pub fn new(now: DateTime<Utc>, endpoints: impl IntoIterator<Item = Endpoint>) -> Self {
        let recorder = registry::recorder();
        let mut endpoints: Vec<Endpoint> = endpoints.into_iter().collect();
        endpoints.push(NO_ENDPOINT);
        let families = Metric::ALL
            .iter()
            .map(|&metric| Family::register(metric, &endpoints, &recorder))
            .collect();
        Self(Arc::new(Registry {
            exporter: recorder.handle(),
            families,
            endpoints,
            started_at: now,
            newest_delivery: AtomicI64::new(0),
            reconciled_to: Mutex::default(),
        }))
    }

    /// Counts up a series; `labels` are its values in their order.
    pub fn count(&self, metric: Metric, labels: &[&str], by: u64) {
        let family = self.family(metric);
        let row = family.row(labels);
        if let (Series::Counters(counters), Some(row)) = (&family.series, row) {
            counters[row].increment(by);
        } else {
            debug_assert!(false, "{} has no counter {labels:?}", metric.name());
        }
    }

    /// Sets a gauge that is not looked up at each scrape; `labels` are its values in their order.
    pub fn gauge(&self, metric: Metric, labels: &[&str], value: f64) {
        match self.family(metric).row(labels) {
            Some(row) => self.set(metric, row, value),
            None => debug_assert!(false, "{} has no gauge {labels:?}", metric.name()),
        }
    }

    /// Counts a delivery that is kept aside; a reason that is not known here counts as `other`.
    pub fn quarantined(&self, reason: &str) {
        let known = self.family(Metric::DeliveriesQuarantined).row(&[reason]);
        let reason = known.map_or(OTHER, |_| reason);
        self.count(Metric::DeliveriesQuarantined, &[reason], 1);
    }

    /// Notes a value of a histogram without labels.
    pub fn observe(&self, metric: Metric, value: f64) {
        match &self.family(metric).series {
            Series::Histograms(histograms) => histograms[0].record(value),
            _ => debug_assert!(false, "{} is no histogram", metric.name()),
        }
    }

    /// Notes that a delivery that came then is durable.
    pub fn delivered(&self, received_at: DateTime<Utc>) {
        let at = received_at.timestamp_micros();
        self.0.newest_delivery.fetch_max(at, Ordering::Relaxed);
    }

    /// Notes how far an app was reconciled.
    pub fn reconciled(&self, app: &str, to: DateTime<Utc>) {
        let held = self.0.reconciled_to.lock();
        let mut held = held.unwrap_or_else(PoisonError::into_inner);
        held.insert(app.to_owned(), to);
    }

    fn furthest_behind(&self) -> Option<DateTime<Utc>> {
        let held = self.0.reconciled_to.lock();
        let held = held.unwrap_or_else(PoisonError::into_inner);
        held.values().min().copied()
    }

    /// The place of an endpoint in the table; of none, where it is not there.
    pub fn endpoint(&self, method: &str, route: Option<&str>) -> usize {
        let endpoints = &self.0.endpoints;
        let of_none = endpoints.len() - 1;
        let is_it =
            |endpoint: &Endpoint| Some(endpoint.route) == route && endpoint.method == method;
        endpoints.iter().position(is_it).unwrap_or(of_none)
    }

    /// Counts a request that was answered; `endpoint` as [`Metrics::endpoint`] told it.
    pub fn answered(&self, endpoint: usize, status: u16, took: Duration) {
        let class = match status {
            ..400 => 0,
            400..500 => 1,
            500.. => 2,
        };
        if let Series::Counters(requests) = &self.family(Metric::HttpRequests).series {
            requests[endpoint * STATUS_CLASSES.len() + class].increment(1);
        }
        if let Series::Histograms(durations) = &self.family(Metric::HttpRequestDuration).series {
            durations[endpoint].record(took.as_secs_f64());
        }
    }

    /// All of it as text: families by name, series by label.
    pub fn render(&self, state: &State, now: DateTime<Utc>) -> String {
        self.look_up(state, now);
        let text = self.0.exporter.render();
        let mut families: Vec<String> = text.split("\n\n").map(registry::in_order).collect();
        families.sort_unstable();
        families.concat()
    }

    /// Sums up the samples of histograms until told to stop.
    pub fn keep_small(&self, mut stop: Stop) -> impl Future<Output = ()> + Send + 'static {
        let exporter = self.0.exporter.clone();
        async move {
            while tokio::time::timeout(SUM_UP_EVERY, stop.wait())
                .await
                .is_err()
            {
                exporter.run_upkeep();
            }
        }
    }

    fn look_up(&self, state: &State, now: DateTime<Utc>) {
        let age_s = |since: DateTime<Utc>| (now - since).as_seconds_f64().max(0.0);
        let newest = self.0.newest_delivery.load(Ordering::Relaxed);
        let newest = DateTime::from_timestamp_micros(newest).filter(|_| newest > 0);
        let oldest = state
            .spool_oldest_at_ms
            .and_then(DateTime::from_timestamp_millis);
        let started_at = self.0.started_at;
        let reconciled_to = self.furthest_behind();
        let no_labels: [(Metric, f64); 17] = [
            (Metric::CallbacksHeld, state.callbacks_held as f64),
            (Metric::BodiesInFlight, state.bodies_in_flight_bytes as f64),
            (Metric::QueueDeliveries, state.queue_deliveries as f64),
            (Metric::QueueBytes, state.queue_bytes as f64),
            (Metric::NewestDelivery, newest.map_or(0.0, unix_s)),
            (
                Metric::NewestDeliveryAge,
                age_s(newest.unwrap_or(started_at)),
            ),
            (
                Metric::ReconcileCheckpointAge,
                reconciled_to.map_or(0.0, age_s),
            ),
            (Metric::SpoolRecords, state.spool_records as f64),
            (Metric::SpoolBytes, state.spool_bytes as f64),
            (Metric::SpoolLimit, state.spool_limit_bytes as f64),
            (Metric::SpoolOldestAge, oldest.map_or(0.0, age_s)),
            (Metric::TicketWaiters, state.ticket_waiters as f64),
            (Metric::FeedReaders, state.feed_readers as f64),
            (Metric::PostgresUp, f64::from(u8::from(state.postgres_up))),
            (Metric::ResidentMemory, process::resident_bytes()),
            (Metric::StartTime, unix_s(started_at)),
            (Metric::BuildInfo, 1.0),
        ];
        for (metric, value) in no_labels {
            self.set(metric, 0, value);
        }
        self.set(Metric::PoolConnections, 0, state.pool_in_use as f64);
        self.set(Metric::PoolConnections, 1, state.pool_idle as f64);
        if let Series::Counters(damages) = &self.family(Metric::SpoolDamages).series {
            damages[0].absolute(state.spool_damages);
        }
    }

    fn set(&self, metric: Metric, row: usize, value: f64) {
        match &self.family(metric).series {
            Series::Gauges(gauges) => gauges[row].set(value),
            _ => debug_assert!(false, "{} is no gauge", metric.name()),
        }
    }

    fn family(&self, metric: Metric) -> &Family {
        &self.0.families[metric as usize]
    }
}

fn unix_s(at: DateTime<Utc>) -> f64 {
    at.timestamp_micros() as f64 / 1e6
}
