//! Reconcile: asks VOD what it holds, and records what no notification told (protocol.md section 7).
//!
//! VOD is asked for the files created in one stretch of time after another (`walk`); what is not known here, or known
//! otherwise, is recorded as a delivery like any other, and what is known and equal costs a look-up by key (`files`).
//! Tasks whose event was lost are asked for one by one (`tasks`). After each stretch a checkpoint moves, so that a run
//! that was killed goes on where it was. [`Schedule`] does all this every so often in a running service.

mod files;
mod schedule;
mod sql;
mod tasks;
mod walk;

use std::future::Future;
use std::time::Duration;

use bytes::Bytes;
use chrono::{DateTime, SubsecRound, TimeDelta, Utc};
use serde::Serialize;
use sqlx::PgConnection;

use crate::config::App;
use crate::ops::clock::Clock;
use crate::ops::database::{Database, Unavailable};
use crate::ops::random::Random;
use crate::record::rehearsal::Rehearsal;
use crate::record::{self, Delivery, Door, Outcome, Recorder};
use crate::vod::client::{ApiError, Client};
pub use schedule::Schedule;

/// How far back a first run goes if nobody says.
const FIRST_RUN: TimeDelta = TimeDelta::hours(24);
/// How far before the end of the last run the next one begins: how long VOD takes to list a new file is not documented.
const INDEX_DELAY: TimeDelta = TimeDelta::minutes(10);
/// A question that Postgres does not answer for so long is a Postgres that is away.
const ASK_WITHIN: Duration = Duration::from_secs(30);
/// So much is recorded at once: a small part of what the queue holds, so that notifications find room beside it.
const BATCH_DELIVERIES: usize = 256;
const BATCH_BYTES: usize = 4 * 1024 * 1024;

/// Reconciles one app.
#[derive(Clone)]
pub struct Reconciler {
    app: App,
    client: Client,
    recorder: Recorder,
    database: Database,
    clock: Clock,
    random: Random,
}

/// What a run is to do.
#[derive(Debug, Clone, Copy, Default)]
pub struct Ask {
    /// Files created since then; without it since the end of the last run, and 24 hours if there was none.
    pub since: Option<DateTime<Utc>>,
    /// Files created before then; without it before now.
    pub until: Option<DateTime<Utc>>,
    /// Also asks for each upload of that time that only notifications speak for and that VOD did not list: one that it
    /// does not know is refuted.
    pub verify: bool,
    /// Only tells what it would do.
    pub dry_run: bool,
}

/// What a run met and did so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Files that VOD holds.
    pub found: u64,
    /// Of these, files that were not recorded as uploads.
    pub missing: u64,
    /// Uploads that were recorded because they were missing, or of which VOD says something else than was known
    /// from itself.
    pub repaired: u64,
    /// Uploads that only notifications spoke for until now.
    pub confirmed: u64,
    /// Of these, uploads of which a notification told another source context than VOD does.
    pub contradicted: u64,
    /// Tasks of which VOD told more than was known: mostly their end.
    pub tasks: u64,
    /// Uploads that VOD had confirmed before and does not know any more.
    pub deleted: u64,
    /// Uploads that only notifications speak for and that VOD does not know (`verify`).
    pub refuted: u64,
    /// The same where they were left alone: deleted, or invented.
    pub unexplained: u64,
    /// Files and tasks about which VOD gave no answer that could be read.
    pub unread: u64,
    /// Seconds in which more files were created than VOD lists, 5,000.
    pub dense_seconds: u64,
}

impl Counts {
    /// Whether something of what was asked for could not be done.
    pub fn are_incomplete(&self) -> bool {
        self.unread > 0 || self.dense_seconds > 0
    }
}

