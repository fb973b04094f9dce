//! From the head of an answer to something that can be relayed: a stream whose first event is there, a
//! JSON answer that is whole, or a download that flows. What breaks before that point is an error
//! of Ferry's and never half an answer.

mod assembled;
mod coded;
mod hold;

use std::future::poll_fn;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use ferry_wire::error::looks_like_html;
use ferry_wire::path::Family;
use ferry_wire::sse::{Flavor, Observer};
use http::response::Parts;
use http::{Method, StatusCode, header as http_header};

pub(in crate::journey) use self::coded::CodedEvents;
use self::hold::hold;
use super::judge::is_relays_own;
use super::{BadAnswer, Fault, Phase};
use crate::clock;
use crate::journey::accept::Head;
use crate::journey::deadline::{Late, before};
use crate::journey::decode::is_coded;
use crate::journey::flight::Flight;
use crate::journey::identify::Caller;
use crate::journey::passage::{HeldBytes, Passage};
use crate::upstream::PathFault;

/// Of a stream whose content has not begun, no more is held back than this, and no longer.
const HELD_MAX: usize = 64 * 1024;
const HELD_FOR: Duration = Duration::from_secs(1);

/// An answer that can be relayed.
#[derive(Debug)]
pub(in crate::journey) struct Landed {
    pub(in crate::journey) passage: Box<Passage>,
    pub(in crate::journey) parts: Parts,
    pub(in crate::journey) shape: Shape,
    pub(in crate::journey) caller: Caller,
}

/// How the answer comes.
#[derive(Debug)]
pub(in crate::journey) enum Shape {
    /// All of it is here. `head_only` keeps the length that the node declared (HEAD, 304).
    Whole { chunks: Vec<Bytes>, head_only: bool, set_aside: Option<HeldBytes> },
    /// Events, the first of which are here.
    Stream { flight: Flight, observer: Box<Observer>, first: Vec<Bytes> },
    /// Bytes that flow on, the first of which are here. Coded events are watched on their way.
    Flow {
        flight: Flight,
        first: Vec<Bytes>,
        watch: Option<Box<CodedEvents>>,
        set_aside: Option<HeldBytes>,
    },
}

/// What the head says of the body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Empty,
    Json,
    Events,
    Html,
    Other,
}

/// An answer's form, before it is joined with the flight that brings it.
#[derive(Debug)]
enum Form {
    Whole { chunks: Vec<Bytes>, head_only: bool, set_aside: Option<HeldBytes> },
    Stream { observer: Box<Observer>, first: Vec<Bytes> },
    Flow { first: Vec<Bytes>, watch: Option<Box<CodedEvents>>, set_aside: Option<HeldBytes> },
}

/// An answer that could go out: its head, and what it comes as.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) parts: Parts,
    pub(super) shape: Shape,
}

/// Waits until an answer can be relayed. What the path did to it is reported to the node.
pub(super) async fn land(
    passage: &mut Passage,
    (mut parts, mut flight): (Parts, Flight),
    head: &Head,
) -> Result<Answer, Fault> {
    passage.facts.upstream_request_id = parts
        .headers
        .get(ferry_wire::header::REQUEST_ID)
        .and_then(|value| value.to_str().ok())
        .map(Box::from);
    match form(passage, &mut parts, &mut flight, head).await {
        Ok(form) => {
            if let Some(status) = relayed_page(&parts, &form) {
                flight.failed(PathFault::Page(status));
            } else {
                flight.answered();
                if matches!(form, Form::Whole { .. }) {
                    flight.held();
                }
            }
            Ok(Answer { parts, shape: form.with(flight) })
        }
        Err(fault) => {
            if let Some(fault) = fault.path() {
                flight.failed(fault);
            }
            if let Some(node) = &passage.facts.node {
                passage.shared.telemetry.attempt(&node.settings.name, fault.result());
            }
            Err(fault)
        }
    }
}

