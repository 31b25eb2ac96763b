//! The SQL of histories.

use std::ops::Range;

use chrono::{DateTime, TimeDelta, Utc};
use sqlx::PgConnection;

use super::{AttributionChange, DeliveryLine, Issue, TaskLine, TaskOutput, TicketUse};
use crate::ops::random::first_uuid_v7;
use crate::ticket::Ticket;

/// How far from the times of a row what belongs to it is looked for: the clocks of receivers differ, a task may come before
/// its upload, and what was spooled is committed later than it came.
pub const AROUND: TimeDelta = TimeDelta::days(1);

/// The signatures of a ticket, oldest first, none of which was given out before its first or after the last one's expiry:
/// one or two months of the log. An upload may name a ticket of another app, whose signatures are that app's.
#[tracing::instrument(name = "db.signature_issues.of_ticket", level = "debug", skip_all)]
pub async fn issues(
    connection: &mut PgConnection,
    ticket: Ticket,
    app: &str,
    valid: Range<DateTime<Utc>>,
) -> Result<Vec<Issue>, sqlx::Error> {
    sqlx::query_as!(
        Issue,
        r#"SELECT id AS "issue_id!", issued_at AS "issued_at!", expires_at AS "expires_at!", one_time AS "one_time!", procedure
        FROM signature_issues WHERE ticket = $1 AND app = $2 AND id >= $3 AND id < $4 ORDER BY id"#,
        ticket.0,
        app,
        first_uuid_v7(valid.start - AROUND),
        first_uuid_v7(valid.end + AROUND),
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
        r#"SELECT u.files AS "files!", t.one_time AS "one_time?", t.created_at AS "created_at?",
            t.last_expires_at AS "last_expires_at?"
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

/// The deliveries that name a file, oldest first, whose row was first and last written at these times.
///
/// Nearly always they all came between these times, which is one month of the log or a few. Its row counts them, in the
/// same transactions: only where more were counted than are found there, every month is looked into.
pub async fn deliveries(
    connection: &mut PgConnection,
    app: &str,
    file_id: &str,
    written: Range<DateTime<Utc>>,
) -> Result<Vec<DeliveryLine>, sqlx::Error> {
    let near = deliveries_between(connection, app, file_id, written).await?;
    match near {
        Some(all) => Ok(all),
        None => deliveries_ever(connection, app, file_id).await,
    }
}

/// Those that came about these times; `None` if the file has others. What was counted is read with them, so that one
/// that comes meanwhile is not taken for one of those.
#[tracing::instrument(name = "db.deliveries.of_file_between", level = "debug", skip_all)]
async fn deliveries_between(
    connection: &mut PgConnection,
    app: &str,
    file_id: &str,
    times: Range<DateTime<Utc>>,
) -> Result<Option<Vec<DeliveryLine>>, sqlx::Error> {
    let rows = sqlx::query!(
        r#"SELECT d.id AS "id!", d.door AS "door!", d.event_type, d.format, d.received_at AS "received_at!", d.refuted,
            (SELECT u.deliveries FROM uploads u WHERE u.file_id = $2 AND u.app = $1) AS "counted!"
        FROM (
            SELECT * FROM deliveries WHERE file_id = $2 AND app = $1 AND id >= $3 AND id < $4
            UNION ALL
            SELECT * FROM deliveries
            WHERE more_file_ids @> ARRAY[$2::text] AND file_id <> $2 AND app = $1 AND id >= $3 AND id < $4
        ) d
        ORDER BY d.id"#,
        app,
        file_id,
        first_uuid_v7(times.start - AROUND),
        first_uuid_v7(times.end + AROUND),
    )
    .fetch_all(connection)
    .await?;
    let found = i32::try_from(rows.len()).unwrap_or(i32::MAX);
    let is_all = rows.first().is_some_and(|row| row.counted <= found);
    Ok(is_all.then(|| {
        let lines = rows.into_iter().map(|row| DeliveryLine {
            id: row.id,
            door: row.door,
            event_type: row.event_type,
            format: row.format,
            received_at: row.received_at,
            refuted: row.refuted,
        });
        lines.collect()
    }))
}

/// Those of all months; two indexes each, one of them nearly empty.
#[tracing::instrument(name = "db.deliveries.of_file", level = "debug", skip_all)]
async fn deliveries_ever(
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
        FROM deliveries WHERE more_file_ids @> ARRAY[$2::text] AND file_id <> $2 AND app = $1
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
        FROM tasks WHERE file_id = $2 AND app = $1 AND file_id <> '' ORDER BY recorded_at, task_id"#,
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
