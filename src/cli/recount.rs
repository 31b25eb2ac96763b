//! `recount`: counts the roll-ups anew.

use std::time::Duration;

use clap::Args;

use crate::config::Config;
use crate::keep::rollups::{self, Step, Worker};
use crate::ops::clock::Clock;

#[derive(Args)]
#[command(
    after_help = "For a database whose rows were written by something else than a receiver, or changed by hand. \
        Receivers may run meanwhile; if this is stopped, they go on with it. Counts of months that were dropped stay."
)]
pub struct Recount {
    /// Go on with a recount that is under way, or count what is new, and forget nothing.
    #[arg(long)]
    go_on: bool,
    /// How much of the time it may count, in percent; it rests after each step. At most one core of Postgres is busy with it.
    #[arg(long, value_name = "PERCENT", default_value_t = 100, value_parser = clap::value_parser!(u8).range(1..=100))]
    share: u8,
}

impl Recount {
    pub async fn run(self, config: &Config) -> anyhow::Result<()> {
        let database = super::database(config).await?;
        let clock = Clock::system();
        if !self.go_on {
            rollups::recount(&database).await?;
        }
        let mut worker = Worker::new(database.clone(), clock.clone());
        let mut told = String::new();
        loop {
            let began = clock.now();
            match worker.step().await? {
                Step::Done => break,
                Step::More => {
                    let took = (clock.now() - began).to_std().unwrap_or_default();
                    let rest = took * u32::from(100 - self.share) / u32::from(self.share);
                    tokio::time::sleep(rest).await;
                }
                // A receiver does it.
                Step::Elsewhere => tokio::time::sleep(Duration::from_millis(100)).await,
            }
            let part = rollups::recounting(&database).await?;
            let part = part.unwrap_or_else(|| "what came meanwhile".to_owned());
            if part != told {
                eprintln!("counting {part}");
                told = part;
            }
        }
        eprintln!("All is counted.");
        Ok(())
    }
}
