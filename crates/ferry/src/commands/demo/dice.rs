//! Seeded choice: the same seed gives the same faults and the same requests in every run. Not for secrets. The generator is
//! the mock's; here is what the dial and the plan ask of it.

use std::time::Duration;

use ferry_mock::mix;

/// A generator of one purpose.
#[derive(Clone, Debug)]
pub(super) struct Dice(ferry_mock::Dice);

impl Dice {
    /// `lane` keeps the purposes of one seed apart.
    pub(super) const fn new(seed: u64, lane: u64) -> Self {
        Self(ferry_mock::Dice::new(mix(seed ^ mix(lane))))
    }

    /// A number from `least` to `most`, both included.
    pub(super) fn between(&mut self, least: u64, most: u64) -> u64 {
        least + self.0.bits() % (most.saturating_sub(least) + 1)
    }

    /// True once in so many throws.
    pub(super) fn one_in(&mut self, throws: u64) -> bool {
        self.0.bits().is_multiple_of(throws.max(1))
    }

    /// Whole milliseconds from `least` to `most`.
    pub(super) fn millis(&mut self, least: u64, most: u64) -> Duration {
        Duration::from_millis(self.between(least, most))
    }

    /// Puts items in an order of chance (Fisher and Yates).
    pub(super) fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            let bound = u64::try_from(last).unwrap_or(0);
            items.swap(last, usize::try_from(self.between(0, bound)).unwrap_or(0));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_repeats_and_lanes_differ() {
        let throws = |seed, lane| {
            let mut dice = Dice::new(seed, lane);
            (0..8).map(|_throw| dice.between(0, 1000)).collect::<Vec<_>>()
        };
        assert_eq!(throws(1, 1), throws(1, 1));
        assert_ne!(throws(1, 1), throws(1, 2));
        assert_ne!(throws(1, 1), throws(2, 1));
    }

    #[test]
    fn bounds_are_kept() {
        let mut dice = Dice::new(0, 0);
        assert!((0..1000).all(|_throw| (3..=5).contains(&dice.between(3, 5))));
        assert_eq!(dice.between(7, 7), 7);
        assert!(dice.one_in(0));
    }
}
