//! The demo's own client: one request, one connection, times taken on the way. It shares nothing with the gateway it
//! calls, so that what it finds is what any client would find. It never follows a redirect and never tries again.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use ferry_gateway::clock;
use http::{HeaderMap, Method, Request, StatusCode, header};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use memchr::memmem;
use tokio::net::TcpStream;

/// The longest answer of the demo is a few seconds; what takes ten times that will not come.
const PATIENCE: Duration = Duration::from_secs(30);

/// No answer of the demo is near this; a larger one is not the demo's.
const ANSWER_BYTES_MAX: usize = 4 * 1024 * 1024;

/// What the first delta of a Messages stream looks like on the wire.
const FIRST_DELTA: &[u8] = b"event: content_block_delta";

/// Where requests go and who sends them. Direct to a provider and through Ferry differ in nothing but this.
#[derive(Clone, Copy, Debug)]
pub(super) struct Target {
    /// The address behind `base_url`.
    pub(super) address: SocketAddr,
}

/// One request to send.
#[derive(Clone, Debug)]
pub(super) struct Call {
    pub(super) method: Method,
    pub(super) path: String,
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) body: Bytes,
}

/// One answer, read to its end.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
    /// From the call to the first delta of a stream; `None` where no delta came.
    pub(super) first_token: Option<Duration>,
}

/// Why there is no whole answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    #[error("connect to {0}")]
    Connect(SocketAddr, #[source] std::io::Error),
    #[error("make the request")]
    Request(#[source] http::Error),
    #[error("exchange HTTP")]
    Http(#[source] hyper::Error),
    #[error("read an answer of at most {ANSWER_BYTES_MAX} bytes")]
    TooLarge,
    #[error("get an answer within {} s", PATIENCE.as_secs())]
    Late,
}

impl Answer {
    /// A header as text.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }
}

impl Target {
    /// What a client sets as `base_url`.
    pub(super) fn base_url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Sends one request and reads its answer.
    ///
    /// # Errors
    /// [`Failure`]: no connection, a connection that broke, or no end in time.
    pub(super) async fn send(&self, call: Call) -> Result<Answer, Failure> {
        let exchange = self.exchange(call);
        // Boxed, since a connection's state is large and several run at once.
        tokio::time::timeout(PATIENCE, Box::pin(exchange)).await.unwrap_or(Err(Failure::Late))
    }

    async fn exchange(&self, call: Call) -> Result<Answer, Failure> {
        let begun = clock::now();
        let address = self.address;
        let stream =
            TcpStream::connect(address).await.map_err(|error| Failure::Connect(address, error))?;
        let (mut sender, connection) =
            http1::handshake(TokioIo::new(stream)).await.map_err(Failure::Http)?;
        let request = self.request(call)?;
        let exchange = async move {
            let response = sender.send_request(request).await.map_err(Failure::Http)?;
            let (parts, body) = response.into_parts();
            let (body, first_token) = read(body, begun).await?;
            Ok(Answer { status: parts.status, headers: parts.headers, body, first_token })
        };
        tokio::pin!(exchange, connection);
        // The connection is driven here and not in a task: it ends with the exchange, whatever happens.
        tokio::select! {
            biased;
            answer = &mut exchange => answer,
            // A connection that ends first has handed over all that the exchange still waits for, its error too.
            _ended = &mut connection => exchange.await,
        }
    }

    pub(super) fn request(&self, call: Call) -> Result<Request<Full<Bytes>>, Failure> {
        let mut request = Request::builder()
            .method(call.method)
            .uri(call.path)
            .header(header::HOST, self.address.to_string())
            .header(header::USER_AGENT, concat!("ferry-demo/", env!("CARGO_PKG_VERSION")));
        for (name, value) in call.headers {
            request = request.header(name, value);
        }
        request.body(Full::new(call.body)).map_err(Failure::Request)
    }
}

/// Reads a body under its bound, and notes when the first delta came.
async fn read(
    mut body: Incoming,
    begun: std::time::Instant,
) -> Result<(Bytes, Option<Duration>), Failure> {
    let mut read = Vec::new();
    let mut first_token = None;
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(Failure::Http)?;
        let Some(data) = frame.data_ref() else { continue };
        if read.len() + data.len() > ANSWER_BYTES_MAX {
            return Err(Failure::TooLarge);
        }
        // A delta's first line may stand across two pieces.
        let from = read.len().saturating_sub(FIRST_DELTA.len());
        read.extend_from_slice(data);
        let fresh = read.get(from..).unwrap_or_default();
        if first_token.is_none() && memmem::find(fresh, FIRST_DELTA).is_some() {
            first_token = Some(clock::now().saturating_duration_since(begun));
        }
    }
    Ok((read.into(), first_token))
}
