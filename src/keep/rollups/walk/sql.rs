//! The SQL of going through the tables.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::keep::rollups::Key;

/// What of a stretch is to be counted.
#[derive(Default)]
pub struct Stretch {
    /// The last id of it, be it counted or not; none at the end.
    pub last: Option<Uuid>,
    pub fresh: Vec<Uuid>,
    pub released: Vec<Uuid>,
    /// What is from before then is left as it is.
    pub since: Option<DateTime<Utc>>,
}

impl Stretch {
    /// Of rows that are fresh or not.
    fn of(rows: impl Iterator<Item = (Uuid, bool)>) -> Self {
        let mut stretch = Self::default();
        for (id, is_fresh) in rows {
            stretch.last = Some(id);
            if is_fresh {
                stretch.fresh.push(id);
            }
        }
        stretch
    }
}

/// The next deliveries that do not wait in `uncounted`.
#[tracing::instrument(name = "db.deliveries.walk", level = "debug", skip_all)]
pub async fn walk_deliveries(
    connection: &mut PgConnection,
    after: Uuid,
    limit: i64,
) -> Result<Stretch, sqlx::Error> {
    let rows = sqlx::query!(
        r#"WITH stretch AS MATERIALIZED (
            SELECT d.id, d.released_at, d.received_at FROM deliveries d WHERE d.id > $1 ORDER BY d.id LIMIT $2
        ), waiting AS MATERIALIZED (
            SELECT unnest(deliveries) AS id FROM uncounted
        ), waiting_released AS MATERIALIZED (
            SELECT unnest(released) AS id FROM uncounted
        )
        SELECT s.id AS "id!",
            w.id IS NULL AND (r.deliveries_since IS NULL OR s.received_at >= r.deliveries_since) AS "fresh!",
            w.id IS NULL AND s.released_at IS NOT NULL AND v.id IS NULL
                AND (r.deliveries_since IS NULL OR s.received_at >= r.deliveries_since) AS "released!"
        FROM stretch s
        CROSS JOIN rollup_state r
        LEFT JOIN waiting w ON w.id = s.id
        LEFT JOIN waiting_released v ON v.id = s.id
        ORDER BY s.id"#,
        after,
        limit
    )
    .fetch_all(connection)
    .await?;
    let released = rows.iter().filter(|row| row.released);
    Ok(Stretch {
        released: released.map(|row| row.id).collect(),
        ..Stretch::of(rows.iter().map(|row| (row.id, row.fresh)))
    })
}

/// The next uploads, by their key, file id and app; and whether they are yet to be counted. Those of which a delivery told
/// are counted by then, and what changed since is in the change log.
#[tracing::instrument(name = "db.uploads.walk", level = "debug", skip_all)]
pub async fn walk_uploads(
    connection: &mut PgConnection,
    file_id: &str,
    app: &str,
    generation: i32,
    limit: i64,
) -> Result<Vec<(Key, bool)>, sqlx::Error> {
    let rows = sqlx::query!(
        r#"WITH stretch AS MATERIALIZED (
            SELECT file_id, app FROM uploads WHERE (file_id, app) > ($1, $2) ORDER BY file_id, app LIMIT $4
        )
        SELECT s.file_id, s.app, c.at IS NULL OR c.generation <> $3 AS "fresh!"
        FROM stretch s
        LEFT JOIN LATERAL (
            SELECT generation, at FROM counted_uploads WHERE file_id = s.file_id AND app = s.app OFFSET 0
        ) AS c ON true
        ORDER BY s.file_id, s.app"#,
        file_id,
        app,
        generation,
        limit
    )
    .fetch_all(connection)
    .await?;
    let keys = rows
        .into_iter()
        .map(|row| ((row.file_id, row.app), row.fresh));
    Ok(keys.collect())
}

/// The next signatures that do not wait in `uncounted`.
#[tracing::instrument(name = "db.signature_issues.walk", level = "debug", skip_all)]
pub async fn walk_issues(
    connection: &mut PgConnection,
    after: Uuid,
    limit: i64,
) -> Result<Stretch, sqlx::Error> {
    let rows = sqlx::query!(
        r#"WITH stretch AS MATERIALIZED (
            SELECT id FROM signature_issues WHERE id > $1 ORDER BY id LIMIT $2
        ), waiting AS MATERIALIZED (
            SELECT unnest(issues) AS id FROM uncounted
        )
        SELECT s.id AS "id!", w.id IS NULL AS "fresh!", r.issues_since AS "since?"
        FROM stretch s CROSS JOIN rollup_state r LEFT JOIN waiting w ON w.id = s.id
        ORDER BY s.id"#,
        after,
        limit
    )
    .fetch_all(connection)
    .await?;
    Ok(Stretch {
        since: rows.last().and_then(|row| row.since),
        ..Stretch::of(rows.iter().map(|row| (row.id, row.fresh)))
    })
}

/// The next tickets that do not wait in `uncounted`.
#[tracing::instrument(name = "db.tickets.walk", level = "debug", skip_all)]
pub async fn walk_tickets(
    connection: &mut PgConnection,
    after: Uuid,
    limit: i64,
) -> Result<Stretch, sqlx::Error> {
    let rows = sqlx::query!(
        r#"WITH stretch AS MATERIALIZED (
            SELECT id FROM tickets WHERE id > $1 ORDER BY id LIMIT $2
        ), waiting AS MATERIALIZED (
            SELECT unnest(tickets) AS id FROM uncounted
        )
        SELECT s.id AS "id!", w.id IS NULL AS "fresh!"
        FROM stretch s LEFT JOIN waiting w ON w.id = s.id
        ORDER BY s.id"#,
        after,
        limit
    )
    .fetch_all(connection)
    .await?;
    Ok(Stretch::of(rows.iter().map(|row| (row.id, row.fresh))))
}
