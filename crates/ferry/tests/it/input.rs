//! Bad input: a clear error each, never a panic, never a hang, and the process serves on.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::harness::{
    Client, Gateway, Setup, body, both, get, guarded, message, mock, request, until,
};

#[tokio::test]
async fn connect_and_upgrade_are_not_served() {
    let (mock, gateway) = both().await;
    let mut client = gateway.connect().await;
    client
        .send("CONNECT api.anthropic.com:443 HTTP/1.1\r\nhost: api.anthropic.com:443\r\n\r\n")
        .await;
    let answer = client.answer().await;
    answer.assert_own(501, "framing-connect");
    client.assert_closed().await;
    let websocket = request(
        "GET",
        "/v1/models",
        &[
            ("connection", "upgrade"),
            ("upgrade", "websocket"),
            ("sec-websocket-version", "13"),
            ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
        ],
        b"",
    );
    let answer = gateway.ask(websocket).await;
    assert_eq!(answer.status, 200, "an upgrade may be ignored (RFC 9110 section 7.8)");
    assert!(!mock.last().unwrap().headers.contains_key("upgrade"));
    let h2c = request(
        "GET",
        "/v1/models",
        &[
            ("connection", "upgrade, http2-settings"),
            ("upgrade", "h2c"),
            ("http2-settings", "AAMAAABkAAQAAP__"),
        ],
        b"",
    );
    assert_eq!(gateway.ask(h2c).await.status, 200);
    assert!(!mock.last().unwrap().headers.contains_key("http2-settings"));
}

#[tokio::test]
async fn an_absolute_form_is_read_as_its_path() {
    let (mock, gateway) = both().await;
    let absolute = String::from_utf8(get("/v1/models?limit=1")).unwrap();
    let same = absolute.replacen("/v1/", "http://localhost/v1/", 1);
    assert_eq!(gateway.ask(&same).await.status, 200);
    assert_eq!(mock.last().unwrap().uri, "/v1/models?limit=1");
    let other = absolute.replacen("/v1/", "http://api.anthropic.com/v1/", 1);
    gateway.ask(&other).await.assert_own(400, "framing-authority");
    let rebound = other.replacen("host: localhost", "host: api.anthropic.com", 1);
    gateway.ask(&rebound).await.assert_own(403, "host-not-allowed");
    assert_eq!(mock.stats().requests, 1);
}

#[tokio::test]
async fn http_1_0_is_answered_and_its_connection_closed() {
    let (_mock, gateway) = both().await;
    for stream in [false, true] {
        let sent = String::from_utf8(message("Hello", stream))
            .unwrap()
            .replacen("HTTP/1.1", "HTTP/1.0", 1);
        let mut client = gateway.connect().await;
        let answer = client.ask(&sent).await;
        assert_eq!(answer.status, 200);
        assert_eq!(answer.header("transfer-encoding"), None, "HTTP/1.0 has no chunks");
        assert!(answer.text().contains(if stream { "event: message_stop" } else { "stop_reason" }));
        client.assert_closed().await;
    }
}

#[tokio::test]
async fn an_http_1_0_stream_that_is_cut_ends_in_an_error_event() {
    let (_mock, gateway) = both().await;
    let sent = request("POST", "/v1/messages", &[("x-mock-fault", "end")], &body("Hello", true));
    let sent = String::from_utf8(sent).unwrap().replacen("HTTP/1.1", "HTTP/1.0", 1);
    let answer = gateway.ask(&sent).await;
    assert!(answer.text().contains("event: error\n"));
}

#[tokio::test]
async fn a_giant_head_is_431() {
    let (mock, gateway) = both().await;
    let one = "x".repeat(70_000);
    let many = "x-many: 0123456789\r\n".repeat(5000);
    let target = format!("GET /v1/models?{one} HTTP/1.1\r\nhost: localhost\r\n\r\n");
    for sent in [
        target,
        format!("GET /v1/models HTTP/1.1\r\nhost: localhost\r\nx: {one}\r\n\r\n"),
        format!("GET /v1/models HTTP/1.1\r\nhost: localhost\r\n{many}\r\n"),
        format!("GET /v1/models HTTP/1.1\r\nhost: localhost\r\n{}\r\n", many.repeat(20)),
    ] {
        let mut client = gateway.connect().await;
        client.send(&sent).await;
        let answer = client.answer().await;
        answer.assert_own(431, "framing-head-too-large");
        client.assert_closed().await;
    }
    assert_eq!(mock.stats().requests, 0);
    assert_eq!(gateway.ask(get("/v1/models")).await.status, 200);
}

#[tokio::test]
async fn a_large_head_within_the_bound_passes() {
    let (mock, gateway) = both().await;
    let long = "b,".repeat(6_000);
    let answer = gateway.ask(request("GET", "/v1/models", &[("anthropic-beta", &long)], b"")).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(mock.last().unwrap().headers["anthropic-beta"], long.as_str());
}

