//! What the listeners are told: addresses, certificates and the bounds on every connection.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use ipnet::IpNet;

/// Resolved settings of the data listener. Times are durations, sizes are bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Where clients connect. A change needs a restart.
    pub listen: SocketAddr,
    /// Present: the listener speaks TLS (1.2 and 1.3, ALPN h2 and http/1.1). Files are re-read on reload.
    pub tls: Option<TlsFiles>,
    /// A PROXY header (v1 or v2) comes first on every connection from a trusted proxy.
    pub proxy_protocol: bool,
    /// Whose PROXY header and `X-Forwarded-For` is believed. Empty: nobody's.
    pub trusted_proxies: Vec<IpNet>,
    /// Connections open at once; one more waits in the kernel's queue.
    pub connections_max: usize,
    /// The largest request head, in bytes (request line and fields together).
    pub head_bytes_max: usize,
    /// From the first byte of a connection or request to the end of its head.
    pub head_timeout: Duration,
    /// A kept-alive connection without a request is closed after this.
    pub keep_alive_idle: Duration,
    /// A client that takes or sends nothing for this long while it should is cut.
    pub client_idle: Duration,
    /// HTTP/2 streams open at once on one connection.
    pub http2_streams_max: u32,
    /// After SIGTERM, how long running requests may finish.
    pub drain: Duration,
}

/// A certificate chain and its key, both PEM.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsFiles {
    /// The chain, leaf first.
    pub cert_file: PathBuf,
    /// The private key: PKCS#8, PKCS#1 or SEC1.
    pub key_file: PathBuf,
}
