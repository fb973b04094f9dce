//! One address tried from nothing and timed, for the command line's tests of the way: connect, TLS, and the unpaid
//! request of `probe.rs` on the new connection. It races nothing, tries nothing again, and carries no key.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use ferry_rules::egress::is_loopback;
use tokio::time::timeout;

use super::base::Base;
use super::connection::Connection;
use super::dial::DialError;
use super::fault::PathFault;
use super::node::Node;
use super::probe::{self, Missed};
use super::settings::{NodeSettings, Settings};
use super::tls::TlsError;
use super::transport::{Pending, Transport};
use super::wire::Wire;
use crate::clock;

/// What one try took, as far as it came. Times of stages that were not reached are absent.
#[derive(Debug, Default)]
pub struct Timed {
    /// From the first SYN to an established connection.
    pub connect: Option<Duration>,
    /// The TLS handshake; absent in cleartext.
    pub tls: Option<Duration>,
    /// From the request to the head of its answer.
    pub answer: Option<Duration>,
    /// The status that came; 401 from the API, since no key is sent.
    pub status: Option<u16>,
    /// It has the API's form: JSON, or its request id.
    pub own: bool,
    /// Where it ended too early.
    pub fault: Option<PathFault>,
}

/// A node that is tried address by address, one try after the other.
#[derive(Debug)]
pub struct Trial {
    node: Arc<Node>,
    watch: Arc<Stopwatch>,
    bounds: Settings,
}

impl Trial {
    /// Prepares it; opens nothing. Of `bounds` the timeouts are used.
    ///
    /// # Errors
    /// The node's CA, certificate or key file cannot be used.
    pub fn new(
        settings: &Arc<NodeSettings>,
        bounds: &Settings,
        base: &Base,
    ) -> Result<Self, TlsError> {
        let watch =
            Arc::new(Stopwatch { below: Arc::clone(&base.transport), last: Arc::default() });
        let mut watched = base.clone();
        watched.transport = Arc::clone(&watch) as Arc<dyn Transport>;
        let node = Arc::new(Node::new(settings, bounds, &watched)?);
        Ok(Self { node, watch, bounds: bounds.clone() })
    }

    /// The addresses that the name of the node's URL has, or of its proxy, as the system orders them; an address in the
    /// URL is its own.
    ///
    /// # Errors
    /// [`DialError::Resolve`]: it has none, or the resolver did not say within `patience`.
    pub async fn resolve(&self, patience: Duration) -> Result<Vec<SocketAddr>, DialError> {
        let (host, port) = self.node.dialled_host();
        if let Ok(ip) = host.parse() {
            return Ok(vec![SocketAddr::new(ip, port)]);
        }
        let failed = |source| DialError::Resolve { host: host.to_owned(), source };
        let late = || io::Error::new(io::ErrorKind::TimedOut, "the resolver said nothing in time");
        let said = timeout(patience, self.node.base.transport.resolve(host.to_owned(), port)).await;
        let addresses = said.map_err(|_elapsed| failed(late()))?.map_err(failed)?;
        if addresses.is_empty() {
            return Err(failed(io::Error::new(io::ErrorKind::NotFound, "the name has no address")));
        }
        Ok(addresses)
    }

    /// True when the URL, or that of the proxy, says by itself that this machine is meant.
    pub fn is_this_machine(&self) -> bool {
        is_loopback(self.node.dialled_host().0)
    }

    /// The longest that a try takes: what ends sooner was ended by somebody else.
    pub fn longest(&self) -> Duration {
        self.node.dial_timeout() + self.patience()
    }

    /// For an answer, once the connection stands.
    fn patience(&self) -> Duration {
        self.bounds.connect_timeout + self.bounds.tls_timeout
    }

    /// Connects to one address and sends the unpaid request.
    pub async fn run(&self, at: SocketAddr) -> Timed {
        self.node.learn_beyond(self.bounds.connect_timeout).await;
        self.watch.forget();
        let begun = clock::now();
        let opened = self.node.open(at, || false).await;
        let ready = clock::now();
        let connect = self.watch.last();
        let mut timed = Timed { connect, ..Timed::default() };
        let own = match opened {
            Ok(own) => own,
            Err(error) => {
                timed.fault = Some(PathFault::Dial(Arc::new(error)));
                return timed;
            }
        };
        if self.node.settings.url.scheme() == Some(&http::uri::Scheme::HTTPS) {
            timed.tls = connect.map(|took| since(begun, ready).saturating_sub(took));
        }
        let shared = || self.node.take(Some(begun));
        let Some(connection) = own.map(Connection::Http1).or_else(shared) else {
            timed.fault = Some(PathFault::Lost);
            return timed;
        };
        match probe::over(&self.node, connection, self.patience()).await {
            Ok(answered) => {
                timed.answer = Some(since(ready, answered.headed));
                timed.status = Some(answered.status);
                timed.own = answered.own;
            }
            Err(Missed::Stale) => timed.fault = Some(PathFault::Lost),
            Err(Missed::Fault(fault)) => timed.fault = Some(fault),
        }
        timed
    }

    /// What a program without Ferry does: the name, or that of the proxy, is resolved, its addresses are connected to one after the other
    /// until one takes the connection, and the request goes out there, once.
    pub async fn direct(&self) -> Timed {
        let failed =
            |error| Timed { fault: Some(PathFault::Dial(Arc::new(error))), ..Timed::default() };
        let addresses = match self.resolve(self.bounds.connect_timeout).await {
            Ok(addresses) => addresses,
            Err(error) => return failed(error),
        };
        let mut last = Timed::default();
        for at in addresses {
            last = self.run(at).await;
            // Whatever took the connection has the request; only a refused or silent connect goes on.
            if last.connect.is_some() {
                break;
            }
        }
        last
    }
}

fn since(begun: Instant, ended: Instant) -> Duration {
    ended.saturating_duration_since(begun)
}

/// The network below, with the time that the last connect took.
#[derive(Debug)]
struct Stopwatch {
    below: Arc<dyn Transport>,
    last: Arc<Mutex<Option<Duration>>>,
}

impl Stopwatch {
    fn forget(&self) {
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    fn last(&self) -> Option<Duration> {
        *self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Transport for Stopwatch {
    fn connect(&self, to: SocketAddr) -> Pending<Wire> {
        let (connecting, last) = (self.below.connect(to), Arc::clone(&self.last));
        Box::pin(async move {
            let begun = clock::now();
            let wire = connecting.await?;
            let took = since(begun, clock::now());
            *last.lock().unwrap_or_else(PoisonError::into_inner) = Some(took);
            Ok(wire)
        })
    }

    fn resolve(&self, host: String, port: u16) -> Pending<Vec<SocketAddr>> {
        self.below.resolve(host, port)
    }
}
