//! The SQL of the steps: what is left of a person.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::ops::random::first_uuid_v7;
use crate::record::erase::sql::Key;

/// Rows of a step.
const ROWS: i64 = 500;
/// Rows that are only looked at.
const LOOKED_AT: i64 = 2_000;
/// Tickets that are looked at together.
const TICKETS: i64 = 10_000;
/// Bodies that are looked into together.
const BODIES: i64 = 200;

/// A signature of the log.
pub struct Issue {
    pub id: Uuid,
    pub ticket: Uuid,
}

/// An upload of nobody's, with what its contexts say.
pub struct Nobodys {
    pub app: String,
    pub file_id: String,
    pub recorded_at: DateTime<Utc>,
    pub source_context: Option<String>,
    pub session_context: Option<String>,
}

/// A body that is kept.
pub struct Body {
    pub id: Uuid,
    pub body: Vec<u8>,
}

/// Signatures that a person was given; leans on `signature_issues_by_user`. Every ticket has one.
#[tracing::instrument(name = "db.signature_issues.of_user", level = "debug", skip_all)]
pub async fn issues(
    connection: &mut PgConnection,
    user_id: &str,
) -> Result<Vec<Issue>, sqlx::Error> {
    sqlx::query_as!(
        Issue,
        "SELECT id, ticket FROM signature_issues WHERE user_id = $1 ORDER BY user_id, id LIMIT $2",
        user_id,
        ROWS,
    )
    .fetch_all(connection)
    .await
}

/// Uploads of tickets that are the person's or nobody's; leans on `uploads_by_ticket`.
#[tracing::instrument(name = "db.uploads.of_tickets", level = "debug", skip_all)]
pub async fn uploads_of_tickets(
    connection: &mut PgConnection,
    tickets: &[Uuid],
    user_id: &str,
) -> Result<Vec<Key>, sqlx::Error> {
    let rows = sqlx::query!(
        r#"SELECT u.app AS "app!", u.file_id AS "file_id!"
        FROM (SELECT DISTINCT unnest($1::uuid[]) AS ticket) t,
        LATERAL (
            SELECT app, file_id FROM uploads
            WHERE ticket = t.ticket AND attribution_reason <> 'erased' AND (user_id = $2 OR user_id IS NULL) OFFSET 0
        ) u LIMIT $3"#,
        tickets,
        user_id,
        ROWS,
    )
    .fetch_all(connection)
    .await?;
    Ok(rows.into_iter().map(|row| (row.app, row.file_id)).collect())
}

/// Takes the person out of signatures and of their tickets.
#[tracing::instrument(name = "db.signature_issues.erase", level = "debug", skip_all)]
pub async fn forget_issues(
    connection: &mut PgConnection,
    erasure: Uuid,
    user_id: &str,
    issues: &[Uuid],
    tickets: &[Uuid],
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "WITH tickets_forgotten AS (
            UPDATE tickets SET user_id = NULL, context = NULL WHERE id = ANY($4) AND user_id = $2 RETURNING 1
        ),
        issues_forgotten AS (
            UPDATE signature_issues SET user_id = NULL WHERE id = ANY($3) AND user_id = $2 RETURNING 1
        )
        UPDATE erasures SET
            tickets = tickets + (SELECT count(*) FROM tickets_forgotten),
            signatures = signatures + (SELECT count(*) FROM issues_forgotten)
        WHERE id = $1",
        erasure,
        user_id,
        issues,
        tickets,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Tickets of before the oldest month of signatures that is kept, after one, and whether they are the person's.
#[tracing::instrument(name = "db.tickets.old", level = "debug", skip_all)]
pub async fn old_tickets(
    connection: &mut PgConnection,
    after: Uuid,
    user_id: &str,
) -> Result<Vec<(Uuid, bool)>, sqlx::Error> {
    let kept_since = sqlx::query_scalar!("SELECT issues_since FROM rollup_state");
    let Some(since) = kept_since.fetch_optional(&mut *connection).await?.flatten() else {
        return Ok(Vec::new());
    };
    let rows = sqlx::query!(
        r#"SELECT id, coalesce(user_id = $3, false) AS "is_theirs!" FROM tickets WHERE id > $1 AND id < $2 ORDER BY id LIMIT $4"#,
        after,
        first_uuid_v7(since),
        user_id,
        TICKETS,
    )
    .fetch_all(connection)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| (row.id, row.is_theirs))
        .collect())
}

/// Uploads of a person, those included that wait for their upload event; leans on `uploads_by_user` and
/// `uploads_unannounced_by_user`.
#[tracing::instrument(name = "db.uploads.of_user", level = "debug", skip_all)]
pub async fn uploads_of_user(
    connection: &mut PgConnection,
    user_id: &str,
) -> Result<Vec<Key>, sqlx::Error> {
    let rows = sqlx::query!(
        r#"(SELECT app AS "app!", file_id AS "file_id!" FROM uploads WHERE user_id = $1 AND announced_at IS NOT NULL LIMIT $2)
        UNION ALL
        (SELECT app, file_id FROM uploads WHERE user_id = $1 AND announced_at IS NULL LIMIT $2)"#,
        user_id,
        ROWS,
    )
    .fetch_all(connection)
    .await?;
    Ok(rows.into_iter().map(|row| (row.app, row.file_id)).collect())
}

