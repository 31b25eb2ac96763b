//! While something fails: how long to wait, and when to say so. A fault is told once, not once a second.

use std::time::Duration;

use super::Fault;
use crate::config::AppName;
use crate::ops::random::Random;

/// The pause after the first failure; each in a row doubles it.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// A queue keeps events for 4 days; asking it rarely costs only time.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// What has failed of late.
pub(super) struct Failing {
    app: AppName,
    random: Random,
    /// In a row.
    failures: u32,
    /// What was told of them.
    told: Option<String>,
}

impl Failing {
    pub(super) fn new(app: AppName, random: Random) -> Self {
        Self {
            app,
            random,
            failures: 0,
            told: None,
        }
    }

    /// It failed once more; says how long to wait.
    pub(super) fn again(&mut self, fault: &Fault) -> Duration {
        let kind = kind(fault);
        if self.told.as_deref() == Some(&kind) {
            tracing::debug!(app = %self.app, "pulling events still fails: {fault}");
        } else {
            tracing::warn!(app = %self.app, "pulling events fails: {fault}");
            self.told = Some(kind);
        }
        let whole = FIRST_PAUSE * 2_u32.saturating_pow(self.failures.min(16));
        self.failures = self.failures.saturating_add(1);
        // Between half of it and all of it, so that receivers which failed together do not return so.
        let share = f64::from(self.random.u32()) / f64::from(u32::MAX);
        whole.min(LONGEST_PAUSE).mul_f64(0.5 + share / 2.0)
    }

    /// It did not.
    pub(super) fn over(&mut self) {
        self.failures = 0;
        if self.told.take().is_some() {
            tracing::info!(app = %self.app, "events are pulled again");
        }
    }
}

/// What makes two faults the same in the eyes of who reads the log; a clock's skew changes by the second.
fn kind(fault: &Fault) -> String {
    match fault {
        Fault::Pull(error) => format!("pull {}", error.code()),
        Fault::Confirm(error) => format!("confirm {}", error.code()),
        Fault::NotDurable => "not durable".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_half_a_minute_and_begin_anew() {
        // A generator that counts: so small that each pause is half of the whole.
        let mut failing = Failing::new(AppName::main(), Random::counting());
        let pauses: Vec<u128> = (0..7)
            .map(|_| failing.again(&Fault::NotDurable).as_millis() / 500)
            .collect();
        assert_eq!(pauses, [1, 2, 4, 8, 16, 30, 30]);
        failing.over();
        assert_eq!(failing.again(&Fault::NotDurable).as_millis(), 500);
    }
}
