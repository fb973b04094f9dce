//! Sensitive data that a model writes by itself: what the client gets in its place, what is counted, and that no value is
//! found anywhere else.

use ferry_mock::RunningMock;
use serde_json::{Value, json};

use crate::harness::{Answer, Client, End, Gateway, Setup, get, mock, request};

const ID: &str = "11010119900307803X";
const CARD: &str = "6227000803793114711";
const PHONE: &str = "13800138000";

const REDACT: &str = "[redact]\nenabled = true\nanswers = \"redact\"\n\
                      [redact.actions]\ncn_phone = \"pseudonym\"\nbank_card = \"mask\"\n";

struct Stand {
    #[expect(dead_code, reason = "it runs as long as this lives")]
    mock: RunningMock,
    gateway: Gateway,
}

impl Stand {
    async fn new(table: &str) -> Self {
        let mock = mock().await;
        let gateway = Setup::new().mock(&mock).table(table).start().await;
        Self { mock, gateway }
    }

    fn count(&self, kind: &str, action: &str) -> Option<f64> {
        let labels = format!(r#"{{line="default",type="{kind}",action="{action}"}}"#);
        self.gateway.metric(&format!("ferry_answer_redactions_total{labels}"))
    }
}

fn ask(body: &Value) -> Vec<u8> {
    request("POST", "/v1/messages", &[], body.to_string().as_bytes())
}

/// A request whose echo holds what no text of the request does: the mock says all blocks in one.
fn user(said: &[&str], knobs: &str, stream: bool) -> Value {
    let knobs = format!(" [mock echo {knobs}]");
    let said = said.iter().copied().chain([knobs.as_str()]);
    let blocks: Vec<Value> = said.map(|text| json!({"type": "text", "text": text})).collect();
    json!({
        "model": "claude-sonnet-5", "max_tokens": 4000, "stream": stream,
        "messages": [{"role": "user", "content": blocks}],
    })
}

/// Values in two halves each.
fn halves() -> [&'static str; 5] {
    ["证件 1101011990", "0307803X，卡 62270008", "03793114711，电话 1380013", "8000 或 ", PHONE]
}

/// What becomes of them: the last stood in the request, and is no news.
fn expected() -> String {
    format!("证件 [REDACTED]，卡 ***************4711，电话 [REDACTED] 或 {PHONE} ")
}

/// The text, or the input of a tool, that a client puts together; without the knobs.
fn text_of(answer: &Answer, stream: bool) -> String {
    let text: String = if stream {
        let data = answer.text().lines().filter_map(|line| line.strip_prefix("data: "));
        let events = data.map(|data| serde_json::from_str::<Value>(data).unwrap());
        let text_of_event = |event: Value| {
            let delta = &event["delta"];
            delta["text"].as_str().or_else(|| delta["partial_json"].as_str()).map(str::to_owned)
        };
        events.filter_map(text_of_event).collect()
    } else {
        let block = &answer.json()["content"][0];
        block["text"].as_str().map_or_else(|| block["input"].to_string(), str::to_owned)
    };
    text
}

fn without_knobs(text: &str) -> &str {
    text.split("[mock").next().unwrap()
}

/// Ways in which a stream may be cut into deltas, events and chunks.
const SPLITS: [&str; 8] = [
    "",
    "chunks=1",
    "chunks=7",
    "chunks=60 pings=3",
    "chunks=200 fault=split:bytes=1",
    "chunks=200 fault=split:bytes=7",
    "chunks=30 fault=crlf",
    "chunks=30 fault=comments",
];

#[tokio::test]
async fn what_a_model_writes_by_itself_is_replaced_and_what_the_request_held_comes_back() {
    let stand = Stand::new(REDACT).await;
    let mut answers = 0.0;
    for split in SPLITS {
        for stream in [false, true] {
            let answer = stand.gateway.ask(ask(&user(&halves(), split, stream))).await;
            assert_eq!((answer.status, &answer.end), (200, &End::Whole), "{split} {stream}");
            assert_eq!(without_knobs(&text_of(&answer, stream)), expected(), "{split} {stream}");
            answers += 1.0;
        }
    }
    assert_eq!(stand.count("CN_ID", "redact"), Some(answers));
    assert_eq!(stand.count("BANK_CARD", "mask"), Some(answers));
    assert_eq!(stand.count("CN_PHONE", "redact"), Some(answers));
    let asked = r#"ferry_redactions_total{line="default",type="CN_PHONE",action="pseudonym"}"#;
    assert_eq!(stand.gateway.metric(asked), Some(answers));
    let log = stand.gateway.into_log().await;
    let line = log.iter().find(|line| line.to_string().contains("/v1/messages")).unwrap();
    assert_eq!(line["redactions"], 1, "{line}");
}

#[tokio::test]
async fn the_same_in_an_answer_that_was_assembled() {
    let mock = mock().await;
    let as_stream = "nonstream_upstream = \"stream\"";
    let setup = Setup::new().node("mock", &mock.base_url(), as_stream).table(REDACT);
    let gateway = setup.start().await;
    let answer = gateway.ask(ask(&user(&halves(), "chunks=9", false))).await;
    assert_eq!(without_knobs(&text_of(&answer, false)), expected());
}

#[tokio::test]
async fn the_input_of_a_tool_stays_json_and_its_strings_are_looked_through() {
    let stand = Stand::new(REDACT).await;
    for split in SPLITS {
        for stream in [false, true] {
            let mut body = user(&halves(), &format!("tool {split}"), stream);
            body["tools"] = json!([{"name": "dial", "input_schema": {"type": "object"}}]);
            body["tool_choice"] = json!({"type": "tool", "name": "dial"});
            let answer = stand.gateway.ask(ask(&body)).await;
            let input: Value = serde_json::from_str(&text_of(&answer, stream)).unwrap();
            for text in [&input["text"], &input["\"quoted\""]["list"][0]] {
                assert_eq!(without_knobs(text.as_str().unwrap()), expected(), "{split} {stream}");
            }
        }
    }
}

#[tokio::test]
async fn off_and_report_change_nothing() {
    for (answers, action) in [("off", None), ("report", Some(4.0))] {
        let table = REDACT.replace("answers = \"redact\"", &format!("answers = \"{answers}\""));
        let stand = Stand::new(&table).await;
        for (split, stream) in [("", false), ("", true), ("chunks=60", true), (SPLITS[4], true)] {
            let answer = stand.gateway.ask(ask(&user(&halves(), split, stream))).await;
            let text = text_of(&answer, stream);
            assert_eq!(without_knobs(&text), format!("{} ", halves().concat()));
        }
        assert_eq!(stand.count("CN_ID", "report"), action);
        assert_eq!(stand.count("CN_PHONE", "report"), action);
    }
}

#[tokio::test]
async fn a_dry_run_counts_what_would_be_done() {
    let table = REDACT.replace("enabled = true", "enabled = true\ndry_run = true");
    let stand = Stand::new(&table).await;
    for stream in [false, true] {
        let answer = stand.gateway.ask(ask(&user(&halves(), "", stream))).await;
        assert_eq!(without_knobs(&text_of(&answer, stream)), format!("{} ", halves().concat()));
    }
    assert_eq!(stand.count("CN_ID", "dry_run"), Some(2.0));
}

#[tokio::test]
async fn what_waits_leaves_before_the_error_of_a_stream_that_breaks_off() {
    let stand = Stand::new(REDACT).await;
    for after in 4..14 {
        let knobs = format!("chunks=12 fault=end:after={after}");
        let answer = stand.gateway.ask(ask(&user(&halves(), &knobs, true))).await;
        let text = text_of(&answer, true);
        let events = answer.text();
        assert!(events.trim_end().ends_with('}') && events.contains("event: error"), "{events}");
        assert!(!text.contains(ID) && !text.contains(CARD), "{text}");
        let last_text = events.rfind("text_delta").unwrap_or_default();
        assert!(last_text < events.find("event: error").unwrap(), "{events}");
    }
}

#[tokio::test]
async fn thinking_and_legacy_completions() {
    let stand = Stand::new(REDACT).await;
    for stream in [false, true] {
        let mut body = user(&halves(), "chunks=9", stream);
        body["thinking"] = json!({"type": "enabled", "budget_tokens": 1024});
        let answer = stand.gateway.ask(ask(&body)).await;
        assert_eq!(answer.end, End::Whole);
        assert!(answer.text().contains("signature") && answer.text().contains("[REDACTED]"));
        let body = json!({
            "model": "claude-2.1", "max_tokens_to_sample": 99, "stream": stream,
            "prompt": "\n\nHuman: hello\n\nAssistant:",
        });
        let sent = request("POST", "/v1/complete", &[], body.to_string().as_bytes());
        let answer = stand.gateway.ask(sent).await;
        assert_eq!((answer.status, &answer.end), (200, &End::Whole));
    }
}

#[tokio::test]
async fn coded_answers_are_decoded_where_they_are_whole_and_counted_where_they_flow() {
    let stand = Stand::new(REDACT).await;
    let answer = stand.gateway.ask(ask(&user(&halves(), "fault=gzip", false))).await;
    assert_eq!(without_knobs(&text_of(&answer, false)), expected());
    let unread = r#"ferry_answers_unread_total{line="default"}"#;
    assert_eq!(stand.gateway.metric(unread), None);
    let answer = stand.gateway.ask(ask(&user(&halves(), "fault=gzip", true))).await;
    assert_eq!(answer.status, 200);
    assert_eq!(stand.gateway.metric(unread), Some(1.0));
}

#[tokio::test]
async fn no_value_of_an_answer_stands_in_a_log_a_metric_or_the_state() {
    let stand = Stand::new(REDACT).await;
    for knobs in ["", "chunks=50", "fault=cut:after=3", "status=400"] {
        for stream in [false, true] {
            stand.gateway.ask(ask(&user(&halves(), knobs, stream))).await;
        }
    }
    let mut said = String::new();
    for page in ["/metrics", "/nodes"] {
        let answer = Client::connect(stand.gateway.admin).await.ask(get(page)).await;
        said.push_str(answer.text());
    }
    for file in std::fs::read_dir(stand.gateway.dir.path().join("state")).unwrap() {
        said.push_str(&String::from_utf8_lossy(&std::fs::read(file.unwrap().path()).unwrap()));
    }
    for line in stand.gateway.into_log().await {
        said.push_str(&line.to_string());
    }
    assert!(said.contains("ferry_answer_redactions_total"));
    for canary in [ID, CARD, PHONE] {
        assert!(!said.contains(canary), "{canary}");
    }
}
