//! `decode`: explains a signature, a ticket or an event body from stdin.

use std::io::Read as _;

use anyhow::Context as _;
use clap::Args;
use serde_json::Value;

use crate::config::Config;
use crate::ops::clock::Clock;
use crate::query::decode::{explain, owners};

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
        let mut explained = explain(&input, &config.apps, Clock::system().now())
            .map_err(|fault| anyhow::anyhow!("this {fault}"))?;
        let tickets = explained.tickets();
        if config.database_url.is_some() && !tickets.is_empty() {
            let database = super::database(config).await?;
            let mut connection = database.pool()?.acquire().await?;
            let owners = owners(&mut connection, &tickets).await?;
            explained.tell_owners(&owners, |_| true);
        }
        let explained = serde_json::to_value(&explained)?;
        if self.json {
            println!("{explained}");
        } else {
            print(&explained, 0);
        }
        Ok(())
    }
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
                        // A parameter of a signature.
                        Value::Object(pair) if name == "parameters" => {
                            let text = |key| pair.get(key).map(plain).unwrap_or_default();
                            println!("{indent}  {}  {}", text("name"), text("value"));
                        }
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