#[tokio::test]
async fn a_body_over_the_bound_is_413_by_its_length_before_it_is_read() {
    let (mock, gateway) = both().await;
    for (path, length) in [
        ("/v1/messages", 33_554_433_u64),
        ("/v1/messages/batches", 268_435_457),
        ("/v1/complete", 1 << 60),
    ] {
        let head = request(
            "POST",
            path,
            &[("content-length", &length.to_string()), ("expect", "100-continue")],
            b"",
        );
        let mut client = gateway.connect().await;
        client.send(&head).await;
        let answer = client.answer().await;
        answer.assert_own(413, "body-too-large");
        assert_eq!(answer.json()["error"]["type"], "request_too_large");
    }
    assert_eq!(mock.stats().requests, 0);
}

#[tokio::test]
async fn a_client_that_sends_a_too_large_body_all_the_same_sees_the_413() {
    let mock = mock().await;
    let gateway = Setup::new().server("body_bytes_max = 65536").mock(&mock).start().await;
    let large = vec![b' '; 900_000];
    gateway
        .ask(request("POST", "/v1/messages", &[], &large))
        .await
        .assert_own(413, "body-too-large");
    // Without a length it is found out on the way.
    let head = request(
        "POST",
        "/v1/messages",
        &[("content-length", ""), ("transfer-encoding", "chunked")],
        b"",
    );
    let mut client = gateway.connect().await;
    client.send(head).await;
    for chunk in large.chunks(10_000) {
        client.send(format!("{:x}\r\n", chunk.len())).await.send(chunk).await.send("\r\n").await;
    }
    client.send("0\r\n\r\n").await;
    client.answer().await.assert_own(413, "body-too-large");
    // An endless one is cut after the drain's bound.
    let mut client = gateway.connect().await;
    client.send(request("POST", "/v1/messages", &[("content-length", "99999999")], b"")).await;
    for _ in 0..200 {
        client.send(&large[..50_000]).await;
    }
    let answer = client.ask_for_part("").await;
    assert!(answer.is_none_or(|answer| answer.status == 413));
    assert_eq!(mock.stats().requests, 0);
    assert_eq!(gateway.ask(message("Hello", false)).await.status, 200);
}

#[tokio::test]
async fn a_body_of_the_full_size_passes() {
    let (mock, gateway) = both().await;
    let mut large =
        br#"{"model":"claude-sonnet-5","max_tokens":5,"messages":[{"role":"user","content":""#
            .to_vec();
    large.resize(32 * 1024 * 1024 - 4, b'x');
    large.extend_from_slice(b"\"}]}");
    let answer = gateway.ask(request("POST", "/v1/messages", &[], &large)).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(mock.last().unwrap().body_len, 32 * 1024 * 1024);
    assert_eq!(gateway.metric("ferry_held_bytes"), Some(0.0));
}

#[tokio::test]
async fn a_truncated_body_reaches_no_node() {
    let (mock, gateway) = both().await;
    let mut client = gateway.connect().await;
    client
        .send(request("POST", "/v1/messages", &[("content-length", "500")], b"{\"model\":"))
        .await;
    client.finish().await;
    let answer = client.answer().await;
    assert_eq!(answer.status, 400, "{}", answer.text());
    client.assert_closed().await;
    until("rest", || gateway.running.in_flight() == 0).await;
    assert_eq!(mock.stats().requests, 0);
}

#[tokio::test]
async fn a_body_that_stops_is_408() {
    let mock = mock().await;
    let gateway = Setup::new().timeout("client_idle_ms = 100").mock(&mock).start().await;
    let mut client = gateway.connect().await;
    client
        .send(request("POST", "/v1/messages", &[("content-length", "500")], b"{\"model\":"))
        .await;
    client.answer().await.assert_own(408, "body-idle");
    client.assert_closed().await;
    let mut client = gateway.connect().await;
    client.send(request("POST", "/v1/files", &[("content-length", "500")], b"--b")).await;
    let answer = client.answer().await;
    assert_eq!(answer.status, 400, "{}", answer.text());
    until("rest", || gateway.running.in_flight() == 0).await;
}

/// Sends a body byte by byte, without end, and gives the answer.
async fn drip(gateway: &Gateway) -> String {
    let socket = tokio::net::TcpStream::connect(gateway.data).await.unwrap();
    let (mut reading, mut writing) = socket.into_split();
    let head = request("POST", "/v1/messages", &[("content-length", "9000000")], b"{");
    let dripping = tokio::spawn(async move {
        writing.write_all(&head).await.unwrap();
        // Until the gateway takes no more.
        while writing.write_all(b" ").await.is_ok() {
            tokio::task::yield_now().await;
        }
    });
    let mut answer = Vec::new();
    // An answer, then FIN or, since bytes are still coming, RST.
    drop(guarded("the answer", reading.read_to_end(&mut answer)).await);
    dripping.abort();
    String::from_utf8(answer).unwrap()
}

