//! What was kept is run again, through the same writer: it repairs what is missing, and changes nothing that is known.

mod one;
mod sql;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::writer::Writer;
use super::{Delivery, Door, Outcome, Quarantine};
use crate::attribute::Resolvers;
use crate::config::AppName;
use crate::ops::clock::Clock;
use crate::ops::database::{Database, Unavailable};
use crate::ops::line::Line;
use crate::ops::metrics::Metrics;
use crate::ops::random::Random;
use crate::ticket::KnownTickets;
use crate::vod::event::FileId;
use crate::vod::notification;

/// Nobody waits for the answer, so that even the slowest batch may end.
const WRITE_WITHIN: std::time::Duration = std::time::Duration::from_secs(60);

/// Which kept deliveries are meant; what is `None` is any.
#[derive(Debug, Clone, Default)]
pub struct Selection {
    /// Received at this time or later.
    pub since: Option<DateTime<Utc>>,
    /// Received before this time.
    pub until: Option<DateTime<Utc>>,
    pub app: Option<AppName>,
    /// Those that name this file; one in quarantine names none.
    pub file_id: Option<FileId>,
    pub id: Option<Uuid>,
    pub door: Option<Door>,
    /// Those in quarantine instead of those that were recorded. `Sign` and `T` are not looked at again: whoever
    /// runs this vouches for them.
    pub quarantined: bool,
}

/// What became of the deliveries.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// They said something that was not known.
    pub recorded: u64,
    /// Everything they said was known.
    pub duplicate: u64,
    /// No event is found in them, or Postgres refuses what they say.
    pub quarantined: u64,
    /// Their bodies are blanked: there is nothing left to run.
    pub blanked: u64,
}

/// What became of one that a person ran again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ran {
    Through(Outcome),
    /// Its body is blanked: there is nothing left to run.
    Blanked,
}

