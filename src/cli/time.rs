//! A time on the command line: a point in time, or how long ago; and a span of time.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, TimeDelta, Utc};

/// `2026-11-23T08:00:00Z`, or `90m`, `24h`, `7d` ago.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Time {
    At(DateTime<Utc>),
    Ago(TimeDelta),
}

/// `90m`, `24h`, `7d`: at most a hundred years.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Span {
    text: String,
    delta: TimeDelta,
}

impl Time {
    /// The point in time that is meant now.
    pub fn at(self, now: DateTime<Utc>) -> DateTime<Utc> {
        match self {
            Self::At(at) => at,
            Self::Ago(ago) => now - ago,
        }
    }
}

impl FromStr for Time {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if let Ok(at) = DateTime::parse_from_rfc3339(text) {
            return Ok(Self::At(at.to_utc()));
        }
        // Further back than a hundred years there is no time that Postgres could hold.
        span(text)
            .map(Self::Ago)
            .ok_or("neither a time like 2026-11-23T08:00:00Z nor one like 24h")
    }
}

impl FromStr for Span {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let delta = span(text).ok_or("not a span like 90m, 24h or 7d")?;
        let text = text.to_owned();
        Ok(Self { text, delta })
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl From<Span> for TimeDelta {
    fn from(span: Span) -> Self {
        span.delta
    }
}

fn span(text: &str) -> Option<TimeDelta> {
    let (number, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let number = number.parse::<u32>().ok()?;
    let span = match unit {
        "m" => TimeDelta::try_minutes(number.into()),
        "h" => TimeDelta::try_hours(number.into()),
        "d" => TimeDelta::try_days(number.into()),
        _ => None,
    };
    span.filter(|span| span.num_days() <= 36_500)
}
