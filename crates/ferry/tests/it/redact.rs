//! Sensitive data: what a node sees in its place, what the client gets back, what is refused, and that no value is found
//! anywhere else.

use std::fmt::Write as _;
use std::io::Write as _;

use ferry_mock::RunningMock;
use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};

use crate::harness::{Client, End, Gateway, Setup, mock, request};

const ID: &str = "11010119900307803X";
const CARD: &str = "6227000803793114711";
const PHONE: &str = "13800138000";

const PSEUDONYMS: &str =
    "[redact]\nenabled = true\n[redact.actions]\ncn_phone = \"pseudonym\"\ncn_id = \"pseudonym\"\n";

struct Stand {
    mock: RunningMock,
    gateway: Gateway,
}

impl Stand {
    async fn new(table: &str) -> Self {
        let mock = mock().await;
        let gateway = Setup::new().mock(&mock).table(table).start().await;
        Self { mock, gateway }
    }

    /// Reloads with rules that redact mobile numbers too.
    fn tighten(&mut self) {
        let config = std::fs::read_to_string(self.gateway.config()).unwrap();
        let tighter =
            config.replace("enabled = true", "enabled = true\nactions = { cn_phone = \"redact\" }");
        std::fs::write(self.gateway.config(), tighter).unwrap();
        self.gateway.running.reload(&self.gateway.inputs).unwrap();
    }

    fn seen(&self) -> String {
        String::from_utf8(self.mock.last().unwrap().body.to_vec()).unwrap()
    }
}

fn ask(body: &Value) -> Vec<u8> {
    request("POST", "/v1/messages", &[], body.to_string().as_bytes())
}

fn user(text: &str, stream: bool) -> Value {
    json!({
        "model": "claude-sonnet-5", "max_tokens": 4000, "stream": stream,
        "messages": [{"role": "user", "content": text}],
    })
}

/// All text of a stream.
fn text_of(events: &str) -> String {
    let data = events.lines().filter_map(|line| line.strip_prefix("data: "));
    let events = data.map(|data| serde_json::from_str::<Value>(data).unwrap());
    events
        .filter_map(|event| {
            let delta = &event["delta"];
            delta["text"].as_str().or_else(|| delta["partial_json"].as_str()).map(str::to_owned)
        })
        .collect()
}

#[tokio::test]
async fn nothing_is_looked_for_unless_it_is_asked_for() {
    let stand = Stand::new("").await;
    let body = user(&format!("{ID} {CARD}"), false);
    assert_eq!(stand.gateway.ask(ask(&body)).await.status, 200);
    assert_eq!(stand.seen(), body.to_string());
}

