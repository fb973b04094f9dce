//! What a budget gives, and that it never gives more.

use proptest::prelude::*;

use super::*;
use crate::retry::{Again, Place};
use crate::tests::{after, start};

fn taken(budget: &mut Budget, now: Instant) -> u32 {
    (0..10_000).take_while(|_| budget.withdraw(now)).fold(0, |sum, _| sum + 1)
}

#[test]
fn the_burst_is_there_at_the_start() {
    let now = start();
    for burst in [0, 1, 20] {
        assert_eq!(taken(&mut Budget::full(Settings::paid(0.02, burst), now), now), burst);
    }
    assert_eq!(taken(&mut Budget::full(Settings::free(0.2), now), now), 30);
}

#[test]
fn a_paid_retry_comes_back_in_30_seconds_or_with_50_requests() {
    let start = start();
    let mut budget = Budget::full(Settings::paid(0.02, 1), start);
    assert!(budget.withdraw(start));
    assert!(!budget.withdraw(after(start, 29_900)));
    assert!(budget.withdraw(after(start, 30_000)));
    let then = after(start, 30_000);
    (0..49).for_each(|_| budget.deposit(then));
    assert!(!budget.withdraw(then));
    budget.deposit(then);
    assert!(budget.withdraw(then));
}

#[test]
fn paid_retries_without_a_burst_are_off() {
    let start = start();
    let mut budget = Budget::full(Settings::paid(0.02, 0), start);
    (0..1000).for_each(|_| budget.deposit(start));
    assert!(!budget.withdraw(after(start, 3_600_000)));
}

#[test]
fn the_free_budget_saves_up_the_share_of_ten_seconds() {
    let start = start();
    let mut budget = Budget::full(Settings::free(0.2), start);
    // 100 requests a second for a minute: 30, and a fifth of about 1000.
    (0..6000).for_each(|i| budget.deposit(after(start, i * 10)));
    let saved = taken(&mut budget, after(start, 60_000));
    assert!((225..=231).contains(&saved), "{saved}");
    // Quiet for long: the burst alone.
    assert_eq!(taken(&mut budget, after(start, 600_000)), 30);
}

#[test]
fn a_reload_keeps_what_fits() {
    let now = start();
    let mut budget = Budget::full(Settings::paid(0.02, 20), now);
    budget.reconfigure(Settings::paid(0.02, 3), now);
    assert_eq!(taken(&mut budget, now), 3);
}

#[test]
fn a_verdict_is_granted_from_its_own_budget() {
    let now = start();
    let mut budgets = Budgets {
        free: Budget::full(Settings { burst: 1.0, ..Settings::free(0.0) }, now),
        paid: Budget::full(Settings::paid(0.0, 1), now),
    };
    let retry = |cost| Verdict::Retry(Again { cost, place: Place::Anywhere, wait: Duration::ZERO });
    for cost in [Cost::Paid, Cost::Free] {
        assert_eq!(budgets.grant(retry(cost), now), retry(cost));
        assert_eq!(budgets.grant(retry(cost), now), Verdict::Final);
    }
    assert_eq!(budgets.grant(Verdict::Final, now), Verdict::Final);
}

proptest! {
    #[test]
    fn never_more_than_burst_and_share_and_rate(
        paid in any::<bool>(),
        ratio in 0.0..0.5,
        burst in 0_u32..30,
        steps in proptest::collection::vec((0_u64..2000, any::<bool>()), 0..400),
    ) {
        let start = start();
        let settings = if paid { Settings::paid(ratio, burst) } else { Settings::free(ratio) };
        let mut budget = Budget::full(settings, start);
        let (mut at, mut requests, mut withdrawn) = (0, 0.0, 0.0);
        for (ms, deposit) in steps {
            at += ms;
            if deposit {
                budget.deposit(after(start, at));
                requests += 1.0;
            } else if budget.withdraw(after(start, at)) {
                withdrawn += 1.0;
            }
            let seconds = Duration::from_millis(at).as_secs_f64();
            let most = settings.burst + ratio * requests + settings.per_second * seconds;
            prop_assert!(withdrawn <= most + 0.01, "{withdrawn} > {most}");
        }
    }

    #[test]
    fn a_clock_that_stands_or_goes_back_gives_nothing(steps in proptest::collection::vec(0_u64..10_000, 0..64)) {
        let start = after(start(), 100_000);
        let mut budget = Budget::full(Settings::paid(0.0, 2), start);
        let given = steps.into_iter().filter(|ms| budget.withdraw(start.checked_sub(Duration::from_millis(*ms)).unwrap())).count();
        prop_assert!(given <= 2);
    }
}
