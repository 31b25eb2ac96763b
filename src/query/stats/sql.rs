//! The SQL of figures: each statement looks at so many rows at most, whatever the tables hold.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use sqlx::types::Json;

use super::shape::{
    Delay, Deliveries, DeliveriesBucket, DoorCount, Permissions, ProcessingCount, QuarantineCount,
    ReasonCount, TicketsBucket, Uploads, UploadsBucket,
};
use super::window::Window;
use crate::ticket::RESUMED_WITHIN;

/// Rows of one table that a question looks at, the newest of its window; those of deliveries are up to 2 kB apart.
const LOOKED_AT: i64 = 100_000;
/// The same of what is asked of any time.
const LOOKED_AT_OF_ANY_TIME: i64 = 10_000;

/// The figures of uploads.
#[tracing::instrument(name = "db.uploads.stats", level = "debug", skip_all)]
pub async fn uploads(
    connection: &mut PgConnection,
    window: &Window,
) -> Result<Uploads, sqlx::Error> {
    let row = sqlx::query_file!(
        "src/query/stats/uploads.sql",
        window.from,
        window.to,
        window.apps.as_deref(),
        window.bucket.seconds(),
        LOOKED_AT,
    )
    .fetch_one(connection)
    .await?;
    let delay = match row.delays.as_deref() {
        Some(&[p50_s, p95_s, p99_s]) => Some(Delay {
            p50_s,
            p95_s,
            p99_s,
        }),
        _ => None,
    };
    Ok(Uploads {
        since: row.since,
        total: row.total,
        deleted: row.deleted,
        refuted: row.refuted,
        buckets: row.buckets,
        reasons: row.reasons,
        processing: row.processing,
        delay,
    })
}

/// The figures of permissions.
#[tracing::instrument(name = "db.tickets.stats", level = "debug", skip_all)]
pub async fn permissions(
    connection: &mut PgConnection,
    window: &Window,
    now: DateTime<Utc>,
) -> Result<Permissions, sqlx::Error> {
    let (first, end) = window.ids();
    sqlx::query_file_as!(
        Permissions,
        "src/query/stats/permissions.sql",
        window.from,
        window.to,
        window.apps.as_deref(),
        window.bucket.seconds(),
        LOOKED_AT,
        first,
        end,
        now - RESUMED_WITHIN,
    )
    .fetch_one(connection)
    .await
}

/// The figures of deliveries.
#[tracing::instrument(name = "db.deliveries.stats", level = "debug", skip_all)]
pub async fn deliveries(
    connection: &mut PgConnection,
    window: &Window,
    now: DateTime<Utc>,
) -> Result<Deliveries, sqlx::Error> {
    let (first, end) = window.ids();
    let row = sqlx::query_file!(
        "src/query/stats/deliveries.sql",
        window.from,
        window.to,
        window.apps.as_deref(),
        window.bucket.seconds(),
        LOOKED_AT,
        first,
        end,
        LOOKED_AT_OF_ANY_TIME,
    )
    .fetch_one(connection)
    .await?;
    let age = row.newest_at.map(|at| (now - at).as_seconds_f64().max(0.0));
    Ok(Deliveries {
        since: row.since,
        total: row.total,
        buckets: row.buckets,
        doors: row.doors,
        quarantine: row.quarantine,
        newest_at: row.newest_at,
        newest_age_s: age,
    })
}
