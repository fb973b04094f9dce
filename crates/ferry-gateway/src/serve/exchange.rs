//! One connection's traffic, as its parts see it: requests in flight, and how long what has been waited for.
//!
//! The service marks calls and ends of answers, the guard marks bytes, the connection's watch reads the deadlines.
//! Nothing here touches a socket.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use http_body::{Body, Frame, SizeHint};

use super::accept::CutCount;
use super::streams::Stream;
use super::{Shutdown, Stage};
use crate::clock;

/// Shared by the guard, the service and the watch of one connection. All of them run in the connection's task for
/// HTTP/1; only HTTP/2 streams touch it from elsewhere, so relaxed order is enough for marks that guard no data.
#[derive(Debug)]
pub(super) struct Traffic {
    /// Zero of all the marks below.
    opened: Instant,
    shutdown: Shutdown,
    cut: Arc<CutCount>,
    /// The connection was cut, with all that was in flight.
    abandoned: AtomicBool,
    in_flight: AtomicU32,
    /// A call happened since the last flush that found nothing in flight.
    unflushed: AtomicBool,
    /// The last called exchange has its answer's head.
    answered: AtomicBool,
    /// HTTP/2 is spoken: heads are frames, and only the wait for a request is watched.
    http2: AtomicBool,
    /// The watch has found the head in progress too slow; the guard ends the connection.
    overdue: AtomicBool,
    /// When the first byte of a head came in while nothing was in flight.
    head: Mark,
    /// When the last exchange ended.
    idle: Mark,
    /// Since when the client has taken nothing although bytes wait.
    stalled: Mark,
}

/// A moment that may not have come: milliseconds after `opened`, plus one; zero is never.
#[derive(Debug, Default)]
pub(super) struct Mark(AtomicU64);

impl Mark {
    pub(super) fn set(&self, opened: Instant) {
        let since = clock::now().saturating_duration_since(opened).as_millis();
        self.0.store(u64::try_from(since).unwrap_or(u64::MAX - 1) + 1, Ordering::Relaxed);
    }

    pub(super) fn clear(&self) {
        self.0.store(0, Ordering::Relaxed);
    }

    pub(super) fn get(&self, opened: Instant) -> Option<Instant> {
        let mark = self.0.load(Ordering::Relaxed);
        (mark > 0).then(|| opened + Duration::from_millis(mark - 1))
    }

    fn is_set(&self) -> bool {
        self.0.load(Ordering::Relaxed) > 0
    }
}

/// What a connection waits for at the moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Waiting {
    /// The rest of a head (or the first one), since then.
    Head(Instant),
    /// The next request, since then.
    Request(Instant),
    /// The client, to take bytes, since then.
    Writing(Instant),
    /// The handler.
    Answer,
}

impl Traffic {
    pub(super) fn new(shutdown: Shutdown, cut: Arc<CutCount>) -> Self {
        Self {
            opened: clock::now(),
            shutdown,
            cut,
            abandoned: AtomicBool::new(false),
            in_flight: AtomicU32::new(0),
            unflushed: AtomicBool::new(false),
            answered: AtomicBool::new(false),
            http2: AtomicBool::new(false),
            overdue: AtomicBool::new(false),
            head: Mark::default(),
            idle: Mark::default(),
            stalled: Mark::default(),
        }
    }

    pub(super) fn in_flight(&self) -> u32 {
        self.in_flight.load(Ordering::Relaxed)
    }

    pub(super) fn waiting(&self) -> Waiting {
        if let Some(since) = self.stalled.get(self.opened) {
            return Waiting::Writing(since);
        }
        if self.in_flight() > 0 {
            return Waiting::Answer;
        }
        let idle = self.idle.get(self.opened);
        if self.http2.load(Ordering::Relaxed) {
            return Waiting::Request(idle.unwrap_or(self.opened));
        }
        match (self.head.get(self.opened), idle) {
            (Some(since), _) => Waiting::Head(since),
            (None, Some(since)) => Waiting::Request(since),
            // A connection that says nothing at all is held to the same bound as a slow head.
            (None, None) => Waiting::Head(self.opened),
        }
    }

