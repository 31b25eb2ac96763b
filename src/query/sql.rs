//! The SQL of questions.

use sqlx::{PgConnection, Postgres, QueryBuilder};

use super::shape::{Upload, UploadRow};
use super::tickets::TicketRow;
use crate::ticket::Ticket;
use crate::vod::event::FileId;

/// An upload with the context of the ticket that made it somebody's, which is looked up for those that are shown: a join
/// would read all tickets for some hundred uploads. Most have none, which a small index of those that do knows.
pub(super) const UPLOADS: &str = "SELECT u.*, CASE WHEN u.attribution_method = 'ticket'
        THEN (SELECT t.context FROM tickets t WHERE t.id = u.ticket AND t.context IS NOT NULL) END AS context
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
        r#"SELECT app, user_id, context AS "context: sqlx::types::Json<Box<serde_json::value::RawValue>>", created_at,
            last_expires_at
        FROM tickets WHERE id = $1"#,
        ticket.0,
    )
    .fetch_optional(connection)
    .await
}