#[tokio::test]
async fn a_body_that_comes_too_slowly_is_408() {
    let mock = mock().await;
    let gateway = Setup::new().timeout("nonstream_total_ms = 100").mock(&mock).start().await;
    let answer = drip(&gateway).await;
    assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
    assert!(answer.contains("x-ferry-code: body-slow\r\n"), "{answer}");
    assert!(answer.contains("connection: close\r\n"), "{answer}");
    until("rest", || gateway.running.in_flight() == 0).await;
    assert_eq!(mock.stats().requests, 0);
}

#[tokio::test]
async fn a_head_that_does_not_end_is_408() {
    let mock = mock().await;
    let gateway = Setup::new().timeout("head_ms = 100").mock(&mock).start().await;
    let mut client = gateway.connect().await;
    client.send("GET /v1/models HTTP/1.1\r\nhost: local").await;
    let answer = client.answer().await;
    assert_eq!((answer.status, answer.code()), (408, "slow-head"));
    client.assert_closed().await;
    // One that says nothing is closed, without a word or with one.
    gateway.connect().await.until_close().await;
}

#[tokio::test]
async fn an_idle_connection_is_closed_without_a_word() {
    let mock = mock().await;
    let gateway = Setup::new().timeout("keep_alive_ms = 80").mock(&mock).start().await;
    let mut client = gateway.connect().await;
    assert_eq!(client.ask(get("/v1/models")).await.status, 200);
    client.assert_closed().await;
}

#[tokio::test]
async fn invalid_json_is_400_before_any_node() {
    let (mock, gateway) = both().await;
    for body in [
        &b""[..],
        b" ",
        b"x",
        b"null",
        b"[]",
        b"\"x\"",
        b"{",
        b"{\"a\":}",
        b"{\"a\":1,}",
        b"{'a':1}",
        b"{} {}",
        b"\xff\xfe{}",
        b"{\"model\":\"m\",\"model\":\"n\"}",
        b"{\"stream\":true,\"stream\":false}",
    ] {
        let answer = gateway.ask(request("POST", "/v1/messages", &[], body)).await;
        assert_eq!(
            (answer.status, answer.code()),
            (400, "body-json"),
            "{:?}",
            String::from_utf8_lossy(body)
        );
    }
    let deep = format!("{{\"a\":{}1{}}}", "[".repeat(200_000), "]".repeat(200_000));
    gateway
        .ask(request("POST", "/v1/messages", &[], deep.as_bytes()))
        .await
        .assert_own(400, "body-json");
    assert_eq!(mock.stats().requests, 0);
}

#[tokio::test]
async fn a_wrong_content_type_with_a_right_body_goes_on_and_with_a_wrong_one_is_named() {
    let (mock, gateway) = both().await;
    for content_type in ["text/plain", "application/json; charset=utf-8", ""] {
        let sent = request(
            "POST",
            "/v1/messages",
            &[("content-type", content_type)],
            &body("Hello", false),
        );
        assert_eq!(gateway.ask(sent).await.status, 200, "{content_type}");
    }
    let form = request(
        "POST",
        "/v1/messages",
        &[("content-type", "application/x-www-form-urlencoded")],
        b"a=b",
    );
    let answer = gateway.ask(form).await;
    answer.assert_own(400, "body-json");
    assert!(answer.text().contains("content-type"));
    assert_eq!(mock.stats().requests, 3);
}

#[tokio::test]
async fn a_hundred_broken_clients_do_no_harm() {
    let (_mock, gateway) = both().await;
    let mut open = Vec::new();
    for n in 0..100_usize {
        let mut client = gateway.connect().await;
        let whole = message("[mock latency_ms=600000]", n % 2 == 0);
        client.send(&whole[..whole.len() * n / 100]).await;
        open.push(client);
    }
    assert_eq!(gateway.ask(message("Hello", false)).await.status, 200);
    drop(open);
    until("rest", || gateway.running.in_flight() == 0).await;
    until("all closed", || gateway.metric("ferry_connections").unwrap() < 1.5).await;
    assert_eq!(gateway.metric("ferry_panics_total"), Some(0.0));
}

#[tokio::test]
async fn the_admin_port_answers_health_readiness_and_metrics_only() {
    let (_mock, gateway) = both().await;
    for (path, status) in
        [("/healthz", 200), ("/readyz", 200), ("/metrics", 200), ("/v1/models", 404), ("/x", 404)]
    {
        let answer = Client::connect(gateway.admin).await.ask(get(path)).await;
        assert_eq!(answer.status, status, "{path}");
    }
}
