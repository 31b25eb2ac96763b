//! When keys were last used: noted in memory by each request, written now and then for all of them together.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio::sync::Notify;
use uuid::Uuid;

use super::sql;
use crate::ops::database::Database;
use crate::ops::lifecycle::Stop;

/// One statement a minute and receiver, whatever comes in.
const EVERY: Duration = Duration::from_secs(60);
/// At the end nobody waits long for it.
const WRITE_WITHIN: Duration = Duration::from_secs(1);

/// The keys that were used since that was last written. A receiver that is killed forgets a minute.
#[derive(Clone, Default)]
pub struct Uses(Arc<Noted>);

#[derive(Default)]
struct Noted {
    keys: Mutex<HashMap<Uuid, DateTime<Utc>>>,
    some: Notify,
}

impl Uses {
    /// Notes that a key is used.
    pub(super) fn note(&self, key: Uuid, now: DateTime<Utc>) {
        let mut keys = self.keys();
        let was_empty = keys.is_empty();
        keys.insert(key, now);
        drop(keys);
        if was_empty {
            self.0.some.notify_one();
        }
    }

    /// Writes what was noted, the first use at once and then once a minute, until told to stop.
    pub async fn write_always(self, database: Database, mut stop: Stop) {
        loop {
            tokio::select! {
                () = self.0.some.notified() => {}
                () = stop.wait() => return self.write(&database).await,
            }
            self.write(&database).await;
            tokio::select! {
                () = tokio::time::sleep(EVERY) => {}
                () = stop.wait() => return self.write(&database).await,
            }
        }
    }

    async fn write(&self, database: &Database) {
        let noted = std::mem::take(&mut *self.keys());
        if noted.is_empty() {
            return;
        }
        let (ids, used): (Vec<_>, Vec<_>) = noted.iter().unzip();
        let writing = async {
            let mut connection = database
                .pool()
                .map_err(|_| sqlx::Error::PoolClosed)?
                .acquire()
                .await?;
            sql::note_uses(&mut connection, &ids, &used).await
        };
        let written = tokio::time::timeout(WRITE_WITHIN, writing).await;
        if !matches!(written, Ok(Ok(()))) {
            // Told by others; the next minute tries again.
            let mut keys = self.keys();
            for (id, at) in noted {
                let held = keys.entry(id).or_insert(at);
                *held = at.max(*held);
            }
            drop(keys);
            self.0.some.notify_one();
        }
    }

    fn keys(&self) -> MutexGuard<'_, HashMap<Uuid, DateTime<Utc>>> {
        self.0.keys.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
