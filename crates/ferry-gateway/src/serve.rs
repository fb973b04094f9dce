//! From a listening socket to a request head: accept, TLS, PROXY protocol, framing, drain.
//!
//! One task serves one connection. What a request means is the [`Handler`]'s business; this module knows
//! bytes, connections and their bounds, and writes no text of its own: every refusal comes from the handler.
//! It never buffers a body, never parses a header field and never outlives the drain.

mod accept;
mod bell;
mod connection;
mod drain;
mod exchange;
mod guard;
pub mod listen;
mod proxy_protocol;
pub mod settings;
mod shutdown;
pub mod signals;
mod stream;
mod streams;
pub mod tls;
mod watch;

use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;
use hyper::body::Incoming;

pub use accept::{Drained, Server};
pub use ferry_wire::framing::FramingError;

pub use drain::{DRAIN_BYTES, DRAIN_TIME, drain_body};
pub use listen::{ListenError, Listener};
pub use proxy_protocol::ProxyError;
pub use settings::{Settings, TlsFiles};
pub use shutdown::{Shutdown, Stage};
pub use tls::{TlsError, TlsStore};

/// What stands behind a listener: turns requests into answers.
pub trait Handler: Send + Sync + 'static {
    /// The answer's body. Dropped unfinished when the client leaves or the drain is over.
    type Body: http_body::Body<Data = Bytes, Error: Into<BoxError>> + Send + 'static;

    /// Answers one request. The future is dropped when the client leaves: everything it owns must let go.
    fn call(
        self: Arc<Self>,
        request: http::Request<Incoming>,
        peer: Peer,
    ) -> impl Future<Output = http::Response<Self::Body>> + Send;

    /// The answer to a request whose handling panicked, with the panic's text for the log (not for the client).
    fn panicked(&self, message: &str) -> http::Response<Self::Body>;

    /// The answer to a request that has none yet when the drain is over. Its call is dropped after this.
    fn drained(&self) -> http::Response<Self::Body>;

    /// The drain is over: `body` has a moment to say so and end, and is dropped then. Default: it goes on till that.
    fn last_words(body: Pin<&mut Self::Body>) {
        let _ = body;
    }

    /// The whole raw HTTP/1.1 answer (status line, fields with `connection: close`, body) to bytes that never
    /// became a request. Written as it is; empty: the connection is closed without a word.
    fn refuse_bytes(&self, why: &FramingError) -> Bytes;

    /// The same for a client that is cut for what it does on the connection. Default: without a word.
    fn cut_bytes(&self, why: Cut) -> Bytes {
        let _ = why;
        Bytes::new()
    }

    /// The gauge of open connections moves by this.
    fn connections(&self, change: i64);

    /// A connection has ended after so many bytes from and to its client (below TLS counted as plain bytes). Default:
    /// ignored.
    fn traffic(&self, received: u64, sent: u64) {
        let _ = (received, sent);
    }

    /// Something an operator should know happened on the listener. Default: ignored.
    fn notice(&self, notice: &Notice) {
        let _ = notice;
    }
}

/// An error that a body may end in.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Who sent a request, and over what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Peer {
    /// The client: the address in the PROXY header when one is believed, else that of the socket.
    pub remote: SocketAddr,
    /// The other end of the socket, which may be a proxy in front.
    pub socket: SocketAddr,
    /// The request came through TLS that this listener ended.
    pub tls: bool,
    /// The request came over HTTP/2.
    pub http2: bool,
}

/// Why a client is cut, apart from bytes that are no request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cut {
    /// Its request head was not complete within `head_timeout`: 408.
    SlowHead,
    /// It shut down its sending side before the answer, which counts as a hang-up: 400.
    HalfClosed,
}

/// What the listener tells the operator.
#[derive(Debug)]
#[non_exhaustive]
pub enum Notice {
    /// Accepting pauses since the process or the machine is out of something (descriptors, memory). Once per episode.
    AcceptPaused {
        /// What the system said.
        error: std::io::Error,
    },
    /// Accepting goes on after a pause.
    AcceptResumed,
    /// The drain is over and requests are still running: they are ended now.
    DrainOver,
    /// A connection was closed since its PROXY header is missing, malformed or late.
    ProxyRefused {
        /// The other end of the socket.
        peer: SocketAddr,
        /// What was wrong; `None`: it is not one of the trusted proxies, or it took too long.
        error: Option<ProxyError>,
    },
    /// A TLS handshake failed or took too long. Scanners cause these all day: worth a debug line.
    HandshakeFailed {
        /// The client.
        peer: SocketAddr,
        /// What went wrong; `None`: it took too long.
        error: Option<std::io::Error>,
    },
    /// A client was cut: it took no byte for `client_idle`, although some waited.
    WriteStalled {
        /// The client.
        peer: SocketAddr,
    },
    /// A request's handling panicked; its client got a 500.
    Panicked {
        /// Whose request it was.
        peer: SocketAddr,
    },
}

#[cfg(test)]
mod tests;
