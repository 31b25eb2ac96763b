//! The SQL of replaying: kept deliveries, a page at a time.

use chrono::{DateTime, Utc};
use sqlx::{PgConnection, Postgres, QueryBuilder};
use uuid::Uuid;

use super::Selection;
use crate::ops::random::first_uuid_v7;

/// Rows of a page at most.
const PAGE_ROWS: i64 = 500;
/// Bytes of bodies in a page, over all but its first row.
const PAGE_BYTES: i64 = 16 * 1024 * 1024;

/// A kept delivery.
#[derive(Debug, sqlx::FromRow)]
pub(super) struct Kept {
    pub id: Uuid,
    pub app: String,
    pub door: String,
    pub received_at: DateTime<Utc>,
    /// Null once it is blanked.
    pub body: Option<Vec<u8>>,
}

/// The selected deliveries after an id, oldest first; none are left where the page is empty.
///
/// In the order of the primary key, bounded by it, so that whole months are passed over; those of one file by
/// the two indexes on files, those in quarantine by the index of theirs.
#[tracing::instrument(name = "db.deliveries.kept", level = "debug", skip_all)]
pub(super) async fn page(
    connection: &mut PgConnection,
    selection: &Selection,
    after: Option<Uuid>,
) -> Result<Vec<Kept>, sqlx::Error> {
    // The sizes are asked before the bodies: a page of large ones is cut short.
    let mut sql = QueryBuilder::<Postgres>::new(
        "SELECT id, app, door, received_at, body FROM (
            SELECT *, coalesce(sum(octet_length(body)) OVER (ORDER BY id ROWS UNBOUNDED PRECEDING EXCLUDE CURRENT ROW), 0) AS bytes_before
            FROM (SELECT d.* FROM ",
    );
    match &selection.file_id {
        None => sql.push("deliveries d"),
        Some(file_id) => sql
            .push("(SELECT * FROM deliveries WHERE file_id = ")
            .push_bind(file_id.as_str())
            .push(" UNION ALL SELECT * FROM deliveries WHERE more_file_ids @> ARRAY[")
            .push_bind(file_id.as_str())
            .push("::text]) d"),
    };
    sql.push(if selection.quarantined {
        " WHERE d.state = 'quarantined'"
    } else {
        " WHERE d.state = 'recorded'"
    });
    if let Some(after) = after {
        sql.push(" AND d.id > ").push_bind(after);
    }
    if let Some(id) = selection.id {
        sql.push(" AND d.id = ").push_bind(id);
    }
    if let Some(since) = selection.since {
        sql.push(" AND d.id >= ").push_bind(first_uuid_v7(since));
        sql.push(" AND d.received_at >= ").push_bind(since);
    }
    if let Some(until) = selection.until {
        let after = until + chrono::TimeDelta::milliseconds(1);
        sql.push(" AND d.id < ").push_bind(first_uuid_v7(after));
        sql.push(" AND d.received_at < ").push_bind(until);
    }
    if let Some(app) = &selection.app {
        sql.push(" AND d.app = ").push_bind(app.as_str());
    }
    if let Some(door) = selection.door {
        sql.push(" AND d.door = ").push_bind(door.as_str());
    }
    sql.push(" ORDER BY d.id LIMIT ").push_bind(PAGE_ROWS);
    sql.push(") d) d WHERE bytes_before <= ")
        .push_bind(PAGE_BYTES);
    sql.push(" ORDER BY id");
    sql.build_query_as().fetch_all(connection).await
}

/// The kept delivery with this id.
#[tracing::instrument(name = "db.deliveries.kept_one", level = "debug", skip_all)]
pub(super) async fn one(
    connection: &mut PgConnection,
    id: Uuid,
) -> Result<Option<Kept>, sqlx::Error> {
    sqlx::query_as!(
        Kept,
        "SELECT id, app, door, received_at, body FROM deliveries WHERE id = $1",
        id,
    )
    .fetch_optional(connection)
    .await
}