/// Verdicts of before that name a person, and of which files; leans on the two indexes on users.
#[tracing::instrument(name = "db.attribution_changes.of_user", level = "debug", skip_all)]
pub async fn verdicts(
    connection: &mut PgConnection,
    user_id: &str,
) -> Result<Vec<(Uuid, Key)>, sqlx::Error> {
    let rows = sqlx::query!(
        r#"(SELECT id AS "id!", app AS "app!", file_id AS "file_id!" FROM attribution_changes WHERE user_before = $1 LIMIT $2)
        UNION
        (SELECT id, app, file_id FROM attribution_changes WHERE user_after = $1 LIMIT $2)"#,
        user_id,
        ROWS,
    )
    .fetch_all(connection)
    .await?;
    let rows = rows.into_iter();
    Ok(rows.map(|row| (row.id, (row.app, row.file_id))).collect())
}

/// Uploads of nobody with a context, after a place; leans on `uploads_of_nobody`.
#[tracing::instrument(name = "db.uploads.of_nobody", level = "debug", skip_all)]
pub async fn nobodys(
    connection: &mut PgConnection,
    after: &[String],
) -> Result<Vec<Nobodys>, sqlx::Error> {
    let at = after
        .first()
        .and_then(|at| at.parse::<DateTime<Utc>>().ok());
    let text = |place: usize| after.get(place).map_or("", String::as_str);
    sqlx::query_as!(
        Nobodys,
        "SELECT app, file_id, recorded_at, source_context, session_context FROM uploads
        WHERE announced_at IS NOT NULL AND user_id IS NULL AND (recorded_at, app, file_id) > ($1, $2, $3)
        ORDER BY recorded_at, app, file_id LIMIT $4",
        at.unwrap_or(DateTime::UNIX_EPOCH),
        text(1),
        text(2),
        LOOKED_AT,
    )
    .fetch_all(connection)
    .await
}

/// Files of which two contexts were told, after a place; leans on `uploads_contexts_differ`.
#[tracing::instrument(name = "db.uploads.contexts_differ", level = "debug", skip_all)]
pub async fn contexts_differ(
    connection: &mut PgConnection,
    after: &[String],
    limit: usize,
) -> Result<Vec<Key>, sqlx::Error> {
    let text = |place: usize| after.get(place).map_or("", String::as_str);
    let rows = sqlx::query!(
        "SELECT app, file_id FROM uploads WHERE contexts_differ AND (file_id, app) > ($1, $2) ORDER BY file_id, app LIMIT $3",
        text(0),
        text(1),
        i64::try_from(limit).unwrap_or(i64::MAX),
    )
    .fetch_all(connection)
    .await?;
    Ok(rows.into_iter().map(|row| (row.app, row.file_id)).collect())
}

/// Bodies that name files, the newest of each.
#[tracing::instrument(name = "db.deliveries.bodies_of", level = "debug", skip_all)]
pub async fn bodies_of(
    connection: &mut PgConnection,
    keys: &[Key],
) -> Result<Vec<Body>, sqlx::Error> {
    let (apps, file_ids): (Vec<_>, Vec<_>) = keys.iter().cloned().unzip();
    sqlx::query_as!(
        Body,
        r#"SELECT d.id AS "id!", d.body AS "body!"
        FROM (SELECT unnest($1::text[]) AS app, unnest($2::text[]) AS file_id) f,
        LATERAL (
            SELECT id, body FROM deliveries WHERE file_id = f.file_id AND app = f.app AND body IS NOT NULL
            ORDER BY id DESC LIMIT 1000
        ) d"#,
        &apps,
        &file_ids,
    )
    .fetch_all(connection)
    .await
}

/// Bodies that no upload leads to, after one; leans on `deliveries_aside`.
#[tracing::instrument(name = "db.deliveries.aside", level = "debug", skip_all)]
pub async fn aside(connection: &mut PgConnection, after: Uuid) -> Result<Vec<Body>, sqlx::Error> {
    sqlx::query_as!(
        Body,
        r#"SELECT id, coalesce(body, '') AS "body!" FROM deliveries
        WHERE (file_id IS NULL OR refuted IS NOT NULL) AND id > $1 ORDER BY id LIMIT $2"#,
        after,
        BODIES,
    )
    .fetch_all(connection)
    .await
}

/// Those of some tickets whose user is erased.
#[tracing::instrument(name = "db.tickets.erased", level = "debug", skip_all)]
pub async fn erased_tickets(
    connection: &mut PgConnection,
    tickets: &[Uuid],
) -> Result<Vec<Uuid>, sqlx::Error> {
    sqlx::query_scalar!(
        "SELECT id FROM tickets WHERE id = ANY($1) AND user_id IS NULL",
        tickets
    )
    .fetch_all(connection)
    .await
}

/// Takes the person out of what was counted of uploads, some each time; leans on `counted_uploads_by_user`.
#[tracing::instrument(name = "db.counted_uploads.erase", level = "debug", skip_all)]
pub async fn forget_counted(
    connection: &mut PgConnection,
    user_id: &str,
) -> Result<u64, sqlx::Error> {
    let done = sqlx::query!(
        "UPDATE counted_uploads SET user_id = NULL
        WHERE (file_id, app) IN (SELECT file_id, app FROM counted_uploads WHERE user_id = $1 LIMIT $2) AND user_id = $1",
        user_id,
        ROWS,
    )
    .execute(connection)
    .await?;
    Ok(done.rows_affected())
}
