//! The SQL of the log of permissions.

use chrono::{DateTime, Utc};
use sqlx::{PgConnection, Postgres, QueryBuilder};
use uuid::Uuid;

use super::log::{LogFilter, LogLine};
use super::{Asked, HeldTicket, Issue, NotifyMode};
use crate::ticket::{Ticket, UserId};

/// What the log holds of a ticket, its last signature included.
#[tracing::instrument(name = "db.tickets.find", level = "debug", skip_all)]
pub async fn ticket(
    connection: &mut PgConnection,
    ticket: Ticket,
) -> Result<Option<HeldTicket>, sqlx::Error> {
    let row = sqlx::query!(
        r#"SELECT t.app, t.user_id, t.context::text, i.procedure AS "procedure?", i.class_id AS "class_id?",
            i.task_priority AS "task_priority?", i.task_notify_mode AS "task_notify_mode?",
            i.storage_region AS "storage_region?"
        FROM tickets t
        LEFT JOIN LATERAL (SELECT * FROM signature_issues WHERE ticket = t.id ORDER BY id DESC LIMIT 1) i ON true
        WHERE t.id = $1"#,
        ticket.0
    )
    .fetch_optional(connection)
    .await?;
    row.map(|row| {
        let user_id = UserId::parse(&row.user_id).map_err(|fault| {
            sqlx::Error::Decode(format!("tickets.user_id of {ticket}: {fault}").into())
        })?;
        Ok(HeldTicket {
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
        })
    })
    .transpose()
}

/// Writes an issue, and its ticket: a new one, or the one that it continues, whose app and user are
/// known to be the same.
#[tracing::instrument(name = "db.signature_issues.insert", level = "debug", skip_all)]
pub async fn write(connection: &mut PgConnection, issue: &Issue<'_>) -> Result<(), sqlx::Error> {
    let Issue {
        permission, params, ..
    } = issue;
    sqlx::query!(
        "WITH ticket AS (
            INSERT INTO tickets AS held (id, app, user_id, context, one_time, created_at, last_expires_at)
            VALUES ($2, $3, $4, $17::text::json, $9, $5, $6)
            ON CONFLICT (id) DO UPDATE SET
                one_time = held.one_time OR EXCLUDED.one_time,
                last_expires_at = greatest(held.last_expires_at, EXCLUDED.last_expires_at)
        )
        INSERT INTO signature_issues (
            id, ticket, app, user_id, issued_at, expires_at, secret_id, random, one_time, sub_app_id,
            class_id, procedure, task_priority, task_notify_mode, storage_region, issued_to
        ) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)",
        issue.id,
        issue.ticket.0,
        issue.app.name.as_str(),
        permission.user_id.as_str(),
        issue.issued_at,
        issue.expires_at,
        params.secret_id,
        i64::from(params.random),
        permission.one_time,
        sub_app_id(issue),
        permission.asked.class_id,
        permission.asked.procedure,
        permission.asked.task_priority,
        permission.asked.task_notify_mode.map(|mode| mode.as_str()),
        permission.asked.storage_region,
        issue.issued_to,
        permission.context,
    )
    .execute(connection)
    .await?;
    Ok(())
}

fn sub_app_id(issue: &Issue<'_>) -> Option<i64> {
    issue.app.sub_app_id.and_then(|id| i64::try_from(id).ok())
}

/// One page of the log, newest first, and one line more if it goes on. The statement holds only the
/// conditions that were asked for, so that each leans on its index.
#[tracing::instrument(name = "db.signature_issues.list", level = "debug", skip_all)]
pub async fn list(
    connection: &mut PgConnection,
    filter: &LogFilter,
    limit: usize,
) -> Result<Vec<LogLine>, sqlx::Error> {
    const USED: &str = "EXISTS (SELECT FROM uploads u WHERE u.ticket = i.ticket AND u.app = i.app AND u.announced_at IS NOT NULL)";
    let mut sql = QueryBuilder::<Postgres>::new("SELECT i.*, ");
    sql.push(USED)
        .push(" AS used FROM signature_issues i WHERE true");
    if let Some(apps) = &filter.apps {
        sql.push(" AND i.app = ANY(")
            .push_bind(apps.as_slice())
            .push(")");
    }
    if let Some(user_id) = &filter.user_id {
        sql.push(" AND i.user_id = ").push_bind(user_id.as_str());
    }
    if let Some(ticket) = filter.ticket {
        sql.push(" AND i.ticket = ").push_bind(ticket.0);
    }
    if let Some(used) = filter.used {
        sql.push(if used { " AND " } else { " AND NOT " })
            .push(USED);
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
    let more = i64::try_from(limit + 1).unwrap_or(i64::MAX);
    sql.push(" ORDER BY i.id DESC LIMIT ").push_bind(more);
    sql.build_query_as().fetch_all(connection).await
}

/// The smallest id of an issue at or after a time: `issued_at` is the id's own time, in milliseconds.
fn first_id_at(at: DateTime<Utc>) -> Uuid {
    let millis =
        at.timestamp_millis() + i64::from(!at.timestamp_subsec_nanos().is_multiple_of(1_000_000));
    Uuid::from_u128(u128::try_from(millis).unwrap_or(0) << 80)
}
