//! Who may talk to a port on this machine from a browser: the `Origin` and `Host` checks.
//!
//! Loopback is not safe: any web page can send requests to it, and a name that an attacker points at
//! 127.0.0.1 (DNS rebinding) makes them same-origin. It never resolves a name.

#[cfg(test)]
mod tests;

use std::net::{Ipv4Addr, Ipv6Addr};

use thiserror::Error;

/// Why a browser's request is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Error)]
pub enum OriginFault {
    /// `Origin: null`: a sandboxed frame, a file, a redirect; it names nobody, so no list can hold it.
    #[error("accept the origin: it is null")]
    Null,
    /// Not in the list.
    #[error("accept the origin: it is not allowed")]
    NotAllowed,
}

impl OriginFault {
    /// Stable code.
    pub fn code(self) -> &'static str {
        "origin-not-allowed"
    }

    /// One sentence for the caller with the next action.
    pub fn sentence(self) -> &'static str {
        match self {
            Self::Null => {
                "Requests of a page without an origin (a file or a sandboxed frame) are refused: serve the page over http and add its origin to server.allowed_origins."
            }
            Self::NotAllowed => {
                "Requests of web pages are refused unless their origin is listed: add it to server.allowed_origins, or call from a server."
            }
        }
    }
}

/// Why a `Host` is refused on a loopback bind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Error)]
#[error("accept the host: it is neither a loopback name nor allowed")]
pub struct HostFault;

impl HostFault {
    /// Stable code.
    pub fn code(self) -> &'static str {
        "host-not-allowed"
    }

    /// One sentence for the caller with the next action.
    pub fn sentence(self) -> &'static str {
        "This port is bound to loopback and answers only to loopback names: call it as localhost, or add the name to server.allowed_hosts."
    }
}

/// May a request with this `Origin` pass? No header passes: a server's request has none.
///
/// `allowed` holds `scheme://host[:port]` as browsers send it, or `*` for every origin that has a name.
///
/// # Errors
/// [`OriginFault`] when it may not.
pub fn check_origin(origin: Option<&str>, allowed: &[String]) -> Result<(), OriginFault> {
    let Some(origin) = origin else { return Ok(()) };
    if origin.trim().eq_ignore_ascii_case("null") {
        return Err(OriginFault::Null);
    }
    // Scheme and host have no case (RFC 3986 section 6.2.2.1); a trailing slash is a slip of whoever wrote the list.
    let listed = allowed.iter().any(|entry| {
        entry == "*" || entry.strip_suffix('/').unwrap_or(entry).eq_ignore_ascii_case(origin)
    });
    if listed { Ok(()) } else { Err(OriginFault::NotAllowed) }
}

/// Is this `Origin` the one that the request itself went to, as its `Host` names it?
///
/// Either scheme counts: a proxy that speaks TLS may stand in front. `host` must have been checked.
pub fn is_own_origin(origin: &str, host: &str) -> bool {
    let authority = origin.split_once("://").filter(|(scheme, _)| {
        scheme.eq_ignore_ascii_case("http") || scheme.eq_ignore_ascii_case("https")
    });
    authority
        .is_some_and(|(_, authority)| !authority.is_empty() && authority.eq_ignore_ascii_case(host))
}

/// May a request with this `Host` (or `:authority`) pass on a loopback bind?
///
/// `localhost`, names below it, and loopback addresses pass with any port. `allowed` holds further
/// names; one written with a port matches that port only.
///
/// # Errors
/// [`HostFault`] when it may not, or when it is no host at all.
pub fn check_host(host: &str, allowed: &[String]) -> Result<(), HostFault> {
    let name = without_port(host).ok_or(HostFault)?;
    let listed = || {
        allowed
            .iter()
            .any(|entry| entry.eq_ignore_ascii_case(host) || entry.eq_ignore_ascii_case(name))
    };
    if is_loopback(name) || listed() { Ok(()) } else { Err(HostFault) }
}

/// The host of `host[:port]`, an IPv6 address without its brackets; `None` when it is malformed.
fn without_port(host: &str) -> Option<&str> {
    let (name, rest) = match host.strip_prefix('[') {
        Some(bracketed) => bracketed.split_once(']')?,
        None => match host.find(':') {
            Some(colon) => host.split_at_checked(colon)?,
            None => (host, ""),
        },
    };
    let port_ok = match rest.strip_prefix(':') {
        Some(port) => port.bytes().all(|byte| byte.is_ascii_digit()),
        None => rest.is_empty(),
    };
    (port_ok && !name.is_empty()).then_some(name)
}

fn is_loopback(name: &str) -> bool {
    if let Ok(address) = name.parse::<Ipv6Addr>() {
        return address.to_canonical().is_loopback();
    }
    if let Ok(address) = name.parse::<Ipv4Addr>() {
        return address.is_loopback();
    }
    // RFC 6761 section 6.3: `localhost` and every name below it are loopback. One root dot is the same name.
    let name = name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase();
    let plain = |label: &str| {
        !label.is_empty()
            && label
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
    };
    name == "localhost"
        || name.strip_suffix(".localhost").is_some_and(|below| below.split('.').all(plain))
}
