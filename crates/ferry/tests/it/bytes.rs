//! Bytes both ways (design.md 5.1): what Ferry need not change arrives as it was sent, requests and answers alike.

use ferry_mock::MockSettings;

use crate::harness::{
    Answer, Client, End, Gateway, KEY, Node, Setup, Step, body, both, bytes, get, guarded,
    http_json, message, mock, mock_with, request, seen, sse,
};

/// Header names that may differ between an answer through Ferry and one without.
const MAY_DIFFER: [&str; 7] = [
    "date",
    "connection",
    "transfer-encoding",
    "content-length",
    "anthropic-ratelimit-requests-reset",
    "x-accel-buffering",
    "cache-control",
];

/// The headers that must be the same.
fn comparable(answer: &Answer) -> Vec<(String, String)> {
    let kept = |name: &str| !MAY_DIFFER.contains(&name) && !name.starts_with("x-ferry-");
    let mut headers: Vec<_> =
        answer.headers.iter().filter(|(name, _)| kept(name)).cloned().collect();
    headers.sort();
    headers
}

/// Takes out what a clock wrote.
fn timeless(text: &[u8]) -> String {
    let text = String::from_utf8_lossy(text);
    let mut out = String::new();
    let mut rest: &str = &text;
    // RFC 3339 with a fraction: 2026-01-02T03:04:05.678Z
    while let Some(at) = rest.find("\"20") {
        let (before, from) = rest.split_at(at);
        out.push_str(before);
        let end = from[1..].find('"').map_or(from.len(), |end| end + 2);
        let value = &from[..end];
        out.push_str(if value.contains('T') && value.ends_with("Z\"") {
            "\"TIME\""
        } else {
            value
        });
        rest = &from[end..];
    }
    out + rest
}

/// Asks a mock directly and another one, with the same seed and the same past, through Ferry.
struct Pair {
    direct: ferry_mock::RunningMock,
    behind: ferry_mock::RunningMock,
    gateway: Gateway,
}

impl Pair {
    async fn new() -> Self {
        let settings = MockSettings {
            seed: 7,
            results_base: Some("https://api.anthropic.com".to_owned()),
            ..MockSettings::default()
        };
        let (direct, behind) = (mock_with(settings.clone()).await, mock_with(settings).await);
        let gateway = Setup::new()
            .server("public_url = \"https://api.anthropic.com\"")
            .one_try()
            .mock(&behind)
            .start()
            .await;
        Self { direct, behind, gateway }
    }

    async fn ask(&self, what: &str, request: &[u8]) -> (Answer, Answer) {
        let direct = Client::connect(self.direct.addr()).await.ask(request).await;
        let through = self.gateway.ask(request).await;
        assert_eq!(direct.end, End::Whole, "{what}");
        assert_eq!(through.end, End::Whole, "{what}");
        (direct, through)
    }

    /// Asserts that both answers are the same, and gives them.
    async fn same(&self, what: &str, request: &[u8]) -> Answer {
        let (direct, through) = self.ask(what, request).await;
        assert_eq!(through.status, direct.status, "{what}");
        assert_eq!(comparable(&through), comparable(&direct), "{what}");
        assert_eq!(timeless(&through.body), timeless(&direct.body), "{what}");
        through
    }
}

fn with_fault(fault: &str, stream: bool) -> Vec<u8> {
    request("POST", "/v1/messages", &[("x-mock-fault", fault)], &body("Hello", stream))
}

#[tokio::test]
async fn json_bodies_reach_the_node_byte_for_byte() {
    let (mock, gateway) = both().await;
    let odd: [&str; 8] = [
        r#"{"model":"m","max_tokens":1,"messages":[]}"#,
        "\n\t {\r\n \"max_tokens\" : 1.0e2 , \"messages\" : [ ] ,\"model\":\"m\"\t}\n\n",
        r#"{"model":"m","temperature":1.0,"top_p":1e-0,"a":-0,"b":0.10,"big":123456789012345678901234567890,"messages":[]}"#,
        r#"{"model":"m\u0000\u00e9\/","unknown":{"deep":[[[{"x":null}]]]},"messages":[{"role":"user","content":"\ud83d\ude00 \u4f60"}]}"#,
        r#"{"model":"m","messages":[{"role":"assistant","content":[{"type":"thinking","thinking":"…","signature":"EqQB+/=="}]}]}"#,
        r#"{"messages":[{"content":"a\\b\"c\u2028"}],"model":"m","stream":false,"stream_options":{"x":true}}"#,
        r#"{"model":"m","messages":[{"role":"user","content":"你好，世界 — ünïcödé"}]}"#,
        r#"{"model":"m","tools":[{"name":"t","input_schema":{"type":"object","properties":{"model":{"stream":true}}}}],"messages":[]}"#,
    ];
    for path in
        ["/v1/messages", "/v1/messages/count_tokens", "/v1/messages/batches", "/v1/complete"]
    {
        for body in odd {
            gateway.ask(request("POST", path, &[], body.as_bytes())).await;
            let arrived = mock.last().unwrap();
            assert_eq!(arrived.uri.path(), path);
            assert_eq!(String::from_utf8_lossy(&arrived.body), body);
            assert_eq!(arrived.headers["content-length"], body.len().to_string());
        }
    }
}