async fn form(
    passage: &mut Passage,
    parts: &mut Parts,
    flight: &mut Flight,
    head: &Head,
) -> Result<Form, Fault> {
    let kind = kind(parts, flight, &head.method);
    let node = Arc::clone(&flight.node.settings.name);
    let status = parts.status.as_u16();
    let bad = |answer| Err(Fault::Bad { node, answer });
    let success = parts.status.is_success();
    match kind {
        _ if parts.status.is_informational() => bad(BadAnswer::NotHttp),
        _ if is_redirect(parts.status) => bad(BadAnswer::Redirect { status }),
        Kind::Empty if answer_is_due(passage, parts, &head.method) => bad(BadAnswer::HalfJson),
        Kind::Empty => Ok(Form::Whole { chunks: Vec::new(), head_only: true, set_aside: None }),
        // A download flows whatever its type is.
        _ if success && flows(passage.family) => Ok(flowing()),
        Kind::Html if success => bad(BadAnswer::Html { status }),
        Kind::Events if success && passage.facts.assembles && !is_coded(&parts.headers) => {
            assembled::assemble(passage, parts, flight).await
        }
        Kind::Events if success && !is_coded(&parts.headers) => first_events(passage, flight).await,
        Kind::Events if success => Ok(coded_events(passage, parts)),
        Kind::Json | Kind::Html | Kind::Events => hold(passage, parts, flight, head).await,
        // An error of whatever type: it is looked at before it is passed on.
        Kind::Other if !success => hold(passage, parts, flight, head).await,
        Kind::Other => sniff(passage, parts, flight, head).await,
    }
}

impl Form {
    fn with(self, flight: Flight) -> Shape {
        match self {
            Self::Whole { chunks, head_only, set_aside } => {
                Shape::Whole { chunks, head_only, set_aside }
            }
            Self::Stream { observer, first } => Shape::Stream { flight, observer, first },
            Self::Flow { first, watch, set_aside } => {
                Shape::Flow { flight, first, watch, set_aside }
            }
        }
    }
}

/// The status of a page of something on the way, where the API would have answered in JSON.
fn relayed_page(parts: &Parts, form: &Form) -> Option<u16> {
    let Form::Whole { chunks, .. } = form else { return None };
    let body = chunks.first().map_or(&[][..], |chunk| chunk.as_ref());
    is_relays_own(parts, body).then(|| parts.status.as_u16())
}

fn kind(parts: &Parts, flight: &mut Flight, method: &Method) -> Kind {
    let bodiless = *method == Method::HEAD
        || parts.status == StatusCode::NO_CONTENT
        || parts.status == StatusCode::NOT_MODIFIED;
    if flight.land_if_empty() || bodiless {
        return Kind::Empty;
    }
    let content_type = parts.headers.get(http_header::CONTENT_TYPE);
    let Some(content_type) = content_type.and_then(|value| value.to_str().ok()) else {
        return Kind::Other;
    };
    let essence = content_type.split(';').next().unwrap_or("").trim();
    if essence.eq_ignore_ascii_case("text/event-stream") {
        Kind::Events
    } else if essence.eq_ignore_ascii_case("application/json") {
        Kind::Json
    } else if essence.eq_ignore_ascii_case("text/html") {
        Kind::Html
    } else {
        Kind::Other
    }
}

/// A call that is paid for has an answer: nothing at all is as much a half answer as half of one.
fn answer_is_due(passage: &Passage, parts: &Parts, method: &Method) -> bool {
    parts.status == StatusCode::OK && *method == Method::POST && passage.family.held()
}

/// 304 answers a condition and sends nobody anywhere.
fn is_redirect(status: StatusCode) -> bool {
    status.is_redirection() && status != StatusCode::NOT_MODIFIED
}

/// What is left until a stream must have begun: it is counted from the request's last byte, not from the head.
fn first_byte_left(passage: &Passage) -> Duration {
    let timeouts = &passage.snapshot.settings.timeouts;
    let spent = passage
        .facts
        .written_at
        .map_or(Duration::ZERO, |written| clock::now().saturating_duration_since(written));
    // A head that came at the last moment still gets one for its first byte.
    timeouts.first_byte.saturating_sub(spent).max(Duration::from_secs(1).min(timeouts.first_byte))
}

/// Downloads.
fn flows(family: Family) -> bool {
    matches!(family, Family::FileContent | Family::SkillContent | Family::BatchResults)
}

