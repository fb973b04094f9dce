//! HTTP/1.1 in cleartext, over raw bytes.

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::*;

const GET_PEER: &[u8] = b"GET /peer HTTP/1.1\r\nhost: a\r\n\r\n";

/// Reads until `end` has been seen.
async fn read_until(stream: &mut TcpStream, end: &str) -> String {
    let mut text = Vec::new();
    while !String::from_utf8_lossy(&text).contains(end) {
        let count = stream.read_buf(&mut text).await.unwrap();
        assert!(count > 0, "closed after {:?}", String::from_utf8_lossy(&text));
    }
    String::from_utf8(text).unwrap()
}

async fn read_to_end(stream: &mut TcpStream) -> String {
    let mut text = String::new();
    stream.read_to_string(&mut text).await.unwrap();
    text
}

#[tokio::test]
async fn a_body_comes_back_and_the_connection_stays() {
    let running = start(settings());
    let mut stream = running.connect().await;
    for _ in 0..2 {
        stream
            .write_all(b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\n\r\nhello")
            .await
            .unwrap();
        let answer = read_until(&mut stream, "hello").await;
        assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
        assert!(answer.contains("\r\ndate: "), "{answer}");
    }
    assert_eq!(running.stop().await, Drained::default());
}

#[tokio::test]
async fn a_panic_ends_one_request_with_a_500_and_the_connection() {
    let mut running = start(settings());
    let mut stream = running.connect().await;
    stream.write_all(b"GET /panic HTTP/1.1\r\nhost: a\r\n\r\n").await.unwrap();
    let answer = read_to_end(&mut stream).await;
    assert!(answer.starts_with("HTTP/1.1 500 "), "{answer}");
    assert!(answer.contains("connection: close"), "{answer}");
    assert!(answer.ends_with("boom"), "{answer}");
    assert!(running.notices.recv().await.unwrap().starts_with("Panicked"));

    let mut stream = running.connect().await;
    stream.write_all(GET_PEER).await.unwrap();
    read_until(&mut stream, "tls=false http2=false").await;
    running.stop().await;
}

#[tokio::test]
async fn a_hang_up_drops_the_call() {
    let mut running = start(settings());
    let mut stream = running.connect().await;
    stream.write_all(b"GET /wait HTTP/1.1\r\nhost: a\r\n\r\n").await.unwrap();
    assert_eq!(running.events.recv().await, Some("begun"));
    drop(stream);
    assert_eq!(running.events.recv().await, Some("dropped"));
    running.stop().await;
}

#[tokio::test]
async fn a_drain_finishes_the_answer_and_closes_idle_connections() {
    let mut running = start(settings());
    let mut idle = running.connect().await;
    idle.write_all(GET_PEER).await.unwrap();
    read_until(&mut idle, "http2=false").await;
    let mut busy = running.connect().await;
    busy.write_all(b"GET /wait HTTP/1.1\r\nhost: a\r\n\r\n").await.unwrap();
    assert_eq!(running.events.recv().await, Some("begun"));

    running.shutdown.drain();
    assert_eq!(read_to_end(&mut idle).await, "");
    running.echo.go.notify_one();
    let answer = read_to_end(&mut busy).await;
    assert!(answer.contains("connection: close"), "{answer}");
    assert!(answer.ends_with("done"), "{answer}");
    assert_eq!(running.stop().await, Drained::default());
}

#[tokio::test]
async fn what_outlasts_the_drain_is_cut_and_counted() {
    let mut running = start(Settings { drain: Duration::from_millis(1), ..settings() });
    let mut busy = running.connect().await;
    busy.write_all(b"GET /wait HTTP/1.1\r\nhost: a\r\n\r\n").await.unwrap();
    assert_eq!(running.events.recv().await, Some("begun"));
    let echo = Arc::clone(&running.echo);
    assert_eq!(running.stop().await, Drained { connections: 1, requests: 1 });
    assert_eq!(read_to_end(&mut busy).await, "");
    assert_eq!(echo.open.load(Ordering::SeqCst), 0);
}
