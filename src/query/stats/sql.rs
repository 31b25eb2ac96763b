//! The SQL of figures: each statement looks at so many rows at most, whatever the tables hold.

use chrono::{DateTime, TimeDelta, Utc};
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
/// Where a window holds more rows than this, roll-ups are summed: rows that were not read lately lie on the disk, and
/// 40,000 deliveries took 21 s there once.
const COUNTED: i64 = 10_000;
/// Roll-ups are some seconds behind; where they are more, rows are counted.
const ROLLED_UP_WITHIN: TimeDelta = TimeDelta::minutes(30);

/// Whether the roll-ups count everything that was committed until a little while ago.
#[tracing::instrument(name = "db.rollup_state.read", level = "debug", skip_all)]
pub async fn is_rolled_up(
    connection: &mut PgConnection,
    now: DateTime<Utc>,
) -> Result<bool, sqlx::Error> {
    sqlx::query_scalar!(
        r#"SELECT walk IS NULL AND coalesce(fresh_until > $1, false) AS "is_fresh!" FROM rollup_state"#,
        now - ROLLED_UP_WITHIN,
    )
    .fetch_one(connection)
    .await
}

/// The figures of uploads, by the roll-ups if these are fresh and the rows too many.
#[tracing::instrument(name = "db.uploads.stats", level = "debug", skip_all)]
pub async fn uploads(
    connection: &mut PgConnection,
    window: &Window,
    is_rolled_up: bool,
) -> Result<Uploads, sqlx::Error> {
    if is_rolled_up {
        let rolled = uploads_rolled(connection, window).await?;
        if rolled.total > COUNTED {
            return Ok(rolled);
        }
    }
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
        fresh_until: row.fresh_until,
        total: row.total,
        deleted: row.deleted,
        refuted: row.refuted,
        buckets: row.buckets,
        reasons: row.reasons,
        processing: row.processing,
        delay,
    })
}

async fn uploads_rolled(
    connection: &mut PgConnection,
    window: &Window,
) -> Result<Uploads, sqlx::Error> {
    let row = sqlx::query_file!(
        "src/query/stats/uploads_rolled.sql",
        window.from,
        window.to,
        window.apps.as_deref(),
        window.bucket.seconds(),
    )
    .fetch_one(connection)
    .await?;
    let delay = match (row.p50_s, row.p95_s, row.p99_s) {
        (Some(p50_s), Some(p95_s), Some(p99_s)) => Some(Delay {
            p50_s,
            p95_s,
            p99_s,
        }),
        _ => None,
    };
    Ok(Uploads {
        since: row.since,
        fresh_until: row.fresh_until,
        total: row.total,
        deleted: row.deleted,
        refuted: row.refuted,
        buckets: row.buckets,
        reasons: row.reasons,
        processing: row.processing,
        delay,
    })
}

/// The figures of permissions, by the roll-ups if these are fresh and the rows too many.
#[tracing::instrument(name = "db.tickets.stats", level = "debug", skip_all)]
pub async fn permissions(
    connection: &mut PgConnection,
    window: &Window,
    now: DateTime<Utc>,
    is_rolled_up: bool,
) -> Result<Permissions, sqlx::Error> {
    if is_rolled_up {
        let rolled = sqlx::query_file_as!(
            Permissions,
            "src/query/stats/permissions_rolled.sql",
            window.from,
            window.to,
            window.apps.as_deref(),
            window.bucket.seconds(),
        )
        .fetch_one(&mut *connection)
        .await?;
        if rolled.signatures > COUNTED {
            return Ok(rolled);
        }
    }
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

/// The figures of deliveries, by the roll-ups if these are fresh and the rows too many.
#[tracing::instrument(name = "db.deliveries.stats", level = "debug", skip_all)]
pub async fn deliveries(
    connection: &mut PgConnection,
    window: &Window,
    now: DateTime<Utc>,
    is_rolled_up: bool,
) -> Result<Deliveries, sqlx::Error> {
    let rolled = match is_rolled_up {
        true => Some(deliveries_rolled(connection, window).await?),
        false => None,
    };
    let deliveries = match rolled.filter(|rolled| rolled.total > COUNTED) {
        Some(rolled) => rolled,
        None => deliveries_by_row(connection, window).await?,
    };
    let age = |at: DateTime<Utc>| (now - at).as_seconds_f64().max(0.0);
    Ok(Deliveries {
        newest_age_s: deliveries.newest_at.map(age),
        ..deliveries
    })
}

async fn deliveries_by_row(
    connection: &mut PgConnection,
    window: &Window,
) -> Result<Deliveries, sqlx::Error> {
    let (first, end) = window.ids();
    sqlx::query_file_as!(
        Deliveries,
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
    .await
}

async fn deliveries_rolled(
    connection: &mut PgConnection,
    window: &Window,
) -> Result<Deliveries, sqlx::Error> {
    sqlx::query_file_as!(
        Deliveries,
        "src/query/stats/deliveries_rolled.sql",
        window.from,
        window.to,
        window.apps.as_deref(),
        window.bucket.seconds(),
        LOOKED_AT_OF_ANY_TIME,
    )
    .fetch_one(connection)
    .await
}
