//! `replay`: runs kept deliveries through the same door again.

mod lines;

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use chrono::{DateTime, Utc};
use clap::{ArgGroup, Args};
use serde_json::json;
use uuid::Uuid;

use super::time::Time;
use crate::access::audit::{Action, Deed};
use crate::attribute::Resolvers;
use crate::config::{AppName, Config};
use crate::ops::clock::Clock;
use crate::ops::database::Database;
use crate::ops::random::Random;
use crate::record::Door;
use crate::record::drain::{Drained, StuckOrUnread, drain};
use crate::record::replay::{Counts, Selection};
use crate::record::spool::Spool;
use crate::vod::event::FileId;

#[derive(Args)]
#[command(
    group = ArgGroup::new("what").required(true).multiple(true)
        .args(["since", "file_id", "id", "quarantined", "ndjson", "stdin", "spool"]),
    after_help = "What is known already changes nothing, so that anything may be replayed any number of times. \
        Exits with 0 only if everything ran."
)]
pub struct Replay {
    /// `-`: event bodies from stdin, one a line, as with --ndjson.
    #[arg(value_name = "-", value_parser = ["-"], conflicts_with_all = SELECTING)]
    stdin: Option<String>,
    /// Event bodies from stdin, one a line; one that holds no event is kept in quarantine.
    #[arg(long, conflicts_with_all = SELECTING)]
    ndjson: bool,
    /// Deliveries received since then: a time like 2026-11-23T08:00:00Z, or how long ago: 90m, 24h, 7d.
    #[arg(long, value_name = "TIME")]
    since: Option<Time>,
    /// Deliveries received before then; without it before now.
    #[arg(long, value_name = "TIME")]
    until: Option<Time>,
    /// Those of this app; with --ndjson the app that the bodies are of.
    #[arg(long, value_name = "NAME")]
    app: Option<AppName>,
    /// Those that name this file.
    #[arg(long, value_name = "FILE_ID", value_parser = file_id, conflicts_with = "quarantined")]
    file_id: Option<FileId>,
    /// This one.
    #[arg(long, value_name = "UUID")]
    id: Option<Uuid>,
    /// Those by this door: push, pull, reconcile or replay.
    #[arg(long, value_name = "DOOR", value_parser = door)]
    door: Option<Door>,
    /// Those in quarantine in which an event is found now. Their `Sign` is not looked at: you vouch for them.
    #[arg(long)]
    quarantined: bool,
    /// The spool of a receiver that is gone: its directory `spool`, which lies in its data directory.
    #[arg(long, value_name = "DIR", conflicts_with_all = [
        "since", "until", "app", "file_id", "id", "door", "quarantined", "ndjson", "stdin", "dry_run",
    ])]
    spool: Option<PathBuf>,
    /// Tell what would become of them, and write nothing.
    #[arg(long)]
    dry_run: bool,
    /// Print the counts as JSON.
    #[arg(long)]
    json: bool,
}

/// What chooses among the deliveries that are kept.
const SELECTING: [&str; 6] = ["since", "until", "file_id", "id", "door", "quarantined"];

impl Replay {
    pub async fn run(self, config: &Config) -> anyhow::Result<()> {
        if let Some(dir) = &self.spool {
            return self.drain(dir, config).await;
        }
        let clock = Clock::system();
        // What is meant is checked before anything is connected.
        let app = match self.reads_lines() {
            true => Some(
                super::app(config, self.app.as_ref().map(AppName::as_str))?
                    .name
                    .clone(),
            ),
            false => None,
        };
        let database = super::database(config).await?;
        self.note(&database, &clock).await?;
        let mut replay = self.replay(config, &database, &clock);
        let ran = match app {
            Some(app) => {
                let input = std::io::stdin().lock();
                lines::run(&mut replay, input, &app, &clock, &Random::system()).await
            }
            None => {
                let selection = self.selection(clock.now());
                let progress = |counts: &Counts| tracing::info!(?counts, "replaying");
                let ran = replay.kept(&selection, progress).await;
                ran.map_err(anyhow::Error::from)
            }
        };
        self.print(replay.close().await);
        ran.context("not everything was replayed; it can be run again as it is")
    }

