//! `[[nodes]]` as written. Holds references to keys, never keys.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::policy::Nonstream;

/// One `[[nodes]]` table.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Node {
    /// Its name in logs, metrics and `x-ferry-node`: 1 to 64 of `A-Z a-z 0-9 . _ -`, unique. Connections and health are kept by it over a reload.
    #[schemars(extend("examples" = ["tokyo-1"]))]
    pub(crate) name: String,
    /// The dialect it speaks.
    #[serde(default)]
    pub(crate) kind: Kind,
    /// Base URL without `/v1`, query or user name: the provider, an nginx, another gateway.
    #[schemars(extend("examples" = ["https://relay.example.com/api"]))]
    pub(crate) url: String,
    /// Key of this node, as `env:NAME` or `file:PATH`. Without `key` and `keys` the caller's own credential travels on unchanged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-secret" = true))]
    #[schemars(extend("examples" = ["env:RELAY_KEY"]))]
    pub(crate) key: Option<String>,
    /// Several keys in place of `key`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("examples" = [[{"key": "env:KEY_A", "workspace": "research"}, {"key": "env:KEY_B"}]]))]
    pub(crate) keys: Vec<NodeKey>,
    /// IP addresses beside the answers of the DNS: all are measured and raced, and of equals these come first. Names in certificates are checked against the URL all the same.
    #[serde(default)]
    #[schemars(extend("examples" = [["203.0.113.7", "2001:db8::7"]]))]
    pub(crate) addresses: Vec<String>,
    /// The proxy that every connection to this node goes through, probes included: `http://HOST:3128`, `https://HOST:3129` (TLS to the proxy), `socks5h://HOST:1080` (it looks the node's name up) or `socks5://HOST:1080` (Ferry does), with `USER:PASSWORD@` before the host where it asks for them. The password, or the whole URL, may be `env:NAME` or `file:PATH`, and no login is ever shown. `direct` or empty: none. Not set: what `HTTPS_PROXY` (for https), `ALL_PROXY` and `NO_PROXY` of the environment say, but never for a node on this machine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-login" = true))]
    #[schemars(extend("examples" = ["http://proxy.example.com:3128"]))]
    pub(crate) proxy: Option<String>,
    /// `primary` in ordinary times; `standby` when no primary can be reached.
    #[serde(default)]
    pub(crate) role: Role,
    /// Headers set on every request to this node, in place of a client's. A value may be `env:NAME` or `file:PATH`.
    #[serde(default)]
    #[schemars(extend("x-hidden" = true))]
    #[schemars(extend("examples" = [{"x-team": "env:TEAM"}]))]
    pub(crate) headers: BTreeMap<String, String>,
    /// PEM roots trusted for this node beside the platform's. Empty: the platform's alone.
    #[serde(default)]
    #[schemars(extend("examples" = ["/etc/ferry/company-ca.pem"]))]
    pub(crate) extra_ca_file: String,
    /// Client certificate chain in PEM. Together with `client_key_file`.
    #[serde(default)]
    pub(crate) client_cert_file: String,
    /// Private key of the client certificate in PEM. Together with `client_cert_file`.
    #[serde(default)]
    pub(crate) client_key_file: String,
    /// HTTP version towards this node: `auto` is what TLS negotiates (1.1 in cleartext), `1` or `2` is that one only.
    #[serde(default)]
    pub(crate) http: Http,
    /// How a call that is no stream travels to this node: `pass` as it is; `stream` as a stream that Ferry assembles, so that a middle box that ends silence after a minute does not end a long answer, and a cut is seen at once.
    #[serde(default)]
    pub(crate) nonstream_upstream: Nonstream,
}

impl Node {
    /// The provider itself, which is the one node when no node is configured.
    pub(crate) fn provider() -> Self {
        Self {
            name: "anthropic".to_owned(),
            kind: Kind::Messages,
            url: "https://api.anthropic.com".to_owned(),
            key: None,
            keys: Vec::new(),
            addresses: Vec::new(),
            proxy: None,
            role: Role::Primary,
            headers: BTreeMap::new(),
            extra_ca_file: String::new(),
            client_cert_file: String::new(),
            client_key_file: String::new(),
            http: Http::Auto,
            nonstream_upstream: Nonstream::Pass,
        }
    }
}

/// One of a node's `keys`.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NodeKey {
    /// The key, as `env:NAME` or `file:PATH`.
    #[schemars(extend("x-secret" = true))]
    #[schemars(extend("examples" = ["env:KEY_A"]))]
    pub(crate) key: String,
    /// The workspace it belongs to: prompt caches and files live per workspace. Empty: not said.
    #[serde(default)]
    pub(crate) workspace: String,
}

/// `nodes.kind`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Kind {
    #[default]
    Messages,
}

/// `nodes.role`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Role {
    #[default]
    Primary,
    Standby,
}

/// `nodes.http`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(crate) enum Http {
    #[default]
    #[serde(rename = "auto")]
    Auto,
    #[serde(rename = "1")]
    One,
    #[serde(rename = "2")]
    Two,
}
