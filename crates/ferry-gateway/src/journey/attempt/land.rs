//! From the head of an answer to something that can be relayed: a stream whose first event is there, a
//! JSON answer that is whole, or a download that flows. What breaks before that point is an error
//! of Ferry's and never half an answer.

use std::future::poll_fn;
use std::sync::Arc;

use bytes::Bytes;
use ferry_wire::error::looks_like_html;
use ferry_wire::path::Family;
use ferry_wire::sse::{Flavor, Observer};
use ferry_wire::{results_url, usage};
use http::response::Parts;
use http::{Method, StatusCode, header as http_header};

use super::{BadAnswer, Fault};
use crate::clock;
use crate::journey::accept::Head;
use crate::journey::deadline::{Late, before};
use crate::journey::flight::Flight;
use crate::journey::identify::Caller;
use crate::journey::passage::{HeldBytes, Passage};
use crate::journey::refuse::{Refused, refused};

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
    /// Bytes that flow on, the first of which are here.
    Flow { flight: Flight, first: Vec<Bytes> },
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

/// Waits until the answer can be relayed.
pub(in crate::journey) async fn land(
    mut passage: Box<Passage>,
    (parts, mut flight): (Parts, Flight),
    head: Head,
    caller: Caller,
) -> Result<Landed, Refused> {
    passage.facts.upstream_request_id = parts
        .headers
        .get(ferry_wire::header::REQUEST_ID)
        .and_then(|value| value.to_str().ok())
        .map(Box::from);
    let kind = kind(&parts, &mut flight, &head.method);
    let node = Arc::clone(&flight.node.settings.name);
    let landed = match kind {
        _ if is_redirect(parts.status) => {
            Err(Fault::Bad { node, answer: BadAnswer::Redirect { status: parts.status.as_u16() } })
        }
        Kind::Empty if answer_is_due(&passage, &parts, &head.method) => {
            Err(Fault::Bad { node, answer: BadAnswer::HalfJson })
        }
        Kind::Empty => Ok(Shape::Whole { chunks: Vec::new(), head_only: true, set_aside: None }),
        Kind::Html if parts.status.is_success() => {
            Err(Fault::Bad { node, answer: BadAnswer::Html { status: parts.status.as_u16() } })
        }
        Kind::Events if parts.status.is_success() && uncoded(&parts) => {
            first_events(&mut passage, flight).await
        }
        Kind::Json | Kind::Html | Kind::Events => hold(&mut passage, &parts, flight, &head).await,
        Kind::Other => sniff(&mut passage, &parts, flight, &head).await,
    };
    match landed {
        Ok(shape) => Ok(Landed { passage, parts, shape, caller }),
        Err(fault) => {
            if let Some(node) = &passage.facts.node {
                passage.shared.telemetry.attempt(&node.settings.name, fault.result());
            }
            Err(refused(passage, fault))
        }
    }
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

fn uncoded(parts: &Parts) -> bool {
    parts
        .headers
        .get(http_header::CONTENT_ENCODING)
        .is_none_or(|coding| coding.as_bytes().eq_ignore_ascii_case(b"identity"))
}

/// Downloads flow whatever their type is; everything else that is JSON is held.
fn flows(family: Family) -> bool {
    matches!(family, Family::FileContent | Family::SkillContent | Family::BatchResults)
}

async fn first_events(passage: &mut Passage, mut flight: Flight) -> Result<Shape, Fault> {
    let flavor = if passage.family == Family::Messages {
        Flavor::Messages
    } else if passage.family == Family::Complete {
        Flavor::Complete
    } else {
        Flavor::Other
    };
    let mut observer = Box::new(Observer::new(flavor));
    let mut first = Vec::new();
    passage.facts.stream = true;
    if flavor == Flavor::Other {
        // A session's stream may stay silent until something happens: its head goes out at once.
        return Ok(Shape::Stream { flight, observer, first });
    }
    let timeouts = &passage.snapshot.settings.timeouts;
    let until = (clock::now() + timeouts.first_byte).min(passage.total_deadline());
    let node = Arc::clone(&flight.node.settings.name);
    while first.is_empty() {
        match before(until, poll_fn(|cx| flight.poll_data(cx))).await {
            Ok(Some(Ok(chunk))) => observer.push(chunk, &mut first),
            Ok(Some(Err(_)) | None) => {
                return Err(Fault::Lost { node, phase: "the stream had begun" });
            }
            Err(Late) => {
                let after_ms = timeouts.first_byte.as_millis();
                return Err(Fault::Silent { node, after_ms });
            }
        }
    }
    Ok(Shape::Stream { flight, observer, first })
}

/// Holds an answer until it is whole; one that is larger than the bound flows on.
async fn hold(
    passage: &mut Passage,
    parts: &Parts,
    mut flight: Flight,
    head: &Head,
) -> Result<Shape, Fault> {
    let settings = &passage.snapshot.settings;
    let (max, held_max) = (settings.answer_bytes_max, settings.held_bytes_max);
    if flows(passage.family) && parts.status.is_success() {
        return Ok(Shape::Flow { flight, first: Vec::new() });
    }
    let node = Arc::clone(&flight.node.settings.name);
    let until = passage.total_deadline();
    let mut set_aside = HeldBytes::none(&passage.shared);
    let mut chunks = Vec::with_capacity(1);
    let mut total = 0_u64;
    while !flight.landed() {
        match before(until, poll_fn(|cx| flight.poll_data(cx))).await {
            Ok(None) => break,
            Ok(Some(Ok(chunk))) => {
                total += chunk.len() as u64;
                if !set_aside.grow(chunk.len() as u64, held_max) {
                    return Err(Fault::NoMemory);
                }
                chunks.push(chunk);
                if total > max {
                    return Ok(Shape::Flow { flight, first: chunks });
                }
            }
            Ok(Some(Err(_broken))) => {
                return Err(Fault::Lost { node, phase: "the answer had begun" });
            }
            Err(Late) => return Err(Fault::Total { node }),
        }
    }
    let chunks = understand(passage, parts, chunks, head, node)?;
    Ok(Shape::Whole { chunks, head_only: false, set_aside: Some(set_aside) })
}

/// Reads what a held answer says of itself; a successful Messages answer must be whole JSON.
fn understand(
    passage: &mut Passage,
    parts: &Parts,
    chunks: Vec<Bytes>,
    head: &Head,
    node: Arc<str>,
) -> Result<Vec<Bytes>, Fault> {
    if !parts.status.is_success() || !passage.family.observed() || !uncoded(parts) {
        return Ok(chunks);
    }
    let whole = join(chunks);
    if matches!(passage.family, Family::BatchCreate | Family::BatchObject) {
        let base = head.public_base.as_deref().unwrap_or("");
        return match results_url::rewrite(&whole, base) {
            Ok(Some(spliced)) => Ok(spliced),
            Ok(None) => Ok(vec![whole]),
            Err(_not_json) => Err(Fault::Bad { node, answer: BadAnswer::HalfJson }),
        };
    }
    let Some(message) = usage::from_message(&whole) else {
        let status = parts.status.as_u16();
        return Err(if looks_like_html(None, &whole) {
            Fault::Bad { node, answer: BadAnswer::Html { status } }
        } else {
            Fault::Bad { node, answer: BadAnswer::HalfJson }
        });
    };
    passage.facts.usage = message.usage;
    if message.model.is_some() {
        passage.facts.model = message.model;
    }
    Ok(vec![whole])
}

/// One contiguous answer; a copy only when it came in pieces.
fn join(mut chunks: Vec<Bytes>) -> Bytes {
    if chunks.len() == 1 {
        return chunks.pop().unwrap_or_default();
    }
    chunks.concat().into()
}

/// An answer without a type that Ferry knows. Where one is due, its first bytes tell what it is: a page
/// of HTML is none, JSON is held, and what else a stream was asked for begins with is read as events.
async fn sniff(
    passage: &mut Passage,
    parts: &Parts,
    mut flight: Flight,
    head: &Head,
) -> Result<Shape, Fault> {
    if !parts.status.is_success() || !passage.family.observed() || !uncoded(parts) {
        return Ok(Shape::Flow { flight, first: Vec::new() });
    }
    let node = Arc::clone(&flight.node.settings.name);
    let due = answer_is_due(passage, parts, &head.method);
    let chunk = match before(passage.total_deadline(), poll_fn(|cx| flight.poll_data(cx))).await {
        Ok(Some(Ok(chunk))) => chunk,
        Ok(None) if due => return Err(Fault::Bad { node, answer: BadAnswer::HalfJson }),
        Ok(None) => return Ok(Shape::Flow { flight, first: Vec::new() }),
        Ok(Some(Err(_))) => return Err(Fault::Lost { node, phase: "the answer had begun" }),
        Err(Late) => return Err(Fault::Total { node }),
    };
    if looks_like_html(None, &chunk) {
        let status = parts.status.as_u16();
        return Err(Fault::Bad { node, answer: BadAnswer::Html { status } });
    }
    let json = chunk.trim_ascii_start().first() == Some(&b'{');
    if due && (json || !passage.facts.stream) {
        flight.put_back(chunk);
        hold(passage, parts, flight, head).await
    } else if due {
        flight.put_back(chunk);
        first_events(passage, flight).await
    } else {
        Ok(Shape::Flow { flight, first: vec![chunk] })
    }
}
