//! `migrate`: brings the schema up to date.

use anyhow::Context as _;
use clap::Args;

use crate::config::Config;
use crate::keep::partitions;
use crate::ops::clock::Clock;
use crate::ops::database::{self, AnalystRole, Database};

#[derive(Args)]
pub struct Migrate {
    /// Only tell; exit 1 if migrations are pending.
    #[arg(long)]
    check: bool,
}

impl Migrate {
    pub async fn run(self, config: &Config) -> anyhow::Result<()> {
        let held = Database::lazy(config.require_database()?.expose())?;
        let pool = held.unmigrated();
        let pending = database::pending_migrations(pool)
            .await
            .context("the database is out of reach")?;
        if self.check {
            anyhow::ensure!(pending == 0, "{pending} migrations are pending");
            eprintln!("The schema is current.");
            return Ok(());
        }
        let role = database::migrate(pool).await?;
        partitions::ensure(&mut *pool.acquire().await?, Clock::system().now()).await?;
        eprintln!("Applied {pending} migrations; the schema is current.");
        if role == AnalystRole::NotAllowed {
            eprintln!(
                "The role vod_analyst may not be made by this user. Somebody who may has to run this once:"
            );
            println!("{}", database::analyst_role_sql());
        }
        Ok(())
    }
}
