//! Each action in an answer, in a table.

use super::*;
use crate::redact::Kinds;

const PHONE: &str = "13800138000";

fn secret() -> Secret {
    Secret::new(&[7; 32])
}

fn policy(action: Action) -> Policy {
    let mut policy = Policy::off();
    policy.set(Kind::CnPhone, action);
    policy
}

/// A text after the rules, and what was counted.
fn answered(policy: &Policy, replaces: bool, text: &str) -> (String, Vec<(Kind, Action, u64)>) {
    let (detectors, secret) = (Detectors::new(Kinds::ALL, &[]).unwrap(), secret());
    let rules = AnswerRules { detectors: &detectors, policy, secret: &secret, replaces };
    let (mut findings, mut out) = (Findings::default(), Vec::new());
    rules.text(text, &mut findings, &mut out);
    let mut after = text.to_owned();
    for Replacement { range, text } in out.iter().rev() {
        after.replace_range(range.clone(), text);
    }
    let counts = findings.counts().iter();
    (after, counts.map(|((kind, action), count)| (*kind, *action, *count)).collect())
}

#[test]
fn each_action_has_its_place_in_an_answer() {
    let hash = secret().replacement(Action::Hash, Kind::CnPhone, PHONE).unwrap();
    for (action, met, with) in [
        (Action::Allow, None, PHONE),
        (Action::Report, Some(Action::Report), PHONE),
        (Action::Mask, Some(Action::Mask), "*******8000"),
        (Action::Pseudonym, Some(Action::Redact), "[REDACTED]"),
        (Action::Hash, Some(Action::Hash), &hash),
        (Action::Redact, Some(Action::Redact), "[REDACTED]"),
        (Action::Block, Some(Action::Redact), "[REDACTED]"),
    ] {
        let text = format!("手机{PHONE}。");
        let (after, counts) = answered(&policy(action), true, &text);
        assert_eq!(after, format!("手机{with}。"), "{action}");
        let expected: Vec<_> = met.map(|met| (Kind::CnPhone, met, 1)).into_iter().collect();
        assert_eq!(counts, expected, "{action}");

        let (after, counts) = answered(&policy(action), false, &text);
        assert_eq!(after, text, "{action}");
        let expected: Vec<_> =
            met.map(|_| (Kind::CnPhone, Action::Report, 1)).into_iter().collect();
        assert_eq!(counts, expected, "{action}");
    }
}

#[test]
fn a_dry_run_changes_nothing_and_says_what_would_have_been() {
    let mut policy = policy(Action::Block);
    policy.set_dry_run(true);
    let (after, counts) = answered(&policy, true, PHONE);
    assert_eq!(after, PHONE);
    assert_eq!(counts, [(Kind::CnPhone, Action::Redact, 1)]);
}

#[test]
fn a_pseudonym_is_no_value() {
    let token = secret().pseudonym(Kind::CnPhone, PHONE);
    let text = format!("{token} {token}{PHONE}");
    let (after, counts) = answered(&policy(Action::Redact), true, &text);
    assert_eq!((after, counts), (text, Vec::new()));
}
