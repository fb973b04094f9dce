//! Room `attempt`: tries at nodes until one answers. What reached no model is tried again for nothing, what
//! may have been billed out of a budget, and what the client did wrong never. Ends with an answer whose
//! content or whole JSON is there, so that what breaks before it is an error and not half an answer.
//! Decision: `ferry_rules::{retry, budget}`.

mod course;
mod exchange;
mod judge;
mod land;

use std::sync::Arc;

use ferry_rules::retry::Verdict;
use ferry_wire::header;
use ferry_wire::path::Family;
use http::{HeaderMap, header as http_header};

use self::course::Course;
use self::land::Answer;
pub(super) use self::land::{CodedEvents, Landed, Shape};
use super::cache::Sought;
use super::flight::Flight;
use super::passage::Passage;
use super::read::{Payload, Read};
use super::refuse::{Refused, refused};
use super::route::{self, Pick};
use crate::dialect::messages::{DialectError, Plain, render};
use crate::serve::{DRAIN_BYTES, DRAIN_TIME, drain_body};
use crate::telemetry::AttemptResult;
use crate::upstream::{
    Connection, Leftover, NodeSettings, Nonstream, Outgoing, Reached, Report, Unreached,
};

/// Why no node answered.
#[derive(Debug)]
pub(super) enum Fault {
    /// No node took a connection, however long it was waited for.
    NoNode(Unreached),
    /// The request cannot be put into the node's form.
    Dialect(DialectError),
    /// Node after node, or one again and again, gave the request back unread.
    NotTaken { node: Arc<str> },
    /// The connection was lost after the request was written, or before its answer had ended.
    Lost { node: Arc<str>, phase: Phase },
    /// The node took none of the request's bytes for too long.
    WriteStall { node: Arc<str>, after_ms: u128 },
    /// The whole request took too long.
    Total { node: Arc<str> },
    /// No answer in time, or no more of it.
    Silent { node: Arc<str>, phase: Phase, after_ms: u128 },
    /// The node answered, and not what the API answers.
    Bad { node: Arc<str>, answer: BadAnswer },
    /// The client's own body broke off while it was flowing.
    Upload,
}

/// How far a try had come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    /// The request was sent, and nothing had come.
    Sent,
    /// A stream had begun, and none of its content.
    Stream,
    /// An answer that is held until it is whole had begun.
    Answer,
}

/// What is wrong with an answer.
#[derive(Debug, Clone, Copy)]
pub(super) enum BadAnswer {
    /// It is not HTTP.
    NotHttp,
    /// A web page where JSON or events were due.
    Html { status: u16 },
    /// It sends clients elsewhere.
    Redirect { status: u16 },
    /// JSON that ends in the middle.
    HalfJson,
    /// A stream that no whole answer can be made of.
    Unassembled,
}

/// One try's end, when it is not an answer.
#[derive(Debug)]
pub(super) enum Missed {
    /// Not a byte of it was written.
    NotWritten(Option<Outgoing>),
    /// The kept-alive connection had died.
    Stale,
    /// Anything else.
    Fault(Fault),
}

/// Tries nodes until one answers.
pub(super) async fn attempt(sought: Sought) -> Result<Landed, Refused> {
    let Sought(Read { mut passage, mut head, caller, mut payload }) = sought;
    header::clean_request(&mut head.headers);
    keep_secret(&mut head.headers);
    let leftover = payload.leftover();
    let snapshot = Arc::clone(&passage.snapshot);
    let plain = Plain {
        method: &head.method,
        path: &head.path,
        headers: &head.headers,
        form: caller.form,
        ferrys_own: caller.ferrys_own,
        zone: snapshot.zone.as_ref(),
        identity: passage.family.observed(),
    };
    let mut course = Course::begin(&passage, &head, caller, &payload);
    let ended = loop {
        let pick = match route::next(&passage, course.wish(&payload)).await {
            Ok(pick) => pick,
            Err(unreached) => break course.end(&mut passage, Err(unreached.into())),
        };
        let Pick { reached, waited } = pick;
        course.waited(waited);
        let site = reached.site.clone();
        let tried = one(&mut passage, reached, &plain, &mut payload).await;
        let tried = match tried {
            Ok(answered) => land::land(&mut passage, answered, &head).await.map_err(Missed::Fault),
            Err(missed) => Err(missed),
        };
        match course.judge(&mut passage, &site, &tried, &payload) {
            Verdict::Final => break course.end(&mut passage, tried),
            Verdict::Retry(again) => {
                course.again(&passage, tried, again, &mut payload);
                course.rest(&passage, again).await;
            }
        }
    };
    drop(payload);
    let landed = match ended {
        Ok(Answer { parts, shape }) => Ok(Landed { passage, parts, shape, caller }),
        Err(fault) => Err(refused(passage, fault)),
    };
    drain(leftover, &landed).await;
    landed
}

/// Credentials are no table entries: HPACK would index them in a table that all callers of an HTTP/2
/// connection share (RFC 7541 section 7.1).
fn keep_secret(headers: &mut HeaderMap) {
    for name in [header::X_API_KEY, http_header::AUTHORIZATION] {
        if let Some(value) = headers.get_mut(name) {
            value.set_sensitive(true);
        }
    }
}

