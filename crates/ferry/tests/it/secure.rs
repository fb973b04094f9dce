//! TLS and HTTP/2, towards nodes and towards clients.

use std::path::Path;
use std::sync::Arc;

use ferry_mock::{MockSettings, RunningMock, TlsSettings};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use tokio::net::TcpStream;

use crate::harness::{
    Client, End, Gateway, KEY, Setup, body, get, guarded, message, mock, mock_with, request, seen,
    until,
};

async fn tls_mock(tls: TlsSettings) -> (RunningMock, tempfile::TempDir) {
    let mock = mock_with(MockSettings { tls: Some(tls), seed: 7, ..MockSettings::default() }).await;
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("ca.pem"), mock.ca_pem().unwrap()).unwrap();
    (mock, dir)
}

fn trusting(dir: &Path) -> String {
    format!("extra_ca_file = \"{}/ca.pem\"", dir.display())
}

async fn before_tls(tls: TlsSettings) -> (RunningMock, Gateway) {
    let (mock, dir) = tls_mock(tls).await;
    let gateway = Setup::new().node("mock", &mock.base_url(), &trusting(dir.path())).start().await;
    (mock, gateway)
}

fn faulty(fault: &str, stream: bool) -> Vec<u8> {
    request("POST", "/v1/messages", &[("x-mock-fault", fault)], &body("[mock chunks=20]", stream))
}

#[tokio::test]
async fn a_node_over_tls_speaks_what_alpn_chose() {
    for (http1_only, version) in [(false, http::Version::HTTP_2), (true, http::Version::HTTP_11)] {
        let (mock, gateway) =
            before_tls(TlsSettings { http1_only, ..TlsSettings::default() }).await;
        let answer = gateway.ask(message("Hello", true)).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        let arrived = mock.last().unwrap();
        assert_eq!(arrived.version, version);
        assert_eq!(arrived.body, body("Hello", true));
        assert_eq!(arrived.headers["x-api-key"], KEY);
        assert!(
            answer.text().ends_with("event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n")
        );
    }
}

#[tokio::test]
async fn answers_over_tls_and_http2_have_the_same_bytes() {
    let plain = mock_with(MockSettings { seed: 7, ..MockSettings::default() }).await;
    let (mock, dir) = tls_mock(TlsSettings::default()).await;
    let lines = trusting(dir.path());
    let gateway = Setup::new().one_try().node("mock", &mock.base_url(), &lines).start().await;
    for fault in [
        "delay:ms=0",
        "split:bytes=5",
        "big-event",
        "crlf",
        "429:retry_after=9",
        "529",
        "comments",
        "error-event",
    ] {
        for stream in [true, false] {
            let direct = Client::connect(plain.addr()).await.ask(faulty(fault, stream)).await;
            let through = gateway.ask(faulty(fault, stream)).await;
            assert_eq!((through.status, through.text()), (direct.status, direct.text()), "{fault}");
            assert_eq!(through.header("retry-after"), direct.header("retry-after"));
        }
    }
}

#[tokio::test]
async fn an_unknown_authority_is_refused_before_any_byte_of_a_request() {
    let (mock, _dir) = tls_mock(TlsSettings::default()).await;
    let gateway =
        Setup::new().timeout("patience_ms = 0").node("mock", &mock.base_url(), "").start().await;
    let answer = gateway.ask(message("Hello", false)).await;
    answer.assert_own(503, "no-node");
    assert_eq!(mock.stats().requests, 0);
    let other = crate::harness::mock().await;
    let gateway = Setup::new()
        .node("mock", &mock.base_url(), "")
        .node("other", &other.base_url(), "")
        .start()
        .await;
    assert_eq!(gateway.ask(message("Hello", false)).await.header("x-ferry-node"), Some("other"));
}

#[tokio::test]
async fn a_certificate_of_another_name_is_refused() {
    let (mock, dir) = tls_mock(TlsSettings::default()).await;
    let url = format!("https://elsewhere.invalid:{}", mock.addr().port());
    let lines = format!("{}\naddresses = [\"127.0.0.1\"]", trusting(dir.path()));
    let gateway = Setup::new().timeout("patience_ms = 0").node("mock", &url, &lines).start().await;
    gateway.ask(message("Hello", false)).await.assert_own(503, "no-node");
    assert_eq!(mock.stats().requests, 0);
}

