//! How a node comes by its connections: dials that belong to it and not to the request that asked, so that
//! whoever waits shares them and a late one serves the next.

use std::future::poll_fn;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;
use std::time::{Duration, Instant};

use ferry_rules::race;
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioIo, TokioTimer};

use super::Node;
use crate::clock;
use crate::upstream::connection::{Birth, Own};
use crate::upstream::dial::{DialError, Layers, bare_host, dial};
use crate::upstream::fault::PathFault;
use crate::upstream::io::NodeIo;
use crate::upstream::pool::{STREAMS_MAX, Seats};
use crate::upstream::pulse::Pulse;
use crate::upstream::settings::HttpVersion;

/// What one stream may send ahead of its reader: 3.5 MB/s over a path of 600 ms, far above what a model
/// writes, and what a client that stopped reading costs.
const STREAM_WINDOW: u32 = 2 * 1024 * 1024;
/// The largest there is (RFC 9113 section 6.9.1). Unread bytes count against the connection until they are
/// read, so with a smaller one a few stuck readers would hold up every other stream; each is bounded
/// by its own window.
const CONNECTION_WINDOW: u32 = (1 << 31) - 1;
/// PING after this much silence, also without a stream, and how long its answer may take: a dead path is
/// known within about 20 s, like that of an HTTP/1.1 connection (transport.rs), and not by the next request.
const PING_AFTER: Duration = Duration::from_secs(15);
const PING_PATIENCE: Duration = Duration::from_secs(6);
/// The head of an answer over HTTP/2; the API's own stay under 8 KiB.
const HEAD_BYTES_MAX: u32 = 64 * 1024;
/// What is read at a time, and the most that the head of an answer may have over HTTP/1.1. A live
/// stream keeps one such buffer. Writing has hyper's own bound (408 KB): a large body leaves in few calls.
const READ_BUFFER: usize = 28 * 1024;
/// A connection takes no new request after this, give or take a fifth, so that a node behind a balancer
/// sees a fair share again and not all connections are renewed at once (reliability.md 2.4).
const AGE_MAX: Duration = Duration::from_mins(10);

/// Overdue dials that go on, to one address.
const OVERDUE_MAX: usize = 8;

impl Node {
    /// Dials an address, unless enough dials are under way. True when one was started.
    pub(in crate::upstream) fn dial(self: &Arc<Self>, at: SocketAddr, now: Instant) -> bool {
        let waiting = self.way.waiting.load(Ordering::Relaxed);
        {
            let mut addresses = self.known();
            let wanted = if self.may_share() { waiting.div_ceil(STREAMS_MAX) } else { waiting };
            let enough = addresses.half_open() >= wanted.max(1);
            let Some(address) = addresses.get_mut(at) else { return false };
            let just_asked = address.asked.is_some_and(|asked| now < asked + race::STEP);
            let proven = address.answered_within(race::PROVEN_FOR, now);
            if (enough && just_asked) || address.half_open >= race::half_open_max(proven, waiting) {
                return false;
            }
            address.half_open += 1;
            address.asked = Some(now);
        }
        let node = Arc::clone(self);
        drop(self.base.tasks.spawn(async move {
            node.see_through(at, now).await;
            node.base.ring();
        }));
        true
    }

    /// A dial to its end. One that is overdue counts as failed, and makes room for others, while the kernel
    /// goes on: the SYN that it sends again after a second may be the one that gets through.
    async fn see_through(&self, at: SocketAddr, begun: Instant) {
        let mut under_way = Some(UnderWay { node: self, at });
        let mut overdue = None;
        let opened = self.open(at, || {
            under_way = None;
            let error = DialError::overdue(&self.settings, at, self.patience.connect);
            self.dial_failed(at, begun, clock::now(), error);
            self.base.ring();
            overdue = Overdue::begin(self, at);
            overdue.is_some()
        });
        let opened = opened.await;
        let in_time = under_way.take().is_some();
        drop(overdue);
        let ended = clock::now();
        match opened {
            Ok(connection) => {
                self.dialled(at, in_time.then_some(begun), ended);
                if let Some(own) = connection {
                    self.way.pool.keep(own, self.idle_max.max(1));
                }
            }
            Err(error) if in_time => self.dial_failed(at, begun, ended, error),
            // Told when it was overdue.
            Err(_late) => {}
        }
    }

    /// `begun` is left out of a dial whose SYN was lost: its time is not the path's.
    fn dialled(&self, at: SocketAddr, begun: Option<Instant>, ended: Instant) {
        let mut addresses = self.known();
        if let Some(address) = addresses.get_mut(at) {
            address.up = Some(ended);
            address.failed = 0;
            address.unwelcome = None;
            address.probed = Some(ended);
            if let Some(begun) = begun {
                address.rtt.observe(ended.saturating_duration_since(begun), ended);
            }
        }
        drop(addresses);
        self.base.heard(ended);
        self.way.health.reached(ended);
    }

    /// A dial that came to nothing is the node's failure only when nothing else reached the node since it
    /// began: of a racing pair, the one that lost its SYN proves nothing.
    fn dial_failed(&self, at: SocketAddr, begun: Instant, ended: Instant, error: DialError) {
        self.base.dial_failed(&self.settings.name, &error);
        let fault = PathFault::Dial(Arc::new(error));
        let others_stand = {
            let mut known = self.known();
            if let Some(address) = known.get_mut(at) {
                address.down = Some((ended, fault.clone()));
                address.failed = address.failed.saturating_add(1);
                address.probed = Some(ended);
            }
            known.iter().any(|other| other.at != at && other.up.is_some() && !other.is_down())
        };
        if fault.was_answered() {
            self.base.heard(ended);
        }
        // One address of several is not the node.
        let charged = !others_stand && (!fault.points_home() || self.base.hears(ended));
        self.way.health.not_reached(begun, ended, fault, charged.then(|| self.base.roll()));
    }

