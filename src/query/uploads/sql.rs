//! The SQL of the list of uploads.

use sqlx::{PgConnection, Postgres, QueryBuilder};

use crate::http::page::{LOOKED_AT, Order};
use crate::query::filter::{AttributionFilter, ConfirmedFilter, Filter, Key};
use crate::query::shape::{Upload, UploadRow};
use crate::query::sql::{NOT_REFUTED, UPLOADS};

/// The same of a few uploads that are looked up first.
const OF_THESE: &str = "SELECT u.*, CASE WHEN u.attribution_method = 'ticket'
        THEN (SELECT t.context FROM tickets t WHERE t.id = u.ticket AND t.context IS NOT NULL) END AS context
    FROM (";
const OF_THESE_END: &str = " OFFSET 0) u WHERE u.announced_at IS NOT NULL";

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
    let mut sql = if filter.is_sparse() {
        let mut sql = QueryBuilder::new(OF_THESE);
        sql.push("SELECT * FROM uploads u WHERE u.announced_at IS NOT NULL");
        push_indexed(&mut sql, filter);
        push_place(&mut sql, filter);
        sql.push(" LIMIT ")
            .push_bind(LOOKED_AT)
            .push(") u WHERE true");
        push_others(&mut sql, filter);
        push_order(&mut sql, filter);
        sql
    } else {
        let mut sql = looked_up(filter);
        push_indexed(&mut sql, filter);
        push_others(&mut sql, filter);
        push_place(&mut sql, filter);
        sql
    };
    let more = i64::try_from(filter.limit + 1).unwrap_or(i64::MAX);
    sql.push(" LIMIT ").push_bind(more);
    let rows: Vec<UploadRow> = sql.build_query_as().fetch_all(connection).await?;
    Ok(rows
        .into_iter()
        .map(|row| row.show(|count| count))
        .collect())
}

/// Where a page of a sparse list has to end; `None` where fewer rows are left. By an index alone.
#[tracing::instrument(name = "db.uploads.horizon", level = "debug", skip_all)]
pub async fn horizon(
    connection: &mut PgConnection,
    filter: &Filter,
) -> Result<Option<Key>, sqlx::Error> {
    let mut sql = QueryBuilder::new(
        "SELECT u.recorded_at, u.app, u.file_id FROM uploads u WHERE u.announced_at IS NOT NULL",
    );
    push_indexed(&mut sql, filter);
    push_place(&mut sql, filter);
    sql.push(" LIMIT 1 OFFSET ").push_bind(LOOKED_AT - 1);
    sql.build_query_as().fetch_optional(connection).await
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

/// What an index tells.
fn push_indexed(sql: &mut QueryBuilder<Postgres>, filter: &Filter) {
    if let Some(user_id) = &filter.user_id {
        sql.push(" AND u.user_id >= ").push_bind(user_id.as_str());
        sql.push(" AND u.user_id <= ").push_bind(user_id.as_str());
    }
    if matches!(filter.attribution, Some(AttributionFilter::None)) {
        sql.push(" AND u.user_id IS NULL");
    }
    if let Some(reason) = filter.reason.filter(|reason| reason.is_rare()) {
        sql.push(" AND u.attribution_reason = ")
            .push_bind(reason.as_str())
            .push(" AND u.attribution_reason NOT IN ('ticket', 'resolver')");
    }
    // Not bound, so that the statement leans on the index of these few.
    if matches!(filter.confirmed, Some(ConfirmedFilter::Refuted)) {
        sql.push(" AND u.confirmed = 'refuted'");
    }
    for (condition, time) in [
        (" AND u.recorded_at >= ", filter.from),
        (" AND u.recorded_at < ", filter.to),
    ] {
        if let Some(time) = time {
            sql.push(condition).push_bind(time);
        }
    }
}

/// What the rows tell.
fn push_others(sql: &mut QueryBuilder<Postgres>, filter: &Filter) {
    if let Some(apps) = &filter.apps {
        sql.push(" AND u.app = ANY(")
            .push_bind(apps.as_slice())
            .push(")");
    }
    let method = filter.attribution.map(|method| method.as_str());
    let reason = filter.reason.filter(|reason| !reason.is_rare());
    let confirmed = filter.confirmed.map(|confirmed| confirmed.as_str());
    for (condition, code) in [
        (
            " AND u.file_id = ",
            filter.file_id.as_ref().map(|id| id.as_str()),
        ),
        (
            " AND u.attribution_method = ",
            method.filter(|method| *method != "none"),
        ),
        (
            " AND u.attribution_reason = ",
            reason.map(|reason| reason.as_str()),
        ),
        (
            " AND u.processing = ",
            filter.processing.map(|processing| processing.as_str()),
        ),
        (
            " AND u.confirmed = ",
            confirmed.filter(|confirmed| *confirmed != "refuted"),
        ),
    ] {
        if let Some(code) = code {
            sql.push(condition).push_bind(code);
        }
    }
    if filter.confirmed.is_none() {
        sql.push(NOT_REFUTED);
    }
    for (condition, time) in [
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

/// Where in the list the page begins, and in what order it runs.
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
    push_order(sql, filter);
}

fn push_order(sql: &mut QueryBuilder<Postgres>, filter: &Filter) {
    sql.push(match (filter.order, &filter.user_id) {
        (Order::Desc, None) => " ORDER BY u.recorded_at DESC, u.app DESC, u.file_id DESC",
        (Order::Asc, None) => " ORDER BY u.recorded_at, u.app, u.file_id",
        (Order::Desc, Some(_)) => {
            " ORDER BY u.user_id DESC, u.recorded_at DESC, u.app DESC, u.file_id DESC"
        }
        (Order::Asc, Some(_)) => " ORDER BY u.user_id, u.recorded_at, u.app, u.file_id",
    });
}
