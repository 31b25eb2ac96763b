//! Of which time the figures are.

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::access::{Caller, Read};
use crate::http::params;
use crate::http::problem::Problem;
use crate::ops::random::first_uuid_v7;

/// Where nothing is asked for.
const USUAL: TimeDelta = TimeDelta::days(1);
/// Up to there an hour is the usual bucket.
const BY_HOUR_UP_TO: TimeDelta = TimeDelta::days(3);
/// As many as anybody can tell apart on a screen.
const BUCKETS_MAX: i64 = 800;
/// A year.
const LONGEST_DAYS: i64 = 366;

/// Of which time and apps the figures are wanted, as it is asked.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct StatsQuery {
    /// Only this app; without it every app of the key.
    #[param(example = "main", pattern = "^[a-z0-9][a-z0-9_-]{0,31}$")]
    app: Option<String>,
    /// The window begins there; a day before `to` if left out.
    #[serde(default, deserialize_with = "params::time")]
    #[param(value_type = Option<DateTime<Utc>>, example = "2026-11-23T08:00:00Z")]
    from: Option<DateTime<Utc>>,
    /// The window ends before that; now if left out.
    #[serde(default, deserialize_with = "params::time")]
    #[param(value_type = Option<DateTime<Utc>>, example = "2026-11-24T08:00:00Z")]
    to: Option<DateTime<Utc>>,
    /// `hour` for windows of up to 3 days if left out, else `day`.
    #[param(inline, example = "hour")]
    bucket: Option<Bucket>,
}

/// In what steps figures are drawn; each window may hold 800 of them, and be 366 days long.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Bucket {
    /// For windows of up to 13 hours.
    Minute,
    /// A quarter of an hour.
    Quarter,
    Hour,
    /// In UTC.
    Day,
    /// From Monday on, in UTC.
    Week,
}

impl Bucket {
    /// How long it is, in seconds.
    pub fn seconds(self) -> i32 {
        match self {
            Self::Minute => 60,
            Self::Quarter => 900,
            Self::Hour => 3_600,
            Self::Day => 86_400,
            Self::Week => 7 * 86_400,
        }
    }

    fn longest(self) -> TimeDelta {
        let all = TimeDelta::seconds(i64::from(self.seconds()) * BUCKETS_MAX);
        all.min(TimeDelta::days(LONGEST_DAYS))
    }
}

/// Of which time and apps the figures are wanted, checked.
pub struct Window {
    pub apps: Option<Vec<String>>,
    pub from: DateTime<Utc>,
    pub to: DateTime<Utc>,
    pub bucket: Bucket,
}

impl StatsQuery {
    /// Checks the window, and narrows the figures to what the caller may see.
    pub fn validate(self, caller: &Caller<Read>, now: DateTime<Utc>) -> Result<Window, Problem> {
        let apps = caller.narrow(self.app)?;
        let to = self.to.unwrap_or(now);
        let from = self.from.unwrap_or(to - USUAL);
        let length = to - from;
        if length <= TimeDelta::zero() {
            return Err(Problem::field("from", "must be before `to`"));
        }
        let bucket = self.bucket.unwrap_or(match length <= BY_HOUR_UP_TO {
            true => Bucket::Hour,
            false => Bucket::Day,
        });
        let longest = bucket.longest();
        if length > longest {
            let hours = longest.num_hours();
            let rule = format!("must be at most {hours} hours before `to` with this `bucket`");
            return Err(Problem::field("from", rule));
        }
        Ok(Window {
            apps,
            from,
            to,
            bucket,
        })
    }
}

impl Window {
    /// The ids between which everything of the window lies.
    pub fn ids(&self) -> (Uuid, Uuid) {
        let end = self.to + TimeDelta::milliseconds(1);
        (first_uuid_v7(self.from), first_uuid_v7(end))
    }
}