#[tokio::test]
async fn a_client_certificate_is_shown_where_it_is_asked_for() {
    let (mock, dir) =
        tls_mock(TlsSettings { require_client_certificate: true, ..TlsSettings::default() }).await;
    let identity = mock.client_identity().unwrap();
    std::fs::write(dir.path().join("client.pem"), &identity.certificate_pem).unwrap();
    std::fs::write(dir.path().join("client.key"), &identity.key_pem).unwrap();
    let at = dir.path().display();
    let lines = format!(
        "{}\nclient_cert_file = \"{at}/client.pem\"\nclient_key_file = \"{at}/client.key\"",
        trusting(dir.path())
    );
    let gateway = Setup::new().node("mock", &mock.base_url(), &lines).start().await;
    assert_eq!(gateway.ask(message("Hello", false)).await.status, 200);
    let without = Setup::new().node("mock", &mock.base_url(), &trusting(dir.path())).start().await;
    assert!(without.ask(message("Hello", false)).await.status >= 502);
    assert_eq!(mock.stats().requests, 1);
}

#[tokio::test]
async fn calls_at_once_share_a_connection_over_http2() {
    let (mock, gateway) = before_tls(TlsSettings::default()).await;
    gateway.ask(get("/v1/models")).await;
    // As many as one connection takes.
    let calls = (0..32).map(|n| {
        let address = gateway.data;
        tokio::spawn(async move {
            Client::connect(address).await.ask(message("[mock chunks=50]", n % 2 == 0)).await
        })
    });
    for call in calls.collect::<Vec<_>>() {
        let answer = guarded("a call", call).await.unwrap();
        assert_eq!((answer.status, answer.end), (200, End::Whole));
    }
    let connections = mock.stats().connections;
    assert!(connections <= 9, "{connections}: four streams on each at the least");
    assert_eq!(mock.stats().generations_finished, 32);
}

#[tokio::test]
async fn a_refused_stream_is_tried_again_at_no_cost() {
    let (mock, gateway) = before_tls(TlsSettings::default()).await;
    mock.set_fault("refused-stream@count=1").unwrap();
    for stream in [false, true] {
        let answer = gateway.ask(message("Hello", stream)).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        mock.set_fault("refused-stream@count=2").unwrap();
    }
    let stats = mock.stats();
    assert_eq!((stats.generations_started, stats.generations_finished), (2, 2));
    mock.set_fault("refused-stream").unwrap();
    let answer = gateway.ask(message("Hello", false)).await;
    answer.assert_own(503, "not-taken");
    assert!(mock.stats().requests <= 12, "with an end to it: {}", mock.stats().requests);
}

#[tokio::test]
async fn a_goaway_that_names_no_stream_is_tried_again_on_a_new_connection() {
    let (mock, gateway) = before_tls(TlsSettings::default()).await;
    gateway.ask(get("/v1/models")).await;
    mock.set_fault("goaway@count=1").unwrap();
    let answer = gateway.ask(message("Hello", true)).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(mock.stats().generations_started, 1);
    assert_eq!(mock.stats().connections, 2);
}

#[tokio::test]
async fn a_graceful_goaway_lets_the_answer_end_and_the_next_goes_elsewhere() {
    let (mock, gateway) = before_tls(TlsSettings::default()).await;
    mock.set_fault("goaway:graceful@count=1").unwrap();
    for _ in 0..3 {
        let answer = gateway.ask(message("Hello", true)).await;
        assert_eq!((answer.status, answer.header("x-ferry-attempts")), (200, Some("1")));
        assert!(answer.text().contains("event: message_stop"));
    }
    assert_eq!(mock.stats().generations_finished, 3);
}

