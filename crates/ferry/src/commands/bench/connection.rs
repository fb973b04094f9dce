//! One connection of the load: HTTP/1.1, kept alive, one request at a time. It never follows a redirect and never tries
//! again. It shares nothing with the gateway that it measures.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Instant;

use ferry_gateway::causes::with_causes;
use ferry_gateway::clock;
use rustls::pki_types::ServerName;
use rustls_platform_verifier::BuilderVerifierExt as _;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::framing::{Body, Head, Malformed};
use super::target::Target;
use super::verdict::{End, Failure};

/// Of one read: a stream's events come in less, and the largest connections stay small.
const BUFFER_BYTES: usize = 16 * 1024;
/// A longer head is an attack, or no HTTP.
const HEAD_BYTES_MOST: usize = 256 * 1024;

/// A socket, with TLS or without.
trait Io: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Io for T {}

/// How connections to a target are made.
#[derive(Clone)]
pub(super) struct Dialler {
    target: Target,
    tls: Option<TlsConnector>,
}

/// A kept-alive connection.
pub(super) struct Connection {
    stream: Box<dyn Io>,
    buffer: Box<[u8]>,
    /// The last answer has ended as HTTP wants it, and left the connection open.
    fit: bool,
}

/// A failure, and what it says of itself.
#[derive(Debug)]
pub(super) struct Trouble {
    pub(super) failure: Failure,
    pub(super) words: String,
}

/// A head that came, and how its body ended.
#[derive(Debug)]
pub(super) struct Came {
    pub(super) status: u16,
    /// A mock says that it is one.
    pub(super) marked: bool,
    pub(super) end: End,
    /// After the last byte.
    pub(super) at: Instant,
}

impl Dialler {
    /// # Errors
    /// TLS is wanted and the platform has no roots.
    pub(super) fn new(target: Target) -> Result<Self, rustls::Error> {
        let tls = if target.url.tls { Some(connector()?) } else { None };
        Ok(Self { target, tls })
    }

    /// Opens a connection: the first address that answers.
    ///
    /// # Errors
    /// No address takes it, or TLS fails.
    pub(super) async fn dial(&self) -> Result<Connection, Trouble> {
        let stream = self.connect().await.map_err(|error| Trouble {
            failure: Failure::Connect,
            words: format!("connect to {}: {}", self.target.url, with_causes(&error)),
        })?;
        Ok(Connection { stream, buffer: vec![0; BUFFER_BYTES].into(), fit: true })
    }

    async fn connect(&self) -> io::Result<Box<dyn Io>> {
        let stream = TcpStream::connect(self.target.addresses.as_slice()).await?;
        stream.set_nodelay(true)?;
        let Some(tls) = &self.tls else { return Ok(Box::new(stream)) };
        let name = ServerName::try_from(self.target.url.host.clone()).map_err(io::Error::other)?;
        Ok(Box::new(tls.connect(name, stream).await?))
    }
}

impl Connection {
    /// Whether it can take a request: the answer before has ended, and the other side has not closed it meanwhile.
    pub(super) async fn is_fit(&mut self) -> bool {
        if !self.fit {
            return false;
        }
        let mut byte = [0];
        let mut room = ReadBuf::new(&mut byte);
        let stream = &mut self.stream;
        poll_fn(|context| {
            // Whatever comes unasked, an end included, is nothing to build on.
            Poll::Ready(Pin::new(&mut *stream).poll_read(context, &mut room).is_pending())
        })
        .await
    }

    /// Sends a request and reads its answer to the end; `headed` is told of its head as soon as that is there, and `take`
    /// sees each piece of its body, with the time.
    ///
    /// # Errors
    /// The connection ended before an answer began, or what came is no HTTP.
    pub(super) async fn ask(
        &mut self,
        request: &[u8],
        headed: impl FnOnce(&Head),
        mut take: impl FnMut(&[u8], Instant),
    ) -> Result<Came, Trouble> {
        self.fit = false;
        // An answer may come before all is sent, and the connection then break: it counts all the same.
        let sent = self.send(request).await;
        let (head, rest) = match self.head(*sent.as_ref().unwrap_or(&0)).await {
            Ok(came) => came,
            Err(error) => return Err(Trouble::lost(&sent.err().unwrap_or(error))),
        };
        headed(&head);
        let mut body = head.body;
        let mut now = clock::now();
        let first = body.feed(&rest, |data| take(data, now));
        let end = match first {
            Ok(()) => self.body(&mut body, &mut now, &mut take).await,
            Err(Malformed) => End::Cut,
        };
        self.fit = head.keep && end == End::Clean && matches!(sent, Ok(0));
        Ok(Came { status: head.status, marked: head.marked, end, at: now })
    }

    /// Gives the number of bytes of an answer that began before all was sent; they stand in the buffer, and the rest of
    /// the request stays unsent.
    async fn send(&mut self, mut request: &[u8]) -> io::Result<usize> {
        let Self { stream, buffer, .. } = self;
        let early = poll_fn(|context| {
            while !request.is_empty() {
                match Pin::new(&mut *stream).poll_write(context, request) {
                    Poll::Ready(Ok(0)) => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                    Poll::Ready(Ok(count)) => request = request.get(count..).unwrap_or_default(),
                    Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                    Poll::Pending => {
                        let mut room = ReadBuf::new(buffer);
                        let read = Pin::new(&mut *stream).poll_read(context, &mut room);
                        return read.map_ok(|()| room.filled().len());
                    }
                }
            }
            Poll::Ready(Ok(0))
        });
        let early = early.await?;
        if early == 0 {
            self.stream.flush().await?;
        }
        Ok(early)
    }

