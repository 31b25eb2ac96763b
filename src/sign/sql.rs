//! The SQL of the log of permissions.

use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, Utc};
use sqlx::{PgConnection, Postgres, QueryBuilder};
use uuid::Uuid;

use super::issue::{HeldTicket, Issue};
use super::log::{LogFilter, LogLine};
use super::{Asked, NotifyMode};
use crate::erased::Known;
use crate::http::page::LOOKED_AT;
use crate::ticket::{Ticket, UserId};

/// What the log holds of tickets, the last signature of each included.
#[tracing::instrument(name = "db.tickets.find", level = "debug", skip_all)]
pub async fn tickets(
    connection: &mut PgConnection,
    ids: &[Uuid],
) -> Result<HashMap<Ticket, HeldTicket>, sqlx::Error> {
    let rows = sqlx::query!(
        r#"SELECT t.id, t.app, t.user_id, t.context::text, i.procedure AS "procedure?", i.class_id AS "class_id?",
            i.task_priority AS "task_priority?", i.task_notify_mode AS "task_notify_mode?",
            i.storage_region AS "storage_region?"
        FROM (SELECT unnest($1::uuid[]) AS id) k
        CROSS JOIN LATERAL (SELECT * FROM tickets WHERE id = k.id OFFSET 0) t
        LEFT JOIN LATERAL (SELECT * FROM signature_issues WHERE ticket = t.id ORDER BY id DESC LIMIT 1) i ON true"#,
        ids
    )
    .fetch_all(connection)
    .await?;
    let held = rows.into_iter().map(|row| {
        let ticket = Ticket(row.id);
        let user_id = row.user_id.as_deref().map(UserId::parse).transpose();
        let user_id = user_id.map_err(|fault| {
            sqlx::Error::Decode(format!("tickets.user_id of {ticket}: {fault}").into())
        })?;
        let held = HeldTicket {
            app: row.app,
            user_id,
            context: row.context,
            asked: Asked {
                procedure: row.procedure,
                class_id: row.class_id,
                task_priority: row.task_priority,
                task_notify_mode: row.task_notify_mode.as_deref().and_then(NotifyMode::parse),
                storage_region: row.storage_region,
            },
        };
        Ok((ticket, held))
    });
    held.collect()
}

/// Writes issues, and their tickets: new ones, or those that they continue, whose app and user are known
/// to be the same. One statement, hence one transaction; tickets in the order of their ids, so that two
/// writers cannot deadlock. Fails with 40001 if somebody was erased since `erased` was read.
#[tracing::instrument(name = "db.signature_issues.insert", level = "debug", skip_all, fields(issues = issues.len()))]
pub async fn write(
    connection: &mut PgConnection,
    issues: &[(&Issue, &Asked)],
    tickets: &BTreeMap<Ticket, Issue>,
    erased: &Known,
) -> Result<(), sqlx::Error> {
    fn column<'a, R, T>(rows: &'a [R], of: impl Fn(&'a R) -> T) -> Vec<T> {
        rows.iter().map(of).collect()
    }
    let tickets: Vec<&Issue> = tickets.values().collect();
    let opened = issues.iter().filter(|(issue, _)| !issue.continues);
    let opened: Vec<Uuid> = opened.map(|(issue, _)| issue.ticket.0).collect();
    sqlx::query!(
        "WITH held_tickets AS (
            INSERT INTO tickets AS held (id, app, user_id, context, one_time, created_at, last_expires_at)
            SELECT * FROM (
                SELECT unnest($1::uuid[]) AS id, unnest($2::text[]), unnest($3::text[]), unnest($4::text[])::json,
                    unnest($5::boolean[]), unnest($6::timestamptz[]), unnest($7::timestamptz[])
            ) t
            ORDER BY id
            ON CONFLICT (id) DO UPDATE SET
                one_time = held.one_time OR EXCLUDED.one_time,
                last_expires_at = greatest(held.last_expires_at, EXCLUDED.last_expires_at)
        ), noted AS (
            -- What roll-ups have to count (src/keep/rollups/).
            INSERT INTO uncounted (issues, tickets) SELECT $8::uuid[], $24::uuid[]
        )
        INSERT INTO signature_issues (
            id, ticket, app, user_id, issued_at, expires_at, secret_id, random, one_time, sub_app_id,
            class_id, procedure, task_priority, task_notify_mode, storage_region, issued_to
        )
        SELECT unnest($8::uuid[]), unnest($9::uuid[]), unnest($10::text[]), unnest($11::text[]),
            unnest($12::timestamptz[]), unnest($13::timestamptz[]), unnest($14::text[]), unnest($15::bigint[]),
            unnest($16::boolean[]), unnest($17::bigint[]), unnest($18::integer[]), unnest($19::text[]),
            unnest($20::smallint[]), unnest($21::text[]), unnest($22::text[]), unnest($23::text[])
        WHERE (SELECT knows_erased($25))",
        &column(&tickets, |ticket| ticket.ticket.0),
        &column(&tickets, |ticket| ticket.app.as_str()) as _,
        &column(&tickets, |ticket| ticket.user_id.as_str()) as _,
        &column(&tickets, |ticket| ticket.context.as_deref()) as _,
        &column(&tickets, |ticket| ticket.one_time),
        &column(&tickets, |ticket| ticket.issued_at),
        &column(&tickets, |ticket| ticket.expires_at),
        &column(issues, |(issue, _)| issue.id),
        &column(issues, |(issue, _)| issue.ticket.0),
        &column(issues, |(issue, _)| issue.app.as_str()) as _,
        &column(issues, |(issue, _)| issue.user_id.as_str()) as _,
        &column(issues, |(issue, _)| issue.issued_at),
        &column(issues, |(issue, _)| issue.expires_at),
        &column(issues, |(issue, _)| issue.secret_id.as_str()) as _,
        &column(issues, |(issue, _)| i64::from(issue.random)),
        &column(issues, |(issue, _)| issue.one_time),
        &column(issues, |(issue, _)| sub_app_id(issue)) as _,
        &column(issues, |(_, asked)| asked.class_id) as _,
        &column(issues, |(_, asked)| asked.procedure.as_deref()) as _,
        &column(issues, |(_, asked)| asked.task_priority) as _,
        &column(issues, |(_, asked)| asked.task_notify_mode.map(NotifyMode::as_str)) as _,
        &column(issues, |(_, asked)| asked.storage_region.as_deref()) as _,
        &column(issues, |(issue, _)| issue.issued_to.as_str()) as _,
        &opened,
        erased.epoch(),
    )
    .execute(connection)
    .await?;
    Ok(())
}

