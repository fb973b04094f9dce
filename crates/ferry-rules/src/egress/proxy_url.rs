//! The URL of a proxy: scheme, host, port, and perhaps a user name and a password. Nothing that is printed here
//! holds either of the two.

use std::fmt;

use thiserror::Error;

/// How a proxy is spoken to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheme {
    /// HTTP CONNECT.
    Http,
    /// HTTP CONNECT over TLS to the proxy.
    Https,
    /// SOCKS5; the node's name is looked up here.
    Socks5,
    /// SOCKS5; the proxy looks the node's name up.
    Socks5h,
}

impl Scheme {
    /// As it is written.
    pub fn name(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
            Self::Socks5 => "socks5",
            Self::Socks5h => "socks5h",
        }
    }

    fn of(text: &str) -> Result<Self, UrlFault> {
        match text.to_ascii_lowercase().as_str() {
            "http" => Ok(Self::Http),
            "https" => Ok(Self::Https),
            "socks5" => Ok(Self::Socks5),
            "socks5h" => Ok(Self::Socks5h),
            "socks" | "socks4" | "socks4a" => Err(UrlFault::OldSocks),
            _ => Err(UrlFault::Scheme),
        }
    }

    /// The port of a URL that names none: those of HTTP, and the one registered for SOCKS.
    fn port(self) -> u16 {
        match self {
            Self::Http => 80,
            Self::Https => 443,
            Self::Socks5 | Self::Socks5h => 1080,
        }
    }
}

/// A proxy's URL, taken apart.
#[derive(Clone, PartialEq, Eq)]
pub struct ProxyUrl {
    /// How it is spoken to.
    pub scheme: Scheme,
    /// A name, or an address without brackets.
    pub host: String,
    /// 1 to 65535.
    pub port: u16,
    /// User name and password as written: percent-encoding is not undone yet, see [`decoded`].
    pub login: Option<(String, String)>,
}

impl fmt::Debug for ProxyUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for ProxyUrl {
    /// Without the login.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (scheme, host, port) = (self.scheme.name(), &self.host, self.port);
        if host.contains(':') {
            write!(f, "{scheme}://[{host}]:{port}")
        } else {
            write!(f, "{scheme}://{host}:{port}")
        }
    }
}

/// Why a text is no URL of a proxy. Holds no part of it; fits behind the name of what holds the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum UrlFault {
    /// Another scheme.
    #[error("is not a proxy: its scheme is none of http, https, socks5, socks5h")]
    Scheme,
    /// SOCKS4, or a SOCKS of no version.
    #[error("is a SOCKS proxy of a version that Ferry does not speak")]
    OldSocks,
    /// No host, or what cannot be one.
    #[error("has no host")]
    Host,
    /// A port out of range.
    #[error("has a port that is none")]
    Port,
    /// A path, query or fragment.
    #[error("has something behind its port")]
    Rest,
    /// A user name without a password, which SOCKS cannot carry and no proxy wants.
    #[error("has a user name without a password")]
    NoPassword,
}

impl UrlFault {
    /// What to do.
    pub fn hint(self) -> &'static str {
        match self {
            Self::OldSocks => "write socks5h:// if the proxy speaks version 5",
            Self::Port => "ports are 1 to 65535",
            Self::Rest => "end it with the port; encode # / ? in a password as %23 %2F %3F",
            Self::NoPassword => {
                "write USER:PASSWORD@, where the password may be env:NAME or file:PATH"
            }
            Self::Scheme | Self::Host => {
                "write http://HOST:3128 or socks5h://HOST:1080, or direct for no proxy"
            }
        }
    }
}

/// Takes a URL apart. Without a scheme it is an HTTP proxy.
///
/// # Errors
/// [`UrlFault`], without any part of the text.
pub fn parse(text: &str) -> Result<ProxyUrl, UrlFault> {
    let text = text.trim();
    let (scheme, rest) = match text.split_once("://") {
        Some((scheme, rest)) => (Scheme::of(scheme)?, rest),
        None => (Scheme::Http, text),
    };
    // A path to a password's file has slashes, so the login is split off first.
    let (login, place) = match rest.rsplit_once('@') {
        None => (None, rest),
        Some((login, place)) => match login.split_once(':') {
            Some((user, password)) => (Some((user.to_owned(), password.to_owned())), place),
            None if login.is_empty() => (None, place),
            None => return Err(UrlFault::NoPassword),
        },
    };
    let place = place.strip_suffix('/').unwrap_or(place);
    if place.contains(['/', '?', '#']) {
        return Err(UrlFault::Rest);
    }
    let (host, port) = host_and_port(place)?;
    let port = match port {
        None => scheme.port(),
        Some(port) => port.parse().ok().filter(|port| *port > 0).ok_or(UrlFault::Port)?,
    };
    Ok(ProxyUrl { scheme, host: host.to_owned(), port, login })
}

fn host_and_port(place: &str) -> Result<(&str, Option<&str>), UrlFault> {
    if let Some(inside) = place.strip_prefix('[') {
        let (host, behind) = inside.split_once(']').ok_or(UrlFault::Host)?;
        let is_address = host.parse::<std::net::Ipv6Addr>().is_ok();
        let port = behind.strip_prefix(':');
        return if !is_address {
            Err(UrlFault::Host)
        } else if port.is_none() && !behind.is_empty() {
            Err(UrlFault::Port)
        } else {
            Ok((host, port))
        };
    }
    let (host, port) = match place.split_once(':') {
        Some((host, port)) => (host, Some(port)),
        None => (place, None),
    };
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
    if host.is_empty() || !host.bytes().all(fits) {
        return Err(UrlFault::Host);
    }
    Ok((host, port))
}

/// Undoes percent-encoding (RFC 3986 section 2.1). What is not UTF-8 then, or no encoding, stays as written.
pub fn decoded(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut plain = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        let pair = text.get(at + 1..at + 3).filter(|_| *byte == b'%');
        let coded = pair.filter(|pair| pair.bytes().all(|digit| digit.is_ascii_hexdigit()));
        if let Some(decoded) = coded.and_then(|pair| u8::from_str_radix(pair, 16).ok()) {
            plain.push(decoded);
            at += 3;
        } else {
            plain.push(*byte);
            at += 1;
        }
    }
    String::from_utf8(plain).unwrap_or_else(|_odd| text.to_owned())
}
