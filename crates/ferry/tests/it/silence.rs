//! A node that is silent: what is asked of its path meanwhile, what the answer proves, and where the wait ends.

use crate::harness::{Node, Setup, Step, bytes, http_json, message, sse, status};

const WHOLE: &[u8] = br#"{"id":"msg_1","type":"message","model":"m","content":[],"usage":{"input_tokens":1,"output_tokens":1}}"#;
const STREAM: &str = "event: content_block_start\ndata: {}\n\nevent: message_stop\ndata: {}\n\n";

/// A path is asked after a sixth of this.
const ASK_SOON: &str = "first_byte_ms = 1200";

fn is_probe(request: &[u8]) -> bool {
    String::from_utf8_lossy(request).contains("user-agent: ferry-probe\r\n")
}

#[tokio::test]
async fn a_relay_that_answers_no_probe_is_not_dead_while_it_answers_requests() {
    for end in [Step::Close, Step::Reset] {
        // The request, and twice as many probes as would prove a path dead that had answered any.
        let slow = vec![Step::Heard(7), bytes(http_json("200 OK", WHOLE))];
        let relay = Node::by(
            move |_number, request| {
                if is_probe(request) { vec![end.clone()] } else { slow.clone() }
            },
        )
        .await;
        let gateway = Setup::new().timeout(ASK_SOON).one_try().node("n", &relay.url(), "");
        let gateway = gateway.start().await;
        let answer = gateway.ask(message("Hello", false)).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        let calls = relay.requests().into_iter().filter(|request| !is_probe(request)).count();
        assert_eq!(calls, 1, "billed once");
        let node = status(&gateway).await.swap_remove(0);
        assert!(!node.suspect && node.failures == 0, "{node:?}");
    }
}

#[tokio::test]
async fn a_relay_that_has_answered_a_probe_and_answers_none_any_more_is_dead() {
    let unauthorized = http_json("401 Unauthorized", br#"{"type":"error"}"#);
    let relay = Node::by(move |number, request| match (is_probe(request), number) {
        (true, 1) => vec![bytes(&unauthorized)],
        (true, _) => vec![Step::Close],
        (false, _) => vec![Step::Hold],
    })
    .await;
    let gateway = Setup::new().timeout(ASK_SOON).one_try().node("n", &relay.url(), "");
    let gateway = gateway.start().await;
    // Else the quarter of an hour of `nonstream_total_ms` would end it.
    gateway.ask(message("Hello", false)).await.assert_own(502, "node-lost");
    let probes = relay.requests().into_iter().filter(|request| is_probe(request)).count();
    assert!(probes >= 4, "one that was answered and three that were not: {probes}");
    assert!(status(&gateway).await[0].suspect);
}

#[tokio::test]
async fn a_body_that_stalls_behind_its_head_ends_after_the_gap_between_events() {
    let typed = "content-type: application/json\r\n";
    for (kind, begun) in [(typed, ""), (typed, "{\"id\":"), ("", "{\"id\":"), ("", " ")] {
        let head = format!("HTTP/1.1 200 OK\r\n{kind}content-length: 100\r\n\r\n{begun}");
        let node = Node::saying(vec![bytes(head), Step::Hold]).await;
        let gateway = Setup::new().timeout("event_gap_ms = 80").one_try();
        let gateway = gateway.node("n", &node.url(), "").start().await;
        // Else the quarter of an hour of `nonstream_total_ms` would end it.
        let answer = gateway.ask(message("Hello", false)).await;
        answer.assert_own(504, "answer-silent");
        assert!(answer.text().contains("event_gap_ms"), "{}", answer.text());
        assert_eq!(status(&gateway).await[0].failures, 1, "the path's doing");
    }
}

#[tokio::test]
async fn a_head_without_a_type_and_nothing_behind_it_ends_after_the_first_byte() {
    for stream in [false, true] {
        let head = "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n";
        let node = Node::saying(vec![bytes(head), Step::Hold]).await;
        let gateway = Setup::new().timeout("first_byte_ms = 80").one_try();
        let gateway = gateway.node("n", &node.url(), "").start().await;
        gateway.ask(message("Hello", stream)).await.assert_own(504, "first-byte");
    }
}

#[tokio::test]
async fn the_first_byte_is_counted_from_the_last_byte_written_and_not_from_the_head() {
    // Of the three seconds half are over with the head: what comes two seconds later is too late.
    let untyped = "HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n";
    let put_together = "nonstream_upstream = \"stream\"\n";
    let table = [(sse(), true, ""), (bytes(untyped), true, ""), (sse(), false, put_together)];
    for (head, stream, setting) in table {
        let node = Node::saying(vec![
            Step::Wait(1500),
            head,
            Step::Wait(2000),
            bytes(STREAM),
            Step::Close,
        ]);
        let node = node.await;
        let gateway = Setup::new().timeout("first_byte_ms = 3000").one_try();
        let gateway = gateway.node("n", &node.url(), setting).start().await;
        gateway.ask(message("Hello", stream)).await.assert_own(504, "first-byte");
    }
}
