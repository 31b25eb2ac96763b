//! `sign`: prints one signature, through the log where there is one.

use clap::Args;

use crate::config::{App, Config};
use crate::ops::clock::Clock;
use crate::ops::random::Random;
use crate::sign::{self, SignatureRequest};
use crate::ticket::Ticket;
use crate::vod::signature::UploadParams;

/// VOD's own limit for `sourceContext` (protocol.md section 1).
const SOURCE_CONTEXT_MAX_BYTES: usize = 250;

#[derive(Args)]
pub struct Sign {
    /// The user who may upload: the signature goes through the log.
    #[arg(long, required_unless_present = "source_context")]
    user: Option<String>,
    /// Another signature for the same upload.
    #[arg(long, requires = "user")]
    ticket: Option<Ticket>,
    /// Sign this text instead, without the log: what comes back of it is nobody's.
    #[arg(long, conflicts_with_all = ["user", "ticket", "json"])]
    source_context: Option<String>,
    /// The app; may be left out if there is only one.
    #[arg(long)]
    app: Option<String>,
    /// For how many seconds an upload may begin with it.
    #[arg(long, default_value_t = 3600, value_parser = clap::value_parser!(i64).range(1..=7_776_000))]
    expires_in: i64,
    /// VOD takes it only once.
    #[arg(long)]
    one_time: bool,
    /// The task flow that VOD starts after the upload.
    #[arg(long)]
    procedure: Option<String>,
    /// Print the whole answer of `POST /v1/signatures`.
    #[arg(long)]
    json: bool,
}

impl Sign {
    pub async fn run(self, config: &Config) -> anyhow::Result<()> {
        let app = super::app(config, self.app.as_deref())?;
        let Some(user) = self.user.as_deref() else {
            return self.offline(app);
        };
        let request = SignatureRequest {
            user_id: user.to_owned(),
            ticket: self.ticket.map(|ticket| ticket.to_string()),
            expires_in: Some(self.expires_in),
            one_time: Some(self.one_time),
            procedure: self.procedure.clone(),
            ..SignatureRequest::default()
        };
        let permission = request.validate()?;
        let database = super::database(config).await?;
        let issued = sign::issue_alone(
            app,
            permission,
            &database,
            &Clock::system(),
            &Random::system(),
        )
        .await?;
        if self.json {
            println!("{}", serde_json::to_string(&issued)?);
        } else {
            eprintln!(
                "ticket {}, good until {:?}",
                issued.ticket, issued.expires_at
            );
            println!("{}", issued.signature);
        }
        Ok(())
    }

    fn offline(&self, app: &App) -> anyhow::Result<()> {
        let context = self.source_context.clone().unwrap_or_default();
        anyhow::ensure!(
            context.len() <= SOURCE_CONTEXT_MAX_BYTES,
            "--source-context must be at most {SOURCE_CONTEXT_MAX_BYTES} bytes"
        );
        let now = Clock::system().now().timestamp();
        let params = UploadParams {
            secret_id: app.secret_id.clone(),
            current_time_stamp: now,
            expire_time: now + self.expires_in,
            random: Random::system().u32(),
            procedure: self.procedure.clone(),
            source_context: Some(context),
            one_time_valid: self.one_time,
            vod_sub_app_id: app.sub_app_id,
            ..UploadParams::default()
        };
        eprintln!(
            "This signature is not in the log: no user can be told from what comes back of it."
        );
        println!("{}", params.sign(app.secret_key.expose()));
        Ok(())
    }
}
