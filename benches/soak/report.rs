//! What is shown in the end: bars and whether they were held, and times as people read them.

use std::time::Duration;

/// Bars that a run is held to.
pub struct Bars {
    judge_times: bool,
    bars: Vec<Bar>,
}

struct Bar {
    what: String,
    held: bool,
    judged: bool,
    measured: String,
}

impl Bars {
    /// No bars yet. A machine that is shared makes times long: where they are not judged, they are only shown.
    pub fn new(judge_times: bool) -> Self {
        Self {
            judge_times,
            bars: Vec::new(),
        }
    }

    /// A bar for a count, which no slow machine excuses.
    pub fn count(&mut self, what: &str, held: bool, measured: String) {
        self.add(what, held, true, measured);
    }

    /// A bar for a time.
    pub fn time(&mut self, what: &str, held: bool, measured: String) {
        self.add(what, held, self.judge_times, measured);
    }

    fn add(&mut self, what: &str, held: bool, judged: bool, measured: String) {
        self.bars.push(Bar {
            what: what.to_owned(),
            held,
            judged,
            measured,
        });
    }

    /// Whether all that are judged were held.
    pub fn held(&self) -> bool {
        self.bars.iter().all(|bar| bar.held || !bar.judged)
    }

    /// One line each.
    pub fn print(&self) {
        println!();
        println!("| bar | measured | held |");
        println!("| --- | --- | --- |");
        for bar in &self.bars {
            let held = match (bar.held, bar.judged) {
                (true, _) => "yes",
                (false, true) => "NO",
                (false, false) => "no (not judged in the short form)",
            };
            println!("| {} | {} | {held} |", bar.what, bar.measured);
        }
    }
}

/// A time in milliseconds.
pub fn milliseconds(time: Duration) -> String {
    format!("{:.0} ms", time.as_secs_f64() * 1000.0)
}

/// The time within which so many of a hundred came; they are sorted.
pub fn percentile(sorted: &[Duration], percent: usize) -> Duration {
    let at = (sorted.len() * percent).div_ceil(100).saturating_sub(1);
    sorted.get(at).copied().unwrap_or_default()
}
