//! How notifications suffer on their way: lost, doubled, late, out of order, cut.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// How many notifications of a hundred suffer what.
///
/// What happens to the n-th notification depends on the seed and on n alone, so that a run can be repeated.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Knobs {
    /// Percent that are never sent.
    pub lose: f64,
    /// Percent that are sent twice.
    pub duplicate: f64,
    /// Percent that are late.
    pub delay: f64,
    /// How late at most, in milliseconds.
    pub delay_ms: u64,
    /// Percent that are sent after the one that follows.
    pub reorder: f64,
    /// Percent of pushes whose connection breaks in the middle of the body.
    pub cut: f64,
    /// Another seed, other notifications.
    pub seed: u64,
}

impl Default for Knobs {
    fn default() -> Self {
        Self {
            lose: 0.0,
            duplicate: 0.0,
            delay: 0.0,
            delay_ms: 1_000,
            reorder: 0.0,
            cut: 0.0,
            seed: 1,
        }
    }
}

/// What happens to one notification.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fate {
    pub is_lost: bool,
    pub copies: u32,
    pub delay: Duration,
    pub is_overtaken: bool,
    pub is_cut: bool,
}

impl Fate {
    /// Whether nothing happens to it.
    pub fn is_plain(&self) -> bool {
        !self.is_lost && self.copies == 1 && self.delay.is_zero() && !self.is_overtaken
    }
}

impl Knobs {
    /// The name of the knob that is turned too far, if one is.
    pub fn fault(&self) -> Option<&'static str> {
        let knobs = [
            ("lose", self.lose),
            ("duplicate", self.duplicate),
            ("delay", self.delay),
            ("reorder", self.reorder),
            ("cut", self.cut),
        ];
        let wrong = knobs
            .iter()
            .find(|(_, percent)| !(0.0..=100.0).contains(percent));
        wrong.map(|(name, _)| *name)
    }

    /// What happens to the n-th notification, from 0.
    pub(super) fn fate(&self, nth: u64) -> Fate {
        let mut dice = Dice(self.seed ^ nth.wrapping_mul(0xd134_2543_de82_ef95));
        // Each is thrown whatever the others say, so that one knob does not move what another does.
        let [lose, duplicate, delay, reorder, cut] = [
            self.lose,
            self.duplicate,
            self.delay,
            self.reorder,
            self.cut,
        ]
        .map(|percent| dice.percent() < percent);
        let late = 1 + dice.next() % self.delay_ms.max(1);
        Fate {
            is_lost: lose,
            copies: if duplicate { 2 } else { 1 },
            delay: if delay {
                Duration::from_millis(late)
            } else {
                Duration::ZERO
            },
            is_overtaken: reorder,
            is_cut: cut,
        }
    }
}

/// SplitMix64: the same numbers for the same seed, everywhere.
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// From 0 to below 100, in hundredths.
    fn percent(&mut self) -> f64 {
        let hundredths = u32::try_from(self.next() % 10_000).unwrap_or_default();
        f64::from(hundredths) / 100.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_brings_the_same_fates_and_about_as_many_as_the_knobs_say() {
        let knobs = Knobs {
            lose: 20.0,
            duplicate: 20.0,
            delay: 50.0,
            reorder: 100.0,
            ..Knobs::default()
        };
        let fates = |knobs: Knobs| -> Vec<Fate> { (0..10_000).map(|n| knobs.fate(n)).collect() };
        let first = fates(knobs);
        assert_eq!(first, fates(knobs));
        assert_ne!(first, fates(Knobs { seed: 2, ..knobs }));
        let count = |is: fn(&Fate) -> bool| first.iter().filter(|fate| is(fate)).count();
        assert!((1_900..2_100).contains(&count(|fate| fate.is_lost)));
        assert!((1_900..2_100).contains(&count(|fate| fate.copies == 2)));
        assert!((4_800..5_200).contains(&count(|fate| !fate.delay.is_zero())));
        assert_eq!(count(|fate| fate.is_overtaken), 10_000);
        assert_eq!(count(|fate| fate.is_cut), 0);
        let lost_and_doubled = count(|fate| fate.is_lost && fate.copies == 2);
        assert!(
            (300..500).contains(&lost_and_doubled),
            "one does not bring the other"
        );
    }

    #[test]
    fn a_knob_goes_from_0_to_100() {
        assert_eq!(Knobs::default().fault(), None);
        for wrong in [-1.0, 100.1, f64::NAN, f64::INFINITY] {
            let knobs = Knobs {
                cut: wrong,
                ..Knobs::default()
            };
            assert_eq!(knobs.fault(), Some("cut"));
        }
        assert!(Knobs::default().fate(0).is_plain());
    }
}