    /// One connection. An HTTP/1.1 one is handed over; one that is shared stands in the pool. `overdue` is
    /// asked whether to go on when the connect has taken its time.
    pub(in crate::upstream) async fn open(
        &self,
        at: SocketAddr,
        overdue: impl FnOnce() -> bool,
    ) -> Result<Option<Box<Own>>, DialError> {
        let transport = &*self.base.transport;
        let via = self.via(at, clock::now())?;
        let tls = self.tls.as_ref().map(|tls| &tls.config);
        let layers = Layers { via: via.as_ref(), tls };
        let dialled = dial(transport, &self.settings, layers, at, self.patience, overdue).await;
        let dialled = dialled.inspect_err(|error| self.turn_on(at, error))?;
        self.way.pool.opened(dialled.http2);
        let now = clock::now();
        let birth = Birth::new(at, now, now + AGE_MAX.mul_f64(0.8 + 0.4 * self.base.roll()));
        let opened = if dialled.http2 {
            self.open_http2(dialled.io, birth).await.map(|()| None)
        } else {
            open_http1(dialled.io, birth).await.map(Some)
        };
        opened.map_err(|source| {
            let host = bare_host(&self.settings).to_owned();
            DialError::Http { host, source }
        })
    }

    async fn open_http2(&self, io: NodeIo, birth: Arc<Birth>) -> hyper::Result<()> {
        let pulse = Arc::new(Pulse::new());
        let io = TokioIo::new(io.with_pulse(Arc::clone(&pulse)));
        let (sender, driver) = http2::Builder::new(self.base.tasks.clone())
            .timer(TokioTimer::new())
            .initial_stream_window_size(STREAM_WINDOW)
            .initial_connection_window_size(CONNECTION_WINDOW)
            .max_header_list_size(HEAD_BYTES_MAX)
            .keep_alive_interval(PING_AFTER)
            .keep_alive_timeout(PING_PATIENCE)
            .keep_alive_while_idle(true)
            .handshake(io)
            .await?;
        let driver = Arc::new(Mutex::new(Some(driver)));
        let asked = Arc::clone(&driver);
        let seats = Seats::new(move || {
            locked(&asked).as_ref().map_or(0, http2::Connection::current_max_send_streams)
        });
        drop(self.base.tasks.spawn(async move {
            let ended = poll_fn(|cx| match &mut *locked(&driver) {
                Some(driver) => Pin::new(driver).poll(cx),
                None => Poll::Ready(Ok(())),
            });
            // How it ended is told to every stream on it; nobody waits for the driver itself.
            drop(ended.await);
            // Only when it is gone do those who wait for it hear so.
            let gone = locked(&driver).take();
            drop(gone);
        }));
        self.way.pool.share(birth, pulse, sender, seats);
        Ok(())
    }

    /// Dials when fewer dials are under way than requests wait for.
    pub(in crate::upstream) fn dial_if_short(self: &Arc<Self>, at: SocketAddr, now: Instant) {
        let waiting = self.way.waiting.load(Ordering::Relaxed);
        let wanted = if self.may_share() { waiting.div_ceil(STREAMS_MAX) } else { waiting };
        let short = {
            let known = self.known();
            let is_up = known.iter().any(|known| known.at == at && !known.is_down());
            is_up && known.half_open() < wanted
        };
        if short {
            self.dial(at, now);
        }
    }

    /// True when a connection may turn out to carry many streams: always until a handshake says no.
    fn may_share(&self) -> bool {
        match self.settings.http {
            HttpVersion::Http1 => false,
            HttpVersion::Http2 => true,
            HttpVersion::Auto => self.tls.is_some() && self.way.pool.speaks_http2() != Some(false),
        }
    }
}

/// A dial under way; counted out however it ends.
struct UnderWay<'a> {
    node: &'a Node,
    at: SocketAddr,
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        if let Some(address) = self.node.known().get_mut(self.at) {
            address.half_open = address.half_open.saturating_sub(1);
        }
    }
}

/// A dial that is overdue and goes on; counted out however it ends.
struct Overdue<'a> {
    node: &'a Node,
    at: SocketAddr,
}

impl<'a> Overdue<'a> {
    fn begin(node: &'a Node, at: SocketAddr) -> Option<Self> {
        let mut known = node.known();
        let address = known.get_mut(at).filter(|address| address.overdue < OVERDUE_MAX)?;
        address.overdue += 1;
        drop(known);
        Some(Self { node, at })
    }
}

impl Drop for Overdue<'_> {
    fn drop(&mut self) {
        if let Some(address) = self.node.known().get_mut(self.at) {
            address.overdue = address.overdue.saturating_sub(1);
        }
    }
}

/// Held for one poll or one look, never over a wait.
fn locked<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn open_http1(io: NodeIo, birth: Arc<Birth>) -> hyper::Result<Box<Own>> {
    let io = TokioIo::new(io);
    let (sender, driver) =
        http1::Builder::new().read_buf_exact_size(Some(READ_BUFFER)).handshake(io).await?;
    Ok(Box::new(Own::new(birth, sender, driver)))
}
