//! How a node is doing, as the admin port tells it and `ferry nodes list` reads it back. Facts for an operator: no key, no
//! part of one, and of a URL nothing but scheme and authority. It measures nothing.

use http::Uri;
use serde::{Deserialize, Serialize};

use super::settings::Role;

/// One node. Times are in milliseconds; `None` stands for what is not known.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NodeStatus {
    /// Its name in the configuration.
    pub name: String,
    /// When it is used.
    pub role: Role,
    /// Scheme and authority only: a path may hold what is nobody's business; see [`origin_of`].
    pub url: String,
    /// Scheme, host and port of the proxy that all connections to it go through; the addresses are the proxy's then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proxy: Option<String>,
    /// It is the one that the next request tries first.
    pub current: bool,
    /// Where its breaker stands.
    pub state: NodeState,
    /// Why it stands there, as a sentence.
    pub reason: Option<String>,
    /// From now until the breaker lets an attempt through again.
    pub recover_in_ms: Option<u64>,
    /// It is in doubt: others are asked before it, though its breaker is closed.
    pub suspect: bool,
    /// Attempts in the breaker's window.
    pub attempts: u64,
    /// Those of them that failed and are the node's fault.
    pub failures: u64,
    /// The round trip to it, smoothed.
    pub rtt_ms: Option<f64>,
    /// Requests that wait for a connection to it.
    pub pending: usize,
    /// Requests that have been written to it and have not ended.
    pub in_flight: usize,
    /// Idle HTTP/1.1 connections.
    pub idle_connections: usize,
    /// HTTP/2 connections, each of which carries many requests.
    pub http2_connections: usize,
    /// Connections ever opened.
    pub connections_opened: u64,
    /// Its addresses, the best one first.
    pub addresses: Vec<AddressStatus>,
    /// Its keys in the order of the configuration; empty when callers bring theirs.
    pub keys: Vec<KeyStatus>,
    /// Keys that rest for one model.
    pub cooling: Vec<CoolingStatus>,
}

/// Where a node's breaker stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NodeState {
    /// Requests go to the node.
    Closed,
    /// None does, for a while.
    Open,
    /// A few do, to see whether it is well again.
    HalfOpen,
}

/// One address of a node.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AddressStatus {
    /// The IP address, with its port where it is not the URL's.
    pub address: String,
    /// Who named it.
    pub source: AddressSource,
    /// The round trip to it, smoothed.
    pub rtt_ms: Option<f64>,
    /// What is known of it.
    pub state: AddressState,
    /// What went wrong when it was last dialled; fits after "failed to".
    pub last_error: Option<String>,
    /// Dials under way.
    pub half_open: usize,
}

/// Who named an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AddressSource {
    /// `nodes.addresses`.
    Configured,
    /// The answer to a look-up of the node's host.
    Dns,
    /// Of the node's proxy.
    Proxy,
}

/// What is known of an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AddressState {
    /// The last dial or probe reached it.
    Up,
    /// The last dial or probe did not.
    Down,
    /// Nobody has tried.
    Unknown,
}

/// One key of a node, by its number.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyStatus {
    /// Its place in the configuration, from 1. Never the key or a part of it.
    pub number: usize,
    /// The workspace it belongs to.
    pub workspace: Option<String>,
    /// Whether it can be used.
    pub state: KeyState,
    /// Why not, as a sentence.
    pub message: Option<String>,
    /// From now until it is used again.
    pub recover_in_ms: Option<u64>,
}

/// Whether a key can be used. One that rests for a model alone is told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum KeyState {
    /// Yes.
    Usable,
    /// The provider does not know it.
    Refused,
    /// Its credit or budget is used up.
    Exhausted,
}

/// A key that rests for one model only.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CoolingStatus {
    /// The key's number, from 1; 0 is the caller's own.
    pub key: usize,
    /// The model that it rests for.
    pub model: String,
    /// Why, as a sentence.
    pub reason: String,
    /// From now until it is used again.
    pub recover_in_ms: u64,
}

/// Scheme and authority of a node's URL.
pub fn origin_of(url: &Uri) -> String {
    let scheme = url.scheme_str().unwrap_or("http");
    let authority = url.authority().map(http::uri::Authority::as_str).unwrap_or_default();
    format!("{scheme}://{authority}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_are_told_in_the_words_of_the_lexicon() {
        let text = |value: serde_json::Value| value.as_str().unwrap().to_owned();
        let told = [NodeState::Closed, NodeState::Open, NodeState::HalfOpen]
            .map(|state| text(serde_json::to_value(state).unwrap()));
        assert_eq!(told, ["closed", "open", "half-open"]);
        let told =
            [Role::Primary, Role::Standby].map(|role| text(serde_json::to_value(role).unwrap()));
        assert_eq!(told, ["primary", "standby"]);
    }

    #[test]
    fn nothing_of_a_url_but_scheme_and_authority_is_told() {
        let url = Uri::from_static("https://relay.example.com:8443/secret/path");
        assert_eq!(origin_of(&url), "https://relay.example.com:8443");
    }
}
