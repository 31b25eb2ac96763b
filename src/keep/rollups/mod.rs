//! Roll-ups: what happened in each quarter hour, for analysts and for the page.
//!
//! One worker at a time counts, some rows a step, each step in one transaction with its own watermarks. What is to be
//! counted it learns from the change log (which uploads changed) and from `uncounted` (which deliveries, signatures and
//! tickets are new). Uploads change: what was counted of each is kept in `counted_uploads` and taken back first, so that
//! it does not matter how often or in which order they are told of. Deliveries and signatures only come, each once.
//!
//! A recount goes through the tables the same way, a stretch a step. While it runs nothing is taken from `uncounted`, and
//! what waits there is left out by the walk: each row is counted once, by whichever comes to it.

mod sql;
mod walk;

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::{DateTime, Utc};
use sqlx::{Connection, PgConnection};
use tokio::time::Instant;
use uuid::Uuid;

use self::sql::{State, Taken};
use self::walk::Walk;
use crate::ops::clock::Clock;
use crate::ops::database::Database;
use crate::ops::lifecycle::Stop;
use crate::ticket::RESUMED_WITHIN;

/// Well within the minute that roll-ups may be behind.
const EVERY: Duration = Duration::from_secs(10);
/// So far behind, it hardly rests. Before, notifications come first: while all is at hand it rests ten times as long as it
/// counts, and the less the further it is behind.
const FAR_BEHIND: Duration = Duration::from_secs(30);
/// Rows of the batches of a step, and half of its changes at most, while it is not far behind: some hundredths of a second,
/// in which whoever waits for one of two cores hardly notices it.
const ROWS: i64 = 500;
/// Those of a step when it is: some tenths of a second, for which nothing that was overwritten can be cleared away.
const ROWS_FAR_BEHIND: i64 = 5_000;
/// Batches of a step; one has some hundred deliveries where many come, and one where few do.
const BATCHES: i64 = 1_000;
/// Tickets that a step finds to be over.
const OVERDUE: i64 = 10_000;

/// What a step found to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// All there was.
    Done,
    /// As much as fits a step: there is more.
    More,
    /// Another receiver counts now.
    Elsewhere,
}

/// The delivery that told first of an upload.
#[derive(Debug, Clone, PartialEq, Eq)]
struct First {
    id: Uuid,
    received_at: DateTime<Utc>,
    door: String,
}

/// The key of an upload: file id and app.
type Key = (String, String);

/// The uploads of which something is to be counted anew, in the order of their keys.
type Touched = BTreeMap<Key, Option<First>>;

/// Counts every ten seconds until told to stop.
pub async fn count_always(database: Database, clock: Clock, mut stop: Stop) {
    let mut worker = Worker {
        fresh: Some(Instant::now()), // whatever waits to be counted, whoever notifies goes first for a while
        ..Worker::new(database, clock)
    };
    let mut failing = false;
    loop {
        let begun = Instant::now();
        let counted = tokio::select! {
            counted = worker.step() => counted,
            () = stop.wait() => return,
        };
        let failed = counted.is_err();
        let pause = match counted {
            Ok(Step::More) => rest(begun.elapsed(), worker.behind()),
            Ok(Step::Done | Step::Elsewhere) => EVERY,
            Err(error) => {
                if !failing {
                    let error: &dyn std::error::Error = &error;
                    tracing::warn!(error, "the roll-ups could not be counted");
                }
                EVERY
            }
        };
        failing = failed;
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = stop.wait() => return,
        }
    }
}

/// Counts until nothing is left to count, or another receiver does so.
pub async fn catch_up(database: &Database, clock: &Clock) -> Result<Step, sqlx::Error> {
    let mut worker = Worker::new(database.clone(), clock.clone());
    loop {
        match worker.step().await? {
            Step::More => {}
            done => return Ok(done),
        }
    }
}

/// Forgets what is counted, and has all of it counted anew by the steps to come. What is counted of months that were
/// dropped stays: nothing else tells of it.
pub async fn recount(database: &Database) -> Result<(), sqlx::Error> {
    let mut connection = database.unmigrated().acquire().await?;
    let mut transaction = connection.begin().await?;
    sql::wait_for_turn(&mut transaction).await?;
    sql::forget(&mut transaction).await?;
    transaction.commit().await
}

/// Waits until no step counts, and keeps others from it until the transaction ends.
pub(super) async fn wait_for_turn(connection: &mut PgConnection) -> Result<(), sqlx::Error> {
    sql::wait_for_turn(connection).await
}

/// Whether all but what came today is counted.
pub(super) async fn are_fresh(
    connection: &mut PgConnection,
    now: DateTime<Utc>,
) -> Result<bool, sqlx::Error> {
    sql::are_fresh(connection, now).await
}

/// What a recount goes through now; none if there is none.
pub async fn recounting(database: &Database) -> Result<Option<String>, sqlx::Error> {
    let mut connection = database.unmigrated().acquire().await?;
    Ok(sql::state(&mut connection).await?.walk)
}

/// Counts, a step at a time. What there was at a moment is its goal: while there is always more, the roll-ups are told to
/// be as of the last goal that was passed.
pub struct Worker {
    database: Database,
    clock: Clock,
    goal: Option<Goal>,
    /// What was there then is counted; none if it is not known yet.
    fresh: Option<Instant>,
}

/// All that was committed before some moment.
struct Goal {
    at: DateTime<Utc>,
    /// The same moment, by the clock that nobody sets.
    instant: Instant,
    /// The last line of the change log.
    seq: i64,
    /// The last transaction of which there was a batch.
    xid: Option<String>,
}

impl Worker {
    /// One that has not counted yet, and does not rest until all is at hand.
    pub fn new(database: Database, clock: Clock) -> Self {
        Self {
            database,
            clock,
            goal: None,
            fresh: None,
        }
    }

