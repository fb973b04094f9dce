//! When a breaker opens, how it comes back, and what must never move it.

use proptest::prelude::*;

use super::*;
use crate::tests::{after, start};

const SETTINGS: Settings = Settings {
    error_rate: 0.05,
    min_attempts: 20,
    window: Duration::from_secs(30),
    open: Duration::from_secs(5),
    open_max: Duration::from_mins(1),
};

fn fails(breaker: &mut Breaker, now: Instant) -> bool {
    let attempt = breaker.started(now);
    breaker.failed(attempt, now, 0.0)
}

fn succeeds(breaker: &mut Breaker, now: Instant) {
    let attempt = breaker.started(now);
    breaker.succeeded(attempt);
}

fn opened(now: Instant) -> Breaker {
    let mut breaker = Breaker::new(SETTINGS, now);
    (0..IN_A_ROW).for_each(|_| {
        fails(&mut breaker, now);
    });
    assert_eq!(breaker.state(now), State::Open);
    breaker
}

/// Opened at 0, probed at 5 s: half-open, on the ramp.
fn ramping(start: Instant) -> Breaker {
    let mut breaker = opened(start);
    (0..PROBES).for_each(|_| {
        assert!(!breaker.probed(true, after(start, 5000), 0.0));
    });
    breaker
}

#[test]
fn three_in_a_row_open_it() {
    let now = start();
    let mut breaker = Breaker::new(SETTINGS, now);
    assert!(!fails(&mut breaker, now));
    assert!(!fails(&mut breaker, now));
    assert_eq!(breaker.admits(now, 0.99), Admission::Yes);
    assert!(fails(&mut breaker, now));
    let view = breaker.view(now);
    assert_eq!((view.state, view.reason), (State::Open, Some(Reason::Consecutive(3))));
    assert_eq!((view.recover_at, view.opened_times), (Some(after(now, 5000)), 1));
    assert_eq!(breaker.admits(now, 0.0), Admission::No);
}

#[test]
fn a_success_ends_a_row() {
    let now = start();
    let mut breaker = Breaker::new(Settings { error_rate: 1.0, ..SETTINGS }, now);
    for _ in 0..100 {
        assert!(!fails(&mut breaker, now));
        assert!(!fails(&mut breaker, now));
        succeeds(&mut breaker, now);
    }
    assert_eq!(breaker.state(now), State::Closed);
}

/// Attempts that succeed one a second, failures among them, and does it open?
fn rated(attempts: u64, failures: &[u64], gap_ms: u64) -> Option<Reason> {
    let start = start();
    let mut breaker = Breaker::new(SETTINGS, start);
    for i in 0..attempts {
        let now = after(start, i * gap_ms);
        if failures.contains(&i) {
            fails(&mut breaker, now);
        } else {
            succeeds(&mut breaker, now);
        }
    }
    breaker.reason
}

#[test]
fn the_share_needs_attempts_and_failures() {
    let rate = |failures, attempts| Some(Reason::Rate { failures, attempts });
    // All in one window: 3 of 20 is more than 5 %, 2 of 20 too few to judge, 3 of 19 too few attempts.
    assert_eq!(rated(20, &[3, 10, 19], 1000), rate(3, 20));
    assert_eq!(rated(20, &[3, 19], 1000), None);
    assert_eq!(rated(19, &[3, 10, 18], 1000), None);
    // 3 of 60 and 4 of 80 are 5 % and not more; 4 of 79 is.
    assert_eq!(rated(60, &[3, 25, 59], 100), None);
    assert_eq!(rated(80, &[3, 30, 61, 79], 100), None);
    assert_eq!(rated(79, &[3, 30, 61, 78], 100), rate(4, 79));
    // One attempt in 5 s: 6 in 30 s are too few, so 300 s are looked at.
    assert_eq!(rated(40, &[3, 20, 39], 5000), rate(3, 40));
    // One in 20 s: 15 in 300 s are too few as well, and too old to count.
    assert_eq!(rated(40, &[3, 20, 39], 20_000), None);
}

#[test]
fn failures_fall_out_of_the_window() {
    let start = start();
    let mut breaker = Breaker::new(SETTINGS, start);
    fails(&mut breaker, start);
    succeeds(&mut breaker, start);
    assert_eq!(breaker.view(after(start, 29_999)).failures, 1);
    assert_eq!(breaker.view(after(start, 30_000)).failures, 0);
}

