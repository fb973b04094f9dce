//! May a failed try be made again (reliability.md 2.1): each row of the table over real sockets. The first node is a
//! primary and the second a standby, so that the order is known.

use ferry_gateway::upstream::status::NodeState;
use ferry_mock::{MockSettings, RunningMock, TlsSettings};
use tokio::time::Instant;

use crate::harness::{
    Answer, End, Gateway, Node, Setup, Step, body, bytes, get, http_json, message, mock, mock_with,
    request, sse, status,
};

const UNPAID: &str = "[retry]\npaid_burst = 0\npaid_ratio = 0";

/// Two mocks behind a gateway; the second is asked when the first will not do.
struct Two {
    first: RunningMock,
    second: RunningMock,
    gateway: Gateway,
}

impl Two {
    async fn new() -> Self {
        Self::with(Setup::new().timeout("patience_ms = 300")).await
    }

    async fn with(setup: Setup) -> Self {
        let (first, second) = (mock().await, mock().await);
        let gateway = setup
            .node("first", &first.base_url(), "")
            .node("second", &second.base_url(), "role = \"standby\"")
            .start()
            .await;
        Self { first, second, gateway }
    }

    fn written(&self) -> (u64, u64) {
        (self.first.stats().requests, self.second.stats().requests)
    }

    fn retries(&self, cost: &str) -> u64 {
        retries(&self.gateway, cost)
    }
}

fn retries(gateway: &Gateway, cost: &str) -> u64 {
    let page = gateway.running.metrics();
    let name = format!("ferry_retries_total{{cost=\"{cost}\"}} ");
    page.lines().find_map(|line| line.strip_prefix(&name)).unwrap().parse().unwrap()
}

#[track_caller]
fn assert_from(answer: &Answer, node: &str, attempts: &str) {
    assert_eq!((answer.status, answer.end), (200, End::Whole), "{}", answer.text());
    assert_eq!(answer.header("x-ferry-node"), Some(node));
    assert_eq!(answer.header("x-ferry-attempts"), Some(attempts));
    assert!(!answer.text().contains("event: error"), "{}", answer.text());
}

/// An `error` event of this type, as the body of a stream.
fn error_event(kind: &str) -> String {
    format!(
        "event: error\ndata: {{\"type\":\"error\",\"error\":{{\"type\":\"{kind}\",\"message\":\"m\"}}}}\n\n"
    )
}

const START: &str =
    "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"msg_1\"}}\n\n";
const BLOCK: &str =
    "event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":0}\n\n";
const STOP: &str = "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n";

#[tokio::test]
async fn a_node_without_room_is_left_for_the_other_one() {
    for fault in ["500", "502", "503", "504", "529"] {
        for stream in [false, true] {
            let two = Two::with(Setup::new().table(UNPAID)).await;
            two.first.set_fault(fault).unwrap();
            assert_from(&two.gateway.ask(message("Hello", stream)).await, "second", "2");
            assert_eq!(two.written(), (1, 1), "{fault}");
            assert_eq!((two.retries("free"), two.retries("paid")), (1, 0), "{fault}");
            let nodes = status(&two.gateway).await;
            assert_eq!(nodes[0].failures, 0, "{fault}: the path brought an answer");
        }
    }
}

#[tokio::test]
async fn no_room_anywhere_passes_unchanged_and_says_that_another_try_is_no_use() {
    for stream in [false, true] {
        let two = Two::new().await;
        for mock in [&two.first, &two.second] {
            mock.set_fault("529").unwrap();
        }
        let answer = two.gateway.ask(message("Hello", stream)).await;
        assert_eq!(answer.status, 529, "{}", answer.text());
        assert_eq!(answer.json()["error"]["type"], "overloaded_error");
        assert_eq!(answer.json()["request_id"], answer.header("request-id").unwrap());
        assert!(answer.header("request-id").unwrap().starts_with("req_"));
        assert_eq!(answer.header("x-should-retry"), Some("false"));
        assert_eq!(answer.header("x-ferry-attempts"), Some("3"));
        let (first, second) = two.written();
        assert_eq!(first + second, 3);
    }
}

