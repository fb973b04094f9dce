//! `[server]` and the listener's part of `[timeouts]`: addresses, certificates, bounds.
//!
//! Binds nothing.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use ipnet::IpNet;

use super::Desk;
use crate::config::raw::Raw;
use crate::serve::{Settings, TlsFiles};

/// Stands in for an address that could not be read; loopback, so that no other check speaks up.
const NOWHERE: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

pub(super) fn settings(raw: &Raw, desk: &mut Desk<'_>) -> Settings {
    let (server, timeouts) = (&raw.server, &raw.timeouts);
    let tls = desk.pair(
        ("server.tls_cert_file", "server.tls_key_file"),
        (&server.tls_cert_file, &server.tls_key_file),
    );
    let trusted_proxies = networks(&server.trusted_proxies, desk);
    if server.proxy_protocol && server.trusted_proxies.is_empty() {
        desk.error(
            "server.proxy_protocol",
            "is on, and no proxy is trusted",
            "list the proxy's address in server.trusted_proxies",
        );
    }
    let held_least =
        server.body_bytes_max.max(server.batch_body_bytes_max).max(server.answer_bytes_max);
    if server.held_bytes_max < held_least {
        let message = format!("cannot hold the largest single body, which is {held_least} bytes");
        desk.error("server.held_bytes_max", message, "raise it, or lower the limit of that body");
    }
    Settings {
        listen: address("server.listen", &server.listen, desk),
        tls: tls.map(|(cert_file, key_file)| TlsFiles { cert_file, key_file }),
        proxy_protocol: server.proxy_protocol,
        trusted_proxies,
        connections_max: server.connections_max,
        head_bytes_max: server.head_bytes_max,
        head_timeout: Duration::from_millis(timeouts.head_ms),
        keep_alive_idle: Duration::from_millis(timeouts.keep_alive_ms),
        client_idle: Duration::from_millis(timeouts.client_idle_ms),
        http2_streams_max: server.http2_streams_max,
        drain: Duration::from_millis(server.drain_ms),
    }
}

pub(super) fn admin_listen(raw: &Raw, data: SocketAddr, desk: &mut Desk<'_>) -> SocketAddr {
    let key = "server.admin_listen";
    let listen = address(key, &raw.server.admin_listen, desk);
    if listen == data && listen.port() != 0 {
        desk.error(key, "is the same as server.listen", "give it a port of its own, 7301 for one");
    }
    listen
}

pub(super) fn address(key: &str, text: &str, desk: &mut Desk<'_>) -> SocketAddr {
    // The one name that needs no resolver; everything else would depend on the network.
    let plain = text.strip_prefix("localhost:").map(|port| format!("127.0.0.1:{port}"));
    if let Ok(address) = plain.as_deref().unwrap_or(text).parse() {
        return address;
    }
    let help = if text.parse::<IpAddr>().is_ok() {
        "add the port: 127.0.0.1:7300, or [::1]:7300"
    } else if text.starts_with(':') {
        "name the address too: 127.0.0.1:7300 for this machine, 0.0.0.0:7300 for all"
    } else if text.starts_with("http") {
        "without http://: 127.0.0.1:7300"
    } else {
        "write an IP address and a port: 127.0.0.1:7300, or [::1]:7300"
    };
    desk.error(key, format!("`{text}` is not an address with a port"), help);
    NOWHERE
}

fn networks(texts: &[String], desk: &mut Desk<'_>) -> Vec<IpNet> {
    let mut networks = Vec::new();
    for (index, text) in texts.iter().enumerate() {
        let key = format!("server.trusted_proxies.{index}");
        let network = text.parse().or_else(|_| text.parse::<IpAddr>().map(IpNet::from));
        let Ok(network) = network else {
            let message = format!("`{text}` is neither an address nor a network");
            desk.error(&key, message, "write 10.0.0.7 or 10.0.0.0/8");
            continue;
        };
        if network.prefix_len() == 0 {
            let help = "list only the proxies that stand in front of Ferry";
            desk.warn(&key, "trusts everybody: any caller can pretend to be any address", help);
        }
        networks.push(network);
    }
    networks
}
