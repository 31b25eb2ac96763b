//! `trigger`: sends one well-formed, authenticated sample notification to a running server.

use std::time::Duration;

use anyhow::Context as _;
use clap::{Args, ValueEnum};
use serde_json::Value;

use crate::config::{App, Config, Secret};
use crate::ops::clock::Clock;
use crate::ops::random::Random;
use crate::sign::{self, SignatureRequest};
use crate::ticket::Ticket;
use crate::vod::sample::{self, SampleUpload};

/// The app id that Tencent's own samples show.
const SAMPLE_SUB_APP_ID: u64 = 1_256_768_367;

#[derive(Args)]
pub struct Trigger {
    event: EventType,
    /// Open a ticket for this user first, as `POST /v1/signatures` does, and name it.
    #[arg(long, conflicts_with_all = ["ticket", "source_context"])]
    user: Option<String>,
    /// Name this ticket.
    #[arg(long, conflicts_with = "source_context")]
    ticket: Option<Ticket>,
    /// Name this text instead of a ticket.
    #[arg(long)]
    source_context: Option<String>,
    /// The app; may be left out if there is only one.
    #[arg(long)]
    app: Option<String>,
    /// The file; a new one if left out.
    #[arg(long)]
    file_id: Option<String>,
    /// The file's name.
    #[arg(long, default_value = "holiday")]
    name: String,
    /// The processing task; a new one if left out and the event is about one.
    #[arg(long, value_name = "TASK_ID")]
    procedure_task_id: Option<String>,
    /// Send the legacy format 2.0 (NewFileUpload only).
    #[arg(long)]
    v2: bool,
    /// The server; without it the one of the configuration.
    #[arg(long)]
    url: Option<String>,
    /// Print the body instead of sending it.
    #[arg(long)]
    dry_run: bool,
}

#[derive(Clone, Copy, ValueEnum)]
enum EventType {
    #[value(name = "NewFileUpload")]
    NewFileUpload,
    #[value(name = "ProcedureStateChanged")]
    ProcedureStateChanged,
    #[value(name = "FileDeleted")]
    FileDeleted,
}

impl Trigger {
    pub async fn run(self, config: &Config) -> anyhow::Result<()> {
        let app = super::app(config, self.app.as_deref())?;
        let clock = Clock::system();
        let body = self.body(config, app, &clock).await?;
        let text = serde_json::to_string(&body)?;
        if self.dry_run {
            println!("{text}");
            return Ok(());
        }
        let server = self
            .url
            .clone()
            .unwrap_or_else(|| super::local_url(config.listen));
        let mut address = format!("{server}/callbacks/{}", app.name);
        if let Some(token) = app.callback_tokens.first() {
            address = format!("{address}/{}", token.expose());
        }
        let client = reqwest::Client::builder()
            .timeout(Duration::from_secs(10))
            .build()?;
        let answer = client
            .post(address)
            .header("Content-Type", "application/json")
            .body(text)
            .send()
            .await
            // The address may hold the token: it stays out of the error.
            .map_err(reqwest::Error::without_url)
            .with_context(|| format!("no answer from {server}"))?;
        let status = answer.status();
        println!("{}", answer.text().await?);
        anyhow::ensure!(status.is_success(), "the server answered {status}");
        Ok(())
    }

    async fn body(&self, config: &Config, app: &App, clock: &Clock) -> anyhow::Result<Value> {
        let random = Random::system();
        let context = match (&self.user, self.ticket, &self.source_context) {
            (Some(user), ..) => {
                let request = SignatureRequest {
                    user_id: user.clone(),
                    ..SignatureRequest::default()
                };
                let permission = request.validate()?;
                let database = super::database(config).await?;
                sign::issue_alone(app, permission, &database, clock, &random)
                    .await?
                    .ticket
                    .to_string()
            }
            (None, Some(ticket), _) => ticket.to_string(),
            (None, None, text) => text.clone().unwrap_or_default(),
        };
        let file_id = self.file_id.clone().unwrap_or_else(|| {
            // Nineteen digits, as real ones have.
            format!("52858907842{:08}", random.u32() % 100_000_000)
        });
        eprintln!("file {file_id}");
        let sub_app_id = app.sub_app_id.unwrap_or(SAMPLE_SUB_APP_ID);
        let procedure_task_id = match (&self.procedure_task_id, self.event) {
            (Some(task_id), _) => task_id.clone(),
            (None, EventType::ProcedureStateChanged) => {
                format!("{sub_app_id}-procedurev2-{:08x}t0", random.u32())
            }
            (None, _) => String::new(),
        };
        let sample = SampleUpload {
            file_id,
            name: self.name.clone(),
            session_context: if procedure_task_id.is_empty() {
                String::new()
            } else {
                context.clone()
            },
            source_context: context,
            procedure_task_id,
            sub_app_id,
            at: clock.now(),
        };
        let body = match self.event {
            EventType::NewFileUpload if self.v2 => sample.new_file_upload_v2(),
            EventType::NewFileUpload => sample.new_file_upload(),
            EventType::ProcedureStateChanged => sample.procedure_finished(),
            EventType::FileDeleted => sample.file_deleted(),
        };
        Ok(match app.sign_keys.first().map(Secret::expose) {
            Some(key) => sample::signed(body, key, clock.now().timestamp()),
            None => body,
        })
    }
}