#[test]
fn what_is_late_from_before_moves_nothing() {
    let start = start();
    let mut breaker = Breaker::new(SETTINGS, start);
    let (early, other) = (breaker.started(start), breaker.started(start));
    (0..IN_A_ROW).for_each(|_| {
        fails(&mut breaker, start);
    });
    breaker.succeeded(early);
    assert_eq!(breaker.state(after(start, 4999)), State::Open);
    assert!(!breaker.failed(other, after(start, 5000), 0.0));
    assert_eq!(breaker.state(after(start, 5000)), State::HalfOpen);
    assert_eq!(breaker.view(after(start, 5000)).recover_at, None);
}

#[test]
fn a_success_does_not_close_it_and_a_failure_while_open_does_not_prolong_it() {
    let start = start();
    let mut breaker = opened(start);
    succeeds(&mut breaker, after(start, 100));
    assert_eq!(breaker.state(after(start, 4999)), State::Open);
    assert!(!fails(&mut breaker, after(start, 4000)));
    assert!(breaker.probe_due(after(start, 5000)));
    succeeds(&mut breaker, after(start, 5001));
    assert_eq!(breaker.state(after(start, 100_000)), State::HalfOpen);
}

#[test]
fn it_comes_back_by_probes_and_a_ramp() {
    let start = start();
    let mut breaker = opened(start);
    assert!(!breaker.probe_due(after(start, 4999)));
    // A probe that comes too early says nothing.
    assert!(!breaker.probed(true, after(start, 4999), 0.0));
    for _ in 0..PROBES {
        assert!(breaker.probe_due(after(start, 5000)));
        assert_eq!(breaker.admits(after(start, 5000), 0.0), Admission::No);
        breaker.probed(true, after(start, 5000), 0.0);
    }
    let rows = [
        (5000, 0.09, Admission::Ramp),
        (5000, 0.1, Admission::Later),
        (9999, 0.3, Admission::Later),
        (10_000, 0.49, Admission::Ramp),
        (14_999, 0.5, Admission::Later),
        (15_000, 0.99, Admission::Yes),
    ];
    for (ms, roll, admission) in rows {
        assert_eq!(breaker.admits(after(start, ms), roll), admission, "{ms} {roll}");
    }
    let view = breaker.view(after(start, 14_999));
    assert_eq!((view.state, view.reason), (State::HalfOpen, Some(Reason::Consecutive(3))));
    assert_eq!((view.since, view.recover_at), (after(start, 5000), Some(after(start, 15_000))));
    let view = breaker.view(after(start, 15_000));
    assert_eq!((view.state, view.reason, view.recover_at), (State::Closed, None, None));
}

#[test]
fn a_relapse_doubles_the_pause_up_to_the_longest() {
    let start = start();
    let mut breaker = opened(start);
    let mut at = 5000;
    for pause in [10_000, 20_000, 40_000, 60_000, 60_000] {
        assert!(breaker.probed(true, after(start, at), 0.0) || breaker.probe_due(after(start, at)));
        assert!(breaker.probed(false, after(start, at), 0.0));
        let view = breaker.view(after(start, at));
        assert_eq!(view.recover_at, Some(after(start, at + pause)));
        assert_eq!(view.reason, Some(Reason::Relapse));
        at += pause;
    }
    assert_eq!(breaker.view(after(start, at)).opened_times, 6);
}

#[test]
fn one_failed_request_on_the_ramp_opens_it_again() {
    let start = start();
    for by_probe in [true, false] {
        let mut breaker = ramping(start);
        let now = after(start, 7000);
        let opened =
            if by_probe { breaker.probed(false, now, 1.0) } else { fails(&mut breaker, now) };
        assert!(opened);
        let pause = if by_probe { 5000 } else { 10_000 };
        assert_eq!(breaker.view(now).recover_at, Some(after(now, pause)));
    }
}

#[test]
fn a_healthy_minute_takes_a_doubling_back() {
    let start = start();
    for (healthy_ms, pause) in [(0, 10_000), (59_000, 10_000), (60_000, 5000), (600_000, 5000)] {
        let mut breaker = ramping(start);
        let now = after(start, 15_000 + healthy_ms);
        (0..IN_A_ROW).for_each(|_| {
            fails(&mut breaker, now);
        });
        assert_eq!(breaker.view(now).recover_at, Some(after(now, pause)), "{healthy_ms}");
    }
}

#[test]
fn an_operator_closes_it_by_hand() {
    let start = start();
    let mut breaker = ramping(start);
    let under_way = breaker.started(after(start, 6000));
    let now = after(start, 6000);
    breaker.reset(now);
    assert!(!breaker.failed(under_way, now, 0.0));
    let view = breaker.view(now);
    assert_eq!((view.state, view.failures, view.attempts), (State::Closed, 0, 0));
    assert_eq!((view.since, view.opened_times), (now, 1));
}