    /// The head of the answer, and what came with it of the body.
    async fn head(&mut self, early: usize) -> io::Result<(Head, Vec<u8>)> {
        let mut held = Vec::new();
        let mut early = (early > 0).then_some(early);
        loop {
            let count = match early.take() {
                Some(count) => count,
                None => self.stream.read(&mut self.buffer).await?,
            };
            if count == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            held.extend_from_slice(self.buffer.get(..count).unwrap_or_default());
            while let Some(head) = Head::read(&held).map_err(io::Error::other)? {
                let rest = held.split_off(head.bytes);
                // What only announces an answer; 101 is one, and was not asked for.
                if !(100..200).contains(&head.status) || head.status == 101 {
                    return Ok((head, rest));
                }
                held = rest;
            }
            if held.len() > HEAD_BYTES_MOST {
                return Err(io::Error::other(Malformed));
            }
        }
    }

    async fn body(
        &mut self,
        body: &mut Body,
        now: &mut Instant,
        take: &mut impl FnMut(&[u8], Instant),
    ) -> End {
        while *body != Body::Done {
            let count = match self.stream.read(&mut self.buffer).await {
                Ok(0) if *body == Body::Rest => return End::Clean,
                Ok(0) | Err(_) => return End::Cut,
                Ok(count) => count,
            };
            *now = clock::now();
            let bytes = self.buffer.get(..count).unwrap_or_default();
            if body.feed(bytes, |data| take(data, *now)).is_err() {
                return End::Cut;
            }
        }
        End::Clean
    }
}

impl Trouble {
    fn lost(error: &io::Error) -> Self {
        Self { failure: Failure::Lost, words: format!("get an answer: {}", with_causes(error)) }
    }
}

/// TLS as any client has it: the platform's roots.
fn connector() -> Result<TlsConnector, rustls::Error> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_platform_verifier()?
        .with_no_client_auth();
    Ok(TlsConnector::from(Arc::new(config)))
}

#[cfg(test)]
mod tests {
    use tokio::io::{DuplexStream, duplex};

    use super::*;

    const WHOLE: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

    fn pair(bytes: usize) -> (Connection, DuplexStream) {
        let (near, far) = duplex(bytes);
        let buffer = vec![0; BUFFER_BYTES].into();
        (Connection { stream: Box::new(near), buffer, fit: true }, far)
    }

    async fn ask(connection: &mut Connection, request: &[u8]) -> Result<(Came, String), Trouble> {
        let mut text = Vec::new();
        let came =
            connection.ask(request, |_| {}, |piece, _| text.extend_from_slice(piece)).await?;
        Ok((came, String::from_utf8(text).unwrap()))
    }

    #[tokio::test]
    async fn a_connection_is_used_again_until_the_other_side_leaves() {
        let (mut connection, mut far) = pair(1024);
        for _ in 0..2 {
            assert!(connection.is_fit().await);
            far.write_all(WHOLE).await.unwrap();
            let (came, text) = ask(&mut connection, b"GET").await.unwrap();
            assert_eq!((came.status, came.end, text.as_str()), (200, End::Clean, "ok"));
        }
        drop(far);
        assert!(!connection.is_fit().await);
    }

    #[tokio::test]
    async fn an_answer_that_comes_before_all_is_sent_counts() {
        // The other side reads nothing: the request cannot be sent whole.
        let (mut connection, mut far) = pair(64);
        far.write_all(b"HTTP/1.1 413 Too Large\r\ncontent-length: 0\r\n\r\n").await.unwrap();
        let (came, _) = ask(&mut connection, &[b'x'; 10_000]).await.unwrap();
        assert_eq!((came.status, came.end), (413, End::Clean));
        assert!(!connection.is_fit().await, "half a request stands on it");
    }

    #[tokio::test]
    async fn what_only_announces_an_answer_is_none() {
        let (mut connection, mut far) = pair(1024);
        far.write_all(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early\r\n\r\n").await.unwrap();
        far.write_all(WHOLE).await.unwrap();
        let (came, text) = ask(&mut connection, b"GET").await.unwrap();
        assert_eq!((came.status, text.as_str()), (200, "ok"));
    }

    #[tokio::test]
    async fn an_end_before_an_answer_is_told_from_one_inside() {
        for (said, failure) in [
            (&b""[..], Err(Failure::Lost)),
            (b"HTTP/1.1 200", Err(Failure::Lost)),
            (b"no HTTP at all\r\n\r\n", Err(Failure::Lost)),
            (b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nok", Ok(End::Cut)),
            (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n", Ok(End::Cut)),
            (b"HTTP/1.1 200 OK\r\n\r\nok", Ok(End::Clean)),
        ] {
            let (mut connection, mut far) = pair(1024);
            far.write_all(said).await.unwrap();
            far.shutdown().await.unwrap();
            let got = ask(&mut connection, b"GET").await;
            assert_eq!(got.map(|(came, _)| came.end).map_err(|trouble| trouble.failure), failure);
            assert!(!connection.is_fit().await);
        }
    }

    #[tokio::test]
    async fn a_head_without_end_is_given_up() {
        let (mut connection, mut far) = pair(1024 * 1024);
        far.write_all(b"HTTP/1.1 200 OK\r\nx: ").await.unwrap();
        far.write_all(&vec![b'x'; HEAD_BYTES_MOST]).await.unwrap();
        let trouble = ask(&mut connection, b"GET").await.unwrap_err();
        assert_eq!(trouble.failure, Failure::Lost);
    }
}
