//! The SQL of questions.

use sqlx::{PgConnection, Postgres, QueryBuilder};

use super::filter::{ConfirmedFilter, Filter};
use super::shape::{Upload, UploadRow};
use super::tickets::TicketRow;
use crate::http::page::Order;
use crate::ticket::Ticket;
use crate::vod::event::FileId;

/// An upload with the context of the ticket that made it somebody's, which is looked up for those that are shown: a join
/// would read all tickets for some hundred uploads. Most have none, which a small index of those that do knows.
const UPLOADS: &str = "SELECT u.*, CASE WHEN u.attribution_method = 'ticket'
        THEN (SELECT t.context FROM tickets t WHERE t.id = u.ticket AND t.context IS NOT NULL) END AS context
    FROM uploads u WHERE u.announced_at IS NOT NULL";
/// The same of a few uploads that are looked up first.
const OF_THESE: &str = "SELECT u.*, CASE WHEN u.attribution_method = 'ticket'
        THEN (SELECT t.context FROM tickets t WHERE t.id = u.ticket AND t.context IS NOT NULL) END AS context
    FROM (";
const OF_THESE_END: &str = " OFFSET 0) u WHERE u.announced_at IS NOT NULL";

/// What VOD contradicts is shown only to whoever asks for it.
const NOT_REFUTED: &str = " AND u.confirmed <> 'refuted'";

/// One page of uploads, and one more if the list goes on. The statement holds only the conditions
/// that were asked for, so that each leans on its index: user, ticket, task, rare reasons, nobody's, else time.
///
/// Of a user, ticket or task that is frequent, Postgres would rather pass over the newest uploads of everybody until it
/// has met enough of them, which is right only if they are among the newest. So a ticket's and a task's are looked up
/// before they are put in order, and a user's are a range of their index, which nothing else has in that order.
#[tracing::instrument(name = "db.uploads.list", level = "debug", skip_all)]
pub async fn list(
    connection: &mut PgConnection,
    filter: &Filter,
) -> Result<Vec<Upload>, sqlx::Error> {
    let mut sql = looked_up(filter);
    push_conditions(&mut sql, filter);
    push_place(&mut sql, filter);
    let rows: Vec<UploadRow> = sql.build_query_as().fetch_all(connection).await?;
    Ok(rows
        .into_iter()
        .map(|row| row.show(|count| count))
        .collect())
}

/// Where the uploads are looked for.
fn looked_up(filter: &Filter) -> QueryBuilder<Postgres> {
    match (filter.ticket, &filter.task) {
        (Some(ticket), task) => {
            let mut sql = QueryBuilder::new(OF_THESE);
            sql.push("SELECT * FROM uploads WHERE ticket = ")
                .push_bind(ticket.0);
            if let Some(task) = task {
                sql.push(" AND ");
                push_task(&mut sql, task);
            }
            sql.push(OF_THESE_END);
            sql
        }
        (None, Some(task)) => {
            let mut sql = QueryBuilder::new(OF_THESE);
            sql.push("SELECT * FROM uploads WHERE ");
            push_task(&mut sql, task);
            sql.push(OF_THESE_END);
            sql
        }
        (None, None) => QueryBuilder::new(UPLOADS),
    }
}

fn push_task(sql: &mut QueryBuilder<Postgres>, task: &str) {
    sql.push("(app, file_id) IN (SELECT k.app, k.file_id FROM tasks k WHERE k.task_id = ");
    sql.push_bind(task).push(")");
}

fn push_conditions(sql: &mut QueryBuilder<Postgres>, filter: &Filter) {
    if let Some(user_id) = &filter.user_id {
        sql.push(" AND u.user_id >= ").push_bind(user_id.as_str());
        sql.push(" AND u.user_id <= ").push_bind(user_id.as_str());
    }
    if let Some(apps) = &filter.apps {
        sql.push(" AND u.app = ANY(")
            .push_bind(apps.as_slice())
            .push(")");
    }
    if let Some(file_id) = &filter.file_id {
        sql.push(" AND u.file_id = ").push_bind(file_id.as_str());
    }
    match filter.attribution.map(|method| method.as_str()) {
        Some("none") => {
            sql.push(" AND u.user_id IS NULL");
        }
        Some(method) => {
            sql.push(" AND u.attribution_method = ").push_bind(method);
        }
        None => {}
    }
    if let Some(reason) = filter.reason {
        sql.push(" AND u.attribution_reason = ")
            .push_bind(reason.as_str());
        if reason.is_rare() {
            sql.push(" AND u.attribution_reason NOT IN ('ticket', 'resolver')");
        }
    }
    if let Some(processing) = filter.processing {
        sql.push(" AND u.processing = ")
            .push_bind(processing.as_str());
    }
    match filter.confirmed {
        // Not bound, so that the statement leans on the index of these few.
        Some(ConfirmedFilter::Refuted) => sql.push(" AND u.confirmed = 'refuted'"),
        Some(confirmed) => sql
            .push(" AND u.confirmed = ")
            .push_bind(confirmed.as_str()),
        None => sql.push(NOT_REFUTED),
    };
    for (condition, time) in [
        (" AND u.recorded_at >= ", filter.from),
        (" AND u.recorded_at < ", filter.to),
        (" AND u.uploaded_at >= ", filter.uploaded_from),
        (" AND u.uploaded_at < ", filter.uploaded_to),
    ] {
        if let Some(time) = time {
            sql.push(condition).push_bind(time);
        }
    }
    if let Some(deleted) = filter.deleted {
        sql.push(if deleted {
            " AND u.deleted_at IS NOT NULL"
        } else {
            " AND u.deleted_at IS NULL"
        });
    }
}

/// Where in the list the page lies, and in what order it runs.
fn push_place(sql: &mut QueryBuilder<Postgres>, filter: &Filter) {
    let user_id = filter.user_id.as_ref();
    if let Some((recorded_at, app, file_id)) = &filter.after {
        sql.push(" AND (");
        sql.push(user_id.map_or("", |_| "u.user_id, "));
        sql.push("u.recorded_at, u.app, u.file_id) ");
        sql.push(match filter.order {
            Order::Desc => "< (",
            Order::Asc => "> (",
        });
        if let Some(user_id) = user_id {
            sql.push_bind(user_id.as_str()).push(", ");
        }
        sql.push_bind(*recorded_at)
            .push(", ")
            .push_bind(app)
            .push(", ")
            .push_bind(file_id)
            .push(")");
    }
    sql.push(match (filter.order, user_id) {
        (Order::Desc, None) => " ORDER BY u.recorded_at DESC, u.app DESC, u.file_id DESC",
        (Order::Asc, None) => " ORDER BY u.recorded_at, u.app, u.file_id",
        (Order::Desc, Some(_)) => {
            " ORDER BY u.user_id DESC, u.recorded_at DESC, u.app DESC, u.file_id DESC"
        }
        (Order::Asc, Some(_)) => " ORDER BY u.user_id, u.recorded_at, u.app, u.file_id",
    });
    sql.push(" LIMIT ")
        .push_bind(i64::try_from(filter.limit + 1).unwrap_or(i64::MAX));
}

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
