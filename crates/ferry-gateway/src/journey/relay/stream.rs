//! A stream of events to the client: all complete events of one read leave in one write, silence is
//! filled with `ping`, and a stream that ends without `message_stop` ends in `event: error`.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Instant;

use bytes::{Bytes, BytesMut};
use ferry_wire::error::{ApiErrorKind, Before, sse_error};
use ferry_wire::path::Family;
use ferry_wire::sse::{Observer, ping};
use tokio::time::Sleep;

use super::tell_attempt;
use crate::clock;
use crate::journey::answer::Texts;
use crate::journey::flight::Flight;
use crate::journey::passage::Passage;
use crate::telemetry::{AttemptResult, Outcome};
use crate::upstream::PathFault;

/// Events gathered into one write; more would only grow the buffer of a client that reads slowly.
const WRITE_BYTES_MAX: usize = 64 * 1024;

/// A stream under way.
#[derive(Debug)]
pub(super) struct Stream {
    passage: Option<Box<Passage>>,
    flight: Option<Flight>,
    observer: Box<Observer>,
    /// What the texts of the events go through, if anything.
    texts: Option<Box<Texts>>,
    /// Events that may go out, in order.
    ready: Vec<Bytes>,
    ready_len: usize,
    /// The last read from the node, and the last write to the client.
    heard: Instant,
    spoke: Instant,
    total: Instant,
    /// Rings when something may be due; what, is looked up then, so that an event costs no timer.
    timer: Pin<Box<Sleep>>,
    /// The drain is over.
    closing: bool,
}

/// Why a stream is over.
enum Over {
    /// The node ended it.
    Ended,
    /// The connection broke.
    Broken,
    /// Silent for too long.
    Silent,
    /// Longer than a stream may last.
    Total,
    /// Ferry is stopping.
    Drained,
}

impl Over {
    /// What of it is the path's doing.
    fn fault(&self) -> Option<PathFault> {
        match self {
            Self::Ended | Self::Broken => Some(PathFault::Cut),
            Self::Silent => Some(PathFault::Silent),
            Self::Total | Self::Drained => None,
        }
    }
}

impl Stream {
    pub(super) fn new(
        mut passage: Box<Passage>,
        flight: Flight,
        observer: Box<Observer>,
        first: Vec<Bytes>,
    ) -> Self {
        let now = clock::now();
        let total = passage.total_deadline();
        note_first(&mut passage, &observer, now);
        let timeouts = &passage.snapshot.settings.timeouts;
        let due = (now + timeouts.ping.min(timeouts.event_gap)).min(total);
        let mut texts = Texts::of(&passage);
        let mut ready = first;
        pass(texts.as_deref_mut(), &mut ready, 0);
        Self {
            ready_len: ready.iter().map(Bytes::len).sum(),
            passage: Some(passage),
            flight: Some(flight),
            observer,
            texts,
            ready,
            heard: now,
            spoke: now,
            total,
            timer: Box::pin(tokio::time::sleep_until(due.into())),
            closing: false,
        }
    }

    /// The next bytes are the last.
    pub(super) fn close(&mut self) {
        self.closing = true;
    }

    /// The next bytes for the client; `None` after the last.
    pub(super) fn poll_events(&mut self, cx: &mut Context<'_>) -> Poll<Option<Bytes>> {
        if let Some(over) = self.gather(cx) {
            return Poll::Ready(self.end(&over));
        }
        if self.closing && self.flight.is_some() {
            return Poll::Ready(self.end(&Over::Drained));
        }
        if self.flight.is_none() && self.ready.is_empty() {
            return Poll::Ready(None);
        }
        if !self.ready.is_empty() {
            return Poll::Ready(Some(self.write()));
        }
        while Future::poll(self.timer.as_mut(), cx).is_ready() {
            match self.due(clock::now()) {
                Due::Later(at) => self.timer.as_mut().reset(at.into()),
                Due::Ping => {
                    self.spoke = clock::now();
                    return Poll::Ready(Some(ping()));
                }
                Due::Over(over) => return Poll::Ready(self.end(&over)),
            }
        }
        Poll::Pending
    }

