//! The command line: one file a command. Data on stdout, everything else on stderr.

mod audit;
mod decode;
mod doctor;
mod erase;
mod keys;
mod migrate;
mod reattribute;
mod reconcile;
mod recount;
mod replay;
mod serve;
mod sign;
mod simulate;
mod time;
mod trigger;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::{Parser, Subcommand};
use sqlx::PgConnection;

use crate::access::audit::{self as trail, Actor, Deed};
use crate::config::{Config, Flags, LogFormat, Sources};
use crate::ops::clock::Clock;
use crate::ops::database::Database;
use crate::ops::log;
use crate::ops::random::Random;

/// Issues Tencent Cloud VOD upload signatures, receives VOD's notifications, and records which user uploaded which file.
#[derive(Parser)]
#[command(name = "vod-receiver", version, max_term_width = 100)]
struct Cli {
    /// The configuration file; without it `vod-receiver.toml` in the working directory, if there is one.
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Runs the service; with nothing configured, on a private Postgres, to try it out.
    Serve(serve::Serve),
    /// Makes, rotates, lists and revokes API keys.
    #[command(subcommand)]
    Keys(keys::Keys),
    /// Erases a person everywhere, and prints the person's files.
    Erase(erase::Erase),
    /// Shows who did what that only admins may.
    Audit(audit::Audit),
    /// Applies migrations and refreshes the analyst views.
    Migrate(migrate::Migrate),
    /// Runs kept deliveries through the same door again.
    Replay(replay::Replay),
    /// Runs today's rules over old uploads: whose they are.
    Reattribute(reattribute::Reattribute),
    /// Counts the roll-ups of analysts' views anew.
    Recount(recount::Recount),
    /// Asks VOD what it holds, and records what no notification told.
    Reconcile(reconcile::Reconcile),
    /// Prints one upload signature.
    Sign(sign::Sign),
    /// Explains a signature, a ticket or an event body from stdin.
    Decode(decode::Decode),
    /// Sends a sample notification to a running server.
    Trigger(trigger::Trigger),
    /// Proves that all of it is set up right: database, clock, key, VOD's settings, callback, disk, one sample upload.
    Doctor(doctor::Doctor),
    /// Runs a local VOD: the API that a receiver asks, to try it out and to test with.
    Simulate(Box<simulate::Simulate>),
    /// Prints the OpenAPI document.
    #[command(hide = true)]
    Openapi,
    /// Prints the table of settings for the README.
    #[command(hide = true)]
    Settings,
    /// Prints the table of metrics for docs/metrics.md.
    #[command(hide = true)]
    Metrics,
    /// Prints docs/data-dictionary.md from the comments in the database.
    #[command(hide = true)]
    Dictionary,
    /// Tells by its exit code whether the running server is ready; for containers.
    #[command(hide = true)]
    Healthcheck(serve::Healthcheck),
}

/// Parses the command line and runs the command.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    // Both reqwest and sqlx are built on ring; a second call would fail, and there is none.
    let _ = rustls::crypto::ring::default_provider().install_default();
    match actix_web::rt::System::new().block_on(run(cli)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("vod-receiver: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(cli: Cli) -> anyhow::Result<()> {
    let file = cli.config;
    match cli.command {
        Command::Serve(command) => command.run(file).await,
        Command::Keys(command) => command.run(&configured(file)?).await,
        Command::Erase(command) => command.run(&configured(file)?).await,
        Command::Audit(command) => command.run(&configured(file)?).await,
        Command::Migrate(command) => command.run(&configured(file)?).await,
        Command::Replay(command) => command.run(&configured(file)?).await,
        Command::Reattribute(command) => command.run(&configured(file)?).await,
        Command::Recount(command) => command.run(&configured(file)?).await,
        Command::Reconcile(command) => command.run(&configured(file)?).await,
        Command::Sign(command) => command.run(&configured(file)?).await,
        Command::Decode(command) => command.run(&configured(file)?).await,
        Command::Trigger(command) => command.run(&configured(file)?).await,
        Command::Doctor(command) => command.run(&configured(file)?).await,
        Command::Simulate(command) => command.run(file).await,
        Command::Openapi => {
            print!("{}", crate::app::openapi::text());
            Ok(())
        }
        Command::Settings => {
            print!("{}", crate::config::reference_markdown());
            Ok(())
        }
        Command::Metrics => {
            print!("{}", crate::ops::metrics::reference_markdown());
            Ok(())
        }
        Command::Dictionary => {
            let database = database(&configured(file)?).await?;
            print!("{}", crate::keep::dictionary::markdown(&database).await?);
            Ok(())
        }
        Command::Healthcheck(command) => command.run(file).await,
    }
}

/// The configuration of a command that is not a service: its log tells only what went wrong.
fn configured(file: Option<PathBuf>) -> anyhow::Result<Config> {
    let sources = Sources {
        flags: Flags {
            log: Some("warn".to_owned()),
            ..Flags::default()
        },
        ..Sources::from_process(file)
    };
    let config = Config::load(&sources)?;
    start_log(&config)?;
    Ok(config)
}

fn start_log(config: &Config) -> anyhow::Result<()> {
    let format = match config.log_format {
        LogFormat::Text => log::Format::Text,
        LogFormat::Json => log::Format::Json,
    };
    log::init(&config.log, format)
        .map_err(|fault| anyhow::anyhow!("VOD_RECEIVER_LOG is not a log filter: {fault}"))
}

/// The configured database, whose schema has to be current.
async fn database(config: &Config) -> anyhow::Result<Database> {
    let database = Database::lazy(config.require_database()?.expose())?;
    let pending = crate::ops::database::pending_migrations(database.unmigrated())
        .await
        .context("the database is out of reach")?;
    anyhow::ensure!(
        pending == 0,
        "{pending} migrations are pending; run `vod-receiver migrate` first"
    );
    database.set_ready();
    Ok(database)
}

/// Commits to the audit trail what whoever runs this command is about to do.
async fn note(
    connection: &mut PgConnection,
    deed: &Deed<'_>,
    clock: &Clock,
) -> Result<(), sqlx::Error> {
    let user = system_user();
    let actor = Actor::Cli { user: &user };
    trail::note(connection, &actor, deed, clock, &Random::system()).await
}

/// Who runs this command, as far as the system says.
fn system_user() -> String {
    let mut named = ["SUDO_USER", "USER", "LOGNAME"].iter();
    let user = named.find_map(|name| std::env::var(name).ok());
    user.unwrap_or_else(|| "unknown".to_owned())
}

/// The app that is meant: the one named, else the only one.
fn app<'a>(config: &'a Config, named: Option<&str>) -> anyhow::Result<&'a crate::config::App> {
    match named {
        Some(name) => config
            .app(name)
            .with_context(|| format!("no app named `{name}` is configured")),
        None => match config.apps.as_slice() {
            [app] => Ok(app),
            [] => anyhow::bail!("no app is configured: set VOD_SECRET_ID and VOD_SECRET_KEY"),
            _ => anyhow::bail!("several apps are configured: name one with --app"),
        },
    }
}

/// Where the server of a configuration is reached from this machine.
fn local_url(listen: SocketAddr) -> String {
    let mut address = listen;
    if address.ip().is_unspecified() {
        address.set_ip(std::net::Ipv4Addr::LOCALHOST.into());
    }
    format!("http://{address}")
}
