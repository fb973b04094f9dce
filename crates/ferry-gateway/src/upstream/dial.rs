//! From a node's name to a connected socket: preferred addresses first, then the DNS, one after the
//! other, each under its own deadline. (Racing them is the pool's work, which comes next.)

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::ServerName;
use socket2::{SockRef, TcpKeepalive};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use super::io::NodeIo;
use super::lookup::Lookup;
use super::settings::{HttpVersion, NodeSettings};

/// Why no connection stands.
#[derive(Debug, thiserror::Error)]
pub enum DialError {
    /// The name has no address.
    #[error("resolve {host}")]
    Resolve {
        /// The name asked for.
        host: String,
        /// What the resolver said.
        #[source]
        source: io::Error,
    },
    /// No address took the connection.
    #[error("connect to {address}")]
    Connect {
        /// The last address tried.
        address: SocketAddr,
        /// What the kernel said.
        #[source]
        source: io::Error,
    },
    /// The handshake failed.
    #[error("shake hands (TLS) with {host}")]
    Tls {
        /// The name in the certificate asked for.
        host: String,
        /// What rustls said.
        #[source]
        source: io::Error,
    },
    /// The HTTP preface failed.
    #[error("open HTTP with {host}")]
    Http {
        /// The host.
        host: String,
        /// What hyper said.
        #[source]
        source: hyper::Error,
    },
    /// Another request's dial failed while this one waited to share its connection.
    #[error(transparent)]
    Joined(Arc<Self>),
    /// The node insists on HTTP/2 and did not get it, or the other way round.
    #[error("agree with {host} on the HTTP version asked for")]
    Version {
        /// The host.
        host: String,
    },
}

impl DialError {
    /// True when TLS, not TCP, is to blame.
    pub fn is_tls(&self) -> bool {
        match self {
            Self::Tls { .. } | Self::Version { .. } => true,
            Self::Joined(failed) => failed.is_tls(),
            Self::Resolve { .. } | Self::Connect { .. } | Self::Http { .. } => false,
        }
    }
}

/// Deadlines of one dial.
#[derive(Debug, Clone, Copy)]
pub(super) struct Patience {
    pub(super) connect: Duration,
    pub(super) tls: Duration,
}

/// A socket and the HTTP version that was agreed on it.
pub(super) struct Dialled {
    pub(super) io: NodeIo,
    pub(super) http2: bool,
}

/// Connects, and shakes hands when the node's URL says https.
pub(super) async fn dial(
    node: &NodeSettings,
    tls: Option<&Arc<rustls::ClientConfig>>,
    lookup: &Lookup,
    patience: Patience,
) -> Result<Dialled, DialError> {
    let host = node.url.host().unwrap_or_default();
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    let usual = if tls.is_some() { 443 } else { 80 };
    let port = node.url.port_u16().unwrap_or(usual);
    let place = Place { host: bare, port, preferred: &node.addresses };
    let socket = connect(&place, lookup, patience.connect).await?;
    let Some(tls) = tls else {
        return Ok(Dialled { io: NodeIo::tcp(socket), http2: node.http == HttpVersion::Http2 });
    };
    let tls_error = |source| DialError::Tls { host: bare.to_owned(), source };
    let name = ServerName::try_from(bare.to_owned())
        .map_err(|error| tls_error(io::Error::new(io::ErrorKind::InvalidInput, error)))?;
    let shaken = timeout(patience.tls, TlsConnector::from(Arc::clone(tls)).connect(name, socket));
    let stream = match shaken.await {
        Ok(done) => done.map_err(tls_error)?,
        Err(_elapsed) => return Err(tls_error(late(patience.tls))),
    };
    let http2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
    if node.http == HttpVersion::Http2 && !http2 {
        return Err(DialError::Version { host: bare.to_owned() });
    }
    Ok(Dialled { io: NodeIo::tls(stream), http2 })
}

/// Where a node listens.
struct Place<'a> {
    host: &'a str,
    port: u16,
    preferred: &'a [IpAddr],
}

async fn connect(
    place: &Place<'_>,
    lookup: &Lookup,
    patience: Duration,
) -> Result<TcpStream, DialError> {
    let mut last = None;
    for address in place.preferred {
        match try_address(SocketAddr::new(*address, place.port), patience).await {
            Ok(socket) => return Ok(socket),
            Err(error) => last = Some(error),
        }
    }
    for address in resolve(place, lookup, patience).await?.iter() {
        if place.preferred.contains(&address.ip()) {
            continue;
        }
        match try_address(*address, patience).await {
            Ok(socket) => return Ok(socket),
            Err(error) => last = Some(error),
        }
    }
    Err(last.unwrap_or_else(|| DialError::Resolve {
        host: place.host.to_owned(),
        source: io::Error::new(io::ErrorKind::NotFound, "the name has no address"),
    }))
}

async fn resolve(
    place: &Place<'_>,
    lookup: &Lookup,
    patience: Duration,
) -> Result<Arc<[SocketAddr]>, DialError> {
    if let Ok(address) = place.host.parse::<IpAddr>() {
        return Ok(Arc::new([SocketAddr::new(address, place.port)]));
    }
    let failed = |source| DialError::Resolve { host: place.host.to_owned(), source };
    let name = (place.host.to_owned(), place.port);
    let found = lookup.join(|| async move { Ok(tokio::net::lookup_host(name).await?.collect()) });
    match timeout(patience, found).await {
        Ok(answer) => answer.map_err(failed),
        Err(_elapsed) => Err(failed(late(patience))),
    }
}

async fn try_address(address: SocketAddr, patience: Duration) -> Result<TcpStream, DialError> {
    let failed = |source| DialError::Connect { address, source };
    let socket = match timeout(patience, TcpStream::connect(address)).await {
        Ok(connected) => connected.map_err(failed)?,
        Err(_elapsed) => return Err(failed(late(patience))),
    };
    // Without it Nagle's algorithm waits for the peer's delayed acknowledgement: 40 ms per event.
    socket.set_nodelay(true).map_err(failed)?;
    set_liveness(&socket).map_err(failed)?;
    Ok(socket)
}

/// A dead path is known within 20 s while a slow model is left alone (reliability.md 2.2). While nothing
/// is under way, keepalive asks the peer: 10 s of silence, then three probes 3 s apart. It asks nothing
/// while written bytes wait to be acknowledged: then `TCP_USER_TIMEOUT` counts, without which the
/// kernel sends them again for a quarter of an hour. It also ends a connection whose peer has taken no
/// byte for so long, though it acknowledges (a window of zero).
fn set_liveness(socket: &TcpStream) -> io::Result<()> {
    let keepalive = TcpKeepalive::new()
        .with_time(Duration::from_secs(10))
        .with_interval(Duration::from_secs(3))
        .with_retries(3);
    let socket = SockRef::from(socket);
    socket.set_tcp_keepalive(&keepalive)?;
    #[cfg(any(target_os = "linux", target_os = "android"))]
    socket.set_tcp_user_timeout(Some(UNACKNOWLEDGED_MAX))?;
    Ok(())
}

/// Several retransmissions even over a path of 600 ms, and less than the 20 s after which a request
/// counts as stalled.
#[cfg(any(target_os = "linux", target_os = "android"))]
const UNACKNOWLEDGED_MAX: Duration = Duration::from_secs(15);

fn late(patience: Duration) -> io::Error {
    io::Error::new(io::ErrorKind::TimedOut, format!("no answer within {} ms", patience.as_millis()))
}

#[cfg(test)]
mod tests;
