//! Room `relay`: the answer to the client. Events pass as they came and are only observed; a stream that
//! breaks ends in `event: error`, a download that breaks aborts the connection. The answer owns its
//! passage, so permit and settlement follow the last byte and not the head.
//! Decisions: `ferry_rules::{diagnosis, should_retry}`.

mod early;
mod flow;
mod stream;

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use ferry_rules::diagnosis::{Diagnosis, Evidence, explain};
use ferry_rules::key::KeyState;
use ferry_rules::should_retry::{ErrorAnswer, should_retry};
use ferry_wire::{error, header};
use http::response::Parts;
use http::{HeaderMap, HeaderValue, Response, header as http_header};
use http_body::{Body, Frame, SizeHint};

use self::early::{Waited, Waiting};
pub(super) use self::early::{early, plan};
use self::flow::Flow;
use self::stream::Stream;
use super::attempt::{Landed, Shape};
use super::identify::Caller;
use super::passage::{HeldBytes, Passage};
use crate::telemetry::{AttemptResult, Outcome};

/// The body of every answer that Ferry gives. Dropped before its end, it cancels what feeds it.
#[derive(Debug)]
pub struct AnswerBody(Inner);

#[derive(Debug)]
enum Inner {
    /// All of it is here.
    Whole(Box<Whole>),
    /// Events.
    Stream(Box<Stream>),
    /// Bytes that flow.
    Flow(Box<Flow>),
    /// Committed, and waiting for its node.
    Waiting(Box<Waiting>),
    /// Over.
    Done,
}

/// The answer broke off: the connection is aborted, so that no client takes it for whole.
#[derive(Debug, thiserror::Error)]
#[error("carry the answer to its end: the node broke off")]
pub struct Broken;

/// A whole answer leaves in slices of this size, so that permit and memory are held until nearly all of
/// it has been taken, however slowly a client reads.
const SLICE_BYTES: usize = 64 * 1024;

/// Bytes that are all here, and the passage that ends with them.
#[derive(Debug)]
struct Whole {
    chunks: std::vec::IntoIter<Bytes>,
    /// What is left of the chunk in work.
    rest: Option<Bytes>,
    left: u64,
    passage: Option<Box<Passage>>,
    _set_aside: Option<HeldBytes>,
}

impl AnswerBody {
    /// The drain is over: what has not come whole ends as broken off. What is here in full may still go out.
    pub(super) fn close(&mut self) {
        match &mut self.0 {
            Inner::Whole(_) | Inner::Done => {}
            Inner::Stream(stream) => stream.close(),
            Inner::Flow(flow) => flow.close(),
            Inner::Waiting(waiting) => waiting.close(),
        }
    }

    /// An answer that is all here. Its passage settles when the last chunk is taken.
    pub(super) fn whole(
        passage: Option<Box<Passage>>,
        chunks: Vec<Bytes>,
        set_aside: Option<HeldBytes>,
    ) -> Self {
        let left = chunks.iter().map(|chunk| chunk.len() as u64).sum();
        // An empty body is never asked for a frame: its head is the whole answer.
        let passage = if left == 0 { None } else { passage };
        let chunks = chunks.into_iter();
        Self(Inner::Whole(Box::new(Whole {
            chunks,
            rest: None,
            left,
            passage,
            _set_aside: set_aside,
        })))
    }
}

impl Body for AnswerBody {
    type Data = Bytes;
    type Error = Broken;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Broken>>> {
        let inner = &mut self.get_mut().0;
        if let Inner::Waiting(waiting) = inner {
            match std::task::ready!(waiting.poll(cx)) {
                Waited::Ping(ping) => return Poll::Ready(Some(Ok(Frame::data(ping)))),
                Waited::Stream(stream) => *inner = Inner::Stream(stream),
                Waited::Error(event) => {
                    *inner = Inner::Done;
                    return Poll::Ready(Some(Ok(Frame::data(event))));
                }
            }
        }
        let polled = match inner {
            Inner::Whole(whole) => Poll::Ready(whole.next().map(Ok)),
            Inner::Stream(stream) => stream.poll_events(cx).map(|events| events.map(Ok)),
            Inner::Flow(flow) => flow.poll_bytes(cx),
            Inner::Waiting(_) | Inner::Done => Poll::Ready(None),
        };
        polled.map(|bytes| bytes.map(|bytes| bytes.map(Frame::data)))
    }

