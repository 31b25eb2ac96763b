//! `reconcile`: asks VOD what it holds, and records what no notification told.

mod progress;

use clap::Args;
use serde_json::json;

use super::time::Time;
use crate::attribute::Resolvers;
use crate::config::{App, AppName, Config};
use crate::ops::clock::Clock;
use crate::ops::database::Database;
use crate::ops::lifecycle::Lifecycle;
use crate::ops::metrics::Metrics;
use crate::ops::random::Random;
use crate::receive::reconcile::{Ask, Counts, Interrupted, Reconciler, Run};
use crate::record::Recorder;
use crate::ticket::KnownTickets;

#[derive(Args)]
#[command(after_help = "\
What it prints, an app a line:
  found         files that VOD holds of that time
  missing       of these, files that were not recorded
  repaired      missing ones that are recorded now, and uploads that VOD corrected
  confirmed     uploads that only notifications spoke for until now
  contradicted  of these, uploads whose notification told another source context than VOD
  tasks         tasks of which VOD told more than was known, of the last 3 days
  deleted       uploads that VOD had confirmed and does not know any more
  refuted       uploads that only notifications speak for and that VOD does not know (--verify)

A run that was interrupted goes on where it was when it is started again without --since. What is known already \
changes nothing, so that it may be run any number of times, beside a running service too. \
Exits with 0 only if everything was compared.")]
pub struct Reconcile {
    /// Files created since then: a time like 2026-11-23T08:00:00Z, or how long ago: 90m, 24h, 7d. Without it the run
    /// goes on where the last one ended; a first one goes back 24 hours.
    #[arg(long, value_name = "TIME")]
    since: Option<Time>,
    /// Files created before then; without it before now.
    #[arg(long, value_name = "TIME")]
    until: Option<Time>,
    /// This app; without it all that are configured.
    #[arg(long, value_name = "NAME")]
    app: Option<AppName>,
    /// Also ask for each upload recorded in that time that only notifications speak for and that VOD does not list: one
    /// that VOD does not know is refuted, and has no user from then on.
    #[arg(long)]
    verify: bool,
    /// Tell what would be done, and write nothing.
    #[arg(long)]
    dry_run: bool,
    /// Print one JSON object an app.
    #[arg(long)]
    json: bool,
}

impl Reconcile {
    pub async fn run(self, config: &Config) -> anyhow::Result<()> {
        let clock = Clock::system();
        let apps: Vec<&App> = match &self.app {
            Some(name) => vec![super::app(config, Some(name.as_str()))?],
            None => config.apps.iter().collect(),
        };
        anyhow::ensure!(
            !apps.is_empty(),
            "no app is configured: set VOD_SECRET_ID and VOD_SECRET_KEY"
        );
        let now = clock.now();
        let ask = Ask {
            since: self.since.map(|since| since.at(now)),
            until: self.until.map(|until| until.at(now)),
            verify: self.verify,
            dry_run: self.dry_run,
        };
        let database = super::database(config).await?;
        let mut tasks = Lifecycle::default();
        let recorder = recorder(config, &database, &clock, &mut tasks);
        let mut failed = Vec::new();
        for app in apps {
            let (recorder, database) = (recorder.clone(), database.clone());
            let reconciler =
                Reconciler::new(app, recorder, database, clock.clone(), Random::system())?;
            if !self.reconcile(&reconciler, app, &ask).await {
                failed.push(app.name.as_str());
            }
        }
        tasks.stop().await;
        database.close().await;
        if self.dry_run {
            eprintln!("Nothing was written: this was a dry run.");
        }
        anyhow::ensure!(
            failed.is_empty(),
            "not everything was compared: {}",
            failed.join(", ")
        );
        Ok(())
    }

    /// Reconciles one app and prints what came of it; whether all of it was done.
    async fn reconcile(&self, reconciler: &Reconciler, app: &App, ask: &Ask) -> bool {
        let name = app.name.as_str();
        let mut run = match reconciler.begin(ask).await {
            Ok(run) => run,
            Err(error) => {
                tell(name, error);
                return false;
            }
        };
        let ended = run.finish(progress::on_terminal(name)).await;
        progress::clear();
        let complete = ended.is_ok() && !run.counts.are_incomplete();
        self.print(name, &run, complete);
        remark(name, &run.counts);
        if let Err(error) = ended {
            tell(name, error);
        }
        complete
    }

    fn print(&self, app: &str, run: &Run, complete: bool) {
        let Run {
            from,
            until,
            counts,
            ..
        } = run;
        if self.json {
            let mut line = json!({
                "app": app, "from": from, "until": until, "dry_run": self.dry_run, "complete": complete,
            });
            if let (Some(line), Ok(counts)) = (line.as_object_mut(), serde_json::to_value(counts)) {
                line.extend(counts.as_object().cloned().unwrap_or_default());
            }
            println!("{line}");
            return;
        }
        let Counts {
            found,
            missing,
            repaired,
            confirmed,
            contradicted,
            tasks,
            deleted,
            refuted,
            ..
        } = counts;
        println!(
            "{app}: {found} found, {missing} missing, {repaired} repaired, {confirmed} confirmed, \
             {contradicted} contradicted, {tasks} tasks, {deleted} deleted, {refuted} refuted \
             ({from:?} to {until:?})"
        );
    }
}

/// Records what VOD tells, while its writers run among the tasks.
fn recorder(
    config: &Config,
    database: &Database,
    clock: &Clock,
    tasks: &mut Lifecycle,
) -> Recorder {
    // A command that ends is not scraped, and the spool belongs to the service: what Postgres does not take now is asked
    // for again.
    let metrics = Metrics::new(clock.now(), []);
    let (recorder, writers) = Recorder::new(
        database.clone(),
        None,
        clock.clone(),
        Random::system(),
        KnownTickets::default(),
        Resolvers::of(&config.apps),
        metrics,
    );
    tasks.spawn("writers", |stop| writers.run(stop));
    recorder
}

/// Says what an operator may have to look into.
fn remark(app: &str, counts: &Counts) {
    for (count, what) in [
        (
            counts.unexplained,
            "uploads that only notifications speak for are unknown to VOD, deleted or invented: they stay as they are; \
             --verify refutes them",
        ),
        (
            counts.unread,
            "files or tasks were not compared: VOD gave no answer about them that could be read",
        ),
        (
            counts.dense_seconds,
            "seconds held more files than VOD lists: those beyond 5000 were not seen",
        ),
    ] {
        if count > 0 {
            eprintln!("{app}: {count} {what}.");
        }
    }
}

fn tell(app: &str, error: Interrupted) {
    let error = anyhow::Error::from(error).context("not reconciled to the end");
    eprintln!("{app}: {error:#}");
}
