//! The end of the drain: whatever still runs is told that it is not whole, and why.

use http_body_util::{BodyExt as _, Full};
use hyper_util::rt::{TokioExecutor, TokioIo};

use crate::harness::{End, Gateway, KEY, Setup, body, both, guarded, message, mock, request, seen};

/// Over before anything could end by itself.
fn end_the_drain(gateway: &Gateway) {
    gateway.running.shutdown().cut();
}

fn stalled(at: &str) -> Vec<u8> {
    request("POST", "/v1/messages", &[("x-mock-fault", at)], &body("Hello", true))
}

#[tokio::test]
async fn a_stream_that_outlasts_the_drain_ends_in_an_error_event() {
    let (mock, gateway) = both().await;
    let mut client = gateway.connect().await;
    client.send(stalled("stall:at=6")).await;
    let mut answer = client.head().await;
    client.body_until("message_start").await;
    end_the_drain(&gateway);
    client.rest(&mut answer).await;
    assert_eq!(answer.end, End::Whole);
    let text = answer.text();
    assert_eq!(text.matches("event: error\ndata: {").count(), 1, "{text}");
    assert!(text.ends_with("\n\n") && text.contains("\"error_code\":\"drain-over\""), "{text}");
    assert!(!text.contains("message_stop"), "{text}");
    client.assert_closed().await;
    seen(&mock, "the cancel", |stats| stats.generations_aborted == 1).await;
    let requests = gateway.into_requests().await;
    assert_eq!(requests.len(), 1);
    assert_eq!(
        (&requests[0]["outcome"], &requests[0]["code"]),
        (&"cut".into(), &"drain-over".into())
    );
}

#[tokio::test]
async fn a_stream_cut_by_the_drain_inside_an_event_still_ends_in_one() {
    let (_mock, gateway) = both().await;
    let mut client = gateway.connect().await;
    client.send(stalled("stall:at=700b")).await;
    let mut answer = client.head().await;
    client.body_until("message_start").await;
    end_the_drain(&gateway);
    client.rest(&mut answer).await;
    assert_eq!(answer.end, End::Whole);
    assert!(answer.text().contains("event: error\ndata: {"), "{}", answer.text());
    client.assert_closed().await;
}

#[tokio::test]
async fn a_request_without_an_answer_when_the_drain_is_over_gets_a_503() {
    let (mock, gateway) = both().await;
    let mut clients = Vec::new();
    for stream in [false, true] {
        let mut client = gateway.connect().await;
        client.send(message("[mock latency_ms=600000]", stream)).await;
        clients.push(client);
    }
    seen(&mock, "the generations", |stats| stats.generations_started == 2).await;
    end_the_drain(&gateway);
    for mut client in clients {
        let answer = client.answer().await;
        answer.assert_own(503, "drain-over");
        assert!(answer.header("retry-after").is_some());
        assert_ne!(answer.header("x-should-retry"), Some("false"));
        client.assert_closed().await;
    }
    seen(&mock, "the cancels", |stats| stats.generations_aborted == 2).await;
    let log = gateway.into_log().await;
    for line in log.iter().filter(|line| line["event"] == "request") {
        assert_eq!((&line["status"], &line["outcome"]), (&503.into(), &"refused".into()));
        assert_eq!(line["code"], "drain-over");
    }
    let end = log.iter().find(|line| line["event"] == "drained").unwrap();
    assert_eq!(end["cut_requests"], "2", "{end}");
    assert_eq!(log.iter().filter(|line| line["event"] == "drain_over").count(), 1);
}

#[tokio::test]
async fn a_stream_that_was_committed_early_ends_in_an_error_event() {
    let mock = mock().await;
    let gateway = Setup::new().server("early_ping_ms = 20").mock(&mock).start().await;
    let mut client = gateway.connect().await;
    client.send(message("[mock latency_ms=600000]", true)).await;
    let mut answer = client.head().await;
    client.body_until("event: ping").await;
    end_the_drain(&gateway);
    client.rest(&mut answer).await;
    assert_eq!(answer.end, End::Whole);
    assert!(answer.text().contains("\"error_code\":\"drain-over\""), "{}", answer.text());
    let id = answer.header("x-ferry-request-id").unwrap();
    assert!(answer.text().contains(id), "the event names the request");
}

#[tokio::test]
async fn a_download_that_outlasts_the_drain_is_aborted() {
    let mock = mock().await;
    let gateway = Setup::new().server("answer_bytes_max = 4096").mock(&mock).start().await;
    let large = br#"{"model":"claude-sonnet-5","max_tokens":50000,"messages":[{"role":"user","content":"[mock size=100000]"}]}"#;
    let mut client = gateway.connect().await;
    client
        .send(request("POST", "/v1/messages", &[("x-mock-fault", "stall:at=50000b")], large))
        .await;
    let mut answer = client.head().await;
    client.piece().await;
    end_the_drain(&gateway);
    client.rest(&mut answer).await;
    assert_ne!(answer.end, End::Whole, "a cut never looks like an end");
    let requests = gateway.into_requests().await;
    assert_eq!(
        (&requests[0]["outcome"], &requests[0]["code"]),
        (&"cut".into(), &"drain-over".into())
    );
}

#[tokio::test]
async fn over_http2_the_end_of_the_drain_is_told_on_every_stream() {
    let (mock, gateway) = both().await;
    let socket = tokio::net::TcpStream::connect(gateway.data).await.unwrap();
    let shaken = hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(socket));
    let (mut sender, connection) = guarded("a handshake", shaken).await.unwrap();
    tokio::spawn(connection);
    let post = |fault: &str, prompt: &str, stream| {
        http::Request::post(format!("http://{}/v1/messages", gateway.data))
            .header("x-api-key", KEY)
            .header("anthropic-version", "2023-06-01")
            .header("content-type", "application/json")
            .header("x-mock-fault", fault)
            .body(Full::<bytes::Bytes>::from(body(prompt, stream)))
            .unwrap()
    };
    let begun = sender.send_request(post("stall:at=6", "Hello", true));
    let mut begun = guarded("a head", begun).await.unwrap().into_body();
    let first = guarded("an event", begun.frame()).await.unwrap().unwrap();
    assert!(first.is_data());
    let slow = post("delay:ms=0", "[mock latency_ms=600000]", false);
    let waiting = tokio::spawn(sender.send_request(slow));
    seen(&mock, "the generations", |stats| stats.generations_started == 2).await;
    end_the_drain(&gateway);
    let rest = guarded("the end", begun.collect()).await.unwrap().to_bytes();
    let rest = String::from_utf8_lossy(&rest);
    assert!(rest.contains("\"error_code\":\"drain-over\""), "{rest}");
    let answer = guarded("the answer", waiting).await.unwrap().unwrap();
    assert_eq!(answer.status(), 503);
    assert_eq!(answer.headers()["x-ferry-code"], "drain-over");
}

#[tokio::test]
async fn what_ends_within_the_drain_is_not_touched_by_it() {
    let (_mock, gateway) = both().await;
    let mut client = gateway.connect().await;
    client.send(message("[mock chunks=20 delay_ms=10]", true)).await;
    let mut answer = client.head().await;
    gateway.running.shutdown().drain();
    client.rest(&mut answer).await;
    assert!(answer.text().ends_with("event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n"));
    let log = gateway.into_log().await;
    assert!(log.iter().all(|line| line["event"] != "drain_over"));
    assert_eq!(log.iter().filter(|line| line["outcome"] == "ok").count(), 1);
}
