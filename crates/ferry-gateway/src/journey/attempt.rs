//! Room `attempt`: tries at nodes until one answers. Free tries (nothing written, or given back) go on to
//! the next node; whatever may have been billed is not repeated. Ends with an answer whose first
//! event or whole JSON is there, so that what breaks before it is an error and not half an answer.
//! Decision: `ferry_rules::retry`.

mod exchange;
mod land;

use std::sync::Arc;

use ferry_rules::retry::{self, Failure, Verdict};
use ferry_wire::header;

pub(super) use self::land::{Landed, Shape};
use super::cache::Sought;
use super::flight::Flight;
use super::passage::Passage;
use super::read::{Payload, Read};
use super::refuse::{Refused, refused};
use super::route::{self, Tried};
use crate::dialect::messages::{DialectError, Plain, render};
use crate::telemetry::AttemptResult;
use crate::upstream::{Connection, DialError, Node, Outgoing};

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
    /// All held bytes together are over the bound.
    NoMemory,
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
    Dial(DialError),
    NotWritten(Option<Outgoing>),
    Stale,
    Final(Fault),
}

/// Tries nodes until one answers.
pub(super) async fn attempt(sought: Sought) -> Result<Landed, Refused> {
    let Sought(Read { mut passage, mut head, caller, mut payload }) = sought;
    header::clean_request(&mut head.headers);
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
    let mut tried = Tried::default();
    let mut free_left = FREE_RETRIES;
    let mut last = None;
    let mut node = route::next(&snapshot, &mut tried);
    let mut again = Again::default();
    while let Some(at) = node {
        let missed = match one(&mut passage, &at, &plain, &mut payload, again.fresh).await {
            Ok(flight) => {
                drop(payload);
                return land::land(passage, flight, head, caller).await;
            }
            Err(missed) => missed,
        };
        passage.shared.telemetry.attempt(&at.settings.name, missed.result());
        let failure = match missed {
            Missed::Final(fault) => return Err(refused(passage, fault)),
            Missed::Dial(error) => {
                let failure = if error.is_tls() { Failure::Tls } else { Failure::Connect };
                last = Some(error);
                failure
            }
            Missed::NotWritten(body) => {
                give_back(&mut payload, body);
                Failure::NotWritten
            }
            Missed::Stale => {
                at.forget_idle();
                Failure::StaleConnection
            }
        };
        let elsewhere = matches!(failure, Failure::Connect | Failure::Tls);
        match retry::verdict(failure, free_left, again.stale) {
            // Connects do not count: every node may be tried once.
            Verdict::RetryFree | Verdict::Final if elsewhere => {
                node = route::next(&snapshot, &mut tried);
                again = Again { fresh: false, stale: again.stale };
            }
            Verdict::RetryFree if payload.can_be_sent() => {
                free_left -= 1;
                again = Again { fresh: true, stale: true };
                node = Some(at);
            }
            Verdict::RetryFree | Verdict::Final => {
                let fault = Fault::Lost {
                    node: Arc::clone(&at.settings.name),
                    phase: "the request was sent",
                };
                return Err(refused(passage, fault));
            }
        }
    }
    Err(refused(passage, Fault::NoNode { tried: snapshot.nodes.len(), last }))
}

/// How the next try differs from the first.
#[derive(Default, Clone, Copy)]
struct Again {
    /// On a new connection, never on the next pooled one.
    fresh: bool,
    /// A dead kept-alive connection has been forgiven once.
    stale: bool,
}

impl Missed {
    fn result(&self) -> AttemptResult {
        match self {
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
            Self::Dialect(_) | Self::NoMemory | Self::Upload => AttemptResult::Cancelled,
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
    let mut connection = node.connection(fresh).await.map_err(Missed::Dial)?;
    let Some(body) = payload.outgoing() else { return Err(Missed::Final(Fault::Upload)) };
    let sent = body.sent();
    let http2 = matches!(connection, Connection::Http2(_));
    let request = render(&node.settings, plain, http2, body)
        .map_err(|error| Missed::Final(Fault::Dialect(error)))?;
    passage.facts.node = Some(Arc::clone(node));
    passage.facts.attempts = passage.facts.attempts.saturating_add(1);
    let name = &node.settings.name;
    let response = exchange::exchange(passage, name, &mut connection, request, &sent).await?;
    passage.facts.bytes_in = passage.facts.bytes_in.max(sent.bytes());
    let (parts, body) = response.into_parts();
    Ok((parts, Flight::new(Arc::clone(node), connection, body)))
}
