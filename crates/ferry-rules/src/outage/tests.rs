//! Ours or theirs.

use proptest::prelude::*;

use super::PathEnd::{
    HostUnreachable, NetworkUnreachable, NoLocalAddress, NoSuchName, Reached, Refused,
    ResolverFailed, TimedOut,
};
use super::*;
use crate::tests::{after, start};

const ALL: [PathEnd; 8] = [
    NetworkUnreachable,
    HostUnreachable,
    NoLocalAddress,
    ResolverFailed,
    NoSuchName,
    TimedOut,
    Refused,
    Reached,
];

#[test]
fn every_node_must_point_home() {
    let now = start();
    let rows: [(&[PathEnd], bool); 11] = [
        (&[], false),
        (&[NetworkUnreachable], true),
        (&[ResolverFailed, NetworkUnreachable, HostUnreachable, NoLocalAddress], true),
        (&[ResolverFailed, TimedOut], true),
        (&[TimedOut, TimedOut], false),
        (&[NoSuchName], false),
        (&[NetworkUnreachable, NoSuchName], false),
        (&[NetworkUnreachable, Refused], false),
        (&[Reached, NetworkUnreachable], false),
        (&[Refused, Refused], false),
        (&[Reached], false),
    ];
    for (ends, expected) in rows {
        let latest = ends.iter().map(|end| Some(Latest { end: *end, at: now }));
        assert_eq!(is_local(latest, now), expected, "{ends:?}");
    }
}

#[test]
fn they_must_fail_together() {
    let start = start();
    let at = |ms| Some(Latest { end: NetworkUnreachable, at: after(start, ms) });
    assert!(is_local([at(0), at(1500)], after(start, 2000)));
    assert!(!is_local([at(0), at(1500)], after(start, 2001)));
    assert!(!is_local([at(0), None], start));
}

proptest! {
    #[test]
    fn one_node_that_is_there_clears_the_network(
        ends in proptest::collection::vec(proptest::sample::select(ALL.as_slice()), 0..8),
        there in any::<proptest::sample::Index>(),
        proof in proptest::sample::select([NoSuchName, Refused, Reached].as_slice()),
    ) {
        let now = start();
        let mut latest: Vec<_> = ends.into_iter().map(|end| Some(Latest { end, at: now })).collect();
        latest.insert(there.index(latest.len() + 1), Some(Latest { end: proof, at: now }));
        prop_assert!(!is_local(latest, now));
    }
}
