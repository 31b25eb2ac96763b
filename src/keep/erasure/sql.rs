//! The SQL of erasures: what they are, and how far.

use chrono::{DateTime, Utc};
use serde::Serialize;
use sqlx::PgConnection;
use utoipa::ToSchema;
use uuid::Uuid;

/// An erasure, and how far it is.
#[derive(Debug, Serialize, ToSchema)]
pub struct Erasure {
    /// The erasure.
    pub erasure_id: Uuid,
    /// `running` or `done`.
    #[schema(example = "done")]
    pub state: String,
    /// What is being gone through: `tickets`, `old_tickets`, `uploads`, `verdicts`, `contexts`, `differing`, `files`, `aside`, `changes`,
    /// `rollups`, `done`.
    #[schema(example = "done")]
    pub step: String,
    /// When it was asked for: from then on nothing that names the person is recorded.
    pub asked_at: DateTime<Utc>,
    /// When all was gone through.
    pub finished_at: Option<DateTime<Utc>>,
    /// Tickets that name nobody any more.
    #[schema(example = 12)]
    pub tickets: i64,
    /// Signatures in the log that name nobody any more.
    #[schema(example = 31)]
    pub signatures: i64,
    /// Uploads that are nobody's any more.
    #[schema(example = 11)]
    pub uploads: i64,
    /// Lines of the audit trail of attributions.
    #[schema(example = 1)]
    pub verdicts: i64,
    /// Bodies that were blanked.
    #[schema(example = 14)]
    pub deliveries: i64,
    /// Lines of the change log.
    #[schema(example = 12)]
    pub changes: i64,
}

/// A file of an erased person.
#[derive(Debug, Serialize, ToSchema)]
pub struct File {
    /// The app that it is of.
    #[schema(example = "main")]
    pub app: String,
    /// VOD's id of it.
    #[schema(example = "5285890784273533167")]
    pub file_id: String,
}

/// An erasure that somebody works on.
pub struct Running {
    pub id: Uuid,
    pub user_id: String,
    pub step: String,
    pub after: Vec<String>,
}

/// Notes that a person is erased, and that everything is to be gone through; or gives the erasure of them that runs.
#[tracing::instrument(name = "db.erasures.ask", level = "debug", skip_all)]
pub async fn ask(
    connection: &mut PgConnection,
    id: Uuid,
    user_id: &str,
    hash: &[u8],
    by: &str,
    now: DateTime<Utc>,
) -> Result<Uuid, sqlx::Error> {
    sqlx::query_scalar!(
        r#"WITH running AS (SELECT id FROM erasures WHERE step <> 'done' AND user_id = $2 LIMIT 1),
        asked AS (
            INSERT INTO erasures (id, asked_at, asked_by, user_id, step)
            SELECT $1, $5, $4, $2, CASE WHEN note_erased($3, false, $5) > 0 THEN 'tickets' END
            WHERE NOT EXISTS (SELECT FROM running)
            RETURNING id
        )
        SELECT id AS "id!" FROM running UNION ALL SELECT id FROM asked"#,
        id,
        user_id,
        hash,
        by,
        now,
    )
    .fetch_one(connection)
    .await
}

/// The erasure with this id.
#[tracing::instrument(name = "db.erasures.find", level = "debug", skip_all)]
pub async fn find(connection: &mut PgConnection, id: Uuid) -> Result<Option<Erasure>, sqlx::Error> {
    sqlx::query_as!(
        Erasure,
        r#"SELECT id AS erasure_id, CASE step WHEN 'done' THEN 'done' ELSE 'running' END AS "state!", step, asked_at,
            finished_at, tickets, signatures, uploads, verdicts, deliveries, changes
        FROM erasures WHERE id = $1"#,
        id,
    )
    .fetch_optional(connection)
    .await
}

/// A page of the files of an erasure, and one more if there are more; leans on `erased_files_by_erasure`.
#[tracing::instrument(name = "db.erased_files.list", level = "debug", skip_all)]
pub async fn files(
    connection: &mut PgConnection,
    id: Uuid,
    after: Option<(String, String)>,
    limit: usize,
) -> Result<Vec<File>, sqlx::Error> {
    let (file_id, app) = after.unwrap_or_default();
    sqlx::query_as!(
        File,
        "SELECT app, file_id FROM erased_files WHERE erasure = $1 AND (file_id, app) > ($2, $3)
        ORDER BY file_id, app LIMIT $4",
        id,
        file_id,
        app,
        i64::try_from(limit + 1).unwrap_or(i64::MAX),
    )
    .fetch_all(connection)
    .await
}

/// Takes the oldest erasure that nobody else works on, for ten seconds more.
#[tracing::instrument(name = "db.erasures.lease", level = "debug", skip_all)]
pub async fn lease(
    connection: &mut PgConnection,
    me: Uuid,
) -> Result<Option<Running>, sqlx::Error> {
    // First a look that locks nothing: mostly there is none.
    let running = sqlx::query_scalar!(
        "SELECT id FROM erasures
        WHERE step <> 'done' AND (leased_until IS NULL OR leased_until < now() OR leased_by = $1) ORDER BY id LIMIT 1",
        me
    );
    let Some(id) = running.fetch_optional(&mut *connection).await? else {
        return Ok(None);
    };
    sqlx::query_as!(
        Running,
        r#"UPDATE erasures SET leased_by = $1, leased_until = now() + interval '10 seconds'
        WHERE id = $2 AND step <> 'done' AND (leased_until IS NULL OR leased_until < now() OR leased_by = $1)
        RETURNING id, user_id AS "user_id!", step, after"#,
        me,
        id,
    )
    .fetch_optional(connection)
    .await
}

/// Goes on with a walk.
#[tracing::instrument(name = "db.erasures.walk_on", level = "debug", skip_all)]
pub async fn walk_on(
    connection: &mut PgConnection,
    id: Uuid,
    after: &[String],
) -> Result<(), sqlx::Error> {
    sqlx::query!("UPDATE erasures SET after = $2 WHERE id = $1", id, after)
        .execute(connection)
        .await?;
    Ok(())
}

/// Begins another step.
#[tracing::instrument(name = "db.erasures.go_to", level = "debug", skip_all)]
pub async fn go_to(connection: &mut PgConnection, id: Uuid, step: &str) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "UPDATE erasures SET step = $2, after = '{}' WHERE id = $1 AND step <> 'done'",
        id,
        step
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// All is gone through: the name is forgotten here too.
#[tracing::instrument(name = "db.erasures.finish", level = "debug", skip_all)]
pub async fn finish(
    connection: &mut PgConnection,
    id: Uuid,
    now: DateTime<Utc>,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "UPDATE erasures SET step = 'done', user_id = NULL, after = '{}', leased_by = NULL, leased_until = NULL,
            finished_at = $2
        WHERE id = $1",
        id,
        now
    )
    .execute(connection)
    .await?;
    Ok(())
}
