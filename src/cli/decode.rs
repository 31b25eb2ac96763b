//! `decode`: explains a signature, a ticket or an event body from stdin.

use std::io::Read as _;

use anyhow::Context as _;
use chrono::DateTime;
use clap::Args;
use serde_json::{Value, json};

use crate::config::Config;
use crate::ops::clock::Clock;
use crate::ticket::Ticket;
use crate::vod::event::Event;
use crate::vod::{notification, signature};

#[derive(Args)]
pub struct Decode {
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

impl Decode {
    pub async fn run(self, config: &Config) -> anyhow::Result<()> {
        let mut input = Vec::new();
        std::io::stdin()
            .read_to_end(&mut input)
            .context("cannot read stdin")?;
        let text = String::from_utf8_lossy(&input);
        let text = text.trim();
        let explained = if let Ok(ticket) = text.parse::<Ticket>() {
            explain_ticket(config, ticket).await?
        } else if text.starts_with(['{', '[']) {
            explain_events(config, &input).await?
        } else {
            explain_signature(config, text).await?
        };
        if self.json {
            println!("{explained}");
        } else {
            print(&explained, 0);
        }
        Ok(())
    }
}

async fn explain_ticket(config: &Config, ticket: Ticket) -> anyhow::Result<Value> {
    let made_at = ticket.0.get_timestamp().and_then(|at| {
        let (seconds, nanos) = at.to_unix();
        DateTime::from_timestamp(i64::try_from(seconds).ok()?, nanos)
    });
    let mut explained = json!({"what": "ticket", "ticket": ticket.to_string(), "made_at": made_at});
    explained["user"] = who(config, Some(ticket)).await?;
    Ok(explained)
}

/// Whose ticket it is, as far as the log can be asked.
async fn who(config: &Config, ticket: Option<Ticket>) -> anyhow::Result<Value> {
    let Some(ticket) = ticket else {
        return Ok(json!("nobody: the context is not a ticket"));
    };
    if config.database_url.is_none() {
        return Ok(json!("not looked up: no database is configured"));
    }
    let database = super::database(config).await?;
    let mut connection = database.pool()?.acquire().await?;
    Ok(
        match crate::sign::ticket_owner(&mut connection, ticket).await? {
            Some((app, user_id)) => {
                json!({"user_id": user_id.as_ref().map(crate::ticket::UserId::as_str), "app": app})
            }
            None => json!("nobody: no such ticket was issued here"),
        },
    )
}

async fn explain_signature(config: &Config, text: &str) -> anyhow::Result<Value> {
    let decoded = signature::decode(text)
        .context("this is neither a signature, nor a ticket, nor an event body")?;
    let now = Clock::system().now().timestamp();
    let parameters: serde_json::Map<String, Value> = decoded
        .parameters
        .iter()
        .map(|parameter| (parameter.name.clone(), json!(parameter.value)))
        .collect();
    let at = |name: &str| {
        decoded
            .integer(name)
            .and_then(|seconds| DateTime::from_timestamp(seconds, 0))
    };
    let signed_by = config
        .apps
        .iter()
        .find(|app| decoded.verify(app.secret_key.expose()))
        .map_or_else(
            || "none of the configured keys".to_owned(),
            |app| format!("the key of app `{}`", app.name),
        );
    let objections: Vec<String> = decoded
        .objections(now)
        .into_iter()
        .map(|objection| format!("{}: {}", objection.parameter, objection.sentence))
        .collect();
    let ticket = decoded
        .text("sourceContext")
        .and_then(|context| context.parse().ok());
    Ok(json!({
        "what": "upload signature",
        "parameters": parameters,
        "issued_at": at("currentTimeStamp"),
        "expires_at": at("expireTime"),
        "signed_by": signed_by,
        "user": who(config, ticket).await?,
        "vod_would_object": objections,
    }))
}

async fn explain_events(config: &Config, body: &[u8]) -> anyhow::Result<Value> {
    let read = notification::read(body)?;
    let mut events = Vec::new();
    for item in &read.items {
        events.push(match &item.event {
            Ok(event) => explain_event(config, event).await?,
            Err(fault) => json!({"fault": fault.code(), "in_words": fault.to_string()}),
        });
    }
    Ok(json!({"what": "notification", "signed": read.sign.is_some(), "events": events}))
}

async fn explain_event(config: &Config, event: &Event) -> anyhow::Result<Value> {
    let mut files = Vec::new();
    for fact in &event.files {
        let fields = &fact.fields;
        let context = fields
            .source_context
            .as_deref()
            .or(fields.session_context.as_deref());
        let ticket = context.and_then(|context| context.parse().ok());
        files.push(json!({
            "file_id": fact.file_id.as_str(),
            "news": format!("{:?}", fact.news),
            "name": fields.name,
            "source_type": fields.source_type,
            "source_context": fields.source_context,
            "session_context": fields.session_context,
            "procedure_task_id": fields.procedure_task_id,
            "review_task_id": fields.review_task_id,
            "uploaded_at": fields.uploaded_at,
            "user": who(config, ticket).await?,
        }));
    }
    let task = event.task.as_ref().map(|task| {
        json!({
            "task_id": task.task_id,
            "state": task.state.as_str(),
            "error_code": task.error_code,
            "message": task.message,
        })
    });
    Ok(
        json!({"event_type": event.event_type, "format": event.format.as_str(), "files": files, "task": task}),
    )
}

/// Prints an explanation for people: nothing that is empty, nested things indented.
fn print(value: &Value, depth: usize) {
    let indent = "  ".repeat(depth);
    let Value::Object(members) = value else {
        return;
    };
    for (name, value) in members {
        match value {
            Value::Null => {}
            Value::Object(_) => {
                println!("{indent}{name}");
                print(value, depth + 1);
            }
            Value::Array(items) => {
                for (position, item) in items.iter().enumerate() {
                    match item {
                        Value::Object(_) => {
                            println!("{indent}{name} {}", position + 1);
                            print(item, depth + 1);
                        }
                        item => println!("{indent}{name}  {}", plain(item)),
                    }
                }
            }
            value => println!("{indent}{name}  {}", plain(value)),
        }
    }
}

/// A scalar on one line: what end users wrote must not steer a terminal.
fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text
            .chars()
            .map(|letter| {
                if letter.is_control() {
                    '\u{fffd}'
                } else {
                    letter
                }
            })
            .collect(),
        other => other.to_string(),
    }
}
