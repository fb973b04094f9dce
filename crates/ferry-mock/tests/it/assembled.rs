//! What Ferry assembles from a stream is, field by field, the answer without one: over everything the mock can say.

use bytes::Bytes;
use ferry_mock::RunningMock;
use ferry_wire::assemble::{AssembleError, Assembler, Outcome};
use ferry_wire::sse::Flavor;
use serde_json::{Value, json};

use crate::wire::{Exchange, ask, post, prompt, start};

/// Far above any answer here.
const BYTES_MAX: usize = 8 << 20;

const TOOLS: &str = r#","tools":[{"name":"search","input_schema":{"type":"object"}},{"name":"weather","input_schema":
    {"type":"object","properties":{"city":{"type":"string"},"days":{"type":"integer"},"unit":{"enum":["c","\"f\\"]},
    "exact":{"type":"number"},"on":{"type":"boolean"},"no":{"type":"null"},
    "tags":{"type":"array","items":{"type":"object","properties":{"a":{"type":"string"}}}}}}}]"#;

fn assemble(flavor: Flavor, stream: &Exchange, size: usize) -> Result<Outcome, AssembleError> {
    let mut assembler = Assembler::new(flavor, BYTES_MAX);
    for piece in stream.body().chunks(size) {
        assembler.push(Bytes::copy_from_slice(piece))?;
    }
    assembler.finish()
}

/// The assembled answer; the same for any size of pieces.
fn answer(flavor: Flavor, stream: &Exchange) -> Value {
    assert_eq!(stream.header("content-type").unwrap(), "text/event-stream; charset=utf-8");
    let sizes = [1, 7, 1000, usize::MAX];
    let outcomes = sizes.map(|size| assemble(flavor, stream, size));
    let Ok(Outcome::Answer(json)) = &outcomes[0] else { panic!("{:?}", outcomes[0]) };
    assert!(outcomes.iter().all(|outcome| *outcome == outcomes[0]));
    serde_json::from_slice(json).unwrap()
}

