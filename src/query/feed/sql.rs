//! The SQL of the feed.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::ops::random::first_uuid_v7;
use crate::query::history::{AROUND, Issue};
use crate::query::shape::UploadRow;

/// A line of the change log.
#[derive(Debug)]
pub struct Line {
    pub seq: i64,
    pub at: DateTime<Utc>,
    pub kind: String,
    pub app: String,
    pub file_id: String,
    pub ticket: Option<Uuid>,
    pub user_before: Option<String>,
    pub user_after: Option<String>,
}

/// A stretch of the change log, as one snapshot holds it.
#[derive(Debug)]
pub struct Stretch {
    /// The number of the newest line of all.
    pub head: i64,
    /// In their order.
    pub lines: Vec<Line>,
}

/// The lines after a number, and where the log ends. Leans on the key of `changes`.
#[tracing::instrument(name = "db.changes.read", level = "debug", skip_all)]
pub async fn stretch(
    connection: &mut PgConnection,
    after: i64,
    at_most: usize,
) -> Result<Stretch, sqlx::Error> {
    let rows = sqlx::query!(
        r#"SELECT h.seq AS "head!", c.seq AS "seq?", c.at AS "at?", c.kind AS "kind?", c.app AS "app?",
            c.file_id AS "file_id?", c.ticket AS "ticket?", c.user_before AS "user_before?",
            c.user_after AS "user_after?"
        FROM feed_head h LEFT JOIN LATERAL (
            SELECT * FROM changes WHERE seq > $1 ORDER BY seq LIMIT $2
        ) c ON true
        ORDER BY c.seq"#,
        after,
        i64::try_from(at_most).unwrap_or(i64::MAX),
    )
    .fetch_all(connection)
    .await?;
    let head = rows.first().map_or(0, |row| row.head);
    let lines = rows.into_iter().filter_map(|row| {
        Some(Line {
            seq: row.seq?,
            at: row.at?,
            kind: row.kind?,
            app: row.app?,
            file_id: row.file_id?,
            ticket: row.ticket,
            user_before: row.user_before,
            user_after: row.user_after,
        })
    });
    Ok(Stretch {
        head,
        lines: lines.collect(),
    })
}

/// The uploads of these apps and file ids, side by side. `OFFSET 0` keeps it one look into the key for each, whatever
/// the planner believes.
#[tracing::instrument(name = "db.uploads.of_changes", level = "debug", skip_all)]
pub async fn uploads(
    connection: &mut PgConnection,
    apps: &[&str],
    file_ids: &[&str],
) -> Result<Vec<UploadRow>, sqlx::Error> {
    sqlx::query_as(
        "SELECT u.*, t.context
        FROM (SELECT unnest($1::text[]) AS app, unnest($2::text[]) AS file_id) k,
            LATERAL (
                SELECT * FROM uploads u WHERE u.file_id = k.file_id AND u.app = k.app AND u.announced_at IS NOT NULL OFFSET 0
            ) u
            LEFT JOIN LATERAL (
                SELECT t.context FROM tickets t WHERE t.id = u.ticket AND t.context IS NOT NULL AND u.attribution_method = 'ticket' OFFSET 0
            ) t ON true",
    )
    .bind(apps)
    .bind(file_ids)
    .fetch_all(connection)
    .await
}

/// The uploads that these tickets brought, at most so many each, oldest first, but for those that VOD does not know.
#[tracing::instrument(name = "db.uploads.of_tickets", level = "debug", skip_all, fields(tickets = tickets.len()))]
pub async fn uploads_of(
    connection: &mut PgConnection,
    tickets: &[Uuid],
    at_most: usize,
) -> Result<Vec<UploadRow>, sqlx::Error> {
    sqlx::query_as(
        "SELECT u.*, t.context
        FROM (SELECT unnest($1::uuid[]) AS id) k,
            LATERAL (
                SELECT * FROM uploads u
                WHERE u.ticket = k.id AND u.announced_at IS NOT NULL AND u.confirmed <> 'refuted' LIMIT $2
            ) u
            LEFT JOIN LATERAL (
                SELECT t.context FROM tickets t WHERE t.id = u.ticket AND t.context IS NOT NULL AND u.attribution_method = 'ticket' OFFSET 0
            ) t ON true
        ORDER BY u.recorded_at, u.file_id",
    )
    .bind(tickets)
    .bind(i64::try_from(at_most).unwrap_or(i64::MAX))
    .fetch_all(connection)
    .await
}

/// The signatures of these tickets, oldest first. In which months they are is told by the tickets.
#[tracing::instrument(name = "db.signature_issues.of_tickets", level = "debug", skip_all, fields(tickets = tickets.len()))]
pub async fn issues_of(
    connection: &mut PgConnection,
    tickets: &[Uuid],
) -> Result<Vec<(Uuid, Issue)>, sqlx::Error> {
    let valid = sqlx::query!(
        r#"SELECT min(t.created_at) AS "from?", max(t.last_expires_at) AS "to?"
        FROM (SELECT unnest($1::uuid[]) AS id) k, LATERAL (SELECT * FROM tickets WHERE id = k.id OFFSET 0) t"#,
        tickets,
    )
    .fetch_one(&mut *connection)
    .await?;
    let (Some(from), Some(to)) = (valid.from, valid.to) else {
        return Ok(Vec::new());
    };
    let rows = sqlx::query!(
        r#"SELECT i.ticket AS "ticket!", i.id AS "id!", i.issued_at AS "issued_at!", i.expires_at AS "expires_at!",
            i.one_time AS "one_time!", i.procedure
        FROM (SELECT unnest($1::uuid[]) AS id) k,
            LATERAL (SELECT * FROM signature_issues WHERE ticket = k.id AND id >= $2 AND id < $3 OFFSET 0) i
        ORDER BY i.id"#,
        tickets,
        first_uuid_v7(from - AROUND),
        first_uuid_v7(to + AROUND),
    )
    .fetch_all(connection)
    .await?;
    let issues = rows.into_iter().map(|row| {
        let issue = Issue {
            issue_id: row.id,
            issued_at: row.issued_at,
            expires_at: row.expires_at,
            one_time: row.one_time,
            procedure: row.procedure,
        };
        (row.ticket, issue)
    });
    Ok(issues.collect())
}
