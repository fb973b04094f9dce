//! The malformed requests of the smuggling tables: refused with the connection closed, and whatever a node sees is one
//! well-formed request or none.

use crate::harness::{body, both, get, message, until};

const INNER: &str = "GET /v1/smuggled HTTP/1.1\r\nhost: localhost\r\nx-api-key: k\r\n\r\n";

/// A POST to the Messages API with these lines in its head, and this behind it.
fn post(lines: &str, rest: &str) -> String {
    format!(
        "POST /v1/messages HTTP/1.1\r\nhost: localhost\r\nx-api-key: sk-ant-api03-abc\r\nanthropic-version: 2023-06-01\r\ncontent-type: application/json\r\n{lines}\r\n{rest}"
    )
}

/// A chunked body that holds one request.
fn chunked() -> String {
    let body = String::from_utf8(body("Hello", false)).unwrap();
    format!("{:x}\r\n{body}\r\n0\r\n\r\n", body.len())
}

/// Name, bytes, and whether a well-formed request may come of it.
#[expect(clippy::too_many_lines, reason = "a table")]
fn cases() -> Vec<(&'static str, String, bool)> {
    let plain = String::from_utf8(body("Hello", false)).unwrap();
    let length = plain.len();
    let smuggling = format!("{plain}{INNER}");
    let chunk = |line: &str, end: &str| format!("{line}{plain}{end}{INNER}");
    let te = "transfer-encoding: chunked\r\n";
    let size = format!("{length:x}");
    vec![
        (
            "two different lengths",
            post(&format!("content-length: {length}\r\ncontent-length: 5\r\n"), &smuggling),
            false,
        ),
        (
            "two equal lengths",
            post(&format!("content-length: {length}\r\ncontent-length: {length}\r\n"), &smuggling),
            false,
        ),
        (
            "a list of lengths",
            post(&format!("content-length: {length}, {length}\r\n"), &smuggling),
            false,
        ),
        (
            "a length with a plus",
            post(&format!("content-length: +{length}\r\n"), &smuggling),
            false,
        ),
        (
            "a length in hexadecimal",
            post(&format!("content-length: 0x{length:x}\r\n"), &smuggling),
            false,
        ),
        ("a negative length", post("content-length: -1\r\n", &smuggling), false),
        (
            "a length and chunked",
            post(&format!("content-length: {length}\r\n{te}"), &format!("0\r\n\r\n{INNER}")),
            false,
        ),
        ("chunked and a length", post(&format!("{te}content-length: 4\r\n"), &chunked()), false),
        ("a negative chunk size", post(te, &chunk("-1\r\n", "\r\n0\r\n\r\n")), false),
        (
            "an overflowing chunk size",
            post(te, &chunk(&format!("10000000000000000{size}\r\n"), "\r\n0\r\n\r\n")),
            false,
        ),
        (
            "a chunk size with a prefix",
            post(te, &chunk(&format!("0x{size}\r\n"), "\r\n0\r\n\r\n")),
            false,
        ),
        ("a chunk size that lies", post(te, &chunk("5\r\n", "\r\n0\r\n\r\n")), false),
        (
            "a chunk size line with a bare LF",
            post(te, &chunk(&format!("{size}\n"), "\r\n0\r\n\r\n")),
            false,
        ),
        (
            "a chunk that ends in a bare LF",
            post(te, &chunk(&format!("{size}\r\n"), "\n0\r\n\r\n")),
            false,
        ),
        (
            "an obfuscated coding",
            post("transfer-encoding: xchunked\r\n", &format!("{}{INNER}", chunked())),
            false,
        ),
        (
            "a quoted coding",
            post("transfer-encoding: \"chunked\"\r\n", &format!("{}{INNER}", chunked())),
            false,
        ),
        (
            "a doubled coding",
            post("transfer-encoding: chunked, chunked\r\n", &format!("{}{INNER}", chunked())),
            false,
        ),
        (
            "chunked and identity",
            post(
                "transfer-encoding: chunked\r\ntransfer-encoding: identity\r\n",
                &format!("{}{INNER}", chunked()),
            ),
            false,
        ),
        (
            "chunked after another coding",
            post("transfer-encoding: gzip, chunked\r\n", &format!("{}{INNER}", chunked())),
            false,
        ),
        ("a tab before chunked", post("transfer-encoding:\tchunked\r\n", &chunked()), true),
        (
            "a vertical tab before chunked",
            post("transfer-encoding: \u{b}chunked\r\n", &format!("{}{INNER}", chunked())),
            false,
        ),
        (
            "a space before the colon",
            post(&format!("content-length : {length}\r\n"), &smuggling),
            false,
        ),
        (
            "a folded line",
            post(&format!("x-a: b\r\n c\r\ncontent-length: {length}\r\n"), &smuggling),
            false,
        ),
        ("a first line that is folded", post("", "").replacen("host:", " host:", 1), false),
        (
            "a NUL in a value",
            post(&format!("x-a: b\u{0}c\r\ncontent-length: {length}\r\n"), &smuggling),
            false,
        ),
        (
            "no host",
            post(&format!("content-length: {length}\r\n"), &smuggling).replacen(
                "host: localhost\r\n",
                "",
                1,
            ),
            false,
        ),
        (
            "two hosts",
            post(&format!("host: localhost\r\ncontent-length: {length}\r\n"), &smuggling),
            false,
        ),
        (
            "HTTP/1.0 with a coding",
            post(te, &format!("{}{INNER}", chunked())).replacen("HTTP/1.1", "HTTP/1.0", 1),
            false,
        ),
        (
            "bare LF line ends",
            post(&format!("content-length: {length}\r\n"), "").replace("\r\n", "\n") + &smuggling,
            false,
        ),
        ("one bare LF", post(&format!("x-a: b\ncontent-length: {length}\r\n"), &smuggling), false),
        (
            "a bare CR",
            post(&format!("x-a: b\rx-b: c\r\ncontent-length: {length}\r\n"), &smuggling),
            false,
        ),
        (
            "a twin of the length",
            post(&format!("content_length: 4\r\ncontent-length: {length}\r\n"), &smuggling),
            false,
        ),
        (
            "a twin of the coding",
            post(
                &format!("transfer_encoding: chunked\r\ncontent-length: {length}\r\n"),
                &smuggling,
            ),
            false,
        ),
        (
            "a line without a colon",
            post(&format!("nonsense\r\ncontent-length: {length}\r\n"), &smuggling),
            false,
        ),
        ("an empty name", post(&format!(": x\r\ncontent-length: {length}\r\n"), &smuggling), false),
        ("no version", "GET /v1/models\r\n\r\n".to_owned(), false),
        (
            "a trailer that frames",
            post(te, &format!("{size}\r\n{plain}\r\n0\r\ncontent-length: 5\r\n\r\n{INNER}")),
            false,
        ),
    ]
}