/// A node that answers before it has taken the whole upload: the rest is drained a little, so that the
/// client sees the answer and not a reset.
async fn drain(leftover: Option<Leftover>, landed: &Result<Landed, Refused>) {
    let whole = matches!(landed, Ok(Landed { shape: Shape::Whole { .. }, .. }) | Err(_));
    if let Some(rest) = leftover.filter(|_| whole).and_then(|leftover| leftover.take()) {
        drain_body(rest, DRAIN_BYTES, DRAIN_TIME).await;
    }
}

impl From<Unreached> for Missed {
    fn from(unreached: Unreached) -> Self {
        Self::Fault(Fault::NoNode(unreached))
    }
}

impl Missed {
    fn result(&self) -> AttemptResult {
        match self {
            Self::NotWritten(_) => AttemptResult::NotWritten,
            Self::Stale => AttemptResult::Stale,
            Self::Fault(fault) => fault.result(),
        }
    }
}

impl Fault {
    /// How the attempt ended, for the metrics.
    pub(super) fn result(&self) -> AttemptResult {
        match self {
            Self::NoNode(_) => AttemptResult::ConnectFailed,
            Self::Dialect(_) | Self::Upload => AttemptResult::Cancelled,
            Self::NotTaken { .. } => AttemptResult::NotWritten,
            Self::Lost { .. } => AttemptResult::Lost,
            Self::WriteStall { .. } | Self::Silent { .. } | Self::Total { .. } => {
                AttemptResult::TimedOut
            }
            Self::Bad { answer: BadAnswer::HalfJson | BadAnswer::Unassembled, .. } => {
                AttemptResult::Cut
            }
            Self::Bad { .. } => AttemptResult::BadAnswer,
        }
    }
}

impl Payload {
    fn can_be_sent(&self) -> bool {
        matches!(self, Self::Held { .. } | Self::Flowing(Some(_)))
    }

    fn leftover(&self) -> Option<Leftover> {
        match self {
            Self::Flowing(Some(body)) => Some(body.leftover()),
            Self::Held { .. } | Self::Flowing(None) => None,
        }
    }

    /// The body of the next try; `None` when it has gone with an earlier one.
    fn outgoing(&mut self) -> Option<Outgoing> {
        match self {
            Self::Held { chunks, .. } => Some(Outgoing::held(Arc::clone(chunks))),
            Self::Flowing(body) => body.take(),
        }
    }

    /// The body of the next try with `"stream":true` in it, where the caller asked for none and line or
    /// node say that it travels as one.
    fn as_stream(
        &self,
        passage: &Passage,
        node: &NodeSettings,
        plain: &Plain<'_>,
    ) -> Option<Outgoing> {
        let Self::Held { chunks, .. } = self else { return None };
        let line = passage.snapshot.settings.nonstream.get(&*passage.line);
        let streams = *line.unwrap_or(&node.nonstream) == Nonstream::Stream;
        let able = matches!(passage.family, Family::Messages | Family::Complete)
            && !plain.headers.contains_key(http_header::CONTENT_ENCODING)
            && !passage.facts.unassembled;
        if !streams || !able {
            return None;
        }
        let chunks = passage.facts.stream_flag.ask(chunks)?;
        let bytes: u64 = chunks.iter().map(|chunk| chunk.len() as u64).sum();
        // The bound is the provider's, too: what the edit would push over it travels as it is.
        let fits = bytes <= passage.snapshot.settings.body_bytes_max;
        fits.then(|| Outgoing::held(chunks.into()))
    }

    /// Takes back a body that was not sent.
    fn give_back(&mut self, body: Option<Outgoing>) {
        if let Self::Flowing(slot @ None) = self {
            *slot = body;
        }
    }
}

/// One try at one node.
async fn one(
    passage: &mut Passage,
    reached: Reached,
    plain: &Plain<'_>,
    payload: &mut Payload,
) -> Result<(http::response::Parts, Flight), Missed> {
    let Reached { site, node, mut connection } = reached;
    let as_stream = payload.as_stream(passage, &node.settings, plain);
    passage.facts.assembles = as_stream.is_some();
    passage.facts.late_error = false;
    let Some(body) = as_stream.or_else(|| payload.outgoing()) else {
        return Err(Missed::Fault(Fault::Upload));
    };
    let node = &node;
    let sent = body.sent();
    let key = site.place.key.and_then(|key| node.settings.keys.get(key));
    let http2 = matches!(connection, Connection::Http2(_));
    let request = render(&node.settings, key, plain, http2, body)
        .map_err(|error| Missed::Fault(Fault::Dialect(error)))?;
    passage.facts.node = Some(Arc::clone(node));
    passage.facts.attempts = passage.facts.attempts.saturating_add(1);
    let mut report = Report::begin(node, &connection);
    let response = match exchange::exchange(passage, node, &mut connection, request, &sent).await {
        Ok(response) => response,
        Err(missed) => {
            match &missed {
                Missed::Stale => node.went_stale(),
                Missed::Fault(fault) => {
                    if let Some(fault) = fault.path() {
                        report.failed(fault);
                    }
                }
                Missed::NotWritten(_) => {}
            }
            passage.shared.telemetry.attempt(&node.settings.name, missed.result());
            return Err(missed);
        }
    };
    passage.facts.written_at = sent.whole_at();
    passage.facts.bytes_in = passage.facts.bytes_in.max(sent.bytes());
    if let (Payload::Flowing(_), Some(written)) = (&*payload, sent.whole_at()) {
        passage.read_at = written;
    }
    let (parts, body) = response.into_parts();
    Ok((parts, Flight::new(Arc::clone(node), report, connection, body)))
}
