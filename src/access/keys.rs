//! Making, listing and revoking API keys.

use chrono::{DateTime, Utc};
use serde::Serialize;
use sha2::{Digest, Sha256};
use sqlx::PgConnection;
use uuid::Uuid;

use super::{SCOPES, sql};
use crate::config::Secret;
use crate::ops::clock::Clock;
use crate::ops::random::Random;

/// Tells a key of ours from any other text, in a secret scanner say.
const PREFIX: &str = "vk_";

/// How the log of permissions names whoever needs no key of the table: the key of the configuration,
/// and the command line.
pub const BUILT_IN: [&str; 2] = ["admin", "cli"];

/// SHA-256 of a key: all that is stored. The key holds 256 random bits, so that nothing slower is needed.
pub struct KeyHash([u8; 32]);

impl KeyHash {
    /// The hash of a key as it was shown.
    pub fn of(key: &str) -> Self {
        Self(Sha256::digest(key).into())
    }

    /// The hash as bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

/// A key as it is listed: never the key itself.
#[derive(Debug, Serialize)]
pub struct Key {
    pub id: Uuid,
    pub name: String,
    pub scopes: Vec<String>,
    /// `None` is every app.
    pub apps: Option<Vec<String>>,
    pub created_at: DateTime<Utc>,
    pub revoked_at: Option<DateTime<Utc>>,
}

/// Why a key was not made.
#[derive(Debug, thiserror::Error)]
pub enum KeyFault {
    #[error("the name must be 1 to 64 characters without control characters")]
    Name,
    #[error("`{0}` is what the log calls the built-in caller of that name; take another name")]
    ReservedName(String),
    #[error("`{0}` is not a scope; the scopes are sign, read and admin")]
    Scope(String),
    #[error("a key needs at least one scope")]
    NoScope,
    #[error("a key named `{0}` is in use; revoke it first, or take another name")]
    NameInUse(String),
    #[error("the key could not be stored")]
    Database(#[from] sqlx::Error),
}

/// Makes a key and returns it: the only time that it is seen.
pub async fn create(
    connection: &mut PgConnection,
    name: &str,
    scopes: &[String],
    apps: Option<&[String]>,
    clock: &Clock,
    random: &Random,
) -> Result<Secret, KeyFault> {
    if name.is_empty() || name.chars().count() > 64 || name.chars().any(char::is_control) {
        return Err(KeyFault::Name);
    }
    if BUILT_IN.contains(&name) {
        return Err(KeyFault::ReservedName(name.to_owned()));
    }
    if let Some(unknown) = scopes
        .iter()
        .find(|scope| !SCOPES.contains(&scope.as_str()))
    {
        return Err(KeyFault::Scope(unknown.clone()));
    }
    if scopes.is_empty() {
        return Err(KeyFault::NoScope);
    }
    let key = random.key(PREFIX);
    let now = clock.now();
    sql::insert(
        connection,
        random.uuid_v7(now),
        name,
        &KeyHash::of(&key),
        scopes,
        apps,
        now,
    )
    .await
    .map_err(|error| {
        match error
            .as_database_error()
            .and_then(|error| error.constraint())
        {
            Some("api_keys_name_in_use") => KeyFault::NameInUse(name.to_owned()),
            _ => KeyFault::Database(error),
        }
    })?;
    Ok(Secret::new(key))
}

/// All keys, revoked ones included, oldest first.
pub async fn list(connection: &mut PgConnection) -> Result<Vec<Key>, sqlx::Error> {
    sql::list(connection).await
}

/// Revokes the key of that name; tells whether there was one in use.
pub async fn revoke(
    connection: &mut PgConnection,
    name: &str,
    clock: &Clock,
) -> Result<bool, sqlx::Error> {
    sql::revoke(connection, name, clock.now()).await
}
