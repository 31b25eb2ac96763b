//! The SQL of erasing what was recorded.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::ops::random::Random;

/// App, file id.
pub type Key = (String, String);

/// Files whose deliveries are blanked at a time, and bodies at a time.
const FILES: i64 = 100;
const BODIES: i64 = 500;

/// Erases uploads that are the person's or nobody's, in the order of their keys; those of others stay as they are. Tells
/// how many, those that wait for their upload included.
#[tracing::instrument(name = "db.uploads.erase", level = "debug", skip_all, fields(uploads = keys.len()))]
pub async fn uploads(
    connection: &mut PgConnection,
    erasure: Uuid,
    user_id: &str,
    mut keys: Vec<Key>,
    now: DateTime<Utc>,
    random: &Random,
) -> Result<u64, sqlx::Error> {
    keys.sort_unstable();
    keys.dedup();
    let audit: Vec<Uuid> = keys.iter().map(|_| random.uuid_v7(now)).collect();
    let (apps, file_ids): (Vec<_>, Vec<_>) = keys.into_iter().unzip();
    let written = sqlx::query_file_scalar!(
        "src/record/erase/uploads.sql",
        now,
        erasure,
        user_id,
        &apps,
        &file_ids,
        &audit,
    );
    written.fetch_one(connection).await.map(i64::unsigned_abs)
}

/// Blanks some bodies that name files of an erasure; where none are left of a hundred files, forgets what their tasks made
/// and what persons said of them, and is done with those. Tells whether there was anything to do.
#[tracing::instrument(name = "db.deliveries.erase", level = "debug", skip_all)]
pub async fn files(connection: &mut PgConnection, erasure: Uuid) -> Result<bool, sqlx::Error> {
    let due = sqlx::query!(
        "SELECT app, file_id FROM erased_files WHERE erasure = $1 AND NOT blanked ORDER BY file_id, app LIMIT $2",
        erasure,
        FILES,
    )
    .fetch_all(&mut *connection)
    .await?;
    if due.is_empty() {
        return Ok(false);
    }
    let (apps, file_ids): (Vec<_>, Vec<_>) =
        due.into_iter().map(|row| (row.app, row.file_id)).unzip();
    // Each look-up stays a look-up by file, however the plan is made.
    let ids = sqlx::query_scalar!(
        r#"SELECT d.id AS "id!" FROM (SELECT unnest($1::text[]) AS app, unnest($2::text[]) AS file_id) f,
        LATERAL (
            SELECT id FROM deliveries WHERE file_id = f.file_id AND app = f.app AND body IS NOT NULL
            UNION ALL
            SELECT id FROM deliveries WHERE more_file_ids @> ARRAY[f.file_id] AND app = f.app AND body IS NOT NULL
            OFFSET 0
        ) d LIMIT $3"#,
        &apps,
        &file_ids,
        BODIES,
    )
    .fetch_all(&mut *connection)
    .await?;
    if !ids.is_empty() {
        bodies(connection, erasure, &ids).await?;
        return Ok(true);
    }
    sqlx::query_file!("src/record/erase/blanked.sql", erasure, &apps, &file_ids)
        .execute(connection)
        .await?;
    Ok(true)
}

/// Blanks bodies, and counts those that were not.
#[tracing::instrument(name = "db.deliveries.blank", level = "debug", skip_all, fields(bodies = ids.len()))]
pub async fn bodies(
    connection: &mut PgConnection,
    erasure: Uuid,
    ids: &[Uuid],
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "WITH blanked AS (
            UPDATE deliveries SET body = NULL WHERE id = ANY($2) AND body IS NOT NULL RETURNING 1
        )
        UPDATE erasures SET deliveries = deliveries + (SELECT count(*) FROM blanked) WHERE id = $1",
        erasure,
        ids,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Takes a person out of verdicts of before.
#[tracing::instrument(name = "db.attribution_changes.erase", level = "debug", skip_all)]
pub async fn verdicts(
    connection: &mut PgConnection,
    erasure: Uuid,
    user_id: &str,
    ids: &[Uuid],
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "WITH forgotten AS (
            UPDATE attribution_changes
            SET user_before = nullif(user_before, $2), user_after = nullif(user_after, $2), note = NULL
            WHERE id = ANY($3)
            RETURNING app, file_id
        ),
        -- A person's words stand at the upload too, which may be another's by now.
        unsaid AS (
            UPDATE uploads u SET attribution_detail = NULL, version = u.version + 1, folded_on = u.version
            FROM (SELECT DISTINCT app, file_id FROM forgotten) f
            WHERE u.file_id = f.file_id AND u.app = f.app AND u.attribution_method = 'manual'
                AND position($2 IN u.attribution_detail) > 0
        )
        UPDATE erasures SET verdicts = verdicts + (SELECT count(*) FROM forgotten) WHERE id = $1",
        erasure,
        user_id,
        ids,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Takes a person out of the lines of the change log after one and up to another.
#[tracing::instrument(name = "db.changes.erase", level = "debug", skip_all)]
pub async fn changes(
    connection: &mut PgConnection,
    erasure: Uuid,
    user_id: &str,
    after: i64,
    to: i64,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "WITH forgotten AS (
            UPDATE changes SET user_before = nullif(user_before, $2), user_after = nullif(user_after, $2)
            WHERE seq > $3 AND seq <= $4 AND (user_before = $2 OR user_after = $2)
            RETURNING 1
        )
        UPDATE erasures SET changes = changes + (SELECT count(*) FROM forgotten) WHERE id = $1",
        erasure,
        user_id,
        after,
        to,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// The first and the last number of the change log.
#[tracing::instrument(name = "db.changes.bounds", level = "debug", skip_all)]
pub async fn bounds(connection: &mut PgConnection) -> Result<(i64, i64), sqlx::Error> {
    let row = sqlx::query!(
        r#"SELECT coalesce((SELECT min(seq) FROM changes), seq + 1) AS "first!", seq AS "last!" FROM feed_head"#
    )
    .fetch_one(connection)
    .await?;
    Ok((row.first, row.last))
}
