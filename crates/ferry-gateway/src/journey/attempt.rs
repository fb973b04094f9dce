//! Room `attempt`: tries at nodes until one answers. Free tries (nothing written, or given back) go on to
//! the next node; whatever may have been billed is not repeated. Ends with an answer whose first
//! event or whole JSON is there, so that what breaks before it is an error and not half an answer.
//! Decision: `ferry_rules::retry`.

mod exchange;
mod land;

use std::sync::Arc;

use ferry_rules::retry::{self, Failure, Verdict};
use ferry_wire::header;
use http::{HeaderMap, header as http_header};

pub(super) use self::land::{CodedEvents, Landed, Shape};
use super::cache::Sought;
use super::deadline::{Late, before};
use super::flight::Flight;
use super::passage::Passage;
use super::read::{Payload, Read};
use super::refuse::{Refused, refused};
use super::route::{self, Tried};
use super::snapshot::Snapshot;
use crate::dialect::messages::{DialectError, Plain, render};
use crate::serve::{DRAIN_BYTES, DRAIN_TIME, drain_body};
use crate::telemetry::AttemptResult;
use crate::upstream::{Connection, DialError, Leftover, Node, Outgoing};

/// Free tries of one request after its first (reliability.md 2.1).
const FREE_RETRIES: u32 = 3;

/// Why no node answered.
#[derive(Debug)]
pub(super) enum Fault {
    /// Every node was tried and none took the connection; the last one's error.
    NoNode { tried: usize, last: Option<DialError> },
    /// The request cannot be put into the node's form.
    Dialect(DialectError),
    /// The connection was lost after the request was written, or before its answer had ended.
    Lost { node: Arc<str>, phase: &'static str },
    /// The node took none of the request's bytes for too long.
    WriteStall { node: Arc<str>, after_ms: u128 },
    /// The whole request took too long.
    Total { node: Arc<str> },
    /// No answer in time.
    Silent { node: Arc<str>, after_ms: u128 },
    /// The node answered, and not what the API answers.
    Bad { node: Arc<str>, answer: BadAnswer },
    /// The client's own body broke off while it was flowing.
    Upload,
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
}

/// One try's end, when it is not an answer.
pub(super) enum Missed {
    /// Neither the node nor the caller has a key that may go there.
    NoKey,
    Dial(DialError),
    NotWritten(Option<Outgoing>),
    Stale,
    Final(Fault),
}

/// Tries nodes until one answers.
pub(super) async fn attempt(sought: Sought) -> Result<Landed, Refused> {
    let Sought(Read { mut passage, mut head, caller, mut payload }) = sought;
    header::clean_request(&mut head.headers);
    keep_secret(&mut head.headers);
    let leftover = payload.leftover();
    let snapshot = Arc::clone(&passage.snapshot);
    let identity = passage.family.observed();
    let plain = Plain {
        method: &head.method,
        path: &head.path,
        headers: &head.headers,
        form: caller.form,
        ferrys_own: caller.ferrys_own,
        zone: snapshot.zone.as_ref(),
        identity,
    };
    let mut course = Course::default();
    let mut node = route::next(&snapshot, &mut course.tried);
    while let Some(at) = node {
        let missed = match one(&mut passage, &at, &plain, &mut payload, course.fresh).await {
            Ok(flight) => {
                drop(payload);
                let landed = land::land(passage, flight, head, caller).await;
                drain(leftover, &landed).await;
                return landed;
            }
            Err(missed) => missed,
        };
        passage.shared.telemetry.attempt(&at.settings.name, missed.result());
        node = match course.after(missed, at, &snapshot, &mut payload) {
            Ok(next) => next,
            Err(fault) => return Err(refused(passage, fault)),
        };
    }
    Err(refused(passage, course.end(snapshot.nodes.len())))
}

/// What a request has tried, and how the next try differs from the first.
#[derive(Default)]
struct Course {
    tried: Tried,
    free_spent: u32,
    last: Option<DialError>,
    no_key: bool,
    /// On a new connection, never on the next pooled one.
    fresh: bool,
    /// A dead kept-alive connection has been forgiven once.
    stale: bool,
}

impl Course {
    /// Where to go after a try that got no answer; `None` when every node has been tried.
    fn after(
        &mut self,
        missed: Missed,
        at: Arc<Node>,
        snapshot: &Snapshot,
        payload: &mut Payload,
    ) -> Result<Option<Arc<Node>>, Fault> {
        let failure = match missed {
            Missed::Final(fault) => return Err(fault),
            Missed::NoKey => {
                self.no_key = true;
                Failure::Connect
            }
            Missed::Dial(error) => {
                let failure = if error.is_tls() { Failure::Tls } else { Failure::Connect };
                self.last = Some(error);
                failure
            }
            Missed::NotWritten(body) => {
                give_back(payload, body);
                Failure::NotWritten
            }
            Missed::Stale => {
                at.forget_idle();
                Failure::StaleConnection
            }
        };
        if matches!(failure, Failure::Connect | Failure::Tls) {
            // Connects do not count: every node may be tried once.
            self.fresh = false;
            return Ok(route::next(snapshot, &mut self.tried));
        }
        let free_left = FREE_RETRIES.saturating_sub(self.free_spent);
        match retry::verdict(failure, free_left, self.stale) {
            Verdict::RetryFree if payload.can_be_sent() => {
                self.free_spent += 1;
                (self.fresh, self.stale) = (true, true);
                Ok(Some(at))
            }
            Verdict::RetryFree | Verdict::Final => {
                let node = Arc::clone(&at.settings.name);
                Err(Fault::Lost { node, phase: "the request was sent" })
            }
        }
    }