#[tokio::test]
async fn a_stream_that_is_reset_ends_in_an_error_event() {
    let (_mock, gateway) = before_tls(TlsSettings::default()).await;
    for fault in [
        "stream-reset:at=4",
        "cut:at=4,how=fin",
        "cut:at=4,how=rst",
        "end:after=4",
        "chunk-cut:after=4",
    ] {
        let answer = gateway.ask(faulty(fault, true)).await;
        assert_eq!((answer.status, answer.end), (200, End::Whole), "{fault}");
        assert!(answer.text().contains("event: error\n"), "{fault}: {}", answer.text());
        assert!(!answer.text().contains("event: message_stop"));
        let answer = gateway.ask(faulty("stream-reset:at=1", false)).await;
        assert_eq!(answer.status, 502, "{}", answer.text());
    }
}

#[tokio::test]
async fn a_client_that_leaves_resets_its_stream_and_no_other() {
    let (mock, gateway) = before_tls(TlsSettings::default()).await;
    let mut staying = gateway.connect().await;
    staying.send(message("[mock chunks=20 delay_ms=20]", true)).await;
    staying.head().await;
    let mut leaving = gateway.connect().await;
    leaving.send(faulty("stall:at=5", true)).await;
    leaving.head().await;
    drop(leaving);
    seen(&mock, "the cancel", |stats| stats.generations_aborted == 1).await;
    let rest = staying.body_until("event: message_stop").await;
    assert!(!String::from_utf8(rest).unwrap().contains("event: error"));
    assert_eq!(mock.stats().connections, 1);
}

// Towards clients.

type Sender = http2::SendRequest<Full<bytes::Bytes>>;

async fn over_http2(io: impl crate::harness::Io + 'static) -> Sender {
    let (sender, connection) =
        guarded("a handshake", http2::handshake(TokioExecutor::new(), TokioIo::new(io)))
            .await
            .unwrap();
    tokio::spawn(connection);
    sender
}

fn post(uri: &str, prompt: &str, stream: bool) -> http::Request<Full<bytes::Bytes>> {
    http::Request::post(uri)
        .header("x-api-key", KEY)
        .header("anthropic-version", "2023-06-01")
        .header("content-type", "application/json")
        .body(Full::from(body(prompt, stream)))
        .unwrap()
}

async fn collect(
    response: http::Response<hyper::body::Incoming>,
) -> (http::response::Parts, String) {
    let (parts, body) = response.into_parts();
    let body = guarded("a body", body.collect()).await.unwrap().to_bytes();
    (parts, String::from_utf8(body.to_vec()).unwrap())
}

#[tokio::test]
async fn a_client_over_http2_in_cleartext_is_served() {
    let mock = mock().await;
    let gateway = Gateway::before(&mock).await;
    let mut sender = over_http2(TcpStream::connect(gateway.data).await.unwrap()).await;
    let url = format!("http://{}/v1/messages", gateway.data);
    for stream in [true, false] {
        let (parts, text) =
            collect(sender.send_request(post(&url, "Hello", stream)).await.unwrap()).await;
        assert_eq!(parts.status, 200);
        assert!(!parts.headers.contains_key("connection"));
        let direct = Client::connect(mock.addr()).await.ask(message("Hello", stream)).await;
        assert_eq!(text, direct.text());
    }
    let arrived = &mock.requests()[0];
    assert_eq!(arrived.body, body("Hello", true));
    assert_eq!(arrived.headers["host"], mock.addr().to_string().as_str());
}

#[tokio::test]
async fn a_hundred_streams_at_once_over_one_client_connection() {
    let mock = mock().await;
    let gateway = Gateway::before(&mock).await;
    let sender = over_http2(TcpStream::connect(gateway.data).await.unwrap()).await;
    let url = format!("http://{}/v1/messages", gateway.data);
    let calls = (0..100).map(|n| {
        let (mut sender, url) = (sender.clone(), url.clone());
        tokio::spawn(async move {
            collect(sender.send_request(post(&url, "[mock chunks=30]", n % 2 == 0)).await.unwrap())
                .await
        })
    });
    for call in calls.collect::<Vec<_>>() {
        assert_eq!(guarded("a call", call).await.unwrap().0.status, 200);
    }
    assert_eq!(mock.stats().generations_finished, 100);
}

