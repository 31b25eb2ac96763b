//! `simulate seed`: a large database to measure on.

use std::io::IsTerminal as _;
use std::str::FromStr as _;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use clap::Args;
use sqlx::postgres::PgConnectOptions;

use crate::config::Config;
use crate::keep::rollups;
use crate::ops::clock::Clock;
use crate::simulator::seed::{self, SeedProgress, SeedSettings, Seeded};

/// How often the count is shown anew on a terminal, and how many times that where there is none.
const SHOWN_EVERY: Duration = Duration::from_millis(500);
const LINE_EVERY: u32 = 20;

/// Ten million uploads take ten minutes on two cores, and 26 GB.
///
/// Tickets and signatures, notifications, uploads, tasks, verdicts and the last week of the change log are as recording
/// them would have left them. Users are `user-1`, who has most uploads, to `user-<users>`; every tenth is one of the app
/// `clips`, which pulls, the others of `main`. A receiver that is to run it again needs both apps, each with the
/// resolver `json:/uid`. Wants a migrated database in which nothing is recorded, and leaves it so unless it comes
/// to its end.
#[derive(Args)]
pub struct Seed {
    /// How many uploads; for ten there are twelve notifications and 25 signatures.
    #[arg(long, value_name = "NUMBER", default_value_t = 100_000, value_parser = clap::value_parser!(u64).range(1..=1_000_000_000))]
    uploads: u64,
    /// How many users they are of; one in fifty uploads if it is not said.
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u32).range(1..=100_000_000))]
    users: Option<u32>,
    /// Over how many days they are spread.
    #[arg(long, value_name = "NUMBER", default_value_t = 400, value_parser = clap::value_parser!(u32).range(1..=3_650))]
    days: u32,
    /// When the last one comes: a time, or how long ago.
    #[arg(long, value_name = "TIME", default_value = "0m")]
    until: super::super::time::Time,
    /// The same seed makes the same rows, with the same `--until`.
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    seed: u64,
    /// How many threads make rows; Postgres wants as much again.
    #[arg(long, value_name = "NUMBER", default_value_t = 2, value_parser = clap::value_parser!(u16).range(1..=256))]
    threads: u16,
    /// Prints the counts as JSON.
    #[arg(long)]
    json: bool,
}

impl Seed {
    pub async fn run(self, config: &Config) -> anyhow::Result<()> {
        let database = super::super::database(config).await?;
        let options = PgConnectOptions::from_str(config.require_database()?.expose())?;
        let settings = self.settings();
        let progress = Arc::new(SeedProgress::default());
        let seeding = seed::seed(&options, &settings, Arc::clone(&progress));
        tokio::pin!(seeding);
        let is_terminal = std::io::stderr().is_terminal();
        let mut ticks = tokio::time::interval(SHOWN_EVERY);
        let mut shown = 0;
        let seeded = loop {
            tokio::select! {
                seeded = &mut seeding => break seeded,
                _ = ticks.tick() => {
                    show(progress.made(), self.uploads, is_terminal, shown);
                    shown += 1;
                }
            }
        };
        if is_terminal {
            eprintln!();
        }
        let seeded = seeded.context("nothing was seeded")?;
        // What is copied told nobody that it is to be counted.
        rollups::recount(&database).await?;
        database.close().await;
        self.tell(&seeded)
    }

    fn settings(&self) -> SeedSettings {
        // Two hundred thousand of ten million.
        let usual = u32::try_from(self.uploads.div_ceil(50)).unwrap_or(u32::MAX);
        SeedSettings {
            uploads: self.uploads,
            users: self.users.unwrap_or(usual),
            days: self.days,
            seed: self.seed,
            until: self.until.at(Clock::system().now()),
            threads: usize::from(self.threads),
        }
    }

    fn tell(&self, seeded: &Seeded) -> anyhow::Result<()> {
        if self.json {
            println!("{}", serde_json::to_string(seeded)?);
            return Ok(());
        }
        println!("uploads              {}", seeded.uploads);
        println!("tickets              {}", seeded.tickets);
        println!("signature_issues     {}", seeded.signature_issues);
        println!("deliveries           {}", seeded.deliveries);
        println!("tasks                {}", seeded.tasks);
        println!("attribution_changes  {}", seeded.attribution_changes);
        println!("changes              {}", seeded.changes);
        Ok(())
    }
}

fn show(made: u64, uploads: u64, is_terminal: bool, shown: u32) {
    let text = if made < uploads {
        format!("{made} of {uploads} uploads")
    } else {
        format!("{uploads} uploads; the tables are committed and analysed")
    };
    if is_terminal {
        eprint!("\r{text}\x1b[K");
    } else if shown % LINE_EVERY == LINE_EVERY - 1 {
        eprintln!("{text}");
    }
}
