//! The SQL of API keys, and of the audit trail.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use super::audit::{Deed, Line};
use super::keys::{Held, Key, KeyHash};
use crate::ops::random::first_uuid_v7;

/// Finds the key in use with this hash.
#[tracing::instrument(name = "db.api_keys.find", level = "debug", skip_all)]
pub async fn find(
    connection: &mut PgConnection,
    hash: &KeyHash,
    now: DateTime<Utc>,
) -> Result<Option<Held>, sqlx::Error> {
    sqlx::query_as!(
        Held,
        "SELECT id, name, scopes, apps FROM api_keys
         WHERE key_sha256 = $1 AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > $2)",
        hash.as_bytes(),
        now,
    )
    .fetch_optional(connection)
    .await
}

/// Stores a new key.
#[tracing::instrument(name = "db.api_keys.insert", level = "debug", skip_all)]
pub async fn insert(
    connection: &mut PgConnection,
    key: &Key,
    hash: &KeyHash,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "INSERT INTO api_keys (id, name, key_sha256, scopes, apps, created_at, expires_at) VALUES ($1, $2, $3, $4, $5, $6, $7)",
        key.id,
        key.name,
        hash.as_bytes(),
        &key.scopes,
        key.apps.as_deref(),
        key.created_at,
        key.expires_at,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Takes a key's name from it and lets it end at a time, unless it ends before; the key as it was, if one of that name
/// is in use.
#[tracing::instrument(name = "db.api_keys.replace", level = "debug", skip_all)]
pub async fn replace(
    connection: &mut PgConnection,
    name: &str,
    now: DateTime<Utc>,
    ends_at: DateTime<Utc>,
) -> Result<Option<Key>, sqlx::Error> {
    // What is returned is the row as it was locked: `expires_at` before this.
    sqlx::query_as!(
        Key,
        "WITH held AS (
            SELECT * FROM api_keys WHERE name = $1 AND revoked_at IS NULL AND replaced_at IS NULL FOR UPDATE
        )
        UPDATE api_keys k SET replaced_at = $2, expires_at = least(k.expires_at, $3)
        FROM held WHERE k.id = held.id
        RETURNING held.id, held.name, held.scopes, held.apps, held.created_at, held.expires_at, held.replaced_at,
            held.revoked_at, held.last_used_at",
        name,
        now,
        ends_at,
    )
    .fetch_optional(connection)
    .await
}

/// All keys, oldest first.
#[tracing::instrument(name = "db.api_keys.list", level = "debug", skip_all)]
pub async fn list(connection: &mut PgConnection) -> Result<Vec<Key>, sqlx::Error> {
    sqlx::query_as!(
        Key,
        "SELECT id, name, scopes, apps, created_at, expires_at, replaced_at, revoked_at, last_used_at
        FROM api_keys ORDER BY id"
    )
    .fetch_all(connection)
    .await
}

/// Ends the use of every key of a name, or only of those that were replaced; tells how many.
#[tracing::instrument(name = "db.api_keys.revoke", level = "debug", skip_all)]
pub async fn revoke(
    connection: &mut PgConnection,
    name: &str,
    only_replaced: bool,
    now: DateTime<Utc>,
) -> Result<u64, sqlx::Error> {
    let done = sqlx::query!(
        "UPDATE api_keys SET revoked_at = $3
        WHERE name = $1 AND revoked_at IS NULL AND (replaced_at IS NOT NULL OR NOT $2)",
        name,
        only_replaced,
        now
    )
    .execute(connection)
    .await?;
    Ok(done.rows_affected())
}

/// Notes when keys were last used; rows in one order, so that two receivers cannot deadlock.
#[tracing::instrument(name = "db.api_keys.note_uses", level = "debug", skip_all)]
pub async fn note_uses(
    connection: &mut PgConnection,
    ids: &[Uuid],
    used: &[DateTime<Utc>],
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "WITH noted AS (SELECT unnest($1::uuid[]) AS id, unnest($2::timestamptz[]) AS at),
        locked AS MATERIALIZED (
            SELECT k.id FROM api_keys k WHERE k.id IN (SELECT id FROM noted) ORDER BY k.id FOR NO KEY UPDATE
        )
        UPDATE api_keys k SET last_used_at = greatest(k.last_used_at, noted.at)
        FROM noted, locked WHERE k.id = noted.id AND k.id = locked.id",
        ids,
        used,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Writes a line of the audit trail.
#[tracing::instrument(name = "db.admin_actions.insert", level = "debug", skip_all)]
pub async fn insert_action(
    connection: &mut PgConnection,
    id: Uuid,
    now: DateTime<Utc>,
    actor: &str,
    key_id: Option<Uuid>,
    deed: &Deed<'_>,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "INSERT INTO admin_actions (id, at, actor, key_id, action, app, subject, detail) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        id,
        now,
        actor,
        key_id,
        deed.action.as_str(),
        deed.app,
        deed.subject,
        deed.detail,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// A page of the audit trail, oldest first; leans on its key, which begins with the time.
#[tracing::instrument(name = "db.admin_actions.list", level = "debug", skip_all)]
pub async fn actions(
    connection: &mut PgConnection,
    since: DateTime<Utc>,
    after: Option<Uuid>,
) -> Result<Vec<Line>, sqlx::Error> {
    sqlx::query_as!(
        Line,
        "SELECT id, at, actor, action, app, subject, detail FROM admin_actions
        WHERE id >= $1 AND at >= $2 AND ($3::uuid IS NULL OR id > $3) ORDER BY id LIMIT 1000",
        first_uuid_v7(since),
        since,
        after,
    )
    .fetch_all(connection)
    .await
}