#[tokio::test]
async fn a_chunked_body_reaches_the_node_with_the_same_bytes() {
    let (mock, gateway) = both().await;
    let body = body("chunk by chunk", false);
    let mut sent = request(
        "POST",
        "/v1/messages",
        &[("content-length", ""), ("transfer-encoding", "chunked")],
        b"",
    );
    for chunk in body.chunks(7) {
        sent.extend_from_slice(format!("{:x};ext=1\r\n", chunk.len()).as_bytes());
        sent.extend_from_slice(chunk);
        sent.extend_from_slice(b"\r\n");
    }
    sent.extend_from_slice(b"0\r\nx-trailer: never goes upstream\r\n\r\n");
    assert_eq!(gateway.ask(&sent).await.status, 200);
    let arrived = mock.last().unwrap();
    assert_eq!(arrived.body, body);
    assert!(!arrived.headers.contains_key("x-trailer"));
    assert!(!arrived.headers.contains_key("trailer"));
}

#[tokio::test]
async fn a_body_sent_byte_by_byte_reaches_the_node_whole() {
    let (mock, gateway) = both().await;
    let whole = message("byte by byte", false);
    let mut client = gateway.connect().await;
    for byte in &whole {
        client.send([*byte]).await;
    }
    assert_eq!(client.answer().await.status, 200);
    assert_eq!(mock.last().unwrap().body, body("byte by byte", false));
}

