//! `GET /metrics`.

use actix_web::web::Data;
use actix_web::{HttpResponse, get};

use super::routes::METHODS;
use crate::config::Config;
use crate::http::problem::{Problem, ProblemBody};
use crate::ops::clock::Clock;
use crate::ops::database::Database;
use crate::ops::metrics::{Endpoint, Metrics, State};
use crate::query::Feed;
use crate::receive::Hold;
use crate::record::Recorder;

/// Where they are told, on whichever listener.
pub const PATH: &str = "/metrics";
/// The text format of Prometheus.
const TEXT_FORMAT: &str = "text/plain; version=0.0.4";

/// The metrics, and where at each scrape the rest is looked up: neither Postgres nor the disk is asked.
#[derive(Clone)]
pub struct Scraped {
    pub metrics: Metrics,
    pub recorder: Recorder,
    pub hold: Hold,
    pub feed: Feed,
    pub database: Database,
    pub clock: Clock,
}

impl Scraped {
    fn state(&self) -> State {
        let spool = self.recorder.spooled();
        let (queue_deliveries, queue_bytes) = self.recorder.queued();
        let pool = self.database.unmigrated();
        let (feed_readers, ticket_waiters) = self.feed.waiting();
        let (connections, idle) = (pool.size() as usize, pool.num_idle());
        State {
            callbacks_held: self.hold.held(),
            bodies_in_flight_bytes: self.hold.bytes_in_flight(),
            queue_deliveries,
            queue_bytes,
            spool_records: spool.records,
            spool_bytes: spool.bytes,
            spool_limit_bytes: self.recorder.spool_limit_bytes(),
            spool_oldest_at_ms: spool.oldest_at_ms,
            spool_damages: spool.damages,
            postgres_up: self.database.breaker().closed(),
            // The two are not read at the same moment.
            pool_in_use: connections.saturating_sub(idle),
            pool_idle: idle,
            ticket_waiters,
            feed_readers,
        }
    }

    /// The answer to a scrape.
    pub fn answer(&self) -> HttpResponse {
        let text = self.metrics.render(&self.state(), self.clock.now());
        HttpResponse::Ok().content_type(TEXT_FORMAT).body(text)
    }
}

/// Tells the metrics, for Prometheus; asks neither Postgres nor the disk.
#[utoipa::path(
    tag = "health",
    responses(
        (status = 200, description = "In the text format of Prometheus", body = String, content_type = "text/plain"),
        (status = 404, description = "They are told at an address of their own", body = ProblemBody, content_type = "application/problem+json"),
    ),
)]
#[get("/metrics")]
pub async fn read_metrics(
    scraped: Data<Scraped>,
    config: Data<Config>,
) -> Result<HttpResponse, Problem> {
    match config.metrics_listen {
        None => Ok(scraped.answer()),
        Some(_) => Err(Problem::NotFound("nothing is here".to_owned())),
    }
}

/// The same at the address that is for the metrics alone.
pub async fn read_metrics_alone(scraped: Data<Scraped>) -> HttpResponse {
    scraped.answer()
}

/// Every method and route of the table.
pub fn endpoints() -> impl Iterator<Item = Endpoint> {
    METHODS.iter().map(|(route, method)| Endpoint {
        method,
        route: route.pattern().unwrap_or_default(),
    })
}