#[tokio::test]
async fn an_answer_that_a_retry_replaced_is_counted_at_its_node() {
    let two = Two::new().await;
    two.first.set_fault("529@count=1").unwrap();
    assert_from(&two.gateway.ask(message("Hello", false)).await, "second", "2");
    let of = |node: &str, result: &str| {
        let name = format!("ferry_attempts_total{{node=\"{node}\",result=\"{result}\"}}");
        two.gateway.metric(&name)
    };
    assert_eq!(of("first", "upstream_error"), Some(1.0));
    assert_eq!((of("first", "ok"), of("second", "ok")), (Some(0.0), Some(1.0)));
}

#[tokio::test]
async fn a_limited_key_goes_to_another_node_at_once() {
    let two = Two::new().await;
    two.first.set_fault("429:retry_after=30").unwrap();
    assert_from(&two.gateway.ask(message("Hello", false)).await, "second", "2");
    assert_from(&two.gateway.ask(message("Hello", true)).await, "second", "1");
    assert_eq!(two.written(), (1, 2), "the second knows that the first cools");
}

#[tokio::test]
async fn a_limit_that_fits_the_patience_is_waited_for() {
    let mock = mock().await;
    let gateway = Setup::new().mock(&mock).start().await;
    mock.set_fault("429:retry_after_ms=150@count=1").unwrap();
    let begun = Instant::now();
    assert_from(&gateway.ask(message("Hello", false)).await, "mock", "2");
    assert!(begun.elapsed().as_millis() >= 150, "not before its time: {:?}", begun.elapsed());
    mock.set_fault("429:retry_after=1@count=1").unwrap();
    let begun = Instant::now();
    assert_from(&gateway.ask(message("Hello", true)).await, "mock", "2");
    assert!(begun.elapsed().as_millis() >= 1000, "not before its time: {:?}", begun.elapsed());
    assert_eq!(retries(&gateway, "free"), 2);
}

#[tokio::test]
async fn a_limit_that_does_not_fit_the_patience_passes_unchanged_and_unmarked() {
    let alone = mock().await;
    let gateway = Setup::new().mock(&alone).start().await;
    alone.set_fault("429:retry_after=30").unwrap();
    let answer = gateway.ask(message("Hello", false)).await;
    assert_eq!((answer.status, answer.header("retry-after")), (429, Some("30")));
    assert_eq!(answer.header("x-should-retry"), None);
    assert_eq!(alone.stats().requests, 1);
    // Everywhere, after a try at each: the client's own wait is worth it all the same.
    let two = Two::new().await;
    two.first.set_fault("429:retry_after=30").unwrap();
    two.second.set_fault("429:retry_after=40").unwrap();
    let answer = two.gateway.ask(message("Hello", true)).await;
    assert_eq!((answer.status, answer.header("x-should-retry")), (429, None));
    assert!(matches!(answer.header("retry-after"), Some("30" | "40")));
    assert_eq!(two.written(), (1, 1));
}

#[tokio::test]
async fn what_another_try_cannot_change_is_final_and_tried_once() {
    for fault in [
        "400",
        "401",
        "402",
        "403",
        "404",
        "409",
        "413",
        "422",
        "429:retry_after=none",
        "429:error_code=spend_limit,message=reached your spend_limit,retry_after=1",
        "529:should_retry=false",
        "500:should_retry=false",
    ] {
        for stream in [false, true] {
            let two = Two::new().await;
            two.first.set_fault(fault).unwrap();
            let answer = two.gateway.ask(message("Hello", stream)).await;
            assert_eq!(answer.status.to_string(), fault[..3], "{}", answer.text());
            assert_eq!(two.written(), (1, 0), "{fault}");
            assert_eq!(answer.header("x-ferry-attempts"), Some("1"));
            let said = fault.ends_with("should_retry=false").then_some("false");
            assert_eq!(answer.header("x-should-retry"), said, "{fault}");
        }
    }
}

#[tokio::test]
async fn an_error_event_before_content_goes_elsewhere_as_its_status_would() {
    for kind in ["overloaded_error", "api_error", "timeout_error"] {
        for after in [0, 1] {
            let two = Two::with(Setup::new().table(UNPAID)).await;
            two.first.set_fault(&format!("error-event:after={after},type={kind}")).unwrap();
            let answer = two.gateway.ask(message("Hello", true)).await;
            assert_from(&answer, "second", "2");
            assert!(answer.text().ends_with(STOP), "{}", answer.text());
            assert_eq!(answer.text().matches("event: message_start").count(), 1);
            assert_eq!(two.written(), (1, 1), "{kind} after {after}");
        }
    }
}

