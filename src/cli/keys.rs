//! `keys`: makes, rotates, lists and revokes API keys.

use chrono::TimeDelta;
use clap::{Args, Subcommand};
use sqlx::{Connection, PgConnection};

use super::time::Span;
use crate::access::audit::{Action, Deed};
use crate::access::keys::{self, NewKey};
use crate::config::Config;
use crate::ops::clock::Clock;
use crate::ops::random::Random;

#[derive(Subcommand)]
pub enum Keys {
    /// Makes a key and prints it, alone, on stdout: it is never shown again.
    Create(Create),
    /// Makes another key of the same name, scopes and apps, and prints it; the old one opens what it did for a while more.
    Rotate(Rotate),
    /// Lists all keys and when they were last used, never the keys themselves.
    List {
        /// One JSON object a line.
        #[arg(long)]
        json: bool,
    },
    /// Revokes the key of that name, and those that it replaced.
    Revoke {
        /// What it was called when it was made.
        name: String,
        /// Only those that were replaced by `keys rotate`, before their time is over.
        #[arg(long)]
        replaced: bool,
    },
}

#[derive(Args)]
pub struct Create {
    /// What the key is called, in lists, in the log of signatures and in the audit trail.
    #[arg(long)]
    name: String,
    /// What it opens: sign, read, admin.
    #[arg(
        long = "scope",
        value_delimiter = ',',
        required = true,
        value_name = "SCOPES"
    )]
    scopes: Vec<String>,
    /// Bind it to this app; may be repeated. Without it the key is good for every app.
    #[arg(long = "app", value_name = "APP")]
    apps: Vec<String>,
    /// For how long it is good: 90m, 24h, 90d. Without it until it is revoked.
    #[arg(long = "expires", value_name = "SPAN")]
    lifetime: Option<Span>,
}

#[derive(Args)]
pub struct Rotate {
    /// What the key is called.
    name: String,
    /// For how long the old key is still good: 0m, 90m, 24h, 7d.
    #[arg(long, value_name = "SPAN", default_value = "24h")]
    grace: Span,
}

impl Keys {
    pub async fn run(self, config: &Config) -> anyhow::Result<()> {
        let clock = Clock::system();
        let database = super::database(config).await?;
        let mut connection = database.pool()?.acquire().await?;
        match self {
            Self::Create(create) => create.run(config, &mut connection, &clock).await,
            Self::Rotate(rotate) => rotate.run(&mut connection, &clock).await,
            Self::List { json } => list(&mut connection, json, &clock).await,
            Self::Revoke { name, replaced } => {
                let mut transaction = connection.begin().await?;
                let detail = replaced.then_some("replaced ones");
                let deed = Deed {
                    detail,
                    ..Deed::new(Action::RevokeKey, &name)
                };
                super::note(&mut transaction, &deed, &clock).await?;
                let revoked = keys::revoke(&mut transaction, &name, replaced, &clock).await?;
                let which = if replaced { "replaced key" } else { "key" };
                anyhow::ensure!(revoked > 0, "no {which} named `{name}` is in use");
                transaction.commit().await?;
                eprintln!("Revoked.");
                Ok(())
            }
        }
    }
}

impl Create {
    async fn run(
        self,
        config: &Config,
        connection: &mut PgConnection,
        clock: &Clock,
    ) -> anyhow::Result<()> {
        if let Some(unknown) = self.apps.iter().find(|app| config.app(app).is_none()) {
            anyhow::bail!("no app named `{unknown}` is configured");
        }
        let new = NewKey {
            name: self.name,
            scopes: self.scopes,
            apps: Some(self.apps).filter(|apps| !apps.is_empty()),
            lifetime: self.lifetime.map(TimeDelta::from),
        };
        let detail = new.scopes.join(",");
        let deed = Deed::new(Action::CreateKey, &new.name).saying(&detail);
        let mut transaction = connection.begin().await?;
        super::note(&mut transaction, &deed, clock).await?;
        let key = keys::create(&mut transaction, &new, clock, &Random::system()).await?;
        transaction.commit().await?;
        println!("{}", key.expose());
        eprintln!("Keep it: it is not shown again.");
        Ok(())
    }
}

impl Rotate {
    async fn run(self, connection: &mut PgConnection, clock: &Clock) -> anyhow::Result<()> {
        let mut transaction = connection.begin().await?;
        let detail = format!("grace {}", self.grace);
        let deed = Deed::new(Action::RotateKey, &self.name).saying(&detail);
        super::note(&mut transaction, &deed, clock).await?;
        let (grace, random) = (self.grace.clone().into(), Random::system());
        let key = keys::rotate(&mut transaction, &self.name, grace, clock, &random).await?;
        transaction.commit().await?;
        println!("{}", key.expose());
        eprintln!(
            "Keep it: it is not shown again. The old key ends in {}; `keys list` tells whether it is still used, \
            `keys revoke --replaced {}` ends it now.",
            self.grace, self.name
        );
        Ok(())
    }
}

async fn list(connection: &mut PgConnection, json: bool, clock: &Clock) -> anyhow::Result<()> {
    for key in keys::list(connection).await? {
        if json {
            println!("{}", serde_json::to_string(&key)?);
            continue;
        }
        let state = key.state(clock.now());
        let apps = key
            .apps
            .map_or_else(|| "every app".to_owned(), |apps| apps.join(","));
        let used = key
            .last_used_at
            .map_or_else(|| "never used".to_owned(), |at| format!("last used {at:?}"));
        println!(
            "{:<24} {:<16} {:<16} made {:?}  {used}  {state}",
            key.name,
            key.scopes.join(","),
            apps,
            key.created_at
        );
    }
    Ok(())
}
