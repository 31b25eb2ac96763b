//! `reattribute`: runs today's rules over old uploads.

use anyhow::Context as _;
use clap::Args;
use serde_json::{Value, json};

use super::time::Time;
use crate::access::audit::{Action, Deed};
use crate::attribute::Resolvers;
use crate::config::{AppName, Config};
use crate::ops::clock::Clock;
use crate::ops::random::Random;
use crate::record::verdict::reattribute::{Range, Report, Transition};

#[derive(Args)]
#[command(
    after_help = "What a person decided stays. Receivers may run meanwhile, and it may be run again. \
        Exits with 0 only if all of them were judged."
)]
pub struct Reattribute {
    /// Uploads recorded since then: a time like 2026-11-23T08:00:00Z, or how long ago: 90m, 24h, 7d.
    #[arg(long, value_name = "TIME")]
    since: Time,
    /// Uploads recorded before then; without it before now.
    #[arg(long, value_name = "TIME")]
    until: Option<Time>,
    /// Those of this app; without it those of all apps that are configured.
    #[arg(long, value_name = "NAME")]
    app: Option<AppName>,
    /// Tell what would change, and write nothing.
    #[arg(long)]
    dry_run: bool,
    /// Print the table as JSON.
    #[arg(long)]
    json: bool,
}

impl Reattribute {
    pub async fn run(self, config: &Config) -> anyhow::Result<()> {
        let apps = match &self.app {
            Some(app) => vec![super::app(config, Some(app.as_str()))?.name.clone()],
            None => config.apps.iter().map(|app| app.name.clone()).collect(),
        };
        anyhow::ensure!(
            !apps.is_empty(),
            "no app is configured, so its rules are not known: set VOD_SECRET_ID and VOD_SECRET_KEY"
        );
        let (clock, random) = (Clock::system(), Random::system());
        let now = clock.now();
        let range = Range {
            since: self.since.at(now),
            until: self.until.map_or(now, |until| until.at(now)),
            apps,
        };
        let database = super::database(config).await?;
        if !self.dry_run {
            let deed = Deed {
                app: self.app.as_ref().map(AppName::as_str),
                ..Deed::new(Action::Reattribute, "")
            };
            let mut connection = database.pool()?.acquire().await?;
            super::note(&mut connection, &deed, &clock).await?;
        }
        let resolvers = Resolvers::of(&config.apps);
        let mut reattribute = crate::record::verdict::reattribute::Reattribute::new(
            resolvers,
            clock,
            random,
            self.dry_run,
        );
        let progress = |report: &Report| tracing::info!(?report, "reattributing");
        let ran = reattribute.run(&database, &range, progress).await;
        self.print(&reattribute.report);
        ran.with_context(|| match reattribute.report.done_until {
            Some(at) => format!(
                "not all uploads were judged; go on with --since {}",
                at.to_rfc3339()
            ),
            None => "no upload was judged; it can be run again as it is".to_owned(),
        })
    }

    fn print(&self, report: &Report) {
        let changed: u64 = report.changed.values().sum();
        if self.json {
            let rows: Vec<Value> = report.changed.iter().map(row).collect();
            println!(
                "{}",
                json!({"dry_run": self.dry_run, "looked_at": report.looked_at, "changed": changed, "changes": rows})
            );
            return;
        }
        if changed > 0 {
            println!("{:<25}{:<25}{:<9}{:>8}", "from", "to", "user", "uploads");
        }
        for (Transition { from, to, user }, uploads) in &report.changed {
            let (from, to) = (
                format!("{}/{}", from.0, from.1),
                format!("{}/{}", to.0, to.1),
            );
            println!("{from:<25}{to:<25}{:<9}{uploads:>8}", user.as_str());
        }
        println!("{changed} of {} uploads changed", report.looked_at);
        if self.dry_run {
            eprintln!("Nothing was written: this was a dry run.");
        }
    }
}

fn row((transition, uploads): (&Transition, &u64)) -> Value {
    let verdict = |(method, reason)| json!({"method": method, "reason": reason});
    json!({
        "from": verdict(transition.from),
        "to": verdict(transition.to),
        "user": transition.user.as_str(),
        "uploads": uploads,
    })
}