fn sub_app_id(issue: &Issue) -> Option<i64> {
    issue.sub_app_id.and_then(|id| i64::try_from(id).ok())
}

/// One page of the log, newest first, and one line more if it goes on. The statement holds only the
/// conditions that were asked for, so that each leans on its index.
#[tracing::instrument(name = "db.signature_issues.list", level = "debug", skip_all)]
pub async fn list(
    connection: &mut PgConnection,
    filter: &LogFilter,
    limit: usize,
) -> Result<Vec<LogLine>, sqlx::Error> {
    // OFFSET 0 keeps it a look-up: joined, it may read all uploads.
    const USED: &str = "EXISTS (SELECT FROM uploads u WHERE u.ticket = i.ticket AND u.app = i.app AND u.announced_at IS NOT NULL
        AND u.confirmed <> 'refuted' OFFSET 0)";
    let mut sql = QueryBuilder::<Postgres>::new("SELECT i.*, ");
    sql.push(USED).push(" AS used FROM ");
    if filter.is_sparse() {
        sql.push("(SELECT * FROM signature_issues i WHERE true");
        push_indexed(&mut sql, filter);
        sql.push(" ORDER BY i.id DESC LIMIT ").push_bind(LOOKED_AT);
        sql.push(") i WHERE true");
    } else {
        sql.push("signature_issues i WHERE true");
        push_indexed(&mut sql, filter);
    }
    if let Some(apps) = &filter.apps {
        sql.push(" AND i.app = ANY(")
            .push_bind(apps.as_slice())
            .push(")");
    }
    if let Some(used) = filter.used {
        sql.push(if used { " AND " } else { " AND NOT " })
            .push(USED);
    }
    if let Some((is_pending, since)) = filter.pending {
        sql.push(if is_pending { " AND " } else { " AND NOT " })
            .push("EXISTS (SELECT FROM tickets t WHERE t.id = i.ticket AND t.last_expires_at > ")
            .push_bind(since)
            .push(" OFFSET 0)");
    }
    let more = i64::try_from(limit + 1).unwrap_or(i64::MAX);
    sql.push(" ORDER BY i.id DESC LIMIT ").push_bind(more);
    sql.build_query_as().fetch_all(connection).await
}

/// Where a page of a sparse list has to end; `None` where fewer lines are left. By an index alone.
#[tracing::instrument(name = "db.signature_issues.horizon", level = "debug", skip_all)]
pub async fn horizon(
    connection: &mut PgConnection,
    filter: &LogFilter,
) -> Result<Option<Uuid>, sqlx::Error> {
    let mut sql = QueryBuilder::<Postgres>::new("SELECT i.id FROM signature_issues i WHERE true");
    push_indexed(&mut sql, filter);
    sql.push(" ORDER BY i.id DESC LIMIT 1 OFFSET ")
        .push_bind(LOOKED_AT - 1);
    sql.build_query_scalar().fetch_optional(connection).await
}

fn push_indexed(sql: &mut QueryBuilder<Postgres>, filter: &LogFilter) {
    if let Some(user_id) = &filter.user_id {
        sql.push(" AND i.user_id = ").push_bind(user_id.as_str());
    }
    if let Some(ticket) = filter.ticket {
        sql.push(" AND i.ticket = ").push_bind(ticket.0);
    }
    if let Some(from) = filter.from {
        sql.push(" AND i.id >= ").push_bind(first_id_at(from));
    }
    if let Some(to) = filter.to {
        sql.push(" AND i.id < ").push_bind(first_id_at(to));
    }
    if let Some(after) = filter.after {
        sql.push(" AND i.id < ").push_bind(after);
    }
}

/// The smallest id of an issue at or after a time: `issued_at` is the id's own time, in milliseconds.
fn first_id_at(at: DateTime<Utc>) -> Uuid {
    let millis =
        at.timestamp_millis() + i64::from(!at.timestamp_subsec_nanos().is_multiple_of(1_000_000));
    Uuid::from_u128(u128::try_from(millis).unwrap_or(0) << 80)
}
