//! `[[nodes]]`: names, URLs, keys, headers, certificates.
//!
//! Resolves no host name and reaches no node.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use ferry_rules::breaker;
use ferry_rules::egress::is_loopback;
use http::{HeaderName, HeaderValue, Uri};
use secrecy::ExposeSecret as _;

use super::secret::{self, Use};
use super::{Desk, egress};
use crate::config::raw::{self, Raw};
use crate::upstream::{
    HttpVersion, KeySettings, NodeKind, NodeSettings, Nonstream, Role, Settings,
};

/// Message and next action.
pub(super) type Fault = (&'static str, &'static str);

pub(super) fn settings(raw: &mut Raw, desk: &mut Desk<'_>) -> Settings {
    if raw.nodes.is_empty() {
        let help =
            "add a [[nodes]] table with a name and a url, or leave nodes out for api.anthropic.com";
        desk.error("nodes", "is an empty list: there is nowhere to send a request", help);
    }
    let mut names = BTreeSet::new();
    let mut nodes = Vec::new();
    for (index, node) in raw.nodes.iter_mut().enumerate() {
        let key = format!("nodes.{index}");
        name(&key, &node.name, &mut names, desk);
        nodes.push(Arc::new(settle(&key, node, desk)));
    }
    if !nodes.is_empty() && nodes.iter().all(|node| node.role == Role::Standby) {
        let help = "make one of them the primary";
        desk.warn("nodes", "are all standby", help);
    }
    Settings {
        nodes,
        connect_timeout: Duration::from_millis(raw.timeouts.connect_ms),
        tls_timeout: Duration::from_millis(raw.timeouts.tls_ms),
        idle_timeout: Duration::from_millis(raw.timeouts.idle_ms),
        idle_max: raw.server.idle_connections_max,
        breaker: breaker(raw, desk),
        probe_every: Some(Duration::from_secs(raw.probe.interval_s))
            .filter(|every| !every.is_zero()),
        warm: raw.probe.warm_connections,
    }
}

pub(super) fn nonstream(written: raw::Nonstream) -> Nonstream {
    match written {
        raw::Nonstream::Pass => Nonstream::Pass,
        raw::Nonstream::Stream => Nonstream::Stream,
    }
}

fn breaker(raw: &Raw, desk: &mut Desk<'_>) -> breaker::Settings {
    let breaker = &raw.breaker;
    if breaker.open_max_s < breaker.open_s {
        let message = format!("is less than breaker.open_s, which is {}", breaker.open_s);
        desk.error("breaker.open_max_s", message, "the longest pause is at least the first one");
    }
    breaker::Settings {
        error_rate: breaker.error_rate,
        min_attempts: breaker.min_attempts,
        window: Duration::from_secs(breaker.window_s),
        open: Duration::from_secs(breaker.open_s),
        open_max: Duration::from_secs(breaker.open_max_s.max(breaker.open_s)),
    }
}

/// A name is a metric label and a header value, and connections are kept by it.
fn name(key: &str, name: &str, names: &mut BTreeSet<String>, desk: &mut Desk<'_>) {
    let key = format!("{key}.name");
    let safe = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    if name.is_empty() || name.len() > 64 || !name.bytes().all(safe) {
        let help = "use 1 to 64 of A-Z a-z 0-9 . _ -, for example tokyo-1";
        desk.error(&key, "is not a name that a metric can carry", help);
    } else if !names.insert(name.to_owned()) {
        desk.error(
            &key,
            format!("`{name}` is the name of two nodes"),
            "give each node its own name",
        );
    }
}

fn settle(key: &str, node: &mut raw::Node, desk: &mut Desk<'_>) -> NodeSettings {
    let url = node_url(&format!("{key}.url"), &mut node.url, desk);
    warn_of_clear_text(key, &url, desk);
    let client_keys = (format!("{key}.client_cert_file"), format!("{key}.client_key_file"));
    NodeSettings {
        name: Arc::from(node.name.as_str()),
        kind: match node.kind {
            raw::Kind::Messages => NodeKind::Messages,
        },
        url,
        keys: keys(key, node, desk),
        addresses: addresses(key, node, desk),
        proxy: egress::proxy(key, node, desk),
        role: match node.role {
            raw::Role::Primary => Role::Primary,
            raw::Role::Standby => Role::Standby,
        },
        headers: headers(key, node, desk),
        extra_ca_file: desk.readable(&format!("{key}.extra_ca_file"), &node.extra_ca_file),
        client_cert: desk.pair(
            (&client_keys.0, &client_keys.1),
            (&node.client_cert_file, &node.client_key_file),
        ),
        http: match node.http {
            raw::Http::Auto => HttpVersion::Auto,
            raw::Http::One => HttpVersion::Http1,
            raw::Http::Two => HttpVersion::Http2,
        },
        nonstream: nonstream(node.nonstream_upstream),
    }
}

/// A base URL that has a scheme and a host and nothing behind its path.
pub(super) fn base_url(text: &str) -> Result<Uri, Fault> {
    let form = "write a base URL: https://api.anthropic.com";
    if !text.starts_with("http://") && !text.starts_with("https://") {
        return Err(("does not begin with http:// or https://", form));
    }
    if text.contains(['?', '#']) {
        return Err(("has a query or a fragment", "end it with the path"));
    }
    let Ok(url) = text.parse::<Uri>() else { return Err(("is not a URL", form)) };
    let authority = url.authority().map(http::uri::Authority::as_str).unwrap_or_default();
    if authority.contains('@') {
        return Err(("has a user name in it", "take it out; keys stand in `key`"));
    }
    if url.host().unwrap_or_default().is_empty() || authority.ends_with(':') {
        return Err(("has no host, or a port that is no number", form));
    }
    if authority
        .rsplit_once(':')
        .is_some_and(|(host, _)| host.ends_with(']') || !host.contains(':'))
        && url.port_u16().is_none_or(|port| port == 0)
    {
        return Err(("has a port that is none", "ports are 1 to 65535"));
    }
    Ok(url)
}

