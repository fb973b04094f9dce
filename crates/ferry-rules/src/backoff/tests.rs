//! Waits and their bounds.

use proptest::prelude::*;

use super::*;

const fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

#[test]
fn the_upper_end_doubles_up_to_the_longest() {
    let rows = [(0, 500), (1, 1000), (2, 2000), (3, 4000), (4, 8000), (5, 8000), (u32::MAX, 8000)];
    for (retry, upper) in rows {
        assert_eq!(full_jitter(retry, 1.0), ms(upper), "{retry}");
        assert_eq!(full_jitter(retry, 0.5), ms(upper / 2), "{retry}");
        assert_eq!(full_jitter(retry, 0.0), Duration::ZERO, "{retry}");
    }
}

#[test]
fn jitter_only_shortens() {
    assert_eq!(jittered(ms(5000), 0.5, 0.0), ms(5000));
    assert_eq!(jittered(ms(5000), 0.5, 1.0), ms(2500));
    assert_eq!(jittered(ms(5000), 0.0, 1.0), ms(5000));
}

#[test]
fn a_roll_that_is_none_does_no_harm() {
    for roll in [f64::NAN, f64::NEG_INFINITY, -1.0] {
        assert_eq!(full_jitter(3, roll), Duration::ZERO);
    }
    assert_eq!(full_jitter(0, f64::INFINITY), FIRST);
    assert_eq!(jittered(ms(100), f64::NAN, f64::NAN), ms(100));
}

#[test]
fn retry_after_is_believed_up_to_five_minutes() {
    for (said, believed) in [(0, 0), (7, 7), (300, 300), (301, 300), (u64::MAX, 300)] {
        assert_eq!(bounded(Duration::from_secs(said)), Duration::from_secs(believed));
    }
}

proptest! {
    #[test]
    fn every_wait_is_within_its_bounds(retry in any::<u32>(), roll in any::<f64>()) {
        let wait = full_jitter(retry, roll);
        prop_assert!(wait <= LONGEST);
        prop_assert!(wait <= doubled(FIRST, LONGEST, retry));
    }

    #[test]
    fn a_jittered_span_keeps_its_share(span_ms in 0_u64..1 << 40, share in 0.0..=1.0, roll in 0.0..1.0) {
        let span = ms(span_ms);
        let jittered = jittered(span, share, roll);
        prop_assert!(jittered <= span);
        // One microsecond for the rounding of a float.
        prop_assert!(jittered + Duration::from_micros(1) >= span.mul_f64(1.0 - share));
    }
}
