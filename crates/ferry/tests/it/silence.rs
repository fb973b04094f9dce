//! A node that is silent: what is asked of its path meanwhile, what the answer proves, and where the wait ends.

use crate::harness::{Node, Setup, Step, bytes, message, sse, status};

const STREAM: &str = "event: content_block_start\ndata: {}\n\nevent: message_stop\ndata: {}\n\n";

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
    for head in [sse(), bytes(untyped)] {
        let node = Node::saying(vec![
            Step::Wait(1500),
            head,
            Step::Wait(2000),
            bytes(STREAM),
            Step::Close,
        ]);
        let node = node.await;
        let gateway = Setup::new().timeout("first_byte_ms = 3000").one_try();
        let gateway = gateway.node("n", &node.url(), "").start().await;
        gateway.ask(message("Hello", true)).await.assert_own(504, "first-byte");
    }
}
