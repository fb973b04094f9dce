//! `nonstream_upstream = "stream"`: a call that is no stream travels as one, and its caller gets, field by field, the
//! answer that it would have got without.

use ferry_mock::{MockSettings, RunningMock};

use crate::harness::{
    Answer, Client, End, Gateway, Node, Setup, Step, body, bytes, get, http_json, message, mock,
    mock_with, request, sse,
};

const STREAM: &str = "nonstream_upstream = \"stream\"";

const TOOLS: &str = r#","tools":[{"name":"search","input_schema":{"type":"object"}},{"name":"weather","input_schema":{"type":"object","properties":{"city":{"type":"string"},"days":{"type":"integer"},"unit":{"enum":["c","\"f\\"]},"exact":{"type":"number"},"on":{"type":"boolean"},"tags":{"type":"array","items":{"type":"object","properties":{"a":{"type":"string"}}}}}}}]"#;

/// Two mocks of one seed, so that the prompt cache of one does not change the other's usage.
struct Pair {
    direct: RunningMock,
    behind: RunningMock,
    gateway: Gateway,
}

impl Pair {
    async fn new() -> Self {
        let settings = || MockSettings { seed: 7, ..MockSettings::default() };
        let (direct, behind) = (mock_with(settings()).await, mock_with(settings()).await);
        let gateway = Setup::new().node("mock", &behind.base_url(), STREAM).start().await;
        Self { direct, behind, gateway }
    }

    async fn same(&self, what: &str, sent: &[u8]) -> Answer {
        let direct = Client::connect(self.direct.addr()).await.ask(sent).await;
        let through = self.gateway.ask(sent).await;
        assert_eq!((through.status, through.end), (direct.status, End::Whole), "{what}");
        assert_eq!(through.json(), direct.json(), "{what}");
        assert_eq!(through.header("content-type"), direct.header("content-type"), "{what}");
        assert_eq!(through.header("request-id"), direct.header("request-id"), "{what}");
        assert_eq!(through.header("cache-control"), direct.header("cache-control"), "{what}");
        through
    }

    fn travelled_as_a_stream(&self) -> bool {
        let body = self.behind.last().unwrap().body;
        let json: serde_json::Value = serde_json::from_slice(&body).unwrap();
        json["stream"] == true
    }
}

fn call(prompt: &str, members: &str) -> Vec<u8> {
    let body = format!(
        r#"{{"model":"claude-sonnet-5","max_tokens":1000,"messages":[{{"role":"user","content":"{prompt}"}}]{members}}}"#
    );
    request("POST", "/v1/messages", &[], body.as_bytes())
}

