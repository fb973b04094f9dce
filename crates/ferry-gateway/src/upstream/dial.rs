//! One dial: an address becomes a connection that can take a request, TCP, a proxy's tunnel and TLS as one. Which
//! address, when, and what a failure means is decided elsewhere.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use ferry_rules::outage::PathEnd;
use rustls::pki_types::ServerName;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::egress::{self, ProxyFault, Via};
use super::io::NodeIo;
use super::settings::{HttpVersion, NodeSettings};
use super::transport::Transport;
use super::wire::Wire;

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
    /// The proxy in between opened no tunnel.
    #[error("reach {host} through the proxy {proxy}")]
    Proxy {
        /// The node's host.
        host: String,
        /// Scheme, host and port of the proxy.
        proxy: Arc<str>,
        /// Why not, and what to do.
        #[source]
        source: ProxyFault,
    },
    /// Nobody here knows who issued the certificate that came: something on the way may have opened TLS.
    #[error(
        "trust the certificate that came for {host}, since its issuer is unknown here (where a proxy or \
         firewall of yours opens TLS, put its CA into extra_ca_file of the node)"
    )]
    Issuer {
        /// The name in the certificate asked for.
        host: String,
        /// What rustls said.
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
            Self::Tls { .. } | Self::Issuer { .. } | Self::Version { .. } => true,
            Self::Resolve { .. }
            | Self::Connect { .. }
            | Self::Proxy { .. }
            | Self::Http { .. } => false,
        }
    }

    /// A connect that has taken so long.
    pub(super) fn overdue(node: &NodeSettings, address: SocketAddr, patience: Duration) -> Self {
        Self::connect(node, address, late(patience))
    }

    /// The address of a node, or of its proxy, took no connection.
    fn connect(node: &NodeSettings, address: SocketAddr, source: io::Error) -> Self {
        Self::of_proxy(node, |source| ProxyFault::Connect { address, source }, source)
            .unwrap_or_else(|source| Self::Connect { address, source })
    }

    /// The name of a node, or of its proxy, has no address.
    pub(super) fn resolve(node: &NodeSettings, source: io::Error) -> Self {
        Self::of_proxy(node, ProxyFault::Resolve, source)
            .unwrap_or_else(|source| Self::Resolve { host: bare_host(node).to_owned(), source })
    }

    /// The fault of a node's proxy; what it was made of when there is no proxy.
    fn of_proxy(
        node: &NodeSettings,
        fault: impl FnOnce(io::Error) -> ProxyFault,
        source: io::Error,
    ) -> Result<Self, io::Error> {
        let Some(proxy) = &node.proxy else { return Err(source) };
        let (host, proxy) = (bare_host(node).to_owned(), Arc::clone(&proxy.shown));
        Ok(Self::Proxy { host, proxy, source: fault(source) })
    }

    /// How it ended, as the rule on local outages sees it.
    pub(super) fn end(&self) -> PathEnd {
        match self {
            Self::Resolve { source, .. } => resolve_end(source),
            Self::Connect { source, .. } => connect_end(source),
            Self::Proxy { source, .. } => source.end(),
            Self::Issuer { .. } => PathEnd::Untrusted,
            Self::Tls { source, .. } if is_untrusted(source) => PathEnd::Untrusted,
            Self::Tls { .. } | Self::Version { .. } | Self::Http { .. } => PathEnd::Reached,
        }
    }

    /// True when the other side, or something on the way, said no; false when nothing was heard at all.
    pub fn was_answered(&self) -> bool {
        match self {
            Self::Connect { source, .. } => is_refused(source),
            Self::Proxy { source, .. } => source.was_answered(),
            Self::Tls { source, .. } => source.kind() != io::ErrorKind::TimedOut,
            Self::Issuer { .. } | Self::Version { .. } | Self::Http { .. } => true,
            Self::Resolve { .. } => false,
        }
    }
}

/// True when the handshake ended because of the node's certificate: expired, of another name, of nobody known.
fn is_untrusted(error: &io::Error) -> bool {
    let source = error.get_ref().and_then(|error| error.downcast_ref());
    matches!(source, Some(rustls::Error::InvalidCertificate(_)))
}

/// How a look-up of a name ended.
pub(super) fn resolve_end(error: &io::Error) -> PathEnd {
    if is_unknown_name(error) { PathEnd::NoSuchName } else { PathEnd::ResolverFailed }
}

