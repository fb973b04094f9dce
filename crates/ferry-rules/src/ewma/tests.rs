//! The estimate and the cost.

use proptest::prelude::*;

use super::*;
use crate::tests::{after, start};

const fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

fn about(estimate: Duration, expected_ms: u64) {
    let off = estimate.abs_diff(ms(expected_ms));
    assert!(off < ms(1), "{estimate:?} instead of {expected_ms} ms");
}

#[test]
fn it_jumps_up_and_comes_down_slowly() {
    let start = start();
    let mut ewma = PeakEwma::default();
    assert_eq!(ewma.estimate(), UNMEASURED);
    // When it was measured, what, and the estimate after that.
    let rows = [
        (0, 400, 400),
        (0, 100, 100),
        (0, 500, 100),
        (0, 900, 100),
        (0, 500, 500),
        (0, 100, 500),
        (10_000, 100, 247),
        (20_000, 100, 154),
        (20_500, 800, 800),
        (100_000, 50, 50),
    ];
    for (at, sample, estimate) in rows {
        ewma.observe(ms(sample), after(start, at));
        about(ewma.estimate(), estimate);
    }
}

#[test]
fn what_waits_there_costs() {
    let mut ewma = PeakEwma::default();
    let close = |cost: f64, expected: f64| assert!((cost - expected).abs() < 1e-9, "{cost}");
    close(ewma.cost(0), 0.03);
    ewma.observe(ms(200), start());
    assert!(ewma.is_measured());
    close(ewma.cost(0), 0.2);
    close(ewma.cost(4), 1.0);
}

proptest! {
    #[test]
    fn it_stays_between_the_least_and_the_greatest(
        samples in proptest::collection::vec((0_u64..60_000, 0_u64..30_000), 1..60),
    ) {
        let (start, mut at, mut ewma) = (start(), 0, PeakEwma::default());
        for (gap, sample) in &samples {
            at += gap;
            let settled = ewma.is_settled();
            ewma.observe(ms(*sample), after(start, at));
            prop_assert!(!settled || ewma.estimate() + ms(1) >= ms(*sample));
        }
        let least = samples.iter().map(|(_, sample)| *sample).min().unwrap();
        let greatest = samples.iter().map(|(_, sample)| *sample).max().unwrap();
        prop_assert!(ewma.estimate() + ms(1) >= ms(least));
        prop_assert!(ewma.estimate() <= ms(greatest + 1));
    }
}