#[tokio::test]
async fn the_node_gets_the_clients_headers_without_the_listed_exceptions() {
    let (mock, gateway) = both().await;
    let kept = [
        ("anthropic-beta", "a-2024-01-01,b-2025-02-02"),
        ("anthropic-dangerous-direct-browser-access", "true"),
        ("Anthropic-Workspace-Id", "wrkspc_1"),
        ("user-agent", "anthropic-python/2.12.0"),
        ("accept", "application/json"),
        ("x-stainless-retry-count", "0"),
        ("x-stainless-read-timeout", "600"),
        ("X-Claude-Code-Session-Id", "abc"),
        ("x-unknown", "  kept, \"as\" it = is;  "),
        ("idempotency-key", "stainless-python-retry-1"),
        ("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
    ];
    let dropped = [
        ("Connection", "keep-alive, x-listed"),
        ("x-listed", "named by Connection"),
        ("keep-alive", "timeout=5"),
        ("te", "trailers"),
        ("trailer", "x-t"),
        ("proxy-authorization", "Basic eA=="),
        ("forwarded", "for=10.0.0.1"),
        ("x-forwarded-for", "10.0.0.1"),
        ("x-forwarded-host", "inside.example"),
        ("x-forwarded-proto", "http"),
        ("via", "1.1 squid"),
        ("cookie", "session=1"),
        ("x-biz-type", "customer_service"),
        ("x-ferry-debug", "1"),
        ("x-claude-timezone", "Mars/Olympus"),
        ("accept-encoding", "gzip, br, zstd"),
    ];
    let headers: Vec<_> = kept.iter().chain(&dropped).copied().collect();
    let body = body("Hello", false);
    let answer = gateway.ask(request("POST", "/v1/messages", &headers, &body)).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let mut arrived: Vec<_> = mock.last().unwrap().header_lines();
    for (name, _) in &mut arrived {
        name.make_ascii_lowercase();
    }
    arrived.sort();
    let length = body.len().to_string();
    let host = mock.addr().to_string();
    let mut expected: Vec<(String, String)> = kept
        .iter()
        .map(|(name, value)| (*name, value.trim()))
        .chain([
            ("host", host.as_str()),
            ("x-api-key", KEY),
            ("anthropic-version", "2023-06-01"),
            ("content-type", "application/json"),
            ("content-length", length.as_str()),
            ("accept-encoding", "identity"),
        ])
        .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
        .collect();
    expected.sort();
    assert_eq!(arrived, expected);
}

#[tokio::test]
async fn repeated_headers_keep_their_values_and_order() {
    let (mock, gateway) = both().await;
    let headers = [("anthropic-beta", "one"), ("x-other", "o"), ("anthropic-beta", "two,three")];
    gateway.ask(request("POST", "/v1/messages", &headers, &body("Hello", false))).await;
    let arrived = mock.last().unwrap();
    let values: Vec<_> = arrived.headers.get_all("anthropic-beta").iter().collect();
    assert_eq!(values, ["one", "two,three"]);
}

#[tokio::test]
async fn a_route_that_is_not_observed_keeps_its_accept_encoding() {
    let (mock, gateway) = both().await;
    gateway.ask(request("GET", "/v1/models", &[("accept-encoding", "gzip")], b"")).await;
    assert_eq!(mock.last().unwrap().headers["accept-encoding"], "gzip");
}

#[tokio::test]
async fn both_api_versions_pass_and_none_is_ever_set() {
    let (mock, gateway) = both().await;
    for version in ["2023-06-01", "2026-10-21", "2099-01-01", "nonsense"] {
        let sent = request(
            "POST",
            "/v1/messages",
            &[("anthropic-version", version)],
            &body("Hello", false),
        );
        gateway.ask(sent).await;
        assert_eq!(mock.last().unwrap().headers["anthropic-version"], version);
    }
    let sent = request("POST", "/v1/messages", &[("anthropic-version", "")], &body("Hello", false));
    let answer = gateway.ask(sent).await;
    assert!(!mock.last().unwrap().headers.contains_key("anthropic-version"));
    assert_eq!(answer.status, 400, "the node's own word on it");
    assert_eq!(answer.json()["error"]["message"], "anthropic-version: header is required");
}

#[tokio::test]
async fn query_strings_pass_as_they_are_written() {
    let (mock, gateway) = both().await;
    for target in [
        "/v1/models?limit=2&after_id=a%2Fb&x=%E4%BD%A0&&y=+&z=%2B",
        "/v1/models?",
        "/v1/models?a=b?c=d&e",
        "/v1/files?scope_id=sesn_1&%61=1",
        "/v1/things/%20x%C3%A9?q=%00",
        "/v1/organization_things?x=1",
    ] {
        gateway.ask(get(target)).await;
        assert_eq!(mock.last().unwrap().uri.to_string(), target);
    }
}

#[tokio::test]
async fn multipart_jsonl_and_binary_uploads_flow_unchanged() {
    let (mock, gateway) = both().await;
    let binary: Vec<u8> =
        (0..200_000_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    let mut multipart = b"preamble\r\n--b\r\ncontent-disposition: form-data; name=\"file\"; filename=\"x.bin\"\r\n\r\n".to_vec();
    multipart.extend_from_slice(&binary);
    multipart.extend_from_slice(b"\r\n--b--\r\nepilogue");
    let jsonl = b"{\"a\": 1}\r\n{\"b\":\t2.0}\n\n{".to_vec();
    let cases: [(&str, &str, &[u8]); 4] = [
        ("/v1/files", "multipart/form-data; boundary=b", &multipart),
        ("/v1/skills", "multipart/form-data; boundary=b", &multipart),
        ("/v1/things", "application/x-ndjson", &jsonl),
        ("/v1/things", "application/octet-stream", &binary),
    ];
    for (path, content_type, body) in cases {
        let length = request("POST", path, &[("content-type", content_type)], body);
        let mut chunked = request(
            "POST",
            path,
            &[
                ("content-type", content_type),
                ("content-length", ""),
                ("transfer-encoding", "chunked"),
            ],
            b"",
        );
        for chunk in body.chunks(30_000) {
            chunked.extend_from_slice(format!("{:X}\r\n", chunk.len()).as_bytes());
            chunked.extend_from_slice(chunk);
            chunked.extend_from_slice(b"\r\n");
        }
        chunked.extend_from_slice(b"0\r\n\r\n");
        for sent in [length, chunked] {
            let answer = gateway.ask(sent).await;
            assert_eq!(answer.status, 200, "{}", answer.text());
            let arrived = mock.last().unwrap();
            assert_eq!(arrived.body, body, "{path}");
            assert_eq!(arrived.headers["content-type"], content_type);
        }
    }
}

#[tokio::test]
async fn an_upload_reaches_the_node_before_it_has_ended() {
    let (mock, gateway) = both().await;
    let head = request("POST", "/v1/files", &[("content-length", "1000")], b"");
    let mut client = gateway.connect().await;
    client.send(&head).await.send([b'x'; 500]).await;
    seen(&mock, "the upload's head", |stats| stats.requests == 1).await;
    client.send([b'y'; 500]).await;
    let answer = client.answer().await;
    assert_eq!(answer.status, 400, "no multipart: the mock's own word");
    assert_eq!(mock.last().unwrap().body_len, 1000);
}

#[tokio::test]
async fn expect_100_continue_is_answered_and_not_sent_on() {
    let (mock, gateway) = both().await;
    let body = body("Hello", false);
    let length = body.len().to_string();
    let head = request(
        "POST",
        "/v1/messages",
        &[("expect", "100-continue"), ("content-length", &length)],
        b"",
    );
    let mut client = gateway.connect().await;
    let interim = client.send(&head).await.interim().await;
    assert!(interim.starts_with("HTTP/1.1 100 "), "{interim}");
    assert_eq!(client.send(&body).await.answer().await.status, 200);
    assert!(!mock.last().unwrap().headers.contains_key("expect"));
}

#[tokio::test]
async fn every_kind_of_answer_is_the_same_as_without_ferry() {
    let pair = Pair::new().await;
    let tool = br#"{"model":"claude-sonnet-5","max_tokens":99,"stream":true,"tools":[{"name":"weather","input_schema":{"type":"object","properties":{"city":{"type":"string"}},"required":["city"]}}],"messages":[{"role":"user","content":"[mock tool]"}]}"#;
    let thinking = br#"{"model":"claude-sonnet-5","max_tokens":4000,"stream":true,"thinking":{"type":"enabled","budget_tokens":1024},"messages":[{"role":"user","content":"Think"}]}"#;
    let complete = |stream: bool| {
        format!(
            r#"{{"model":"claude-2","prompt":"\n\nHuman: hi\n\nAssistant:","max_tokens_to_sample":20,"stream":{stream}}}"#
        )
    };
    let batch = br#"{"requests":[{"custom_id":"a","params":{"model":"claude-sonnet-5","max_tokens":9,"messages":[{"role":"user","content":"hi"}]}}]}"#;
    let post = |path: &str, body: &[u8]| request("POST", path, &[], body);
    let cases: Vec<(&str, Vec<u8>)> = vec![
        ("json", message("Hello", false)),
        ("stream", message("Hello", true)),
        ("chinese", message("你好", true)),
        ("tool", post("/v1/messages", tool)),
        ("thinking", post("/v1/messages", thinking)),
        ("refusal", message("[mock refusal]", true)),
        ("pause", message("[mock pause]", false)),
        ("pings", message("[mock pings=1 chunks=5]", true)),
        ("flush", message("[mock flush chunks=40]", true)),
        ("beta query", request("POST", "/v1/messages?beta=true", &[], &body("Hello", false))),
        ("count", post("/v1/messages/count_tokens", &body("Hello", false))),
        ("complete", post("/v1/complete", complete(false).as_bytes())),
        ("complete stream", post("/v1/complete", complete(true).as_bytes())),
        ("batch", post("/v1/messages/batches", batch)),
        ("batches", get("/v1/messages/batches")),
        ("models", get("/v1/models?limit=3")),
        ("model", get("/v1/models/claude-sonnet-5")),
        ("no model", get("/v1/models/none")),
        ("files", get("/v1/files")),
        ("head", request("HEAD", "/v1/models", &[], b"")),
        ("head of nothing", request("HEAD", "/v1/models/none", &[], b"")),
        ("delete", request("DELETE", "/v1/files/file_none", &[], b"")),
        ("session", get("/v1/sessions/sesn_1/events/stream")),
        ("poll", get("/v1/environments/env_1/work/poll")),
        ("heartbeat", post("/v1/environments/env_1/work/w/heartbeat", b"{}")),
        ("put", request("PUT", "/v1/things/1", &[], b"{\"a\": 1}")),
        ("patch", request("PATCH", "/v1/things/1", &[], b"x")),
        ("unknown path", get("/v1/unheard/of")),
        (
            "bearer",
            request(
                "POST",
                "/v1/messages",
                &[("x-api-key", ""), ("authorization", "Bearer sk-ant-api03-b34rer")],
                &body("Hello", true),
            ),
        ),
        (
            "2026-10-21",
            request(
                "POST",
                "/v1/messages",
                &[("anthropic-version", "2026-10-21")],
                &body("Hello", true),
            ),
        ),
    ];
    for (what, sent) in cases {
        pair.same(what, &sent).await;
    }
    let stats = (pair.direct.stats(), pair.behind.stats());
    assert_eq!(stats.0.generations_finished, stats.1.generations_finished);
    assert_eq!(stats.0.tokens, stats.1.tokens);
}

#[tokio::test]
async fn an_answer_in_any_shape_of_writes_is_the_same_as_without_ferry() {
    let pair = Pair::new().await;
    for fault in [
        "split",
        "split:bytes=1",
        "split:bytes=1000",
        "join",
        "crlf",
        "crlf+split:bytes=3",
        "comments",
        "unknown-event",
        "unknown-event:after=0",
        "big-event",
        "big-event:bytes=200000+split:bytes=4096",
        "drip:bytes=600,ms=1",
        "chunked",
        "close",
        "big-head:bytes=24000",
        "delay:ms=1",
        "error-event",
        "error-event:after=1,type=api_error",
        "stall:at=2,ms=1",
    ] {
        let streamed = pair.same(fault, &with_fault(fault, true)).await;
        assert!(!streamed.body.is_empty());
        pair.same(fault, &with_fault(fault, false)).await;
    }
}

#[tokio::test]
async fn an_event_of_200_kb_passes_whole() {
    let pair = Pair::new().await;
    let answer = pair.same("big", &with_fault("big-event:bytes=200000", true)).await;
    assert!(answer.body.len() > 200_000);
    assert!(answer.text().contains("event: message_stop"));
    assert!(!answer.text().contains("event: error"));
}

#[tokio::test]
async fn a_304_has_no_body_and_keeps_its_tag() {
    let pair = Pair::new().await;
    let (_direct, models) = pair.ask("models", &get("/v1/models")).await;
    let tag = models.header("etag").unwrap().to_owned();
    let again =
        pair.same("304", &request("GET", "/v1/models", &[("if-none-match", &tag)], b"")).await;
    assert_eq!(again.status, 304);
    assert_eq!(again.header("etag"), Some(tag.as_str()));
}

#[tokio::test]
async fn a_file_comes_back_as_it_was_uploaded() {
    let (_mock, gateway) = both().await;
    let content: Vec<u8> = (0..150_000_u32).map(|n| (n % 251) as u8).collect();
    let mut form = b"--b\r\ncontent-disposition: form-data; name=\"file\"; filename=\"x\"\r\ncontent-type: application/zip\r\n\r\n".to_vec();
    form.extend_from_slice(&content);
    form.extend_from_slice(b"\r\n--b--\r\n");
    let sent =
        request("POST", "/v1/files", &[("content-type", "multipart/form-data; boundary=b")], &form);
    let uploaded = gateway.ask(sent).await.json();
    let id = uploaded["id"].as_str().unwrap();
    let answer = gateway.ask(get(&format!("/v1/files/{id}/content"))).await;
    assert_eq!(answer.header("content-type"), Some("application/zip"));
    assert_eq!(answer.header("content-length"), Some("150000"));
    assert_eq!(answer.body, content);
}

#[tokio::test]
async fn a_long_poll_is_waited_for_and_a_204_has_no_body() {
    let settings = MockSettings {
        poll_duration: std::time::Duration::from_millis(30),
        ..MockSettings::default()
    };
    let mock = mock_with(settings).await;
    let gateway = Gateway::before(&mock).await;
    let mut client = gateway.connect().await;
    let answer = client.ask(get("/v1/environments/env_1/work/poll")).await;
    assert_eq!((answer.status, answer.body.len()), (204, 0));
    assert_eq!(answer.header("content-length"), None);
    // The connection serves on: nothing of a body was left on it.
    assert_eq!(client.ask(message("Hello", false)).await.status, 200);
}

#[tokio::test]
async fn a_session_stream_sends_its_head_before_its_first_event() {
    let mock = mock().await;
    let gateway = Gateway::before(&mock).await;
    let mut client = gateway.connect().await;
    let sent =
        request("GET", "/v1/sessions/s/events/stream", &[("x-mock-fault", "stall:at=0")], b"");
    client.send(sent).await;
    let head = client.head().await;
    assert_eq!(head.status, 200);
    assert_eq!(head.header("content-type").unwrap().split(';').next(), Some("text/event-stream"));
}

#[tokio::test]
async fn json_answers_keep_every_byte() {
    let odd = "\n { \"type\" :\"message\", \"id\":\"msg_1\",\"role\":\"assistant\",\"model\":\"m\", \"content\":[{\"type\":\"thinking\",\"thinking\":\"\\u4f60\",\"signature\":\"a+/=\"},{\"unknown\":[1.0,1e5,-0.0,12345678901234567890123]}],\r\n \"stop_reason\":\"new_reason\",\"usage\":{\"input_tokens\":1,\"output_tokens\":2,\"new_class\":{\"x\":1.50}},\"stop_sequence\":null,\"future\":{}}\t\n";
    let node = Node::saying(vec![bytes(http_json("200 OK", odd.as_bytes()))]).await;
    let gateway = Setup::new().node("n", &node.url(), "").start().await;
    let answer = gateway.ask(message("Hello", false)).await;
    assert_eq!(answer.text(), odd);
    let count = r#"{ "input_tokens" : 1.0e1, "x":0.10 }"#;
    let node = Node::saying(vec![bytes(http_json("200 OK", count.as_bytes()))]).await;
    let gateway = Setup::new().node("n", &node.url(), "").start().await;
    let sent = request("POST", "/v1/messages/count_tokens", &[], &body("x", false));
    assert_eq!(gateway.ask(sent).await.text(), count);
}

const EVENTS: &str = "event: message_start\r\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"msg_1\",\"model\":\"m\",\"usage\":{\"input_tokens\":1.0,\"output_tokens\":1}}}\r\n\r\n: comment\n\nevent: future_event\ndata: {\"type\":\"future_event\",\ndata: \"x\":1e2}\nid: 7\nretry: 10\n\nevent:ping\ndata:{\"type\":\"ping\"}\n\ndata: {\"no\":\"name\"}\n\nevent: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"你好\\n\"}}\n\nevent: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\"},\"usage\":{\"output_tokens\":5}}\n\nevent: message_stop\ndata: {\"type\":\"message_stop\"}\n\n";

#[tokio::test]
async fn events_split_anywhere_arrive_as_they_were_sent() {
    for size in [1, 2, 3, 5, 16, 100, EVENTS.len()] {
        let mut steps = vec![sse()];
        for piece in EVENTS.as_bytes().chunks(size) {
            steps.extend([bytes(piece), Step::Pause]);
        }
        steps.push(Step::Close);
        let node = Node::saying(steps).await;
        let gateway = Setup::new().node("n", &node.url(), "").start().await;
        let answer = gateway.ask(message("Hello", true)).await;
        assert_eq!(answer.text(), EVENTS, "pieces of {size}");
        assert_eq!(answer.end, End::Whole);
    }
}

#[tokio::test]
async fn no_half_event_leaves_before_its_other_half_has_come() {
    let (first, second) = EVENTS.split_at(EVENTS.find("future_event\",").unwrap());
    let complete = first.rfind("\n\n").unwrap() + 2;
    let node = Node::saying(vec![sse(), bytes(first), Step::Hold]).await;
    let gateway =
        Setup::new().timeout("event_gap_ms = 50").node("n", &node.url(), "").start().await;
    let answer = gateway.ask(message("Hello", true)).await;
    assert!(answer.text().starts_with(&first[..complete]));
    assert!(!answer.text().contains(&second[..10]));
    // What is left of the half event is followed by nothing that could be mistaken for its other half.
    assert!(answer.text().contains("event: error\n"), "{}", answer.text());
}

#[tokio::test]
async fn all_complete_events_of_one_read_leave_in_one_write() {
    let node = Node::saying(vec![sse(), bytes(EVENTS), Step::Hold]).await;
    let gateway = Setup::new().node("n", &node.url(), "").start().await;
    let mut client = gateway.connect().await;
    client.send(message("Hello", true)).await;
    client.head().await;
    let piece = guarded("the events", client.piece()).await;
    assert_eq!(piece, crate::harness::Piece::Data(EVENTS.as_bytes().to_vec()));
}

#[tokio::test]
async fn a_connection_carries_one_request_after_the_other() {
    let (mock, gateway) = both().await;
    let mut client = gateway.connect().await;
    for turn in 0..5 {
        let answer = client.ask(message("Hello", turn % 2 == 0)).await;
        assert_eq!(answer.status, 200);
    }
    assert_eq!(mock.stats().connections, 1, "the connection to the node is kept as well");
}

#[tokio::test]
async fn pipelined_requests_are_answered_in_order() {
    let (_mock, gateway) = both().await;
    let mut client = gateway.connect().await;
    let mut sent = get("/v1/models/claude-sonnet-5");
    sent.extend(get("/v1/models/claude-opus-5"));
    client.send(sent).await;
    assert_eq!(client.answer().await.json()["id"], "claude-sonnet-5");
    assert_eq!(client.answer().await.json()["id"], "claude-opus-5");
}

#[tokio::test]
async fn what_is_between_ferry_and_the_node_does_not_reach_the_client() {
    let body = br#"{"type":"message","content":[],"usage":{"input_tokens":1,"output_tokens":1}}"#;
    let mut answer = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: keep-alive, x-listed\r\n\
         x-listed: 1\r\nkeep-alive: timeout=5\r\nproxy-authenticate: Basic\r\nx-ferry-node: forged\r\n\
         x-ferry-hint: forged\r\nanthropic-new: kept\r\nset-cookie: a=1\r\nset-cookie: b=2\r\n\
         trailer: x-trailer\r\ntransfer-encoding: chunked\r\n\r\n{:x}\r\n",
        body.len()
    )
    .into_bytes();
    answer.extend_from_slice(body);
    answer.extend_from_slice(b"\r\n0\r\nx-trailer: dropped\r\n\r\n");
    let node = Node::saying(vec![bytes(answer)]).await;
    let gateway = Setup::new().node("n", &node.url(), "").start().await;
    let answer = gateway.ask(message("Hello", false)).await;
    assert_eq!(answer.body, body);
    for gone in ["x-listed", "keep-alive", "proxy-authenticate", "x-ferry-hint", "trailer"] {
        assert_eq!(answer.header(gone), None, "{gone}");
    }
    assert_eq!(answer.header("x-ferry-node"), Some("n"));
    assert_eq!(answer.header("anthropic-new"), Some("kept"));
    let cookies = answer.headers.iter().filter(|(name, _)| name == "set-cookie").count();
    assert_eq!(cookies, 2);
}

#[tokio::test]
async fn an_interim_answer_of_a_node_is_not_taken_for_the_answer() {
    let body = br#"{"type":"message","content":[],"usage":{"input_tokens":1,"output_tokens":1}}"#;
    let mut answer =
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n".to_vec();
    answer.extend(http_json("200 OK", body));
    let node = Node::saying(vec![bytes(answer)]).await;
    let gateway = Setup::new().node("n", &node.url(), "").start().await;
    let answer = gateway.ask(message("Hello", false)).await;
    assert_eq!((answer.status, &answer.body[..]), (200, &body[..]));
}

#[tokio::test]
async fn the_address_that_a_trusted_proxy_names_is_logged_and_no_other() {
    let mock = mock().await;
    let headers = [("x-forwarded-for", "203.0.113.9")];
    let sent = request("POST", "/v1/messages", &headers, &body("Hello", false));
    let trusting =
        Setup::new().server("trusted_proxies = [\"127.0.0.0/8\"]").mock(&mock).start().await;
    assert_eq!(trusting.ask(&sent).await.status, 200);
    assert_eq!(trusting.into_requests().await[0]["client"], "203.0.113.9");
    let plain = Gateway::before(&mock).await;
    assert_eq!(plain.ask(&sent).await.status, 200);
    assert_eq!(plain.into_requests().await[0]["client"], "127.0.0.1");
    let proxied = Setup::new()
        .server("trusted_proxies = [\"127.0.0.0/8\"]\nproxy_protocol = true")
        .mock(&mock)
        .start()
        .await;
    let mut client = proxied.connect().await;
    client.send("PROXY TCP4 198.51.100.7 10.0.0.1 50000 443\r\n").await;
    assert_eq!(client.ask(message("Hello", false)).await.status, 200);
    assert_eq!(proxied.into_requests().await[0]["client"], "198.51.100.7");
}
