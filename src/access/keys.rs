//! Making, rotating, listing and revoking API keys.

use chrono::{DateTime, TimeDelta, Utc};
use serde::Serialize;
use sha2::{Digest, Sha256};
use sqlx::{Connection, PgConnection};
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
    /// From then on it opens nothing; `None` is never.
    pub expires_at: Option<DateTime<Utc>>,
    /// When another of this name was made in its place.
    pub replaced_at: Option<DateTime<Utc>>,
    pub revoked_at: Option<DateTime<Utc>>,
    /// To the minute or so; `None` is never.
    pub last_used_at: Option<DateTime<Utc>>,
}

/// What a request is told of its key.
pub struct Held {
    pub id: Uuid,
    pub name: String,
    pub scopes: Vec<String>,
    pub apps: Option<Vec<String>>,
}

/// What a new key is to be.
#[derive(Debug, Clone, Default)]
pub struct NewKey {
    pub name: String,
    pub scopes: Vec<String>,
    /// `None` is every app.
    pub apps: Option<Vec<String>>,
    /// How long it opens anything; `None` is for ever.
    pub lifetime: Option<TimeDelta>,
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
    #[error(
        "a key named `{0}` is in use; revoke it first, take another name, or make its successor with `keys rotate`"
    )]
    NameInUse(String),
    #[error("no key named `{0}` is in use")]
    Unknown(String),
    #[error("the key could not be stored")]
    Database(#[from] sqlx::Error),
}

/// Makes a key and returns it: the only time that it is seen.
pub async fn create(
    connection: &mut PgConnection,
    new: &NewKey,
    clock: &Clock,
    random: &Random,
) -> Result<Secret, KeyFault> {
    new.check()?;
    let now = clock.now();
    insert(connection, new.made_at(now, random), random).await
}

/// Makes another key of the name, scopes and apps of one in use, and returns it. The old one opens what it opened for
/// `grace` more, so that whoever uses it can change over; its lifetime, if it had one, begins anew for the new one.
pub async fn rotate(
    connection: &mut PgConnection,
    name: &str,
    grace: TimeDelta,
    clock: &Clock,
    random: &Random,
) -> Result<Secret, KeyFault> {
    let now = clock.now();
    let mut transaction = connection.begin().await?;
    let held = sql::replace(&mut transaction, name, now, now + grace).await?;
    let held = held.ok_or_else(|| KeyFault::Unknown(name.to_owned()))?;
    let new = NewKey {
        lifetime: held.expires_at.map(|at| at - held.created_at),
        name: held.name,
        scopes: held.scopes,
        apps: held.apps,
    };
    let key = insert(&mut transaction, new.made_at(now, random), random).await?;
    transaction.commit().await?;
    Ok(key)
}

impl NewKey {
    fn check(&self) -> Result<(), KeyFault> {
        let Self { name, scopes, .. } = self;
        if name.is_empty() || name.chars().count() > 64 || name.chars().any(char::is_control) {
            return Err(KeyFault::Name);
        }
        if BUILT_IN.contains(&name.as_str()) {
            return Err(KeyFault::ReservedName(name.clone()));
        }
        let mut unknown = scopes.iter();
        if let Some(unknown) = unknown.find(|scope| !SCOPES.contains(&scope.as_str())) {
            return Err(KeyFault::Scope(unknown.clone()));
        }
        match scopes.is_empty() {
            true => Err(KeyFault::NoScope),
            false => Ok(()),
        }
    }

    fn made_at(&self, now: DateTime<Utc>, random: &Random) -> Key {
        Key {
            id: random.uuid_v7(now),
            name: self.name.clone(),
            scopes: self.scopes.clone(),
            apps: self.apps.clone(),
            created_at: now,
            expires_at: self.lifetime.map(|lifetime| now + lifetime),
            replaced_at: None,
            revoked_at: None,
            last_used_at: None,
        }
    }
}

async fn insert(
    connection: &mut PgConnection,
    made: Key,
    random: &Random,
) -> Result<Secret, KeyFault> {
    let key = random.key(PREFIX);
    let inserted = sql::insert(connection, &made, &KeyHash::of(&key)).await;
    inserted.map_err(|error| {
        let database = error.as_database_error();
        match database.and_then(|error| error.constraint()) {
            Some("api_keys_name_in_use") => KeyFault::NameInUse(made.name),
            _ => KeyFault::Database(error),
        }
    })?;
    Ok(Secret::new(key))
}

/// All keys, revoked ones included, oldest first.
pub async fn list(connection: &mut PgConnection) -> Result<Vec<Key>, sqlx::Error> {
    sql::list(connection).await
}

/// Revokes every key of that name, or only those that were replaced; tells how many were in use.
pub async fn revoke(
    connection: &mut PgConnection,
    name: &str,
    only_replaced: bool,
    clock: &Clock,
) -> Result<u64, sqlx::Error> {
    sql::revoke(connection, name, only_replaced, clock.now()).await
}

impl Key {
    /// Whether it opens anything, in words.
    pub fn state(&self, now: DateTime<Utc>) -> String {
        let replaced = if self.replaced_at.is_some() {
            "replaced, "
        } else {
            ""
        };
        match (self.revoked_at, self.expires_at) {
            (Some(at), _) => format!("revoked {at:?}"),
            (None, Some(at)) if at <= now => format!("{replaced}expired {at:?}"),
            (None, Some(at)) => format!("{replaced}in use until {at:?}"),
            (None, None) => "in use".to_owned(),
        }
    }
}
