//! When uploads come, and of whom: as uneven as real ones.

use chrono::{DateTime, TimeDelta, Utc};

use crate::ops::random::Random;

/// How many uploads an hour of the day has, from 0:00 in UTC: the audience lives at UTC+8, and its evening is the peak.
const HOURS: [f64; 24] = [
    0.7, 0.8, 0.9, 1.1, 1.4, 1.2, 1.1, 1.1, 1.1, 1.2, 1.4, 1.8, 2.3, 2.6, 2.4, 1.8, 1.1, 0.6, 0.3,
    0.2, 0.15, 0.15, 0.25, 0.5,
];
/// The same of the days of the week, from Thursday, which 1970-01-01 was.
const DAYS: [f64; 7] = [1.0, 1.1, 1.35, 1.3, 0.95, 0.95, 1.0];
/// The last day has so many times the uploads of the first.
const GROWTH: f64 = 3.0;
/// The user of rank r has r^-0.9 times the uploads of the first. (Exactly 1 would want another formula.)
const SKEW: f64 = 0.9;
const HOUR_S: i64 = 3600;

/// How a number of uploads is spread over some days.
#[derive(Debug)]
pub(super) struct Shape {
    begin: DateTime<Utc>,
    /// What has come by the end of each hour, the last of which is 1.
    reached: Vec<f64>,
    hour_s: f64,
    uploads: u64,
    /// The heaviest user's share is what lies below the first step.
    users: f64,
}

impl Shape {
    pub(super) fn new(until: DateTime<Utc>, days: u32, uploads: u64, users: u32) -> Self {
        let begin = until - TimeDelta::days(i64::from(days));
        let hours = i64::from(days) * 24;
        let mut reached = Vec::new();
        let mut sum = 0.0;
        for hour in 0..hours {
            let at = begin.timestamp() / HOUR_S + hour;
            let place = |period: i64, divisor: i64| {
                usize::try_from((at / divisor).rem_euclid(period)).unwrap_or(0)
            };
            let grown = 1.0 + (GROWTH - 1.0) * as_float(hour) / as_float(hours);
            sum += HOURS[place(24, 1)] * DAYS[place(7, 24)] * grown;
            reached.push(sum);
        }
        reached.iter_mut().for_each(|value| *value /= sum);
        Self {
            begin,
            reached,
            hour_s: as_float(HOUR_S),
            uploads,
            users: f64::from(users),
        }
    }

    /// When the upload with a number was complete; numbers are in the order of time.
    pub(super) fn time(&self, number: u64) -> DateTime<Utc> {
        let share = (to_float(number) + 0.5) / to_float(self.uploads.max(1));
        let hour = self.reached.partition_point(|reached| *reached < share);
        let before = hour.checked_sub(1).map_or(0.0, |hour| self.reached[hour]);
        let after = self.reached.get(hour).copied().unwrap_or(1.0);
        let within = if after > before {
            (share - before) / (after - before)
        } else {
            0.0
        };
        let seconds = (i64::try_from(hour).map_or(0.0, as_float) + within) * self.hour_s;
        self.begin + TimeDelta::microseconds(truncated(seconds * 1e6))
    }

    /// A user, by rank from 1, the heaviest.
    pub(super) fn user(&self, random: &Random) -> u32 {
        let power = 1.0 - SKEW;
        let end = (self.users + 1.0).powf(power);
        let rank = (1.0 + unit(random) * (end - 1.0)).powf(1.0 / power);
        let rank = rank.floor().clamp(1.0, self.users);
        u32::try_from(truncated(rank)).unwrap_or(1)
    }
}

/// A number from 0 to below 1.
pub(super) fn unit(random: &Random) -> f64 {
    // As many bits as a float holds exactly.
    to_float(random.u64() >> 11) / to_float(1 << 53)
}

/// Whether something happens that does so often.
pub(super) fn happens(random: &Random, share: f64) -> bool {
    unit(random) < share
}

/// A time between two, most often near the lower: the square of a number.
pub(super) fn within(random: &Random, least_s: f64, most_s: f64) -> TimeDelta {
    let drawn = unit(random);
    let seconds = least_s + (most_s - least_s) * drawn * drawn;
    TimeDelta::microseconds(truncated(seconds * 1e6))
}

/// Numbers of hours: far below 2^52.
fn as_float(number: i64) -> f64 {
    number as f64
}

/// Numbers of uploads, far below 2^52, and 53 bits.
fn to_float(number: u64) -> f64 {
    number as f64
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "microseconds of some years, and ranks: far below 2^63"
)]
fn truncated(number: f64) -> i64 {
    number as i64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_rise_fill_the_days_and_peak_in_the_evening() {
        let until: DateTime<Utc> = "2026-11-26T00:00:00Z".parse().unwrap();
        let shape = Shape::new(until, 400, 100_000, 1_000);
        let times: Vec<DateTime<Utc>> = (0..100_000).map(|number| shape.time(number)).collect();
        assert!(times.is_sorted());
        assert!(times[0] < until - TimeDelta::days(399));
        assert!(*times.last().unwrap() > until - TimeDelta::hours(1));
        assert!(*times.last().unwrap() < until);
        let at = |hour: u32| {
            let of_hour = |time: &&DateTime<Utc>| chrono::Timelike::hour(*time) == hour;
            times.iter().filter(of_hour).count()
        };
        assert!(at(13) > 10 * at(20), "{} and {}", at(13), at(20));
    }

    #[test]
    fn a_few_users_have_most_uploads_and_all_have_some() {
        let shape = Shape::new(DateTime::UNIX_EPOCH, 1, 1, 2_000);
        let random = Random::seeded(1);
        let mut counts = vec![0_u32; 2_001];
        for _ in 0..100_000 {
            counts[shape.user(&random) as usize] += 1;
        }
        assert_eq!(counts[0], 0);
        assert!((5_500..7_500).contains(&counts[1]), "{}", counts[1]);
        assert!(counts[1] > 50 * counts[500]);
        assert!(counts[1..].iter().filter(|count| **count == 0).count() < 20);
    }
}