#[test]
fn a_reload_keeps_where_it_stands() {
    let start = start();
    let mut breaker = opened(start);
    breaker.reconfigure(Settings { open_max: Duration::from_secs(2), ..SETTINGS }, start);
    assert_eq!(breaker.view(start).recover_at, Some(after(start, 2000)));
    let mut breaker = Breaker::new(SETTINGS, start);
    fails(&mut breaker, start);
    fails(&mut breaker, start);
    breaker.reconfigure(Settings { error_rate: 0.5, ..SETTINGS }, start);
    assert_eq!(breaker.view(start).attempts, 2);
    breaker.reconfigure(Settings { window: Duration::from_secs(3), ..SETTINGS }, start);
    assert_eq!(breaker.view(start).attempts, 0);
    assert!(fails(&mut breaker, start));
}

#[test]
fn a_window_of_nothing_does_no_harm() {
    let start = start();
    let settings = Settings { window: Duration::ZERO, min_attempts: 0, ..SETTINGS };
    let mut breaker = Breaker::new(settings, start);
    for ms in 0..100 {
        succeeds(&mut breaker, after(start, ms));
    }
    assert_eq!(breaker.state(start), State::Closed);
}

#[derive(Debug, Clone, Copy)]
enum Event {
    Start,
    Succeed(usize),
    Fail(usize),
    Probe(bool),
    Reset,
}

fn events() -> impl Strategy<Value = Event> {
    prop_oneof![
        4 => Just(Event::Start),
        2 => any::<usize>().prop_map(Event::Succeed),
        3 => any::<usize>().prop_map(Event::Fail),
        3 => any::<bool>().prop_map(Event::Probe),
        1 => Just(Event::Reset),
    ]
}

proptest! {
    #[test]
    fn it_moves_only_along_its_edges(steps in proptest::collection::vec((events(), 0_u64..8000, 0.0..1.0), 0..200)) {
        let start = start();
        let mut breaker = Breaker::new(SETTINGS, start);
        let (mut at, mut under_way, mut passed) = (0, Vec::new(), 0);
        for (event, ms, roll) in steps {
            let was = breaker.state(after(start, at));
            at += ms;
            let now = after(start, at);
            let came = breaker.state(now);
            // By time alone: open turns half-open, the ramp ends closed.
            prop_assert!(came == was || (was, came) == (State::Open, State::HalfOpen) || (was, came) == (State::HalfOpen, State::Closed));
            if was == State::HalfOpen && came == State::Closed {
                prop_assert!(passed >= PROBES);
            }
            let mut opened = false;
            match event {
                Event::Start => under_way.push(breaker.started(now)),
                Event::Succeed(which) if !under_way.is_empty() => {
                    let which = which % under_way.len();
                    breaker.succeeded(under_way.swap_remove(which));
                    prop_assert_eq!(breaker.state(now), came);
                }
                Event::Fail(which) if !under_way.is_empty() => {
                    let which = which % under_way.len();
                    opened = breaker.failed(under_way.swap_remove(which), now, roll);
                }
                Event::Probe(ok) => {
                    passed += u32::from(ok && breaker.probe_due(now));
                    opened = breaker.probed(ok, now, roll);
                    prop_assert!(!opened || came == State::HalfOpen);
                }
                Event::Reset => breaker.reset(now),
                Event::Succeed(_) | Event::Fail(_) => {}
            }
            let view = breaker.view(now);
            prop_assert!(view.failures <= view.attempts);
            prop_assert_eq!(view.reason.is_some(), view.state != State::Closed);
            if opened {
                passed = 0;
                let pause = view.recover_at.unwrap() - now;
                prop_assert!(pause <= SETTINGS.open_max && pause >= SETTINGS.open / 2);
                prop_assert_eq!(view.state, State::Open);
            }
        }
    }

    #[test]
    fn below_the_share_and_without_a_row_it_stays_closed(
        steps in proptest::collection::vec((any::<bool>(), 0_u64..5000), 0..300),
    ) {
        let start = start();
        let mut breaker = Breaker::new(Settings { error_rate: 1.0, ..SETTINGS }, start);
        let (mut at, mut row) = (0, 0);
        for (ok, ms) in steps {
            at += ms;
            row = if ok || row == 2 { 0 } else { row + 1 };
            if row == 0 {
                succeeds(&mut breaker, after(start, at));
            } else {
                prop_assert!(!fails(&mut breaker, after(start, at)));
            }
        }
    }
}