#[tokio::test]
async fn an_error_event_that_another_try_cannot_change_passes() {
    for kind in ["invalid_request_error", "authentication_error", "rate_limit_error"] {
        let two = Two::new().await;
        two.first.set_fault(&format!("error-event:after=1,type={kind}")).unwrap();
        let answer = two.gateway.ask(message("Hello", true)).await;
        assert_eq!((answer.status, answer.end), (200, End::Whole));
        assert_eq!(answer.text().matches("event: error").count(), 1, "{}", answer.text());
        assert!(answer.text().contains(kind));
        assert_eq!(two.written(), (1, 0), "{kind}");
    }
}

#[tokio::test]
async fn an_error_event_everywhere_passes_once() {
    let two = Two::new().await;
    for mock in [&two.first, &two.second] {
        mock.set_fault("error-event:after=1").unwrap();
    }
    let answer = two.gateway.ask(message("Hello", true)).await;
    assert_eq!((answer.status, answer.end), (200, End::Whole));
    assert_eq!(answer.text().matches("event: error").count(), 1, "{}", answer.text());
    assert_eq!(answer.text().matches("event: message_start").count(), 1);
    let (first, second) = two.written();
    assert_eq!(first + second, 3);
}

#[tokio::test]
async fn an_error_event_after_content_passes() {
    let two = Two::new().await;
    two.first.set_fault("error-event:after=4").unwrap();
    let answer = two.gateway.ask(message("Hello", true)).await;
    assert!(answer.text().contains("overloaded_error"), "{}", answer.text());
    assert_eq!(answer.header("x-ferry-node"), Some("first"));
    assert_eq!(two.written(), (1, 0));
}

#[tokio::test]
async fn a_stream_cut_before_its_content_is_bought_once_more() {
    for fault in
        ["cut:at=1,how=fin", "cut:at=1,how=rst", "end:after=1", "chunk-cut:after=1", "cut:at=0"]
    {
        let two = Two::new().await;
        two.first.set_fault(fault).unwrap();
        let answer = two.gateway.ask(message("Hello", true)).await;
        assert_from(&answer, "second", "2");
        assert_eq!(answer.text().matches("event: message_start").count(), 1, "{fault}");
        assert_eq!((two.retries("free"), two.retries("paid")), (0, 1), "{fault}");
    }
}

#[tokio::test]
async fn a_stream_cut_after_its_content_began_ends_in_an_error_event() {
    for fault in ["cut:at=3,how=fin", "cut:at=3,how=rst", "end:after=3"] {
        let two = Two::new().await;
        two.first.set_fault(fault).unwrap();
        let answer = two.gateway.ask(message("Hello", true)).await;
        assert_eq!((answer.status, answer.end), (200, End::Whole));
        assert!(answer.text().contains("\"error_code\":\"stream-cut\""), "{}", answer.text());
        assert_eq!(two.written(), (1, 0), "{fault}");
        assert_eq!(two.retries("paid"), 0);
    }
}

#[tokio::test]
async fn a_stale_connection_costs_one_new_one_and_no_other_of_the_pool() {
    let mock = mock().await;
    let gateway = Setup::new().table(UNPAID).mock(&mock).start().await;
    // Three connections in the pool.
    let slow = message("[mock latency_ms=200]", false);
    let (one, two, three) =
        tokio::join!(gateway.ask(&slow), gateway.ask(&slow), gateway.ask(&slow));
    assert!([one, two, three].iter().all(|answer| answer.status == 200));
    let (opened, written) = (mock.stats().connections, mock.stats().requests);
    mock.set_fault("reset@count=1").unwrap();
    assert_from(&gateway.ask(message("Hello", false)).await, "mock", "2");
    let stats = mock.stats();
    assert_eq!((stats.connections, stats.requests), (opened + 1, written + 2));
    assert_eq!((retries(&gateway, "free"), retries(&gateway, "paid")), (1, 0));
    let nodes = status(&gateway).await;
    assert_eq!(nodes[0].failures, 0, "an accident of keep-alive is nobody's fault");
}