    /// Bytes came in.
    pub(super) fn received(&self) {
        if self.in_flight() == 0 && !self.head.is_set() {
            self.head.set(self.opened);
        }
    }

    /// The client took bytes, or there are none.
    pub(super) fn sent(&self) {
        if self.stalled.is_set() {
            self.stalled.clear();
        }
    }

    /// Bytes wait and the client takes none.
    pub(super) fn stalled(&self) {
        if !self.stalled.is_set() {
            self.stalled.set(self.opened);
        }
    }

    /// Everything written so far has left.
    pub(super) fn flushed(&self) {
        if self.in_flight() == 0 {
            self.unflushed.store(false, Ordering::Relaxed);
        }
    }

    /// Nothing is in flight and no byte of an answer waits.
    pub(super) fn quiet(&self) -> bool {
        self.in_flight() == 0 && !self.unflushed.load(Ordering::Relaxed)
    }

    /// The exchange in flight has its answer's head.
    pub(super) fn answered(&self) -> bool {
        self.answered.load(Ordering::Relaxed)
    }

    /// The drain is over: what is in flight must come to an end.
    pub(super) fn closing(&self) -> bool {
        self.shutdown.stage() >= Stage::Closing
    }

    /// The connection is cut now: what is in flight counts as such, though its tasks may live a little longer.
    pub(super) fn abandon(&self) {
        self.abandoned.store(true, Ordering::Relaxed);
        self.cut.requests(self.in_flight() as usize);
    }

    /// The connection speaks HTTP/2.
    pub(super) fn set_http2(&self) {
        self.http2.store(true, Ordering::Relaxed);
    }

    /// The head in progress has had its time.
    pub(super) fn set_overdue(&self) {
        self.overdue.store(true, Ordering::Relaxed);
    }

    pub(super) fn overdue(&self) -> bool {
        self.overdue.load(Ordering::Relaxed)
    }
}

/// One request and its answer, from the call to the last byte handed over. Dropping it ends it.
#[derive(Debug)]
pub(super) struct Exchange(Arc<Traffic>);

impl Exchange {
    pub(super) fn begin(traffic: &Arc<Traffic>) -> Self {
        traffic.in_flight.fetch_add(1, Ordering::Relaxed);
        traffic.unflushed.store(true, Ordering::Relaxed);
        traffic.answered.store(false, Ordering::Relaxed);
        traffic.head.clear();
        Self(Arc::clone(traffic))
    }

    /// The head of the answer is known; the exchange goes on with its body, which is told once when the drain is over.
    pub(super) fn answer<B>(self, body: B, last_words: fn(Pin<&mut B>)) -> Answer<B> {
        self.0.answered.store(true, Ordering::Relaxed);
        let last_words = Some(last_words);
        Answer { body, last_words, stream: Stream::current(), exchange: self }
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        let traffic = &self.0;
        // The mark comes first: whoever sees nothing in flight must see since when.
        traffic.idle.set(traffic.opened);
        if traffic.closing() && !traffic.abandoned.load(Ordering::Relaxed) {
            traffic.cut.requests(1);
        }
        traffic.in_flight.fetch_sub(1, Ordering::Release);
    }
}

pin_project_lite::pin_project! {
    /// An answer's body that ends its exchange when it is dropped.
    #[derive(Debug)]
    pub(super) struct Answer<B> {
        #[pin]
        body: B,
        // Taken when the body has been told.
        last_words: Option<fn(Pin<&mut B>)>,
        // Present on HTTP/2.
        stream: Option<Arc<Stream>>,
        exchange: Exchange,
    }
}

impl<B: Body> Body for Answer<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        let mut this = self.project();
        if this.exchange.0.closing()
            && let Some(last_words) = this.last_words.take()
        {
            last_words(this.body.as_mut());
        }
        let Some(stream) = this.stream else { return this.body.poll_frame(context) };
        stream.asked();
        let frame = this.body.poll_frame(context);
        if matches!(frame, Poll::Ready(Some(Ok(_)))) {
            stream.gave();
        }
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