#[tokio::test]
async fn an_authority_and_a_host_that_differ_are_refused() {
    let mock = mock().await;
    let gateway = Gateway::before(&mock).await;
    let mut sender = over_http2(TcpStream::connect(gateway.data).await.unwrap()).await;
    let mut conflict = post(&format!("http://{}/v1/messages", gateway.data), "Hello", false);
    conflict.headers_mut().insert("host", "localhost".parse().unwrap());
    let (parts, text) = collect(sender.send_request(conflict).await.unwrap()).await;
    assert_eq!(
        (parts.status.as_u16(), &parts.headers["x-ferry-code"]),
        (400, &"host-conflict".parse().unwrap()),
        "{text}"
    );
    let rebound = post("http://evil.example/v1/messages", "Hello", false);
    let (parts, _text) = collect(sender.send_request(rebound).await.unwrap()).await;
    assert_eq!(parts.headers["x-ferry-code"], "host-not-allowed");
    assert_eq!(mock.stats().requests, 0);
}

#[tokio::test]
async fn a_stream_that_the_client_resets_cancels_its_generation() {
    let mock = mock().await;
    let gateway = Gateway::before(&mock).await;
    let mut sender = over_http2(TcpStream::connect(gateway.data).await.unwrap()).await;
    let url = format!("http://{}/v1/messages", gateway.data);
    // With the answer under way.
    let mut sent = post(&url, "Hello", true);
    sent.headers_mut().insert("x-mock-fault", "stall:at=5".parse().unwrap());
    let response = guarded("an answer", sender.send_request(sent)).await.unwrap();
    drop(response);
    seen(&mock, "the cancel", |stats| stats.generations_aborted == 1).await;
    // And before it has begun.
    let waiting = tokio::spawn(sender.send_request(post(&url, "[mock latency_ms=600000]", false)));
    seen(&mock, "the generation", |stats| stats.generations_started == 2).await;
    waiting.abort();
    seen(&mock, "the cancel", |stats| stats.generations_aborted == 2).await;
    until("rest", || gateway.running.in_flight() == 0).await;
    let (parts, _text) =
        collect(sender.send_request(post(&url, "Hello", false)).await.unwrap()).await;
    assert_eq!(parts.status, 200, "the connection serves on");
}

#[tokio::test]
async fn a_cut_download_over_http2_resets_its_stream() {
    let mock = mock().await;
    let gateway = Setup::new().server("answer_bytes_max = 4096").mock(&mock).start().await;
    let mut sender = over_http2(TcpStream::connect(gateway.data).await.unwrap()).await;
    let large = br#"{"model":"claude-sonnet-5","max_tokens":50000,"messages":[{"role":"user","content":"[mock size=100000]"}]}"#;
    let mut sent = post(&format!("http://{}/v1/messages", gateway.data), "", false);
    *sent.body_mut() = Full::from(&large[..]);
    sent.headers_mut().insert("x-mock-fault", "cut:at=1,how=fin".parse().unwrap());
    let response = guarded("a head", sender.send_request(sent)).await;
    let ended = match response {
        Ok(response) => guarded("the end", response.into_body().collect()).await.map(drop),
        Err(error) => Err(error),
    };
    assert!(ended.is_err(), "a cut is no clean end");
}

/// A certificate for localhost in `cert.pem` and `key.pem`; gives it.
fn certificate(dir: &Path) -> CertificateDer<'static> {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned(), "127.0.0.1".to_owned()])
        .unwrap();
    std::fs::write(dir.join("cert.pem"), made.cert.pem()).unwrap();
    std::fs::write(dir.join("key.pem"), made.signing_key.serialize_pem()).unwrap();
    CertificateDer::from_pem_slice(made.cert.pem().as_bytes()).unwrap()
}