/// How a connect ended.
pub(super) fn connect_end(error: &io::Error) -> PathEnd {
    use io::ErrorKind::{AddrNotAvailable, HostUnreachable, NetworkDown, NetworkUnreachable};
    let is = |kinds: &[io::ErrorKind]| kinds.contains(&error.kind());
    if is(&[NetworkDown, NetworkUnreachable]) {
        PathEnd::NetworkUnreachable
    } else if is(&[HostUnreachable]) {
        PathEnd::HostUnreachable
    } else if is(&[AddrNotAvailable]) {
        PathEnd::NoLocalAddress
    } else if is_refused(error) {
        PathEnd::Refused
    } else {
        PathEnd::TimedOut
    }
}

/// Refused, or reset on the way.
pub(super) fn is_refused(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::ConnectionRefused | io::ErrorKind::ConnectionReset)
}

/// True when a certificate came whose issuer nobody here knows.
pub(super) fn is_unknown_issuer(error: &io::Error) -> bool {
    use rustls::{CertificateError, Error};
    let cause = error.get_ref().and_then(|cause| cause.downcast_ref::<Error>());
    matches!(cause, Some(Error::InvalidCertificate(CertificateError::UnknownIssuer)))
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

/// What is laid over a connected socket.
#[derive(Debug, Clone, Copy)]
pub(super) struct Layers<'a> {
    /// A proxy's tunnel.
    pub(super) via: Option<&'a Via<'a>>,
    /// TLS with the node.
    pub(super) tls: Option<&'a Arc<rustls::ClientConfig>>,
}

/// A stream of bytes and the HTTP version that was agreed on it.
pub(super) struct Dialled {
    pub(super) io: NodeIo,
    pub(super) http2: bool,
}

/// For so long an overdue connect may still come: the kernel sends a lost SYN again after 1 s and after 3 s.
const LATE_FOR: Duration = Duration::from_secs(3);

/// Connects, has the proxy open a tunnel if there is one, and shakes hands when the node's URL says https.
/// `overdue` is asked whether to go on when the connect has taken its time.
pub(super) async fn dial(
    transport: &dyn Transport,
    node: &NodeSettings,
    layers: Layers<'_>,
    address: SocketAddr,
    patience: Patience,
    overdue: impl FnOnce() -> bool,
) -> Result<Dialled, DialError> {
    let mut connecting = transport.connect(address);
    let connected = match timeout(patience.connect, &mut connecting).await {
        Ok(connected) => connected,
        Err(_elapsed) if overdue() => match timeout(LATE_FOR, connecting).await {
            Ok(connected) => connected,
            Err(_elapsed) => {
                return Err(DialError::overdue(node, address, patience.connect + LATE_FOR));
            }
        },
        Err(_elapsed) => return Err(DialError::overdue(node, address, patience.connect)),
    };
    let mut wire = connected.map_err(|source| DialError::connect(node, address, source))?;
    let host = bare_host(node);
    if let Some(via) = layers.via {
        wire = egress::tunnel(wire, via, patience).await.map_err(|source| DialError::Proxy {
            host: host.to_owned(),
            proxy: Arc::clone(&via.proxy.shown),
            source,
        })?;
    }
    let Some(tls) = layers.tls else {
        return Ok(Dialled { io: NodeIo::new(wire), http2: node.http == HttpVersion::Http2 });
    };
    let stream = shake_hands(wire, tls, host, patience.tls).await.map_err(|source| {
        let host = host.to_owned();
        if is_unknown_issuer(&source) {
            DialError::Issuer { host, source }
        } else {
            DialError::Tls { host, source }
        }
    })?;
    let http2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
    if node.http == HttpVersion::Http2 && !http2 {
        return Err(DialError::Version { host: host.to_owned() });
    }
    Ok(Dialled { io: NodeIo::new(Wire::Tls(Box::new(stream))), http2 })
}

/// TLS with whoever has this name, or IP address without brackets.
pub(super) async fn shake_hands(
    wire: Wire,
    tls: &Arc<rustls::ClientConfig>,
    host: &str,
    patience: Duration,
) -> io::Result<TlsStream<Wire>> {
    let name = ServerName::try_from(host.to_owned())
        .map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))?;
    let connector = TlsConnector::from(Arc::clone(tls));
    timeout(patience, connector.connect(name, wire)).await.unwrap_or_else(|_| Err(late(patience)))
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