    fn end(self, nodes: usize) -> Fault {
        if self.no_key && self.last.is_none() {
            return Fault::Dialect(DialectError::NoKey);
        }
        Fault::NoNode { tried: nodes, last: self.last }
    }
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

impl Missed {
    fn result(&self) -> AttemptResult {
        match self {
            Self::NoKey => AttemptResult::Cancelled,
            Self::Dial(error) if error.is_tls() => AttemptResult::TlsFailed,
            Self::Dial(_) => AttemptResult::ConnectFailed,
            Self::NotWritten(_) => AttemptResult::NotWritten,
            Self::Stale => AttemptResult::Stale,
            Self::Final(fault) => fault.result(),
        }
    }
}

impl Fault {
    /// How the attempt ended, for the metrics.
    pub(super) fn result(&self) -> AttemptResult {
        match self {
            Self::NoNode { .. } => AttemptResult::ConnectFailed,
            Self::Dialect(_) | Self::Upload => AttemptResult::Cancelled,
            Self::Lost { .. } => AttemptResult::Lost,
            Self::WriteStall { .. } | Self::Silent { .. } | Self::Total { .. } => {
                AttemptResult::TimedOut
            }
            Self::Bad { answer: BadAnswer::HalfJson, .. } => AttemptResult::Cut,
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
}

fn give_back(payload: &mut Payload, body: Option<Outgoing>) {
    if let Payload::Flowing(slot @ None) = payload {
        *slot = body;
    }
}

/// One try at one node.
async fn one(
    passage: &mut Passage,
    node: &Arc<Node>,
    plain: &Plain<'_>,
    payload: &mut Payload,
    fresh: bool,
) -> Result<(http::response::Parts, Flight), Missed> {
    if node.settings.keys.is_empty() && (plain.form.is_none() || plain.ferrys_own) {
        return Err(Missed::NoKey);
    }
    // A flowing body cannot be sent twice, so it gets no connection that may have died.
    let fresh = fresh || matches!(payload, Payload::Flowing(_));
    let dialled = before(passage.total_deadline(), node.connection(fresh)).await;
    let name = &node.settings.name;
    let mut connection = match dialled {
        Ok(dialled) => dialled.map_err(Missed::Dial)?,
        Err(Late) => return Err(Missed::Final(Fault::Total { node: Arc::clone(name) })),
    };
    let Some(body) = payload.outgoing() else { return Err(Missed::Final(Fault::Upload)) };
    let sent = body.sent();
    let http2 = matches!(connection, Connection::Http2(_));
    let request = render(&node.settings, plain, http2, body)
        .map_err(|error| Missed::Final(Fault::Dialect(error)))?;
    passage.facts.node = Some(Arc::clone(node));
    passage.facts.attempts = passage.facts.attempts.saturating_add(1);
    let response = exchange::exchange(passage, name, &mut connection, request, &sent).await?;
    passage.facts.bytes_in = passage.facts.bytes_in.max(sent.bytes());
    if let (Payload::Flowing(_), Some(written)) = (&*payload, sent.whole_at()) {
        passage.read_at = written;
    }
    let (parts, body) = response.into_parts();
    Ok((parts, Flight::new(Arc::clone(node), connection, body)))
}
