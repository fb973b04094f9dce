//! Each action in an answer, in a table; and that a text in parts becomes what the whole does, however it is split.

use proptest::prelude::*;

use super::*;
use crate::redact::{Kinds, Pattern, Rule};

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

/// Rules that redact every kind.
fn tight() -> Policy {
    let mut policy = Policy::off();
    for kind in Kind::BUILT_IN {
        policy.set(kind, Action::Redact);
    }
    policy.set(Kind::BankCard, Action::Mask);
    policy
}

struct Flowing {
    detectors: Detectors,
    policy: Policy,
    secret: Secret,
}

impl Flowing {
    fn new(rules: &[Rule]) -> Self {
        let mut policy = tight();
        for place in 0..rules.len() {
            policy.set(Kind::Custom(u16::try_from(place).unwrap()), Action::Redact);
        }
        let detectors = Detectors::new(Kinds::ALL, rules).unwrap();
        Self { detectors, policy, secret: secret() }
    }

    fn rules(&self) -> AnswerRules<'_> {
        let Self { detectors, policy, secret } = self;
        AnswerRules { detectors, policy, secret, replaces: true }
    }

    /// What leaves after each part, the end included, and how many values were found.
    fn parts(&self, parts: &[&str]) -> (Vec<String>, u64) {
        let (mut flow, mut findings) = (Flow::default(), Findings::default());
        let mut left = Vec::new();
        for part in parts {
            let mut out = String::new();
            flow.push(part, self.rules(), &mut findings, &mut out);
            assert!(flow.held() <= HELD_BYTES_MAX);
            left.push(out);
        }
        let mut out = String::new();
        flow.end(self.rules(), &mut findings, &mut out);
        left.push(out);
        (left, findings.counts().values().sum())
    }

    fn flowed(&self, parts: &[&str]) -> (String, u64) {
        let (left, count) = self.parts(parts);
        (left.concat(), count)
    }

    fn whole(&self, text: &str) -> (String, u64) {
        let (mut findings, mut out) = (Findings::default(), Vec::new());
        self.rules().text(text, &mut findings, &mut out);
        let mut after = text.to_owned();
        for Replacement { range, text } in out.iter().rev() {
            after.replace_range(range.clone(), text);
        }
        (after, findings.counts().values().sum())
    }
}

/// A key of this many lines.
fn key(lines: usize) -> String {
    let line = "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7VJTUt9Us8cKj\n";
    format!("-----BEGIN RSA PRIVATE KEY-----\n{}-----END RSA PRIVATE KEY-----", line.repeat(lines))
}

/// Values of many kinds, among words that say what they are.
fn values() -> Vec<String> {
    let token = secret().pseudonym(Kind::CnPhone, PHONE);
    [
        "身份证号：11010119900307803X。",
        "card 6227 0008 0379 3114 711 bytes ",
        "6227000803793114711元",
        "1380013 8000，",
        "电话：+86 138-0013-8000 or ",
        "１３８　００１３　８０００ ",
        "1\u{200b}3800138000。",
        "护照 E12345678，",
        "E12345678（护照）",
        "HKID A123456(3) ",
        "京A·12345，",
        "南京A12345 ",
        "a.person@corp.example, ",
        "git@github.com:team/x.git ",
        "10.20.30.40:8080 ",
        "fe80::1ff:fe23:4567:890a ",
        "GB29 NWBK 6016 1331 9268 19. ",
        "AKIAQ3EGRIQQ7ZQ5XKLM ",
        "\\u0031\\u00333800138000 ",
        "\\n13800138000\\n",
    ]
    .into_iter()
    .map(str::to_owned)
    .chain([key(3), format!(" {token} "), "x".repeat(200)])
    .collect()
}

fn texts() -> impl Strategy<Value = String> {
    let prose = [
        "请总结本周的会议纪要，并列出三个待办。",
        "The quick brown fox, in 2024, ",
        "云南的 新 ",
        "\n\n1. ",
        " - ",
        "，",
        " ",
        "{\"a\": \"b\"} ",
        "：",
        "-----",
        "(",
    ];
    let word = prop_oneof![
        proptest::sample::select(values()),
        proptest::sample::select(prose.to_vec()).prop_map(str::to_owned),
        proptest::sample::select(prose.to_vec()).prop_map(str::to_owned),
    ];
    proptest::collection::vec(word, 0..12).prop_map(|words| words.concat())
}

