//! `simulate`: runs a local VOD until it is stopped.

use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

use anyhow::Context as _;
use clap::Args;
use tokio::signal::unix::{SignalKind, signal};

use crate::config::Secret;
use crate::ops::clock::Clock;
use crate::ops::random::Random;
use crate::simulator::{Simulator, SimulatorSettings};

#[derive(Args)]
pub struct Simulate {
    /// Where to listen; port 0 is a free one.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:9090")]
    listen: SocketAddr,
    /// The only SecretId that it knows.
    #[arg(long, value_name = "ID", default_value = "AKIDsimulator")]
    secret_id: String,
    /// Its key. It opens nothing but this.
    #[arg(long, value_name = "KEY", default_value = "simulator-secret-key")]
    secret_key: String,
    /// How long a pulled event is hidden from the next pull.
    #[arg(long, value_name = "SECONDS", default_value_t = 30)]
    visibility_seconds: u64,
}

impl Simulate {
    pub async fn run(self) -> anyhow::Result<()> {
        let heard = |kind| signal(kind).context("cannot listen for signals");
        let (mut interrupted, mut terminated) = (
            heard(SignalKind::interrupt())?,
            heard(SignalKind::terminate())?,
        );
        let listen = self.listen;
        let listener =
            TcpListener::bind(listen).with_context(|| format!("cannot listen on {listen}"))?;
        let settings = SimulatorSettings {
            visibility: Duration::from_secs(self.visibility_seconds),
            ..SimulatorSettings::new(&self.secret_id, Secret::new(&self.secret_key))
        };
        let simulator = Simulator::new(settings, Clock::system(), Random::system());
        let mut serving = simulator.serve(listener)?;
        let url = serving.url();
        // For scripts, which take what stands here.
        println!("VOD_API_ENDPOINT={url}");
        println!("VOD_SECRET_ID={}", self.secret_id);
        println!("VOD_SECRET_KEY={}", self.secret_key);
        eprintln!("A local VOD answers at {url}. It keeps nothing; Ctrl-C ends it.");
        eprintln!(
            "A receiver that has the settings above asks it. Scripts set the scene at {url}/_simulator/:"
        );
        eprintln!(
            "  POST events, media, faults; PUT tasks/{{task_id}}; DELETE media/{{file_id}}; GET state, requests"
        );
        tokio::select! {
            ended = serving.ended() => return ended.context("the local VOD ended by itself"),
            _ = interrupted.recv() => {}
            _ = terminated.recv() => {}
        }
        serving
            .stop()
            .await
            .context("the local VOD did not stop cleanly")
    }
}
