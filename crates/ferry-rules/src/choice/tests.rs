//! The order of nodes, panic, and how long a node is kept.

use proptest::prelude::*;

use super::*;
use crate::tests::{after, start};

const PRIMARY: Candidate = Candidate {
    standby: false,
    admission: Admission::Yes,
    suspect: false,
    cooled: None,
    cost: 0.1,
    last_success: None,
    tried: false,
};
const STANDBY: Candidate = Candidate { standby: true, ..PRIMARY };
const OPEN: Candidate = Candidate { admission: Admission::No, ..PRIMARY };
const LATER: Candidate = Candidate { admission: Admission::Later, ..PRIMARY };
const RAMP: Candidate = Candidate { admission: Admission::Ramp, ..PRIMARY };
const SUSPECT: Candidate = Candidate { suspect: true, ..PRIMARY };
const COOLED: Candidate = Candidate { cooled: Some(Duration::from_secs(5)), ..PRIMARY };

fn costs(candidate: Candidate, cost: f64) -> Candidate {
    Candidate { cost, ..candidate }
}

fn tried(candidate: Candidate) -> Candidate {
    Candidate { tried: true, ..candidate }
}

#[track_caller]
fn ranked(candidates: &[Candidate], order: &[usize], panic: bool) {
    let mut ranked = vec![9; 3];
    assert_eq!((rank(candidates, &mut ranked), ranked.as_slice()), (panic, order));
    let best = best(candidates);
    assert_eq!(best.map(|best| (best.node, best.panic)), order.first().map(|node| (*node, panic)));
}

#[test]
fn tiers_come_before_costs() {
    ranked(&[], &[], true);
    ranked(&[PRIMARY, costs(PRIMARY, 0.05), RAMP], &[1, 0, 2], false);
    ranked(&[STANDBY, costs(PRIMARY, 9.0)], &[1, 0], false);
    ranked(&[OPEN, COOLED, SUSPECT, STANDBY, PRIMARY], &[4, 3, 2, 1, 0], false);
    ranked(&[SUSPECT, STANDBY], &[1, 0], false);
    let sooner = Candidate { cooled: Some(Duration::from_secs(1)), ..costs(PRIMARY, 9.0) };
    ranked(&[COOLED, sooner], &[1, 0], false);
    ranked(&[PRIMARY, OPEN, LATER, PRIMARY], &[0, 3, 2, 1], false);
}

#[test]
fn what_was_tried_comes_last() {
    ranked(&[tried(PRIMARY), STANDBY, PRIMARY], &[2, 1, 0], false);
    ranked(&[tried(PRIMARY), COOLED], &[1, 0], false);
    ranked(&[tried(PRIMARY), OPEN], &[1, 0], false);
    ranked(&[tried(costs(PRIMARY, 2.0)), tried(PRIMARY)], &[1, 0], false);
    assert!(best(&[tried(PRIMARY)]).unwrap().tried);
}

#[test]
fn below_half_breakers_are_not_believed() {
    let start = start();
    let at = |ms| Some(after(start, ms));
    let early = Candidate { last_success: at(1), ..OPEN };
    let late = Candidate { last_success: at(2), standby: true, ..OPEN };
    ranked(&[OPEN], &[0], true);
    ranked(&[OPEN, early, late], &[2, 1, 0], true);
    // What is well comes first all the same, though nothing has gone well there yet.
    ranked(&[PRIMARY, early, late], &[0, 2, 1], true);
    ranked(&[PRIMARY, early, late, PRIMARY], &[0, 3, 2, 1], false);
    ranked(&[SUSPECT, early, tried(late)], &[1, 0, 2], true);
    // A cooled key is no bad path, and no other path makes it warm.
    ranked(&[COOLED, COOLED], &[0, 1], false);
    ranked(&[COOLED, OPEN, early], &[2, 1, 0], true);
    // On the way back, but for none of this request: it goes, rather than nowhere.
    ranked(&[LATER, LATER], &[0, 1], true);
    ranked(&[PRIMARY, LATER, LATER], &[0, 1, 2], false);
}

#[test]
fn the_kept_node_stays_until_another_is_better_for_long() {
    let start = start();
    let mut keeper = Keeper::default();
    let mut choose = |a: f64, b: f64, ms| {
        let candidates = [costs(PRIMARY, a), costs(PRIMARY, b)];
        keeper.choose(&candidates, after(start, ms)).unwrap().node
    };
    // Cost of both, when, and which is chosen.
    let rows = [
        (1.0, 1.1, 0, 0),
        (1.0, 0.7, 1000, 0),
        (1.0, 0.69, 2000, 0),
        (1.0, 0.69, 31_999, 0),
        (1.0, 0.71, 31_999, 0),
        (1.0, 0.1, 32_000, 0),
        (1.0, 0.1, 61_999, 0),
        (1.0, 0.1, 62_000, 1),
        (0.08, 0.1, 62_001, 1),
        (0.06, 0.1, 70_000, 1),
        (0.06, 0.1, 100_000, 0),
    ];
    for (a, b, ms, node) in rows {
        assert_eq!(choose(a, b, ms), node, "{a} {b} {ms}");
    }
}

#[test]
fn two_better_ones_that_take_turns_do_not_hinder_each_other() {
    let start = start();
    let mut keeper = Keeper::default();
    keeper.choose(&[PRIMARY], start);
    for s in 0..=30 {
        let (a, b) = if s % 2 == 0 { (0.01, 0.02) } else { (0.02, 0.01) };
        let candidates = [PRIMARY, costs(PRIMARY, a), costs(PRIMARY, b)];
        let node = keeper.choose(&candidates, after(start, s * 1000)).unwrap().node;
        assert_eq!(node, usize::from(s == 30), "{s}");
    }
}