#[tokio::test]
async fn what_was_given_back_unwritten_is_free() {
    let tls = Some(TlsSettings::default());
    let mock = mock_with(MockSettings { tls, ..MockSettings::default() }).await;
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("ca.pem"), mock.ca_pem().unwrap()).unwrap();
    let ca = format!("extra_ca_file = \"{}/ca.pem\"", dir.path().display());
    let gateway = Setup::new().table(UNPAID).node("mock", &mock.base_url(), &ca).start().await;
    for fault in ["refused-stream@count=1", "goaway@count=1"] {
        for stream in [false, true] {
            mock.set_fault(fault).unwrap();
            assert_from(&gateway.ask(message("Hello", stream)).await, "mock", "2");
        }
    }
    let upload = request("POST", "/v1/messages/batches", &[], br#"{"requests":[]}"#);
    mock.set_fault("refused-stream@count=1").unwrap();
    let answer = gateway.ask(upload).await;
    assert_eq!(answer.header("x-ferry-attempts"), Some("2"), "{}", answer.text());
    assert_eq!((retries(&gateway, "free"), retries(&gateway, "paid")), (5, 0));
    assert_eq!(status(&gateway).await[0].failures, 0);
}

#[tokio::test]
async fn what_no_node_takes_is_told_apart_from_what_was_lost() {
    let tls = Some(TlsSettings::default());
    let mock = mock_with(MockSettings { tls, ..MockSettings::default() }).await;
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("ca.pem"), mock.ca_pem().unwrap()).unwrap();
    let ca = format!("extra_ca_file = \"{}/ca.pem\"", dir.path().display());
    let gateway = Setup::new().node("mock", &mock.base_url(), &ca).start().await;
    mock.set_fault("refused-stream").unwrap();
    for stream in [false, true] {
        let answer = gateway.ask(message("Hello", stream)).await;
        answer.assert_own(503, "not-taken");
        assert!(answer.header("retry-after").is_some());
        assert!(answer.text().contains("nothing is billed"), "{}", answer.text());
        assert_ne!(answer.header("x-should-retry"), Some("false"), "another try costs nothing");
    }
    assert_eq!((retries(&gateway, "paid"), mock.stats().generations_started), (0, 0));
}

#[tokio::test]
async fn what_was_lost_is_told_though_no_node_is_left_for_the_retry() {
    for fault in ["reset", "cut:at=1"] {
        let mut mock = mock().await;
        let gateway = Setup::new().timeout("patience_ms = 700").mock(&mock).start().await;
        mock.set_fault(&format!("delay:ms=300+{fault}")).unwrap();
        let mut client = gateway.connect().await;
        client.send(message("Hello", false)).await;
        mock.stats_when(|stats| stats.requests == 1).await;
        mock.set_listening(false).await;
        let answer = client.answer().await;
        answer.assert_own(502, "node-lost");
        assert!(answer.text().contains("may have been billed"), "{}", answer.text());
        assert_eq!(answer.header("x-ferry-node"), Some("mock"));
        assert_eq!((mock.stats().requests, retries(&gateway, "paid")), (1, 1), "{fault}");
    }
}

#[tokio::test]
async fn what_was_lost_on_a_fresh_connection_is_bought_once_more() {
    for fault in ["reset", "cut:how=fin", "half", "cut:at=1,how=rst"] {
        let two = Two::new().await;
        two.first.set_fault(fault).unwrap();
        assert_from(&two.gateway.ask(message("Hello", false)).await, "second", "2");
        assert_eq!((two.retries("free"), two.retries("paid")), (0, 1), "{fault}");
    }
}

#[tokio::test]
async fn nobody_buys_a_third_generation() {
    let two = Two::new().await;
    for mock in [&two.first, &two.second] {
        mock.set_fault("reset").unwrap();
    }
    let answer = two.gateway.ask(message("Hello", false)).await;
    answer.assert_own(502, "node-lost");
    assert_eq!(answer.header("x-should-retry"), Some("false"));
    assert_eq!(two.written(), (1, 1));
}

#[tokio::test]
async fn without_a_budget_nothing_is_bought() {
    let two = Two::with(Setup::new().table(UNPAID)).await;
    two.first.set_fault("reset").unwrap();
    let answer = two.gateway.ask(message("Hello", false)).await;
    answer.assert_own(502, "node-lost");
    assert_eq!(answer.header("x-should-retry"), None);
    assert_eq!(two.written(), (1, 0));
    assert_eq!(two.gateway.metric("ferry_retries_refused_total"), Some(1.0));
    assert_eq!(two.retries("paid"), 0);
}

