//! The body of an answer: either bytes that are ready, or steps played one after the other: data, waits, breaks.
//! It knows no events and no faults by name; whoever wrote the steps does.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use hyper::body::{Body, Frame, SizeHint};
use memchr::memmem;
use thiserror::Error;
use tokio::time::Sleep;

use crate::clock;
use crate::conn::Conn;
use crate::fault::Break;
use crate::ledger::Generation;

/// Stands in a delta where the time of sending belongs; 20 digits hold any `u64`.
pub(crate) const STAMP: &str = "~t00000000000000000000;";

/// One step of an answer.
#[derive(Debug)]
pub(crate) enum Step {
    /// Bytes, and how many output tokens they carry.
    Data(Bytes, u32),
    /// Silence, after what came before has been written out.
    Wait(Duration),
    /// What came before is written out before the next step.
    Flush,
    /// Silence for ever.
    Hang,
    /// The end of the connection.
    Kill(Break),
    /// The end of the connection inside the chunk that holds these bytes.
    KillInside(Bytes),
    /// `RST_STREAM` with this code.
    ResetStream(u32),
}

/// Why a body ended early on purpose.
#[derive(Debug, Error)]
#[error("play the answer to its end: a fault stopped it")]
pub(crate) struct Stopped(#[source] h2::Error);

impl Stopped {
    /// Makes hyper send `RST_STREAM` with this code; over HTTP/1.1 the connection closes.
    pub(crate) fn with(code: u32) -> Self {
        Self(h2::Error::from(h2::Reason::from(code)))
    }
}

/// Where the steps come from.
pub(crate) type Steps = Box<dyn Iterator<Item = Step> + Send>;

/// The body that hyper polls.
pub(crate) struct MockBody {
    source: Source,
    /// Counts a generation as finished or aborted when this body goes.
    generation: Option<Generation>,
}

enum Source {
    Ready(Bytes),
    Played { steps: Steps, state: State, sleep: Option<Pin<Box<Sleep>>>, conn: Arc<Conn> },
    Done,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Playing,
    /// Pending once, so that hyper writes out what it holds.
    Flushed,
    Hanging,
}

impl fmt::Debug for MockBody {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("MockBody").finish_non_exhaustive()
    }
}

impl MockBody {
    /// A body that is ready.
    pub(crate) fn ready(bytes: Bytes) -> Self {
        let source = if bytes.is_empty() { Source::Done } else { Source::Ready(bytes) };
        Self { source, generation: None }
    }

    /// A body that is played.
    pub(crate) fn played(steps: Steps, conn: Arc<Conn>) -> Self {
        let source = Source::Played { steps, state: State::Playing, sleep: None, conn };
        Self { source, generation: None }
    }

    /// Ties a generation to this body.
    pub(crate) fn with_generation(mut self, generation: Option<Generation>) -> Self {
        self.generation = generation;
        if matches!(self.source, Source::Done) {
            self.finish();
        }
        self
    }

    fn finish(&mut self) {
        self.source = Source::Done;
        if let Some(generation) = self.generation.take() {
            generation.finish();
        }
    }

    fn sent(&self, tokens: u32) {
        if tokens > 0
            && let Some(generation) = &self.generation
        {
            generation.tokens(tokens);
        }
    }

    fn cut(&mut self) {
        if let Some(generation) = self.generation.take() {
            generation.cut();
        }
    }
}

impl Body for MockBody {
    type Data = Bytes;
    type Error = Stopped;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Stopped>>> {
        let this = &mut *self;
        let (steps, state, sleep, conn) = match &mut this.source {
            Source::Done => return Poll::Ready(None),
            Source::Ready(bytes) => {
                let bytes = std::mem::take(bytes);
                this.sent(u32::MAX);
                this.finish();
                return Poll::Ready(Some(Ok(Frame::data(bytes))));
            }
            Source::Played { steps, state, sleep, conn } => (steps, state, sleep, conn),
        };
        if *state == State::Hanging {
            return Poll::Pending;
        }
        if let Some(timer) = sleep {
            std::task::ready!(timer.as_mut().poll(context));
            *sleep = None;
        }
        *state = State::Playing;
        match steps.next() {
            None => {
                this.finish();
                Poll::Ready(None)
            }
            Some(Step::Data(bytes, tokens)) => {
                let bytes = stamped(bytes);
                this.sent(tokens);
                Poll::Ready(Some(Ok(Frame::data(bytes))))
            }
            Some(Step::Wait(time)) => {
                let mut timer = Box::pin(tokio::time::sleep_until(clock::now() + time));
                if timer.as_mut().poll(context).is_ready() {
                    context.waker().wake_by_ref();
                }
                *sleep = Some(timer);
                Poll::Pending
            }
            Some(Step::Flush) => {
                *state = State::Flushed;
                context.waker().wake_by_ref();
                Poll::Pending
            }
            Some(Step::Hang) => {
                *state = State::Hanging;
                Poll::Pending
            }
            Some(Step::Kill(how)) => {
                conn.kill(how);
                *state = State::Hanging;
                this.cut();
                Poll::Pending
            }
            Some(Step::KillInside(bytes)) => {
                // Chunk head ("1f4\r\n") and half of the data; the step before flushed all else.
                let digits = format!("{:x}", bytes.len()).len();
                conn.limit(u64::try_from(digits + 2 + bytes.len() / 2).unwrap_or(0));
                *state = State::Hanging;
                this.cut();
                Poll::Ready(Some(Ok(Frame::data(bytes))))
            }
            Some(Step::ResetStream(code)) => {
                this.cut();
                this.source = Source::Done;
                Poll::Ready(Some(Err(Stopped::with(code))))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        matches!(self.source, Source::Done)
    }

    fn size_hint(&self) -> SizeHint {
        match &self.source {
            Source::Ready(bytes) => SizeHint::with_exact(u64::try_from(bytes.len()).unwrap_or(0)),
            Source::Played { .. } => SizeHint::default(),
            Source::Done => SizeHint::with_exact(0),
        }
    }
}

/// Writes the time of sending over a stamp, if there is one.
fn stamped(bytes: Bytes) -> Bytes {
    // Short of a full search: stamps stand only in deltas that were asked to have one.
    let Some(at) = memmem::find(&bytes, STAMP.as_bytes()) else { return bytes };
    let now = format!("~t{:020};", clock::monotonic_ns());
    let mut copy = BytesMut::from(&bytes[..]);
    if let Some(place) = copy.get_mut(at..at + now.len()) {
        place.copy_from_slice(now.as_bytes());
    }
    copy.freeze()
}