#[tokio::test]
async fn a_malformed_request_is_refused_and_no_node_sees_more_than_one() {
    let (mock, gateway) = both().await;
    for (name, sent, may_pass) in cases() {
        let before = mock.stats().requests;
        let mut client = gateway.connect().await;
        client.send(&sent).await;
        let answer = client.answer().await;
        if may_pass && answer.status == 200 {
            client.finish().await;
        } else {
            assert!((400..=505).contains(&answer.status), "{name}: {}", answer.status);
            assert!(
                answer.code().starts_with("framing-"),
                "{name}: {} {}",
                answer.code(),
                answer.text()
            );
            assert_eq!(answer.header("connection"), Some("close"), "{name}");
        }
        client.assert_closed().await;
        assert!(mock.stats().requests <= before + 1, "{name}");
        for captured in mock.requests() {
            assert_eq!(captured.uri.path(), "/v1/messages", "{name}");
            assert_eq!(captured.body, body("Hello", false), "{name}: one well-formed request");
        }
        // And the process serves on.
        mock.reset();
        assert_eq!(gateway.ask(get("/v1/models")).await.status, 200, "after {name}");
        mock.reset();
    }
    until("rest", || gateway.running.in_flight() == 0).await;
    assert_eq!(gateway.metric("ferry_panics_total"), Some(0.0));
}

#[tokio::test]
async fn a_malformed_request_behind_a_good_one_leaves_the_good_answer_whole() {
    let (_mock, gateway) = both().await;
    for (name, bad, _may_pass) in cases().into_iter().take(8) {
        let mut client = gateway.connect().await;
        let mut sent = message("Hello", false);
        sent.extend_from_slice(bad.as_bytes());
        client.send(sent).await;
        assert_eq!(client.answer().await.status, 200, "{name}");
        let refused = client.answer().await;
        assert!(refused.code().starts_with("framing-"), "{name}");
        client.assert_closed().await;
    }
}
