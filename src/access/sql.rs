//! The SQL of API keys.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use super::keys::{Key, KeyHash};

/// Finds the key in use with this hash.
#[tracing::instrument(name = "db.api_keys.find", level = "debug", skip_all)]
pub async fn find(
    connection: &mut PgConnection,
    hash: &KeyHash,
) -> Result<Option<Key>, sqlx::Error> {
    sqlx::query_as!(
        Key,
        "SELECT id, name, scopes, apps, created_at, revoked_at FROM api_keys
         WHERE key_sha256 = $1 AND revoked_at IS NULL",
        hash.as_bytes(),
    )
    .fetch_optional(connection)
    .await
}

/// Stores a new key.
#[tracing::instrument(name = "db.api_keys.insert", level = "debug", skip_all)]
pub async fn insert(
    connection: &mut PgConnection,
    id: Uuid,
    name: &str,
    hash: &KeyHash,
    scopes: &[String],
    apps: Option<&[String]>,
    now: DateTime<Utc>,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "INSERT INTO api_keys (id, name, key_sha256, scopes, apps, created_at) VALUES ($1, $2, $3, $4, $5, $6)",
        id,
        name,
        hash.as_bytes(),
        scopes,
        apps,
        now,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// All keys, oldest first.
#[tracing::instrument(name = "db.api_keys.list", level = "debug", skip_all)]
pub async fn list(connection: &mut PgConnection) -> Result<Vec<Key>, sqlx::Error> {
    sqlx::query_as!(
        Key,
        "SELECT id, name, scopes, apps, created_at, revoked_at FROM api_keys ORDER BY id"
    )
    .fetch_all(connection)
    .await
}

/// Ends a key's use; tells whether there was one.
#[tracing::instrument(name = "db.api_keys.revoke", level = "debug", skip_all)]
pub async fn revoke(
    connection: &mut PgConnection,
    name: &str,
    now: DateTime<Utc>,
) -> Result<bool, sqlx::Error> {
    let done = sqlx::query!(
        "UPDATE api_keys SET revoked_at = $2 WHERE name = $1 AND revoked_at IS NULL",
        name,
        now
    )
    .execute(connection)
    .await?;
    Ok(done.rows_affected() > 0)
}
