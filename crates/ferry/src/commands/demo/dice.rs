//! Seeded choice: the same seed gives the same faults and the same requests in every run. Not for secrets.

use std::time::Duration;

/// A small generator (splitmix64).
#[derive(Clone, Debug)]
pub(super) struct Dice(u64);

impl Dice {
    /// The generator of one purpose: `lane` keeps those of one seed apart.
    pub(super) const fn new(seed: u64, lane: u64) -> Self {
        Self(mix(seed ^ mix(lane)))
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mix(self.0)
    }

    /// A number from `least` to `most`, both included.
    pub(super) fn between(&mut self, least: u64, most: u64) -> u64 {
        least + self.next() % (most.saturating_sub(least) + 1)
    }

    /// True once in so many throws.
    pub(super) fn one_in(&mut self, throws: u64) -> bool {
        self.next().is_multiple_of(throws.max(1))
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

/// Stirs a number (the finaliser of splitmix64).
const fn mix(value: u64) -> u64 {
    let value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
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
