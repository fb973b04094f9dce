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
async fn what_outlasts_the_drain_is_told_so_and_counted() {
    let mut running = start(Settings { drain: Duration::from_millis(1), ..settings() });
    let mut busy = running.connect().await;
    busy.write_all(b"GET /wait HTTP/1.1\r\nhost: a\r\n\r\n").await.unwrap();
    assert_eq!(running.events.recv().await, Some("begun"));
    let echo = Arc::clone(&running.echo);
    assert_eq!(running.stop().await, Drained { connections: 1, requests: 1 });
    let answer = read_to_end(&mut busy).await;
    assert!(answer.starts_with("HTTP/1.1 503 ") && answer.ends_with("drained"), "{answer}");
    assert!(answer.contains("connection: close"), "{answer}");
    assert_eq!(echo.open.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn a_client_that_takes_no_last_words_is_cut() {
    let mut running = start(Settings { drain: Duration::from_millis(1), ..settings() });
    let mut busy = running.connect().await;
    busy.write_all(b"GET /flood HTTP/1.1\r\nhost: a\r\n\r\n").await.unwrap();
    read_until(&mut busy, "xxxx").await;
    running.shutdown.drain();
    assert_eq!(running.server.await.unwrap(), Drained { connections: 1, requests: 1 });
    assert_eq!(running.events.recv().await, Some("dropped"));
}

#[tokio::test]
async fn a_malformed_head_is_refused_in_our_words_and_the_connection_closes() {
    let running = start(settings());
    for bytes in [
        &b"GET / HTTP/1.1\nhost: a\n\n"[..],
        b"GET / HTTP/1.1\r\nhost: a\r\nhost: a\r\n\r\n",
        b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n",
        b"CONNECT a:1 HTTP/1.1\r\nhost: a:1\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01",
    ] {
        let mut stream = running.connect().await;
        stream.write_all(bytes).await.unwrap();
        let answer = read_to_end(&mut stream).await;
        assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
        assert_eq!(answer.matches("HTTP/1.1").count(), 1, "{answer}");
        assert!(answer.contains("connection: close"), "{answer}");
    }
    running.stop().await;
}

#[tokio::test]
async fn a_head_over_the_bound_is_refused_and_its_rest_is_taken_in() {
    let running = start(settings());
    let mut stream = running.connect().await;
    let head = format!("GET / HTTP/1.1\r\nhost: a\r\nx: {}\r\n", "y".repeat(40_000));
    stream.write_all(head.as_bytes()).await.unwrap();
    assert!(read_to_end(&mut stream).await.ends_with("HeadTooLarge"));
    running.stop().await;
}

#[tokio::test]
async fn what_only_hyper_refuses_is_said_in_our_words_too() {
    let running = start(settings());
    let fields = "x: y\r\n".repeat(200);
    for (head, expected) in [
        (format!("GET / HTTP/1.1\r\nhost: a\r\n{fields}\r\n"), "HeadTooLarge"),
        ("GET /<a> HTTP/1.1\r\nhost: a\r\n\r\n".to_owned(), "Target"),
    ] {
        let mut stream = running.connect().await;
        // An answer before it must not be mistaken.
        stream.write_all(GET_PEER).await.unwrap();
        read_until(&mut stream, "http2=false").await;
        stream.write_all(head.as_bytes()).await.unwrap();
        let answer = read_to_end(&mut stream).await;
        assert!(answer.starts_with("HTTP/1.1 400 ") && answer.ends_with(expected), "{answer}");
    }
    running.stop().await;
}

#[tokio::test]
async fn a_short_bad_first_line_is_named_however_it_is_cut() {
    let running = start(settings());
    // Shorter than, as long as and longer than what tells HTTP/2 apart.
    for (line, expected) in [
        ("GET\r\n\r\n", "RequestLine"),
        ("GET /\r\n\r\n", "RequestLine"),
        ("PRI * HTTP/1.1\r\n\r\n", "Target"),
        ("PRI * HTTP/2.0\r\n\r\nXX", "Version"),
        ("GET / HTTP/2.0\r\nhost: a\r\n\r\n", "Version"),
        ("GET /a/longer/path HTTP/3\r\nhost: a\r\n\r\n", "Version"),
    ] {
        for cut in 0..line.len().min(25) {
            let mut stream = running.connect().await;
            let (left, right) = line.as_bytes().split_at(cut);
            stream.write_all(left).await.unwrap();
            tokio::task::yield_now().await;
            // It may have been refused by its first part.
            let _sent = stream.write_all(right).await;
            let answer = read_to_end(&mut stream).await;
            assert!(answer.ends_with(expected), "{line:?} cut at {cut}: {answer}");
        }
    }
    running.stop().await;
}

#[tokio::test]
async fn an_interim_answer_passes() {
    let running = start(settings());
    let mut stream = running.connect().await;
    let head =
        b"POST /read HTTP/1.1\r\nhost: a\r\nexpect: 100-continue\r\ncontent-length: 2\r\n\r\n";
    stream.write_all(head).await.unwrap();
    read_until(&mut stream, "HTTP/1.1 100 Continue\r\n\r\n").await;
    stream.write_all(b"ok").await.unwrap();
    assert!(read_until(&mut stream, "\r\n\r\nread").await.starts_with("HTTP/1.1 200 "));
    running.stop().await;
}

#[tokio::test]
async fn a_refusal_waits_for_the_answer_before_it() {
    let mut running = start(settings());
    let mut stream = running.connect().await;
    let pair = b"GET /wait HTTP/1.1\r\nhost: a\r\n\r\nGET /peer HTTP/1.1\r\n\r\n";
    stream.write_all(pair).await.unwrap();
    assert_eq!(running.events.recv().await, Some("begun"));
    running.echo.go.notify_one();
    let answer = read_to_end(&mut stream).await;
    let (first, second) = answer.split_once("done").unwrap();
    assert!(first.starts_with("HTTP/1.1 200 "), "{answer}");
    assert!(second.starts_with("HTTP/1.1 400 "), "{answer}");
    assert!(second.ends_with("MissingHost"), "{answer}");
    running.stop().await;
}

#[tokio::test]
async fn a_refusal_in_a_later_packet_waits_too() {
    let mut running = start(settings());
    let mut stream = running.connect().await;
    stream.write_all(b"GET /wait HTTP/1.1\r\nhost: a\r\n\r\n").await.unwrap();
    assert_eq!(running.events.recv().await, Some("begun"));
    stream.write_all(b"GET  /peer HTTP/1.1\r\n\r\n").await.unwrap();
    // The guard has the bytes as soon as it holds the connection open for the answer; ring after it had its turn.
    tokio::task::yield_now().await;
    running.echo.go.notify_one();
    let answer = read_to_end(&mut stream).await;
    let (first, second) = answer.split_once("done").unwrap();
    assert!(first.starts_with("HTTP/1.1 200 "), "{answer}");
    assert!(second.starts_with("HTTP/1.1 400 "), "{answer}");
    running.stop().await;
}

#[tokio::test]
async fn a_broken_chunk_is_refused_while_the_call_reads_it() {
    let mut running = start(settings());
    let mut stream = running.connect().await;
    stream
        .write_all(
            b"POST /read HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n",
        )
        .await
        .unwrap();
    assert_eq!(running.events.recv().await, Some("begun"));
    stream.write_all(b"-1\r\n").await.unwrap();
    let answer = read_to_end(&mut stream).await;
    assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
    assert!(answer.ends_with("ChunkSize"), "{answer}");
    assert_eq!(running.events.recv().await, Some("dropped"));
    running.stop().await;
}

#[tokio::test]
async fn a_broken_chunk_after_the_answer_began_only_ends_it() {
    let running = start(settings());
    let mut stream = running.connect().await;
    stream
        .write_all(b"POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n")
        .await
        .unwrap();
    read_until(&mut stream, "abc").await;
    stream.write_all(b"-1\r\n").await.unwrap();
    let rest = read_to_end(&mut stream).await;
    assert!(!rest.contains("HTTP/1.1"), "{rest}");
    assert!(!rest.contains("0\r\n\r\n"), "a cut body must not end cleanly: {rest}");
    running.stop().await;
}

#[tokio::test]
async fn a_slow_head_is_cut_with_the_handlers_words() {
    let running = start(Settings { head_timeout: Duration::from_millis(20), ..settings() });
    for begun in ["", "GET / HTTP/1.1\r\nhost:", "PRI * HTTP/2.0\r\n"] {
        let mut stream = running.connect().await;
        stream.write_all(begun.as_bytes()).await.unwrap();
        let answer = read_to_end(&mut stream).await;
        assert!(answer.starts_with("HTTP/1.1 408 "), "{begun}: {answer}");
        assert!(answer.contains("SlowHead"), "{begun}: {answer}");
    }
    running.stop().await;
}

#[tokio::test]
async fn an_idle_connection_is_closed_without_a_word() {
    let running = start(Settings { keep_alive_idle: Duration::from_millis(20), ..settings() });
    let mut stream = running.connect().await;
    stream.write_all(GET_PEER).await.unwrap();
    let answer = read_to_end(&mut stream).await;
    assert_eq!(answer.matches("HTTP/1.1").count(), 1, "{answer}");
    running.stop().await;
}

#[tokio::test]
async fn a_call_outlives_every_bound_on_the_client() {
    let mut running = start(Settings {
        head_timeout: Duration::from_millis(5),
        keep_alive_idle: Duration::from_millis(5),
        client_idle: Duration::from_millis(5),
        ..settings()
    });
    let mut stream = running.connect().await;
    stream.write_all(b"GET /wait HTTP/1.1\r\nhost: a\r\n\r\n").await.unwrap();
    assert_eq!(running.events.recv().await, Some("begun"));
    // The timer rings several times meanwhile; what matters is only that the call survives it.
    tokio::time::timeout(Duration::from_millis(50), running.events.recv()).await.unwrap_err();
    running.echo.go.notify_one();
    assert!(read_to_end(&mut stream).await.ends_with("done"));
    running.stop().await;
}

#[tokio::test]
async fn a_client_that_takes_nothing_is_cut() {
    let mut running = start(Settings { client_idle: Duration::from_millis(50), ..settings() });
    let mut stream = running.connect().await;
    stream.write_all(b"GET /flood HTTP/1.1\r\nhost: a\r\n\r\n").await.unwrap();
    assert!(running.notices.recv().await.unwrap().starts_with("WriteStalled"));
    assert_eq!(running.events.recv().await, Some("dropped"));
    running.stop().await;
}

#[tokio::test]
async fn a_half_closed_client_is_told_why_it_gets_no_answer() {
    let mut running = start(settings());
    let mut stream = running.connect().await;
    stream.write_all(b"GET /wait HTTP/1.1\r\nhost: a\r\n\r\n").await.unwrap();
    assert_eq!(running.events.recv().await, Some("begun"));
    stream.shutdown().await.unwrap();
    let answer = read_to_end(&mut stream).await;
    assert!(answer.contains("HalfClosed"), "{answer}");
    assert_eq!(running.events.recv().await, Some("dropped"));
    running.stop().await;
}

#[tokio::test]
async fn one_more_connection_than_the_bound_waits_its_turn() {
    let running = start(Settings { connections_max: 1, ..settings() });
    let mut first = running.connect().await;
    first.write_all(GET_PEER).await.unwrap();
    read_until(&mut first, "http2=false").await;
    let mut second = running.connect().await;
    second.write_all(GET_PEER).await.unwrap();
    first.write_all(GET_PEER).await.unwrap();
    read_until(&mut first, "http2=false").await;
    assert_eq!(running.echo.open.load(Ordering::SeqCst), 1);
    drop(first);
    read_until(&mut second, "http2=false").await;
    assert_eq!(running.echo.open.load(Ordering::SeqCst), 1);
    drop(second);
    running.stop().await;
}

#[tokio::test]
async fn small_writes_leave_at_once() {
    let listener = Listener::bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let _client = TcpStream::connect(listener.local_addr()).await.unwrap();
    let (stream, _remote) = listener.socket.accept().await.unwrap();
    assert!(!stream.nodelay().unwrap());
    accept::prepare(&stream).unwrap();
    assert!(stream.nodelay().unwrap());
    assert!(socket2::SockRef::from(&stream).keepalive().unwrap());
}

#[tokio::test]
async fn a_refused_upload_is_taken_in_so_that_the_answer_arrives() {
    let running = start(settings());
    let mut stream = running.connect().await;
    let body = vec![b'x'; 512 * 1024];
    let head =
        format!("POST /refuse HTTP/1.1\r\nhost: a\r\ncontent-length: {}\r\n\r\n", body.len());
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.write_all(&body).await.unwrap();
    read_until(&mut stream, "drained true").await;
    running.stop().await;
}

#[tokio::test]
async fn an_endless_upload_is_not_taken_in() {
    let mut running = start(settings());
    let mut stream = running.connect().await;
    let head = "POST /refuse HTTP/1.1\r\nhost: a\r\ncontent-length: 100000000\r\n\r\n";
    stream.write_all(head.as_bytes()).await.unwrap();
    let body = vec![b'x'; 64 * 1024];
    // Ends when the connection is closed under it.
    while stream.write_all(&body).await.is_ok() {}
    assert_eq!(running.events.recv().await, Some("gave up"));
    running.stop().await;
}

#[tokio::test]
async fn the_21_malformed_requests_reach_no_handler() {
    let running = start(settings());
    let post = "POST /read HTTP/1.1\r\nhost: a\r\n";
    for rest in [
        "content-length: 1\r\ncontent-length: 2\r\n\r\nx",
        "content-length: +5\r\n\r\nhello",
        "content-length: 0x5\r\n\r\nhello",
        "content-length: -1\r\n\r\n",
        "transfer-encoding: xchunked\r\n\r\n0\r\n\r\n",
        "transfer-encoding: chunked\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        "x : y\r\n\r\n",
        "host: b\r\n\r\n",
        "x: a\r\n b\r\n\r\n",
        "x: a\0b\r\n\r\n",
        "content_length: 5\r\n\r\n",
    ] {
        let mut stream = running.connect().await;
        stream.write_all([post, rest].concat().as_bytes()).await.unwrap();
        let answer = read_to_end(&mut stream).await;
        assert!(answer.starts_with("HTTP/1.1 400 "), "{rest}: {answer}");
    }
    let mut events = running.events;
    assert!(events.try_recv().is_err(), "a malformed request reached the handler");
    running.shutdown.drain();
    running.server.await.unwrap();
}
