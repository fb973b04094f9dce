//! Shapes: messages in both forms, validation, credentials, models, the small endpoints.

use ferry_mock::{Mock, MockSettings};
use serde_json::{Value, json};

use crate::wire::{ask, assemble, get, head, post, post_with, prompt, send_raw, start, stream};

const TOOLS: &str = r#","tools":[{"name":"search","input_schema":{"type":"object"}},{"name":"weather",
    "input_schema":{"type":"object","properties":{"city":{"type":"string"},"days":{"type":"integer"},
    "unit":{"enum":["c","f"]},"exact":{"type":"number"},"tags":{"type":"array","items":{"type":"string"}}}}}]"#;

#[tokio::test]
async fn json_and_stream_of_one_request_carry_the_same_message() {
    let mock = start().await;
    let forced = r#","tool_choice":{"type":"tool","name":"weather"}"#;
    let cases = [
        ("hello", String::new()),
        ("请介绍一下产品", String::new()),
        ("think", r#","thinking":{"type":"enabled","budget_tokens":1024}"#.to_owned()),
        ("think", r#","thinking":{"type":"adaptive","display":"omitted"}"#.to_owned()),
        ("use a tool [mock tool]", TOOLS.to_owned()),
        ("use a tool", format!("{TOOLS}{forced}")),
        ("say no [mock refusal]", String::new()),
        ("wait [mock pause]", String::new()),
        ("[mock stop]", r#","stop_sequences":["END"]"#.to_owned()),
    ];
    for (text, more) in cases {
        let whole = ask(&mock, text, &more).await;
        assert_eq!(whole.status(), 200, "{}", whole.text());
        let streamed = ask(&mock, text, &format!(r#"{more},"stream":true"#)).await;
        assert_eq!(streamed.header("content-type").unwrap(), "text/event-stream; charset=utf-8");
        assert_eq!(assemble(&streamed.events()), whole.json(), "{text} {more}");
    }
    mock.stop().await;
}

#[tokio::test]
async fn a_stream_has_the_order_of_the_api() {
    let mock = start().await;
    let exchange = stream(&mock, "hello [mock chunks=2]").await;
    let names: Vec<String> = exchange.events().into_iter().map(|(name, _)| name).collect();
    let expected = [
        "message_start",
        "content_block_start",
        "ping",
        "content_block_delta",
        "content_block_delta",
        "content_block_stop",
        "message_delta",
        "message_stop",
    ];
    assert_eq!(names, expected);
    assert!(exchange.ended_cleanly());
}

#[tokio::test]
async fn stop_reasons_follow_the_request() {
    let mock = start().await;
    let body = r#"{"model":"m","max_tokens":3,"messages":[{"role":"user","content":"long"}]}"#;
    let short = post(&mock, "/v1/messages", body).await.json();
    assert_eq!(short["stop_reason"], "max_tokens");
    assert_eq!(short["usage"]["output_tokens"], 3);
    let tool = ask(&mock, "x", &format!(r#"{TOOLS},"tool_choice":{{"type":"any"}}"#)).await.json();
    assert_eq!(tool["stop_reason"], "tool_use");
    assert_eq!(tool["content"][0]["name"], "search");
    let result = r#"{"model":"m","max_tokens":99,"tools":[{"name":"a"}],"messages":[{"role":"user","content":"[mock tool]"},
        {"role":"user","content":[{"type":"tool_result","tool_use_id":"t","content":"1"}]}]}"#;
    assert_eq!(post(&mock, "/v1/messages", result).await.json()["stop_reason"], "end_turn");
    let refused = ask(&mock, "[mock refusal]", "").await.json();
    assert_eq!(refused["stop_details"]["type"], "refusal");
    let stopped = ask(&mock, "[mock stop]", r#","stop_sequences":["END"]"#).await.json();
    assert_eq!(
        (&stopped["stop_reason"], &stopped["stop_sequence"]),
        (&json!("stop_sequence"), &json!("END"))
    );
}

#[tokio::test]
async fn answers_follow_seed_and_request() {
    let (one, same) = (start().await, start().await);
    let other = Mock::start(MockSettings { seed: 1, ..MockSettings::default() }).await.unwrap();
    let text = |exchange: crate::wire::Exchange| exchange.json()["content"][0]["text"].clone();
    let first = text(ask(&one, "hello", "").await);
    assert_eq!(first, text(ask(&same, "hello", "").await));
    assert_ne!(first, text(ask(&other, "hello", "").await));
    assert_ne!(first, text(ask(&one, "hello!", "").await));
    let unique = ask(&one, "hello [mock unique]", "").await.json()["id"].clone();
    assert_ne!(unique, ask(&one, "hello [mock unique]", "").await.json()["id"]);
    let chinese = text(ask(&one, "你好", "").await);
    assert!(chinese.as_str().unwrap().contains('。'), "{chinese}");
    let escaped =
        r#"{"model":"m","max_tokens":99,"messages":[{"role":"user","content":"\u4f60\u597d"}]}"#;
    let escaped = text(post(&one, "/v1/messages", escaped).await);
    assert!(escaped.as_str().unwrap().contains('。'), "{escaped}");
}

#[tokio::test]
async fn usage_splits_cache_writes_and_then_reads_them() {
    let mock = start().await;
    let system = |ttl: &str| {
        format!(
            r#","system":[{{"type":"text","text":"{}","cache_control":{{"type":"ephemeral"{ttl}}}}}]"#,
            "rule ".repeat(200)
        )
    };
    let first = ask(&mock, "one", &system("")).await.json()["usage"].clone();
    assert!(first["cache_creation"]["ephemeral_5m_input_tokens"].as_u64().unwrap() > 100);
    assert_eq!(first["cache_read_input_tokens"], 0);
    let second = ask(&mock, "two", &system("")).await.json()["usage"].clone();
    assert_eq!(second["cache_read_input_tokens"], first["cache_creation_input_tokens"]);
    assert_eq!(second["cache_creation_input_tokens"], 0);
    let hour = ask(&mock, "[mock x]", &system(r#","ttl":"1h""#).replace("rule", "Rule")).await;
    assert!(
        hour.json()["usage"]["cache_creation"]["ephemeral_1h_input_tokens"].as_u64().unwrap() > 100
    );
    let tokens = mock.stats().tokens;
    assert!(tokens.cache_read > 0 && tokens.cache_write_5m > 0 && tokens.cache_write_1h > 0);
}

#[tokio::test]
async fn a_body_that_says_too_little_is_refused_in_the_words_of_the_api() {
    let mock = start().await;
    let cases = [
        ("{", 400, "The request body is not valid JSON"),
        (r#"{"model":5}"#, 400, "Invalid request body"),
        (r#"{"model":"m","messages":[{}]}"#, 400, "max_tokens: Field required"),
        (r#"{"max_tokens":1,"messages":[{}]}"#, 400, "model: Field required"),
        (r#"{"max_tokens":1,"model":"m"}"#, 400, "messages: Field required"),
        (r#"{"max_tokens":1,"model":"m","messages":[]}"#, 400, "at least one message is required"),
        (r#"{"max_tokens":1,"model":"retired-2","messages":[{}]}"#, 404, "model: retired-2"),
    ];
    for (body, status, wording) in cases {
        let exchange = post(&mock, "/v1/messages", body).await;
        assert_eq!(exchange.status(), status, "{body}");
        let error = exchange.json();
        assert!(error["error"]["message"].as_str().unwrap().contains(wording), "{error}");
        assert_eq!(error["type"], "error");
        assert_eq!(error["request_id"], exchange.header("request-id").unwrap());
    }
}

#[tokio::test]
async fn the_new_version_refuses_sampling_parameters_and_a_missing_one_is_400() {
    let mock = start().await;
    let ask = async |version: &str, more: &str| {
        let body = prompt("x", more);
        let length = body.len();
        let raw = format!(
            "POST /v1/messages HTTP/1.1\r\nHost: m\r\nAuthorization: Bearer k\r\n{version}Connection: close\r\n\
             Content-Length: {length}\r\n\r\n{body}"
        );
        send_raw(&mock, raw.as_bytes()).await
    };
    let new = "anthropic-version: 2026-10-21\r\n";
    assert_eq!(ask(new, "").await.status(), 200);
    for more in [r#","temperature":1"#, r#","top_p":1.0"#, r#","top_k":null,"top_k":5"#] {
        let status = ask(new, more).await.status();
        assert_eq!(status, 400, "{more}");
    }
    assert_eq!(ask("anthropic-version: 2023-06-01\r\n", r#","temperature":1"#).await.status(), 200);
    let missing = ask("", "").await;
    assert_eq!(missing.status(), 400);
    assert!(missing.text().contains("anthropic-version: header is required"));
    assert_eq!(ask("anthropic-version: 2020-01-01\r\n", "").await.status(), 400);
}

#[tokio::test]
async fn credentials_are_told_apart() {
    let mock = start().await;
    let version = "anthropic-version: 2023-06-01\r\n";
    let cases = [
        ("", 401, "x-api-key header is required"),
        ("x-api-key: \r\n", 401, "x-api-key header is required"),
        ("x-api-key: sk-ant-invalid-1\r\n", 401, "invalid x-api-key"),
        ("Authorization: Bearer sk-ant-invalid\r\n", 401, "invalid bearer token"),
        ("x-api-key: sk-ant-forbidden\r\n", 403, "permission"),
        (
            "x-api-key: k\r\nOrigin: http://a\r\n",
            401,
            "CORS requests are not allowed for this Organization",
        ),
        ("x-api-key: anything\r\n", 200, "claude"),
        ("authorization: bearer anything\r\n", 200, "claude"),
    ];
    for (headers, status, wording) in cases {
        let raw = format!(
            "GET /v1/models HTTP/1.1\r\nHost: m\r\nConnection: close\r\n{version}{headers}\r\n"
        );
        let exchange = send_raw(&mock, raw.as_bytes()).await;
        assert_eq!(exchange.status(), status, "{headers}");
        assert!(exchange.text().contains(wording), "{headers}: {}", exchange.text());
    }
}

#[tokio::test]
async fn every_answer_has_the_headers_of_the_api() {
    let mock = start().await;
    for exchange in
        [ask(&mock, "x", "").await, stream(&mock, "x").await, get(&mock, "/v1/nothing").await]
    {
        assert!(exchange.header("request-id").unwrap().starts_with("req_01"));
        assert!(exchange.header("anthropic-organization-id").is_some());
        assert!(exchange.header("anthropic-ratelimit-requests-remaining").is_some());
        assert!(exchange.header("anthropic-ratelimit-requests-reset").unwrap().ends_with('Z'));
    }
}

#[tokio::test]
async fn models_page_and_validate() {
    let mock = start().await;
    let first = get(&mock, "/v1/models?limit=2").await.json();
    assert_eq!(first["data"].as_array().unwrap().len(), 2);
    assert_eq!(first["has_more"], true);
    let after = format!("/v1/models?limit=2&after_id={}", first["last_id"].as_str().unwrap());
    let second = get(&mock, &after).await.json();
    let before = format!("/v1/models?limit=2&before_id={}", second["first_id"].as_str().unwrap());
    assert_eq!(get(&mock, &before).await.json()["data"], first["data"]);
    let id = first["first_id"].as_str().unwrap();
    let one = get(&mock, &format!("/v1/models/{id}")).await;
    assert_eq!(one.json()["id"], id);
    assert_eq!(get(&mock, "/v1/models/claude-none").await.status(), 404);
    assert_eq!(get(&mock, "/v1/models?limit=0").await.status(), 400);
    let tag = one.header("etag").unwrap();
    let raw = head("GET", &format!("/v1/models/{id}"), &format!("If-None-Match: {tag}\r\n\r\n"));
    let known = send_raw(&mock, raw.as_bytes()).await;
    assert_eq!(known.status(), 304);
    assert!(known.body().is_empty());
    let asked = send_raw(&mock, format!("{}\r\n", head("HEAD", "/v1/models", "")).as_bytes()).await;
    assert_eq!(asked.status(), 200);
    assert!(asked.body().is_empty() && asked.header("content-length").unwrap() != "0");
}

#[tokio::test]
async fn the_small_endpoints_answer() {
    let mock = start().await;
    let counted = post(&mock, "/v1/messages/count_tokens", &prompt("hello", "")).await.json();
    assert!(counted["input_tokens"].as_u64().unwrap() > 0);
    let asked = "{\"model\":\"claude-2.1\",\"max_tokens_to_sample\":50,\"prompt\":\"\\n\\nHuman: hi\\n\\nAssistant:\"";
    let whole = post(&mock, "/v1/complete", &format!("{asked}}}")).await.json();
    let streamed =
        post(&mock, "/v1/complete", &format!("{asked},\"stream\":true}}")).await.events();
    let text: String =
        streamed.iter().filter_map(|(_, data)| data["completion"].as_str()).collect();
    assert_eq!(whole["completion"], text);
    let session = get(&mock, "/v1/sessions/sesn_1/events/stream").await;
    assert_eq!(session.events().last().unwrap().1["type"], "session.status_idle");
    assert_eq!(get(&mock, "/v1/environments/e/work/poll").await.status(), 204);
    assert_eq!(post(&mock, "/v1/environments/e/work/w/heartbeat", "{}").await.status(), 204);
    let echoed = post(&mock, "/v1/skills?beta=true&a[]=x", "body").await.json();
    let expected = json!({ "type": "echo", "method": "POST", "path": "/v1/skills", "query": "beta=true&a[]=x",
        "body_bytes": 4, "body_fnv1a": format!("{:016x}", ferry_mock::fnv1a(ferry_mock::FNV_START, b"body")) });
    assert_eq!(echoed, expected);
    assert_eq!(get(&mock, "/other").await.status(), 404);
    assert_eq!(get(&mock, "/v1/messages").await.status(), 405);
}

#[tokio::test]
async fn a_body_over_the_limit_is_read_to_its_end_and_refused() {
    let mock = start().await;
    let body = "x".repeat(33 * 1024 * 1024);
    let exchange = post_with(&mock, "/v1/messages", "", &body).await;
    assert_eq!(exchange.status(), 413);
    assert_eq!(exchange.json()["error"]["type"], "request_too_large");
    let last = mock.last().unwrap();
    assert_eq!(last.body_len, 33 * 1024 * 1024);
    assert_eq!(last.body.len(), 1024 * 1024);
    assert_eq!(last.body_digest(), ferry_mock::fnv1a(ferry_mock::FNV_START, body.as_bytes()));
    assert_eq!(mock.stats().generations_started, 0);
    let _: Value = last.to_json();
}
