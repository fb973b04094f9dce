//! Which key a conversation gets, and what becomes of keys.

use proptest::prelude::*;

use super::*;
use crate::tests::start;

fn keys(n: u64) -> Vec<Candidate> {
    (0..n).map(|id| Candidate { id, workspace: id % 2, usable: true }).collect()
}

#[test]
fn without_a_usable_key_there_is_none() {
    assert_eq!(choose(7, &[], Workspaces::Any), None);
    let lone = [Candidate { id: 5, workspace: 0, usable: false }];
    assert_eq!(choose(7, &lone, Workspaces::Any), None);
    assert_eq!(choose(7, &keys(1), Workspaces::Only(1)), None);
    assert_eq!(choose(7, &keys(1), Workspaces::Only(0)), Some(0));
}

#[test]
fn what_is_stored_stays_at_home() {
    let keys = keys(6);
    let home = Workspaces::Only(keys[0].workspace);
    let mut seen = [0; 6];
    for conversation in 0..600 {
        seen[choose(conversation, &keys, home).unwrap()] += 1;
    }
    assert!(seen[0] > 100 && seen[2] > 100 && seen[4] > 100, "{seen:?}");
    assert_eq!(seen[1] + seen[3] + seen[5], 0);
}

#[test]
fn conversations_spread_evenly() {
    let keys = keys(4);
    let mut seen = [0_u32; 4];
    for conversation in 0..4000 {
        seen[choose(conversation, &keys, Workspaces::Any).unwrap()] += 1;
    }
    assert!(seen.iter().all(|count| count.abs_diff(1000) < 150), "{seen:?}");
}

#[test]
fn what_a_key_meets_becomes_its_state() {
    let start = start();
    let mut health = KeyHealth::default();
    assert_eq!(health.state(start), KeyState::Usable);
    // Spent: asked again after five minutes, and well again when it answers.
    assert!(health.exhausted(start));
    assert!(!health.exhausted(start));
    assert_eq!(health.state(start), KeyState::Exhausted { until: start + EXHAUSTED });
    assert_eq!(health.state(start + EXHAUSTED), KeyState::Usable);
    health.succeeded();
    assert_eq!(health.state(start), KeyState::Usable);
    // A wrong key: at once, for good, told once.
    assert!(health.refused(401));
    assert!(!health.refused(401));
    assert_eq!(health.state(start + EXHAUSTED), KeyState::Refused { status: 401 });
}

#[test]
fn one_forbidden_model_costs_nobody_the_key() {
    let start = start();
    let mut health = KeyHealth::default();
    for _ in 0..9 {
        assert!(!health.refused(403) && !health.refused(403));
        assert_eq!(health.state(start), KeyState::Usable);
        health.succeeded();
    }
    assert!(!health.refused(403) && !health.refused(403) && health.refused(403));
    assert_eq!(health.state(start), KeyState::Refused { status: 403 });
}

#[test]
fn every_bad_state_says_what_to_do() {
    let until = start();
    let states = [
        KeyState::Refused { status: 401 },
        KeyState::Refused { status: 403 },
        KeyState::Exhausted { until },
    ];
    for state in states {
        assert!(state.operator_hint().contains(';'), "{state:?}");
        assert!(state.sentence().ends_with('.') && state.sentence().contains(": "), "{state:?}");
    }
    assert_eq!(KeyState::Usable.operator_hint(), KeyState::Usable.sentence());
}

proptest! {
    #[test]
    fn a_conversation_moves_only_with_its_own_key(
        conversation in any::<u64>(),
        ids in proptest::collection::hash_set(any::<u64>(), 1..8),
        lost in any::<proptest::sample::Index>(),
    ) {
        let mut keys: Vec<_> = ids.into_iter().map(|id| Candidate { id, workspace: 0, usable: true }).collect();
        let before = choose(conversation, &keys, Workspaces::Any).unwrap();
        let lost = lost.index(keys.len());
        keys[lost].usable = false;
        let after = choose(conversation, &keys, Workspaces::Any);
        if lost == before {
            prop_assert!(after != Some(before));
            prop_assert_eq!(after.is_some(), keys.len() > 1);
            // Where it has moved it stays, whoever else goes.
            prop_assert_eq!(choose(conversation, &keys, Workspaces::Any), after);
        } else {
            prop_assert_eq!(after, Some(before));
        }
        keys[lost].usable = true;
        prop_assert_eq!(choose(conversation, &keys, Workspaces::Any), Some(before));
        // The order of the configuration does not matter.
        let chosen = keys[before].id;
        keys.reverse();
        prop_assert_eq!(keys[choose(conversation, &keys, Workspaces::Any).unwrap()].id, chosen);
    }
}
