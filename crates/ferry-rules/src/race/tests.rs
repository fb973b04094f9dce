//! The order of dials, by a clock of the test's own.

use proptest::prelude::*;

use super::*;
use crate::tests::start;

fn lane(node: usize, standby: bool, addresses: usize) -> Lane {
    Lane { node, standby, addresses }
}

fn dial(node: usize, address: usize) -> Step {
    Step::Dial { node, address }
}

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

#[test]
fn every_primary_first_then_standbys_then_the_next_addresses() {
    let lanes = [lane(2, false, 2), lane(0, false, 1), lane(1, true, 1)];
    let begun = start();
    let mut race = Race::new(begun);
    let expected = [
        (0, dial(2, 0)),
        (150, dial(0, 0)),
        (300, dial(1, 0)),
        (450, dial(2, 1)),
        (600, dial(0, 0)),
        (750, dial(1, 0)),
        (900, dial(2, 0)),
    ];
    for (at, step) in expected {
        let now = begun + ms(at);
        assert_eq!(race.next(&lanes, false, now), step, "at {at} ms");
        assert_eq!(race.next(&lanes, false, now), Step::Wait(now + STEP));
    }
}

#[test]
fn a_failure_brings_the_next_dial_at_once_but_no_round_follows_another_at_once() {
    let lanes = [lane(0, false, 1), lane(1, false, 1)];
    let begun = start();
    let mut race = Race::new(begun);
    assert_eq!(race.next(&lanes, false, begun), dial(0, 0));
    assert!(!race.is_lost(&lanes, true));
    assert_eq!(race.next(&lanes, true, begun + ms(5)), dial(1, 0));
    assert_eq!(race.next(&lanes, true, begun + ms(9)), Step::Wait(begun + ms(155)));
    assert!(race.is_lost(&lanes, true) && !race.is_lost(&lanes, false));
    assert_eq!(race.next(&lanes, true, begun + ms(155)), dial(0, 0));
}

#[test]
fn standbys_join_late_or_when_there_is_nobody_else() {
    let begun = start();
    let many: Vec<Lane> = (0..9).map(|node| lane(node, node == 8, 1)).collect();
    let mut race = Race::new(begun);
    let mut order = Vec::new();
    for step in 0..9 {
        if let Step::Dial { node, .. } = race.next(&many, false, begun + STEP * step) {
            order.push(node);
        }
    }
    assert_eq!(order, [0, 1, 2, 3, 4, 5, 6, 7, 8]);
    let alone = [lane(0, true, 1)];
    assert_eq!(Race::new(begun).next(&alone, false, begun), dial(0, 0));
}

#[test]
fn a_node_without_an_address_is_passed_over() {
    let begun = start();
    let mut race = Race::new(begun);
    let none = [lane(0, false, 0)];
    assert_eq!(race.next(&none, false, begun), Step::Wait(begun + STEP));
    let known = [lane(0, false, 0), lane(1, false, 1)];
    assert_eq!(race.next(&known, false, begun + ms(1)), dial(1, 0));
}

#[test]
fn an_unproven_address_is_dialled_four_times_at_once_at_most() {
    assert_eq!(half_open_max(false, 1000), 4);
    assert_eq!(half_open_max(true, 0), 4);
    assert_eq!(half_open_max(true, 20), 24);
    assert_eq!(half_open_max(true, 1000), 64);
}

proptest! {
    /// However time and failures come: no more dials than steps, and every node gets its turn.
    #[test]
    fn the_race_is_fair_and_bounded(
        nodes in 1..6_usize,
        gaps in proptest::collection::vec((1..400_u64, any::<bool>()), 1..80),
    ) {
        let lanes: Vec<Lane> = (0..nodes).map(|node| lane(node, false, 1 + node % 3)).collect();
        let begun = start();
        let mut race = Race::new(begun);
        let mut now = begun;
        let mut dials = vec![0_usize; nodes];
        let mut rounds = 0;
        for (gap, failed) in gaps {
            if let Step::Dial { node, address } = race.next(&lanes, failed, now) {
                prop_assert!(address < lanes[node].addresses);
                dials[node] += 1;
            }
            rounds = rounds.max(race.round);
            now += ms(gap);
        }
        let (most, least) = (dials.iter().max().unwrap(), dials.iter().min().unwrap());
        prop_assert!(most - least <= 1, "{dials:?}");
        let span = now.saturating_duration_since(begun).as_millis();
        prop_assert!(rounds as u128 <= span / STEP.as_millis(), "no round follows another at once");
    }
}

#[test]
fn an_address_that_refuses_is_dialled_again_after_a_growing_pause() {
    let begun = start();
    for (failed, pause) in [(0, 0), (1, 50), (2, 100), (3, 150), (4, 150), (u32::MAX, 150)] {
        assert!(may_redial(begun, failed, begun + ms(pause)), "{failed}");
        assert!(pause == 0 || !may_redial(begun, failed, begun + ms(pause - 1)), "{failed}");
    }
}

proptest! {
    /// Any number of requests, each with its turn every step: they knock seldom enough, and often enough to be in at
    /// most twice a step after the address is back.
    #[test]
    fn those_who_wait_share_the_dials_to_an_address(turns in prop::collection::vec(0_u64..150, 1..200)) {
        let begun = start();
        let (mut last, mut failed, mut dials) = (0, 0, 0);
        for at in 0..3000 {
            if turns.contains(&(at % 150)) && may_redial(begun + ms(last), failed, begun + ms(at)) {
                prop_assert!(at - last <= 300, "{} ms without a dial", at - last);
                (last, failed, dials) = (at, failed + 1, dials + 1);
            }
        }
        prop_assert!((10..=23).contains(&dials), "{dials} in three seconds");
    }
}
