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

use self::sql::State;
use self::walk::Walk;
use crate::ops::clock::Clock;
use crate::ops::database::Database;
use crate::ops::lifecycle::Stop;
use crate::ticket::RESUMED_WITHIN;

/// Well within the minute that roll-ups may be behind.
const EVERY: Duration = Duration::from_secs(10);
/// While all was counted so long ago at most, it rests three times as long as it counts: notifications come first.
const UNHURRIED: Duration = Duration::from_secs(30);
/// Changes of a step, and rows of its batches: some tenths of a second, for which nothing that was overwritten can be
/// cleared away. More than come meanwhile, so that there is a step that has all of them.
const ROWS: i64 = 5_000;
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
    let mut failing = false;
    let mut done = Instant::now();
    loop {
        let begun = Instant::now();
        let counted = tokio::select! {
            counted = step(&database, &clock) => counted,
            () = stop.wait() => return,
        };
        let failed = counted.is_err();
        let pause = match counted {
            Ok(Step::More) if done.elapsed() < UNHURRIED => (3 * begun.elapsed()).min(EVERY),
            Ok(Step::More) => Duration::from_millis(50),
            Ok(Step::Done | Step::Elsewhere) => {
                done = Instant::now();
                EVERY
            }
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
    loop {
        match step(database, clock).await? {
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

/// Counts one step.
pub async fn step(database: &Database, clock: &Clock) -> Result<Step, sqlx::Error> {
    let mut connection = database.unmigrated().acquire().await?;
    let mut transaction = connection.begin().await?;
    if !sql::take_turn(&mut transaction).await? {
        return Ok(Step::Elsewhere);
    }
    let now = clock.now();
    let state = sql::state(&mut transaction).await?;
    let step = count(&mut transaction, &state, now).await?;
    transaction.commit().await?;
    Ok(step)
}

async fn count(
    connection: &mut PgConnection,
    state: &State,
    now: DateTime<Utc>,
) -> Result<Step, sqlx::Error> {
    let changes = sql::changes(connection, state.seq, ROWS).await?;
    if state.has_gap(&changes) {
        tracing::warn!("the change log was trimmed before it was counted: counting all anew");
        sql::forget(connection).await?;
        return Ok(Step::More);
    }
    let seq = changes.last().map_or(state.seq, |change| change.seq);
    let mut all = changes.len() < usize::try_from(ROWS).unwrap_or(usize::MAX);
    let mut touched = Touched::new();
    for change in changes {
        touched.entry((change.file_id, change.app)).or_default();
    }
    let mut tickets = Vec::new();
    let (walk, low_xid) = match Walk::of(state) {
        Some(walk) => {
            all = false;
            let next = walk
                .go_on(connection, state.generation, &mut touched, &mut tickets)
                .await?;
            (next, None)
        }
        None => {
            let taken = sql::take_batches(connection, BATCHES, ROWS).await?;
            all &= !taken.more;
            touch(
                &mut touched,
                sql::count_deliveries(connection, &taken.deliveries, &taken.released).await?,
            );
            tickets =
                sql::count_signatures(connection, &taken.issues, &taken.tickets, None).await?;
            for key in sql::uploads_naming(connection, &taken.tickets).await? {
                touched.entry(key).or_default();
            }
            (None, Some(taken.low_xid).filter(|_| !taken.more))
        }
    };
    tickets.extend(sql::count_uploads(connection, &touched, state.generation).await?);
    sql::open_tickets(connection, &tickets, now, RESUMED_WITHIN, state.generation).await?;
    all &= sql::close_overdue(connection, now, OVERDUE).await? < OVERDUE.unsigned_abs();
    let walked = Walk::columns(walk.as_ref());
    sql::advance(connection, seq, low_xid.as_deref(), walked, now, all).await?;
    Ok(match all {
        true => Step::Done,
        false => Step::More,
    })
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
