//! `[redact]`: what it comes to, and what is refused.

use ferry_rules::redact::Kind;
use ferry_rules::redact::action::Action;

use super::{accepted, check};

const RULE: &str = "[redact]\nenabled = true\n[[redact.rules]]\nname = \"badge\"\n";

#[test]
fn a_bad_redact_table_is_refused_with_its_key() {
    check("[redact.actions]\ncn_phon = \"mask\"", "is no type of sensitive data");
    let on = |rest: &str| format!("[redact]\nenabled = true\n{rest}");
    check(
        &on("[redact.actions]\ncn_phon = \"mask\""),
        "redact.actions.cn_phon: is no type of sensitive data; did you mean `cn_phone`?",
    );
    check(&on("[redact.actions]\nsomething = \"mask\""), "types are: cn_id, bank_card");
    check(&on("[redact.actions]\ncn_id = \"hide\""), "redact.actions.cn_id");
    check(&on("[redact]\nenabled = true"), "duplicate key");
    check(RULE, "redact.rules.0: looks for nothing");
    check(&format!("{RULE}regex = \"a\"\nwords = [\"b\"]"), "has a regex and words");
    check(
        &format!("{RULE}regex = \"(a\""),
        "redact.rules.0: cannot be used: the expression is broken",
    );
    check(&format!("{RULE}regex = \"a*\""), "it matches the empty text");
    check(&format!("{RULE}regex = \"(?=a)a\""), "cannot be used");
    check(&format!("{RULE}regex = '\\w{{1,200}}@\\w{{1,200}}'"), "would be slow");
    check(&format!("{RULE}regex = 'a.*b'"), "a repeat without an end, such as `.*`");
    check(&format!("{RULE}words = [\"\"]"), "it matches the empty text");
    check(&on("[[redact.rules]]\nname = \"Badge No\"\nregex = \"a\""), "is no name for a rule");
    check(&on("[[redact.rules]]\nname = \"cn_id\"\nregex = \"a\""), "`cn_id` is taken");
}

#[test]
fn a_line_may_be_tighter_and_never_looser() {
    let loose = "[redact]\nenabled = true\n[lines.a.redact.actions]\ncn_id = \"report\"";
    check(loose, "lines.a.redact.actions.cn_id: is looser than [redact] says, which is `redact`");
    let tight = "[redact]\nenabled = true\n[lines.a.redact.actions]\ncn_phone = \"block\"";
    let rules = accepted(tight).resolved.journey.redaction;
    assert_eq!(rules.policy("a").action(Kind::CnPhone), Action::Block);
    assert_eq!(rules.policy("default").action(Kind::CnPhone), Action::Report);
    assert_eq!(rules.policy("a").action(Kind::CnId), Action::Redact);
}

#[test]
fn a_line_may_redact_alone() {
    let toml = "[lines.a.redact]\nenabled = true\n[lines.b]";
    let rules = accepted(toml).resolved.journey.redaction;
    assert_eq!(rules.policy("a").action(Kind::CnId), Action::Redact);
    assert!(rules.policy("b").is_off() && rules.policy("default").is_off());
    assert!(!rules.is_off());
    let toml = "[lines.a.redact.actions]\ncn_id = \"block\"";
    let rules = accepted(toml).resolved.journey.redaction;
    assert_eq!(rules.policy("a").action(Kind::CnId), Action::Block);
    assert_eq!(rules.policy("a").action(Kind::BankCard), Action::Allow);
}

#[test]
fn a_line_that_tightens_alone_takes_no_rule_that_is_off() {
    let toml = "[[redact.rules]]\nname = \"badge\"\nregex = \"B-[0-9]{6}\"\naction = \"block\"\n\
                [lines.a.redact.actions]\ncn_phone = \"mask\"\n[lines.b.redact.actions]\nbadge = \"block\"";
    let rules = accepted(toml).resolved.journey.redaction;
    assert_eq!(rules.policy("a").action(Kind::Custom(0)), Action::Allow);
    assert_eq!(rules.policy("b").action(Kind::Custom(0)), Action::Block);
}

#[test]
fn off_is_the_default_and_enabled_alone_has_defaults() {
    assert!(accepted("").resolved.journey.redaction.is_off());
    let rules = accepted("[redact]\nenabled = true").resolved.journey.redaction;
    let action = |kind| rules.policy("default").action(kind);
    for kind in [Kind::CnId, Kind::BankCard] {
        assert_eq!(action(kind), Action::Redact);
    }
    for kind in [Kind::ApiKey, Kind::PrivateKey] {
        assert_eq!(action(kind), Action::Block);
    }
    assert_eq!(action(Kind::CnPhone), Action::Report);
}

#[test]
fn the_same_configuration_makes_like_rules() {
    let on = || accepted("[redact]\nenabled = true").resolved.journey.redaction;
    assert!(on().is_like(&on()));
    let other = accepted("[redact]\nenabled = true\ndry_run = true").resolved.journey.redaction;
    assert!(!on().is_like(&other));
}

#[test]
fn an_own_rule_has_its_name_and_action() {
    let toml = format!("{RULE}regex = \"B-[0-9]{{6}}\"\naction = \"block\"");
    let rules = accepted(&toml).resolved.journey.redaction;
    assert_eq!(rules.name(Kind::Custom(0)), "badge");
    assert_eq!(rules.policy("default").action(Kind::Custom(0)), Action::Block);
}
