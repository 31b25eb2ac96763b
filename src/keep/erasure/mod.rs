//! Erasure of a person, as PIPL and GDPR want it: everywhere, in bounded steps, and for ever.
//!
//! Asking for it notes the person's keyed hash, and from that commit on nothing that names them is written any more
//! ([`crate::erased`]). What is there already a worker goes through, step by step. Each step is a short transaction of
//! its own and does what is left: what is done carries the name no more, so that is the state, and whoever is killed is
//! followed by any other receiver. What was counted stays counted.

mod ask;
mod sql;
mod steps;

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use tokio::sync::Notify;
use tokio::time::Instant;
use uuid::Uuid;

use super::sql::gave_up;
use crate::erased;
use crate::ops::clock::Clock;
use crate::ops::database::{self, Database, Fault};
use crate::ops::lifecycle::Stop;
use crate::ops::line::Line;
use crate::ops::random::Random;
use crate::ticket::UserId;
pub use ask::{create_erasure, read_erasure};
pub use sql::{Erasure, File, files};

/// How often somebody looks for an erasure that was asked elsewhere, or that a killed receiver left.
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// After a step it rests so many times as long as the step took: a third of a core at most goes into this, since those who
/// upload wait and nobody waits for the end of an erasure.
const REST: u32 = 2;
/// It rests as long as this at least.
const PAUSE: Duration = Duration::from_millis(5);
/// After what should not happen.
const AGAIN: Duration = Duration::from_secs(1);
/// A step takes milliseconds; a walk over a cold page of bodies a second.
const STEP_WITHIN: Duration = Duration::from_secs(30);
/// Whoever writes holds an erasure off for milliseconds; each turn waits 3 s for that.
const TURNS: usize = 3;

/// Erases those who are asked for. Clones share it.
#[derive(Clone)]
pub struct Eraser {
    database: Database,
    clock: Clock,
    random: Random,
    /// Who this is, for the leases of what it works on.
    me: Uuid,
    asked: Arc<Notify>,
}

impl Eraser {
    /// An eraser that has to run.
    pub fn new(database: Database, clock: Clock, random: Random) -> Self {
        let me = Random::system().uuid_v4();
        Self {
            database,
            clock,
            random,
            me,
            asked: Arc::default(),
        }
    }

    /// Asks for a person to be erased. When this returns, nothing that names them is written any more, by no receiver.
    ///
    /// One that runs already for them is given back.
    pub async fn ask(&self, id: Uuid, user_id: &UserId, by: &str) -> Result<Uuid, sqlx::Error> {
        let mut connection = self.database.connect().await?;
        let hash = erased::hash_of(&mut connection, user_id.as_str()).await?;
        for _ in 0..TURNS {
            let (now, user_id) = (self.clock.now(), user_id.as_str());
            match sql::ask(&mut connection, id, user_id, &hash, by, now).await {
                // Whoever writes holds it off for as long as a write takes.
                Err(error) if is_contended(&error) => {}
                asked => {
                    self.asked.notify_one();
                    return asked;
                }
            }
        }
        Err(sqlx::Error::PoolTimedOut)
    }

    /// Works off what is asked, until told to stop. A step that is cut off leaves nothing behind.
    pub async fn run(self, mut stop: Stop) {
        let mut line = Line::new(self.database.clone());
        let work = async {
            loop {
                self.database.breaker().wait_until_closed().await;
                let begun = Instant::now();
                let pause = match self.step(&mut line).await {
                    Ok(true) => rest(begun),
                    Ok(false) => LOOK_EVERY,
                    Err(error) if is_contended(&error) => rest(begun),
                    Err(error) => {
                        let error: &dyn std::error::Error = &error;
                        tracing::warn!(error, "an erasure could not go on");
                        AGAIN
                    }
                };
                tokio::select! {
                    () = tokio::time::sleep(pause) => {}
                    () = self.asked.notified() => {}
                }
            }
        };
        tokio::select! {
            () = work => {}
            () = stop.wait() => {}
        }
        line.close().await;
    }

    /// Works until none is left that nobody else works on: for the command.
    pub async fn finish(&self, id: Uuid) -> Result<Erasure, sqlx::Error> {
        let mut line = Line::new(self.database.clone());
        loop {
            let begun = Instant::now();
            let worked = match self.step(&mut line).await {
                Err(error) if is_contended(&error) => true,
                worked => worked?,
            };
            tokio::time::sleep(if worked { rest(begun) } else { AGAIN }).await;
            let connection = line.open().await?;
            match sql::find(connection, id).await? {
                Some(erasure) if erasure.finished_at.is_some() => {
                    line.close().await;
                    return Ok(erasure);
                }
                Some(_) => {}
                None => return Err(sqlx::Error::RowNotFound),
            }
        }
    }

    /// Does one step of the oldest erasure that nobody else works on; tells whether there is one.
    async fn step(&self, line: &mut Line) -> Result<bool, sqlx::Error> {
        let stepped = tokio::time::timeout(STEP_WITHIN, async {
            let connection = line.open().await?;
            let Some(running) = sql::lease(connection, self.me).await? else {
                return Ok(false);
            };
            let now = self.clock.now();
            steps::step(connection, &running, now, &self.random).await?;
            Ok(true)
        })
        .await;
        line.settle(stepped)
    }
}

/// How long to rest after a step.
fn rest(begun: Instant) -> Duration {
    PAUSE.max(REST * begun.elapsed())
}

fn is_contended(error: &sqlx::Error) -> bool {
    database::classify(error) == Fault::Contended || gave_up(error)
}

/// Lets an erased person in again: what was erased stays so.
pub async fn lift(
    connection: &mut PgConnection,
    user_id: &UserId,
    now: DateTime<Utc>,
) -> Result<bool, sqlx::Error> {
    erased::lift(connection, user_id.as_str(), now).await
}
