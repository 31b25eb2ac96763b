//! The SQL of reconciling: what is known here of what VOD was asked, and how far it was asked.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

/// Held by whoever reconciles an app: the first half of a key whose other half is the app.
const LOCK: &str = "vod-receiver reconcile ";
/// Rows of a page.
const PAGE_ROWS: i64 = 1_000;

/// What is known of an upload that VOD told of.
#[derive(Debug)]
pub(super) struct Known {
    pub confirmed: String,
    pub source_context: Option<String>,
}

/// An upload that is not deleted, as far as anybody told.
#[derive(Debug)]
pub(super) struct Recorded {
    pub file_id: String,
    pub recorded_at: DateTime<Utc>,
    pub confirmed: String,
}

/// Which uploads to look at.
#[derive(Debug)]
pub(super) struct Selection<'a> {
    pub app: &'a str,
    /// Recorded at this time or later.
    pub from: DateTime<Utc>,
    /// Recorded before this time.
    pub to: DateTime<Utc>,
    /// Uploaded at this time or later, or nobody knows when.
    pub uploaded_from: DateTime<Utc>,
}

/// A row of `tasks` that is not over.
#[derive(Debug)]
pub(super) struct Unfinished {
    pub task_id: String,
    pub file_id: String,
    pub recorded_at: DateTime<Utc>,
}

/// How far an app was reconciled.
#[derive(Debug, Clone, Copy)]
pub(super) struct Checkpoint {
    pub reconciled_to: DateTime<Utc>,
    pub ran_at: Option<DateTime<Utc>>,
}

/// Takes the lock of an app until the connection ends; false if another has it.
#[tracing::instrument(name = "db.reconcile.lock", level = "debug", skip_all)]
pub(super) async fn lock(connection: &mut PgConnection, app: &str) -> Result<bool, sqlx::Error> {
    sqlx::query_scalar!(
        r#"SELECT pg_try_advisory_lock(hashtextextended($1 || $2, 0)) AS "taken!""#,
        LOCK,
        app,
    )
    .fetch_one(connection)
    .await
}

/// The checkpoint of an app; none before its first run.
#[tracing::instrument(name = "db.reconcile_checkpoints.read", level = "debug", skip_all)]
pub(super) async fn checkpoint(
    connection: &mut PgConnection,
    app: &str,
) -> Result<Option<Checkpoint>, sqlx::Error> {
    sqlx::query_as!(
        Checkpoint,
        "SELECT reconciled_to, ran_at FROM reconcile_checkpoints WHERE app = $1",
        app,
    )
    .fetch_optional(connection)
    .await
}

/// Moves the checkpoint of an app; `ran_at` is there if the run has come to its end.
#[tracing::instrument(name = "db.reconcile_checkpoints.move", level = "debug", skip_all)]
pub(super) async fn move_checkpoint(
    connection: &mut PgConnection,
    app: &str,
    reconciled_to: DateTime<Utc>,
    ran_at: Option<DateTime<Utc>>,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "INSERT INTO reconcile_checkpoints AS held (app, reconciled_to, ran_at) VALUES ($1, $2, $3)
        ON CONFLICT (app) DO UPDATE SET
            reconciled_to = EXCLUDED.reconciled_to, ran_at = coalesce(EXCLUDED.ran_at, held.ran_at)",
        app,
        reconciled_to,
        ran_at,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Those of some files that are recorded as uploads, each by its key.
#[tracing::instrument(name = "db.uploads.known", level = "debug", skip_all)]
pub(super) async fn known(
    connection: &mut PgConnection,
    app: &str,
    file_ids: &[String],
) -> Result<HashMap<String, Known>, sqlx::Error> {
    let rows = sqlx::query!(
        "SELECT u.file_id, u.confirmed, u.source_context
        FROM unnest($2::text[]) AS k (file_id),
            LATERAL (
                SELECT file_id, confirmed, source_context FROM uploads
                WHERE file_id = k.file_id AND app = $1 AND announced_at IS NOT NULL OFFSET 0
            ) u",
        app,
        file_ids,
    )
    .fetch_all(connection)
    .await?;
    let known = rows.into_iter().map(|row| {
        let known = Known {
            confirmed: row.confirmed,
            source_context: row.source_context,
        };
        (row.file_id, known)
    });
    Ok(known.collect())
}

/// The uploads of an app that somebody says are there, by the time of their recording; a page after a row.
#[tracing::instrument(name = "db.uploads.recorded", level = "debug", skip_all)]
pub(super) async fn recorded(
    connection: &mut PgConnection,
    selection: &Selection<'_>,
    after: Option<&Recorded>,
) -> Result<Vec<Recorded>, sqlx::Error> {
    sqlx::query_as!(
        Recorded,
        "SELECT file_id, recorded_at, confirmed FROM uploads
        WHERE announced_at IS NOT NULL AND recorded_at >= $2 AND recorded_at < $3
            AND (recorded_at, app, file_id) > ($5, $1, $6)
            AND app = $1 AND deleted_at IS NULL AND confirmed <> 'refuted'
            AND (uploaded_at IS NULL OR uploaded_at >= $4)
        ORDER BY recorded_at, app, file_id LIMIT $7",
        selection.app,
        selection.from,
        selection.to,
        selection.uploaded_from,
        after.map_or(DateTime::UNIX_EPOCH, |row| row.recorded_at),
        after.map_or("", |row| row.file_id.as_str()),
        PAGE_ROWS,
    )
    .fetch_all(connection)
    .await
}

/// Whether each of some tasks is over; those that nothing is known of are left out.
#[tracing::instrument(name = "db.tasks.known", level = "debug", skip_all)]
pub(super) async fn tasks_known(
    connection: &mut PgConnection,
    app: &str,
    task_ids: &[String],
) -> Result<HashMap<String, bool>, sqlx::Error> {
    let rows = sqlx::query!(
        r#"SELECT t.task_id, bool_and(t.state NOT IN ('waiting', 'processing')) AS "is_over!"
        FROM unnest($2::text[]) AS k (task_id),
            LATERAL (SELECT task_id, state FROM tasks WHERE task_id = k.task_id AND app = $1 OFFSET 0) t
        GROUP BY t.task_id"#,
        app,
        task_ids,
    )
    .fetch_all(connection)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| (row.task_id, row.is_over))
        .collect())
}

/// The tasks of an app that became known since then and are not over; a page after a row.
#[tracing::instrument(name = "db.tasks.unfinished", level = "debug", skip_all)]
pub(super) async fn unfinished(
    connection: &mut PgConnection,
    app: &str,
    since: DateTime<Utc>,
    after: Option<&Unfinished>,
) -> Result<Vec<Unfinished>, sqlx::Error> {
    sqlx::query_as!(
        Unfinished,
        "SELECT task_id, file_id, recorded_at FROM tasks
        WHERE state IN ('waiting', 'processing') AND app = $1 AND recorded_at >= $2
            AND (recorded_at, task_id, file_id) > ($3, $4, $5)
        ORDER BY recorded_at, task_id, file_id LIMIT $6",
        app,
        since,
        after.map_or(DateTime::UNIX_EPOCH, |row| row.recorded_at),
        after.map_or("", |row| row.task_id.as_str()),
        after.map_or("", |row| row.file_id.as_str()),
        PAGE_ROWS,
    )
    .fetch_all(connection)
    .await
}
