//! Which proxy stands between this machine and a node: the node's own word, else the environment's.
//!
//! `NO_PROXY` as curl and Go understand it (`no_proxy`), proxy URLs as all of them write them (`proxy_url`).
//! Looks nothing up and reads no environment.

pub mod no_proxy;
pub mod proxy_url;
#[cfg(test)]
mod tests;

use std::net::IpAddr;

/// A variable and its value.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Variable<'e> {
    /// Its name, as it is written there.
    pub name: &'e str,
    /// Its value; that of a proxy may hold a password.
    pub value: &'e str,
}

impl std::fmt::Debug for Variable<'_> {
    /// Without the value.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

/// What the environment says about proxies; empty variables are left out.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Environment<'e> {
    /// `https_proxy`, else `HTTPS_PROXY`.
    pub https: Option<Variable<'e>>,
    /// `all_proxy`, else `ALL_PROXY`.
    pub all: Option<Variable<'e>>,
    /// `no_proxy`, else `NO_PROXY`.
    pub none: Option<Variable<'e>>,
}

/// What the environment wants for one node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way<'e> {
    /// It names no proxy, or the node is on this machine.
    Direct,
    /// It names one, and this list makes an exception of the node.
    Excepted(Variable<'e>),
    /// Through the proxy that this variable names.
    Through(Variable<'e>),
}

/// The way to a node that says nothing about a proxy. `host` is a name, or an address without brackets.
pub fn way<'e>(environment: &Environment<'e>, https: bool, host: &str, port: u16) -> Way<'e> {
    // HTTP_PROXY is for requests that a proxy forwards, and Ferry asks for tunnels alone.
    let proxy = environment.https.filter(|_| https).or(environment.all);
    let Some(proxy) = proxy.filter(|_| !is_loopback(host)) else { return Way::Direct };
    match environment.none.filter(|none| no_proxy::covers(none.value, host, port)) {
        Some(none) => Way::Excepted(none),
        None => Way::Through(proxy),
    }
}

/// True for this machine's own addresses and the names reserved for them (RFC 6761 section 6.3).
pub fn is_loopback(host: &str) -> bool {
    let name = host.trim_end_matches('.').to_ascii_lowercase();
    let address = || host.parse().is_ok_and(|ip: IpAddr| ip.to_canonical().is_loopback());
    name == "localhost" || name.ends_with(".localhost") || address()
}