async fn tls_client(
    address: std::net::SocketAddr,
    root: &CertificateDer<'static>,
    alpn: &[&str],
) -> std::io::Result<tokio_rustls::client::TlsStream<TcpStream>> {
    let mut roots = rustls::RootCertStore::empty();
    roots.add(root.clone()).unwrap();
    let mut config = rustls::ClientConfig::builder_with_provider(Arc::new(
        rustls::crypto::aws_lc_rs::default_provider(),
    ))
    .with_safe_default_protocol_versions()
    .unwrap()
    .with_root_certificates(roots)
    .with_no_client_auth();
    config.alpn_protocols = alpn.iter().map(|name| name.as_bytes().to_vec()).collect();
    let stream = TcpStream::connect(address).await.unwrap();
    let name = ServerName::try_from("localhost").unwrap();
    guarded("a handshake", tokio_rustls::TlsConnector::from(Arc::new(config)).connect(name, stream))
        .await
}

async fn serving_tls(mock: &RunningMock) -> (Gateway, tempfile::TempDir, CertificateDer<'static>) {
    let dir = tempfile::tempdir().unwrap();
    let root = certificate(dir.path());
    let at = dir.path().display();
    let gateway = Setup::new()
        .server(&format!("tls_cert_file = \"{at}/cert.pem\"\ntls_key_file = \"{at}/key.pem\""))
        .mock(mock)
        .start()
        .await;
    (gateway, dir, root)
}

#[tokio::test]
async fn a_client_over_tls_is_served_in_both_versions_of_http() {
    let mock = mock().await;
    let (gateway, _dir, root) = serving_tls(&mock).await;
    let stream = tls_client(gateway.data, &root, &["http/1.1"]).await.unwrap();
    let mut client = Client::over(stream);
    for stream in [true, false, true] {
        let answer = client.ask(message("Hello", stream)).await;
        assert_eq!((answer.status, answer.end), (200, End::Whole));
    }
    let stream = tls_client(gateway.data, &root, &["h2", "http/1.1"]).await.unwrap();
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
    let mut sender = over_http2(stream).await;
    let (parts, text) = collect(
        sender.send_request(post("https://localhost/v1/messages", "Hello", true)).await.unwrap(),
    )
    .await;
    assert_eq!(parts.status, 200);
    assert!(text.contains("event: message_stop"));
    let batch = br#"{"requests":[{"custom_id":"a","params":{"model":"claude-sonnet-5","max_tokens":9,"messages":[{"role":"user","content":"hi"}]}}]}"#;
    let created = client.ask(request("POST", "/v1/messages/batches", &[], batch)).await;
    let id = created.json()["id"].as_str().unwrap().to_owned();
    let one = client.ask(get(&format!("/v1/messages/batches/{id}"))).await;
    assert!(
        one.json()["results_url"].as_str().unwrap().starts_with("https://localhost/v1/"),
        "{}",
        one.text()
    );
}

#[tokio::test]
async fn cleartext_on_a_tls_port_is_closed_and_does_no_harm() {
    let mock = mock().await;
    let (gateway, _dir, root) = serving_tls(&mock).await;
    let mut client = gateway.connect().await;
    client.send(get("/v1/models")).await;
    client.until_close().await;
    let stream = tls_client(gateway.data, &root, &[]).await.unwrap();
    assert_eq!(Client::over(stream).ask(get("/v1/models")).await.status, 200);
}

#[tokio::test]
async fn a_certificate_is_reloaded_and_a_broken_one_keeps_the_last_good_pair() {
    let mock = mock().await;
    let (mut gateway, dir, old) = serving_tls(&mock).await;
    let kept = tls_client(gateway.data, &old, &[]).await.unwrap();
    let mut kept = Client::over(kept);
    assert_eq!(kept.ask(get("/v1/models")).await.status, 200);
    let new = certificate(dir.path());
    let inputs = gateway.inputs.clone();
    gateway.running.reload(&inputs).unwrap();
    assert!(tls_client(gateway.data, &old, &[]).await.is_err(), "the old one is gone");
    drop(tls_client(gateway.data, &new, &[]).await.unwrap());
    std::fs::write(dir.path().join("cert.pem"), "nonsense").unwrap();
    assert!(gateway.running.reload(&inputs).is_err());
    drop(tls_client(gateway.data, &new, &[]).await.unwrap());
    assert_eq!(kept.ask(get("/v1/models")).await.status, 200, "connections live on");
}
