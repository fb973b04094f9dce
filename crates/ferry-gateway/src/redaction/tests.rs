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

/// Members in the order in which the official SDKs write them.
fn sdk(messages: &Value, system: &str, tools: &str) -> String {
    format!(
        r#"{{"max_tokens":9,"messages":{messages},"model":"claude-sonnet-5","system":"{system}","tools":[{{"name":"n","description":"{tools}"}}]}}"#
    )
}

#[test]
fn what_system_and_tools_teach_holds_in_messages_that_stand_before_them() {
    let rules = rules(&[(Kind::CnPassport, Action::Pseudonym)]);
    for (system, tools) in [("客户护照 E12345678。", "d"), ("s", "客户护照 E12345678。")]
    {
        let asked = json!([{"role": "user", "content": "客户的号码?"}]);
        let (first, outcome) = edited(&rules, sdk(&asked, system, tools).as_bytes());
        let token = outcome.pairs.0[0].0.to_string();
        let said = format!("是{token}。");
        let next = |said: &str| {
            json!([
                {"role": "user", "content": "客户的号码?"}, {"role": "assistant", "content": said},
                {"role": "user", "content": "再说一遍 E12345678"},
            ])
        };
        let (second, _) = edited(&rules, sdk(&next("是E12345678。"), system, tools).as_bytes());
        let second: Value = serde_json::from_slice(&second).unwrap();
        assert_eq!(second["messages"][1]["content"].as_str(), Some(said.as_str()));
        assert!(!second.to_string().contains("E12345678"));
        let first: Value = serde_json::from_slice(&first).unwrap();
        assert_eq!((&first["system"], &first["tools"]), (&second["system"], &second["tools"]));
    }
}

#[test]
fn a_later_turn_teaches_nothing_to_what_was_sent_before() {
    let rules = rules(&[(Kind::CnPassport, Action::Pseudonym)]);
    let (system, tools) = ("编号 E12345678。", "如 E12345678");
    let first = json!([{"role": "user", "content": "你好"}]);
    let second = json!([
        {"role": "user", "content": "你好"}, {"role": "assistant", "content": "好"},
        {"role": "user", "content": "我的护照 E12345678"},
    ]);
    let (first, _) = edited(&rules, sdk(&first, system, tools).as_bytes());
    let (second, _) = edited(&rules, sdk(&second, system, tools).as_bytes());
    let [first, second]: [Value; 2] =
        [first, second].map(|body| serde_json::from_slice(&body).unwrap());
    assert_eq!((&first["system"], &first["tools"]), (&second["system"], &second["tools"]));
    assert!(!second["messages"].to_string().contains("E12345678"));
}

#[test]
fn tools_are_read_before_system() {
    let rules = rules(&[(Kind::CnPassport, Action::Pseudonym)]);
    let body = r#"{"system":"编号 E12345678。","tools":[{"description":"护照 E12345678"}]}"#;
    let (after, _) = edited(&rules, body.as_bytes());
    assert!(!String::from_utf8(after).unwrap().contains("E12345678"));
    let body = r#"{"system":"护照 E12345678。","tools":[{"description":"编号 E12345678"}]}"#;
    let (after, _) = edited(&rules, body.as_bytes());
    assert_eq!(String::from_utf8(after).unwrap().matches("E12345678").count(), 1);
}

#[test]
fn what_a_file_s_name_teaches_holds_in_its_content() {
    let rules = rules(&[(Kind::CnPassport, Action::Pseudonym)]);
    let body = "--b\r\nContent-Disposition: form-data; filename=\"护照E12345678.txt\"\r\n\r\n编号 E12345678\r\n--b--";
    let content_type = b"multipart/form-data; boundary=b";
    let found = rules.upload(LINE, &secret(), content_type, body.as_bytes()).unwrap();
    let paths: Vec<_> = found.outcome.entries.iter().map(|entry| &*entry.path).collect();
    assert_eq!(paths, ["parts[0].filename", "parts[0].content"]);
    let after = found.edits.apply(&[body.into()]).concat();
    let token = found.outcome.pairs.0[0].0.to_string();
    assert_eq!(String::from_utf8(after).unwrap(), body.replace("E12345678", &token));
}