/// Why a run did not come to its end; what it did before that is durable.
#[derive(Debug, thiserror::Error)]
pub enum Interrupted {
    #[error(transparent)]
    Vod(#[from] ApiError),
    #[error("Postgres is away")]
    Away(#[source] sqlx::Error),
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
    #[error("Postgres does not answer")]
    NoAnswer,
    #[error("neither Postgres nor the spool takes what VOD told")]
    NotDurable,
    #[error("this app is being reconciled by another process")]
    Elsewhere,
    #[error("there is no time between {from} and {until}")]
    NoTime {
        from: DateTime<Utc>,
        until: DateTime<Utc>,
    },
}

impl Interrupted {
    /// Its stable name, as counted in the metrics.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Vod(error) => error.code(),
            Self::Away(_) | Self::Unavailable(_) | Self::NoAnswer => "postgres_away",
            Self::NotDurable => "not_durable",
            Self::Elsewhere => "elsewhere",
            Self::NoTime { .. } => "invalid",
        }
    }
}

/// How far a run is.
#[derive(Debug, Clone, Copy)]
pub struct Progress<'a> {
    pub from: DateTime<Utc>,
    pub until: DateTime<Utc>,
    /// Files created before then were looked at.
    pub at: DateTime<Utc>,
    pub counts: &'a Counts,
}

