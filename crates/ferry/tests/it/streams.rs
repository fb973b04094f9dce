//! Streams pass every middle box (design.md 5.9): headers against buffers, pings against idle limits.

use crate::harness::{Node, Setup, Step, body, both, bytes, message, mock, request, sse};

#[tokio::test]
async fn a_stream_says_that_nobody_may_buffer_it() {
    let (_mock, gateway) = both().await;
    let answer = gateway.ask(message("Hello", true)).await;
    assert_eq!(answer.header("x-accel-buffering"), Some("no"));
    assert_eq!(answer.header("cache-control"), Some("no-cache, no-transform"));
    assert_eq!(answer.header("content-length"), None);
    let json = gateway.ask(message("Hello", false)).await;
    assert_eq!(json.header("x-accel-buffering"), None);
}

#[tokio::test]
async fn every_answer_names_its_request_node_and_tries() {
    let (_mock, gateway) = both().await;
    for stream in [true, false] {
        let answer = gateway.ask(message("Hello", stream)).await;
        assert!(answer.header("x-ferry-request-id").unwrap().starts_with("fry_"));
        assert!(
            answer.header("request-id").unwrap().starts_with("req_"),
            "the node's own id stays"
        );
        assert_eq!(answer.header("x-ferry-node"), Some("mock"));
        assert_eq!(answer.header("x-ferry-attempts"), Some("1"));
    }
}

#[tokio::test]
async fn silence_in_a_stream_is_filled_with_pings() {
    let mock = mock().await;
    let gateway = Setup::new().server("ping_ms = 20").mock(&mock).start().await;
    let mut client = gateway.connect().await;
    let sent =
        request("POST", "/v1/messages", &[("x-mock-fault", "stall:at=4")], &body("Hello", true));
    client.send(sent).await;
    client.head().await;
    let first = client.body_until("content_block_delta").await;
    let own = String::from_utf8(first).unwrap().matches("event: ping").count();
    let mut pings = String::new();
    while pings.matches("event: ping\ndata: {\"type\": \"ping\"}\n\n").count() < 3 {
        pings += &String::from_utf8(client.body_until("ping").await).unwrap();
    }
    assert_eq!(
        pings.replace("event: ping\ndata: {\"type\": \"ping\"}\n\n", ""),
        "",
        "nothing but pings"
    );
    assert!(own <= 1, "the mock's own ping only");
}

#[tokio::test]
async fn no_ping_stands_inside_a_long_event() {
    let long = "x".repeat(100 * 1024);
    let start = "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{}}\n\n";
    let (first, second) = ("event: content_block_delta\ndata: {\"text\":\"", "\"}\n\n");
    let stop = "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n";
    let node = Node::saying(vec![
        sse(),
        bytes(start),
        bytes(first),
        bytes(&long),
        Step::Wait(150),
        bytes(second),
        Step::Wait(100),
        bytes(stop),
        Step::Close,
    ])
    .await;
    let gateway = Setup::new().server("ping_ms = 20").node("n", &node.url(), "").start().await;
    let answer = gateway.ask(message("Hello", true)).await;
    let event = format!("{first}{long}{second}");
    assert!(answer.text().contains(&event), "the long event is in one piece");
    let after = answer.text().split_once(&event).unwrap().1;
    assert!(after.starts_with("event: ping\n"), "pings go on behind it: {after}");
    assert!(after.ends_with(stop));
}

#[tokio::test]
async fn a_partial_event_waits_and_its_ping_goes_before_it() {
    let start = "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{}}\n\nevent: content_block_start\ndata: {}\n\n";
    let (first, second) = ("event: content_block_delta\ndata: {\"te", "xt\":1}\n\n");
    let stop = "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n";
    let node = Node::saying(vec![
        sse(),
        bytes(start),
        bytes(first),
        Step::Wait(100),
        bytes(second),
        bytes(stop),
        Step::Close,
    ])
    .await;
    let gateway = Setup::new().server("ping_ms = 20").node("n", &node.url(), "").start().await;
    let answer = gateway.ask(message("Hello", true)).await;
    let ping = "event: ping\ndata: {\"type\": \"ping\"}\n\n";
    assert!(answer.text().contains(ping));
    assert_eq!(answer.text().replace(ping, ""), format!("{start}{first}{second}{stop}"));
}

#[tokio::test]
async fn without_early_pings_nothing_is_sent_before_the_node_has_spoken() {
    let mock = mock().await;
    let gateway = Setup::new().server("ping_ms = 10").mock(&mock).start().await;
    let sent = request(
        "POST",
        "/v1/messages",
        &[("x-mock-fault", "delay:ms=100+529")],
        &body("Hello", true),
    );
    let answer = gateway.ask(sent).await;
    assert_eq!(answer.status, 529, "the status was still free");
}

#[tokio::test]
async fn with_early_pings_a_silent_stream_is_committed_and_errors_travel_as_events() {
    let mock = mock().await;
    let gateway = Setup::new().server("early_ping_ms = 300").one_try().mock(&mock).start().await;
    let slow = |fault: &str| {
        request("POST", "/v1/messages", &[("x-mock-fault", fault)], &body("Hello", true))
    };
    let answer = gateway.ask(slow("delay:ms=900")).await;
    assert_eq!(answer.status, 200);
    assert!(answer.text().starts_with("event: ping\n"), "{}", answer.text());
    assert!(answer.text().ends_with("event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n"));
    let failed = gateway.ask(slow("delay:ms=900+529")).await;
    assert_eq!(failed.status, 200);
    assert!(failed.text().contains("event: error\ndata: "), "{}", failed.text());
    assert!(failed.text().contains("overloaded_error"));
    let quick = gateway.ask(slow("529")).await;
    assert_eq!(quick.status, 529, "a quick error keeps its status");
}

#[tokio::test]
async fn a_slow_stream_arrives_event_by_event() {
    let (_mock, gateway) = both().await;
    let mut client = gateway.connect().await;
    let sent = request(
        "POST",
        "/v1/messages",
        &[("x-mock-fault", "stall:at=5")],
        &body("[mock chunks=9]", true),
    );
    client.send(sent).await;
    client.head().await;
    // The node will never say more, and still this much is here.
    let got = client.body_until("content_block_delta").await;
    assert!(got.ends_with(b"\n\n"));
}
