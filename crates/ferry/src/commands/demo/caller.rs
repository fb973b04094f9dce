//! A caller of the trial: one streamed request on a connection of its own, one try, and how it ended. It calls Ferry and
//! the path to the provider in the same way; only the second speaks TLS.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ferry_gateway::clock;
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use memchr::memmem;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::client::Target;
use super::plan::Item;

/// The connect limit of the official Python SDK (`httpx.Timeout(timeout=600, connect=5.0)`), TLS included as there.
pub(super) const CONNECT: Duration = Duration::from_secs(5);
/// Six times the longest answer and the longest wait for a connection; the SDK's 600 s would tell nothing more.
const WHOLE: Duration = Duration::from_secs(30);
/// No answer of the trial is near this.
const ANSWER_BYTES_MAX: usize = 1024 * 1024;

/// Who is called, and how.
#[derive(Clone)]
pub(super) struct Caller {
    pub(super) target: Target,
    /// Without, in cleartext.
    pub(super) tls: Option<TlsConnector>,
}

/// How one request ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum End {
    /// A whole answer.
    Whole,
    /// The connection was reset or refused before it stood.
    Reset,
    /// The connection did not stand within the limit.
    Unanswered,
    /// Broken off, and no text had come.
    CutBefore,
    /// Broken off after text: half an answer.
    CutAfter,
    /// An `event: error` after text: half an answer that says so.
    ErrorAfter,
    /// An `event: error` before text.
    ErrorBefore,
    /// An error answer.
    Status(u16),
    /// No end in time.
    Late,
}

/// One request's story.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Shot {
    pub(super) end: End,
    /// From the call to the first text.
    pub(super) first: Option<Duration>,
    /// From the call to the end.
    pub(super) total: Duration,
}

/// What of an answer has been read.
#[derive(Debug, Default)]
struct Seen {
    status: u16,
    body: Vec<u8>,
    first: Option<Instant>,
}

impl Caller {
    /// A caller of the provider, who trusts the authority in this PEM.
    ///
    /// # Errors
    /// The PEM holds no certificate.
    pub(super) fn trusting(address: SocketAddr, authority: &str) -> io::Result<Self> {
        let mut roots = RootCertStore::empty();
        let authority = CertificateDer::from_pem_slice(authority.as_bytes());
        roots.add(authority.map_err(io::Error::other)?).map_err(io::Error::other)?;
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(io::Error::other)?
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        let tls = Some(TlsConnector::from(Arc::new(config)));
        Ok(Self { target: Target { address }, tls })
    }

    /// Sends one request and reads to the end of its answer.
    pub(super) async fn shoot(&self, item: &Item) -> Shot {
        let begun = clock::now();
        let mut seen = Seen::default();
        let ended = tokio::time::timeout(WHOLE, Box::pin(self.go(item, &mut seen))).await;
        let end = ended.unwrap_or(End::Late);
        let first = seen.first.map(|first| first.saturating_duration_since(begun));
        let total = clock::now().saturating_duration_since(begun);
        Shot { end, first, total }
    }

    async fn go(&self, item: &Item, seen: &mut Seen) -> End {
        match tokio::time::timeout(CONNECT, self.connect()).await {
            Err(_late) => End::Unanswered,
            Ok(Err(_reset)) => End::Reset,
            Ok(Ok(Wire::Plain(stream))) => self.exchange(stream, item, seen).await,
            Ok(Ok(Wire::Tls(stream))) => self.exchange(stream, item, seen).await,
        }
    }

    async fn connect(&self) -> io::Result<Wire> {
        let address = self.target.address;
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let Some(tls) = &self.tls else { return Ok(Wire::Plain(stream)) };
        let name = ServerName::from(address.ip());
        Ok(Wire::Tls(Box::new(tls.connect(name, stream).await?)))
    }

