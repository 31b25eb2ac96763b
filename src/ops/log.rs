//! The log: text for people, JSON lines for programs, on stderr.

use std::io::IsTerminal as _;

use tracing_subscriber::EnvFilter;

/// How a log line is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    Text,
    Json,
}

/// Starts the log with a filter such as `info` or `vod_receiver=debug`; a second call changes nothing.
pub fn init(filter: &str, format: Format) -> Result<(), String> {
    // The server's own lines tell of its threads; whoever wants them names them in the filter.
    let filter = EnvFilter::try_new(format!("actix_server=warn,{filter}"))
        .map_err(|fault| fault.to_string())?;
    let lines = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr);
    let _ = match format {
        Format::Text => lines.with_target(false).try_init(),
        Format::Json => lines
            .json()
            .flatten_event(true)
            .with_current_span(true)
            .try_init(),
    };
    Ok(())
}
