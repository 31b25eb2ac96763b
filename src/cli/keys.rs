//! `keys`: makes, lists and revokes API keys.

use clap::{Args, Subcommand};

use crate::access::keys;
use crate::config::Config;
use crate::ops::clock::Clock;
use crate::ops::random::Random;

#[derive(Subcommand)]
pub enum Keys {
    /// Makes a key and prints it, alone, on stdout: it is never shown again.
    Create(Create),
    /// Lists all keys, never the keys themselves.
    List {
        /// One JSON object a line.
        #[arg(long)]
        json: bool,
    },
    /// Revokes the key of that name.
    Revoke {
        /// What it was called when it was made.
        name: String,
    },
}

#[derive(Args)]
pub struct Create {
    /// What the key is called, in lists and in the log of signatures.
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
}

impl Keys {
    pub async fn run(self, config: &Config) -> anyhow::Result<()> {
        let clock = Clock::system();
        let database = super::database(config).await?;
        let mut connection = database.pool()?.acquire().await?;
        match self {
            Self::Create(Create { name, scopes, apps }) => {
                if let Some(unknown) = apps.iter().find(|app| config.app(app).is_none()) {
                    anyhow::bail!("no app named `{unknown}` is configured");
                }
                let apps = (!apps.is_empty()).then_some(apps.as_slice());
                let key = keys::create(
                    &mut connection,
                    &name,
                    &scopes,
                    apps,
                    &clock,
                    &Random::system(),
                )
                .await?;
                println!("{}", key.expose());
                eprintln!("Keep it: it is not shown again.");
            }
            Self::List { json } => {
                for key in keys::list(&mut connection).await? {
                    if json {
                        println!("{}", serde_json::to_string(&key)?);
                        continue;
                    }
                    let state = key
                        .revoked_at
                        .map_or_else(|| "in use".to_owned(), |at| format!("revoked {at:?}"));
                    let apps = key
                        .apps
                        .map_or_else(|| "every app".to_owned(), |apps| apps.join(","));
                    println!(
                        "{:<24} {:<16} {:<16} made {:?}  {state}",
                        key.name,
                        key.scopes.join(","),
                        apps,
                        key.created_at
                    );
                }
            }
            Self::Revoke { name } => {
                let revoked = keys::revoke(&mut connection, &name, &clock).await?;
                anyhow::ensure!(revoked, "no key named `{name}` is in use");
                eprintln!("Revoked.");
            }
        }
        Ok(())
    }
}
