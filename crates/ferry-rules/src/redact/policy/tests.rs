//! The standard policy, and that a line only tightens.

use proptest::prelude::*;

use super::*;

fn kind() -> impl Strategy<Value = Kind> {
    prop_oneof![
        proptest::sample::select(Kind::BUILT_IN.to_vec()),
        (0_u16..4).prop_map(Kind::Custom),
    ]
}

fn action() -> impl Strategy<Value = Action> {
    proptest::sample::select(Action::ALL.to_vec())
}

fn actions() -> impl Strategy<Value = Vec<(Kind, Action)>> {
    proptest::collection::vec((kind(), action()), 0..12)
}

#[test]
fn the_standard_policy_is_what_the_handbook_says() {
    let policy = Policy::standard();
    for kind in Kind::BUILT_IN {
        let expected = match kind.name() {
            "CN_ID" | "BANK_CARD" => Action::Redact,
            "API_KEY" | "PRIVATE_KEY" => Action::Block,
            _ => Action::Report,
        };
        assert_eq!(policy.action(kind), expected, "{}", kind.name());
    }
    assert_eq!(policy.action(Kind::Custom(3)), Action::Report);
    assert!(policy.can_block());
    assert!(!Policy::off().can_block());
    assert!(Kind::BUILT_IN.iter().all(|kind| !Policy::off().looks_for(*kind)));
}

#[test]
fn a_trial_refuses_nothing_and_only_the_tenant_begins_one() {
    let mut policy = Policy::standard();
    let begins = Tightening { dry_run: Some(true), ..Tightening::default() };
    assert!(!policy.tightened(&begins).is_dry_run());
    policy.set_dry_run(true);
    assert!(!policy.can_block());
    assert!(policy.tightened(&Tightening::default()).is_dry_run());
    let ends = Tightening { dry_run: Some(false), ..Tightening::default() };
    assert!(policy.tightened(&ends).can_block());
}

#[test]
fn a_line_that_asks_for_less_is_told_and_not_heard() {
    let line = Tightening {
        actions: vec![(Kind::CnId, Action::Allow), (Kind::Email, Action::Pseudonym)],
        ..Tightening::default()
    };
    let policy = Policy::standard();
    assert_eq!(policy.loosened_by(&line).collect::<Vec<_>>(), [Kind::CnId]);
    assert_eq!(policy.tightened(&line).action(Kind::CnId), Action::Redact);
    assert_eq!(policy.tightened(&line).action(Kind::Email), Action::Pseudonym);
}

proptest! {
    #[test]
    fn no_line_loosens_anything(tenant in actions(), line in actions(), asked in kind()) {
        let mut policy = Policy::standard();
        for (kind, action) in tenant {
            policy.set(kind, action);
        }
        let line = Tightening { actions: line, ..Tightening::default() };
        let tight = policy.tightened(&line);
        prop_assert!(tight.action(asked) >= policy.action(asked));
        prop_assert_eq!(tight.tightened(&line), tight);
    }
}