    async fn exchange<S>(&self, stream: S, item: &Item, seen: &mut Seen) -> End
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let Ok((mut sender, connection)) = http1::handshake(TokioIo::new(stream)).await else {
            return End::CutBefore;
        };
        let Ok(request) = self.target.request(item.call()) else { return End::CutBefore };
        let broke = {
            let exchange = async {
                let Ok(response) = sender.send_request(request).await else { return true };
                seen.status = response.status().as_u16();
                read(response.into_body(), seen).await
            };
            tokio::pin!(exchange, connection);
            // The connection is driven here and not in a task: it ends with the exchange.
            tokio::select! {
                biased;
                broke = &mut exchange => broke,
                _ended = &mut connection => exchange.await,
            }
        };
        seen.end(broke)
    }
}

impl std::fmt::Debug for Caller {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Caller").field("target", &self.target).finish_non_exhaustive()
    }
}

enum Wire {
    Plain(TcpStream),
    Tls(Box<tokio_rustls::client::TlsStream<TcpStream>>),
}

/// Reads a body; true when it broke off.
async fn read(mut body: Incoming, seen: &mut Seen) -> bool {
    while let Some(frame) = body.frame().await {
        let Ok(frame) = frame else { return true };
        let Some(data) = frame.data_ref() else { continue };
        if seen.body.len() + data.len() > ANSWER_BYTES_MAX {
            return true;
        }
        seen.body.extend_from_slice(data);
        if seen.first.is_none() && seen.has(b"event: content_block_delta") {
            seen.first = Some(clock::now());
        }
    }
    false
}

impl Seen {
    fn has(&self, what: &[u8]) -> bool {
        memmem::find(&self.body, what).is_some()
    }

    /// How a client of the API would judge it.
    fn end(&self, broke: bool) -> End {
        let text = self.first.is_some();
        if self.status == 0 {
            return End::CutBefore;
        }
        if self.status != 200 {
            return End::Status(self.status);
        }
        if self.has(b"event: error\n") {
            return if text { End::ErrorAfter } else { End::ErrorBefore };
        }
        // A stream that ends without its last event is cut, however politely.
        if !broke && self.has(b"event: message_stop\n") {
            return End::Whole;
        }
        if text { End::CutAfter } else { End::CutBefore }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_judged_as_a_client_would() {
        let stop = "event: message_stop\ndata: {}\n\n";
        let error = "event: error\ndata: {}\n\n";
        for (status, text, body, broke, end) in [
            (200, true, stop, false, End::Whole),
            (200, true, stop, true, End::CutAfter),
            (200, true, "", false, End::CutAfter),
            (200, false, "", false, End::CutBefore),
            (200, false, "", true, End::CutBefore),
            (200, true, error, false, End::ErrorAfter),
            (200, false, error, true, End::ErrorBefore),
            (503, false, "", false, End::Status(503)),
            (0, false, "", true, End::CutBefore),
        ] {
            let first = text.then(clock::now);
            let seen = Seen { status, body: body.into(), first };
            assert_eq!(seen.end(broke), end, "{status} {text} {body} {broke}");
        }
    }

    #[tokio::test]
    async fn every_fault_of_the_mock_has_its_end() {
        let mock = ferry_mock::Mock::start(ferry_mock::MockSettings::default()).await.unwrap();
        let caller = Caller { target: Target { address: mock.addr() }, tls: None };
        let item = Item {
            number: 1,
            due: Duration::ZERO,
            first: Duration::ZERO,
            pieces: 8,
            pause: Duration::ZERO,
        };
        for (fault, end) in [
            ("", End::Whole),
            ("cut:at=1", End::CutBefore),
            ("cut:at=6,how=fin", End::CutAfter),
            ("end:after=6", End::CutAfter),
            ("error-event:after=6", End::ErrorAfter),
            ("529", End::Status(529)),
            ("reset", End::CutBefore),
        ] {
            mock.set_fault(fault).unwrap();
            let shot = caller.shoot(&item).await;
            assert_eq!(shot.end, end, "{fault}");
        }
        let address = mock.addr();
        mock.stop().await;
        let nobody = Caller { target: Target { address }, tls: None };
        assert_eq!(nobody.shoot(&item).await.end, End::Reset);
    }
}
