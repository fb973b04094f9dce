//! Sensitive data that a model writes by itself: what the client gets in its place, what is counted, and that no value is
//! found anywhere else.

use ferry_mock::RunningMock;
use serde_json::{Value, json};

use crate::harness::{Gateway, Setup, mock, request};

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

/// The text that a client sees of a whole answer.
fn text_of(answer: &Value) -> &str {
    answer["content"][0]["text"].as_str().unwrap().split("[mock").next().unwrap()
}

#[tokio::test]
async fn what_a_model_writes_by_itself_is_replaced_and_what_the_request_held_comes_back() {
    let stand = Stand::new(REDACT).await;
    let answer = stand.gateway.ask(ask(&user(&halves(), "", false))).await;
    assert_eq!(text_of(&answer.json()), expected());
    assert_eq!(stand.count("CN_ID", "redact"), Some(1.0));
    assert_eq!(stand.count("BANK_CARD", "mask"), Some(1.0));
    assert_eq!(stand.count("CN_PHONE", "redact"), Some(1.0));
    let asked = r#"ferry_redactions_total{line="default",type="CN_PHONE",action="pseudonym"}"#;
    assert_eq!(stand.gateway.metric(asked), Some(1.0));
    let log = stand.gateway.into_log().await;
    let line = log.iter().find(|line| line.to_string().contains("/v1/messages")).unwrap();
    assert_eq!(line["redactions"], 1, "{line}");
}

#[tokio::test]
async fn off_and_report_change_nothing() {
    for (answers, action) in [("off", None), ("report", Some(1.0))] {
        let table = REDACT.replace("answers = \"redact\"", &format!("answers = \"{answers}\""));
        let stand = Stand::new(&table).await;
        let answer = stand.gateway.ask(ask(&user(&halves(), "", false))).await;
        assert_eq!(text_of(&answer.json()), format!("{} ", halves().concat()));
        assert_eq!(stand.count("CN_ID", "report"), action);
        assert_eq!(stand.count("CN_PHONE", "report"), action);
    }
}