    /// Counts one step.
    pub async fn step(&mut self) -> Result<Step, sqlx::Error> {
        let mut connection = self.database.unmigrated().acquire().await?;
        let mut transaction = connection.begin().await?;
        let (now, instant) = (self.clock.now(), Instant::now());
        if !sql::take_turn(&mut transaction).await? {
            (self.goal, self.fresh) = (None, Some(instant));
            return Ok(Step::Elsewhere);
        }
        let state = sql::state(&mut transaction).await?;
        let goal = self.goal.take().unwrap_or_else(|| Goal {
            at: now,
            instant,
            seq: state.head,
            xid: state.last_xid.clone(),
        });
        let is_far = self.behind().is_none_or(|behind| behind >= FAR_BEHIND);
        let rows = if is_far { ROWS_FAR_BEHIND } else { ROWS };
        let counted = count(&mut transaction, &state, &goal, rows, now).await?;
        transaction.commit().await?;
        Ok(match counted {
            Counted::All => {
                self.fresh = Some(instant);
                Step::Done
            }
            Counted::Goal => {
                self.fresh = Some(goal.instant);
                Step::More
            }
            Counted::Part => {
                self.goal = Some(goal);
                Step::More
            }
        })
    }

    /// How far behind it is; none if it is not known yet.
    fn behind(&self) -> Option<Duration> {
        self.fresh.map(|fresh| fresh.elapsed())
    }
}

/// How long to rest after a step that took so long and left something to count, so far behind.
fn rest(took: Duration, behind: Option<Duration>) -> Duration {
    let behind = behind.unwrap_or(FAR_BEHIND).min(FAR_BEHIND);
    let at_hand = 1.0 - behind.as_secs_f64() / FAR_BEHIND.as_secs_f64();
    took.mul_f64(0.25 + 9.75 * at_hand).min(EVERY)
}

/// What a step counted.
#[derive(Clone, Copy)]
enum Counted {
    /// All there was.
    All,
    /// All that was its goal.
    Goal,
    /// Less.
    Part,
}

async fn count(
    connection: &mut PgConnection,
    state: &State,
    goal: &Goal,
    rows: i64,
    now: DateTime<Utc>,
) -> Result<Counted, sqlx::Error> {
    let walk = Walk::of(state);
    let taken = match walk {
        None => {
            let goal = goal.xid.as_deref();
            sql::take_batches(connection, &state.low_xid, goal, BATCHES, rows).await?
        }
        Some(_) => Taken::default(),
    };
    let limit = 2 * rows;
    let mut changes =
        sql::changes(connection, state.seq, taken.first_left.as_deref(), limit).await?;
    if state.has_gap(&changes) {
        tracing::warn!("the change log was trimmed before it was counted: counting all anew");
        sql::forget(connection).await?;
        return Ok(Counted::Part);
    }
    let is_last = changes.len() < usize::try_from(limit).unwrap_or(usize::MAX);
    let together = changes.iter().take_while(|change| !change.later).count();
    changes.truncate(together);
    let seq = changes.last().map_or(state.seq, |change| change.seq);
    let all = walk.is_none() && taken.first_left.is_none() && is_last;
    let passed = walk.is_none() && taken.passed && seq >= goal.seq;
    let mut touched = Touched::new();
    for change in changes {
        touched.entry((change.file_id, change.app)).or_default();
    }
    let mut tickets = Vec::new();
    let walk = match walk {
        Some(walk) => {
            let generation = state.generation;
            walk.go_on(connection, generation, &mut touched, &mut tickets)
                .await?
        }
        None => {
            let told =
                sql::count_deliveries(connection, &taken.deliveries, &taken.released).await?;
            touch(&mut touched, told);
            tickets =
                sql::count_signatures(connection, &taken.issues, &taken.tickets, None).await?;
            for key in sql::uploads_naming(connection, &taken.tickets).await? {
                touched.entry(key).or_default();
            }
            None
        }
    };
    tickets.extend(sql::count_uploads(connection, &touched, state.generation).await?);
    sql::open_tickets(connection, &tickets, now, RESUMED_WITHIN, state.generation).await?;
    let in_time = sql::close_overdue(connection, now, OVERDUE).await? < OVERDUE.unsigned_abs();
    let counted = match (all && in_time, passed && in_time) {
        (true, _) => Counted::All,
        (false, true) => Counted::Goal,
        (false, false) => Counted::Part,
    };
    let fresh_until = match counted {
        Counted::All => Some(now),
        Counted::Goal => Some(goal.at),
        Counted::Part => None,
    };
    let walked = Walk::columns(walk.as_ref());
    sql::advance(
        connection,
        seq,
        taken.low_xid.as_deref(),
        walked,
        now,
        fresh_until,
    )
    .await?;
    Ok(counted)
}

/// Adds the files of deliveries, each with the first that told of it.
fn touch(touched: &mut Touched, firsts: Vec<(Key, First)>) {
    for (key, first) in firsts {
        let held = touched.entry(key).or_default();
        if held.as_ref().is_none_or(|held| first.id < held.id) {
            *held = Some(first);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_rests_long_while_all_is_at_hand_and_hardly_far_behind() {
        let took = Duration::from_millis(40);
        let behind = |seconds| Some(Duration::from_secs(seconds));
        assert_eq!(rest(took, behind(0)), took * 10);
        assert_eq!(rest(took, behind(15)), took.mul_f64(5.125));
        assert_eq!(rest(took, behind(30)), took / 4);
        assert_eq!(rest(took, behind(3_000)), took / 4);
        assert_eq!(rest(took, None), took / 4);
        assert_eq!(rest(Duration::from_secs(60), behind(0)), EVERY);
    }
}