/// The head of a stream is held back until its content begins, so that an error before it can still go
/// elsewhere; not for long, and not for much, since a client waits for it.
async fn first_events(passage: &mut Passage, flight: &mut Flight) -> Result<Form, Fault> {
    let flavor = flavor(passage.family);
    let mut observer = Box::new(Observer::new(flavor));
    let mut first: Vec<Bytes> = Vec::new();
    passage.facts.stream = true;
    if flavor == Flavor::Other {
        // A session's stream may stay silent until something happens: its head goes out at once.
        return Ok(Form::Stream { observer, first });
    }
    let timeouts = &passage.snapshot.settings.timeouts;
    let mut until = (clock::now() + first_byte_left(passage)).min(passage.total_deadline());
    let node = Arc::clone(&flight.node.settings.name);
    loop {
        let facts = observer.facts();
        let held: usize = first.iter().map(Bytes::len).sum();
        if facts.content_started || facts.error.is_some() || facts.stopped || held >= HELD_MAX {
            break;
        }
        match before(until, poll_fn(|cx| flight.poll_data(cx))).await {
            Ok(Some(Ok(chunk))) => {
                let begins = first.is_empty();
                observer.push(chunk, &mut first);
                if begins && !first.is_empty() {
                    until = (clock::now() + HELD_FOR).min(passage.total_deadline());
                }
            }
            Ok(Some(Err(_)) | None) => {
                return Err(Fault::Lost { node, phase: Phase::Stream });
            }
            Err(Late) if !first.is_empty() => break,
            Err(Late) => {
                let after_ms = timeouts.first_byte.as_millis();
                return Err(Fault::Silent { node, phase: Phase::Sent, after_ms });
            }
        }
    }
    Ok(Form::Stream { observer, first })
}

/// An answer of success without a type that Ferry knows. Where one is due, its first bytes tell what it is: a page
/// of HTML is none, JSON is held, and what else a stream was asked for begins with is read as events.
async fn sniff(
    passage: &mut Passage,
    parts: &mut Parts,
    flight: &mut Flight,
    head: &Head,
) -> Result<Form, Fault> {
    if !passage.family.observed() || is_coded(&parts.headers) {
        return Ok(flowing());
    }
    let node = Arc::clone(&flight.node.settings.name);
    let due = answer_is_due(passage, parts, &head.method);
    let (timeouts, total) = (passage.snapshot.settings.timeouts, passage.total_deadline());
    let until = total.min(clock::now() + first_byte_left(passage));
    let chunk = match before(until, poll_fn(|cx| flight.poll_data(cx))).await {
        Ok(Some(Ok(chunk))) => chunk,
        Ok(None) if due => return Err(Fault::Bad { node, answer: BadAnswer::HalfJson }),
        Ok(None) => return Ok(flowing()),
        Ok(Some(Err(_))) => return Err(Fault::Lost { node, phase: Phase::Answer }),
        Err(Late) if clock::now() >= total => return Err(Fault::Total { node }),
        Err(Late) => {
            let after_ms = timeouts.first_byte.as_millis();
            return Err(Fault::Silent { node, phase: Phase::Sent, after_ms });
        }
    };
    if looks_like_html(None, &chunk) {
        let status = parts.status.as_u16();
        return Err(Fault::Bad { node, answer: BadAnswer::Html { status } });
    }
    let json = chunk.trim_ascii_start().first() == Some(&b'{');
    flight.put_back(chunk);
    if due && (json || !passage.facts.stream) {
        hold(passage, parts, flight, head).await
    } else if due {
        first_events(passage, flight).await
    } else {
        Ok(flowing())
    }
}

/// Events in a coding: they flow as they are, watched where Ferry promises a whole stream.
fn coded_events(passage: &mut Passage, parts: &Parts) -> Form {
    passage.facts.stream = true;
    passage.not_screened();
    let watch = match flavor(passage.family) {
        Flavor::Other => None,
        flavor @ (Flavor::Messages | Flavor::Complete) => CodedEvents::of(&parts.headers, flavor),
    };
    Form::Flow { first: Vec::new(), watch, set_aside: None }
}

fn flowing() -> Form {
    Form::Flow { first: Vec::new(), watch: None, set_aside: None }
}

fn flavor(family: Family) -> Flavor {
    if family == Family::Messages {
        Flavor::Messages
    } else if family == Family::Complete {
        Flavor::Complete
    } else {
        Flavor::Other
    }
}
