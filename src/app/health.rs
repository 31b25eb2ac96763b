//! Whether the process lives, and whether it is ready.

use actix_web::http::header::RETRY_AFTER;
use actix_web::web::{Data, Json};
use actix_web::{HttpResponse, get};
use chrono::DateTime;
use serde::Serialize;
use utoipa::ToSchema;

use crate::ops::clock::Clock;
use crate::ops::database::Database;
use crate::record::Recorder;

/// How the service is.
#[derive(Debug, Serialize, ToSchema)]
pub struct Health {
    /// `ok`, or what is missing.
    #[schema(example = "ok")]
    status: &'static str,
}

/// Whether the service is ready, and what waits for Postgres.
#[derive(Debug, Serialize, ToSchema)]
pub struct Readiness {
    /// `ok`, or what is missing.
    #[schema(example = "ok")]
    status: &'static str,
    spool: SpoolDepth,
}

/// Deliveries on the local disk that are not in Postgres yet.
#[derive(Debug, Serialize, ToSchema)]
pub struct SpoolDepth {
    /// How many.
    #[schema(example = 0)]
    records: u64,
    /// Of its files; a file goes when all of it is in Postgres.
    #[schema(example = 0)]
    bytes: u64,
    /// How long ago the oldest of them came, in seconds.
    #[schema(example = json!(null))]
    oldest_age_s: Option<f64>,
}

/// Tells that the process lives; asks nobody.
#[utoipa::path(tag = "health", responses((status = 200, description = "It lives", body = Health)))]
#[get("/livez")]
pub async fn livez() -> Json<Health> {
    Json(Health { status: "ok" })
}

/// Tells whether Postgres answers and its schema is current, and how much is spooled. Notifications
/// are taken all the same.
#[utoipa::path(
    tag = "health",
    responses(
        (status = 200, description = "Ready", body = Readiness),
        (status = 503, description = "The database does not answer, or is not migrated", body = Readiness),
    ),
)]
#[get("/readyz")]
pub async fn readyz(
    database: Data<Database>,
    recorder: Data<Recorder>,
    clock: Data<Clock>,
) -> HttpResponse {
    let depth = recorder.spooled();
    let spool = SpoolDepth {
        records: depth.records,
        bytes: depth.bytes,
        oldest_age_s: depth
            .oldest_at_ms
            .and_then(DateTime::from_timestamp_millis)
            .map(|oldest| (clock.now() - oldest).as_seconds_f64().max(0.0)),
    };
    if database.answers().await {
        HttpResponse::Ok().json(Readiness {
            status: "ok",
            spool,
        })
    } else {
        let mut response = HttpResponse::ServiceUnavailable();
        response.insert_header((RETRY_AFTER, "5"));
        response.json(Readiness {
            status: "the database is not available",
            spool,
        })
    }
}
