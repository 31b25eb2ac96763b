//! `simulate users`: devices that upload end to end, with a bar while they do and a tally at the end.

use std::io::IsTerminal as _;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use clap::Args;

use crate::config::Secret;
use crate::ops::clock::Clock;
use crate::ops::random::Random;
use crate::simulator::users::{self, AT_ONCE, Progress, Tally, UsersSettings};

/// How often the bar moves, and how often a line is written where there is no terminal.
const BAR_EVERY: Duration = Duration::from_millis(200);
const LINE_EVERY: u32 = 50;
const BAR_LETTERS: u64 = 30;

#[derive(Args)]
pub struct Users {
    /// The receiver.
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:8080")]
    receiver: String,
    /// A file with an API key with the scopes sign and read; without it VOD_RECEIVER_API_KEY, or
    /// VOD_RECEIVER_ADMIN_KEY.
    #[arg(long, value_name = "FILE")]
    api_key_file: Option<std::path::PathBuf>,
    /// The app at the receiver; may be left out if there is only one.
    #[arg(long)]
    app: Option<String>,
    /// The local VOD.
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:9090")]
    vod: String,
    /// How many users there are.
    #[arg(long, value_name = "NUMBER", default_value_t = 500, value_parser = clap::value_parser!(u32).range(1..))]
    users: u32,
    /// Uploads begun in a second.
    #[arg(long, value_name = "PER_SECOND", default_value_t = 50.0)]
    rate: f64,
    /// How long uploads are begun.
    #[arg(long, value_name = "MINUTES", default_value_t = 2.0)]
    minutes: f64,
    /// The size of each file.
    #[arg(long, value_name = "BYTES", default_value_t = 1_024, value_parser = clap::value_parser!(u32).range(1..=1 << 30))]
    file_bytes: u32,
    /// The task flow that each upload starts.
    #[arg(long, value_name = "NAME")]
    procedure: Option<String>,
    /// Asks for signatures that hold once only.
    #[arg(long)]
    one_time: bool,
    /// Which user uploads when.
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    seed: u64,
    /// How long to wait for what the receiver does not know yet; enough for a reconcile, if notifications are lost.
    #[arg(long, value_name = "SECONDS", default_value_t = 30)]
    wait: u64,
    /// Prints the tally as JSON.
    #[arg(long)]
    json: bool,
}

impl Users {
    pub async fn run(self) -> anyhow::Result<()> {
        anyhow::ensure!(
            self.rate > 0.0 && self.rate <= 100_000.0,
            "--rate is above 0 and at most 100000"
        );
        anyhow::ensure!(
            self.minutes > 0.0 && self.minutes <= 10_000.0,
            "--minutes is above 0 and at most 10000"
        );
        let settings = self.settings()?;
        let progress = Arc::new(Progress::default());
        let (clock, random) = (Clock::system(), Random::system());
        let running = users::run(&settings, Arc::clone(&progress), &clock, &random);
        tokio::pin!(running);
        let mut bar = Bar::new(settings.uploads);
        let mut ticks = tokio::time::interval(BAR_EVERY);
        let tally = loop {
            tokio::select! {
                tally = &mut running => break tally,
                _ = ticks.tick() => bar.draw(&progress),
            }
        };
        bar.end();
        let tally = tally.with_context(|| format!("no answer from {}", settings.receiver))?;
        self.tell(&tally)?;
        anyhow::ensure!(
            tally.is_right(),
            "not every upload was attributed to its user"
        );
        Ok(())
    }

    fn settings(&self) -> anyhow::Result<UsersSettings> {
        let address = |url: &str| url.trim_end_matches('/').to_owned();
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "both are checked to be above 0 and not large"
        )]
        let uploads = (self.rate * self.minutes * 60.0).round().max(1.0) as u64;
        Ok(UsersSettings {
            receiver: address(&self.receiver),
            api_key: self.api_key()?,
            app: self.app.clone(),
            vod: address(&self.vod),
            users: self.users,
            uploads,
            rate: self.rate,
            at_once: AT_ONCE,
            file_bytes: usize::try_from(self.file_bytes)?,
            procedure: self.procedure.clone(),
            one_time: self.one_time,
            seed: self.seed,
            wait: Duration::from_secs(self.wait),
        })
    }

    fn api_key(&self) -> anyhow::Result<Secret> {
        if let Some(file) = &self.api_key_file {
            let text = std::fs::read_to_string(file)
                .with_context(|| format!("cannot read {}", file.display()))?;
            return Ok(Secret::new(text.trim()));
        }
        ["VOD_RECEIVER_API_KEY", "VOD_RECEIVER_ADMIN_KEY"]
            .iter()
            .filter_map(|name| std::env::var(name).ok())
            .find(|key| !key.is_empty())
            .map(Secret::new)
            .context("no API key: set VOD_RECEIVER_API_KEY, or name a file with --api-key-file")
    }

    fn tell(&self, tally: &Tally) -> anyhow::Result<()> {
        if self.json {
            println!("{}", serde_json::to_string(tally)?);
        } else {
            println!("made     {}", tally.made);
            println!("right    {}", tally.right);
            println!("wrong    {}", tally.wrong);
            println!("missing  {}", tally.missing);
            println!("doubled  {}", tally.doubled);
            println!("failed   {}", tally.failed);
        }
        for reason in &tally.reasons {
            eprintln!("failed: {reason}");
        }
        Ok(())
    }
}

/// What is shown on the way: a bar on a terminal, else a line now and then.
struct Bar {
    uploads: u64,
    is_terminal: bool,
    drawn: u32,
}

impl Bar {
    fn new(uploads: u64) -> Self {
        Self {
            uploads,
            is_terminal: std::io::stderr().is_terminal(),
            drawn: 0,
        }
    }

    fn draw(&mut self, progress: &Progress) {
        let (made, failed, missing, is_asking) = progress.now();
        let text = if is_asking {
            format!("{made} made; the receiver does not know {missing} yet")
        } else {
            format!("{made} of {} made, {failed} failed", self.uploads)
        };
        if self.is_terminal {
            let full = (made + failed) * BAR_LETTERS / self.uploads.max(1);
            let letters: String = (0..BAR_LETTERS)
                .map(|place| if place < full { '#' } else { '.' })
                .collect();
            eprint!("\r[{letters}] {text}\x1b[K");
        } else if self.drawn.is_multiple_of(LINE_EVERY) && self.drawn > 0 {
            eprintln!("{text}");
        }
        self.drawn = self.drawn.wrapping_add(1);
    }

    fn end(&self) {
        if self.is_terminal {
            eprintln!();
        }
    }
}
