//! TLS over real sockets, with certificates made for the test.

use std::path::Path;

use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::http2::{client, get, text};
use super::*;

/// A pair in files, and its certificate.
fn pair(dir: &Path) -> (TlsFiles, CertificateDer<'static>) {
    let files = TlsFiles { cert_file: dir.join("cert.pem"), key_file: dir.join("key.pem") };
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    std::fs::write(&files.cert_file, made.cert.pem()).unwrap();
    std::fs::write(&files.key_file, made.signing_key.serialize_pem()).unwrap();
    (files, made.cert.der().clone())
}

fn secure(settings: Settings, tls: &Arc<TlsStore>) -> Running {
    start_server(settings, |server| server.with_tls(Arc::clone(tls)))
}

async fn connect(
    running: &Running,
    trusted: &CertificateDer<'static>,
    alpn: &[&str],
) -> std::io::Result<TlsStream<TcpStream>> {
    let mut roots = RootCertStore::empty();
    roots.add(trusted.clone()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = alpn.iter().map(|name| name.as_bytes().to_vec()).collect();
    let name = ServerName::try_from("localhost").unwrap();
    TlsConnector::from(Arc::new(config)).connect(name, running.connect().await).await
}

async fn over_http1(mut stream: TlsStream<TcpStream>) -> String {
    let request = b"GET /peer HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n";
    stream.write_all(request).await.unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).await.unwrap();
    text
}

#[tokio::test]
async fn alpn_chooses_the_version() {
    let dir = tempfile::tempdir().unwrap();
    let (files, cert) = pair(dir.path());
    let running = secure(settings(), &Arc::new(TlsStore::load(&files).unwrap()));
    for alpn in [&["http/1.1"][..], &[]] {
        let stream = connect(&running, &cert, alpn).await.unwrap();
        let answer = over_http1(stream).await;
        assert!(answer.ends_with("tls=true http2=false"), "{answer}");
    }
    let stream = connect(&running, &cert, &["h2", "http/1.1"]).await.unwrap();
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
    let (mut sender, _connection) = client(stream).await;
    let peer = sender.send_request(get("/peer")).await.unwrap();
    assert!(text(peer).await.ends_with("tls=true http2=true"));
    drop(sender);
    running.stop().await;
}

#[tokio::test]
async fn a_refusal_reaches_a_client_behind_tls() {
    let dir = tempfile::tempdir().unwrap();
    let (files, cert) = pair(dir.path());
    let running = secure(settings(), &Arc::new(TlsStore::load(&files).unwrap()));
    let mut stream = connect(&running, &cert, &[]).await.unwrap();
    stream.write_all(b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.ends_with("MissingHost"), "{answer}");
    running.stop().await;
}

#[tokio::test]
async fn a_reload_takes_a_good_pair_and_keeps_the_last_good_one() {
    let dir = tempfile::tempdir().unwrap();
    let (files, first) = pair(dir.path());
    let tls = Arc::new(TlsStore::load(&files).unwrap());
    let running = secure(settings(), &tls);
    over_http1(connect(&running, &first, &[]).await.unwrap()).await;

    std::fs::write(&files.cert_file, "not a certificate").unwrap();
    let error = tls.reload(&files).unwrap_err();
    assert!(error.to_string().starts_with("find a certificate in"), "{error}");
    over_http1(connect(&running, &first, &[]).await.unwrap()).await;

    let (files, second) = pair(dir.path());
    tls.reload(&files).unwrap();
    over_http1(connect(&running, &second, &[]).await.unwrap()).await;
    connect(&running, &first, &[]).await.unwrap_err();
    running.stop().await;
}

#[tokio::test]
async fn a_handshake_that_fails_or_hangs_is_noticed_and_closed() {
    let dir = tempfile::tempdir().unwrap();
    let (files, _cert) = pair(dir.path());
    let tls = Arc::new(TlsStore::load(&files).unwrap());
    let mut running =
        secure(Settings { head_timeout: Duration::from_millis(20), ..settings() }, &tls);
    let mut plain = running.connect().await;
    plain.write_all(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n").await.unwrap();
    let notice = running.notices.recv().await.unwrap();
    assert!(notice.starts_with("HandshakeFailed") && notice.contains("Some"), "{notice}");
    let mut silent = running.connect().await;
    assert_eq!(silent.read_to_end(&mut Vec::new()).await.unwrap(), 0);
    assert!(running.notices.recv().await.unwrap().contains("error: None"));
    running.stop().await;
}
