//! Stage 6: what keeps the tables in shape while they grow for ever.

pub mod changes;
pub mod dictionary;
pub mod erasure;
pub mod misuse;
pub mod partitions;
pub mod rollups;
mod sql;

use std::time::Duration;

use chrono::TimeDelta;

use crate::config::KeepDays;
use crate::ops::clock::Clock;
use crate::ops::database::Database;
use crate::ops::lifecycle::Stop;
use crate::ops::metrics::Metrics;

/// Months are made two ahead: a day missed now and then does not matter.
const EVERY: Duration = Duration::from_secs(24 * 60 * 60);
/// After a failure, a failover of Postgres say.
const AGAIN: Duration = Duration::from_secs(60);
/// Long enough to look into why bodies with a right token had no right `Sign` (design section 4).
const KEEP_UNSIGNED: TimeDelta = TimeDelta::days(30);

/// Keeps house, trims the change log, counts, and watches for misuse, until told to stop.
pub async fn always(
    database: Database,
    clock: Clock,
    keep: KeepDays,
    metrics: Metrics,
    stop: Stop,
) {
    let watching = misuse::watch(database.clone(), clock.clone(), metrics, stop.clone());
    let trimming = changes::trim_always(database.clone(), clock.clone(), stop.clone());
    let counting = rollups::count_always(database.clone(), clock.clone(), stop.clone());
    let house = daily(database, clock, keep, stop);
    tokio::join!(house, watching, trimming, counting);
}

/// Keeps house once a day until told to stop.
async fn daily(database: Database, clock: Clock, keep: KeepDays, mut stop: Stop) {
    loop {
        let wait = match house(&database, &clock, keep).await {
            Ok(()) => EVERY,
            Err(error) => {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "the tables could not be kept in shape"
                );
                AGAIN
            }
        };
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            () = stop.wait() => return,
        }
    }
}

async fn house(database: &Database, clock: &Clock, keep: KeepDays) -> Result<(), sqlx::Error> {
    let mut connection = database.unmigrated().acquire().await?;
    let now = clock.now();
    partitions::ensure(&mut connection, now).await?;
    partitions::drop_old(&mut connection, keep, now).await?;
    let blanked = sql::blank_unsigned_before(&mut connection, now - KEEP_UNSIGNED).await?;
    if blanked > 0 {
        tracing::info!(
            blanked,
            "bodies without a right signature were blanked after 30 days"
        );
    }
    Ok(())
}
