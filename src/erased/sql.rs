//! The SQL of who was erased.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

/// A user was erased, or let in again.
pub struct Told {
    pub epoch: i64,
    pub user_hmac: Vec<u8>,
    pub lifted: bool,
}

/// What was noted after an epoch, in its order.
#[tracing::instrument(name = "db.erased_users.since", level = "debug", skip_all)]
pub async fn since(connection: &mut PgConnection, epoch: i64) -> Result<Vec<Told>, sqlx::Error> {
    sqlx::query_as!(
        Told,
        "SELECT epoch, user_hmac, lifted FROM erased_users WHERE epoch > $1 ORDER BY epoch",
        epoch
    )
    .fetch_all(connection)
    .await
}

/// The key of the hashes.
#[tracing::instrument(name = "db.erasure_key.read", level = "debug", skip_all)]
pub async fn key(connection: &mut PgConnection) -> Result<Vec<u8>, sqlx::Error> {
    sqlx::query_scalar!("SELECT key FROM erasure_key")
        .fetch_one(connection)
        .await
}

/// Notes that a user is let in again.
#[tracing::instrument(name = "db.erased_users.lift", level = "debug", skip_all)]
pub async fn lift(
    connection: &mut PgConnection,
    hash: &[u8],
    now: DateTime<Utc>,
) -> Result<(), sqlx::Error> {
    sqlx::query!("SELECT note_erased($1, true, $2)", hash, now)
        .fetch_one(connection)
        .await?;
    Ok(())
}
