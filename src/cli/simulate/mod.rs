//! `simulate`: runs a local VOD until it is stopped, or users who upload through one.

mod seed;
mod users;

use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context as _;
use clap::{Args, Subcommand};
use tokio::signal::unix::{SignalKind, signal};

use crate::config::Secret;
use crate::ops::clock::Clock;
use crate::ops::random::Random;
use crate::simulator::config::EventConfig;
use crate::simulator::{Knobs, Simulator, SimulatorSettings};

#[derive(Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Simulate {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    vod: LocalVod,
}

#[derive(Subcommand)]
enum Command {
    /// Plays users who upload through a running receiver and a local VOD, and tells whether each file was attributed
    /// to the right one.
    Users(users::Users),
    /// Fills a new database with many uploads, skewed as real ones are, to measure on.
    Seed(seed::Seed),
}

#[derive(Args)]
struct LocalVod {
    /// Where to listen; port 0 is a free one.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:9090")]
    listen: SocketAddr,
    /// The only SecretId that it knows.
    #[arg(long, value_name = "ID", default_value = "AKIDsimulator")]
    secret_id: String,
    /// Its key. It opens nothing but this.
    #[arg(long, value_name = "KEY", default_value = "simulator-secret-key")]
    secret_key: String,
    /// A sub application that there is; may be given several times. Without it there is any.
    #[arg(long, value_name = "ID")]
    sub_app_id: Vec<u64>,
    /// How long a pulled event is hidden from the next pull.
    #[arg(long, value_name = "SECONDS", default_value_t = 30)]
    visibility_seconds: u64,
    /// Pushes notifications there, in format 3.0: the callback address of a receiver. Ticks NewFileUpload.
    #[arg(long, value_name = "URL", conflicts_with = "pull")]
    notify: Option<String>,
    /// Pushes them there in the legacy format 2.0, too.
    #[arg(long, value_name = "URL", conflicts_with = "pull")]
    notify_v2: Option<String>,
    /// Signs pushes of format 3.0 with this SignKey.
    #[arg(long, value_name = "KEY", default_value = "")]
    sign_key: String,
    /// Keeps notifications in the queue, to be pulled. Ticks NewFileUpload.
    #[arg(long)]
    pull: bool,
    /// How long a procedure takes.
    #[arg(long, value_name = "MILLISECONDS", default_value_t = 1_000)]
    procedure_ms: u64,
    /// Where players reach it, if not where it listens.
    #[arg(long, value_name = "URL")]
    public_url: Option<String>,
    #[command(flatten)]
    knobs: KnobFlags,
}

/// Percentages of notifications.
#[derive(Args)]
#[command(next_help_heading = "What goes wrong with notifications")]
struct KnobFlags {
    /// Never sent.
    #[arg(long, value_name = "PERCENT", default_value_t = 0.0)]
    lose: f64,
    /// Sent twice.
    #[arg(long, value_name = "PERCENT", default_value_t = 0.0)]
    duplicate: f64,
    /// Sent late.
    #[arg(long, value_name = "PERCENT", default_value_t = 0.0)]
    delay: f64,
    /// How late at most.
    #[arg(long, value_name = "MILLISECONDS", default_value_t = 1_000)]
    delay_ms: u64,
    /// Sent after the one that follows.
    #[arg(long, value_name = "PERCENT", default_value_t = 0.0)]
    reorder: f64,
    /// The connection of a push breaks in the middle of the body.
    #[arg(long, value_name = "PERCENT", default_value_t = 0.0)]
    cut: f64,
    /// The same seed brings the same faults.
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    seed: u64,
}

impl Simulate {
    pub async fn run(self, config: Option<PathBuf>) -> anyhow::Result<()> {
        match self.command {
            Some(Command::Users(users)) => users.run().await,
            Some(Command::Seed(seed)) => seed.run(&super::configured(config)?).await,
            None => self.vod.run().await,
        }
    }
}

impl LocalVod {
    async fn run(self) -> anyhow::Result<()> {
        let heard = |kind| signal(kind).context("cannot listen for signals");
        let (mut interrupted, mut terminated) = (
            heard(SignalKind::interrupt())?,
            heard(SignalKind::terminate())?,
        );
        let listen = self.listen;
        let listener =
            TcpListener::bind(listen).with_context(|| format!("cannot listen on {listen}"))?;
        let simulator = self.simulator()?;
        let mut serving = simulator.serve(listener)?;
        let url = serving.url();
        // For scripts, which take what stands here.
        println!("VOD_API_ENDPOINT={url}");
        println!("VOD_SECRET_ID={}", self.secret_id);
        println!("VOD_SECRET_KEY={}", self.secret_key);
        eprintln!(
            "A local VOD answers at {url}: VOD's API, its upload API, COS, and files to play."
        );
        eprintln!("It keeps what is uploaded in a temporary folder until Ctrl-C ends it.");
        eprintln!(
            "A receiver that has the settings above asks it. Scripts set the scene at {url}/_simulator/:"
        );
        eprintln!(
            "  POST events, media, faults; PUT tasks/{{task_id}}, knobs, event_config; DELETE media/{{file_id}}; \
             GET state, requests"
        );
        let ended = tokio::select! {
            ended = serving.ended() => ended.context("the local VOD ended by itself"),
            _ = interrupted.recv() => stopped(serving).await,
            _ = terminated.recv() => stopped(serving).await,
        };
        simulator.remove_files();
        ended
    }

    fn simulator(&self) -> anyhow::Result<Simulator> {
        let settings = SimulatorSettings {
            visibility: Duration::from_secs(self.visibility_seconds),
            procedure_time: Duration::from_millis(self.procedure_ms),
            sub_app_ids: self.sub_app_id.clone(),
            public_url: self
                .public_url
                .as_ref()
                .map(|url| url.trim_end_matches('/').to_owned()),
            ..SimulatorSettings::new(&self.secret_id, Secret::new(&self.secret_key))
        };
        let simulator = Simulator::new(settings, Clock::system(), Random::system());
        let knobs = &self.knobs;
        let turned = simulator.turn(Knobs {
            lose: knobs.lose,
            duplicate: knobs.duplicate,
            delay: knobs.delay,
            delay_ms: knobs.delay_ms,
            reorder: knobs.reorder,
            cut: knobs.cut,
            seed: knobs.seed,
        });
        turned.map_err(|name| anyhow::anyhow!("--{name} goes from 0 to 100"))?;
        let main = [0];
        let apps = if self.sub_app_id.is_empty() {
            &main[..]
        } else {
            &self.sub_app_id
        };
        for app in apps {
            simulator
                .for_sub_app(*app)
                .set_event_config(self.event_config());
        }
        Ok(simulator)
    }

    fn event_config(&self) -> EventConfig {
        let is_told = self.pull || self.notify.is_some() || self.notify_v2.is_some();
        EventConfig {
            mode: if self.pull { "PULL" } else { "PUSH" }.to_owned(),
            notification_url: self.notify.clone().unwrap_or_default(),
            notification_url_v2: self.notify_v2.clone().unwrap_or_default(),
            upload_media_complete_event_switch: if is_told { "ON" } else { "OFF" }.to_owned(),
            sign_key: self.sign_key.clone(),
            ..EventConfig::default()
        }
    }
}

async fn stopped(serving: crate::simulator::Serving) -> anyhow::Result<()> {
    serving
        .stop()
        .await
        .context("the local VOD did not stop cleanly")
}
