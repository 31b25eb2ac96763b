//! `doctor`: proves that all of it is set up right, each failure with its remedy; `--fix` sets VOD's side.
//!
//! In reading order: here the order of the checks, `service` what all apps stand on, `vod` what VOD's API tells,
//! `callback` the push door from outside, `round_trip` one sample upload, `report` how it is told, `fix` what is
//! changed at VOD. A check that needs another is skipped while that one fails, so that one thing that is wrong is
//! told once.

mod address;
mod callback;
mod fix;
mod report;
mod round_trip;
mod service;
mod text;
mod vod;

use anyhow::Context as _;
use clap::Args;
use futures_util::future::join_all;

use crate::config::{App, AppName, Config, Events};
use crate::ops::database::Database;
use fix::{Change, Plan};
use report::{Check, Outcome, Report, Section, Style};
use text::Lang;

#[derive(Args)]
pub struct Doctor {
    /// Look at this app alone.
    #[arg(long)]
    app: Option<String>,
    /// Print an object for programs.
    #[arg(long)]
    json: bool,
    /// First set callback address, SignKey, mode and switches at VOD as they are here: shows the changes, and asks.
    #[arg(long)]
    fix: bool,
    /// With --fix: change without asking.
    #[arg(long, requires = "fix")]
    yes: bool,
    /// The language of what is told; else that of the locale.
    #[arg(long, value_name = "LANG")]
    lang: Option<Lang>,
}

impl Doctor {
    pub async fn run(self, config: &Config) -> anyhow::Result<()> {
        let lang = self.lang.unwrap_or_else(Lang::of_environment);
        let apps: Vec<&App> = match &self.app {
            Some(name) => vec![super::app(config, Some(name))?],
            None => config.apps.iter().collect(),
        };
        anyhow::ensure!(
            !apps.is_empty(),
            "no app is configured: set VOD_SECRET_ID and VOD_SECRET_KEY"
        );
        let changed = if self.fix {
            self.fix(config, &apps, lang).await?
        } else {
            Vec::new()
        };
        let report = Report {
            sections: examine(config, &apps).await,
            changed,
            lang,
        };
        if self.json {
            println!("{}", serde_json::to_string_pretty(&report.json())?);
        } else {
            print!("{}", report.page(Style::of_stdout()));
        }
        anyhow::ensure!(
            report.is_all_right(),
            "{}",
            lang.of("not all is right", "并非一切正常")
        );
        Ok(())
    }

    /// Shows what differs at VOD, asks, and changes it. What could not be read there is left to the checks to tell.
    async fn fix(
        &self,
        config: &Config,
        apps: &[&App],
        lang: Lang,
    ) -> anyhow::Result<Vec<(AppName, Change)>> {
        let public_url = config.public_url.as_deref();
        let asked = join_all(apps.iter().map(|app| vod::ask(app))).await;
        let plans: Vec<Plan> = apps
            .iter()
            .zip(&asked)
            .filter_map(|(app, asked)| {
                Some(Plan::new(app, public_url, asked.config.as_ref().ok()?))
            })
            .filter(|plan| !plan.changes.is_empty())
            .collect();
        if plans.is_empty() {
            eprintln!(
                "{}",
                lang.of("Nothing to change at VOD.", "VOD 上没有可改的。")
            );
            return Ok(Vec::new());
        }
        for plan in &plans {
            eprintln!("{}", plan.page(lang));
        }
        if !self.yes && !fix::confirmed(lang)? {
            anyhow::bail!("{}", lang.of("nothing was changed", "没有修改"));
        }
        let mut changed = Vec::new();
        for plan in plans {
            let name = &plan.app.name;
            plan.apply()
                .await
                .with_context(|| format!("VOD's settings of app {name} could not be changed"))?;
            changed.extend(
                plan.changes
                    .into_iter()
                    .map(|change| (name.clone(), change)),
            );
        }
        eprintln!("{}\n", lang.of("Changed.", "已修改。"));
        Ok(changed)
    }
}

/// Runs every check, the apps side by side.
async fn examine(config: &Config, apps: &[&App]) -> Vec<Section> {
    let somebody_pushes = apps.iter().any(|app| app.events == Events::Push);
    let (service, database) = service::examine(config, somebody_pushes).await;
    let public_url = config.public_url.as_deref();
    let each = apps
        .iter()
        .map(|app| examine_app(app, public_url, &service, database.as_ref()));
    let each = join_all(each).await;
    std::iter::once(service).chain(each).collect()
}

async fn examine_app(
    app: &App,
    public_url: Option<&str>,
    service: &Section,
    database: Option<&Database>,
) -> Section {
    let mut section = Section::new(Some(app.name.clone()));
    let asked = vod::ask(app).await;
    vod::judge_access(app, &asked, &mut section);
    vod::judge_settings(app, &asked, public_url, &mut section);
    if app.events == Events::Push {
        section.add(Check::SignKey, callback::sign_key(app));
        let outcome = match public_url {
            Some(public_url) => callback::answers(app, public_url).await,
            None => Outcome::Skipped(Check::PublicUrl),
        };
        section.add(Check::Callback, outcome);
    }
    let stopped = service
        .stops(&[Check::Database, Check::Migrations])
        .or_else(|| section.stops(&[Check::Callback]));
    let outcome = match (stopped, database) {
        (Some(because), _) => Outcome::Skipped(because),
        (None, None) => Outcome::Skipped(Check::Database),
        (None, Some(database)) => round_trip::play(app, public_url, database).await,
    };
    section.add(Check::RoundTrip, outcome);
    section
}