/// Why not everything was run; what ran before that is durable.
#[derive(Debug, thiserror::Error)]
pub enum Interrupted {
    #[error(transparent)]
    Away(#[from] Unavailable),
    #[error("the deliveries cannot be read")]
    Unread(#[from] sqlx::Error),
    #[error("Postgres does not take the rest")]
    NotTaken,
    #[error("delivery {0} has an app or a door that this version does not know")]
    Unknown(Uuid),
    #[error("the runtime ended")]
    Ended,
}

/// Runs deliveries again, and counts what became of them.
pub struct Replay {
    database: Database,
    writer: Writer,
    line: Line,
    /// Only tells what would become of them, each page by itself; writes nothing.
    dry_run: bool,
    pub counts: Counts,
}

impl Replay {
    /// Over a database whose schema is current.
    pub fn new(
        database: &Database,
        clock: Clock,
        random: Random,
        resolvers: Resolvers,
        dry_run: bool,
    ) -> Self {
        // A command that ends is not scraped.
        let metrics = Metrics::new(clock.now(), []);
        let writer = Writer::new(clock, random, KnownTickets::default(), resolvers, metrics);
        Self {
            database: database.clone(),
            writer: writer.presuming_nothing(),
            line: Line::new(database.clone()),
            dry_run,
            counts: Counts::default(),
        }
    }

    /// Runs the deliveries that are kept, oldest first, under their own ids and doors and at their own times.
    ///
    /// `progress` is told after each page.
    pub async fn kept(
        &mut self,
        selection: &Selection,
        mut progress: impl FnMut(&Counts),
    ) -> Result<(), Interrupted> {
        let mut after = None;
        loop {
            let mut connection = self.database.pool()?.acquire().await?;
            let page = sql::page(&mut connection, selection, after).await?;
            drop(connection);
            let Some(last) = page.last() else {
                return Ok(());
            };
            after = Some(last.id);
            let deliveries = self.read(page).await?;
            self.run(deliveries).await?;
            progress(&self.counts);
        }
    }

    /// Runs deliveries, and tells what became of each; those that Postgres knows by their id are not kept twice.
    pub async fn run(
        &mut self,
        mut deliveries: Vec<Delivery>,
    ) -> Result<Vec<Outcome>, Interrupted> {
        let (writer, line) = (&self.writer, &mut self.line);
        let outcomes = if self.dry_run {
            let told = writer.rehearse(line, &deliveries, WRITE_WITHIN).await?;
            told.into_iter().map(Some).collect()
        } else {
            writer.record(line, &mut deliveries, WRITE_WITHIN).await
        };
        self.counts.count(outcomes.iter().copied().flatten());
        let all: Option<Vec<Outcome>> = outcomes.into_iter().collect();
        all.ok_or(Interrupted::NotTaken)
    }

    /// Runs one that is kept, in quarantine or not; `Sign` and `T` are not looked at again.
    async fn one(&mut self, id: Uuid) -> Result<Option<Ran>, Interrupted> {
        let mut connection = self.database.pool()?.acquire().await?;
        let kept = sql::one(&mut connection, id).await?;
        drop(connection);
        let Some(kept) = kept else {
            return Ok(None);
        };
        let mut deliveries = self.read(vec![kept]).await?;
        Ok(Some(match deliveries.pop() {
            Some(delivery) => match self.run(vec![delivery]).await?.pop() {
                Some(outcome) => Ran::Through(outcome),
                None => return Err(Interrupted::NotTaken),
            },
            None if self.counts.blanked > 0 => Ran::Blanked,
            None => Ran::Through(Outcome::Quarantined),
        }))
    }

    /// Says goodbye to Postgres.
    pub async fn close(self) -> Counts {
        self.line.close().await;
        self.counts
    }

    /// Reads bodies again, aside, since large ones take their time; those without an event stay as they are.
    async fn read(&mut self, page: Vec<sql::Kept>) -> Result<Vec<Delivery>, Interrupted> {
        let reading =
            tokio::task::spawn_blocking(move || page.into_iter().map(read_again).collect());
        let read: Vec<_> = reading.await.map_err(|_| Interrupted::Ended)?;
        let mut deliveries = Vec::with_capacity(read.len());
        for one in read {
            match one? {
                None => self.counts.blanked += 1,
                Some(delivery) if delivery.said.is_err() => self.counts.quarantined += 1,
                Some(delivery) => deliveries.push(delivery),
            }
        }
        Ok(deliveries)
    }
}

impl Counts {
    fn count(&mut self, outcomes: impl Iterator<Item = Outcome>) {
        for outcome in outcomes {
            match outcome {
                Outcome::Recorded => self.recorded += 1,
                Outcome::Duplicate => self.duplicate += 1,
                Outcome::Quarantined => self.quarantined += 1,
                Outcome::Spooled => {}
            }
        }
    }
}

/// What a kept row says today; `None` where its body is blanked.
fn read_again(kept: sql::Kept) -> Result<Option<Delivery>, Interrupted> {
    let unknown = || Interrupted::Unknown(kept.id);
    let door = Door::parse(&kept.door).ok_or_else(unknown)?;
    let app: AppName = kept.app.parse().map_err(|_| unknown())?;
    Ok(kept.body.map(|body| Delivery {
        id: kept.id,
        app,
        door,
        received_at: kept.received_at,
        said: super::said(door, &body),
        body: body.into(),
    }))
}

/// The deliveries of one body that a person runs, split into its items as at the push door.
pub fn deliveries_of(
    body: &Bytes,
    app: &AppName,
    received_at: DateTime<Utc>,
    random: &Random,
) -> Vec<Delivery> {
    let delivery = |body: Bytes, said| Delivery {
        id: random.uuid_v7(received_at),
        app: app.clone(),
        door: Door::Replay,
        received_at,
        body,
        said,
    };
    let aside = |fault: notification::Fault| Quarantine(fault.code().into());
    match notification::read(body) {
        Err(fault) => vec![delivery(body.clone(), Err(aside(fault)))],
        Ok(read) => read
            .items
            .into_iter()
            .map(|item| delivery(body.slice(item.range), item.event.map_err(aside)))
            .collect(),
    }
}
