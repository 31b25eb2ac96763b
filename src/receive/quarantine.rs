//! How many bodies with a right token but without a right `Sign` are kept.

use std::collections::HashMap;
use std::sync::Mutex;

use chrono::{DateTime, Utc};

/// Enough to see how VOD signs, too few to fill a disk: whoever knows the token could send many.
const KEPT_PER_HOUR: u32 = 500;

/// How many unsigned bodies each app may still have kept this hour.
#[derive(Default)]
pub struct UnsignedQuota(Mutex<HashMap<String, (i64, u32)>>);

impl UnsignedQuota {
    /// Takes a place in the quota of an app; false if this hour's are used up.
    pub fn take(&self, app: &str, now: DateTime<Utc>) -> bool {
        let hour = now.timestamp() / 3600;
        let mut kept = self
            .0
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        let (of_hour, count) = kept.entry(app.to_owned()).or_insert((hour, 0));
        if *of_hour != hour {
            (*of_hour, *count) = (hour, 0);
        }
        *count += 1;
        *count <= KEPT_PER_HOUR
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;

    #[test]
    fn the_quota_is_per_app_and_hour() {
        let quota = UnsignedQuota::default();
        let now = DateTime::UNIX_EPOCH;
        assert_eq!((0..1000).filter(|_| quota.take("main", now)).count(), 500);
        assert!(quota.take("other", now));
        assert!(quota.take("main", now + TimeDelta::hours(1)));
    }
}