/// Is told how far a run is, a few times a second.
pub type Watch = Box<dyn FnMut(Progress<'_>) + Send>;

/// One run over one app. It holds the app's lock, and its lock and its questions share a connection: without the one
/// there is not the other.
pub struct Run {
    of: Reconciler,
    connection: PgConnection,
    rehearsal: Rehearsal,
    ask: Ask,
    began: DateTime<Utc>,
    /// Where it begins.
    pub from: DateTime<Utc>,
    /// Where it ends.
    pub until: DateTime<Utc>,
    /// Where the checkpoint was when it began.
    checkpoint: Option<DateTime<Utc>>,
    pub counts: Counts,
}

impl Reconciler {
    /// A reconciler of an app, which records by `recorder`; connects to nothing yet.
    ///
    /// # Errors
    ///
    /// Those of [`Client::new`].
    pub fn new(
        app: &App,
        recorder: Recorder,
        database: Database,
        clock: Clock,
        random: Random,
    ) -> Result<Self, ApiError> {
        Ok(Self {
            client: Client::for_app(app, clock.clone(), random.clone())?,
            app: app.clone(),
            recorder,
            database,
            clock,
            random,
        })
    }

    /// Begins a run: finds out where, and sees to it that nobody else reconciles the app meanwhile.
    pub async fn begin(&self, ask: &Ask) -> Result<Run, Interrupted> {
        self.database.pool()?;
        let mut connection = within(self.database.connect()).await?;
        let app = self.app.name.as_str();
        if !ask.dry_run && !within(sql::lock(&mut connection, app)).await? {
            return Err(Interrupted::Elsewhere);
        }
        let held = within(sql::checkpoint(&mut connection, app)).await?;
        let checkpoint = held.map(|held| held.reconciled_to);
        let now = self.clock.now();
        let usual = checkpoint.map_or(now - FIRST_RUN, |at| at - INDEX_DELAY);
        // VOD tells times in whole seconds.
        let from = ask.since.unwrap_or(usual).trunc_subsecs(0);
        let until = ask.until.unwrap_or(now).min(now).trunc_subsecs(0) + TimeDelta::seconds(1);
        if from >= until {
            return Err(Interrupted::NoTime { from, until });
        }
        Ok(Run {
            rehearsal: Rehearsal::new(
                &self.app,
                &self.database,
                self.clock.clone(),
                self.random.clone(),
            ),
            of: self.clone(),
            connection,
            ask: *ask,
            began: now,
            from,
            until,
            checkpoint,
            counts: Counts::default(),
        })
    }
}

impl Run {
    /// Does it. What was done before an error is durable, and counted.
    pub async fn finish(&mut self, mut watch: Watch) -> Result<(), Interrupted> {
        self.walk(&mut watch).await?;
        self.ask_unfinished_tasks().await?;
        // A run over the past does not take back what later ones reached.
        let reached = self.checkpoint.map_or(self.until, |at| at.max(self.until));
        self.move_checkpoint(reached, Some(self.of.clock.now()))
            .await
    }

    /// Notes that everything before a time was compared. Not where that would pass over a stretch that was not: a run
    /// that began after the checkpoint leaves it where it is.
    async fn move_checkpoint(
        &mut self,
        to: DateTime<Utc>,
        ran_at: Option<DateTime<Utc>>,
    ) -> Result<(), Interrupted> {
        let passes_over = self.checkpoint.is_some_and(|at| self.from > at);
        if self.ask.dry_run || passes_over {
            return Ok(());
        }
        let app = self.of.app.name.as_str();
        within(sql::move_checkpoint(&mut self.connection, app, to, ran_at)).await
    }

    fn delivery(&self, body: Bytes) -> Delivery {
        let received_at = self.of.clock.now();
        Delivery {
            id: self.of.random.uuid_v7(received_at),
            app: self.of.app.name.clone(),
            door: Door::Reconcile,
            received_at,
            said: record::said(Door::Reconcile, &body),
            body,
        }
    }

    /// Those of some deliveries that would change something, each with what belongs to it.
    async fn news<T>(
        &mut self,
        deliveries: Vec<(Delivery, T)>,
    ) -> Result<Vec<(Delivery, T)>, Interrupted> {
        if deliveries.is_empty() {
            return Ok(deliveries);
        }
        let (deliveries, belongings): (Vec<_>, Vec<_>) = deliveries.into_iter().unzip();
        let outcomes = self.rehearsal.outcomes(&deliveries).await;
        let all = deliveries.into_iter().zip(belongings);
        let news = all
            .zip(outcomes.map_err(Interrupted::Away)?)
            .filter(|(_, outcome)| *outcome != Outcome::Duplicate);
        Ok(news.map(|(one, _)| one).collect())
    }

    /// Records deliveries, and gives back what belongs to those that changed something; a dry run takes all of them
    /// for such.
    async fn record<T>(&mut self, deliveries: Vec<(Delivery, T)>) -> Result<Vec<T>, Interrupted> {
        let (deliveries, belongings): (Vec<_>, Vec<_>) = deliveries.into_iter().unzip();
        if self.ask.dry_run || deliveries.is_empty() {
            return Ok(belongings);
        }
        let recorded = self.of.recorder.submit(deliveries).await;
        let outcomes = recorded.map_err(|_| Interrupted::NotDurable)?;
        let aside = outcomes.iter().filter(|&&o| o == Outcome::Quarantined);
        self.counts.unread += aside.count() as u64;
        let changed = |outcome| matches!(outcome, Outcome::Recorded | Outcome::Spooled);
        Ok(belongings
            .into_iter()
            .zip(outcomes)
            .filter(|(_, outcome)| changed(*outcome))
            .map(|(one, _)| one)
            .collect())
    }
}

/// Cuts deliveries into batches of a bounded number and size.
fn batches<T>(deliveries: Vec<(Delivery, T)>) -> Vec<Vec<(Delivery, T)>> {
    let mut batches: Vec<Vec<(Delivery, T)>> = Vec::new();
    let mut bytes = 0;
    for one in deliveries {
        bytes += one.0.body.len();
        match batches.last_mut() {
            Some(batch) if batch.len() < BATCH_DELIVERIES && bytes <= BATCH_BYTES => {
                batch.push(one);
            }
            _ => {
                bytes = one.0.body.len();
                batches.push(vec![one]);
            }
        }
    }
    batches
}

async fn within<T>(asked: impl Future<Output = Result<T, sqlx::Error>>) -> Result<T, Interrupted> {
    match tokio::time::timeout(ASK_WITHIN, asked).await {
        Ok(answer) => answer.map_err(Interrupted::Away),
        Err(_) => Err(Interrupted::NoAnswer),
    }
}
