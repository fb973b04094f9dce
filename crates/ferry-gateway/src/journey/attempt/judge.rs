//! Reads a node's answer for what may follow it: is it an error, whose, and may it be asked again?
//! Looks only; changes nothing and waits for nothing. Decision: `ferry_rules::retry`.

use std::time::Duration;

use bytes::Bytes;
use ferry_rules::retry::{Blame, Effect, Failure, Status};
use ferry_wire::error::{self, ApiErrorKind, looks_like_html};
use ferry_wire::header;
use ferry_wire::path::Family;
use http::response::Parts;
use http::{HeaderMap, Method, header as http_header};
use jiff::fmt::rfc2822;

use super::land::{Answer, Shape};
use super::{BadAnswer, Fault, Missed, Phase};
use crate::clock;
use crate::upstream::{PathFault, Place};

/// What an answer is a failure of; `None` for one that goes to the client as it is.
pub(super) fn failure(answer: &Answer, late_error: bool) -> Option<Failure> {
    match &answer.shape {
        Shape::Whole { .. } if late_error => Some(Failure::Cut),
        Shape::Whole { chunks, .. } if !answer.parts.status.is_success() => {
            let body = chunks.first().map_or(&[][..], Bytes::as_ref);
            Some(Failure::Status(status(&answer.parts, body)))
        }
        Shape::Stream { observer, .. } => {
            let error = observer.facts().error.as_ref().filter(|error| error.before_content)?;
            let spend_limit = is_spent(error.kind, &error.message);
            let code = error.kind.status();
            Some(Failure::EarlyError(Status { spend_limit, ..Status::of(code) }))
        }
        Shape::Whole { .. } | Shape::Flow { .. } => None,
    }
}

/// The same for a try that got no answer.
pub(super) fn failure_of(missed: &Missed) -> Failure {
    match missed {
        Missed::NotWritten(_) => Failure::NotWritten,
        Missed::Stale => Failure::StaleConnection,
        Missed::Fault(fault) => match fault {
            Fault::Bad { answer: BadAnswer::HalfJson | BadAnswer::Unassembled, .. } => Failure::Cut,
            Fault::Bad { .. } => Failure::BadAnswer,
            Fault::NoNode(_)
            | Fault::NotTaken { .. }
            | Fault::Lost { .. }
            | Fault::WriteStall { .. }
            | Fault::Silent { .. }
            | Fault::Total { .. }
            | Fault::Dialect(_)
            | Fault::Upload => Failure::Lost,
        },
    }
}

/// What the next try is to avoid: another key of the same node helps only where a rate or a refusal was the
/// key's. A path that failed, or a provider without room, is the same for all of them.
pub(super) fn tried(place: Place, failure: Failure) -> Place {
    let of_the_key = match failure {
        Failure::Status(status) | Failure::EarlyError(status) => {
            status.code == 429 || status.blame() == Blame::Key
        }
        Failure::NotWritten
        | Failure::StaleConnection
        | Failure::Lost
        | Failure::Cut
        | Failure::BadAnswer => false,
    };
    if of_the_key { place } else { place.with_any_key() }
}

/// True for a gateway's error that the API did not make: a page, or what has neither the API's shape nor
/// its request id.
pub(super) fn is_relays_own(parts: &Parts, body: &[u8]) -> bool {
    let text = parts.headers.get(http_header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let unsigned = || !parts.headers.contains_key(header::REQUEST_ID);
    parts.status.is_server_error()
        && error::peek(body).is_none_or(|error| error.kind_text.is_empty())
        && (unsigned() || looks_like_html(text, body))
}

/// What a second run of a request would do.
pub(super) fn effect(family: Family, method: &Method) -> Effect {
    if matches!(*method, Method::GET | Method::HEAD) || family == Family::CountTokens {
        Effect::Nothing
    } else if matches!(family, Family::Messages | Family::Complete) {
        Effect::Billed
    } else {
        Effect::Stored
    }
}

fn status(parts: &Parts, body: &[u8]) -> Status {
    let peeked = error::peek(body);
    let said = parts.headers.get(header::X_SHOULD_RETRY);
    Status {
        code: parts.status.as_u16(),
        retry_after: retry_after(&parts.headers),
        spend_limit: peeked.is_some_and(|error| is_spent(error.kind, &error.message)),
        relay: is_relays_own(parts, body),
        no_retry: said.is_some_and(|value| value == "false"),
    }
}

/// A limit that no waiting lifts: the month's, or the credit's (anthropic-api.md).
fn is_spent(kind: ApiErrorKind, message: &str) -> bool {
    kind == ApiErrorKind::Billing
        || message.contains("spend_limit")
        || message.contains("specified API usage limits")
        || message.contains("credit balance is too low")
}

/// `retry-after-ms` (the SDKs' own), or `retry-after` in seconds or as a date (RFC 9110 section 10.2.3).
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    if let Some(ms) = text("retry-after-ms").and_then(|ms| ms.trim().parse::<f64>().ok()) {
        return Duration::try_from_secs_f64(ms / 1000.0).ok();
    }
    let value = text("retry-after")?.trim();
    if let Ok(seconds) = value.parse::<f64>() {
        return Duration::try_from_secs_f64(seconds).ok();
    }
    let date = rfc2822::DateTimeParser::new().parse_timestamp(value).ok()?;
    let now = jiff::Timestamp::try_from(clock::wall()).ok()?;
    Some(Duration::try_from(date.duration_since(now)).unwrap_or_default())
}

impl Fault {
    /// What of it is the path's doing.
    pub(super) fn path(&self) -> Option<PathFault> {
        match self {
            Self::Lost { phase: Phase::Sent, .. } => Some(PathFault::Lost),
            Self::Lost { phase: Phase::Stream | Phase::Answer, .. }
            | Self::Bad { answer: BadAnswer::HalfJson, .. } => Some(PathFault::Cut),
            Self::WriteStall { .. } => Some(PathFault::WriteStalled),
            Self::Silent { .. } => Some(PathFault::Silent),
            Self::Bad { answer: BadAnswer::NotHttp, .. } => Some(PathFault::NotHttp),
            Self::Bad {
                answer: BadAnswer::Html { status } | BadAnswer::Redirect { status },
                ..
            } => Some(PathFault::Page(*status)),
            Self::Bad { answer: BadAnswer::Unassembled, .. }
            | Self::NoNode(_)
            | Self::NotTaken { .. }
            | Self::Dialect(_)
            | Self::Total { .. }
            | Self::Upload => None,
        }
    }
}
