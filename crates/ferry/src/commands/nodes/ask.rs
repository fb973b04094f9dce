//! Asks the admin port of a running Ferry: one request on one connection, each step under a bound. What answers may be
//! anything, so nothing of it is believed before it has the right shape. Never follows a redirect, never tries again.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::str::FromStr;
use std::time::Duration;

use bytes::Bytes;
use ferry_gateway::upstream::NodeStatus;
use http::uri::Authority;
use http::{HeaderMap, Method, Request, StatusCode, header};
use http_body_util::{BodyExt as _, Empty};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use miette::miette;
use serde_json::Value;
use tokio::net::TcpStream;

use super::super::terminal;
use super::tame;

/// For a connection, and then for an answer. The port answers from memory: what takes seconds is stuck.
const PATIENCE: Duration = Duration::from_secs(PATIENCE_S);
const PATIENCE_S: u64 = 3;
/// Thousands of nodes with all their addresses.
const ANSWER_BYTES_MAX: usize = 8 * 1024 * 1024;
/// Of a foreign answer that is shown: enough to recognise it.
const SHOWN_CHARS_MAX: usize = 200;
/// Names that are listed; more would bury the one that was mistyped.
const NAMES_MAX: usize = 20;

/// Where a Ferry listens for admin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct AdminPort {
    /// A name or an address, IPv6 without brackets.
    host: String,
    port: u16,
}

/// All nodes, as read and as written.
#[derive(Debug)]
pub(super) struct Nodes {
    /// Fit for a terminal.
    pub(super) nodes: Vec<NodeStatus>,
    /// As it came, fields that this version does not know included.
    pub(super) written: Value,
}

