//! `replay`: runs kept deliveries through the same door again.

use std::path::PathBuf;

use anyhow::Context as _;
use clap::Args;
use serde_json::json;

use crate::config::Config;
use crate::ops::clock::Clock;
use crate::ops::random::Random;
use crate::record::drain::{Drained, StuckOrUnread, drain};
use crate::record::spool::Spool;

#[derive(Args)]
pub struct Replay {
    /// The spool of a receiver that is gone: its directory `spool`, which lies in its data directory.
    #[arg(long, value_name = "DIR")]
    spool: PathBuf,
    /// Print the counts as JSON.
    #[arg(long)]
    json: bool,
}

impl Replay {
    pub async fn run(self, config: &Config) -> anyhow::Result<()> {
        anyhow::ensure!(
            self.spool.is_dir(),
            "{} is not a directory",
            self.spool.display()
        );
        let database = super::database(config).await?;
        let dir = self.spool.clone();
        let spool = tokio::task::spawn_blocking(move || Spool::open_orphan(&dir)).await??;
        let drained = drain(&spool, &database, Clock::system(), Random::system()).await;
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
        self.print(counts);
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

    fn print(&self, counts: Drained) {
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