    /// Reads what the node has sent, until it has sent no more or a write is full.
    fn gather(&mut self, cx: &mut Context<'_>) -> Option<Over> {
        let flight = self.flight.as_mut()?;
        let mut heard = false;
        let over = loop {
            if self.ready_len >= WRITE_BYTES_MAX {
                break None;
            }
            match flight.poll_data(cx) {
                Poll::Pending => break None,
                Poll::Ready(Some(Ok(chunk))) => {
                    heard = true;
                    let before = self.ready.len();
                    self.observer.push(chunk, &mut self.ready);
                    pass(self.texts.as_deref_mut(), &mut self.ready, before);
                    self.ready_len += self.ready[before..].iter().map(Bytes::len).sum::<usize>();
                }
                Poll::Ready(Some(Err(_))) => break Some(Over::Broken),
                Poll::Ready(None) => break Some(Over::Ended),
            }
        };
        if heard {
            self.heard = clock::now();
            if let Some(passage) = &mut self.passage {
                note_first(passage, &self.observer, self.heard);
            }
        }
        over
    }

    /// Everything that is ready, in one piece. A single chunk is handed on as it is.
    fn write(&mut self) -> Bytes {
        self.spoke = clock::now();
        let bytes = if self.ready.len() == 1 {
            self.ready.pop().unwrap_or_default()
        } else {
            let mut joined = BytesMut::with_capacity(self.ready_len);
            self.ready.drain(..).for_each(|chunk| joined.extend_from_slice(&chunk));
            joined.freeze()
        };
        self.ready_len = 0;
        if let Some(passage) = &mut self.passage {
            passage.facts.bytes_out += bytes.len() as u64;
        }
        bytes
    }

    /// Whether the client has part of an event.
    fn mid_event(&self) -> bool {
        // What makes whole events of what the observer lets go in pieces knows it better.
        let texts = self.texts.as_ref().and_then(|texts| texts.mid_event());
        texts.unwrap_or_else(|| self.observer.mid_event())
    }

    fn due(&self, now: Instant) -> Due {
        let Some(passage) = &self.passage else { return Due::Later(now) };
        let timeouts = &passage.snapshot.settings.timeouts;
        // A session's stream is silent until something happens: only its path can end it.
        let patient = ends_anywhere(passage.family);
        let silent_at = if patient { now + timeouts.ping } else { self.heard + timeouts.event_gap };
        let total = if patient { silent_at } else { self.total };
        let ping_at = self.spoke + timeouts.ping;
        if now >= total {
            Due::Over(Over::Total)
        } else if now >= silent_at {
            Due::Over(Over::Silent)
        } else if now >= ping_at && !self.mid_event() {
            Due::Ping
        } else if now >= ping_at {
            // Inside an event nothing may be put; it may have ended by the next look.
            Due::Later((now + timeouts.ping).min(silent_at).min(self.total))
        } else {
            Due::Later(ping_at.min(silent_at).min(total))
        }
    }

