//! `audit`: shows who did what that only admins may.

use clap::Args;

use super::time::Time;
use crate::access::audit;
use crate::config::Config;
use crate::ops::clock::Clock;

#[derive(Args)]
pub struct Audit {
    /// Lines since then: a time like 2026-11-23T08:00:00Z, or how long ago: 90m, 24h, 7d.
    #[arg(long, value_name = "TIME", default_value = "7d")]
    since: Time,
    /// One JSON object a line.
    #[arg(long)]
    json: bool,
}

impl Audit {
    pub async fn run(self, config: &Config) -> anyhow::Result<()> {
        let since = self.since.at(Clock::system().now());
        let database = super::database(config).await?;
        let mut connection = database.pool()?.acquire().await?;
        let mut after = None;
        loop {
            let page = audit::since(&mut connection, since, after).await?;
            let Some(last) = page.last() else {
                return Ok(());
            };
            after = Some(last.id);
            for line in &page {
                if self.json {
                    println!("{}", serde_json::to_string(line)?);
                    continue;
                }
                let (app, detail) = (line.app.as_deref(), line.detail.as_deref());
                println!(
                    "{:?}  {:<24} {:<18} {} {} {}",
                    line.at,
                    line.actor,
                    line.action,
                    line.subject,
                    app.unwrap_or_default(),
                    detail.unwrap_or_default()
                );
            }
        }
    }
}
