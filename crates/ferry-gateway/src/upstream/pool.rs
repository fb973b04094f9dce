//! The connections of one node that can take a request: kept-alive HTTP/1.1 sockets, newest first, and
//! shared HTTP/2 connections with the streams on each counted. Opens nothing, and never waits for I/O.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use hyper::client::conn::http2;

use super::connection::{Birth, Connection, Own, Stream};
use super::outgoing::Outgoing;
use super::pulse::Pulse;
use crate::clock;

/// Streams on one HTTP/2 connection. A lost packet holds up all of them and a connection that dies takes
/// all of them along, so they are few. A node grants at least 100 (RFC 9113 section 6.5.2), and hyper takes
/// 100 for granted before it is told: the rest is room for streams whose seat is free already while their
/// `RST_STREAM` is still on its way.
pub(super) const STREAMS_MAX: usize = 32;

/// A connection that is closed before it is this old, and before a request was written, was not meant to be:
/// something on the way accepts and hangs up.
const STILLBORN: Duration = Duration::from_secs(1);

/// With so many streams on each connection another one is opened beside them: under 5 % loss four streams
/// on one wait a fifth as long as thirty-two do (docs/http-versions.md).
const CROWDED: usize = 4;
/// Shared connections up to which that is so; then they fill up to [`STREAMS_MAX`].
const SHARED_MAX: usize = 16;
/// Waiting for a request for so long, a connection counts as kept: taken at once, it is new.
const KEPT_MIN: Duration = Duration::from_millis(100);

/// A node's connections; shared by the settings before and after a reload that leave the way as it is.
#[derive(Default)]
pub(super) struct Pool {
    places: Mutex<Places>,
    opened: AtomicU64,
}

#[derive(Default)]
struct Places {
    idle: VecDeque<(Instant, Box<Own>)>,
    shared: Vec<Shared>,
    /// What the last handshake agreed on.
    speaks_http2: Option<bool>,
}

struct Shared {
    birth: Arc<Birth>,
    pulse: Arc<Pulse>,
    sender: http2::SendRequest<Outgoing>,
    seats: Arc<Seats>,
}

impl std::fmt::Debug for Pool {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let places = self.places();
        f.debug_struct("Pool")
            .field("idle", &places.idle.len())
            .field("shared", &places.shared.len())
            .finish_non_exhaustive()
    }
}

impl Pool {
    /// A connection that takes a request now: a shared one with a free seat, else the newest idle one.
    /// `born_after` asks for one that was opened no earlier. `stillborn` is told of one that was closed right
    /// after it had been opened.
    pub(super) fn take(
        &self,
        idle_timeout: Duration,
        born_after: Option<Instant>,
        mut stillborn: impl FnMut(&Birth),
    ) -> Option<Connection> {
        let now = clock::now();
        let new_enough = |birth: &Birth| born_after.is_none_or(|after| birth.born >= after);
        loop {
            let (since, mut own) = {
                let mut places = self.places();
                places.shared.retain(|shared| shared.takes_more(now));
                // The emptiest: streams of one connection share its one congestion window, and a lost packet
                // holds up all of them.
                let able = places.shared.iter().filter(|shared| new_enough(&shared.birth));
                let able = able.filter(|shared| !shared.pulse.is_quiet(now));
                let emptiest = able.min_by_key(|shared| shared.seats.streams());
                if let Some(stream) = emptiest.and_then(Shared::stream) {
                    return Some(Connection::Http2(stream));
                }
                let newest = places.idle.iter().rposition(|(_, own)| new_enough(&own.birth))?;
                places.idle.remove(newest)?
            };
            let young = now < own.birth.retires;
            let idle = now.saturating_duration_since(since);
            if young && idle < idle_timeout && own.is_usable() {
                // One that was kept ready may have died unseen just like one that has been used.
                own.reused |= idle >= KEPT_MIN;
                return Some(Connection::Http1(own));
            }
            if !own.reused && now.saturating_duration_since(own.birth.born) < STILLBORN {
                stillborn(&own.birth);
            }
        }
    }

    /// Shares a new connection.
    pub(super) fn share(
        &self,
        birth: Arc<Birth>,
        pulse: Arc<Pulse>,
        sender: http2::SendRequest<Outgoing>,
        seats: Arc<Seats>,
    ) {
        self.places().shared.push(Shared { birth, pulse, sender, seats });
    }

    /// Keeps an HTTP/1.1 connection for the next request; beyond `idle_max` the oldest is closed.
    pub(super) fn keep(&self, own: Box<Own>, idle_max: usize) {
        let mut places = self.places();
        if places.idle.len() >= idle_max {
            places.idle.pop_front();
        }
        places.idle.push_back((clock::now(), own));
    }

