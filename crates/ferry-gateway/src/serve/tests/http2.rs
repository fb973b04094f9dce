//! HTTP/2 by prior knowledge.

use http_body_util::Empty;
use hyper::client::conn::http2::SendRequest;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use super::*;

/// A client of one connection, whose task ends when it is closed.
pub(super) async fn client(
    io: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
) -> (SendRequest<Empty<Bytes>>, JoinHandle<hyper::Result<()>>) {
    let (sender, connection) = hyper::client::conn::http2::Builder::new(TokioExecutor::new())
        .handshake(TokioIo::new(io))
        .await
        .unwrap();
    (sender, Tasks::default().spawn(connection))
}

pub(super) fn get(path: &str) -> http::Request<Empty<Bytes>> {
    http::Request::get(format!("http://a{path}")).body(Empty::new()).unwrap()
}

pub(super) async fn text(response: http::Response<Incoming>) -> String {
    let mut body = response.into_body();
    let mut text = Vec::new();
    while let Some(frame) = body.frame().await {
        text.extend_from_slice(frame.unwrap().data_ref().unwrap());
    }
    String::from_utf8(text).unwrap()
}

#[tokio::test]
async fn prior_knowledge_is_understood_and_a_panic_spares_the_other_streams() {
    let mut running = start(settings());
    let (mut sender, _connection) = client(running.connect().await).await;
    let waiting = sender.send_request(get("/wait"));
    let waiting = Tasks::default().spawn(waiting);
    assert_eq!(running.events.recv().await, Some("begun"));

    let panicked = sender.send_request(get("/panic")).await.unwrap();
    assert_eq!(panicked.status(), 500);
    let peer = sender.send_request(get("/peer")).await.unwrap();
    assert!(text(peer).await.ends_with("tls=false http2=true"));

    running.echo.go.notify_one();
    assert_eq!(text(waiting.await.unwrap().unwrap()).await, "done");
    drop(sender);
    running.stop().await;
}

#[tokio::test]
async fn a_reset_stream_drops_its_call() {
    let mut running = start(settings());
    let (mut sender, _connection) = client(running.connect().await).await;
    let waiting = Tasks::default().spawn(sender.send_request(get("/wait")));
    assert_eq!(running.events.recv().await, Some("begun"));
    waiting.abort();
    assert_eq!(running.events.recv().await, Some("dropped"));
    assert!(!sender.is_closed());
    drop(sender);
    running.stop().await;
}

#[tokio::test]
async fn a_drain_finishes_streams_and_refuses_new_ones() {
    let mut running = start(settings());
    let (mut sender, connection) = client(running.connect().await).await;
    let waiting = Tasks::default().spawn(sender.send_request(get("/wait")));
    assert_eq!(running.events.recv().await, Some("begun"));
    running.shutdown.drain();
    running.echo.go.notify_one();
    assert_eq!(text(waiting.await.unwrap().unwrap()).await, "done");
    connection.await.unwrap().unwrap();
    sender.send_request(get("/peer")).await.unwrap_err();
    assert_eq!(running.stop().await, Drained::default());
}

#[tokio::test]
async fn the_end_of_the_drain_is_told_to_every_stream() {
    let mut running = start(Settings { drain: Duration::from_millis(1), ..settings() });
    let (mut sender, _connection) = client(running.connect().await).await;
    let first = Tasks::default().spawn(sender.send_request(get("/wait")));
    let second = Tasks::default().spawn(sender.send_request(get("/wait")));
    assert_eq!(running.events.recv().await, Some("begun"));
    assert_eq!(running.events.recv().await, Some("begun"));
    running.shutdown.drain();
    assert_eq!(running.server.await.unwrap(), Drained { connections: 1, requests: 2 });
    assert_eq!(running.events.recv().await, Some("dropped"));
    assert_eq!(running.events.recv().await, Some("dropped"));
    for answer in [first, second] {
        let answer = answer.await.unwrap().unwrap();
        assert_eq!(answer.status(), http::StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(text(answer).await, "drained");
    }
}

#[tokio::test]
async fn an_idle_connection_is_told_to_go() {
    let running = start(Settings { keep_alive_idle: Duration::from_millis(20), ..settings() });
    let (mut sender, connection) = client(running.connect().await).await;
    let peer = sender.send_request(get("/peer")).await.unwrap();
    assert!(text(peer).await.ends_with("http2=true"));
    connection.await.unwrap().unwrap();
    running.stop().await;
}

#[tokio::test]
async fn a_stream_whose_client_takes_nothing_is_reset_alone() {
    let mut running = start(Settings { client_idle: Duration::from_millis(50), ..settings() });
    let (mut sender, _connection) = client(running.connect().await).await;
    let flood = sender.send_request(get("/flood")).await.unwrap();
    assert_eq!(running.events.recv().await, Some("dropped"));
    let peer = sender.send_request(get("/peer")).await.unwrap();
    assert!(text(peer).await.ends_with("http2=true"));
    drop((flood, sender));
    running.stop().await;
}

#[tokio::test]
async fn a_flood_of_resets_closes_the_connection() {
    let running = start(settings());
    let mut stream = running.connect().await;
    let mut bytes = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0".to_vec();
    // HEADERS (":method GET, :scheme http, :path /wait, :authority a") and RST_STREAM, on one stream after another.
    let block = [&b"\x82\x86\x04\x05/wait\x01\x01a"[..]].concat();
    for stream in (1..2000_u32).step_by(2) {
        let length = u8::try_from(block.len()).unwrap();
        bytes.extend_from_slice(&[0, 0, length, 1, 5]);
        bytes.extend_from_slice(&stream.to_be_bytes());
        bytes.extend_from_slice(&block);
        bytes.extend_from_slice(&[0, 0, 4, 3, 0]);
        bytes.extend_from_slice(&stream.to_be_bytes());
        bytes.extend_from_slice(&8_u32.to_be_bytes());
    }
    // The server may close before it has read all of it.
    let _sent = stream.write_all(&bytes).await;
    let mut answer = Vec::new();
    let _end = stream.read_to_end(&mut answer).await;
    running.stop().await;
}
