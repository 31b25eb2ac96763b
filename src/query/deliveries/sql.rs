//! The SQL of deliveries.

use sqlx::{PgConnection, Postgres, QueryBuilder};
use uuid::Uuid;

use super::filter::{Filter, StateFilter};
use super::list::Delivery;
use super::one::Whole;
use crate::http::page::{LOOKED_AT, Order};
use crate::ops::random::first_uuid_v7;

/// All but the body, which most bodies are read without.
const COLUMNS: &str = "d.id, d.app, d.door, d.received_at, d.recorded_at, d.state, d.quarantine_reason, d.event_type, d.format,
    d.file_id, coalesce(cardinality(d.more_file_ids), 0) + (d.file_id IS NOT NULL)::integer AS files,
    d.task_id, d.refuted, octet_length(d.body) AS body_bytes";

/// Where a page has to end that looks at so many rows; `None` where fewer are left. By the primary key alone.
#[tracing::instrument(name = "db.deliveries.horizon", level = "debug", skip_all)]
pub async fn horizon(
    connection: &mut PgConnection,
    filter: &Filter,
) -> Result<Option<Uuid>, sqlx::Error> {
    let mut sql = QueryBuilder::<Postgres>::new("SELECT d.id FROM deliveries d WHERE true");
    push_bounds(&mut sql, filter);
    push_order(&mut sql, filter.order);
    sql.push(" LIMIT 1 OFFSET ").push_bind(LOOKED_AT - 1);
    sql.build_query_scalar().fetch_optional(connection).await
}

/// One page of deliveries, and one more if the list goes on before the horizon. The statement holds only the
/// conditions that were asked for, so that each leans on its index: the two of files, quarantine's, else the primary
/// key, by which whole months are passed over.
#[tracing::instrument(name = "db.deliveries.list", level = "debug", skip_all)]
pub async fn list(
    connection: &mut PgConnection,
    filter: &Filter,
    horizon: Option<Uuid>,
) -> Result<Vec<Delivery>, sqlx::Error> {
    let mut sql = QueryBuilder::<Postgres>::new("SELECT ");
    sql.push(COLUMNS).push(" FROM ");
    match &filter.file_id {
        None => sql.push("deliveries d"),
        Some(file_id) => sql
            .push("(SELECT * FROM deliveries WHERE file_id = ")
            .push_bind(file_id.as_str())
            .push(" UNION ALL SELECT * FROM deliveries WHERE more_file_ids @> ARRAY[")
            .push_bind(file_id.as_str())
            .push("::text]) d"),
    };
    sql.push(" WHERE true");
    match filter.state {
        Some(StateFilter::Recorded) => sql.push(" AND d.state = 'recorded'"),
        // Not bound, so that the statement leans on the index of these few.
        Some(StateFilter::Quarantined) => sql.push(" AND d.state = 'quarantined'"),
        None => &mut sql,
    };
    if let Some(apps) = &filter.apps {
        sql.push(" AND d.app = ANY(")
            .push_bind(apps.as_slice())
            .push(")");
    }
    for (condition, code) in [
        (" AND d.door = ", filter.door.map(|door| door.as_str())),
        (
            " AND d.quarantine_reason = ",
            filter.quarantine_reason.as_deref(),
        ),
        (" AND d.event_type = ", filter.event_type.as_deref()),
    ] {
        if let Some(code) = code {
            sql.push(condition).push_bind(code);
        }
    }
    if let Some(from) = filter.from {
        sql.push(" AND d.received_at >= ").push_bind(from);
    }
    if let Some(to) = filter.to {
        sql.push(" AND d.received_at < ").push_bind(to);
    }
    push_bounds(&mut sql, filter);
    if let Some(horizon) = horizon {
        sql.push(match filter.order {
            Order::Desc => " AND d.id >= ",
            Order::Asc => " AND d.id <= ",
        });
        sql.push_bind(horizon);
    }
    push_order(&mut sql, filter.order);
    let more = i64::try_from(filter.limit + 1).unwrap_or(i64::MAX);
    sql.push(" LIMIT ").push_bind(more);
    sql.build_query_as().fetch_all(connection).await
}

/// Between which ids the page lies: an id's time is `received_at`, cut to milliseconds.
fn push_bounds(sql: &mut QueryBuilder<Postgres>, filter: &Filter) {
    if let Some(from) = filter.from {
        sql.push(" AND d.id >= ").push_bind(first_uuid_v7(from));
    }
    if let Some(to) = filter.to {
        let after = to + chrono::TimeDelta::milliseconds(1);
        sql.push(" AND d.id < ").push_bind(first_uuid_v7(after));
    }
    if let Some(after) = filter.after {
        sql.push(match filter.order {
            Order::Desc => " AND d.id < ",
            Order::Asc => " AND d.id > ",
        });
        sql.push_bind(after);
    }
}

fn push_order(sql: &mut QueryBuilder<Postgres>, order: Order) {
    sql.push(match order {
        Order::Desc => " ORDER BY d.id DESC",
        Order::Asc => " ORDER BY d.id",
    });
}

/// One delivery with its body.
#[tracing::instrument(name = "db.deliveries.read", level = "debug", skip_all)]
pub async fn read(connection: &mut PgConnection, id: Uuid) -> Result<Option<Whole>, sqlx::Error> {
    let mut sql = QueryBuilder::<Postgres>::new("SELECT ");
    sql.push(COLUMNS)
        .push(", d.more_file_ids, d.body FROM deliveries d WHERE d.id = ")
        .push_bind(id);
    sql.build_query_as().fetch_optional(connection).await
}

/// The app of a delivery.
#[tracing::instrument(name = "db.deliveries.app", level = "debug", skip_all)]
pub async fn app(connection: &mut PgConnection, id: Uuid) -> Result<Option<String>, sqlx::Error> {
    sqlx::query_scalar!("SELECT app FROM deliveries WHERE id = $1", id)
        .fetch_optional(connection)
        .await
}
