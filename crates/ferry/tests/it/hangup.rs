//! A client that leaves frees everything at once (design.md 5.6): the node's generation, its seat, its memory; and it
//! is settled once.

use crate::harness::{Gateway, Setup, body, both, message, mock, request, seen, until};

async fn at_rest(gateway: &Gateway) {
    until("no request in flight", || gateway.running.in_flight() == 0).await;
    assert_eq!(gateway.metric("ferry_requests_in_flight"), Some(0.0));
    assert_eq!(gateway.metric("ferry_held_bytes"), Some(0.0));
}

/// Ends the gateway and asserts that its requests ended so, each once, in log and metrics alike.
async fn assert_settled(gateway: Gateway, outcomes: &[&str]) {
    for outcome in outcomes {
        let expected = outcomes.iter().filter(|other| *other == outcome).count();
        let page = gateway.running.metrics();
        let counted: usize = page
            .lines()
            .filter(|line| {
                line.starts_with("ferry_requests_total")
                    && line.contains(&format!("outcome=\"{outcome}\""))
            })
            .map(|line| line.rsplit_once(' ').unwrap().1.parse::<usize>().unwrap())
            .sum();
        assert_eq!(counted, expected, "{outcome}: {page}");
    }
    let logged: Vec<_> = gateway.into_requests().await;
    let logged: Vec<_> = logged.iter().map(|line| line["outcome"].as_str().unwrap()).collect();
    assert_eq!(logged, outcomes);
}

#[tokio::test]
async fn a_client_that_leaves_while_json_is_made_cancels_it() {
    let (mock, gateway) = both().await;
    let mut client = gateway.connect().await;
    client.send(message("[mock latency_ms=600000]", false)).await;
    seen(&mock, "the generation", |stats| stats.generations_started == 1).await;
    assert_eq!(gateway.running.in_flight(), 1);
    drop(client);
    seen(&mock, "the cancel", |stats| stats.generations_aborted == 1).await;
    at_rest(&gateway).await;
    assert_settled(gateway, &["hang_up"]).await;
}

#[tokio::test]
async fn a_client_that_leaves_in_a_stream_cancels_it() {
    let (mock, gateway) = both().await;
    let mut client = gateway.connect().await;
    let sent = request(
        "POST",
        "/v1/messages",
        &[("x-mock-fault", "stall:at=6")],
        &body("[mock chunks=9]", true),
    );
    client.send(sent).await;
    client.head().await;
    client.body_until("content_block_delta").await;
    drop(client);
    seen(&mock, "the cancel", |stats| stats.generations_aborted == 1).await;
    at_rest(&gateway).await;
    let lines = gateway.into_requests().await;
    assert_eq!(lines.len(), 1);
    assert_eq!(lines[0]["outcome"], "hang_up");
    assert_eq!(lines[0]["tokens_lower_bound"], true, "{}", lines[0]);
    assert!(lines[0]["tokens_input"].as_u64().is_some_and(|tokens| tokens > 0), "{}", lines[0]);
}

#[tokio::test]
async fn a_client_that_leaves_before_the_first_event_cancels_the_stream() {
    let (mock, gateway) = both().await;
    let mut client = gateway.connect().await;
    client.send(message("[mock ttfb_ms=600000]", true)).await;
    seen(&mock, "the generation", |stats| stats.generations_started == 1).await;
    drop(client);
    seen(&mock, "the cancel", |stats| stats.generations_aborted == 1).await;
    at_rest(&gateway).await;
    assert_settled(gateway, &["hang_up"]).await;
}

#[tokio::test]
async fn a_client_that_leaves_a_fast_stream_unread_cancels_it() {
    let (mock, gateway) = both().await;
    let mut client = gateway.connect().await;
    // Far more than sockets and buffers hold: the mock must still be writing.
    let large = br#"{"model":"claude-sonnet-5","max_tokens":64000,"stream":true,"messages":[{"role":"user","content":"[mock size=60000000 chunks=4000]"}]}"#;
    client
        .send(request(
            "POST",
            "/v1/messages",
            &[("x-mock-fault", "big-event:bytes=50000000")],
            large,
        ))
        .await;
    client.head().await;
    drop(client);
    seen(&mock, "the cancel", |stats| stats.generations_aborted == 1).await;
    at_rest(&gateway).await;
    assert_settled(gateway, &["hang_up"]).await;
}

