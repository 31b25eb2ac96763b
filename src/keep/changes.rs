//! How long the change log is kept.
//!
//! It is read from where a reader was, and goes from its oldest end: what is left has no gap. A reader notices that it
//! was away for too long because what it reads does not follow on what it had.

use std::time::Duration;

use chrono::TimeDelta;

use super::sql;
use crate::ops::clock::Clock;
use crate::ops::database::Database;
use crate::ops::lifecycle::Stop;

/// A reader that was away over a long weekend goes on; one that was longer reads the uploads anew.
pub const KEEP: TimeDelta = TimeDelta::days(7);
/// Little at a time: 12,000 changes a second, more than one receiver writes, are 72 stretches a minute.
const EVERY: Duration = Duration::from_secs(60);
/// How many lines go at a time: some ten milliseconds, in which nobody waits for them.
const STRETCH: i64 = 10_000;
/// Between two stretches, so that no more than a part of a core goes into this.
const PAUSE: Duration = Duration::from_millis(100);

/// Removes what is older every minute, until told to stop.
pub async fn trim_always(database: Database, clock: Clock, mut stop: Stop) {
    loop {
        let trimming = trim(&database, &clock);
        tokio::select! {
            trimmed = trimming => if let Err(error) = trimmed {
                let error: &dyn std::error::Error = &error;
                tracing::warn!(error, "the change log could not be trimmed");
            },
            () = stop.wait() => return,
        }
        tokio::select! {
            () = tokio::time::sleep(EVERY) => {}
            () = stop.wait() => return,
        }
    }
}

/// Removes what is older than [`KEEP`]; tells how many lines. Several receivers may do so at once.
pub async fn trim(database: &Database, clock: &Clock) -> Result<u64, sqlx::Error> {
    let before = clock.now() - KEEP;
    let mut trimmed = 0;
    loop {
        let mut connection = database.unmigrated().acquire().await?;
        let gone = sql::trim_changes(&mut connection, before, STRETCH).await?;
        trimmed += gone;
        if gone < STRETCH.unsigned_abs() {
            return Ok(trimmed);
        }
        drop(connection);
        tokio::time::sleep(PAUSE).await;
    }
}
