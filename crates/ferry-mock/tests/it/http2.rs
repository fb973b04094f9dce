//! HTTP/2 with prior knowledge and over TLS, and the faults that only it has.

use std::sync::Arc;

use bytes::Bytes;
use ferry_mock::{Mock, MockSettings, RunningMock, TlsSettings};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http2::{SendRequest, handshake};
use hyper::{Request, Response, Version};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio_rustls::TlsConnector;

use crate::wire::{events, prompt, start};

/// A connection with its driver; how the driver ended is asked for with `ended`.
struct Client {
    send: SendRequest<Full<Bytes>>,
    driver: JoinSet<Result<(), hyper::Error>>,
}

impl Client {
    async fn over(stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static) -> Self {
        let (send, connection) =
            handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
        let mut driver = JoinSet::new();
        driver.spawn(connection);
        Self { send, driver }
    }

    async fn clear(mock: &RunningMock) -> Self {
        Self::over(TcpStream::connect(mock.addr()).await.unwrap()).await
    }

    async fn ask(&mut self, text: &str) -> Result<Response<hyper::body::Incoming>, hyper::Error> {
        let request = Request::post("http://mock.test/v1/messages")
            .header("x-api-key", "k")
            .header("anthropic-version", "2023-06-01")
            .body(Full::new(Bytes::from(prompt(text, r#","stream":true"#))))
            .unwrap();
        self.send.send_request(request).await
    }

    async fn ended(&mut self) {
        // Whether the end is an error depends on what was under way.
        self.driver.join_next().await.unwrap().unwrap().ok();
    }
}

async fn read(response: Response<hyper::body::Incoming>) -> (String, Option<hyper::Error>) {
    let mut body = response.into_body();
    let mut raw = Vec::new();
    loop {
        match body.frame().await {
            None => return (String::from_utf8(raw).unwrap(), None),
            Some(Ok(frame)) => raw.extend_from_slice(&frame.into_data().unwrap_or_default()),
            Some(Err(error)) => return (String::from_utf8_lossy(&raw).into_owned(), Some(error)),
        }
    }
}

fn reason(error: &hyper::Error) -> Option<h2::Reason> {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(error) = cause {
        if let Some(error) = error.downcast_ref::<h2::Error>() {
            return error.reason();
        }
        cause = error.source();
    }
    None
}

#[tokio::test]
async fn prior_knowledge_speaks_http2() {
    let mock = start().await;
    let mut client = Client::clear(&mock).await;
    let response = client.ask("hello").await.unwrap();
    assert_eq!(response.version(), Version::HTTP_2);
    let (text, error) = read(response).await;
    assert!(error.is_none());
    assert_eq!(events(&text).last().unwrap().0, "message_stop");
    let last = mock.last().unwrap();
    assert_eq!((last.version, last.raw_head), (Version::HTTP_2, None));
}

#[tokio::test]
async fn one_stream_is_refused_or_reset_and_the_connection_lives() {
    let mock = start().await;
    let mut client = Client::clear(&mock).await;
    let refused = client.ask("x [mock fault=refused-stream]").await.unwrap_err();
    assert_eq!(reason(&refused), Some(h2::Reason::REFUSED_STREAM));
    let response = client.ask("x [mock fault=stream-reset:at=4,code=8]").await.unwrap();
    let (text, error) = read(response).await;
    assert_eq!(reason(&error.unwrap()), Some(h2::Reason::CANCEL));
    assert!(events(&text).len() <= 4);
    assert_eq!(read(client.ask("x").await.unwrap()).await.1.map(|error| error.to_string()), None);
    assert_eq!(mock.stats().connections, 1);
}

#[tokio::test]
async fn a_cut_ends_the_connection_after_its_events() {
    let mock = start().await;
    let mut client = Client::clear(&mock).await;
    let response = client.ask("x [mock fault=cut:at=4,how=fin]").await.unwrap();
    let (text, error) = read(response).await;
    assert!(error.is_some());
    assert_eq!(events(&text).len(), 4);
    client.ended().await;
}

#[tokio::test]
async fn goaway_says_that_nothing_was_processed() {
    let mock = start().await;
    let mut client = Client::clear(&mock).await;
    let error = client.ask("x [mock fault=goaway]").await.unwrap_err();
    // A stream above the last one of a GOAWAY was not processed; h2 reports the frame's own code.
    assert_eq!(reason(&error), Some(h2::Reason::NO_ERROR), "{error:?}");
    client.ended().await;
    let mut client = Client::clear(&mock).await;
    let response = client.ask("x [mock fault=goaway:graceful]").await.unwrap();
    let (text, error) = read(response).await;
    assert!(error.is_none());
    assert_eq!(events(&text).last().unwrap().0, "message_stop");
    client.ended().await;
}

fn config(mock: &RunningMock, identity: bool, alpn: &[&[u8]]) -> ClientConfig {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(mock.ca_pem().unwrap().as_bytes()).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots);
    let own = mock.client_identity().unwrap();
    let mut config = if identity {
        let chain = vec![CertificateDer::from_pem_slice(own.certificate_pem.as_bytes()).unwrap()];
        let key = PrivateKeyDer::from_pem_slice(own.key_pem.as_bytes()).unwrap();
        builder.with_client_auth_cert(chain, key).unwrap()
    } else {
        builder.with_no_client_auth()
    };
    config.alpn_protocols = alpn.iter().map(|name| name.to_vec()).collect();
    config
}

async fn secure(mock: &RunningMock, config: ClientConfig) -> std::io::Result<Client> {
    let socket = TcpStream::connect(mock.addr()).await?;
    let name = ServerName::try_from("api.example.com").unwrap();
    let stream = TlsConnector::from(Arc::new(config)).connect(name, socket).await?;
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
    Ok(Client::over(stream).await)
}

fn tls(require_client_certificate: bool) -> MockSettings {
    let names = vec!["api.example.com".to_owned()];
    let tls = TlsSettings { names, require_client_certificate, http1_only: false };
    MockSettings { tls: Some(tls), ..MockSettings::default() }
}

#[tokio::test]
async fn tls_speaks_http2_and_takes_the_same_faults() {
    let mock = Mock::start(tls(false)).await.unwrap();
    assert!(mock.base_url().starts_with("https://localhost:"));
    let config = config(&mock, false, &[b"h2"]);
    let mut client = secure(&mock, config.clone()).await.unwrap();
    assert!(read(client.ask("x").await.unwrap()).await.1.is_none());
    let response = client.ask("x [mock fault=cut:at=4]").await.unwrap();
    let (text, error) = read(response).await;
    assert!(error.is_some() && events(&text).len() <= 4);
    let mut client = secure(&mock, config).await.unwrap();
    let error = client.ask("x [mock fault=goaway]").await.unwrap_err();
    assert_eq!(reason(&error), Some(h2::Reason::NO_ERROR), "{error:?}");
}

#[tokio::test]
async fn a_client_certificate_can_be_required() {
    let mock = Mock::start(tls(true)).await.unwrap();
    let mut client = secure(&mock, config(&mock, true, &[b"h2"])).await.unwrap();
    assert!(read(client.ask("x").await.unwrap()).await.1.is_none());
    // TLS 1.3 tells the client only after its own handshake is done.
    let refused = match secure(&mock, config(&mock, false, &[b"h2"])).await {
        Ok(mut client) => client.ask("x").await.is_err(),
        Err(_alert) => true,
    };
    assert!(refused);
}

#[tokio::test]
async fn stopping_lets_an_answer_finish() {
    let mock = start().await;
    let mut client = Client::clear(&mock).await;
    let response = client.ask("x [mock chunks=5 delay_ms=2]").await.unwrap();
    let (read, ()) = tokio::join!(read(response), mock.stop());
    assert!(read.1.is_none());
    assert_eq!(events(&read.0).last().unwrap().0, "message_stop");
}
