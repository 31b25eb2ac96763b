//! `serve`: runs the service.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::{local_url, start_log};
use crate::app::serve::Service;
use crate::app::try_out;
use crate::config::{Config, Flags, LogFormat, Sources, nothing_configured};
use crate::ops::database::Database;

#[derive(Args)]
pub struct Serve {
    /// Where to listen, 127.0.0.1:8080 say.
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<SocketAddr>,
    /// Where files are kept.
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// What to log: `info`, `vod_receiver=debug`, ...
    #[arg(long, value_name = "FILTER")]
    log: Option<String>,
    /// How to log: `text` or `json`.
    #[arg(long, value_name = "FORMAT")]
    log_format: Option<LogFormat>,
    /// Leave pending migrations to `vod-receiver migrate`.
    #[arg(long)]
    no_migrate: bool,
    /// Run on a private Postgres even if something is configured.
    #[arg(long)]
    try_out: bool,
}

impl Serve {
    pub async fn run(self, file: Option<PathBuf>) -> anyhow::Result<()> {
        let flags = Flags {
            listen: self.listen,
            data_dir: self.data_dir,
            log: self.log,
            log_format: self.log_format,
        };
        let sources = Sources {
            flags: flags.clone(),
            ..Sources::from_process(file)
        };
        if self.try_out || nothing_configured(&sources) {
            // Of what is configured beside it only this one counts; a flag says so first.
            let configured = || Config::load(&sources).ok()?.data_dir;
            let data_dir = flags.data_dir.clone().or_else(configured);
            return try_it_out(&Flags { data_dir, ..flags }).await;
        }
        let config = Config::load_for_service(&sources)?;
        let url = config.require_database()?.clone();
        start_log(&config)?;
        let listen = config.listen;
        let service = Service::bind(
            config,
            listen,
            Database::lazy(url.expose())?,
            !self.no_migrate,
        )?;
        service.run(async {}).await
    }
}

async fn try_it_out(flags: &Flags) -> anyhow::Result<()> {
    let try_out = try_out::prepare(flags).await?;
    let config = try_out.config.clone();
    start_log(&config)?;
    let url = config.require_database()?.clone();
    let listen = config.listen;
    let service = Service::bind(config, listen, Database::lazy(url.expose())?, true)?;
    let address = service.address()?;
    let served = service
        .run(async {
            match try_out.tour(address) {
                Ok(tour) => eprintln!("{tour}"),
                Err(error) => tracing::error!("the tour could not be written: {error:#}"),
            }
        })
        .await;
    try_out.stop().await?;
    served
}

#[derive(Args)]
pub struct Healthcheck {
    /// The server; without it the one of the configuration.
    #[arg(long)]
    url: Option<String>,
}

impl Healthcheck {
    pub async fn run(self, file: Option<PathBuf>) -> anyhow::Result<()> {
        let url = match self.url {
            Some(url) => url,
            None => local_url(Config::load(&Sources::from_process(file))?.listen),
        };
        let client = reqwest::Client::builder()
            .timeout(Duration::from_secs(3))
            .build()?;
        // Alive is enough: restarting it would not bring Postgres back.
        client
            .get(format!("{url}/livez"))
            .send()
            .await?
            .error_for_status()?;
        Ok(())
    }
}
