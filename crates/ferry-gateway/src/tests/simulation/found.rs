//! What seeds have found, each as the smallest schedule that shows it.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use super::plan::{Call, Fault, NodePlan, Plan, Window};
use super::verdict::Tally;
use super::world;
use crate::upstream::{Nonstream, Role};

fn node(number: u8, rtt_ms: u64) -> NodePlan {
    NodePlan {
        role: Role::Primary,
        rtt: Duration::from_millis(rtt_ms),
        host: None,
        addresses: vec![IpAddr::V4(Ipv4Addr::new(10, 0, number, 1))],
        preferred: true,
        nonstream: Nonstream::Pass,
        keys: 0,
        http2: false,
        streams_max: 100,
        idle: Duration::from_mins(1),
    }
}

fn window(machine: usize, fault: Fault, from_ms: u64, until_ms: u64) -> Window {
    let (from, until) = (Duration::from_millis(from_ms), Duration::from_millis(until_ms));
    Window { machine, address: None, fault, from, until }
}

fn call(at_ms: u64, stream: bool) -> Call {
    Call {
        at: Duration::from_millis(at_ms),
        stream,
        leaves_after: None,
        think: Duration::from_millis(100),
        gap: Duration::from_millis(10),
        pieces: 3,
    }
}

fn run(nodes: Vec<NodePlan>, windows: Vec<Window>, calls: Vec<Call>) -> Tally {
    let dir = tempfile::tempdir().unwrap();
    let plan = Plan {
        seed: 0,
        nodes,
        windows,
        calls,
        paid_ratio: 1.0,
        paid_burst: 100,
        attempts_max: 3,
        early_ping: None,
    };
    world::run(plan, dir.path()).unwrap_or_else(|what| panic!("{what}"))
}

#[test]
fn a_second_try_has_no_second_total() {
    let windows = vec![window(0, Fault::Status(500), 0, 500), window(0, Fault::Stall, 500, 90_000)];
    let tally = run(vec![node(0, 4)], windows, vec![call(450, false)]);
    assert_eq!(tally.hopeless, 1);
}

#[test]
fn a_path_that_failed_is_not_tried_again_with_another_key() {
    for fault in [Fault::CutBeforeHead, Fault::Status(529), Fault::Page(502)] {
        let nodes = vec![NodePlan { keys: 4, ..node(0, 4) }, node(1, 250)];
        let windows = vec![window(0, fault, 2000, 60_000)];
        assert_eq!(run(nodes, windows, vec![call(3000, true)]).answered, 1, "{fault:?}");
    }
}

#[test]
fn a_rate_limit_is_not_passed_on_while_a_doubtful_node_is_untried() {
    let windows = vec![
        // Asked twice without an answer, it cools; then it is well, and nobody knows.
        window(0, Fault::Status(529), 0, 2500),
        window(1, Fault::Limited(Some(60)), 2500, 60_000),
    ];
    let calls = vec![call(2400, false), call(2420, false), call(2600, false), call(2650, true)];
    assert_eq!(run(vec![node(0, 4), node(1, 20)], windows, calls).answered, 4);
}

#[test]
fn a_stream_that_is_refused_twice_goes_elsewhere() {
    let refuses = NodePlan { http2: true, ..node(0, 4) };
    let windows = vec![window(0, Fault::RefusesStreams, 2000, 60_000)];
    let tally = run(vec![refuses, node(1, 60)], windows, vec![call(3000, true), call(4000, false)]);
    assert_eq!(tally.answered, 2);
}

#[test]
fn the_last_free_try_goes_to_the_node_that_has_not_been_tried() {
    // The breaker of the first is open when it is well again, and the second has no room.
    let windows =
        vec![window(0, Fault::Down, 2000, 4950), window(1, Fault::Status(529), 4900, 60_000)];
    let calls = (0..5).map(|at| call(3000 + at * 100, true)).chain([call(5000, true)]);
    let tally = run(vec![node(0, 4), node(1, 60)], windows, calls.collect());
    assert_eq!(tally.answered, 6);
}

#[test]
fn no_request_waits_behind_a_stream_that_stalls() {
    // One stream at a time, and the first is silent until its connection breaks.
    let narrow = NodePlan { http2: true, streams_max: 1, ..node(0, 4) };
    let windows = vec![window(0, Fault::Stall, 2000, 2100), window(0, Fault::Down, 9000, 60_000)];
    let calls = vec![call(2050, true), call(3000, false), call(3010, true)];
    let tally = run(vec![narrow, node(1, 250)], windows, calls);
    assert_eq!((tally.answered, tally.paid), (3, 1));
}

#[test]
fn a_node_is_found_dead_once_whatever_was_tried_between() {
    // Both take the request, and hang up on it. The far one's second connection has been kept for a moment.
    let near = NodePlan { role: Role::Standby, ..node(1, 4) };
    let windows = vec![
        window(0, Fault::CutBeforeHead, 2000, 60_000),
        window(1, Fault::CutBeforeHead, 2000, 60_000),
    ];
    let calls = vec![Call { think: Duration::from_millis(400), ..call(3000, true) }];
    let tally = run(vec![node(0, 250), near], windows, calls);
    assert_eq!((tally.generations, tally.paid), (3, 1));
}
