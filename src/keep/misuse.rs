//! How many of the latest uploads suggest misuse, for the metrics.
//!
//! Asked now and then and not counted at ingest: whether a ticket brought another file is a look into an index
//! that no upload should wait for, and what one receiver saw would be lost with it and miss what others saw.

use std::time::Duration;

use chrono::TimeDelta;

use super::sql;
use crate::ops::clock::Clock;
use crate::ops::database::Database;
use crate::ops::lifecycle::Stop;
use crate::ops::metrics::{Metric, Metrics};
use crate::ticket::RESUMED_WITHIN;

/// Nobody acts on it within minutes.
const EVERY: Duration = Duration::from_secs(5 * 60);
/// Long enough that a scrape now and then meets each upload.
const LATEST: TimeDelta = TimeDelta::hours(1);

/// Looks every five minutes until told to stop.
pub async fn watch(database: Database, clock: Clock, metrics: Metrics, mut stop: Stop) {
    loop {
        if let Err(error) = look(&database, &clock, &metrics).await {
            let error: &dyn std::error::Error = &error;
            tracing::warn!(
                error,
                "the latest uploads could not be looked at for misuse"
            );
        }
        tokio::select! {
            () = tokio::time::sleep(EVERY) => {}
            () = stop.wait() => return,
        }
    }
}

/// Looks at the uploads of the last hour.
pub async fn look(
    database: &Database,
    clock: &Clock,
    metrics: &Metrics,
) -> Result<(), sqlx::Error> {
    let mut connection = database.unmigrated().acquire().await?;
    let since = clock.now() - LATEST;
    let signs = sql::signs_of_misuse(&mut connection, since, RESUMED_WITHIN).await?;
    for (sign, uploads) in [
        ("ticket_reused", signs.ticket_reused),
        ("one_time_ticket_reused", signs.one_time_ticket_reused),
        ("long_after_expiry", signs.long_after_expiry),
    ] {
        metrics.gauge(Metric::MisuseUploads, &[sign], uploads as f64);
    }
    Ok(())
}
