//! A stream that is committed before its node has answered (`server.early_ping_ms`, off by default): the
//! 200 goes out with a `ping`, so that no hop in front gives up on the silence, and whatever goes
//! wrong after that travels as `event: error`.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{BufMut, Bytes, BytesMut};
use ferry_wire::sse::ping;
use http::{HeaderMap, HeaderValue, Response, header as http_header};
use tokio::time::Sleep;

use super::stream::Stream;
use super::{AnswerBody, Inner, own_headers, relay, unbuffered};
use crate::clock;
use crate::journey::attempt::{Landed, Shape};
use crate::journey::cache::Sought;
use crate::journey::deadline::before;
use crate::journey::passage::RequestId;
use crate::journey::refuse::{Refused, drained_event};

type Attempt = Pin<Box<dyn Future<Output = Result<Landed, Refused>> + Send>>;

/// When and how a stream may be committed early.
#[derive(Debug)]
pub(in crate::journey) struct Plan {
    after: Duration,
    every: Duration,
    headers: HeaderMap,
    request_id: RequestId,
}

/// The plan of a request that may be committed early; `None` when it may not.
pub(in crate::journey) fn plan(sought: &Sought) -> Option<Plan> {
    let passage = &sought.0.passage;
    let timeouts = &passage.snapshot.settings.timeouts;
    let after = timeouts.early_ping.filter(|_| passage.facts.stream)?;
    let mut headers = HeaderMap::new();
    let events = HeaderValue::from_static("text/event-stream; charset=utf-8");
    headers.insert(http_header::CONTENT_TYPE, events);
    unbuffered(&mut headers);
    own_headers(&mut headers, passage);
    Some(Plan { after, every: timeouts.ping, headers, request_id: passage.request_id })
}

/// Waits for the attempt, or commits the stream when it takes too long.
pub(in crate::journey) async fn early<F>(
    plan: Plan,
    attempt: F,
) -> Result<Response<AnswerBody>, Refused>
where
    F: Future<Output = Result<Landed, Refused>> + Send + 'static,
{
    let mut attempt: Attempt = Box::pin(attempt);
    if let Ok(landed) = before(clock::now() + plan.after, &mut attempt).await {
        return Ok(relay(landed?));
    }
    let timer = Box::pin(tokio::time::sleep(Duration::ZERO));
    let Plan { every, headers, request_id, .. } = plan;
    let waiting = Waiting { attempt, timer, every, request_id, closing: false };
    let mut response = Response::new(AnswerBody(Inner::Waiting(Box::new(waiting))));
    *response.headers_mut() = headers;
    Ok(response)
}

/// A committed stream whose node has not answered.
pub(super) struct Waiting {
    attempt: Attempt,
    timer: Pin<Box<Sleep>>,
    every: Duration,
    request_id: RequestId,
    /// The drain is over.
    closing: bool,
}

impl fmt::Debug for Waiting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Waiting").field("every", &self.every).finish_non_exhaustive()
    }
}

/// What comes of waiting.
pub(super) enum Waited {
    /// A ping is due.
    Ping(Bytes),
    /// The node's events have begun.
    Stream(Box<Stream>),
    /// The answer is an error: one event, and the end.
    Error(Bytes),
}

impl Waiting {
    /// The attempt has had its time.
    pub(super) fn close(&mut self) {
        self.closing = true;
    }

    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Waited> {
        match self.attempt.as_mut().poll(cx) {
            Poll::Ready(Ok(landed)) => return Poll::Ready(take(landed)),
            Poll::Ready(Err(refused)) => return Poll::Ready(Waited::Error(refused.event())),
            Poll::Pending if self.closing => {
                return Poll::Ready(Waited::Error(drained_event(self.request_id)));
            }
            Poll::Pending => {}
        }
        if self.timer.as_mut().poll(cx).is_pending() {
            return Poll::Pending;
        }
        let next = clock::now() + self.every;
        self.timer.as_mut().reset(next.into());
        // Polled once more for its waker's sake; it cannot ring yet.
        if self.timer.as_mut().poll(cx).is_ready() {
            cx.waker().wake_by_ref();
        }
        Poll::Ready(Waited::Ping(ping()))
    }
}

fn take(landed: Landed) -> Waited {
    let Landed { mut passage, parts, shape, .. } = landed;
    passage.facts.status = parts.status.as_u16();
    passage.facts.outcome = super::outcome(passage.facts.status);
    match shape {
        Shape::Stream { flight, observer, first } => {
            Waited::Stream(Box::new(Stream::new(passage, flight, observer, first)))
        }
        Shape::Whole { chunks, .. } => Waited::Error(as_event(&chunks)),
        Shape::Flow { first, .. } => Waited::Error(as_event(&first)),
    }
}

/// An upstream error's body as an event: the same JSON, a `data:` line for each of its lines.
fn as_event(chunks: &[Bytes]) -> Bytes {
    let body = chunks.concat();
    let mut event = BytesMut::with_capacity(body.len() + 64);
    event.put_slice(b"event: error\n");
    for line in body.split(|byte| *byte == b'\n') {
        event.put_slice(b"data: ");
        event.put_slice(line.strip_suffix(b"\r").unwrap_or(line));
        event.put_slice(b"\n");
    }
    event.put_slice(b"\n");
    event.freeze()
}