#[tokio::test]
async fn every_kind_of_answer_is_the_same_as_without() {
    let pair = Pair::new().await;
    let any = r#","tool_choice":{"type":"any"}"#;
    let thinking = r#","thinking":{"type":"enabled","budget_tokens":1024}"#;
    let omitted = r#","thinking":{"type":"adaptive","display":"omitted"}"#;
    let cached = format!(
        r#","system":[{{"type":"text","text":"{}","cache_control":{{"type":"ephemeral"}}}}]"#,
        "rule ".repeat(300)
    );
    for (prompt, members) in [
        ("hello", String::new()),
        ("hello", r#","stream":false"#.to_owned()),
        ("请介绍一下产品", String::new()),
        ("[mock tokens=1]", String::new()),
        ("[mock size=100000]", String::new()),
        ("[mock chunks=200 pings=3]", String::new()),
        ("[mock flush]", String::new()),
        ("think", thinking.to_owned()),
        ("想一想", omitted.to_owned()),
        ("use it [mock tool]", TOOLS.to_owned()),
        ("use it [mock tool chunks=50]", format!("{TOOLS}{thinking}")),
        ("use it", format!("{TOOLS}{any}")),
        ("no [mock refusal]", thinking.to_owned()),
        ("wait [mock pause]", String::new()),
        ("[mock stop]", r#","stop_sequences":["END\n\"\\"]"#.to_owned()),
        ("one", cached.clone()),
        ("two", cached),
    ] {
        let answer = pair.same(prompt, &call(prompt, &members)).await;
        assert_eq!(answer.header("x-ferry-attempts"), Some("1"), "{prompt}");
        assert_eq!(answer.header("x-accel-buffering"), None);
        assert!(pair.travelled_as_a_stream(), "{prompt}");
    }
    for form in [
        "crlf",
        "comments",
        "unknown-event:after=3",
        "split:bytes=5",
        "join",
        "drip:bytes=200,ms=1",
    ] {
        pair.same(form, &call(&format!("hello [mock fault={form}]"), "")).await;
    }
}

#[tokio::test]
async fn a_completion_is_the_same_as_without() {
    let pair = Pair::new().await;
    let body = br#"{"model":"claude-2.1","max_tokens_to_sample":300,"prompt":"\n\nHuman: hi\n\nAssistant:"}"#;
    pair.same("complete", &request("POST", "/v1/complete", &[], body)).await;
    assert!(pair.travelled_as_a_stream());
}

#[tokio::test]
async fn what_is_no_such_call_travels_as_it_is() {
    let pair = Pair::new().await;
    let stream = pair.gateway.ask(message("Hello", true)).await;
    assert!(stream.text().ends_with("event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n"));
    assert_eq!(pair.behind.last().unwrap().body, body("Hello", true));
    let count = request("POST", "/v1/messages/count_tokens", &[], &body("Hello", false));
    assert_eq!(pair.gateway.ask(count).await.status, 200);
    assert_eq!(pair.behind.last().unwrap().body, body("Hello", false));
    assert_eq!(pair.gateway.ask(get("/v1/models")).await.status, 200);
}

#[tokio::test]
async fn a_body_that_the_edit_would_push_over_the_bound_travels_as_it_is() {
    const MAX: usize = 65_536;
    let mock = mock().await;
    let gateway = Setup::new()
        .server(&format!("body_bytes_max = {MAX}"))
        .node("mock", &mock.base_url(), STREAM)
        .start()
        .await;
    let of = |length: usize, members: &str| {
        let ends = format!("\"}}]{members}}}");
        let mut body =
            br#"{"model":"claude-sonnet-5","max_tokens":9,"messages":[{"role":"user","content":""#
                .to_vec();
        body.resize(length - ends.len(), b'x');
        body.extend_from_slice(ends.as_bytes());
        body
    };
    // `"stream":true,` has 14 bytes; a flag that is there already only gets shorter.
    for (length, members, grows) in
        [(MAX - 14, "", 14), (MAX - 13, "", 0), (MAX, "", 0), (MAX, ",\"stream\":false", -1)]
    {
        let sent = of(length, members);
        let answer = gateway.ask(request("POST", "/v1/messages", &[], &sent)).await;
        assert_eq!((answer.status, answer.end), (200, End::Whole), "{}", answer.text());
        let got = mock.last().unwrap().body;
        assert_eq!(got.len(), sent.len().checked_add_signed(grows).unwrap(), "{length}");
        assert!(grows != 0 || got == sent, "byte for byte");
    }
}

#[tokio::test]
async fn errors_are_the_same_as_without() {
    let pair = Pair::new().await;
    for fault in ["400", "401", "404", "413", "429:retry_after=60", "429:retry_after=none"] {
        pair.same(fault, &call(&format!("x [mock fault={fault}]"), "")).await;
    }
    // What the API refuses before it has begun is refused alike.
    let bad = request("POST", "/v1/messages", &[], br#"{"model":"claude-sonnet-5","messages":[]}"#);
    assert_eq!(pair.same("bad", &bad).await.status, 400);
}

#[tokio::test]
async fn a_line_says_so_and_another_says_no() {
    let mock = mock().await;
    let lines = "[lines.slow]\nnonstream_upstream = \"stream\"\n[lines.plain]\nnonstream_upstream = \"pass\"\n[lines.silent]";
    for (node, expected) in [("", [true, false, false, false]), (STREAM, [true, false, true, true])]
    {
        let gateway = Setup::new().table(lines).node("mock", &mock.base_url(), node).start().await;
        for (line, streams) in ["slow", "plain", "silent", ""].iter().zip(expected) {
            let sent =
                request("POST", "/v1/messages", &[("x-biz-type", line)], &body("Hello", false));
            let answer = gateway.ask(sent).await;
            assert_eq!((answer.status, answer.json()["type"].as_str()), (200, Some("message")));
            let arrived = mock.last().unwrap().body;
            let arrived = String::from_utf8_lossy(&arrived);
            assert_eq!(arrived.contains("\"stream\":true"), streams, "{line}: {arrived}");
        }
    }
}

#[tokio::test]
async fn an_error_event_has_its_status() {
    for (kind, status) in [
        ("invalid_request_error", 400),
        ("authentication_error", 401),
        ("permission_error", 403),
        ("not_found_error", 404),
        ("request_too_large", 413),
        ("rate_limit_error", 429),
        ("api_error", 500),
        ("timeout_error", 504),
        ("overloaded_error", 529),
    ] {
        for after in [0, 1, 4] {
            let mock = mock().await;
            let gateway =
                Setup::new().one_try().node("mock", &mock.base_url(), STREAM).start().await;
            mock.set_fault(&format!("error-event:after={after},type={kind}")).unwrap();
            let answer = gateway.ask(message("Hello", false)).await;
            assert_eq!((answer.status, answer.end), (status, End::Whole), "{}", answer.text());
            assert_eq!(answer.json()["error"]["type"], kind);
            assert_eq!(answer.header("content-type"), Some("application/json"));
            assert_eq!(mock.stats().requests, 1);
        }
    }
}

#[tokio::test]
async fn an_error_event_before_content_is_free_and_one_after_it_is_paid() {
    for (after, unpaid, status) in [(1, true, 200), (4, true, 529), (4, false, 200)] {
        let mock = mock().await;
        let table = if unpaid { "[retry]\npaid_burst = 0\npaid_ratio = 0" } else { "" };
        let gateway =
            Setup::new().table(table).node("mock", &mock.base_url(), STREAM).start().await;
        mock.set_fault(&format!("error-event:after={after}@count=1")).unwrap();
        let answer = gateway.ask(message("Hello", false)).await;
        assert_eq!(answer.status, status, "after {after}: {}", answer.text());
    }
}

#[tokio::test]
async fn a_cut_is_bought_once_more_and_never_a_half_answer() {
    for fault in
        ["cut:at=1,how=fin", "cut:at=4,how=rst", "end:after=5", "chunk-cut:after=4", "reset"]
    {
        let first = mock().await;
        let second = mock().await;
        let gateway = Setup::new()
            .node("first", &first.base_url(), STREAM)
            .node("second", &second.base_url(), "role = \"standby\"")
            .start()
            .await;
        first.set_fault(fault).unwrap();
        let answer = gateway.ask(message("Hello", false)).await;
        assert_eq!((answer.status, answer.header("x-ferry-attempts")), (200, Some("2")), "{fault}");
        assert_eq!(answer.json()["type"], "message");
        let arrived = second.last().unwrap().body;
        assert_eq!(arrived, body("Hello", false), "the other node takes it as it is");
    }
    let mock = mock().await;
    let gateway = Setup::new().one_try().node("mock", &mock.base_url(), STREAM).start().await;
    mock.set_fault("cut:at=4,how=fin").unwrap();
    gateway.ask(message("Hello", false)).await.assert_own(502, "node-lost");
}

#[tokio::test]
async fn silence_within_it_is_a_504_long_before_the_total() {
    let mock = mock().await;
    let gateway = Setup::new()
        .timeout("event_gap_ms = 150\nfirst_byte_ms = 400")
        .one_try()
        .node("mock", &mock.base_url(), STREAM)
        .start()
        .await;
    for fault in ["stall", "stall:at=0", "stall:at=4"] {
        mock.set_fault(fault).unwrap();
        let answer = gateway.ask(message("Hello", false)).await;
        assert_eq!(answer.status, 504, "{fault}: {}", answer.text());
    }
}

#[tokio::test]
async fn what_cannot_be_assembled_is_asked_for_as_it_is() {
    const WHOLE: &[u8] = br#"{"id":"msg_1","type":"message","model":"m","content":[],"usage":{"input_tokens":1,"output_tokens":1}}"#;
    let odd = "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"msg_1\",\"type\":\"message\",\"content\":[],\"usage\":{\"input_tokens\":1,\"output_tokens\":1}}}\n\nevent: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"text\",\"text\":\"\"}}\n\nevent: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"tomorrows_delta\",\"x\":1}}\n\nevent: content_block_stop\ndata: {\"type\":\"content_block_stop\",\"index\":0}\n\nevent: message_stop\ndata: {\"type\":\"message_stop\"}\n\n";
    let script = || {
        Node::in_turn(vec![
            vec![sse(), bytes(odd), Step::Close],
            vec![bytes(http_json("200 OK", WHOLE))],
        ])
    };
    let node = script().await;
    let gateway = Setup::new().node("n", &node.url(), STREAM).start().await;
    let answer = gateway.ask(message("Hello", false)).await;
    assert_eq!((answer.status, answer.body.as_slice()), (200, WHOLE), "{}", answer.text());
    let sent: Vec<_> =
        node.requests().iter().map(|r| String::from_utf8_lossy(r).into_owned()).collect();
    assert!(sent[0].contains("\"stream\":true"), "{}", sent[0]);
    assert!(sent[1].ends_with(&*String::from_utf8_lossy(&body("Hello", false))), "{}", sent[1]);
    // It is no fault of the path, and a second generation that has to be paid for.
    let node = script().await;
    let unpaid = "[retry]\npaid_burst = 0\npaid_ratio = 0";
    let gateway = Setup::new().table(unpaid).node("n", &node.url(), STREAM).start().await;
    gateway.ask(message("Hello", false)).await.assert_own(502, "unassembled");
    assert_eq!(crate::harness::status(&gateway).await[0].failures, 0);
}

#[tokio::test]
async fn a_node_that_answers_json_all_the_same_is_understood() {
    const WHOLE: &[u8] = br#"{"id":"msg_1","type":"message","model":"m","content":[],"usage":{"input_tokens":1,"output_tokens":1}}"#;
    let node = Node::saying(vec![bytes(http_json("200 OK", WHOLE))]).await;
    let gateway = Setup::new().node("n", &node.url(), STREAM).start().await;
    let answer = gateway.ask(message("Hello", false)).await;
    assert_eq!((answer.status, answer.body.as_slice()), (200, WHOLE));
}

#[tokio::test]
async fn an_assembled_answer_is_settled_with_its_usage() {
    let pair = Pair::new().await;
    let answer = pair.gateway.ask(message("Hello", false)).await;
    let usage = answer.json()["usage"].clone();
    let line = pair.gateway.into_requests().await.swap_remove(0);
    assert_eq!(line["outcome"], "ok", "{line}");
    assert_eq!(line["tokens_input"], usage["input_tokens"], "{line}");
    assert_eq!(line["tokens_output"], usage["output_tokens"], "{line}");
}

#[tokio::test]
async fn a_client_that_leaves_cancels_what_is_being_assembled() {
    let mock = mock().await;
    let gateway = Setup::new().node("mock", &mock.base_url(), STREAM).start().await;
    let mut client = gateway.connect().await;
    client.send(message("[mock chunks=50 delay_ms=60000]", false)).await;
    crate::harness::seen(&mock, "the generation", |stats| stats.generations_started == 1).await;
    drop(client);
    crate::harness::seen(&mock, "the cancel", |stats| stats.generations_aborted == 1).await;
    crate::harness::until("rest", || gateway.running.in_flight() == 0).await;
    assert_eq!(gateway.metric("ferry_held_bytes"), Some(0.0));
}
