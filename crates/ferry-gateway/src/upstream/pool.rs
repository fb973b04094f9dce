//! The connections of one node that can take a request: kept-alive HTTP/1.1 sockets, newest first, and
//! shared HTTP/2 connections with the streams on each counted. Opens nothing, and never waits for I/O.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use hyper::client::conn::http2;

use super::connection::{Connection, Own, Stream};
use super::dial::DialError;
use super::lookup::Lookup;
use super::outgoing::Outgoing;
use crate::clock;
use crate::tasks::Tasks;

/// Streams on one HTTP/2 connection. A node grants at least 100 (RFC 9113 section 6.5.2), and hyper takes
/// 100 for granted before it is told. The rest is room for streams whose seat is free already while their
/// `RST_STREAM` is still on its way; a stream beyond the node's number would wait in a queue and see
/// nothing of its deadline. And a connection that dies takes no more than this many answers along.
pub(super) const STREAMS_MAX: usize = 64;

/// A node's connections; shared by the settings before and after a reload that leave the way as it is.
pub(super) struct Pool {
    places: Mutex<Places>,
    opened: AtomicU64,
    /// Dials that failed while others may have waited for them.
    failed: AtomicU64,
    /// Held by the one dial whose connection the others will share.
    turn: tokio::sync::Mutex<Turn>,
    pub(super) lookup: Lookup,
}

#[derive(Default)]
struct Places {
    idle: VecDeque<(Instant, Box<Own>)>,
    shared: Vec<Shared>,
    /// What the last handshake agreed on.
    speaks_http2: Option<bool>,
}

struct Shared {
    sender: http2::SendRequest<Outgoing>,
    seats: Arc<Seats>,
}

/// How the last dial in turn ended.
#[derive(Default)]
pub(super) struct Turn {
    failed: Option<Arc<DialError>>,
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
    pub(super) fn new(tasks: &Tasks) -> Self {
        Self {
            places: Mutex::default(),
            opened: AtomicU64::new(0),
            failed: AtomicU64::new(0),
            turn: tokio::sync::Mutex::default(),
            lookup: Lookup::new(tasks),
        }
    }

    /// A connection that takes a request now: a shared one with a free seat, else the newest idle one.
    pub(super) fn take(&self, idle_timeout: Duration) -> Option<Connection> {
        let now = clock::now();
        loop {
            let (since, mut own) = {
                let mut places = self.places();
                places.shared.retain(|shared| !shared.sender.is_closed());
                // The first with room, so that the connections of a busy hour fall idle and are closed.
                if let Some(stream) = places.shared.iter().find_map(Shared::stream) {
                    return Some(Connection::Http2(stream));
                }
                places.idle.pop_back()?
            };
            if now.saturating_duration_since(since) < idle_timeout && own.is_usable() {
                return Some(Connection::Http1(own));
            }
        }
    }

    /// Shares a new connection; gives its first stream. `seats` is what its driver keeps up to date.
    pub(super) fn share(
        &self,
        sender: http2::SendRequest<Outgoing>,
        seats: Arc<Seats>,
    ) -> Connection {
        let stream = Stream { sender: sender.clone(), seat: Seats::sit(&seats) };
        self.places().shared.push(Shared { sender, seats });
        Connection::Http2(stream)
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
        places.idle.retain_mut(|(since, own)| fresh(*since) && own.is_usable());
        places.shared.retain(|shared| {
            !shared.sender.is_closed() && shared.seats.idle_since().is_none_or(fresh)
        });
    }

    /// Closes every idle HTTP/1.1 connection.
    pub(super) fn forget_idle(&self) {
        self.places().idle.clear();
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

    /// Waits for the turn to dial.
    ///
    /// # Errors
    /// The dial that was waited for failed: another at once would fail the same way, and a queue of
    /// dials that each use up their deadline would never end.
    pub(super) async fn turn(&self) -> Result<tokio::sync::MutexGuard<'_, Turn>, DialError> {
        let before = self.failed.load(Ordering::Acquire);
        let turn = self.turn.lock().await;
        match &turn.failed {
            Some(error) if self.failed.load(Ordering::Acquire) != before => {
                Err(DialError::Joined(Arc::clone(error)))
            }
            Some(_) | None => Ok(turn),
        }
    }

    /// Tells those who wait for the turn how the dial ended.
    pub(super) fn end_turn(
        &self,
        turn: &mut Turn,
        dialled: Result<Connection, DialError>,
    ) -> Result<Connection, DialError> {
        dialled.inspect(|_opened| turn.failed = None).map_err(|error| {
            let error = Arc::new(error);
            turn.failed = Some(Arc::clone(&error));
            self.failed.fetch_add(1, Ordering::Release);
            DialError::Joined(error)
        })
    }

    fn places(&self) -> MutexGuard<'_, Places> {
        self.places.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Shared {
    fn stream(&self) -> Option<Stream> {
        let seat = Seats::take(&self.seats)?;
        Some(Stream { sender: self.sender.clone(), seat })
    }
}

/// The streams of one shared connection.
#[derive(Debug)]
pub(super) struct Seats {
    taken: Mutex<Taken>,
    /// Streams that the node allows at once.
    granted: AtomicUsize,
}

#[derive(Debug)]
struct Taken {
    streams: usize,
    /// When the last stream ended.
    free_since: Instant,
}

impl Seats {
    pub(super) fn new() -> Arc<Self> {
        let taken = Mutex::new(Taken { streams: 0, free_since: clock::now() });
        Arc::new(Self { taken, granted: AtomicUsize::new(STREAMS_MAX) })
    }

    /// Sets how many streams the node allows, as its SETTINGS say.
    pub(super) fn grant(&self, streams: usize) {
        self.granted.store(streams, Ordering::Relaxed);
    }

    /// A seat, when one is free.
    pub(super) fn take(seats: &Arc<Self>) -> Option<Seat> {
        let room = STREAMS_MAX.min(seats.granted.load(Ordering::Relaxed));
        let mut taken = seats.taken();
        if taken.streams >= room {
            return None;
        }
        taken.streams += 1;
        drop(taken);
        Some(Seat(Arc::clone(seats)))
    }

    /// The seat of whoever opened the connection: there is always one.
    fn sit(seats: &Arc<Self>) -> Seat {
        seats.taken().streams += 1;
        Seat(Arc::clone(seats))
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
