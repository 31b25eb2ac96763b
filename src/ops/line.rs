//! A connection of one's own: opened when first needed, and again after a fault.
//!
//! Those who write have one each. A pool asks a connection whether it lives before and after each use,
//! two round trips that a batch need not wait for, and lets those who write wait behind those who read.

use std::time::Duration;

use sqlx::{Connection, PgConnection};
use tokio::time::{Instant, timeout};

use super::database::{Database, Fault, classify};

/// Firewalls forget a connection that says nothing for minutes, and tell nobody: one that was idle for
/// this long is asked first.
const TRUSTED_FOR: Duration = Duration::from_secs(30);
const PING_WITHIN: Duration = Duration::from_millis(500);
const CLOSE_WITHIN: Duration = Duration::from_millis(500);

/// One connection to Postgres, perhaps not there at the moment.
pub struct Line {
    database: Database,
    held: Option<Held>,
}

struct Held {
    connection: PgConnection,
    used: Instant,
    /// Of the breaker, when it was used last.
    openings: usize,
}

impl Line {
    /// A line that connects when it is first needed.
    pub fn new(database: Database) -> Self {
        Self {
            database,
            held: None,
        }
    }

    /// How long Postgres is waited for.
    pub fn patience(&self) -> Duration {
        self.database.patience()
    }

    /// The connection; a new one if there is none, or if it did not answer after a long rest or an outage that others met.
    pub async fn open(&mut self) -> Result<&mut PgConnection, sqlx::Error> {
        let openings = self.database.breaker().openings();
        let held = match self.held.take() {
            Some(mut held) if held.used.elapsed() > TRUSTED_FOR || held.openings != openings => {
                let answered = timeout(PING_WITHIN, held.connection.ping()).await;
                matches!(answered, Ok(Ok(()))).then_some(held)
            }
            held => held,
        };
        let connection = match held {
            Some(held) => held.connection,
            None => self.database.connect().await?,
        };
        let held = self.held.insert(Held {
            connection,
            used: Instant::now(),
            openings,
        });
        Ok(&mut held.connection)
    }

    /// Passes on what came of work on the connection within a time; after anything but an error of ours
    /// (a refused row, a conflict) nobody knows its state, and it is given up.
    pub fn settle<T>(
        &mut self,
        ended: Result<Result<T, sqlx::Error>, tokio::time::error::Elapsed>,
    ) -> Result<T, sqlx::Error> {
        let result = ended.unwrap_or_else(|elapsed| {
            Err(sqlx::Error::Io(std::io::Error::new(
                std::io::ErrorKind::TimedOut,
                elapsed,
            )))
        });
        if let Err(error) = &result
            && classify(error) == Fault::Unavailable
        {
            self.held = None;
        }
        result
    }

    /// Says goodbye.
    pub async fn close(self) {
        if let Some(held) = self.held {
            // One that hangs is not worth waiting for.
            let _ = timeout(CLOSE_WITHIN, held.connection.close()).await;
        }
    }
}
