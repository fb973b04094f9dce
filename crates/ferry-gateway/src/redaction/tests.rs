//! The rules over whole bodies: what is edited, what is left alone, and that the same goes in and comes out.

use serde_json::{Value, json};

use super::*;
use ferry_rules::redact::Kinds;
use ferry_rules::redact::action::Action;

const LINE: &str = "default";

fn secret() -> Secret {
    Secret::new(&[7; 32])
}

fn rules(actions: &[(Kind, Action)]) -> RuleSet {
    let mut policy = Policy::standard();
    for (kind, action) in actions {
        policy.set(*kind, *action);
    }
    let detectors = Detectors::new(Kinds::ALL, &[]).unwrap();
    RuleSet::new((policy, BTreeMap::new()), (detectors, Vec::new()), Answers::Off, &[])
}

fn user(text: &str) -> Value {
    json!({"model": "claude-sonnet-5", "max_tokens": 9, "messages": [{"role": "user", "content": text}]})
}

fn edited(rules: &RuleSet, body: &[u8]) -> (Vec<u8>, Outcome) {
    let redacted = rules.body(LINE, &secret(), Shape::Messages, body).unwrap();
    let pieces = redacted.edits.apply(&[body.to_vec().into()]);
    (pieces.concat(), redacted.outcome)
}

#[test]
fn the_default_redacts_identity_and_bank_cards_and_refuses_live_keys() {
    let rules = rules(&[]);
    let body =
        user("身份证11010119900307803X，卡号6227000803793114711，邮箱 a@example.com").to_string();
    let (after, outcome) = edited(&rules, body.as_bytes());
    let after: Value = serde_json::from_slice(&after).unwrap();
    let text = after["messages"][0]["content"].as_str().unwrap();
    assert_eq!(text, "身份证[REDACTED]，卡号[REDACTED]，邮箱 a@example.com");
    assert!(!outcome.is_blocked);
    assert_eq!(outcome.counts.get(&(Kind::Email, Action::Report)), Some(&1));
    let key = format!("key sk-ant-api03-{}AA", "x7Fq9KdL2m".repeat(9) + "abc");
    let (_, outcome) = edited(&rules, user(&key).to_string().as_bytes());
    assert!(outcome.is_blocked);
    assert_eq!(&*outcome.entries[0].path, "messages[0].content");
}

#[test]
fn a_body_in_which_nothing_is_found_has_no_edits() {
    let body = user("请总结本周的会议纪要，并列出三个待办。").to_string();
    let (after, outcome) = edited(&rules(&[]), body.as_bytes());
    assert_eq!(after, body.as_bytes());
    assert!(outcome.counts.is_empty());
}

#[test]
fn a_pseudonym_is_turned_back_and_the_answer_maps_to_the_same_bytes() {
    let rules = rules(&[(Kind::CnPhone, Action::Pseudonym)]);
    let first = user("客户手机 138 0013 8000，请回电").to_string();
    let (sent, outcome) = edited(&rules, first.as_bytes());
    let sent: Value = serde_json::from_slice(&sent).unwrap();
    let text = sent["messages"][0]["content"].as_str().unwrap();
    let token = text.split(['，', ' ']).find(|word| word.starts_with("PII_")).unwrap();
    let said = format!("已联系{token}9，号码{token}。");
    let restorer = ferry_wire::restore::Restorer::new(outcome.pairs.0).unwrap();
    let answer =
        json!({"content": [{"type": "text", "text": said}], "role": "assistant"}).to_string();
    let mut counts = ferry_wire::restore::Counts::default();
    let restored = restorer.answer(&answer.into(), &mut counts).unwrap().concat();
    let restored: Value = serde_json::from_slice(&restored).unwrap();
    let seen = restored["content"][0]["text"].as_str().unwrap();
    assert_eq!(seen, "已联系138 0013 80009，号码138 0013 8000。");
    let second = json!({"messages": [
        {"role": "user", "content": "客户手机 138 0013 8000，请回电"},
        {"role": "assistant", "content": seen},
        {"role": "user", "content": "谢谢"},
    ]});
    let (again, _) = edited(&rules, second.to_string().as_bytes());
    let again: Value = serde_json::from_slice(&again).unwrap();
    assert_eq!(again["messages"][0]["content"], sent["messages"][0]["content"]);
    assert_eq!(again["messages"][1]["content"].as_str(), Some(said.as_str()));
}