fn node_url(key: &str, text: &mut String, desk: &mut Desk<'_>) -> Uri {
    let url = match base_url(text) {
        Ok(url) => url,
        Err((message, help)) => {
            desk.error(key, message, help);
            return Uri::from_static("https://invalid.invalid");
        }
    };
    let host = url.host().unwrap_or_default().to_ascii_lowercase();
    if ["api.claude.ai", "claude.ai", "www.claude.ai"].contains(&host.as_str()) {
        let message = format!("`{host}` is not the API");
        desk.error(key, message, "the API's host is api.anthropic.com");
        return url;
    }
    let mut mended = text.trim_end_matches('/');
    for suffix in ["/v1/messages", "/v1"] {
        if let Some(base) = mended.strip_suffix(suffix) {
            let message =
                format!("ends in {suffix}, which every request adds by itself; it is left off");
            desk.warn(key, message, "end the URL before /v1");
            mended = base.trim_end_matches('/');
        }
    }
    let parsed = mended.parse().unwrap_or(url);
    *text = mended.to_owned();
    parsed
}

fn warn_of_clear_text(key: &str, url: &Uri, desk: &mut Desk<'_>) {
    let host = url.host().unwrap_or_default().trim_matches(['[', ']']);
    if url.scheme() == Some(&http::uri::Scheme::HTTP) && !is_loopback(host) {
        let message = "is http:// to another machine: keys and prompts travel in clear text";
        desk.warn(&format!("{key}.url"), message, "use https://, or a tunnel");
    }
}

fn keys(key: &str, node: &raw::Node, desk: &mut Desk<'_>) -> Vec<KeySettings> {
    if node.key.is_some() && !node.keys.is_empty() {
        let help = "move the one key into the list";
        desk.error(&format!("{key}.key"), "stands beside `keys`", help);
    }
    let mut found = Vec::new();
    if let Some(reference) = &node.key {
        let key = secret::secret(desk, &format!("{key}.key"), reference, Use::NodeKey);
        found.extend(key.map(|key| KeySettings { key, workspace: String::new() }));
    }
    for (index, entry) in node.keys.iter().enumerate() {
        let path = format!("{key}.keys.{index}.key");
        let key = secret::secret(desk, &path, &entry.key, Use::NodeKey);
        found.extend(key.map(|key| KeySettings { key, workspace: entry.workspace.clone() }));
    }
    found
}

fn addresses(key: &str, node: &raw::Node, desk: &mut Desk<'_>) -> Vec<IpAddr> {
    let mut addresses = Vec::new();
    for (index, text) in node.addresses.iter().enumerate() {
        if let Ok(address) = text.trim_matches(['[', ']']).parse() {
            addresses.push(address);
        } else {
            let message = format!("`{text}` is not an IP address");
            let help = "write the address alone, without a port; names are looked up from the url";
            desk.error(&format!("{key}.addresses.{index}"), message, help);
        }
    }
    addresses
}

/// Fields that are not the configuration's to set, with the reason.
fn refused_header(name: &str) -> Option<Fault> {
    match name {
        "connection" | "keep-alive" | "proxy-connection" | "transfer-encoding" | "te"
        | "trailer" | "upgrade" | "content-length" | "expect" | "proxy-authenticate" => {
            Some(("belongs to one connection and is Ferry's own affair", "take it out"))
        }
        "host" => {
            Some(("is taken from the url", "put the name into `url` and the IP into `addresses`"))
        }
        "authorization" | "x-api-key" | "cookie" | "proxy-authorization" => Some((
            "carries a credential",
            "use `key` of the node: it is kept out of logs and `show`",
        )),
        "anthropic-version" => {
            Some(("is the client's choice: answers would change their form", "take it out"))
        }
        _ => None,
    }
}

fn headers(key: &str, node: &raw::Node, desk: &mut Desk<'_>) -> Vec<(HeaderName, HeaderValue)> {
    let mut headers: Vec<(HeaderName, HeaderValue)> = Vec::new();
    for (text, value) in &node.headers {
        let key = format!("{key}.headers.{text}");
        let Ok(name) = HeaderName::from_bytes(text.as_bytes()) else {
            desk.error(&key, "is not a header name", "use letters, digits and `-`");
            continue;
        };
        if let Some((message, help)) = refused_header(name.as_str()) {
            desk.error(&key, message, help);
            continue;
        }
        if headers.iter().any(|(known, _)| *known == name) {
            desk.error(&key, "is set twice", "names of headers are the same in any case");
            continue;
        }
        let reference = value.starts_with("env:") || value.starts_with("file:");
        let value = if reference {
            let secret = secret::secret(desk, &key, value, Use::Header);
            secret.and_then(|secret| HeaderValue::from_str(secret.expose_secret()).ok())
        } else {
            HeaderValue::from_str(value).ok()
        };
        let Some(mut value) = value else {
            desk.error(
                &key,
                "has a character that a header cannot carry",
                "use visible ASCII in one line",
            );
            continue;
        };
        value.set_sensitive(true);
        headers.push((name, value));
    }
    headers
}
