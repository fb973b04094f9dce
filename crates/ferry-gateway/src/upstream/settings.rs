//! What the upstream side is told: nodes in order, their keys, and the bounds on reaching them.

use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderName, HeaderValue, Uri};
use secrecy::SecretString;
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
}

impl NodeSettings {
    /// True when a connection opened under the other settings is as good under these, as far as settings
    /// can say: the contents of certificate files are compared where they are read.
    pub fn leads_like(&self, other: &Self) -> bool {
        self.url == other.url && self.addresses == other.addresses && self.http == other.http
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
