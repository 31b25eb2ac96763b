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
/// The same of what is asked of any time, and of what is not in the roll-ups yet: the worker takes that every ten seconds.
const LOOKED_AT_ASIDE: i64 = 10_000;
/// Where a window holds more rows than this, roll-ups are summed: rows that were not read lately lie on the disk, and
/// 40,000 deliveries took 21 s there once.
const COUNTED: i64 = 10_000;
/// Roll-ups are some seconds behind; where they are more, rows are counted.
const ROLLED_UP_WITHIN: TimeDelta = TimeDelta::minutes(30);

/// Uploads, as both ways of counting give them.
struct Counted {
    since: DateTime<Utc>,
    until: DateTime<Utc>,
    fresh_until: Option<DateTime<Utc>>,
    total: i64,
    deleted: i64,
    refuted: i64,
    buckets: Json<Vec<UploadsBucket>>,
    reasons: Json<Vec<ReasonCount>>,
    processing: Json<Vec<ProcessingCount>>,
    delays: Option<Vec<f64>>,
}

/// Whether the roll-ups count everything that was committed until a little while ago. Has the figures made in memory: a
/// year is some 250,000 quarters by reason, which are hashed in half the time that it takes to sort them on the disk.
#[tracing::instrument(name = "db.rollup_state.read", level = "debug", skip_all)]
pub async fn is_rolled_up(
    connection: &mut PgConnection,
    now: DateTime<Utc>,
) -> Result<bool, sqlx::Error> {
    sqlx::query_scalar!(
        r#"SELECT walk IS NULL AND coalesce(fresh_until > $1, false) AS "is_fresh!"
        FROM rollup_state, set_config('work_mem', '64MB', true) AS a, set_config('jit', 'off', true) AS b"#,
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
    let counted = sqlx::query_file_as!(
        Counted,
        "src/query/stats/uploads.sql",
        window.from,
        window.to,
        window.apps.as_deref(),
        window.bucket.seconds(),
        LOOKED_AT,
    )
    .fetch_one(connection)
    .await?;
    Ok(counted.into())
}

async fn uploads_rolled(
    connection: &mut PgConnection,
    window: &Window,
) -> Result<Uploads, sqlx::Error> {
    let counted = sqlx::query_file_as!(
        Counted,
        "src/query/stats/uploads_rolled.sql",
        window.from,
        window.to,
        window.apps.as_deref(),
        window.bucket.seconds(),
        LOOKED_AT_ASIDE,
    )
    .fetch_one(connection)
    .await?;
    Ok(counted.into())
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
            LOOKED_AT_ASIDE,
            now - RESUMED_WITHIN,
            now,
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
        LOOKED_AT_ASIDE,
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
        LOOKED_AT_ASIDE,
    )
    .fetch_one(connection)
    .await
}

impl From<Counted> for Uploads {
    fn from(counted: Counted) -> Self {
        let delay = match counted.delays.as_deref() {
            Some(&[p50_s, p95_s, p99_s]) => Some(Delay {
                p50_s,
                p95_s,
                p99_s,
            }),
            _ => None,
        };
        Self {
            since: counted.since,
            until: counted.until,
            fresh_until: counted.fresh_until,
            total: counted.total,
            deleted: counted.deleted,
            refuted: counted.refuted,
            buckets: counted.buckets,
            reasons: counted.reasons,
            processing: counted.processing,
            delay,
        }
    }
}