/// Why there is nothing to show.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    #[error("reach an admin port at {0}")]
    Connect(AdminPort, #[source] std::io::Error),
    #[error("reach an admin port at {0} within {PATIENCE_S} s")]
    ConnectLate(AdminPort),
    #[error("get an answer from {0} within {PATIENCE_S} s")]
    Late(AdminPort),
    #[error("speak HTTP with {0}")]
    Http(AdminPort, #[source] hyper::Error),
    #[error("get an answer of at most {ANSWER_BYTES_MAX} bytes from {0}")]
    TooLarge(AdminPort),
    #[error("make the request")]
    Request(#[source] http::Error),
    #[error("be understood by {port}: it answered {status}{said}")]
    Refused {
        port: AdminPort,
        status: StatusCode,
        said: String,
        /// It is the port for clients.
        is_data: bool,
    },
    #[error("read the nodes that {0} told")]
    NotNodes(AdminPort, #[source] serde_json::Error),
    #[error("find a node `{name}`: {}", named(.names))]
    UnknownNode { name: String, names: Vec<String> },
}

impl Failure {
    /// The next action. `by_flag`: the user named the port, the configuration did not.
    pub(super) fn hint(&self, port: &AdminPort, by_flag: bool) -> String {
        let pass = "`ferry serve` prints where it listens for admin; name that with --admin";
        match self {
            Self::Connect(..) | Self::ConnectLate(_) if by_flag => {
                format!("is `ferry serve` running there? {pass}")
            }
            Self::Connect(..) | Self::ConnectLate(_) => format!(
                "is `ferry serve` running? By server.admin_listen it listens for admin on {port}; if it \
                 was started otherwise, name the port that it printed with --admin"
            ),
            Self::Late(_) => format!(
                "something listens there and says nothing: a stopped process, or no Ferry. {pass}"
            ),
            Self::Refused { is_data: true, .. } => {
                format!("this is where Ferry serves clients, not its admin port. {pass}")
            }
            Self::Http(..) | Self::TooLarge(_) | Self::Refused { .. } | Self::NotNodes(..) => {
                format!("is this another program, or a Ferry of another version? {pass}")
            }
            Self::UnknownNode { .. } => "`ferry nodes list` shows every node".to_owned(),
            Self::Request(_) => "report this with the text above".to_owned(),
        }
    }
}

fn named(names: &[String]) -> String {
    if names.is_empty() {
        return "this Ferry has none".to_owned();
    }
    let known = names.iter().take(NAMES_MAX).map(String::as_str).collect::<Vec<_>>().join(", ");
    match names.len().saturating_sub(NAMES_MAX) {
        0 => format!("there is {known}"),
        more => format!("there is {known} and {more} more"),
    }
}

impl AdminPort {
    /// The port of a listener; one that listens everywhere is reached over loopback.
    ///
    /// # Errors
    /// Port 0 says nothing of the port that the system chose.
    pub(super) fn of(listen: SocketAddr) -> miette::Result<Self> {
        let host = match listen.ip() {
            IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
            IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
            ip @ (IpAddr::V4(_) | IpAddr::V6(_)) => ip,
        };
        if listen.port() == 0 {
            return Err(miette!(
                help =
                    "name the port that `ferry serve` printed, as in --admin http://127.0.0.1:7301",
                "failed to find the admin port: server.admin_listen leaves it to the system (port 0)"
            ));
        }
        Ok(Self { host: host.to_string(), port: listen.port() })
    }

    /// Every node.
    ///
    /// # Errors
    /// [`Failure`]: nobody answers, or something that is not an admin port.
    pub(super) async fn nodes(&self) -> Result<Nodes, Failure> {
        let body = self.call(Method::GET, "/nodes").await?;
        let not_nodes = |error| Failure::NotNodes(self.clone(), error);
        let written: Value = serde_json::from_slice(&body).map_err(not_nodes)?;
        let mut tamed = written.clone();
        tame(&mut tamed);
        let nodes = serde_json::from_value(tamed).map_err(not_nodes)?;
        Ok(Nodes { nodes, written })
    }

    /// Resets the node with this name.
    ///
    /// # Errors
    /// [`Failure`], also when the node has gone since it was listed.
    pub(super) async fn reset(&self, name: &str) -> Result<(), Failure> {
        self.call(Method::POST, &format!("/nodes/{name}/reset")).await.map(|_said| ())
    }

    /// One exchange; gives the body of a 200.
    async fn call(&self, method: Method, path: &str) -> Result<Bytes, Failure> {
        let request = self.request(method, path)?;
        let connect = TcpStream::connect((self.host.as_str(), self.port));
        let stream = tokio::time::timeout(PATIENCE, connect)
            .await
            .map_err(|_elapsed| Failure::ConnectLate(self.clone()))?
            .map_err(|error| Failure::Connect(self.clone(), error))?;
        // Boxed, since a connection's state is large.
        let exchange = Box::pin(self.exchange(stream, request));
        let (status, headers, body) = tokio::time::timeout(PATIENCE, exchange)
            .await
            .map_err(|_elapsed| Failure::Late(self.clone()))??;
        if status == StatusCode::OK {
            return Ok(body);
        }
        let is_data = headers.contains_key("x-ferry-request-id");
        Err(Failure::Refused { port: self.clone(), status, said: said(&body), is_data })
    }

    async fn exchange(
        &self,
        stream: TcpStream,
        request: Request<Empty<Bytes>>,
    ) -> Result<(StatusCode, HeaderMap, Bytes), Failure> {
        let http = |error| Failure::Http(self.clone(), error);
        let (mut sender, connection) =
            http1::handshake(TokioIo::new(stream)).await.map_err(http)?;
        let exchange = async move {
            let (parts, body) = sender.send_request(request).await.map_err(http)?.into_parts();
            Ok((parts.status, parts.headers, self.read(body).await?))
        };
        tokio::pin!(exchange, connection);
        // The connection is driven here and not in a task: it ends with the exchange, whatever happens.
        tokio::select! {
            biased;
            answer = &mut exchange => answer,
            // A connection that ends first has handed over all that the exchange still waits for, its error too.
            _ended = &mut connection => exchange.await,
        }
    }

    async fn read(&self, mut body: Incoming) -> Result<Bytes, Failure> {
        let mut read = Vec::new();
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|error| Failure::Http(self.clone(), error))?;
            let Some(data) = frame.data_ref() else { continue };
            if read.len() + data.len() > ANSWER_BYTES_MAX {
                return Err(Failure::TooLarge(self.clone()));
            }
            read.extend_from_slice(data);
        }
        Ok(read.into())
    }

    fn request(&self, method: Method, path: &str) -> Result<Request<Empty<Bytes>>, Failure> {
        Request::builder()
            .method(method)
            .uri(path)
            .header(header::HOST, self.to_string())
            .header(header::USER_AGENT, concat!("ferry/", env!("CARGO_PKG_VERSION")))
            .body(Empty::new())
            .map_err(Failure::Request)
    }
}

/// What an answer that is no 200 says: the message of an error in the API's shape, else how it begins.
fn said(body: &[u8]) -> String {
    let error: Value = serde_json::from_slice(body).unwrap_or_default();
    let message = error.pointer("/error/message").and_then(Value::as_str);
    let text = message.map_or_else(|| String::from_utf8_lossy(body), Into::into);
    let first = text.lines().find(|line| !line.trim().is_empty()).unwrap_or_default().trim();
    let shown: String = terminal::plain(first).chars().take(SHOWN_CHARS_MAX).collect();
    if shown.is_empty() { shown } else { format!(": {shown}") }
}

impl fmt::Display for AdminPort {
    /// As it stands in a URL.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

impl FromStr for AdminPort {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let form = "write it as http://127.0.0.1:7301";
        let rest = match text.split_once("://") {
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case("http") => rest,
            Some(_other_scheme) => {
                return Err(
                    "the admin port speaks plain http, over a tunnel where it is far away: \
                            write it as http://127.0.0.1:7301",
                );
            }
            None => text,
        };
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        if rest.contains(['/', '?', '#', '@']) {
            return Err("only host and port are used: write it as http://127.0.0.1:7301");
        }
        let authority: Authority = rest.parse().map_err(|_not_one| form)?;
        let Some(port) = authority.port_u16().filter(|port| *port > 0) else {
            return Err("the port is missing: write it as http://127.0.0.1:7301");
        };
        let host = authority.host();
        let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
        if host.is_empty() { Err(form) } else { Ok(Self { host: host.to_owned(), port }) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_admin_port_is_read_from_a_url() {
        for (text, shown) in [
            ("http://127.0.0.1:7301", "127.0.0.1:7301"),
            ("HTTP://localhost:7301/", "localhost:7301"),
            ("localhost:9", "localhost:9"),
            ("[::1]:7301", "[::1]:7301"),
            ("http://ferry.lan:80", "ferry.lan:80"),
        ] {
            assert_eq!(text.parse::<AdminPort>().unwrap().to_string(), shown);
        }
        for (text, word) in [
            ("https://127.0.0.1:7301", "plain http"),
            ("127.0.0.1", "port is missing"),
            ("http://127.0.0.1", "port is missing"),
            ("127.0.0.1:0", "port is missing"),
            ("127.0.0.1:70000", "http://"),
            ("http://127.0.0.1:7301/nodes", "only host and port"),
            ("http://me:secret@127.0.0.1:7301", "only host and port"),
            (":7301", "http://"),
            ("", "http://"),
            ("a b:1", "http://"),
        ] {
            assert!(text.parse::<AdminPort>().unwrap_err().contains(word), "{text}");
        }
    }

    #[test]
    fn a_listener_everywhere_is_reached_over_loopback() {
        for (listen, shown) in [
            ("127.0.0.1:7301", "127.0.0.1:7301"),
            ("0.0.0.0:7301", "127.0.0.1:7301"),
            ("[::]:7301", "[::1]:7301"),
        ] {
            assert_eq!(AdminPort::of(listen.parse().unwrap()).unwrap().to_string(), shown);
        }
        assert!(AdminPort::of("127.0.0.1:0".parse().unwrap()).is_err());
    }

    #[test]
    fn what_a_foreign_answer_says_is_short_and_harmless() {
        let json =
            br#"{"type":"error","error":{"type":"not_found_error","message":"no \u001b[31m"}}"#;
        assert_eq!(said(json), ": no \u{fffd}[31m");
        assert_eq!(said(b"\r\n<html>\n<body>"), ": <html>");
        assert_eq!(said(b""), "");
        assert_eq!(said(b"\xff\xfe"), ": \u{fffd}\u{fffd}");
        assert_eq!(said(&[b'a'; 5000]).len(), SHOWN_CHARS_MAX + 2);
    }
}
