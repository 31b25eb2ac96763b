//! A point in time as it is written on the command line.

use chrono::{DateTime, TimeDelta, Utc};

/// A point in time, or how long ago.
#[derive(Clone, Copy)]
pub enum Time {
    At(DateTime<Utc>),
    Ago(TimeDelta),
}

impl Time {
    /// When that is, counted from now.
    pub fn at(self, now: DateTime<Utc>) -> DateTime<Utc> {
        match self {
            Self::At(at) => at,
            Self::Ago(ago) => now - ago,
        }
    }
}

/// Reads a time as it is written in RFC 3339, or `90m`, `24h`, `7d` for so long ago.
pub fn time(text: &str) -> Result<Time, String> {
    if let Ok(at) = DateTime::parse_from_rfc3339(text) {
        return Ok(Time::At(at.to_utc()));
    }
    let ago = || {
        let (number, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
        let number = number.parse::<u32>().ok()?;
        match unit {
            "m" => TimeDelta::try_minutes(number.into()),
            "h" => TimeDelta::try_hours(number.into()),
            "d" => TimeDelta::try_days(number.into()),
            _ => None,
        }
    };
    // Further back than this there is no time that Postgres could hold.
    ago()
        .filter(|ago| ago.num_days() <= 36_500)
        .map(Time::Ago)
        .ok_or_else(|| "neither a time like 2026-11-23T08:00:00Z nor one like 24h".to_owned())
}
