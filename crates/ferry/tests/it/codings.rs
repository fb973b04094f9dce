//! Content codings: a coded request goes on as it came, after a decoded copy was read under a bound.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::{GzEncoder, ZlibEncoder};

use crate::harness::{Gateway, Setup, body, both, mock, request};

fn gzip(plain: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(plain).unwrap();
    encoder.finish().unwrap()
}

fn deflate(plain: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(plain).unwrap();
    encoder.finish().unwrap()
}

/// Brotli with one uncompressed meta-block (RFC 7932 section 9.2), since no encoder is among our packages.
fn brotli(plain: &[u8]) -> Vec<u8> {
    let length = u32::try_from(plain.len() - 1).unwrap();
    assert!(length < 1 << 16);
    // WBITS 16 (one bit 0); ISLAST 0; MNIBBLES 4 (00); MLEN-1; ISUNCOMPRESSED 1.
    let header = (length << 4) | (1 << 20);
    let mut bytes = header.to_le_bytes()[..3].to_vec();
    bytes.extend_from_slice(plain);
    // ISLAST 1, ISLASTEMPTY 1.
    bytes.push(3);
    bytes
}

fn coded(coding: &str, body: &[u8]) -> Vec<u8> {
    request("POST", "/v1/messages", &[("content-encoding", coding)], body)
}

#[tokio::test]
async fn a_coded_body_goes_on_as_it_came() {
    let (mock, gateway) = both().await;
    let plain = body("coded", true);
    for (coding, bytes) in [
        ("gzip", gzip(&plain)),
        ("x-gzip", gzip(&plain)),
        ("GZIP", gzip(&plain)),
        ("deflate", deflate(&plain)),
        ("br", brotli(&plain)),
        ("identity", plain.clone()),
        ("zstd", b"(\xb5/\xfd unread".to_vec()),
    ] {
        gateway.ask(coded(coding, &bytes)).await;
        let arrived = mock.last().unwrap();
        assert_eq!(arrived.body, bytes, "{coding}");
        assert_eq!(arrived.headers["content-encoding"], coding);
    }
    let lines = gateway.into_requests().await;
    for line in &lines[..6] {
        assert_eq!(line["model"], "claude-sonnet-5", "the decoded copy was read: {line}");
        assert_eq!(line["stream"], true);
    }
}

#[tokio::test]
async fn a_bomb_is_refused_with_413_and_goes_nowhere() {
    let mock = mock().await;
    let gateway = Setup::new().server("body_bytes_max = 65536").mock(&mock).start().await;
    let mut bomb = b"{\"model\":\"".to_vec();
    bomb.resize(1_000_000, b'a');
    bomb.extend_from_slice(b"\"}");
    for (coding, bytes) in [("gzip", gzip(&bomb)), ("deflate", deflate(&bomb))] {
        assert!(bytes.len() < 65_536);
        let answer = gateway.ask(coded(coding, &bytes)).await;
        answer.assert_own(413, "request_body_too_large_after_decoding");
        assert_eq!(answer.header("x-should-retry"), Some("false"));
    }
    assert_eq!(mock.stats().requests, 0);
}

#[tokio::test]
async fn a_body_that_is_not_what_its_coding_says_is_refused_with_400() {
    let (mock, gateway) = both().await;
    let plain = body("coded", false);
    let half = &gzip(&plain)[..30];
    let mut bad_sum = gzip(&plain);
    let at = bad_sum.len() - 6;
    bad_sum[at] ^= 1;
    for (coding, bytes) in [
        ("gzip", plain.as_slice()),
        ("gzip", half),
        ("gzip", &bad_sum),
        ("deflate", &plain),
        ("deflate", &deflate(&plain)[..20]),
        ("br", b"\xff\xff\xff\xff"),
    ] {
        let answer = gateway.ask(coded(coding, bytes)).await;
        answer.assert_own(400, "request_body_encoding_invalid");
    }
    gateway
        .ask(coded("gzip, gzip", &gzip(&gzip(&plain))))
        .await
        .assert_own(400, "request_body_encoding_unsupported");
    assert_eq!(mock.stats().requests, 0);
}

#[tokio::test]
async fn a_coded_body_that_is_no_json_is_refused_with_400() {
    let (mock, gateway) = both().await;
    gateway.ask(coded("gzip", &gzip(b"no json"))).await.assert_own(400, "body-json");
    assert_eq!(mock.stats().requests, 0);
}

#[tokio::test]
async fn a_coded_upload_flows_unread() {
    let (mock, gateway) = both().await;
    let sent = request("POST", "/v1/things", &[("content-encoding", "gzip")], b"not gzip at all");
    assert_eq!(gateway.ask(sent).await.status, 200);
    assert_eq!(&mock.last().unwrap().body[..], b"not gzip at all");
}

#[tokio::test]
async fn an_answer_that_is_coded_all_the_same_passes_with_its_coding() {
    let mock = mock().await;
    let gateway = Gateway::before(&mock).await;
    for stream in [false, true] {
        let headers = [("x-mock-fault", "gzip")];
        let answer =
            gateway.ask(request("POST", "/v1/messages", &headers, &body("Hello", stream))).await;
        assert_eq!(answer.status, 200);
        assert_eq!(answer.header("content-encoding"), Some("gzip"));
        let mut plain = Vec::new();
        let mut decoder = flate2::write::MultiGzDecoder::new(&mut plain);
        decoder.write_all(&answer.body).unwrap();
        decoder.try_finish().unwrap();
        drop(decoder);
        let text = String::from_utf8(plain).unwrap();
        assert!(
            text.contains(if stream { "event: message_stop" } else { "\"stop_reason\"" }),
            "{text}"
        );
    }
}
