//! Who was erased: known by keyed hashes alone, and for ever.
//!
//! Each process keeps the hashes in memory. What is written on the word of that memory is written on the condition that it
//! is whole (`knows_erased()` in the statement): an erasure that was asked at one receiver binds all of them at once.

pub mod mention;
mod sql;

use std::collections::HashSet;
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use chrono::{DateTime, Utc};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use sqlx::PgConnection;

/// HMAC-SHA-256 of a user id.
type Hash = [u8; 32];

/// Everybody who was erased, as far as this process knows. Clones share it.
#[derive(Clone, Default)]
pub struct ErasedUsers(Arc<RwLock<Arc<Known>>>);

/// Everybody who was erased up to one moment.
#[derive(Clone, Default)]
pub struct Known {
    epoch: i64,
    /// `None` until it is first needed.
    key: Option<Hmac<Sha256>>,
    hashes: HashSet<Hash>,
}

impl ErasedUsers {
    /// What this process knows now.
    pub fn known(&self) -> Arc<Known> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Reads what came since.
    pub async fn refresh(&self, connection: &mut PgConnection) -> Result<Arc<Known>, sqlx::Error> {
        let held = self.known();
        let news = sql::since(connection, held.epoch).await?;
        if news.is_empty() {
            return Ok(held);
        }
        let mut known = Known::clone(&held);
        if known.key.is_none() {
            known.key = Some(key(connection).await?);
        }
        for told in news {
            known.epoch = known.epoch.max(told.epoch);
            let hash = Hash::try_from(told.user_hmac.as_slice())
                .map_err(|_| sqlx::Error::Decode("erased_users.user_hmac".into()))?;
            match told.lifted {
                true => known.hashes.remove(&hash),
                false => known.hashes.insert(hash),
            };
        }
        let known = Arc::new(known);
        let mut held = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if held.epoch < known.epoch {
            *held = Arc::clone(&known);
        }
        Ok(known)
    }
}

impl Known {
    /// How much is known: a write depends on it.
    pub fn epoch(&self) -> i64 {
        self.epoch
    }

    /// Whether nobody is erased.
    pub fn is_empty(&self) -> bool {
        self.hashes.is_empty()
    }

    /// Whether this user was erased.
    pub fn holds(&self, user_id: &str) -> bool {
        match &self.key {
            Some(key) if !self.is_empty() => self.hashes.contains(&hash(key, user_id)),
            _ => false,
        }
    }
}

impl Known {
    /// Whether a text names somebody who was erased.
    pub fn is_named_in(&self, text: &[u8]) -> bool {
        !self.is_empty()
            && (mention::values(text).iter().any(|value| self.holds(value))
                || std::str::from_utf8(text).is_ok_and(|text| self.holds(text.trim())))
    }
}

impl fmt::Debug for Known {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Known {{ epoch: {} }}", self.epoch)
    }
}

/// The hash under which a user is noted.
pub async fn hash_of(connection: &mut PgConnection, user_id: &str) -> Result<Vec<u8>, sqlx::Error> {
    let key = key(connection).await?;
    Ok(hash(&key, user_id).to_vec())
}

/// Lets a user in again: what was erased stays so, new uploads are recorded. Tells whether the user was erased.
pub async fn lift(
    connection: &mut PgConnection,
    user_id: &str,
    now: DateTime<Utc>,
) -> Result<bool, sqlx::Error> {
    let erased = ErasedUsers::default();
    if !erased.refresh(connection).await?.holds(user_id) {
        return Ok(false);
    }
    let hash = hash_of(connection, user_id).await?;
    sql::lift(connection, &hash, now).await?;
    Ok(true)
}

async fn key(connection: &mut PgConnection) -> Result<Hmac<Sha256>, sqlx::Error> {
    let key = sql::key(connection).await?;
    Hmac::new_from_slice(&key).map_err(|_| sqlx::Error::Decode("erasure_key.key".into()))
}

fn hash(key: &Hmac<Sha256>, user_id: &str) -> Hash {
    key.clone()
        .chain_update(user_id.as_bytes())
        .finalize()
        .into_bytes()
        .into()
}
