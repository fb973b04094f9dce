//! What the upstream side is told: nodes in order, their keys, and the bounds on reaching them.

use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use ferry_rules::breaker;
use ferry_rules::egress::proxy_url::{self, ProxyUrl};
use http::uri::PathAndQuery;
use http::{HeaderName, HeaderValue, Uri};
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};

/// Resolved settings of the way to the nodes.
#[derive(Debug, Clone)]
pub struct Settings {
    /// In the order of the configuration; names are unique.
    pub nodes: Vec<Arc<NodeSettings>>,
    /// One TCP connect.
    pub connect_timeout: Duration,
    /// One TLS handshake.
    pub tls_timeout: Duration,
    /// An idle connection is closed after this.
    pub idle_timeout: Duration,
    /// Idle HTTP/1.1 connections kept per node.
    pub idle_max: usize,
    /// When a node is left alone for a while.
    pub breaker: breaker::Settings,
    /// How often every address is measured; `None`: never.
    pub probe_every: Option<Duration>,
    /// Connections kept ready to the node in use.
    pub warm: usize,
}

/// One node: a base URL that speaks the Messages API.
#[derive(Debug, Clone)]
pub struct NodeSettings {
    /// Its name in logs, metrics and `x-ferry-node`; connections and health are kept by it over a reload.
    pub name: Arc<str>,
    /// The dialect it speaks.
    pub kind: NodeKind,
    /// Scheme, authority and base path (no trailing slash, no query).
    pub url: Uri,
    /// Keys of this node. Empty: the caller's own credential travels on unchanged.
    pub keys: Vec<KeySettings>,
    /// Preferred addresses, tried before the answers of the DNS.
    pub addresses: Vec<IpAddr>,
    /// What every connection to it goes through; `None`: nothing.
    pub proxy: Option<ProxySettings>,
    /// Primary before standby.
    pub role: Role,
    /// Set on every request to this node, in place of a client's field of the same name.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// PEM roots trusted for this node beside the platform's.
    pub extra_ca_file: Option<PathBuf>,
    /// A client certificate chain and its key, PEM.
    pub client_cert: Option<(PathBuf, PathBuf)>,
    /// Which HTTP version is spoken.
    pub http: HttpVersion,
    /// How a call that is no stream travels.
    pub nonstream: Nonstream,
}

impl NodeSettings {
    /// True when a connection opened under the other settings is as good under these, as far as settings
    /// can say: the contents of certificate files are compared where they are read.
    pub fn leads_like(&self, other: &Self) -> bool {
        self.url == other.url
            && self.addresses == other.addresses
            && self.http == other.http
            && self.proxy == other.proxy
    }

    /// A path behind the node's base URL: HTTP/1.1 takes the path alone (RFC 9112 section 3.2.1), HTTP/2
    /// scheme and authority with it. `None` when the two make no URL.
    pub fn uri(&self, path: &str, http2: bool) -> Option<Uri> {
        let prefix = self.url.path().trim_end_matches('/');
        let path = if prefix.is_empty() {
            PathAndQuery::try_from(path)
        } else {
            PathAndQuery::try_from(format!("{prefix}{path}"))
        };
        let mut parts = http::uri::Parts::default();
        parts.path_and_query = Some(path.ok()?);
        if http2 {
            parts.scheme = self.url.scheme().cloned();
            parts.authority = self.url.authority().cloned();
        }
        Uri::from_parts(parts).ok()
    }
}

/// A proxy that opens tunnels, and who Ferry is to it.
#[derive(Debug, Clone)]
pub struct ProxySettings {
    /// How it is spoken to.
    pub scheme: proxy_url::Scheme,
    /// A name, or an address without brackets.
    pub host: Arc<str>,
    /// Its port.
    pub port: u16,
    /// User name and password; neither can be printed.
    pub login: Option<(SecretString, SecretString)>,
    /// Scheme, host and port, for people.
    pub shown: Arc<str>,
}

impl ProxySettings {
    /// From a URL whose login has been looked up.
    pub fn new(url: &ProxyUrl, login: Option<(SecretString, SecretString)>) -> Self {
        Self {
            scheme: url.scheme,
            host: Arc::from(url.host.as_str()),
            port: url.port,
            login,
            shown: Arc::from(url.to_string()),
        }
    }

    /// User name and password, to be shown to the proxy alone.
    pub(super) fn exposed(&self) -> Option<(&str, &str)> {
        let (user, password) = self.login.as_ref()?;
        Some((user.expose_secret(), password.expose_secret()))
    }
}

impl PartialEq for ProxySettings {
    fn eq(&self, other: &Self) -> bool {
        self.shown == other.shown && self.exposed() == other.exposed()
    }
}

/// A key of a node, and the workspace it belongs to.
#[derive(Debug, Clone)]
pub struct KeySettings {
    /// The key itself; cannot be printed.
    pub key: SecretString,
    /// The workspace whose caches and files it sees; empty when not said.
    pub workspace: String,
}

/// How a call that is no stream travels upstream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Nonstream {
    /// As it is.
    Pass,
    /// As a stream, from which Ferry assembles the answer.
    Stream,
}

/// A node's dialect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NodeKind {
    /// The Messages API as it is.
    Messages,
}

/// When a node is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// In ordinary times.
    Primary,
    /// When no primary can be reached.
    Standby,
}

/// The HTTP version towards a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HttpVersion {
    /// What ALPN says over TLS; HTTP/1.1 in cleartext.
    Auto,
    /// HTTP/1.1 only.
    Http1,
    /// HTTP/2 only: ALPN over TLS, prior knowledge in cleartext.
    Http2,
}