    fn is_end_stream(&self) -> bool {
        match &self.0 {
            Inner::Whole(whole) => whole.left == 0,
            Inner::Stream(_) | Inner::Waiting(_) => false,
            Inner::Done => true,
            Inner::Flow(flow) => flow.is_done(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.0 {
            Inner::Whole(whole) => SizeHint::with_exact(whole.left),
            Inner::Stream(_) | Inner::Waiting(_) => SizeHint::default(),
            Inner::Done => SizeHint::with_exact(0),
            Inner::Flow(flow) => flow.size_hint(),
        }
    }
}

impl Whole {
    fn next(&mut self) -> Option<Bytes> {
        let mut chunk = match self.rest.take() {
            Some(rest) => rest,
            None => self.chunks.next()?,
        };
        if chunk.len() > SLICE_BYTES {
            self.rest = Some(chunk.split_off(SLICE_BYTES));
        }
        self.left -= chunk.len() as u64;
        if self.left == 0 {
            self.passage = None;
        }
        Some(chunk)
    }
}

/// The answer as the client gets it.
pub(super) fn relay(landed: Landed) -> Response<AnswerBody> {
    let Landed { mut passage, mut parts, shape, caller } = landed;
    let (tries, key) = (passage.facts.tries, passage.facts.key);
    header::clean_response(&mut parts.headers);
    // The client is answered in its own version, whatever the node speaks.
    parts.version = http::Version::HTTP_11;
    let status = parts.status.as_u16();
    passage.facts.status = status;
    passage.facts.outcome = outcome(status);
    own_headers(&mut parts.headers, &passage);
    if !parts.status.is_success() {
        explain_error(&mut parts, &shape, caller, tries);
        explain_key(&mut parts, key);
    }
    let body = match shape {
        Shape::Whole { chunks, head_only, set_aside } => {
            if !head_only {
                parts.headers.remove(http_header::CONTENT_LENGTH);
            }
            tell_attempt(&passage, AttemptResult::of(status));
            passage.facts.bytes_out = chunks.iter().map(|chunk| chunk.len() as u64).sum();
            AnswerBody::whole(Some(passage), chunks, set_aside)
        }
        Shape::Stream { flight, observer, first } => {
            parts.headers.remove(http_header::CONTENT_LENGTH);
            unbuffered(&mut parts.headers);
            AnswerBody(Inner::Stream(Box::new(Stream::new(passage, flight, observer, first))))
        }
        Shape::Flow { flight, first, watch, set_aside } => {
            let flow = Flow::new(passage, flight, first, watch, set_aside);
            AnswerBody(Inner::Flow(Box::new(flow)))
        }
    };
    Response::from_parts(parts, body)
}

/// No middle box may gather, compress or keep a stream.
fn unbuffered(headers: &mut HeaderMap) {
    headers.insert(header::X_ACCEL_BUFFERING, HeaderValue::from_static("no"));
    let uncached = HeaderValue::from_static("no-cache, no-transform");
    headers.insert(http_header::CACHE_CONTROL, uncached);
}

/// Whose doing the status is.
fn outcome(status: u16) -> Outcome {
    match status {
        0..=399 => Outcome::Ok,
        429 | 500.. => Outcome::UpstreamError,
        _ => Outcome::ClientError,
    }
}

pub(super) fn tell_attempt(passage: &Passage, result: AttemptResult) {
    if let Some(node) = &passage.facts.node {
        passage.shared.telemetry.attempt(&node.settings.name, result);
    }
}

/// What Ferry adds to every answer.
pub(super) fn own_headers(headers: &mut HeaderMap, passage: &Passage) {
    headers.insert(header::X_FERRY_REQUEST_ID, passage.request_id.to_header());
    if let Some(node) = &passage.facts.node {
        headers.insert(header::X_FERRY_NODE, node.name_header.clone());
        headers
            .insert(header::X_FERRY_ATTEMPTS, HeaderValue::from(u16::from(passage.facts.attempts)));
    }
    if passage.doubled_v1 {
        headers.insert(header::X_FERRY_CODE, HeaderValue::from_static("FD-P01"));
        headers.insert(
            header::X_FERRY_HINT,
            HeaderValue::from_static(
                "drop /v1 from base_url: the SDK adds it; Ferry mended the path",
            ),
        );
    }
    if let Some(origin) = &passage.cors {
        headers.insert(http_header::ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
        headers.append(http_header::VARY, HeaderValue::from_static("origin"));
        let exposed = "request-id, retry-after, x-should-retry, x-ferry-request-id, x-ferry-code";
        headers
            .insert(http_header::ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static(exposed));
    }
}

/// An error of upstream's passes unchanged; what it likely means goes into headers beside it.
fn explain_error(parts: &mut Parts, shape: &Shape, caller: Caller, own_attempts: u32) {
    let body = match shape {
        Shape::Whole { chunks, .. } => chunks.first(),
        Shape::Stream { .. } | Shape::Flow { .. } => None,
    };
    if let Some(Diagnosis { code, hint }) = diagnosis(parts, body, caller) {
        parts.headers.insert(header::X_FERRY_CODE, HeaderValue::from_static(code));
        parts.headers.insert(header::X_FERRY_HINT, HeaderValue::from_static(hint));
    }
    let retry = should_retry(ErrorAnswer {
        status: parts.status.as_u16(),
        from_upstream: true,
        retry_after: parts.headers.contains_key(http_header::RETRY_AFTER),
        hopeless: false,
        own_attempts,
    });
    if let Some(retry) = retry
        && !parts.headers.contains_key(header::X_SHOULD_RETRY)
    {
        let word = if retry { "true" } else { "false" };
        parts.headers.insert(header::X_SHOULD_RETRY, HeaderValue::from_static(word));
    }
}

/// A key of the configuration that is refused or spent: the caller cannot mend it, and should hear who can.
fn explain_key(parts: &mut Parts, key: Option<KeyState>) {
    let code = match key {
        Some(KeyState::Refused { .. }) => "node-key-refused",
        Some(KeyState::Exhausted { .. }) => "node-key-exhausted",
        Some(KeyState::Usable) | None => return,
    };
    let sentence = key.map_or("", KeyState::sentence);
    parts.headers.insert(header::X_FERRY_CODE, HeaderValue::from_static(code));
    parts.headers.insert(header::X_FERRY_HINT, HeaderValue::from_static(sentence));
}

fn diagnosis(parts: &Parts, body: Option<&Bytes>, caller: Caller) -> Option<Diagnosis> {
    let text = |name: &http::HeaderName| parts.headers.get(name).and_then(|v| v.to_str().ok());
    let peeked = body.and_then(|body| error::peek(body));
    let html = error::looks_like_html(
        text(&http_header::CONTENT_TYPE),
        body.map_or(&[][..], |body| body.as_ref()),
    );
    explain(
        parts.status.as_u16(),
        caller.suspicion,
        Evidence {
            json_error: peeked.as_ref().map(|error| &*error.kind_text),
            has_request_id: parts.headers.contains_key(header::REQUEST_ID),
            html,
            server: text(&http_header::SERVER),
            cf_mitigated: parts.headers.contains_key("cf-mitigated"),
        },
    )
}
