//! What becomes of texts, in tables; and of conversations, as properties over several turns.

use bytes::Bytes;
use ferry_wire::restore::{Counts, Restorer};
use proptest::prelude::*;

use super::*;

/// Finds each value that stands behind `id:`, as a detector does that needs a word of context; behind
/// `tel:` it finds the same with the mark, and behind `key:` something that is refused.
fn scan(text: &str) -> Vec<Hit> {
    let mut hits = Vec::new();
    for (mark, kind, from) in
        [("id:", Kind::CnPassport, 3), ("tel:", Kind::CnPhone, 0), ("key:", Kind::ApiKey, 4)]
    {
        hits.extend(text.match_indices(mark).map(|(at, _)| {
            let start = at + from;
            Hit {
                start,
                end: at + mark.len() + value_len(&text.as_bytes()[at + mark.len()..]),
                kind,
            }
        }));
    }
    hits.retain(|hit| hit.end - hit.start > 4);
    hits.sort_by_key(|hit| hit.start);
    hits
}

/// Digits and hyphens, and digits as escapes that are still literal.
fn value_len(text: &[u8]) -> usize {
    let (mut slashes, mut len) = (0, 0);
    for &byte in text {
        let is_escape = byte == b'\\' || byte == b'u' && slashes > 0;
        if !is_escape && !byte.is_ascii_digit() && byte != b'-' {
            break;
        }
        slashes = usize::from(byte == b'\\');
        len += 1;
    }
    len
}

fn policy() -> Policy {
    let mut policy = Policy::standard();
    policy.set(Kind::CnPassport, Action::Pseudonym);
    policy
}

fn secret() -> Secret {
    Secret::new(&[7; 32])
}

fn user(text: &str) -> Text<'_> {
    Text { text, is_assistant: false, is_fixed: false }
}

fn model(text: &str) -> Text<'_> {
    Text { text, is_assistant: true, is_fixed: false }
}

