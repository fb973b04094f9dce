//! One dial: an address becomes a connection that can take a request, TCP and TLS as one. Which address,
//! when, and what a failure means is decided elsewhere.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use ferry_rules::outage::PathEnd;
use rustls::pki_types::ServerName;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use super::io::NodeIo;
use super::settings::{HttpVersion, NodeSettings};
use super::transport::{Transport, Wire};

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
    /// The address did not take the connection.
    #[error("connect to {address}")]
    Connect {
        /// The address tried.
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
            Self::Resolve { .. } | Self::Connect { .. } | Self::Http { .. } => false,
        }
    }

    /// A connect that has taken so long.
    pub(super) fn overdue(address: SocketAddr, patience: Duration) -> Self {
        Self::Connect { address, source: late(patience) }
    }

    /// How it ended, as the rule on local outages sees it.
    pub(super) fn end(&self) -> PathEnd {
        use io::ErrorKind::{
            AddrNotAvailable, ConnectionRefused, ConnectionReset, HostUnreachable, NetworkDown,
            NetworkUnreachable,
        };
        match self {
            Self::Resolve { source, .. } if is_unknown_name(source) => PathEnd::NoSuchName,
            Self::Resolve { .. } => PathEnd::ResolverFailed,
            Self::Connect { source, .. } => {
                let is = |kinds: &[io::ErrorKind]| kinds.contains(&source.kind());
                if is(&[NetworkDown, NetworkUnreachable]) {
                    PathEnd::NetworkUnreachable
                } else if is(&[HostUnreachable]) {
                    PathEnd::HostUnreachable
                } else if is(&[AddrNotAvailable]) {
                    PathEnd::NoLocalAddress
                } else if is(&[ConnectionRefused, ConnectionReset]) {
                    PathEnd::Refused
                } else {
                    PathEnd::TimedOut
                }
            }
            Self::Tls { source, .. } if is_untrusted(source) => PathEnd::Untrusted,
            Self::Tls { .. } | Self::Version { .. } | Self::Http { .. } => PathEnd::Reached,
        }
    }

    /// True when the other side, or something on the way, said no; false when nothing was heard at all.
    pub fn was_answered(&self) -> bool {
        match self {
            Self::Connect { source, .. } => matches!(
                source.kind(),
                io::ErrorKind::ConnectionRefused | io::ErrorKind::ConnectionReset
            ),
            Self::Tls { source, .. } => source.kind() != io::ErrorKind::TimedOut,
            Self::Version { .. } | Self::Http { .. } => true,
            Self::Resolve { .. } => false,
        }
    }
}

/// True when the handshake ended because of the node's certificate: expired, of another name, of nobody known.
fn is_untrusted(error: &io::Error) -> bool {
    let source = error.get_ref().and_then(|error| error.downcast_ref());
    matches!(source, Some(rustls::Error::InvalidCertificate(_)))
}

/// True when the resolver answered, and knows no such name: a typing error, or a name that was taken away, and
/// no fault of this machine's network. The standard library tells it by the resolver's words alone: those
/// of glibc (two of them), musl, and the BSDs with macOS.
pub(super) fn is_unknown_name(error: &io::Error) -> bool {
    const WORDS: [&str; 4] =
        ["not known", "No address associated", "does not resolve", "nodename nor servname"];
    let said = error.to_string();
    error.kind() == io::ErrorKind::NotFound || WORDS.iter().any(|words| said.contains(words))
}

/// Deadlines of one dial.
#[derive(Debug, Clone, Copy)]
pub(super) struct Patience {
    pub(super) connect: Duration,
    pub(super) tls: Duration,
}

/// A stream of bytes and the HTTP version that was agreed on it.
pub(super) struct Dialled {
    pub(super) io: NodeIo,
    pub(super) http2: bool,
}

/// For so long an overdue connect may still come: the kernel sends a lost SYN again after 1 s and after 3 s.
const LATE_FOR: Duration = Duration::from_secs(3);

/// Connects, and shakes hands when the node's URL says https. `overdue` is asked whether to go on when the
/// connect has taken its time.
pub(super) async fn dial(
    transport: &dyn Transport,
    node: &NodeSettings,
    tls: Option<&Arc<rustls::ClientConfig>>,
    address: SocketAddr,
    patience: Patience,
    overdue: impl FnOnce() -> bool,
) -> Result<Dialled, DialError> {
    let failed = |source| DialError::Connect { address, source };
    let mut connecting = transport.connect(address);
    let connected = match timeout(patience.connect, &mut connecting).await {
        Ok(connected) => connected,
        Err(_elapsed) if overdue() => match timeout(LATE_FOR, connecting).await {
            Ok(connected) => connected,
            Err(_elapsed) => return Err(DialError::overdue(address, patience.connect + LATE_FOR)),
        },
        Err(_elapsed) => return Err(DialError::overdue(address, patience.connect)),
    };
    let wire = connected.map_err(failed)?;
    let Some(tls) = tls else {
        return Ok(Dialled { io: NodeIo::plain(wire), http2: node.http == HttpVersion::Http2 });
    };
    let host = bare_host(node);
    let tls_error = |source| DialError::Tls { host: host.to_owned(), source };
    let name = ServerName::try_from(host.to_owned())
        .map_err(|error| tls_error(io::Error::new(io::ErrorKind::InvalidInput, error)))?;
    let connector = TlsConnector::from(Arc::clone(tls));
    let stream = match wire {
        Wire::Tcp(socket) => match timeout(patience.tls, connector.connect(name, socket)).await {
            Ok(done) => done.map_err(tls_error)?,
            Err(_elapsed) => return Err(tls_error(late(patience.tls))),
        },
        #[cfg(test)]
        Wire::Pipe(_) => return Err(tls_error(io::Error::other("a pipe has no TLS"))),
    };
    let http2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
    if node.http == HttpVersion::Http2 && !http2 {
        return Err(DialError::Version { host: host.to_owned() });
    }
    Ok(Dialled { io: NodeIo::tls(stream), http2 })
}

/// The node's host, an IPv6 address without its brackets.
pub(super) fn bare_host(node: &NodeSettings) -> &str {
    node.url.host().unwrap_or_default().trim_start_matches('[').trim_end_matches(']')
}

/// The port that the node's URL names or implies.
pub(super) fn port(node: &NodeSettings) -> u16 {
    let https = node.url.scheme() == Some(&http::uri::Scheme::HTTPS);
    node.url.port_u16().unwrap_or(if https { 443 } else { 80 })
}

fn late(patience: Duration) -> io::Error {
    io::Error::new(io::ErrorKind::TimedOut, format!("no answer within {} ms", patience.as_millis()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_name_is_no_fault_of_this_machines_network() {
        let table = [
            ("failed to lookup address information: Name or service not known", false),
            ("failed to lookup address information: No address associated with hostname", false),
            ("failed to lookup address information: Name does not resolve", false),
            ("failed to lookup address information: Temporary failure in name resolution", true),
            ("failed to lookup address information: Try again", true),
        ];
        for (said, home) in table {
            let error = DialError::Resolve { host: "n".to_owned(), source: io::Error::other(said) };
            assert_eq!(error.end() == PathEnd::ResolverFailed, home, "{said}");
        }
    }
}