    /// Closes what has been idle too long or was closed by the node.
    pub(super) fn sweep(&self, now: Instant, idle_timeout: Duration) {
        let fresh = |since| now.saturating_duration_since(since) < idle_timeout;
        let mut places = self.places();
        places
            .idle
            .retain_mut(|(since, own)| fresh(*since) && now < own.birth.retires && own.is_usable());
        places
            .shared
            .retain(|shared| shared.takes_more(now) && shared.seats.idle_since().is_none_or(fresh));
    }

    /// Closes the idle HTTP/1.1 connections to one address, or all of them. Shared connections that are
    /// to blame leave by themselves.
    pub(super) fn forget_idle(&self, address: Option<SocketAddr>) {
        let gone = |own: &Own| address.is_none_or(|address| own.birth.address == address);
        self.places().idle.retain(|(_, own)| !gone(own));
    }

    /// True when every shared connection is so full that another would serve its streams better.
    pub(super) fn is_crowded(&self) -> bool {
        let places = self.places();
        places.shared.len() < SHARED_MAX
            && places.shared.iter().all(|shared| shared.seats.streams() >= CROWDED)
    }

    /// Connections that would take a request now.
    pub(super) fn ready(&self) -> usize {
        let now = clock::now();
        let places = self.places();
        let shared = places.shared.iter().filter(|shared| shared.takes_more(now)).count();
        places.idle.len() + shared
    }

    /// Idle HTTP/1.1 connections, shared HTTP/2 connections, and how many were ever opened.
    pub(super) fn counts(&self) -> (usize, usize, u64) {
        let places = self.places();
        (places.idle.len(), places.shared.len(), self.opened.load(Ordering::Relaxed))
    }

    /// Notes a dial that succeeded, and what was agreed on.
    pub(super) fn opened(&self, http2: bool) {
        self.opened.fetch_add(1, Ordering::Relaxed);
        self.places().speaks_http2 = Some(http2);
    }

    /// What the last handshake agreed on; `None` before the first.
    pub(super) fn speaks_http2(&self) -> Option<bool> {
        self.places().speaks_http2
    }

    fn places(&self) -> MutexGuard<'_, Places> {
        self.places.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Shared {
    /// False once it is closed, too old or to blame: those who are on it stay until their end.
    fn takes_more(&self, now: Instant) -> bool {
        !self.sender.is_closed() && now < self.birth.retires && !self.birth.is_blamed()
    }

    fn stream(&self) -> Option<Stream> {
        let seat = Seats::take(&self.seats)?;
        Some(Stream { birth: Arc::clone(&self.birth), sender: self.sender.clone(), seat })
    }
}

/// The streams of one shared connection.
pub(super) struct Seats {
    taken: Mutex<Taken>,
    /// Says how many streams the node allows at once.
    granted: Box<dyn Fn() -> usize + Send + Sync>,
}

impl std::fmt::Debug for Seats {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Seats").field("taken", &self.taken).finish_non_exhaustive()
    }
}

#[derive(Debug)]
struct Taken {
    streams: usize,
    /// When the last stream ended.
    free_since: Instant,
}

impl Seats {
    /// `granted` is asked whenever a seat is: a node's SETTINGS wake nobody but hyper.
    pub(super) fn new(granted: impl Fn() -> usize + Send + Sync + 'static) -> Arc<Self> {
        let taken = Mutex::new(Taken { streams: 0, free_since: clock::now() });
        Arc::new(Self { taken, granted: Box::new(granted) })
    }

    /// A seat, when one is free.
    pub(super) fn take(seats: &Arc<Self>) -> Option<Seat> {
        let room = STREAMS_MAX.min((seats.granted)());
        let mut taken = seats.taken();
        if taken.streams >= room {
            return None;
        }
        taken.streams += 1;
        drop(taken);
        Some(Seat(Arc::clone(seats)))
    }

    fn streams(&self) -> usize {
        self.taken().streams
    }

    fn idle_since(&self) -> Option<Instant> {
        let taken = self.taken();
        (taken.streams == 0).then_some(taken.free_since)
    }

    fn taken(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A stream's seat on its connection; dropped, it is free.
#[derive(Debug)]
pub(super) struct Seat(Arc<Seats>);

impl Drop for Seat {
    fn drop(&mut self) {
        let now = clock::now();
        let mut taken = self.0.taken();
        taken.streams = taken.streams.saturating_sub(1);
        taken.free_since = now;
    }
}
