//! Where requests go: a base URL, taken apart and looked up once. It sends nothing.

use std::net::SocketAddr;
use std::str::FromStr;

use http::Uri;
use http::uri::Scheme;

/// What a client would set as `base_url`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Url {
    pub(super) tls: bool,
    /// As certificates name it: no brackets around an IPv6 address.
    pub(super) host: String,
    pub(super) port: u16,
    /// Without `/v1` and what follows, and without a slash at its end.
    pub(super) prefix: String,
}

/// A URL and the addresses behind it.
#[derive(Clone, Debug)]
pub(super) struct Target {
    pub(super) url: Url,
    /// Tried in this order.
    pub(super) addresses: Vec<SocketAddr>,
}

impl FromStr for Url {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let example = "write it as http://HOST:PORT, as in http://127.0.0.1:7300";
        let uri: Uri = text.parse().map_err(|error| format!("{error}; {example}"))?;
        let tls = match uri.scheme() {
            Some(scheme) if *scheme == Scheme::HTTP => false,
            Some(scheme) if *scheme == Scheme::HTTPS => true,
            _ => return Err(example.to_owned()),
        };
        let authority = uri.authority().ok_or(example)?;
        if authority.as_str().contains('@') {
            return Err(
                "a key does not belong into a URL, which is shown; use --key env:NAME".into()
            );
        }
        if uri.query().is_some() {
            return Err(format!("a base URL has no query; {example}"));
        }
        let host = authority.host().trim_matches(['[', ']']).to_owned();
        let port = match authority.port() {
            Some(port) => port.as_u16(),
            // A port that is none.
            None if authority.as_str() != authority.host() => return Err(example.to_owned()),
            None if tls => 443,
            None => 80,
        };
        let path = uri.path().trim_end_matches('/');
        let path = path.strip_suffix("/messages").unwrap_or(path);
        let prefix = path.strip_suffix("/v1").unwrap_or(path).trim_end_matches('/').to_owned();
        Ok(Self { tls, host, port, prefix })
    }
}

impl std::fmt::Display for Url {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let scheme = if self.tls { "https" } else { "http" };
        write!(f, "{scheme}://{}{}", self.authority(), self.prefix)
    }
}

impl Url {
    /// For the header `host`.
    pub(super) fn authority(&self) -> String {
        let host =
            if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() };
        match (self.tls, self.port) {
            (true, 443) | (false, 80) => host,
            (_, port) => format!("{host}:{port}"),
        }
    }
}

impl Target {
    /// Looks the host up, once for the whole run.
    ///
    /// # Errors
    /// The name has no address.
    pub(super) async fn find(url: Url) -> std::io::Result<Self> {
        let found = tokio::net::lookup_host((url.host.as_str(), url.port)).await?;
        Ok(Self { addresses: found.collect(), url })
    }

    /// A gateway of this process.
    pub(super) fn here(address: SocketAddr) -> Self {
        let url = Url {
            tls: false,
            host: address.ip().to_string(),
            port: address.port(),
            prefix: String::new(),
        };
        Self { url, addresses: vec![address] }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base_urls_are_read_as_clients_write_them() {
        for (text, shown, host, port, prefix) in [
            ("http://127.0.0.1:7300", "http://127.0.0.1:7300", "127.0.0.1", 7300, ""),
            ("http://127.0.0.1:7300/", "http://127.0.0.1:7300", "127.0.0.1", 7300, ""),
            ("http://[::1]:7300/v1", "http://[::1]:7300", "::1", 7300, ""),
            (
                "https://relay.test/api/v1/messages",
                "https://relay.test/api",
                "relay.test",
                443,
                "/api",
            ),
            ("https://relay.test:8443", "https://relay.test:8443", "relay.test", 8443, ""),
            ("http://relay.test", "http://relay.test", "relay.test", 80, ""),
        ] {
            let url: Url = text.parse().unwrap();
            assert_eq!(url.to_string(), shown);
            assert_eq!((url.host.as_str(), url.port, url.prefix.as_str()), (host, port, prefix));
        }
    }

    #[test]
    fn what_is_no_base_url_is_refused_with_an_example() {
        for text in ["", "127.0.0.1:7300", "ftp://x", "http://", "http://x?y=1", "http://x:99999"] {
            let error = text.parse::<Url>().unwrap_err();
            assert!(error.contains("write it as http://"), "{text}: {error}");
        }
        let error = "http://sk-ant-x@127.0.0.1".parse::<Url>().unwrap_err();
        assert!(error.contains("--key"), "{error}");
    }
}
