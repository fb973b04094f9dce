//! `NO_PROXY`: a list of hosts that are reached without a proxy.
//!
//! There is no standard. Where curl and Go agree this does what they do; where they differ it takes what
//! either lets pass as an exception, but for one thing: `*.example.com` leaves `example.com` itself out.
//!
//! | entry | covers |
//! |---|---|
//! | `*` | every host |
//! | `example.com`, `.example.com` | that name and all below it |
//! | `*.example.com` | all names below it |
//! | `192.0.2.7`, `2001:db8::7`, `[2001:db8::7]` | that address |
//! | `10.0.0.0/8`, `fd00::/8` | every address of that network |
//! | any of them with `:8443` (an IPv6 address in brackets) | the same at that port alone |
//!
//! Entries are parted by commas or spaces, case does not matter, names are not looked up: a network covers
//! a node only when its URL holds an address.

use std::net::IpAddr;

use ipnet::IpNet;

/// True when the list covers a host at a port. `host` is a name, or an address without brackets.
pub fn covers(list: &str, host: &str, port: u16) -> bool {
    let host = host.trim_end_matches('.').to_ascii_lowercase();
    let address = host.parse().ok().map(|ip: IpAddr| ip.to_canonical());
    list.split(|part: char| part == ',' || part.is_whitespace())
        .filter(|entry| !entry.is_empty())
        .any(|entry| matches(&entry.to_ascii_lowercase(), &host, address, port))
}

fn matches(entry: &str, host: &str, address: Option<IpAddr>, port: u16) -> bool {
    if entry == "*" {
        return true;
    }
    if let Ok(net) = entry.parse::<IpNet>() {
        return address.is_some_and(|ip| net.contains(&ip));
    }
    let (name, only) = split_port(entry);
    if only.is_some_and(|only| only != port) {
        return false;
    }
    let bare = name.trim_start_matches('[').trim_end_matches(']');
    match (bare.parse::<IpAddr>(), address) {
        (Ok(listed), Some(ip)) => listed.to_canonical() == ip,
        // A part of an address is no name above it.
        (Ok(_), None) | (Err(_), Some(_)) => name == "*",
        (Err(_), None) => covers_name(name, host),
    }
}

fn covers_name(name: &str, host: &str) -> bool {
    if name == "*" {
        return true;
    }
    let name = name.trim_end_matches('.');
    let (name, itself) = match name.strip_prefix("*.") {
        Some(above) => (above, false),
        None => (name.trim_start_matches('.'), true),
    };
    let below = || host.strip_suffix(name).is_some_and(|rest| rest.ends_with('.'));
    !name.is_empty() && ((itself && host == name) || below())
}

/// A port behind the last colon, unless the colons are those of an address.
fn split_port(entry: &str) -> (&str, Option<u16>) {
    if entry.parse::<IpAddr>().is_ok() {
        return (entry, None);
    }
    match entry.rsplit_once(':').map(|(name, port)| (name, port.parse())) {
        Some((name, Ok(port))) => (name, Some(port)),
        Some((_, Err(_))) | None => (entry, None),
    }
}