/// Asks two mocks of one seed, so that the prompt cache of one does not change the other's usage.
async fn same(direct: &RunningMock, streamed: &RunningMock, text: &str, more: &str) -> Value {
    let whole = ask(direct, text, more).await;
    assert_eq!(whole.status(), 200, "{}", whole.text());
    let stream = ask(streamed, text, &format!(r#"{more},"stream":true"#)).await;
    let assembled = answer(Flavor::Messages, &stream);
    assert_eq!(assembled, whole.json(), "{text} {more}");
    assembled
}

#[tokio::test]
async fn every_kind_of_answer_is_the_same_from_a_stream() {
    let (direct, streamed) = (start().await, start().await);
    let any = r#","tool_choice":{"type":"any"}"#;
    let forced = r#","tool_choice":{"type":"tool","name":"weather"}"#;
    let thinking = r#","thinking":{"type":"enabled","budget_tokens":1024}"#;
    let omitted = r#","thinking":{"type":"adaptive","display":"omitted"}"#;
    let found = ask(&direct, "stop", "").await.json()["content"][0]["text"].clone();
    let word = found.as_str().unwrap().split(' ').nth(3).unwrap().to_owned();
    let table = [
        ("hello", String::new(), "end_turn"),
        ("请介绍一下产品", String::new(), "end_turn"),
        ("[mock tokens=1]", String::new(), "end_turn"),
        ("[mock size=100000]", String::new(), "max_tokens"),
        ("[mock chunks=1]", String::new(), "end_turn"),
        ("[mock chunks=200 pings=3]", String::new(), "end_turn"),
        ("[mock flush]", String::new(), "end_turn"),
        ("think", thinking.to_owned(), "end_turn"),
        ("想一想", omitted.to_owned(), "end_turn"),
        ("use it [mock tool]", TOOLS.to_owned(), "tool_use"),
        ("use it [mock tool chunks=50]", format!("{TOOLS}{thinking}"), "tool_use"),
        ("use it", format!("{TOOLS}{any}"), "tool_use"),
        ("use it", format!("{TOOLS}{forced}{omitted}"), "tool_use"),
        ("no [mock refusal]", thinking.to_owned(), "refusal"),
        ("wait [mock pause]", String::new(), "pause_turn"),
        ("[mock stop]", r#","stop_sequences":["END\n\"\\"]"#.to_owned(), "stop_sequence"),
        ("stop", format!(r#","stop_sequences":["{word}"]"#), "stop_sequence"),
    ];
    for (text, more, stop_reason) in table {
        let assembled = same(&direct, &streamed, text, &more).await;
        assert_eq!(assembled["stop_reason"], stop_reason, "{text} {more}");
    }
    direct.stop().await;
    streamed.stop().await;
}

#[tokio::test]
async fn limits_cut_both_forms_alike() {
    let (direct, streamed) = (start().await, start().await);
    let thinking = r#","thinking":{"type":"enabled","budget_tokens":1024}"#;
    for limit in [1, 2, 30, 60, 90] {
        let body = |more: &str| {
            prompt("think, use [mock tool]", &format!("{TOOLS}{thinking}{more}"))
                .replace(r#""max_tokens":1000"#, &format!(r#""max_tokens":{limit}"#))
        };
        let whole = post(&direct, "/v1/messages", &body("")).await.json();
        let stream = post(&streamed, "/v1/messages", &body(r#","stream":true"#)).await;
        assert_eq!(answer(Flavor::Messages, &stream), whole, "max_tokens {limit}");
    }
}

#[tokio::test]
async fn classes_of_cache_usage_are_the_same() {
    let (direct, streamed) = (start().await, start().await);
    let system = |word: &str, ttl: &str| {
        format!(
            r#","system":[{{"type":"text","text":"{}","cache_control":{{"type":"ephemeral"{ttl}}}}}]"#,
            word.repeat(200)
        )
    };
    let hour = r#","ttl":"1h""#;
    let mut usages = Vec::new();
    for (text, word, ttl) in
        [("one", "rule ", ""), ("two", "rule ", ""), ("one", "Rule ", hour), ("two", "Rule ", hour)]
    {
        usages.push(same(&direct, &streamed, text, &system(word, ttl)).await["usage"].clone());
    }
    assert_eq!(usages[0]["cache_read_input_tokens"], json!(0));
    assert_ne!(usages[0]["cache_creation"]["ephemeral_5m_input_tokens"], json!(0));
    assert_ne!(usages[1]["cache_read_input_tokens"], json!(0));
    assert_ne!(usages[2]["cache_creation"]["ephemeral_1h_input_tokens"], json!(0));
}

#[tokio::test]
async fn every_form_of_a_stream_gives_the_same_answer() {
    let (direct, streamed) = (start().await, start().await);
    for form in [
        "crlf",
        "comments",
        "unknown-event:after=3",
        "split",
        "join",
        "crlf+comments+split:bytes=5",
    ] {
        same(&direct, &streamed, &format!("hello [mock fault={form}]"), "").await;
    }
    // The mock adds that event to streams only.
    let more = r#","stream":true"#;
    let stream = ask(&streamed, "hello [mock fault=big-event:bytes=300000]", more).await;
    let assembled = answer(Flavor::Messages, &stream);
    assert!(assembled["content"][0]["text"].as_str().unwrap().len() > 300_000);
}

#[tokio::test]
async fn broken_streams_have_no_answer() {
    let mock = start().await;
    for fault in ["end:after=0", "end:after=1", "end:after=5", "chunk-cut:after=4"] {
        let stream = ask(&mock, &format!("x [mock fault={fault}]"), r#","stream":true"#).await;
        assert_eq!(
            assemble(Flavor::Messages, &stream, 99),
            Err(AssembleError::Truncated),
            "{fault}"
        );
    }
    let kinds = [
        ("overloaded_error", 529),
        ("api_error", 500),
        ("rate_limit_error", 429),
        ("timeout_error", 504),
        ("invalid_request_error", 400),
        ("authentication_error", 401),
        ("billing_error", 402),
        ("permission_error", 403),
        ("not_found_error", 404),
        ("request_too_large", 413),
    ];
    for (kind, status) in kinds {
        for (after, before_content) in [(0, true), (1, true), (4, false)] {
            let text = format!("x [mock fault=error-event:after={after},type={kind}]");
            let stream = ask(&mock, &text, r#","stream":true"#).await;
            let outcome = assemble(Flavor::Messages, &stream, 99);
            let Ok(Outcome::Error { body, error }) = outcome else { panic!("{text}: {outcome:?}") };
            assert_eq!((error.kind.status(), error.before_content), (status, before_content));
            let body: Value = serde_json::from_slice(&body).unwrap();
            assert_eq!((&body["type"], &body["error"]["type"]), (&json!("error"), &json!(kind)));
        }
    }
}

#[tokio::test]
async fn a_completion_is_the_same_from_a_stream() {
    let mock = start().await;
    for limit in [5, 300] {
        let body = |more: &str| {
            format!(
                r#"{{"model":"claude-2.1","max_tokens_to_sample":{limit},"prompt":"\n\nHuman: 你好\n\nAssistant:"{more}}}"#
            )
        };
        let whole = post(&mock, "/v1/complete", &body("")).await;
        let stream = post(&mock, "/v1/complete", &body(r#","stream":true"#)).await;
        assert_eq!(answer(Flavor::Complete, &stream), whole.json(), "{limit}");
    }
}