#[test]
fn a_kept_node_that_fails_is_left_at_once() {
    let start = start();
    for bad in [OPEN, SUSPECT] {
        let mut keeper = Keeper::default();
        keeper.choose(&[PRIMARY, costs(PRIMARY, 0.2)], start);
        assert_eq!(keeper.choose(&[bad, costs(PRIMARY, 0.2)], start).unwrap().node, 1);
        assert_eq!(keeper.kept(), Some(1));
        // Back, but not better by enough: it has to wait.
        assert_eq!(keeper.choose(&[PRIMARY, costs(PRIMARY, 0.2)], start).unwrap().node, 1);
        assert_eq!(
            keeper.choose(&[PRIMARY, costs(PRIMARY, 0.2)], after(start, 29_999)).unwrap().node,
            1
        );
        assert_eq!(
            keeper.choose(&[PRIMARY, costs(PRIMARY, 0.2)], after(start, 30_000)).unwrap().node,
            0
        );
    }
}

#[test]
fn no_request_stays_on_a_standby_when_a_primary_is_back_for_good() {
    let start = start();
    let mut keeper = Keeper::default();
    // The primary, whom this request goes to, and who is kept.
    let rows = [
        (OPEN, 1, 1),
        (LATER, 1, 1),
        (RAMP, 0, 1),
        (COOLED, 1, 1),
        (SUSPECT, 1, 1),
        (costs(PRIMARY, 9.0), 0, 0),
    ];
    for (primary, node, kept) in rows {
        assert_eq!(keeper.choose(&[primary, STANDBY], start).unwrap().node, node, "{primary:?}");
        assert_eq!(keeper.kept(), Some(kept), "{primary:?}");
    }
}

#[test]
fn what_one_request_has_met_moves_nothing() {
    let start = start();
    let mut keeper = Keeper::default();
    keeper.choose(&[PRIMARY, PRIMARY], start);
    for once in [tried(PRIMARY), COOLED, LATER] {
        assert_eq!(keeper.choose(&[once, PRIMARY], start).unwrap().node, 1, "{once:?}");
        assert_eq!(keeper.choose(&[PRIMARY, PRIMARY], start).unwrap().node, 0);
    }
    assert_eq!(keeper.choose(&[], start), None);
    assert_eq!(
        keeper.choose(&[tried(PRIMARY), tried(costs(PRIMARY, 0.01))], start).unwrap().node,
        0
    );
}

fn candidates() -> impl Strategy<Value = Vec<Candidate>> {
    let admission = prop_oneof![
        Just(Admission::Yes),
        Just(Admission::Ramp),
        Just(Admission::Later),
        Just(Admission::No)
    ];
    let cooled = proptest::option::of((1_u64..3).prop_map(Duration::from_secs));
    let one = (any::<bool>(), admission, any::<bool>(), cooled, 0.0..2.0, 0_u64..4, any::<bool>());
    let start = start();
    let one = one.prop_map(move |(standby, admission, suspect, cooled, cost, success, tried)| {
        let last_success = (success > 0).then(|| after(start, success));
        Candidate { standby, admission, suspect, cooled, cost, last_success, tried }
    });
    proptest::collection::vec(one, 0..9)
}

proptest! {
    #[test]
    fn no_breaker_shuts_the_last_node(candidates in candidates()) {
        let (mut order, mut again) = (Vec::new(), Vec::new());
        let panic = rank(&candidates, &mut order);
        rank(&candidates, &mut again);
        prop_assert_eq!(&order, &again);
        let best = best(&candidates);
        prop_assert_eq!(best.map(|best| best.node), order.first().copied());
        let mut keeper = Keeper::default();
        prop_assert_eq!(keeper.choose(&candidates, start()).is_some(), !candidates.is_empty());
        prop_assert!(best.is_none_or(|best| best.panic == panic));
        order.sort_unstable();
        prop_assert_eq!(order, (0..candidates.len()).collect::<Vec<_>>());
    }

    #[test]
    fn an_untried_usable_node_is_never_passed_over(candidates in candidates()) {
        let Some(chosen) = Keeper::default().choose(&candidates, start()) else { return Ok(()) };
        let usable = |candidate: &&Candidate| candidate.is_usable() && !candidate.tried;
        if !chosen.panic && let Some(any) = candidates.iter().filter(usable).min_by_key(|c| c.tier()) {
            let taken = candidates[chosen.node];
            prop_assert!(usable(&&taken) && taken.tier() == any.tier());
        }
    }

    #[test]
    fn it_never_moves_faster_than_it_may(
        rounds in proptest::collection::vec((proptest::collection::vec(0.0..2.0, 3), 0_u64..15_000), 1..80),
    ) {
        let (start, mut at, mut keeper, mut moved) = (start(), 0, Keeper::default(), None);
        for (round, ms) in rounds {
            at += ms;
            let candidates: Vec<_> = round.into_iter().map(|cost| costs(PRIMARY, cost)).collect();
            let was = keeper.kept();
            let chosen = keeper.choose(&candidates, after(start, at)).unwrap();
            prop_assert_eq!(Some(chosen.node), keeper.kept());
            if was.is_some_and(|was| was != chosen.node) {
                prop_assert!(moved.is_none_or(|moved| at - moved >= 30_000));
                prop_assert!(candidates[chosen.node].cost < BETTER * candidates[was.unwrap()].cost);
                moved = Some(at);
            }
        }
    }
}