#[tokio::test]
async fn the_budget_is_of_all_requests_together() {
    let two = Two::with(Setup::new().table("[retry]\npaid_burst = 2\npaid_ratio = 0")).await;
    // A path that fails is soon left; both nodes fail alike here, and no breaker shuts the last one.
    for mock in [&two.first, &two.second] {
        mock.set_fault("reset").unwrap();
    }
    for _ in 0..5 {
        two.gateway.ask(message("Hello", false)).await.assert_own(502, "node-lost");
    }
    let (first, second) = two.written();
    assert_eq!(first + second, 7, "five, and two that were bought");
    assert_eq!(two.retries("paid"), 2);
}

#[tokio::test]
async fn what_is_stored_is_never_made_twice() {
    let batch: &[u8] = br#"{"requests":[{"custom_id":"a","params":{"model":"claude-sonnet-5","max_tokens":9,"messages":[{"role":"user","content":"hi"}]}}]}"#;
    for fault in ["reset", "cut:how=fin", "half", "html:code=504"] {
        let two = Two::new().await;
        two.first.set_fault(fault).unwrap();
        let answer = two.gateway.ask(request("POST", "/v1/messages/batches", &[], batch)).await;
        assert!(matches!(answer.status, 502 | 504), "{fault}: {}", answer.text());
        assert_eq!(two.written(), (1, 0), "{fault}");
    }
    let two = Two::new().await;
    two.first.set_fault("reset").unwrap();
    let upload = request("POST", "/v1/files", &[], &vec![b'x'; 1000]);
    two.gateway.ask(upload).await.assert_own(502, "node-lost");
    assert_eq!(two.written(), (1, 0));
    // What was turned away before anything was stored may go elsewhere.
    two.first.set_fault("529").unwrap();
    let answer = two.gateway.ask(request("POST", "/v1/messages/batches", &[], batch)).await;
    assert_from(&answer, "second", "2");
}

#[tokio::test]
async fn what_changes_nothing_is_asked_again_for_nothing() {
    for sent in
        [get("/v1/models"), request("POST", "/v1/messages/count_tokens", &[], &body("x", false))]
    {
        let two = Two::with(Setup::new().table(UNPAID)).await;
        two.first.set_fault("reset").unwrap();
        assert_from(&two.gateway.ask(sent).await, "second", "2");
        assert_eq!((two.retries("free"), two.retries("paid")), (1, 0));
    }
}

#[tokio::test]
async fn the_clients_own_retries_count_as_ferrys() {
    for (count, tries) in [("0", 3), ("1", 2), ("2", 1), ("7", 1), ("x", 3)] {
        let two = Two::new().await;
        for mock in [&two.first, &two.second] {
            mock.set_fault("529").unwrap();
        }
        let headers = [("x-stainless-retry-count", count)];
        let answer =
            two.gateway.ask(request("POST", "/v1/messages", &headers, &body("Hello", false))).await;
        assert_eq!(answer.status, 529);
        let (first, second) = two.written();
        assert_eq!(first + second, tries, "{count}");
        assert_eq!(two.first.last().unwrap().headers["x-stainless-retry-count"], count);
    }
}

#[tokio::test]
async fn a_relay_that_reached_nobody_is_left_and_its_path_blamed() {
    let page = "<html>502 Bad Gateway</html>";
    let said = |status: &str, kind: &str, text: &str| {
        format!(
            "HTTP/1.1 {status}\r\ncontent-type: {kind}\r\ncontent-length: {}\r\n\r\n{text}",
            text.len()
        )
    };
    let envoy = "upstream connect error or disconnect/reset before headers";
    for answer in [
        said("503 Service Unavailable", "text/html; charset=utf-8", page),
        said("530 Origin", "text/html", page),
        said("503 Service Unavailable", "text/plain", envoy),
        said("503 Service Unavailable", "application/json", "{\"message\":\"no upstream\"}"),
        "HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n".to_owned(),
        "HTTP/1.1 503 Service Unavailable\r\nconnection: close\r\n\r\nno route".to_owned(),
    ] {
        for stream in [false, true] {
            let relay = Node::saying(vec![bytes(&answer), Step::Close]).await;
            let second = mock().await;
            let gateway = Setup::new()
                .table(UNPAID)
                .node("first", &relay.url(), "")
                .node("second", &second.base_url(), "role = \"standby\"")
                .start()
                .await;
            assert_from(&gateway.ask(message("Hello", stream)).await, "second", "2");
            assert_eq!(relay.requests().len(), 1);
            assert_eq!(status(&gateway).await[0].failures, 1, "{answer}");
        }
    }
}