#[tokio::test]
async fn identity_and_bank_cards_never_reach_the_node() {
    let stand = Stand::new("[redact]\nenabled = true\n").await;
    let body = user(&format!("身份证{ID}，卡{CARD}，手机{PHONE}"), false);
    assert_eq!(stand.gateway.ask(ask(&body)).await.status, 200);
    let seen: Value = serde_json::from_str(&stand.seen()).unwrap();
    let text = &seen["messages"][0]["content"];
    assert_eq!(text.as_str(), Some("身份证[REDACTED]，卡[REDACTED]，手机13800138000"));
    let metric = |kind: &str, action: &str| {
        let labels = format!(r#"{{line="default",type="{kind}",action="{action}"}}"#);
        stand.gateway.metric(&format!("ferry_redactions_total{labels}"))
    };
    assert_eq!(metric("CN_ID", "redact"), Some(1.0));
    assert_eq!(metric("BANK_CARD", "redact"), Some(1.0));
    assert_eq!(metric("CN_PHONE", "report"), Some(1.0));
}

#[tokio::test]
async fn a_body_in_which_nothing_is_found_goes_on_byte_for_byte() {
    let stand = Stand::new(PSEUDONYMS).await;
    let body = "{ \"max_tokens\":9,\n\t\"model\":\"claude-sonnet-5\" , \"messages\":[{\"role\":\"user\",\
                \"content\":\"\\u4f60\\u597d \\/ 1.0 2026-11-26\"}],\"metadata\":{\"n\":1.0} }";
    let sent = request("POST", "/v1/messages", &[], body.as_bytes());
    assert_eq!(stand.gateway.ask(sent).await.status, 200);
    assert_eq!(stand.seen(), body);
}

#[tokio::test]
async fn pseudonyms_are_turned_back_in_every_form_of_answer() {
    let stand = Stand::new(PSEUDONYMS).await;
    let words = format!("号码 {PHONE} 与 {ID}，再说一遍 {PHONE}");
    for chunks in
        ["", " chunks=1", " chunks=7", " chunks=60 pings=3", " chunks=200 fault=split:bytes=3"]
    {
        for stream in [false, true] {
            let said = format!("{words} [mock echo{chunks}]");
            let answer = stand.gateway.ask(ask(&user(&said, stream))).await;
            assert_eq!((answer.status, &answer.end), (200, &End::Whole), "{chunks}");
            let text = if stream {
                text_of(answer.text())
            } else {
                answer.json()["content"][0]["text"].as_str().unwrap().to_owned()
            };
            assert_eq!(text, said, "{chunks} {stream}");
            let seen = stand.seen();
            assert!(!seen.contains(PHONE) && !seen.contains(ID), "{seen}");
            assert_eq!(seen.matches("PII_TELE_").count(), 2, "{seen}");
        }
    }
    let restored = r#"ferry_restorations_total{line="default",result="restored"}"#;
    assert!(stand.gateway.metric(restored).unwrap() >= 30.0);
}

#[tokio::test]
async fn pseudonyms_are_turned_back_in_the_input_of_tools() {
    let stand = Stand::new(PSEUDONYMS).await;
    for chunks in [1, 9, 80] {
        for stream in [false, true] {
            let mut body = user(&format!("call {PHONE} [mock echo tool chunks={chunks}]"), stream);
            body["tools"] = json!([{"name": "dial", "input_schema": {"type": "object"}}]);
            body["tool_choice"] = json!({"type": "tool", "name": "dial"});
            let answer = stand.gateway.ask(ask(&body)).await;
            let input: Value = if stream {
                serde_json::from_str(&text_of(answer.text())).unwrap()
            } else {
                answer.json()["content"][0]["input"].clone()
            };
            let words = body["messages"][0]["content"].as_str().unwrap();
            assert_eq!(input["text"].as_str(), Some(words), "{chunks} {stream}");
            assert_eq!(input["\"quoted\""]["list"][0].as_str(), Some(words), "{chunks} {stream}");
        }
    }
}

#[tokio::test]
async fn pseudonyms_are_the_same_over_turns_and_an_answer_maps_back() {
    let stand = Stand::new(PSEUDONYMS).await;
    let mut messages =
        vec![json!({"role": "user", "content": format!("记住 {PHONE} [mock echo]")})];
    let mut before = String::new();
    for turn in 0..4 {
        let body = json!({"model": "claude-sonnet-5", "max_tokens": 4000, "messages": messages});
        let answer = stand.gateway.ask(ask(&body)).await.json();
        let seen: Value = serde_json::from_str(&stand.seen()).unwrap();
        // What was sent before is sent again in the very same bytes: prompt caches and thinking are bound to them.
        let seen = seen["messages"].to_string();
        assert!(seen.starts_with(before.trim_end_matches(']')), "{turn}: {seen}\n{before}");
        before = seen;
        messages.push(json!({"role": "assistant", "content": answer["content"]}));
        messages.push(
            json!({"role": "user", "content": format!("第{turn}轮，138 0013 8000 [mock echo]")}),
        );
    }
    assert!(!before.contains(PHONE));
    assert_eq!(before.matches("PII_TELE_").count(), 7, "{before}");
}

#[tokio::test]
async fn a_live_key_is_refused_with_its_type_and_place_and_never_its_value() {
    let stand = Stand::new("[redact]\nenabled = true\n").await;
    let key = format!("AKIA{}", "Q3EGRIQQ7ZQ5XKLM");
    let body = json!({"model": "claude-sonnet-5", "max_tokens": 9, "messages": [
        {"role": "user", "content": [{"type": "text", "text": "hi"}, {"type": "text", "text": format!("aws {key}")}]},
    ]});
    let answer = stand.gateway.ask(ask(&body)).await;
    answer.assert_own(400, "redact-blocked");
    let text = answer.text();
    assert!(text.contains("leave: 1 API_KEY; the first in messages[0].content[1].text."), "{text}");
    assert!(!text.contains(&key) && stand.mock.last().is_none());
}

#[tokio::test]
async fn a_longer_and_looser_finding_takes_nothing_from_a_tighter_one() {
    let rule = "[[redact.rules]]\nname = \"all\"\nregex = \"(?s).+\"\naction = \"report\"\n";
    let stand = Stand::new(&format!("[redact]\nenabled = true\n{rule}")).await;
    let body = user(&format!("{ID}@qq.com and {CARD}"), false);
    assert_eq!(stand.gateway.ask(ask(&body)).await.status, 200);
    let seen = stand.seen();
    assert!(!seen.contains(ID) && !seen.contains(CARD), "{seen}");
    let token = user("ghp_16C7e42F292c6912E7710c838347Ae178B4a@github.com", false);
    stand.gateway.ask(ask(&token)).await.assert_own(400, "redact-blocked");
}

#[tokio::test]
async fn a_refusal_names_every_type_that_is_refused() {
    let table = "[redact]\nenabled = true\nactions = { cn_id = \"block\" }\n";
    let stand = Stand::new(table).await;
    let text = format!("{PHONE} {ID}，{ID}，AKIA{}", "Q3EGRIQQ7ZQ5XKLM");
    let answer = stand.gateway.ask(ask(&user(&text, false))).await;
    answer.assert_own(400, "redact-blocked");
    let text = answer.text();
    assert!(
        text.contains("leave: 2 CN_ID, 1 API_KEY; the first in messages[0].content."),
        "{text}"
    );
}

#[tokio::test]
async fn what_system_teaches_holds_in_every_turn_that_the_sdk_writes_before_it() {
    let table = "[redact]\nenabled = true\nactions = { cn_passport = \"pseudonym\" }\n";
    let stand = Stand::new(table).await;
    let body = |messages: &Value| {
        format!(
            r#"{{"max_tokens":4000,"messages":{messages},"model":"claude-sonnet-5","system":"客户护照 E12345678。"}}"#
        )
    };
    let asked = json!({"role": "user", "content": "号码 E12345678 [mock echo]"});
    let send = |messages: Value| request("POST", "/v1/messages", &[], body(&messages).as_bytes());
    let answer = stand.gateway.ask(send(json!([asked]))).await.json();
    let said = &answer["content"];
    assert_eq!(said[0]["text"].as_str(), Some("号码 E12345678 [mock echo]"));
    let first: Value = serde_json::from_str(&stand.seen()).unwrap();
    let next = json!([
        asked, {"role": "assistant", "content": said},
        {"role": "user", "content": "我的护照 E12345678 [mock echo]"},
    ]);
    assert_eq!(stand.gateway.ask(send(next)).await.status, 200);
    assert!(!stand.seen().contains("E12345678"), "{}", stand.seen());
    let second: Value = serde_json::from_str(&stand.seen()).unwrap();
    assert_eq!(second["system"], first["system"]);
    assert_eq!(second["messages"][0], first["messages"][0]);
}

#[tokio::test]
async fn a_body_that_cannot_be_looked_through_is_refused_where_something_would_be_done() {
    let stand = Stand::new("[redact]\nenabled = true\n").await;
    let twice =
        r#"{"model":"m","max_tokens":9,"messages":[{"role":"user","content":"a","content":"b"}]}"#;
    let lone = r#"{"model":"m","max_tokens":9,"messages":[{"role":"user","content":"\ud800"}]}"#;
    let deep = format!(
        r#"{{"model":"m","max_tokens":9,"messages":[{{"role":"user","content":[{{"type":"tool_use","input":{}1{}}}]}}]}}"#,
        "[".repeat(80),
        "]".repeat(80)
    );
    for body in [twice, lone, &deep] {
        let sent = request("POST", "/v1/messages", &[], body.as_bytes());
        stand.gateway.ask(sent).await.assert_own(400, "redact-unreadable");
    }
    let mut broken =
        br#"{"model":"m","max_tokens":9,"messages":[{"role":"user","content":""#.to_vec();
    broken.extend_from_slice(b"\xff\xfe\"}]}");
    let sent = request("POST", "/v1/messages", &[], &broken);
    stand.gateway.ask(sent).await.assert_own(400, "redact-unreadable");
    let unknown = [("content-encoding", "zstd")];
    let sent = request("POST", "/v1/messages", &unknown, twice.as_bytes());
    stand.gateway.ask(sent).await.assert_own(415, "redact-coding");
    for method in ["PUT", "GET", "DELETE"] {
        for path in ["/v1/messages", "/v1/messages/batches", "/v1/complete", "/v1/sessions/a"] {
            if method == "PUT" && path.contains("sessions") {
                continue;
            }
            let sent = request(method, path, &[], user(ID, false).to_string().as_bytes());
            stand.gateway.ask(sent).await.assert_own(405, "redact-method");
        }
    }
    assert!(stand.mock.last().is_none());
    // Where values are only counted, upstream's own error is the better one.
    let reports = "[redact]\nenabled = true\ndry_run = true\n";
    let stand = Stand::new(reports).await;
    let sent = request("POST", "/v1/messages", &[], twice.as_bytes());
    assert_ne!(stand.gateway.ask(sent).await.code(), "redact-unreadable");
}

#[tokio::test]
async fn a_coded_body_is_decoded_to_be_looked_through() {
    let stand = Stand::new("[redact]\nenabled = true\n").await;
    let zipped = |text: &str| gzipped(user(text, false).to_string().as_bytes());
    let coding = [("content-encoding", "gzip")];
    let plain = zipped("hello");
    let sent = request("POST", "/v1/messages", &coding, &plain);
    // The mock reads no coding; that the bytes came as they were is what counts.
    stand.gateway.ask(sent).await;
    assert_eq!(stand.mock.last().unwrap().body, plain);
    let coded = || {
        let lines = stand.mock.last().unwrap().header_lines();
        lines.iter().any(|(name, value)| name == "content-encoding" && value == "gzip")
    };
    assert!(coded());
    let sent = request("POST", "/v1/messages", &coding, &zipped(&format!("身份证 {ID}")));
    assert_eq!(stand.gateway.ask(sent).await.status, 200);
    assert!(!coded());
    assert!(stand.seen().contains("[REDACTED]") && !stand.seen().contains(ID));
}

#[tokio::test]
async fn a_coded_turn_keeps_the_rules_of_its_conversation_too() {
    let mut stand = Stand::new("[redact]\nenabled = true\n").await;
    let first = json!({"role": "user", "content": format!("手机{PHONE}")});
    let body = json!({"model": "claude-sonnet-5", "max_tokens": 9, "messages": [first]});
    assert_eq!(stand.gateway.ask(ask(&body)).await.status, 200);
    stand.tighten();
    let next = json!({"model": "claude-sonnet-5", "max_tokens": 9, "messages": [
        first, {"role": "assistant", "content": "好的"}, {"role": "user", "content": "谢谢"},
    ]});
    let coded = gzipped(next.to_string().as_bytes());
    let sent = request("POST", "/v1/messages", &[("content-encoding", "gzip")], &coded);
    stand.gateway.ask(sent).await;
    assert_eq!(
        stand.mock.last().unwrap().body,
        coded,
        "nothing is replaced: it goes on as it came"
    );
}

#[tokio::test]
async fn what_a_coded_body_holds_counts_as_held() {
    let mock = mock().await;
    let bounds = "body_bytes_max = 1048576\nbatch_body_bytes_max = 1048576\nheld_bytes_max = 1048576\nanswer_bytes_max = 1048576";
    let setup = Setup::new().mock(&mock).server(bounds);
    let gateway = setup.table("[redact]\nenabled = true\n").start().await;
    // Letters without order: coded they take three quarters, and both together are over the bound.
    let mut state = 1_u32;
    let noise: String = std::iter::repeat_with(|| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        char::from(b'A' + u8::try_from(state >> 27).unwrap() % 26)
    })
    .take(900_000)
    .collect();
    let coded = gzipped(user(&noise, false).to_string().as_bytes());
    let coding = [("content-encoding", "gzip")];
    let answer = gateway.ask(request("POST", "/v1/messages", &coding, &coded)).await;
    answer.assert_own(529, "held-bytes-max");
    assert_eq!(gateway.metric("ferry_held_bytes"), Some(0.0));
}