    /// The last bytes: what is ready, and an error event unless the stream had its clean end.
    fn end(&mut self, over: &Over) -> Option<Bytes> {
        let mut flight = self.flight.take();
        let mut passage = self.passage.take()?;
        let ended = matches!(over, Over::Ended);
        let failed = self.observer.facts().error.is_some();
        let clean =
            self.observer.facts().stopped || failed || (ended && ends_anywhere(passage.family));
        if clean && ended {
            // A last event without its blank line is the node's own way to end.
            let before = self.ready.len();
            self.ready.extend(self.observer.take_tail());
            pass(self.texts.as_deref_mut(), &mut self.ready, before);
        }
        if let Some(texts) = &mut self.texts {
            texts.end(clean && ended, &mut self.ready, &passage);
        }
        let facts = self.observer.facts();
        passage.facts.usage = facts.usage;
        if facts.model.is_some() {
            passage.facts.model.clone_from(&facts.model);
        }
        self.ready_len = self.ready.iter().map(Bytes::len).sum();
        if clean {
            if let Some(flight) = &mut flight {
                flight.held();
            }
            passage.facts.outcome = if failed { Outcome::UpstreamError } else { Outcome::Ok };
            tell_attempt(&passage, AttemptResult::Ok);
        } else {
            if let (Some(mut flight), Some(fault)) = (flight, over.fault()) {
                flight.failed(fault);
            }
            let event = self.cut(&mut passage, over);
            self.ready_len += event.len();
            self.ready.push(event);
        }
        let last = if self.ready.is_empty() { None } else { Some(self.write()) };
        passage.facts.bytes_out += last.as_ref().map_or(0, |bytes| bytes.len() as u64);
        last
    }

    fn cut(&self, passage: &mut Passage, over: &Over) -> Bytes {
        let (kind, code, what) = match over {
            Over::Ended => (
                ApiErrorKind::Api,
                "stream-cut",
                "the node ended the stream before message_stop: the answer is not whole; send the \
                 request again",
            ),
            Over::Broken => (
                ApiErrorKind::Api,
                "stream-cut",
                "the connection to the node broke before message_stop: the answer is not whole; send \
                 the request again",
            ),
            Over::Silent => (
                ApiErrorKind::Timeout,
                "stream-silent",
                "the node sent nothing for timeouts.event_gap_ms: the answer is not whole; send the \
                 request again",
            ),
            Over::Total => (
                ApiErrorKind::Timeout,
                "stream-total",
                "the stream lasted longer than timeouts.stream_total_ms: the answer is not whole",
            ),
            Over::Drained => (
                ApiErrorKind::Api,
                "drain-over",
                "Ferry is stopping and the time for running requests (server.drain_ms) is over: the \
                 answer is not whole; send the request again",
            ),
        };
        passage.facts.outcome = Outcome::Cut;
        passage.facts.code = Some(code);
        passage.facts.usage_is_lower_bound = true;
        // That Ferry stops is not the node's doing.
        let drained = matches!(over, Over::Drained);
        let result = if drained { AttemptResult::Cancelled } else { AttemptResult::Cut };
        tell_attempt(passage, result);
        let before = if self.mid_event() { Before::PartialEvent } else { Before::Boundary };
        sse_error(kind, what, code, passage.request_id.as_str(), before)
    }
}

/// Takes the texts of what has been ready since `from` through what they go through.
fn pass(texts: Option<&mut Texts>, ready: &mut Vec<Bytes>, from: usize) {
    if let Some(texts) = texts {
        texts.pass(ready, from);
    }
}

/// A session's stream has no last event of its own.
fn ends_anywhere(family: Family) -> bool {
    !matches!(family, Family::Messages | Family::Complete)
}

/// A client that left: what was seen of the usage is a lower bound of what is billed.
impl Drop for Stream {
    fn drop(&mut self) {
        if let Some(passage) = &mut self.passage {
            let facts = self.observer.facts();
            passage.facts.usage = facts.usage;
            passage.facts.usage_is_lower_bound = !facts.stopped;
            passage.facts.outcome = if facts.stopped { Outcome::Ok } else { Outcome::HangUp };
            let result = if facts.stopped { AttemptResult::Ok } else { AttemptResult::Cancelled };
            tell_attempt(passage, result);
            if let Some(texts) = &self.texts {
                texts.tell(passage);
            }
        }
    }
}

/// What may be due when the timer rings.
enum Due {
    Later(Instant),
    Ping,
    Over(Over),
}

fn note_first(passage: &mut Passage, observer: &Observer, now: Instant) {
    if passage.facts.first_event.is_none() && observer.facts().content_events > 0 {
        passage.facts.first_event = Some(now);
    }
}
