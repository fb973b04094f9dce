//! The schedule of a race.

use proptest::prelude::*;

use super::*;
use crate::tests::{after, start};

const fn lane(node: usize, addresses: usize, standby: bool) -> Lane {
    Lane { node, addresses, standby }
}

/// Runs a race of 10 s in which every dial ends in failure after `each_ms`; (when, node, address).
fn asked(lanes: &[Lane], each_ms: u64, until_ms: u64) -> Vec<(u64, usize, usize)> {
    let start = start();
    let mut race = Race::new(lanes.iter().copied(), start, after(start, 10_000));
    let (mut at, mut dials, mut ends) = (0, Vec::new(), Vec::<u64>::new());
    while at <= until_ms {
        ends.retain(|end| *end > at);
        match race.next(after(start, at), ends.len(), |_| true) {
            Step::Dial(dial) => {
                dials.push((at, dial.node, dial.address));
                if each_ms > 0 {
                    ends.push(at + each_ms);
                }
            }
            Step::Wait { until } => {
                let until = u64::try_from((until - start).as_millis()).unwrap();
                assert!(until > at);
                at = ends.iter().copied().chain([until]).min().unwrap();
            }
            Step::Done => break,
        }
    }
    dials
}

#[test]
fn silent_addresses_are_asked_one_every_150_ms() {
    let lanes = [lane(1, 2, false), lane(0, 1, false), lane(2, 2, true)];
    let expected = [
        (0, 1, 0),
        (150, 0, 0),
        // All primaries asked: the standby joins.
        (300, 2, 0),
        (450, 1, 1),
        (600, 0, 0),
        (750, 2, 1),
        (900, 1, 0),
    ];
    assert_eq!(asked(&lanes, 3000, 900), expected);
}

#[test]
fn standbys_join_after_600_ms_at_the_latest() {
    let lanes: Vec<_> = (0..6).map(|node| lane(node, 1, false)).chain([lane(6, 1, true)]).collect();
    let nodes: Vec<_> = asked(&lanes, 3000, 1200).into_iter().map(|(_, node, _)| node).collect();
    assert_eq!(nodes, [0, 1, 2, 3, 6, 4, 5, 0, 1]);
}

#[test]
fn what_fails_at_once_makes_room_at_once() {
    let lanes = [lane(0, 2, false), lane(1, 1, false)];
    let expected = [(0, 0, 0), (0, 1, 0), (150, 0, 1), (150, 1, 0), (300, 0, 0), (300, 1, 0)];
    assert_eq!(asked(&lanes, 0, 300), expected);
    // A single refused address: once in 150 ms, to the end.
    assert_eq!(asked(&[lane(0, 1, false)], 0, 20_000).len(), 67);
}

#[test]
fn it_ends_with_its_deadline_or_without_anybody() {
    let start = start();
    let mut nobody = Race::new([lane(0, 0, false)], start, after(start, 100));
    assert_eq!(nobody.next(start, 0, |_| true), Step::Done);
    let mut race = Race::new([lane(3, 1, true)], start, after(start, 100));
    assert_eq!(race.next(start, 0, |_| true), Step::Dial(Dial { node: 3, address: 0 }));
    assert_eq!(race.next(start, 1, |_| true), Step::Wait { until: after(start, 100) });
    assert_eq!(race.next(after(start, 100), 1, |_| true), Step::Done);
}

#[test]
fn an_address_without_room_is_passed_over() {
    let start = start();
    let lanes = [lane(0, 1, false), lane(1, 2, false)];
    let mut race = Race::new(lanes, start, after(start, 10_000));
    let full = |dial: Dial| dial.node != 0;
    assert_eq!(race.next(start, 0, full), Step::Dial(Dial { node: 1, address: 0 }));
    assert_eq!(race.next(after(start, 150), 1, |_| false), Step::Wait { until: after(start, 300) });
}

#[test]
fn an_address_that_answers_may_have_more_half_open() {
    let rows = [
        (None, 0, 4),
        (None, 500, 4),
        (Some(10_001), 500, 4),
        (Some(10_000), 0, 4),
        (Some(0), 10, 14),
        (Some(0), 60, 64),
        (Some(0), 61, 64),
        (Some(0), usize::MAX, 64),
    ];
    for (answered, waiting, most) in rows {
        let answered = answered.map(Duration::from_millis);
        assert_eq!(half_open_max(answered, waiting), most, "{answered:?} {waiting}");
    }
}

proptest! {
    #[test]
    fn everybody_is_asked_and_nobody_is_flooded(
        lanes in proptest::collection::vec((0_usize..4, any::<bool>()), 1..6),
        each_ms in 0_u64..3000,
    ) {
        let lanes: Vec<_> = lanes.into_iter().enumerate().map(|(node, (addresses, standby))| lane(node, addresses, standby)).collect();
        let runners: Vec<_> = lanes.iter().filter(|lane| lane.addresses > 0).collect();
        let dials = asked(&lanes, each_ms, 20_000);
        prop_assert_eq!(&dials, &asked(&lanes, each_ms, 20_000));
        for runner in &runners {
            for address in 0..runner.addresses {
                prop_assert!(dials.iter().any(|(_, node, asked)| (*node, *asked) == (runner.node, address)));
            }
        }
        // Between two of the same address no less than a gap; none after the deadline.
        for (at, node, address) in &dials {
            prop_assert!(*at < 10_000);
            let again = |dial: &&(u64, usize, usize)| dial.1 == *node && dial.2 == *address && dial.0 >= *at;
            let same: Vec<_> = dials.iter().filter(again).take(2).collect();
            prop_assert!(same.len() < 2 || same[1].0 - same[0].0 >= 150);
        }
        // The first pass is in the order of the lanes, primaries first, while it is not late.
        let primaries: Vec<_> = runners.iter().filter(|lane| !lane.standby).map(|lane| lane.node).collect();
        let first: Vec<_> = dials.iter().take(primaries.len().min(4)).map(|dial| dial.1).collect();
        prop_assert_eq!(&primaries[..first.len().min(primaries.len())], &first[..primaries.len().min(first.len())]);
    }

    #[test]
    fn it_is_never_asked_in_vain_for_ever(
        addresses in 1_usize..4,
        room in proptest::collection::vec(any::<bool>(), 1..40),
        pending in 0_usize..3,
    ) {
        let start = start();
        let mut race = Race::new([lane(0, addresses, false), lane(1, 1, true)], start, after(start, 1000));
        let (mut now, mut steps, mut rooms) = (start, 0, room.into_iter().cycle());
        while let step = race.next(now, pending, |_| rooms.next().unwrap()) && step != Step::Done {
            steps += 1;
            prop_assert!(steps < 60);
            if let Step::Wait { until } = step {
                prop_assert!(until > now);
                now = until;
            }
        }
        prop_assert!(now >= after(start, 1000));
    }
}
