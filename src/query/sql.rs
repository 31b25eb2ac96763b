//! The SQL of questions.

use sqlx::{PgConnection, Postgres, QueryBuilder};

use super::history::{AttributionChange, DeliveryLine, Issue, TaskLine, TaskOutput, TicketUse};
use super::shape::{Upload, UploadRow};
use super::tickets::TicketRow;
use crate::ticket::Ticket;
use crate::vod::event::FileId;

/// An upload with the context of the ticket that made it somebody's, which is looked up for those that are shown: a join
/// would read all tickets for some hundred uploads.
pub(super) const UPLOADS: &str = "SELECT u.*, CASE WHEN u.attribution_method = 'ticket'
        THEN (SELECT t.context FROM tickets t WHERE t.id = u.ticket) END AS context
    FROM uploads u WHERE u.announced_at IS NOT NULL";
/// What VOD contradicts is shown only to whoever asks for it.
pub(super) const NOT_REFUTED: &str = " AND u.confirmed <> 'refuted'";

/// The uploads with this file id, one an app.
#[tracing::instrument(name = "db.uploads.find", level = "debug", skip_all)]
pub async fn find(
    connection: &mut PgConnection,
    file_id: &FileId,
    apps: Option<&[String]>,
) -> Result<Vec<UploadRow>, sqlx::Error> {
    let mut sql = QueryBuilder::<Postgres>::new(UPLOADS);
    sql.push(" AND u.file_id = ").push_bind(file_id.as_str());
    if let Some(apps) = apps {
        sql.push(" AND u.app = ANY(").push_bind(apps).push(")");
    }
    sql.build_query_as().fetch_all(connection).await
}

/// The uploads with these file ids, in no order: looks into the primary key, once for each.
#[tracing::instrument(name = "db.uploads.find_all", level = "debug", skip_all, fields(files = file_ids.len()))]
pub async fn find_all(
    connection: &mut PgConnection,
    file_ids: &[String],
    apps: Option<&[String]>,
) -> Result<Vec<Upload>, sqlx::Error> {
    let mut sql = QueryBuilder::<Postgres>::new(UPLOADS);
    sql.push(" AND u.file_id = ANY(")
        .push_bind(file_ids)
        .push(")");
    if let Some(apps) = apps {
        sql.push(" AND u.app = ANY(").push_bind(apps).push(")");
    }
    let rows: Vec<UploadRow> = sql.build_query_as().fetch_all(connection).await?;
    Ok(rows
        .into_iter()
        .map(|row| row.show(|count| count))
        .collect())
}

/// The uploads that a ticket brought, oldest first.
#[tracing::instrument(name = "db.uploads.of_ticket", level = "debug", skip_all)]
pub async fn of_ticket(
    connection: &mut PgConnection,
    ticket: Ticket,
    app: &str,
) -> Result<Vec<Upload>, sqlx::Error> {
    let mut sql = QueryBuilder::<Postgres>::new(UPLOADS);
    sql.push(" AND u.ticket = ")
        .push_bind(ticket.0)
        .push(" AND u.app = ")
        .push_bind(app);
    sql.push(NOT_REFUTED);
    sql.push(" ORDER BY u.recorded_at, u.file_id");
    let rows: Vec<UploadRow> = sql.build_query_as().fetch_all(connection).await?;
    Ok(rows
        .into_iter()
        .map(|row| row.show(|count| count))
        .collect())
}

/// A ticket.
#[tracing::instrument(name = "db.tickets.read", level = "debug", skip_all)]
pub async fn ticket(
    connection: &mut PgConnection,
    ticket: Ticket,
) -> Result<Option<TicketRow>, sqlx::Error> {
    sqlx::query_as!(
        TicketRow,
        r#"SELECT app, user_id, context AS "context: sqlx::types::Json<Box<serde_json::value::RawValue>>", created_at
        FROM tickets WHERE id = $1"#,
        ticket.0,
    )
    .fetch_optional(connection)
    .await
}