#[tokio::test]
async fn a_client_that_leaves_in_an_upload_cancels_it() {
    let (mock, gateway) = both().await;
    let head = request("POST", "/v1/files", &[("content-length", "100000")], b"");
    let mut client = gateway.connect().await;
    client.send(head).await.send(vec![b'x'; 50_000]).await;
    seen(&mock, "the upload", |stats| stats.requests == 1).await;
    drop(client);
    let broken = |stats: &ferry_mock::Stats| {
        stats.by_path.get("POST /v1/files").is_some_and(|by| by.get(&0) == Some(&1))
    };
    seen(&mock, "the end of the upload", broken).await;
    at_rest(&gateway).await;
    let lines = gateway.into_requests().await;
    assert_eq!((lines.len(), &lines[0]["code"]), (1, &"body-broken".into()), "{lines:?}");
}

#[tokio::test]
async fn a_client_that_leaves_in_a_body_reaches_no_node() {
    let (mock, gateway) = both().await;
    let whole = message("Hello", false);
    let mut client = gateway.connect().await;
    client.send(&whole[..whole.len() - 5]).await;
    until("the request", || gateway.running.in_flight() == 1).await;
    drop(client);
    at_rest(&gateway).await;
    assert_eq!(mock.stats().connections, 0);
    assert_eq!(gateway.into_requests().await.len(), 1);
}

#[tokio::test]
async fn a_seat_is_given_back_by_a_client_that_leaves() {
    let mock = mock().await;
    let gateway = Setup::new().server("requests_max = 1").mock(&mock).start().await;
    let mut first = gateway.connect().await;
    first.send(message("[mock latency_ms=600000]", false)).await;
    seen(&mock, "the generation", |stats| stats.generations_started == 1).await;
    let full = gateway.ask(message("Hello", false)).await;
    full.assert_own(529, "requests-max");
    assert!(full.header("retry-after").is_some());
    assert_eq!(full.json()["error"]["type"], "overloaded_error");
    drop(first);
    at_rest(&gateway).await;
    assert_eq!(gateway.ask(message("Hello", true)).await.status, 200);
    at_rest(&gateway).await;
}

#[tokio::test]
async fn a_held_body_is_dropped_when_the_answer_begins() {
    let (_mock, gateway) = both().await;
    let large = format!(
        r#"{{"model":"claude-sonnet-5","max_tokens":64,"stream":true,"metadata":"{}","messages":[{{"role":"user","content":"[mock fault=stall:at=6]"}}]}}"#,
        "x".repeat(1_000_000)
    );
    let mut client = gateway.connect().await;
    client.send(request("POST", "/v1/messages", &[], large.as_bytes())).await;
    client.head().await;
    client.body_until("message_start").await;
    assert_eq!(gateway.running.in_flight(), 1);
    assert_eq!(gateway.metric("ferry_held_bytes"), Some(0.0));
}

#[tokio::test]
async fn a_half_closed_client_counts_as_one_that_left_and_is_told() {
    let (mock, gateway) = both().await;
    let mut client = gateway.connect().await;
    client.send(message("[mock latency_ms=600000]", false)).await;
    seen(&mock, "the generation", |stats| stats.generations_started == 1).await;
    client.finish().await;
    let answer = client.answer().await;
    assert_eq!((answer.status, answer.code()), (400, "half-closed"));
    client.assert_closed().await;
    seen(&mock, "the cancel", |stats| stats.generations_aborted == 1).await;
    at_rest(&gateway).await;
}

#[tokio::test]
async fn every_end_is_settled_exactly_once() {
    let (mock, gateway) = both().await;
    gateway.ask(message("Hello", false)).await;
    gateway.ask(message("Hello", true)).await;
    for fault in ["400", "529", "end", "reset"] {
        gateway
            .ask(request("POST", "/v1/messages", &[("x-mock-fault", fault)], &body("Hello", true)))
            .await;
    }
    gateway.ask(request("GET", "/v1/chat/completions", &[], b"")).await;
    gateway.ask(request("HEAD", "/v1/models", &[], b"")).await;
    at_rest(&gateway).await;
    drop(mock);
    let outcomes =
        ["ok", "ok", "client_error", "upstream_error", "cut", "node_failed", "refused", "ok"];
    assert_settled(gateway, &outcomes).await;
}

#[tokio::test]
async fn a_client_that_reads_nothing_is_cut() {
    let mock = mock().await;
    let gateway = Setup::new().timeout("client_idle_ms = 200").mock(&mock).start().await;
    let mut client = gateway.connect().await;
    let headers = [("x-mock-fault", "big-event:bytes=50000000")];
    client.send(request("POST", "/v1/messages", &headers, &body("Hello", true))).await;
    seen(&mock, "the cancel", |stats| stats.generations_aborted == 1).await;
    at_rest(&gateway).await;
}