/// The texts as they go to the node, and what came of them.
fn applied(policy: &Policy, texts: &[Text<'_>]) -> (Vec<String>, Outcome) {
    let secret = secret();
    let mut redaction = Redaction::new(policy, &secret);
    let mut out = Vec::new();
    let mut sent = Vec::new();
    for (number, text) in texts.iter().enumerate() {
        out.clear();
        let path = || format!("messages[{number}].content");
        redaction.text(*text, &scan(text.text), path, &mut out);
        let mut edited = text.text.to_owned();
        let mut end = edited.len();
        for edit in out.iter().rev() {
            assert!(edit.range.end <= end && edit.range.start < edit.range.end);
            end = edit.range.start;
            edited.replace_range(edit.range.clone(), &edit.text);
        }
        sent.push(edited);
    }
    (sent, redaction.finish())
}

fn token(value: &str) -> String {
    secret().pseudonym(Kind::CnPassport, value).to_string()
}

fn check(texts: &[Text<'_>], expected: &[&str]) {
    let (sent, _) = applied(&policy(), texts);
    let expected: Vec<String> =
        expected.iter().map(|text| text.replace('@', &token("12345678"))).collect();
    assert_eq!(sent, expected);
}

#[test]
fn a_known_value_is_replaced_behind_its_first_place_alone() {
    check(&[user("12345678 id:12345678 12345678")], &["12345678 id:@ @"]);
    check(
        &[user("12345678"), user("id:12345678"), user("to 12345678.")],
        &["12345678", "id:@", "to @."],
    );
}

#[test]
fn only_in_a_turn_of_the_model_do_neighbours_not_count() {
    let text = "a12345678 123456789 1.12345678 12345678.5 12345678_ 张12345678年 (12345678)";
    let first = user("id:12345678");
    check(
        &[first, user(text), model(text)],
        &[
            "id:@",
            "a12345678 123456789 1.12345678 12345678.5 12345678_ 张@年 (@)",
            "a@ @9 1.@ @.5 @_ 张@年 (@)",
        ],
    );
}

#[test]
fn in_a_turn_of_the_model_a_hit_may_hide_more_but_not_less() {
    let mut policy = policy();
    policy.set(Kind::CnPhone, Action::Redact);
    let texts = [user("id:12345678"), model("tel:12345678 tel:123456789 id:12345678")];
    let (sent, _) = applied(&policy, &texts);
    let token = token("12345678");
    assert_eq!(sent[1], format!("[REDACTED] [REDACTED] id:{token}"));
}

#[test]
fn a_reported_hit_and_a_known_value_in_it_both_count() {
    let (sent, outcome) =
        applied(&policy(), &[user("id:12345678"), user("tel:12345678, and tel:12345679")]);
    assert_eq!(sent[1], format!("tel:{}, and tel:12345679", token("12345678")));
    let counts: Vec<_> = outcome.counts.into_iter().collect();
    assert_eq!(
        counts,
        [((Kind::CnPhone, Action::Report), 2), ((Kind::CnPassport, Action::Pseudonym), 2)]
    );
}

#[test]
fn of_a_value_in_escapes_the_plain_letters_are_restored_and_both_are_known() {
    let said = user(r#"{"text":"id:1234\u0035678 id:\\u0034444"}"#);
    let texts = [said, model("12345678 4444"), user(r"1234\u0035678, 12345678, \\u0034444")];
    let (sent, outcome) = applied(&policy(), &texts);
    let (one, other) = (token("12345678"), token("4444"));
    assert_eq!(sent[1], format!("{one} {other}"));
    assert_eq!(sent[2], format!("{one}, {one}, {other}"));
    assert_eq!(restored(&sent[1], &outcome), "12345678 4444");
}

#[test]
fn plain_letters_that_are_known_for_another_value_are_not_restored() {
    let mut policy = policy();
    policy.set(Kind::CnPhone, Action::Pseudonym);
    // `tel:` is part of the phone number here, and so the escaped spelling is no other's.
    let (sent, outcome) = applied(&policy, &[user(r"tel:12345678"), user(r"tel:1234\u0035678")]);
    assert_eq!(sent[0], sent[1]);
    assert_eq!(restored(&sent[0], &outcome), "tel:12345678");
    let mut known = Known::default();
    let (one, other) = (secret().pseudonym(Kind::Email, "a"), secret().pseudonym(Kind::Email, "b"));
    let at = Place { text: 0, at: 0 };
    known.learn(one, Kind::Email, ("abc", None), at);
    known.learn(other, Kind::Email, (r"\u0061bc", Some("abc")), at);
    assert_eq!(known.into_pairs(), [(one, "abc".into()), (other, r"\u0061bc".into())]);
}

#[test]
fn a_report_has_kind_place_and_length_and_no_value() {
    let (_, outcome) = applied(&policy(), &[user("-"), user("key:99999999 id:12345678")]);
    assert!(outcome.is_blocked);
    let path = Arc::from("messages[1].content");
    let entry =
        |kind, action, start| Entry { kind, action, path: Arc::clone(&path), start, bytes_len: 8 };
    assert_eq!(
        outcome.entries,
        [entry(Kind::ApiKey, Action::Block, 4), entry(Kind::CnPassport, Action::Pseudonym, 16)]
    );
    let printed = format!("{outcome:?}");
    assert!(!printed.contains("99999999") && !printed.contains("12345678"), "{printed}");
}

#[test]
fn a_dry_run_reports_the_same_and_changes_nothing() {
    let texts = [user("key:99999999 id:12345678"), model("12345678")];
    let mut policy = policy();
    let (_, wet) = applied(&policy, &texts);
    policy.set_dry_run(true);
    let (sent, dry) = applied(&policy, &texts);
    assert_eq!(sent, texts.map(|text| text.text.to_owned()));
    assert!(!dry.is_blocked && dry.pairs.0.is_empty());
    assert_eq!((dry.entries, dry.counts), (wet.entries, wet.counts));
}

#[test]
fn a_number_is_never_replaced() {
    let number = Text { text: "id:12345678", is_assistant: true, is_fixed: true };
    let mut policy = policy();
    for (numbers, action) in [(Numbers::Report, Action::Report), (Numbers::Block, Action::Block)] {
        policy.set_numbers(numbers);
        let (sent, outcome) = applied(&policy, &[user("id:12345678"), number]);
        assert_eq!(sent[1], "id:12345678");
        assert_eq!(outcome.entries[1].action, action);
        assert_eq!(outcome.is_blocked, action == Action::Block);
    }
}

#[test]
fn entries_are_bounded_and_counts_are_not() {
    let text = "id:12345678 ".repeat(ENTRIES_MAX + 5);
    let (_, outcome) = applied(&policy(), &[user(&text)]);
    assert_eq!(outcome.entries.len(), ENTRIES_MAX);
    assert_eq!(outcome.counts.values().sum::<u64>(), ENTRIES_MAX as u64 + 5);
    assert_eq!(outcome.pairs.0.len(), 1);
}

/// The text of an answer with the values of a request in it.
fn restored(text: &str, outcome: &Outcome) -> String {
    let Some(restorer) = Restorer::new(outcome.pairs.0.iter().map(|(token, v)| (*token, v))) else {
        return text.to_owned();
    };
    let body = serde_json::json!({"content": [{"type": "text", "text": text}]}).to_string();
    let body = Bytes::from(body);
    let body = match restorer.answer(&body, &mut Counts::default()) {
        Some(pieces) => Bytes::from(pieces.concat()),
        None => body,
    };
    let body: serde_json::Value = serde_json::from_slice(&body).unwrap();
    body["content"][0]["text"].as_str().unwrap().to_owned()
}

const VALUES: [&str; 6] =
    ["12345678", "87654321", "4444-5555", "123-45678", r"1234\u0035678", r"99\\u00399-8"];

/// What a user may write: values with and without their context.
fn asked() -> impl Strategy<Value = String> {
    let word =
        (proptest::sample::select(vec!["id:", "", "tel:", "x"]), proptest::sample::select(&VALUES))
            .prop_map(|(mark, value)| format!("{mark}{value} "));
    proptest::collection::vec(word, 0..6).prop_map(|words| words.concat())
}

/// What a model may write, with a number for each pseudonym it uses.
fn answered() -> impl Strategy<Value = Vec<(String, usize)>> {
    proptest::collection::vec(("(|id:|tel:|[ a-z张\"]{0,4})", 0_usize..5), 0..6)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    /// Three turns: what the node gets of each stays the same in every later one, and what the model
    /// wrote comes back to it as it was.
    #[test]
    fn a_restored_answer_maps_to_the_bytes_that_the_model_wrote(
        turns in proptest::collection::vec((asked(), answered()), 1..4),
    ) {
        let mut client: Vec<(String, bool)> = Vec::new();
        let mut node: Vec<String> = Vec::new();
        for (question, answer) in turns {
            client.push((question, false));
            let texts: Vec<_> = client
                .iter()
                .map(|(text, is_assistant)| Text { text, is_assistant: *is_assistant, is_fixed: false })
                .collect();
            let (sent, outcome) = applied(&policy(), &texts);
            prop_assert_eq!(&sent[..node.len()], &node[..]);
            node.push(sent.last().unwrap().clone());
            let mut written = String::new();
            for (words, place) in answer {
                written.push_str(&words);
                if let Some((token, _)) = outcome.pairs.0.get(place) {
                    written.push_str(token.as_str());
                    written.push(' ');
                }
            }
            client.push((restored(&written, &outcome), true));
            node.push(written);
        }
        let texts: Vec<_> = client
            .iter()
            .map(|(text, is_assistant)| Text { text, is_assistant: *is_assistant, is_fixed: false })
            .collect();
        let (sent, _) = applied(&policy(), &texts);
        prop_assert_eq!(sent, node);
    }

    #[test]
    fn the_same_texts_give_the_same_bytes(texts in proptest::collection::vec(asked(), 0..5)) {
        let texts: Vec<_> = texts.iter().map(|text| user(text)).collect();
        let (one, two) = (applied(&policy(), &texts), applied(&policy(), &texts));
        prop_assert_eq!(one.0, two.0);
        prop_assert_eq!(one.1.entries, two.1.entries);
    }
}
