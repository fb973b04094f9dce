//! Whole answers: what is looked through in them, what is left alone, and what is counted.

use std::collections::BTreeMap;

use ferry_rules::redact::policy::Policy;
use ferry_rules::redact::{Detectors, Kinds};
use serde_json::{Value, json};

use super::*;

const ID: &str = "11010119900307803X";

fn screen(answers: Answers, dry_run: bool) -> Option<Screen> {
    let mut policy = Policy::standard();
    policy.set_dry_run(dry_run);
    let detectors = (Detectors::new(Kinds::ALL, &[]).unwrap(), Vec::new());
    let rules = RuleSet::new((policy, BTreeMap::new()), detectors, answers, &[]);
    Screen::new(&Arc::new(rules), &"default".into(), &Secret::new(&[7; 32]))
}

fn message(text: &str, thought: &str) -> Value {
    json!({"id": thought, "role": "assistant", "model": thought, "content": [
        {"type": "thinking", "thinking": thought, "signature": thought},
        {"type": "text", "text": format!("身份证\n\"{text}\"。"), "citations": [{"cited_text": text, "document_title": thought}]},
        {"type": "tool_use", "id": thought, "name": thought, "input": {thought: [text, {"n": text}]}},
        {"type": "web_search_tool_result", "tool_use_id": thought, "content": [{"title": thought}]},
    ], "usage": {"output_tokens": 1.0}})
}

/// An answer as it goes on, and what was counted.
fn answered(screen: &Screen, answer: &Value) -> (Value, Vec<String>) {
    let (body, mut seen) = (Bytes::from(answer.to_string()), Seen::default());
    let pieces = screen.answer(&body, &mut seen);
    let body = pieces.map_or(body, |pieces| pieces.concat().into());
    let counts = seen.counts(screen);
    let counts = counts.map(|(kind, action, count)| format!("{kind} {action} {count}")).collect();
    (serde_json::from_slice(&body).unwrap(), counts)
}

#[test]
fn what_the_model_wrote_is_replaced_and_nothing_else() {
    let screen = screen(Answers::Redact, false).unwrap();
    let (after, counts) = answered(&screen, &message(ID, ID));
    assert_eq!(after, message("[REDACTED]", ID));
    assert_eq!(counts, ["CN_ID redact 4"]);
    let legacy = |text: &str| json!({"completion": text, "stop_reason": "stop_sequence"});
    let (after, counts) = answered(&screen, &legacy(ID));
    assert_eq!((after, counts.len()), (legacy("[REDACTED]"), 1));
}

#[test]
fn a_report_and_a_trial_count_and_change_nothing() {
    for (answers, dry_run, counted) in [
        (Answers::Report, false, "CN_ID report 4"),
        (Answers::Report, true, "CN_ID report 4"),
        (Answers::Redact, true, "CN_ID dry_run 4"),
    ] {
        let (after, counts) = answered(&screen(answers, dry_run).unwrap(), &message(ID, ID));
        assert_eq!(after, message(ID, ID));
        assert_eq!(counts, [counted]);
    }
    assert!(screen(Answers::Off, false).is_none());
}

#[test]
fn an_answer_in_which_nothing_is_found_or_that_cannot_be_read_goes_on_as_it_came() {
    let screen = screen(Answers::Redact, false).unwrap();
    let mut seen = Seen::default();
    let body = Bytes::from(message("2026-11-26", ID).to_string());
    assert!(screen.answer(&body, &mut seen).is_none());
    assert_eq!((seen.unread, seen.counts(&screen).count()), (0, 0));
    let twice = format!("{{\"content\":[],\"content\":[{{\"type\":\"text\",\"text\":\"{ID}\"}}]}}");
    assert!(screen.answer(&Bytes::from(twice), &mut seen).is_none());
    assert_eq!(seen.unread, 1);
}