fn split<'a>(text: &'a str, cuts: &[prop::sample::Index]) -> Vec<&'a str> {
    let borders: Vec<usize> = text.char_indices().map(|(at, _)| at).chain([text.len()]).collect();
    let mut at: Vec<usize> = cuts.iter().map(|cut| borders[cut.index(borders.len())]).collect();
    at.extend([0, text.len()]);
    at.sort_unstable();
    at.windows(2).map(|pair| text.get(pair[0]..pair[1]).unwrap()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn a_text_in_parts_becomes_what_the_whole_does(
        text in texts(), cuts in proptest::collection::vec(any::<prop::sample::Index>(), 0..40),
    ) {
        let flowing = Flowing::new(&[]);
        prop_assert_eq!(flowing.flowed(&split(&text, &cuts)), flowing.whole(&text));
    }

    #[test]
    fn rules_of_the_operators_own_find_what_stands_in_a_sentence(
        text in texts(), cuts in proptest::collection::vec(any::<prop::sample::Index>(), 0..40),
    ) {
        let word = Rule { name: "w".into(), pattern: Pattern::Words(vec!["brown fox".into(), "会议纪要".into()]) };
        let expression = Rule { name: "e".into(), pattern: Pattern::Expression("三个[^a-z]{1,4}".into()) };
        let flowing = Flowing::new(&[word, expression]);
        let (whole, _) = flowing.flowed(&[&text]);
        prop_assert_eq!(&flowing.flowed(&split(&text, &cuts)).0, &whole);
        prop_assert!(!whole.contains("brown fox") && !whole.contains("会议纪要"));
    }

    #[test]
    fn any_text_leaves_once_and_the_same_whatever_the_split(
        text in ".{0,80}", many in 1_usize..40,
        cuts in proptest::collection::vec(any::<prop::sample::Index>(), 0..40),
    ) {
        let text = text.repeat(many);
        let flowing = Flowing::new(&[]);
        let one = flowing.flowed(&[&text]);
        prop_assert_eq!(&flowing.flowed(&split(&text, &cuts)), &one);
        prop_assert!(one.1 > 0 || one.0 == text);
    }
}

#[test]
fn a_text_may_be_split_at_every_place() {
    let flowing = Flowing::new(&[]);
    let text = values().concat();
    let whole = flowing.whole(&text);
    for (at, _) in text.char_indices() {
        let (head, tail) = text.split_at(at);
        assert_eq!(flowing.flowed(&[head, tail]), whole, "{at}");
    }
    let letters: Vec<String> = text.chars().map(String::from).collect();
    let letters: Vec<&str> = letters.iter().map(String::as_str).collect();
    assert_eq!(flowing.flowed(&letters), whole);
}

#[test]
fn only_an_end_that_may_belong_to_a_value_waits() {
    let flowing = Flowing::new(&[]);
    for (text, left) in [
        ("请总结本周的会议纪要", "请总结本周的会议纪要"),
        ("去云", "去"),
        ("去云南", "去云南"),
        ("The quick bro", "The quick "),
        ("in 2024 the company ", "in 2024 the company "),
        ("in 2024 ", "in "),
        ("电话13800138000", "电话"),
        ("电话13800138000，谢谢你", "电话[REDACTED]，谢谢你"),
        ("mail a.person@corp.exam", "mail "),
        ("-----BEGIN OPENSSH ", ""),
    ] {
        assert_eq!(flowing.parts(&[text]).0[0], left, "{text}");
    }
}

#[test]
fn a_key_longer_than_what_waits_is_replaced_and_its_rest_goes_nowhere() {
    let flowing = Flowing::new(&[]);
    for lines in [1, 12, 14, 15, 16, 17, 40, 120] {
        let text = format!("Here: {} and more.", key(lines));
        let letters: Vec<String> = text.chars().map(String::from).collect();
        let letters: Vec<&str> = letters.iter().map(String::as_str).collect();
        for parts in [&[text.as_str()][..], &letters] {
            assert_eq!(
                flowing.flowed(parts),
                ("Here: [REDACTED] and more.".to_owned(), 1),
                "{lines}"
            );
        }
    }
    let cut = format!("{}\n\nThat was it.", key(40).split_once("-----END").unwrap().0.trim_end());
    assert_eq!(flowing.flowed(&[&cut]).0, "[REDACTED]\nThat was it.");
}

#[test]
fn what_never_ends_is_let_go_by_its_length() {
    let flowing = Flowing::new(&[]);
    let digits = "1234 ".repeat(3000);
    assert_eq!(flowing.flowed(&[&digits]).0, digits);
    let base64 = "QUJDRGVmZ2hp".repeat(1000);
    assert_eq!(flowing.flowed(&[&base64]).0, base64);
    // A value stands wherever the bound falls.
    for before in 900..1100 {
        let text = format!("{} 11010119900307803X {}", "12,".repeat(before / 3), "34,".repeat(500));
        assert!(!flowing.flowed(&[&text]).0.contains("11010119900307803X"), "{before}");
    }
}
