//! How far a run is, on a terminal; nothing of it where standard error is none.

use std::io::{IsTerminal as _, Write as _, stderr};
use std::time::Duration;

use tokio::time::Instant;

use crate::receive::reconcile::{Progress, Watch};

/// Seldom enough to cost nothing, often enough to look alive.
const DRAW_EVERY: Duration = Duration::from_millis(100);
const BAR_CELLS: usize = 24;
/// Back to the beginning of the line, which is emptied.
const AFRESH: &str = "\r\x1b[2K";

/// Draws a bar for an app.
pub fn on_terminal(app: &str) -> Watch {
    if !stderr().is_terminal() {
        return Box::new(|_| ());
    }
    let app = app.to_owned();
    let mut drawn: Option<Instant> = None;
    Box::new(move |progress| {
        if drawn.is_none_or(|at| at.elapsed() >= DRAW_EVERY) {
            drawn = Some(Instant::now());
            let mut stderr = stderr().lock();
            // A terminal that is gone is no reason to stop.
            let _ = write!(stderr, "{AFRESH}{}", line(&app, &progress));
            let _ = stderr.flush();
        }
    })
}

/// Takes the bar away.
pub fn clear() {
    if stderr().is_terminal() {
        eprint!("{AFRESH}");
    }
}

fn line(app: &str, progress: &Progress<'_>) -> String {
    let permille = |span: chrono::TimeDelta| {
        let whole = (progress.until - progress.from).num_milliseconds().max(1);
        usize::try_from(span.num_milliseconds() * 1000 / whole).unwrap_or(0)
    };
    let done = permille(progress.at - progress.from).min(1000);
    let full = done * BAR_CELLS / 1000;
    format!(
        "{app} [{}{}] {:>3}% {}  {} found, {} missing",
        "#".repeat(full),
        "-".repeat(BAR_CELLS - full),
        done / 10,
        progress.at.format("%Y-%m-%d %H:%M"),
        progress.counts.found,
        progress.counts.missing,
    )
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, TimeDelta};

    use super::*;
    use crate::receive::reconcile::Counts;

    #[test]
    fn the_bar_fills_with_the_time_that_was_walked() {
        let from = DateTime::from_timestamp(1_795_420_800, 0).unwrap();
        let counts = Counts {
            found: 1200,
            missing: 3,
            ..Counts::default()
        };
        let at = |minutes| {
            line(
                "main",
                &Progress {
                    from,
                    until: from + TimeDelta::minutes(60),
                    at: from + TimeDelta::minutes(minutes),
                    counts: &counts,
                },
            )
        };
        assert_eq!(
            at(15),
            "main [######------------------]  25% 2026-11-23 08:15  1200 found, 3 missing"
        );
        assert!(at(0).contains("[------------------------]   0%"));
        assert!(at(60).contains("[########################] 100%"));
    }
}
