//! One target beside another: ratios taken within each round and then summed up, so that what slows the machine for a
//! while slows both and drops out. Pure.

use super::tally::Figures;

/// Ratios of all rounds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Spread {
    pub(super) median: f64,
    pub(super) least: f64,
    pub(super) most: f64,
}

/// What one target did in one round.
#[derive(Clone, Copy, Debug)]
pub(super) struct Round {
    pub(super) answer: Option<Figures>,
    /// Whole answers a second.
    pub(super) throughput: f64,
}

/// What is compared.
pub(super) type Reading = fn(&Round) -> Option<f64>;

/// The figures that a comparison shows, by their names.
pub(super) const READINGS: [(&str, Reading); 4] = [
    ("p50", |round| Some(round.answer?.p50.as_secs_f64())),
    ("p90", |round| Some(round.answer?.p90.as_secs_f64())),
    ("p99", |round| Some(round.answer?.p99.as_secs_f64())),
    ("throughput", |round| Some(round.throughput)),
];

/// Which of two targets goes first in a round: each as often as the other, so that none always follows the same one.
pub(super) fn order(round: u32) -> [usize; 2] {
    if round.is_multiple_of(2) { [0, 1] } else { [1, 0] }
}

/// B as a ratio to A. Rounds in which one of them has nothing to show are left out; `None` when all are.
pub(super) fn ratios(a: &[Round], b: &[Round], reading: Reading) -> Option<Spread> {
    let pairs = a.iter().zip(b).filter_map(|(a, b)| Some((reading(a)?, reading(b)?)));
    spread(pairs.map(|(a, b)| b / a).filter(|ratio| ratio.is_finite()).collect())
}

fn spread(mut values: Vec<f64>) -> Option<Spread> {
    values.sort_by(f64::total_cmp);
    let (least, most) = (*values.first()?, *values.last()?);
    let upper = *values.get(values.len() / 2)?;
    let lower = *values.get((values.len() - 1) / 2)?;
    Some(Spread { median: f64::midpoint(lower, upper), least, most })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn round(millis: u64, throughput: f64) -> Round {
        let time = Duration::from_millis(millis);
        let figures = Figures { p50: time, p90: time, p99: time, p999: time, max: time };
        Round { answer: (millis > 0).then_some(figures), throughput }
    }

    fn near(spread: Option<Spread>, wanted: [f64; 3]) {
        let spread = spread.unwrap();
        for (got, wanted) in [spread.least, spread.median, spread.most].into_iter().zip(wanted) {
            assert!((got - wanted).abs() < 1e-9, "{spread:?}");
        }
    }

    #[test]
    fn ratios_are_taken_round_by_round() {
        // The machine was slow in the second round, for both.
        let a = [round(1, 100.0), round(10, 50.0), round(2, 100.0)];
        let b = [round(2, 100.0), round(20, 25.0), round(5, 100.0)];
        let [(_, p50), _, _, (_, throughput)] = READINGS;
        near(ratios(&a, &b, p50), [2.0, 2.0, 2.5]);
        near(ratios(&a, &b, throughput), [0.5, 1.0, 1.0]);
    }

    #[test]
    fn rounds_without_an_answer_are_left_out() {
        let [(_, p50), _, _, (_, throughput)] = READINGS;
        let (a, b) = ([round(0, 0.0), round(1, 10.0)], [round(3, 1.0), round(3, 1.0)]);
        near(ratios(&a, &b, p50), [3.0, 3.0, 3.0]);
        near(ratios(&a, &b, throughput), [0.1, 0.1, 0.1]);
        assert_eq!(ratios(&a[..1], &b[..1], p50), None);
        assert_eq!(ratios(&[], &[], p50), None);
    }

    #[test]
    fn of_an_even_number_the_median_lies_between() {
        near(spread(vec![4.0, 1.0, 3.0, 2.0]), [1.0, 2.5, 4.0]);
    }

    #[test]
    fn neither_target_always_goes_first() {
        assert_eq!([order(0), order(1), order(2)], [[0, 1], [1, 0], [0, 1]]);
    }
}