#[tokio::test]
async fn a_relay_that_gave_up_waiting_may_have_been_billed() {
    let page = "HTTP/1.1 504 Gateway Timeout\r\ncontent-type: text/html\r\ncontent-length: 6\r\n\r\n<html>";
    let second = mock().await;
    for (retry, attempts, code) in [("[retry]", "2", 200), (UNPAID, "1", 504)] {
        let relay = Node::saying(vec![bytes(page)]).await;
        let gateway = Setup::new()
            .table(retry)
            .node("first", &relay.url(), "")
            .node("second", &second.base_url(), "role = \"standby\"")
            .start()
            .await;
        let answer = gateway.ask(message("Hello", false)).await;
        assert_eq!((answer.status, answer.header("x-ferry-attempts")), (code, Some(attempts)));
    }
}

#[tokio::test]
async fn an_error_that_was_got_is_given_when_the_retry_finds_no_node() {
    for fault in ["529", "500", "429:retry_after_ms=10"] {
        let mock = mock().await;
        let gateway = Setup::new().timeout("patience_ms = 700").mock(&mock).start().await;
        mock.set_fault(&format!("{fault}+refuse:ms=600000+close")).unwrap();
        let answer = gateway.ask(message("Hello", false)).await;
        assert_eq!(answer.status.to_string(), fault[..3], "{}", answer.text());
        assert_eq!(answer.header("x-ferry-node"), Some("mock"));
        assert_eq!(answer.json()["request_id"], answer.header("request-id").unwrap());
        assert_eq!(mock.stats().requests, 1);
    }
}

#[tokio::test]
async fn an_error_that_was_got_is_given_when_the_retry_fails_worse() {
    let first = Node::saying(vec![bytes(http_json(
        "529 Overloaded",
        br#"{"type":"error","error":{"type":"overloaded_error","message":"m"}}"#,
    ))])
    .await;
    let second = mock().await;
    second.set_fault("reset").unwrap();
    let gateway = Setup::new()
        .table("[retry]\nattempts = 2")
        .node("first", &first.url(), "")
        .node("second", &second.base_url(), "role = \"standby\"")
        .start()
        .await;
    let answer = gateway.ask(message("Hello", false)).await;
    assert_eq!(answer.status, 529, "{}", answer.text());
    assert_eq!(answer.header("x-ferry-node"), Some("first"));
    assert_eq!(answer.header("x-should-retry"), Some("false"));
}

#[tokio::test]
async fn a_body_that_flows_is_written_once() {
    let two = Two::new().await;
    two.first.set_fault("529").unwrap();
    let answer = two.gateway.ask(request("POST", "/v1/things", &[], &vec![b'x'; 100_000])).await;
    assert_eq!(answer.status, 529);
    assert_eq!(two.written(), (1, 0));
}

#[tokio::test]
async fn the_head_of_a_stream_waits_for_its_content_a_second_at_most() {
    let node = Node::saying(vec![sse(), bytes(START), Step::Hold]).await;
    let gateway = Setup::new().node("n", &node.url(), "").start().await;
    let mut client = gateway.connect().await;
    let begun = Instant::now();
    client.send(message("Hello", true)).await;
    assert_eq!(client.head().await.status, 200);
    assert!(begun.elapsed().as_millis() >= 1000, "{:?}", begun.elapsed());
    client.body_until("message_start").await;
}

#[tokio::test]
async fn the_head_of_a_stream_leaves_with_its_content_or_with_64_kib() {
    let comments = format!(": {}\n\n", "x".repeat(1000)).repeat(70);
    for begins in [format!("{START}{BLOCK}"), format!("{START}{comments}")] {
        // On a loaded machine a second passes quickly: one of some tries tells.
        let mut took = Vec::new();
        for _ in 0..8 {
            let node = Node::saying(vec![sse(), bytes(&begins), Step::Hold]).await;
            let gateway = Setup::new().node("n", &node.url(), "").start().await;
            let mut client = gateway.connect().await;
            let begun = Instant::now();
            client.send(message("Hello", true)).await;
            assert_eq!(client.head().await.status, 200);
            took.push(begun.elapsed().as_millis());
            if took.iter().any(|ms| *ms < 900) {
                break;
            }
        }
        assert!(took.iter().any(|ms| *ms < 900), "{took:?}");
    }
}

