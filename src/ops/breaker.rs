//! The circuit breaker: a Postgres that is away costs whoever asks microseconds, not a connect timeout.
//!
//! Whoever fails to write opens it; one task, [`guard`], closes it again. While it is open that task tries
//! a write that changes nothing, so that a standby, a full disk and a server without a free connection
//! count as away too. While it is closed it asks now and then, so that readers need not find out.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, timeout};

use super::database::Database;
use super::lifecycle::Stop;
use super::line::Line;

/// How often Postgres is asked while it is away: who waits for it waits this long in vain, at most.
const PROBE_EVERY: Duration = Duration::from_millis(250);
/// How often it is asked while all is well.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// A full disk takes the question, which needs no room, and not the batch after it: each time in a row that
/// this happens, the next question comes after twice as long, up to this.
const PROBE_AT_MOST: Duration = Duration::from_secs(4);
/// Whether this is a primary.
const WRITABLE: &str = "SELECT current_setting('transaction_read_only') = 'off'";
/// Takes the way of every write down to the disk, and changes nothing.
const WRITES: &str = "UPDATE feed_floor SET seq = seq RETURNING true";

/// Whether Postgres is worth asking. Clones share it.
#[derive(Debug, Clone)]
pub struct Breaker {
    state: watch::Sender<State>,
    openings: Arc<AtomicUsize>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Nobody has said yet that the schema is current.
    Unprepared,
    Open,
    Closed,
}

impl Default for Breaker {
    fn default() -> Self {
        Self {
            state: watch::Sender::new(State::Unprepared),
            openings: Arc::default(),
        }
    }
}

impl Breaker {
    /// Whether Postgres is worth asking.
    pub fn closed(&self) -> bool {
        *self.state.borrow() == State::Closed
    }

    /// How often it was opened: a connection from before the last time may be dead.
    pub fn openings(&self) -> usize {
        self.openings.load(Ordering::Relaxed)
    }

    /// Postgres could not take a write: nobody asks it until [`guard`] has seen it take one.
    pub fn open(&self) {
        let opened = self.state.send_if_modified(|state| {
            let was_closed = *state == State::Closed;
            if was_closed {
                *state = State::Open;
            }
            was_closed
        });
        if opened {
            self.openings.fetch_add(1, Ordering::Relaxed);
            tracing::warn!("Postgres cannot take writes: deliveries go to the spool meanwhile");
        }
    }

    /// Postgres takes writes, and its schema is current.
    pub fn close(&self) {
        if self.state.send_replace(State::Closed) == State::Open {
            tracing::info!("Postgres takes writes again");
        }
    }

    /// Ends when Postgres is worth asking.
    pub async fn wait_until_closed(&self) {
        // The sender is in `self`, so that this cannot fail.
        let _ = self
            .state
            .subscribe()
            .wait_for(|state| *state == State::Closed)
            .await;
    }
}

/// Keeps the breaker of a database right until told to stop.
pub async fn guard(database: Database, mut stop: Stop) {
    let breaker = database.breaker().clone();
    let mut changes = breaker.state.subscribe();
    let mut line = Line::new(database);
    let mut closed_at: Option<Instant> = None;
    let mut rest = Duration::ZERO;
    loop {
        let state = *changes.borrow_and_update();
        if state == State::Open
            && let Some(closed_at) = closed_at.take()
        {
            rest = if closed_at.elapsed() < LOOK_EVERY {
                (2 * rest).clamp(PROBE_EVERY, PROBE_AT_MOST)
            } else {
                Duration::ZERO
            };
            tokio::select! {
                () = tokio::time::sleep(rest) => {}
                () = stop.wait() => break,
            }
        }
        let pause = match state {
            State::Unprepared => Duration::MAX,
            State::Closed if ask(&mut line, WRITABLE).await => LOOK_EVERY,
            State::Closed => {
                breaker.open();
                continue;
            }
            State::Open if ask(&mut line, WRITES).await => {
                breaker.close();
                closed_at = Some(Instant::now());
                continue;
            }
            State::Open => PROBE_EVERY,
        };
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            _ = changes.changed() => {}
            () = stop.wait() => break,
        }
    }
    line.close().await;
}

/// Whether a question is answered by yes, and soon.
async fn ask(line: &mut Line, question: &'static str) -> bool {
    let asked = timeout(line.patience(), async {
        let connection = line.open().await?;
        sqlx::query_scalar(question).fetch_one(connection).await
    })
    .await;
    matches!(line.settle(asked), Ok(true))
}