/// The signatures of a ticket, oldest first. An upload may name a ticket of another app, whose
/// signatures are that app's.
#[tracing::instrument(name = "db.signature_issues.of_ticket", level = "debug", skip_all)]
pub async fn issues(
    connection: &mut PgConnection,
    ticket: Ticket,
    app: &str,
) -> Result<Vec<Issue>, sqlx::Error> {
    sqlx::query_as!(
        Issue,
        r#"SELECT id AS "issue_id!", issued_at AS "issued_at!", expires_at AS "expires_at!", one_time AS "one_time!", procedure
        FROM signature_issues WHERE ticket = $1 AND app = $2 ORDER BY id"#,
        ticket.0,
        app,
    )
    .fetch_all(connection)
    .await
}

/// How a ticket was used in an app. One that is not in the log may be named all the same. Whoever holds a ticket
/// may bring any number of files by it, so they are counted up to 1000 only.
#[tracing::instrument(name = "db.uploads.count_of_ticket", level = "debug", skip_all)]
pub async fn ticket_use(
    connection: &mut PgConnection,
    ticket: Ticket,
    app: &str,
) -> Result<TicketUse, sqlx::Error> {
    sqlx::query_as!(
        TicketUse,
        r#"SELECT u.files AS "files!", t.one_time AS "one_time?", t.last_expires_at AS "last_expires_at?"
        FROM (
            SELECT count(*) AS files
            FROM (SELECT FROM uploads WHERE ticket = $1 AND app = $2 AND announced_at IS NOT NULL LIMIT 1000) u
        ) u LEFT JOIN tickets t ON t.id = $1 AND t.app = $2"#,
        ticket.0,
        app,
    )
    .fetch_one(connection)
    .await
}

/// The deliveries that name a file, oldest first; two indexes, one of them nearly empty.
#[tracing::instrument(name = "db.deliveries.of_file", level = "debug", skip_all)]
pub async fn deliveries(
    connection: &mut PgConnection,
    app: &str,
    file_id: &str,
) -> Result<Vec<DeliveryLine>, sqlx::Error> {
    sqlx::query_as!(
        DeliveryLine,
        r#"SELECT id AS "id!", door AS "door!", event_type, format, received_at AS "received_at!", refuted
        FROM deliveries WHERE file_id = $2 AND app = $1
        UNION ALL
        SELECT id, door, event_type, format, received_at, refuted
        FROM deliveries WHERE more_file_ids @> ARRAY[$2::text] AND app = $1
        ORDER BY 1"#,
        app,
        file_id,
    )
    .fetch_all(connection)
    .await
}

/// The tasks of a file, oldest first.
#[tracing::instrument(name = "db.tasks.of_file", level = "debug", skip_all)]
pub async fn tasks(
    connection: &mut PgConnection,
    app: &str,
    file_id: &str,
) -> Result<Vec<TaskLine>, sqlx::Error> {
    sqlx::query_as!(
        TaskLine,
        r#"SELECT task_id, role, event_type, state, error_code, message,
            outputs AS "outputs: sqlx::types::Json<Vec<TaskOutput>>", recorded_at, updated_at
        FROM tasks WHERE file_id = $2 AND app = $1 ORDER BY recorded_at, task_id"#,
        app,
        file_id,
    )
    .fetch_all(connection)
    .await
}

/// The verdicts that a file had before, oldest first.
#[tracing::instrument(name = "db.attribution_changes.of_file", level = "debug", skip_all)]
pub async fn attribution_changes(
    connection: &mut PgConnection,
    app: &str,
    file_id: &str,
) -> Result<Vec<AttributionChange>, sqlx::Error> {
    sqlx::query_as!(
        AttributionChange,
        r#"SELECT at, decided_by, note, user_before, user_after, method_before, method_after, reason_before, reason_after
        FROM attribution_changes WHERE file_id = $2 AND app = $1 ORDER BY id"#,
        app,
        file_id,
    )
    .fetch_all(connection)
    .await
}
