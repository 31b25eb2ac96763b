//! The SQL of filling an empty database.

use sqlx::{AssertSqlSafe, Connection as _, PgConnection};
use tokio::sync::mpsc::Receiver;

use crate::ops::copy;

/// Tables that are filled, each by a connection of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Table {
    Tickets,
    Issues,
    Deliveries,
    Uploads,
    Tasks,
    AttributionChanges,
    Changes,
}

impl Table {
    pub(super) const ALL: [Self; 7] = [
        Self::Tickets,
        Self::Issues,
        Self::Deliveries,
        Self::Uploads,
        Self::Tasks,
        Self::AttributionChanges,
        Self::Changes,
    ];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Tickets => "tickets",
            Self::Issues => "signature_issues",
            Self::Deliveries => "deliveries",
            Self::Uploads => "uploads",
            Self::Tasks => "tasks",
            Self::AttributionChanges => "attribution_changes",
            Self::Changes => "changes",
        }
    }

    /// Its columns in the order in which their cells come.
    fn columns(self) -> &'static str {
        match self {
            Self::Tickets => {
                "id, app, user_id, context, one_time, created_at, last_expires_at"
            }
            Self::Issues => {
                "id, ticket, app, user_id, issued_at, expires_at, secret_id, random, one_time, sub_app_id,
                class_id, procedure, task_priority, task_notify_mode, storage_region, issued_to"
            }
            Self::Deliveries => {
                "id, app, door, received_at, recorded_at, state, quarantine_reason, event_type, format, file_id,
                more_file_ids, task_id, body, refuted"
            }
            Self::Uploads => {
                "app, file_id, user_id, ticket, attribution_method, attribution_reason, attribution_detail,
                attribution_at, contexts_differ, confirmed, source_type, source_context, session_context,
                name, type, media_url, cover_url, class_id, storage_region, size_bytes, duration_s, width,
                height, bitrate_bps, uploaded_at, procedure_task_id, procedure_state, review_task_id,
                review_state, processing, recorded_at, updated_at, announced_at, deleted_at, rank_strength,
                rank_update_time, rank_digest, weaker, version, folded_on, deliveries, seen_at, absent_at"
            }
            Self::Tasks => {
                "task_id, app, role, event_type, state, error_code, message, file_id, recorded_at, rank_strength,
                rank_digest, version, outputs, updated_at"
            }
            Self::AttributionChanges => {
                "id, app, file_id, decided_by, user_before, user_after, method_before, method_after,
                reason_before, reason_after, at, note"
            }
            Self::Changes => "kind, app, file_id, ticket, user_before, user_after, seq, at",
        }
    }
}

/// A table that is being filled; nothing of it is seen before it is committed.
pub(super) struct Filling {
    connection: PgConnection,
    table: Table,
}

/// Takes a table for oneself and begins to fill it, if it is empty; else `None`.
///
/// It is truncated although it is empty: what a transaction truncates or makes, it may fill without the write-ahead log,
/// where `wal_level` is `minimal`.
pub(super) async fn begin(
    mut connection: PgConnection,
    table: Table,
) -> Result<Option<Filling>, sqlx::Error> {
    let name = table.name();
    sqlx::raw_sql(AssertSqlSafe(format!(
        "BEGIN; LOCK TABLE {name} IN ACCESS EXCLUSIVE MODE"
    )))
    .execute(&mut connection)
    .await?;
    let empty = format!("SELECT NOT EXISTS (SELECT FROM {name})");
    let is_empty: bool = sqlx::query_scalar(AssertSqlSafe(empty))
        .fetch_one(&mut connection)
        .await?;
    if !is_empty {
        return Ok(None);
    }
    sqlx::raw_sql(AssertSqlSafe(format!("TRUNCATE {name}")))
        .execute(&mut connection)
        .await?;
    Ok(Some(Filling { connection, table }))
}

impl Filling {
    /// Fills it with rows in the binary form, as they come.
    pub(super) async fn fill(&mut self, mut rows: Receiver<Vec<u8>>) -> Result<(), sqlx::Error> {
        let (name, columns) = (self.table.name(), self.table.columns());
        let statement = format!("COPY {name} ({columns}) FROM STDIN (FORMAT binary)");
        let mut copying = self.connection.copy_in_raw(&statement).await?;
        copying.send(copy::BEGIN).await?;
        while let Some(chunk) = rows.recv().await {
            copying.send(chunk).await?;
        }
        copying.send(copy::END).await?;
        copying.finish().await?;
        Ok(())
    }

    /// Sets how many lines of the change log are trimmed.
    pub(super) async fn set_feed_floor(&mut self, seq: i64) -> Result<(), sqlx::Error> {
        sqlx::query("UPDATE feed_floor SET seq = $1")
            .bind(seq)
            .execute(&mut self.connection)
            .await?;
        Ok(())
    }

    /// Makes it seen.
    pub(super) async fn commit(mut self) -> Result<(), sqlx::Error> {
        sqlx::raw_sql("COMMIT")
            .execute(&mut self.connection)
            .await?;
        self.connection.close().await
    }
}

/// Leaves a table as autovacuum would in time: with statistics, and with what readers need to skip the heap.
pub(super) async fn vacuum(mut connection: PgConnection, table: Table) -> Result<(), sqlx::Error> {
    let name = table.name();
    sqlx::raw_sql(AssertSqlSafe(format!("VACUUM (ANALYZE) {name}")))
        .execute(&mut connection)
        .await?;
    connection.close().await
}
