//! Tables of the speed test's decisions.

use super::*;

fn ok(connect: f64, answer: f64) -> Tried {
    Tried {
        connect_ms: Some(connect),
        answer_ms: Some(answer),
        status: Some(401),
        ..Tried::default()
    }
}

fn failed(silent: bool) -> Tried {
    Tried { fault: Some("connect".to_owned()), silent, ..Tried::default() }
}

#[test]
fn a_candidate_is_tried_until_more_says_nothing_new() {
    let (good, refused, silent) = (ok(1.0, 1.0), failed(false), failed(true));
    let seconds = Duration::from_secs;
    for (tries, spent, again, why) in [
        (vec![], seconds(0), true, "nothing yet"),
        (vec![good.clone(); 9], seconds(1), true, "one is left"),
        (vec![good.clone(); 10], seconds(1), false, "all done"),
        (vec![silent.clone(); 2], seconds(4), true, "two may be lost packets"),
        (vec![silent.clone(); 3], seconds(6), false, "nobody is there"),
        (vec![refused.clone(); 5], seconds(1), true, "a refusal is quick, and an answer"),
        (vec![silent.clone(), silent.clone(), good, silent], seconds(6), true, "it was heard of"),
        (vec![refused; 2], BUDGET, false, "its time is over"),
    ] {
        assert_eq!(goes_on(&tries, 10, spent), again, "{why}");
    }
}

#[test]
fn eight_candidates_take_less_than_a_quarter_of_a_minute() {
    assert!(super::super::RESOLVE_MAX + BUDGET < Duration::from_secs(15));
}

#[test]
fn loss_decides_before_speed() {
    let quick_lossy = Figures::of(&[ok(1.0, 1.0), failed(false)]);
    let slow_good = Figures::of(&vec![ok(300.0, 200.0); 2]);
    let quick_good = Figures::of(&vec![ok(30.0, 20.0); 2]);
    let slow_answer = Figures::of(&vec![ok(20.0, 400.0); 2]);
    let dead = Figures::of(&[failed(true)]);
    let untried = Figures::of(&[]);
    let mut all = [&dead, &quick_lossy, &slow_good, &slow_answer, &quick_good];
    all.sort_by(|a, b| order(a, b));
    assert_eq!(all, [&quick_good, &slow_answer, &slow_good, &quick_lossy, &dead]);
    let verdicts = [&quick_good, &quick_lossy, &dead, &untried].map(Figures::verdict);
    assert_eq!(verdicts, [Verdict::Good, Verdict::Lossy, Verdict::Dead, Verdict::Untried]);
    assert_eq!((quick_lossy.loss(), untried.loss()), (0.5, 1.0));
}

#[test]
fn a_connect_that_stood_before_the_failure_still_has_its_time() {
    let cut =
        Tried { connect_ms: Some(0.2), fault: Some("shake hands".to_owned()), ..Tried::default() };
    let figures = Figures::of(&[cut]);
    assert_eq!(figures.connect.map(|spread| spread.min), Some(0.2));
    assert_eq!((figures.received, figures.fault.as_deref()), (0, Some("shake hands")));
}

#[test]
fn rows_keep_the_bounds_asked_for() {
    let figures = Figures::of(&[ok(100.0, 1.0), failed(false)]);
    let none = Filter::default();
    for (filter, passes) in [
        (none, true),
        (Filter { slowest_ms: Some(100.0), ..none }, true),
        (Filter { slowest_ms: Some(99.0), ..none }, false),
        (Filter { fastest_ms: Some(100.0), ..none }, true),
        (Filter { fastest_ms: Some(101.0), ..none }, false),
        (Filter { loss_max: Some(0.5), ..none }, true),
        (Filter { loss_max: Some(0.4), ..none }, false),
    ] {
        assert_eq!(filter.passes(&figures), passes, "{filter:?}");
    }
    let dead = Figures::of(&[failed(true)]);
    assert!(!Filter { slowest_ms: Some(100.0), ..none }.passes(&dead), "it has no connect at all");
}

#[test]
fn a_local_proxy_is_told_by_its_address_or_its_nearness() {
    use Suspicion::{FakeAddress, NearAtHome, ThisMachine, TooNear};
    for (ip, connect_ms, suspicion_of_it) in [
        ("203.0.113.7", Some(0.4), Some(TooNear)),
        ("203.0.113.7", Some(1.0), None),
        ("203.0.113.7", None, None),
        ("127.0.0.1", Some(0.1), None),
        ("127.9.9.9", Some(0.1), None),
        ("::1", Some(0.1), None),
        ("::ffff:127.0.0.1", Some(0.1), None),
        ("192.168.1.9", Some(0.3), Some(NearAtHome)),
        ("10.0.0.7", Some(5.0), None),
        ("fd00::7", Some(0.3), Some(NearAtHome)),
        ("2001:db8::7", Some(0.3), Some(TooNear)),
        ("198.18.0.5", Some(0.1), Some(FakeAddress)),
        ("198.19.255.1", Some(80.0), Some(FakeAddress)),
        ("198.20.0.1", Some(80.0), None),
        ("fc00::5", None, Some(FakeAddress)),
        ("2001:2::5", Some(80.0), Some(FakeAddress)),
    ] {
        let of = |by_name| suspicion(ip.parse().unwrap(), connect_ms, by_name);
        assert_eq!(of(false), suspicion_of_it, "{ip}");
        let is_here = ip.contains("127.") || ip == "::1";
        assert_eq!(of(true), if is_here { Some(ThisMachine) } else { suspicion_of_it }, "{ip}");
    }
    assert_eq!(suspicion("127.0.0.1".parse().unwrap(), None, true), Some(ThisMachine));
}
