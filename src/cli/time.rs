//! A time on the command line: a point in time, or how long ago.

use std::str::FromStr;

use chrono::{DateTime, TimeDelta, Utc};

/// `2026-11-23T08:00:00Z`, or `90m`, `24h`, `7d` ago.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Time {
    At(DateTime<Utc>),
    Ago(TimeDelta),
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
            .map(Self::Ago)
            .ok_or("neither a time like 2026-11-23T08:00:00Z nor one like 24h")
    }
}