fn gzipped(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

#[tokio::test]
async fn a_dry_run_counts_and_changes_nothing() {
    let stand = Stand::new("[redact]\nenabled = true\ndry_run = true\n").await;
    let body = user(&format!("{ID} {CARD}"), false);
    assert_eq!(stand.gateway.ask(ask(&body)).await.status, 200);
    assert_eq!(stand.seen(), body.to_string());
    let name = r#"ferry_redactions_total{line="default",type="CN_ID",action="dry_run_redact"}"#;
    assert_eq!(stand.gateway.metric(name), Some(1.0));
}

#[tokio::test]
async fn a_line_may_be_tighter() {
    let table = "[redact]\nenabled = true\n[lines.legal.redact.actions]\ncn_phone = \"block\"\n";
    let stand = Stand::new(table).await;
    let body = user(PHONE, false).to_string();
    let of = |line| request("POST", "/v1/messages", &[("x-biz-type", line)], body.as_bytes());
    assert_eq!(stand.gateway.ask(of("other")).await.status, 200);
    stand.gateway.ask(of("legal")).await.assert_own(400, "redact-blocked");
}

#[tokio::test]
async fn a_conversation_keeps_the_rules_that_it_began_with() {
    let mut stand = Stand::new("[redact]\nenabled = true\n").await;
    let first = json!({"role": "user", "content": format!("手机{PHONE}")});
    let body = json!({"model": "claude-sonnet-5", "max_tokens": 9, "messages": [first]});
    assert_eq!(stand.gateway.ask(ask(&body)).await.status, 200);
    stand.tighten();
    let next = json!({"model": "claude-sonnet-5", "max_tokens": 9, "messages": [
        first, {"role": "assistant", "content": "好的"}, {"role": "user", "content": PHONE},
    ]});
    assert_eq!(stand.gateway.ask(ask(&next)).await.status, 200);
    assert_eq!(stand.seen().matches(PHONE).count(), 2);
    let other = user(&format!("另一个 {PHONE}"), false);
    assert_eq!(stand.gateway.ask(ask(&other)).await.status, 200);
    assert_eq!(stand.seen().matches(PHONE).count(), 0);
}

#[tokio::test]
async fn batches_counts_and_completions_are_looked_through_too() {
    let stand = Stand::new("[redact]\nenabled = true\n").await;
    let text = format!("身份证 {ID}");
    let params = user(&text, false);
    let batch = json!({"requests": [{"custom_id": "a", "params": params}, {"custom_id": "b", "params": params}]});
    let complete = json!({
        "model": "claude-2.1", "max_tokens_to_sample": 9, "prompt": format!("\n\nHuman: {text}\n\nAssistant:"),
    });
    for (path, body, times) in [
        ("/v1/messages/batches", &batch, 2),
        ("/v1/messages/count_tokens", &params, 1),
        ("/v1/complete", &complete, 1),
    ] {
        let sent = request("POST", path, &[], body.to_string().as_bytes());
        assert_eq!(stand.gateway.ask(sent).await.status, 200, "{path}");
        let seen = stand.seen();
        assert_eq!(seen.matches("[REDACTED]").count(), times, "{path}: {seen}");
        assert!(!seen.contains(ID), "{path}");
    }
}

#[tokio::test]
async fn what_must_not_change_is_left_as_it_is() {
    let stand = Stand::new("[redact]\nenabled = true\n").await;
    let body = json!({"model": "claude-sonnet-5", "max_tokens": 9, "messages": [
        {"role": "assistant", "content": [
            {"type": "thinking", "thinking": format!("the card {CARD}"), "signature": format!("{ID}AAAA")},
            {"type": "redacted_thinking", "data": format!("{CARD}{ID}")},
            {"type": "tool_use", "id": format!("toolu_{CARD}"), "name": "n", "input": {ID: "x"}},
        ]},
        {"role": "user", "content": [
            {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": format!("{CARD}{ID}")}},
        ]},
    ]});
    assert_eq!(stand.gateway.ask(ask(&body)).await.status, 200);
    assert_eq!(stand.seen(), body.to_string());
}

#[tokio::test]
async fn what_leads_somewhere_is_counted_and_left() {
    let stand = Stand::new("[redact]\nenabled = true\n").await;
    let params = user("hello", false);
    let batch = json!({"requests": [{"custom_id": format!("id-{ID}"), "params": params}]});
    let sent = request("POST", "/v1/messages/batches", &[], batch.to_string().as_bytes());
    assert_eq!(stand.gateway.ask(sent).await.status, 200);
    assert_eq!(stand.seen(), batch.to_string());
    let picture = json!({"type": "image", "source": {"type": "url", "url": format!("https://x.example/{CARD}.png")}});
    let body = json!({"model": "claude-sonnet-5", "max_tokens": 9, "messages": [{"role": "user", "content": [picture]}]});
    assert_eq!(stand.gateway.ask(ask(&body)).await.status, 200);
    assert_eq!(stand.seen(), body.to_string());
}

#[tokio::test]
async fn ten_thousand_hits_and_ten_megabytes_of_digits_are_borne() {
    let stand = Stand::new("[redact]\nenabled = true\n").await;
    let mut many = String::new();
    for _ in 0..10_000 {
        write!(many, "{ID}，").unwrap();
    }
    assert_eq!(stand.gateway.ask(ask(&user(&many, false))).await.status, 200);
    assert_eq!(stand.seen().matches("[REDACTED]").count(), 10_000);
    let digits = user(&"1234567890".repeat(1024 * 1024), false);
    assert_eq!(stand.gateway.ask(ask(&digits)).await.status, 200);
    assert_eq!(stand.mock.last().unwrap().body_len, digits.to_string().len() as u64);
}

#[tokio::test]
async fn no_value_stands_in_a_log_a_metric_an_error_or_the_state() {
    let stand = Stand::new(PSEUDONYMS).await;
    let canaries = [ID, PHONE, CARD, "AKIAQ3EGRIQQ7ZQ5XKLM", "canary.person@corp.example"];
    let mut said = String::new();
    for canary in canaries {
        for body in [
            user(&format!("{canary} [mock echo]"), false).to_string(),
            user(&format!("{canary} [mock echo]"), true).to_string(),
            user(&format!("{canary} [mock status=400]"), false).to_string(),
            user(&format!("{canary} [mock fault=cut:after=3]"), true).to_string(),
            format!("{{\"messages\":[{{\"content\":\"{canary}\",\"content\":\"{canary}\"}}]}}"),
            format!("{{\"messages\":\"{canary}"),
            json!({"model": canary, "max_tokens": 9, "messages": [{"role": "user", "content": "hi"}]}).to_string(),
            canary.to_owned(),
        ] {
            let answer =
                stand.gateway.ask(request("POST", "/v1/messages", &[], body.as_bytes())).await;
            if answer.status != 200 {
                said.push_str(answer.text());
            }
        }
    }
    let admin =
        Client::connect(stand.gateway.admin).await.ask(crate::harness::get("/metrics")).await;
    said.push_str(admin.text());
    let nodes = Client::connect(stand.gateway.admin).await.ask(crate::harness::get("/nodes")).await;
    said.push_str(nodes.text());
    let dir = stand.gateway.dir.path().to_owned();
    let state = std::fs::read_dir(dir.join("state")).unwrap();
    for file in state {
        said.push_str(&String::from_utf8_lossy(&std::fs::read(file.unwrap().path()).unwrap()));
    }
    for line in stand.gateway.into_log().await {
        said.push_str(&line.to_string());
    }
    assert!(said.contains("ferry_redactions_total") && said.contains("redactions"));
    for canary in canaries {
        assert!(!said.contains(canary), "{canary}");
    }
}
