//! Cooling and opening.

use proptest::prelude::*;

use super::*;
use crate::tests::{after, start};

const fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

fn opened(now: Instant) -> Overload {
    let mut overload = Overload::default();
    assert!(!overload.failed(now, 0.0));
    assert!(overload.failed(now, 0.0));
    overload
}

#[test]
fn a_rate_limit_cools_for_what_it_says() {
    let start = start();
    for (said, cooled) in [(2000, Some(2000)), (0, None), (3_600_000, Some(300_000))] {
        let mut overload = Overload::default();
        overload.limited(ms(said), start);
        assert_eq!(overload.cooled(start), cooled.map(ms), "{said}");
    }
    let mut overload = Overload::default();
    overload.limited(ms(5000), start);
    overload.limited(ms(1000), start);
    // One that began before the limit ends well: the limit stands.
    overload.succeeded();
    assert_eq!(overload.cooled(after(start, 1000)), Some(ms(4000)));
    let view = overload.view(after(start, 1000));
    assert_eq!((view.state, view.limited_until), (State::Closed, Some(after(start, 5000))));
    assert_eq!(overload.cooled(after(start, 5000)), None);
    assert_eq!(overload.view(after(start, 5000)).limited_until, None);
}

#[test]
fn two_in_a_row_open_it_and_a_success_closes_it() {
    let start = start();
    let mut overload = Overload::default();
    for _ in 0..9 {
        assert!(!overload.failed(start, 0.0));
        assert_eq!(overload.cooled(start), None);
        overload.succeeded();
    }
    let mut overload = opened(start);
    assert_eq!(overload.cooled(start), Some(OPEN));
    // Others that were under way change nothing.
    assert!(!overload.failed(after(start, 500), 0.0));
    assert_eq!(overload.cooled(after(start, 999)), Some(ms(1)));
    let view = overload.view(after(start, 500));
    assert_eq!((view.state, view.recover_at), (State::Open, Some(after(start, 1000))));
    assert_eq!((view.failures, view.opened_times), (3, 1));
    overload.succeeded();
    assert_eq!((overload.cooled(start), overload.view(start).state), (None, State::Closed));
}

#[test]
fn one_trial_at_a_time() {
    let start = start();
    let mut overload = opened(start);
    // While it is open a request that has no other place is no trial.
    overload.begins(after(start, 500));
    let half = after(start, 1000);
    assert_eq!((overload.cooled(half), overload.view(half).state), (None, State::HalfOpen));
    overload.begins(half);
    assert_eq!(overload.cooled(half), Some(TRIAL_MAX));
    overload.begins(after(start, 2000));
    assert_eq!(overload.cooled(half), Some(TRIAL_MAX));
    overload.left();
    assert_eq!(overload.cooled(half), None);
    overload.begins(half);
    assert_eq!(overload.cooled(half + TRIAL_MAX), None);
    // The next pause is twice as long, and so on to the longest.
    let mut now = half;
    for pause in [2000, 4000, 8000, 16_000, 30_000, 30_000] {
        assert!(overload.failed(now, 0.0));
        assert_eq!(overload.cooled(now), Some(ms(pause)));
        now += ms(pause);
    }
    overload.begins(now);
    overload.succeeded();
    assert!(!overload.failed(now, 0.0));
    assert!(overload.failed(now, 1.0));
    assert_eq!(overload.cooled(now), Some(ms(500)));
}

proptest! {
    #[test]
    fn it_never_cools_for_longer_than_it_may(
        steps in proptest::collection::vec((0_u8..5, 0_u64..40_000, 0.0..1.0, 0_u64..1000), 0..100),
    ) {
        let (start, mut at, mut overload) = (start(), 0, Overload::default());
        let mut limited = false;
        for (step, gap, roll, seconds) in steps {
            at += gap;
            let now = after(start, at);
            match step {
                0 => {
                    overload.limited(Duration::from_secs(seconds), now);
                    limited = true;
                }
                1 => {
                    overload.failed(now, roll);
                }
                2 => overload.succeeded(),
                3 => overload.begins(now),
                _ => overload.left(),
            }
            let most = if limited { backoff::RETRY_AFTER_MAX } else { OPEN_MAX };
            prop_assert!(overload.cooled(now).is_none_or(|cooled| cooled <= most));
            prop_assert_eq!(overload.cooled(now + most), None);
            prop_assert!(step != 2 || overload.view(now).state == State::Closed);
        }
    }
}