    /// What is run again is kept in the audit trail: which bodies, not what they say.
    async fn note(&self, database: &Database, clock: &Clock) -> anyhow::Result<()> {
        if self.dry_run {
            return Ok(());
        }
        let what = match (&self.spool, self.reads_lines()) {
            (Some(_), _) => "a spool",
            (None, true) => "bodies from stdin",
            (None, false) if self.quarantined => "quarantined deliveries",
            (None, false) => "deliveries",
        };
        let subject = self.id.map(|id| id.to_string());
        let subject = subject
            .as_deref()
            .or(self.file_id.as_ref().map(FileId::as_str));
        let deed = Deed {
            app: self.app.as_ref().map(AppName::as_str),
            ..Deed::new(Action::Replay, subject.unwrap_or_default()).saying(what)
        };
        let mut connection = database.pool()?.acquire().await?;
        super::note(&mut connection, &deed, clock).await?;
        Ok(())
    }

    fn reads_lines(&self) -> bool {
        self.ndjson || self.stdin.is_some()
    }

    fn replay(
        &self,
        config: &Config,
        database: &Database,
        clock: &Clock,
    ) -> crate::record::replay::Replay {
        let (random, resolvers) = (Random::system(), Resolvers::of(&config.apps));
        crate::record::replay::Replay::new(database, clock.clone(), random, resolvers, self.dry_run)
    }

    fn selection(&self, now: DateTime<Utc>) -> Selection {
        Selection {
            since: self.since.map(|since| since.at(now)),
            // What arrives meanwhile is being recorded anyhow.
            until: Some(self.until.map_or(now, |until| until.at(now))),
            app: self.app.clone(),
            file_id: self.file_id.clone(),
            id: self.id,
            door: self.door,
            quarantined: self.quarantined,
        }
    }

    fn print(&self, counts: Counts) {
        let Counts {
            recorded,
            duplicate,
            quarantined,
            blanked,
        } = counts;
        if self.json {
            println!(
                "{}",
                json!({"recorded": recorded, "duplicate": duplicate, "quarantined": quarantined, "blanked": blanked})
            );
        } else {
            println!(
                "{recorded} recorded, {duplicate} duplicate, {quarantined} quarantined, {blanked} blanked"
            );
        }
        if self.dry_run {
            eprintln!("Nothing was written: this was a dry run.");
        }
    }

    async fn drain(&self, dir: &Path, config: &Config) -> anyhow::Result<()> {
        anyhow::ensure!(dir.is_dir(), "{} is not a directory", dir.display());
        let database = super::database(config).await?;
        let dir = dir.to_owned();
        let spool = tokio::task::spawn_blocking(move || Spool::open_orphan(&dir)).await??;
        let (clock, random) = (Clock::system(), Random::system());
        self.note(&database, &clock).await?;
        let resolvers = Resolvers::of(&config.apps);
        let drained = drain(&spool, &database, clock, random, resolvers).await;
        let left = spool.depth();
        spool.close().await;
        let (counts, fault) = match drained {
            Ok(counts) => (counts, None),
            Err(StuckOrUnread::Stuck(counts)) => (
                counts,
                Some(anyhow::anyhow!(
                    "Postgres did not take the other {} deliveries, which are still in the spool",
                    left.records
                )),
            ),
            Err(fault @ StuckOrUnread::Unread(_)) => (Drained::default(), Some(fault.into())),
        };
        self.print_drained(counts);
        if left.damages > 0 {
            eprintln!(
                "{} places in it were damaged; their bytes are kept beside it as *.corrupt.",
                left.damages
            );
        }
        match fault {
            Some(fault) => Err(fault).context("the spool is not drained"),
            None => Ok(()),
        }
    }

    fn print_drained(&self, counts: Drained) {
        let Drained {
            recorded,
            duplicate,
            quarantined,
        } = counts;
        if self.json {
            println!(
                "{}",
                json!({"recorded": recorded, "duplicate": duplicate, "quarantined": quarantined})
            );
        } else {
            println!("{recorded} recorded, {duplicate} duplicate, {quarantined} quarantined");
        }
    }
}

fn file_id(text: &str) -> Result<FileId, String> {
    FileId::parse(text).ok_or_else(|| "not a file id".to_owned())
}

fn door(text: &str) -> Result<Door, String> {
    Door::parse(text).ok_or_else(|| "push, pull, reconcile or replay".to_owned())
}