#[tokio::test]
async fn nothing_that_a_failed_try_said_reaches_the_client() {
    let first = Node::saying(vec![
        sse(),
        bytes(": secret of the first\n\n"),
        bytes(START.replace("msg_1", "msg_first")),
        bytes(error_event("overloaded_error")),
        Step::Close,
    ])
    .await;
    let second =
        Node::saying(vec![sse(), bytes(format!("{START}{BLOCK}{STOP}")), Step::Close]).await;
    let gateway = Setup::new()
        .node("first", &first.url(), "")
        .node("second", &second.url(), "role = \"standby\"")
        .start()
        .await;
    let answer = gateway.ask(message("Hello", true)).await;
    assert_from(&answer, "second", "2");
    assert_eq!(answer.text(), format!("{START}{BLOCK}{STOP}"));
}

/// Bytes as an answer in JSON of this status, without a request id.
fn unsigned(status: &str, body: &str) -> String {
    String::from_utf8(http_json(status, body.as_bytes())).unwrap()
}

#[tokio::test]
async fn json_that_is_not_the_apis_is_blamed_on_the_path() {
    let relays =
        [r#"{"error":"words"}"#, r#"{"error":{"code":502}}"#, r#"{"message":"no upstream"}"#, "[]"];
    let of_the_api = r#"{"type":"error","error":{"type":"api_error","message":"m"}}"#;
    for (body, failures) in relays.map(|body| (body, 1)).into_iter().chain([(of_the_api, 0)]) {
        let node = Node::saying(vec![bytes(unsigned("502 Bad Gateway", body))]).await;
        let gateway = Setup::new().one_try().node("n", &node.url(), "").start().await;
        let answer = gateway.ask(message("Hello", false)).await;
        assert_eq!((answer.status, answer.text()), (502, body), "it passes unchanged");
        assert_eq!(status(&gateway).await[0].failures, failures, "{body}");
    }
}

#[tokio::test]
async fn whatever_ends_no_answer_opens_the_breaker_after_three() {
    let stream = |events: &str| {
        format!(
            "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n\
             {:x}\r\n{events}\r\n0\r\n\r\n",
            events.len()
        )
    };
    let redirect = "HTTP/1.1 302 Found\r\nlocation: /login\r\ncontent-length: 0\r\n\r\n";
    let half = unsigned("200 OK", "{\"type\":\"message\",\"content\":[{\"text\":\"abc");
    for (answer, streams) in [
        (stream(START), true),
        (stream(&format!("{START}{BLOCK}")), true),
        (half, false),
        (redirect.to_owned(), false),
        (redirect.to_owned(), true),
    ] {
        let node = Node::saying(vec![bytes(&answer)]).await;
        let second = mock().await;
        let gateway = Setup::new()
            .node("first", &node.url(), "")
            .node("second", &second.base_url(), "role = \"standby\"")
            .start()
            .await;
        for _ in 0..12 {
            let answer = gateway.ask(message("Hello", streams)).await;
            assert_eq!((answer.status, answer.end), (200, End::Whole), "{}", answer.text());
        }
        assert_eq!(node.requests().len(), 3, "read to their end, they are failures: {answer}");
        assert_eq!(status(&gateway).await[0].state, NodeState::Open);
    }
}

#[tokio::test]
async fn a_relays_502_may_have_been_billed_and_its_breaker_opens_after_three() {
    let page = "<html><h1>502 Bad Gateway</h1></html>";
    let answer = format!(
        "HTTP/1.1 502 Bad Gateway\r\ncontent-type: text/html\r\ncontent-length: {}\r\n\r\n{page}",
        page.len()
    );
    let relay = Node::saying(vec![bytes(&answer)]).await;
    let second = mock().await;
    let nodes = |setup: Setup| {
        setup.node("first", &relay.url(), "").node(
            "second",
            &second.base_url(),
            "role = \"standby\"",
        )
    };
    let unpaid = nodes(Setup::new().table(UNPAID)).start().await;
    assert_eq!(unpaid.ask(message("Hello", false)).await.status, 502, "the relay's own word");
    assert_eq!(second.stats().generations_started, 0);
    let gateway = nodes(Setup::new()).start().await;
    for _ in 0..12 {
        assert_eq!(gateway.ask(message("Hello", false)).await.status, 200);
    }
    assert_eq!(relay.requests().len(), 1 + 3, "read to their end, they are failures all the same");
}
