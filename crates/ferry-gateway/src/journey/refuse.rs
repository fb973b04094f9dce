//! The only place that turns a failure into an answer: status, the API's error shape, a stable code, one
//! sentence with the next action, and whether an SDK should try again. Names no key, no body and no
//! value that a caller sent.

mod coding_text;
mod redact_text;
mod text;

use bytes::Bytes;
use ferry_rules::credential::CredentialFault;
use ferry_rules::should_retry::{ErrorAnswer, should_retry};
use ferry_wire::error::{ApiErrorKind, Before, render, sse_error};
use ferry_wire::framing::FramingError;
use ferry_wire::header;
use http::{HeaderMap, HeaderValue, Response, StatusCode, header as http_header};
use hyper::body::Incoming;

use super::passage::{Passage, RequestId};
use super::relay::{self, AnswerBody};
use super::{accept, admit, attempt, read, redact};
use crate::serve::{DRAIN_BYTES, DRAIN_TIME, drain_body};
use crate::telemetry::Outcome;
use crate::upstream::Unreached;

/// A request that goes no further.
#[derive(Debug)]
pub(super) struct Refused {
    passage: Box<Passage>,
    why: Box<Why>,
    upload: Option<Incoming>,
}

/// Why, by room.
#[derive(Debug)]
pub(super) enum Why {
    /// From `accept`.
    Accept(accept::Fault),
    /// From `identify`.
    Identify(CredentialFault),
    /// From `admit`.
    Admit(admit::Full),
    /// From `read`.
    Read(read::Fault),
    /// From `redact`.
    Redact(redact::Fault),
    /// From `attempt`.
    Attempt(attempt::Fault),
}

impl From<accept::Fault> for Why {
    fn from(fault: accept::Fault) -> Self {
        Self::Accept(fault)
    }
}
impl From<CredentialFault> for Why {
    fn from(fault: CredentialFault) -> Self {
        Self::Identify(fault)
    }
}
impl From<admit::Full> for Why {
    fn from(full: admit::Full) -> Self {
        Self::Admit(full)
    }
}
impl From<read::Fault> for Why {
    fn from(fault: read::Fault) -> Self {
        Self::Read(fault)
    }
}
impl From<redact::Fault> for Why {
    fn from(fault: redact::Fault) -> Self {
        Self::Redact(fault)
    }
}
impl From<attempt::Fault> for Why {
    fn from(fault: attempt::Fault) -> Self {
        Self::Attempt(fault)
    }
}

impl Why {
    /// How often Ferry itself tried what failed: the nodes that could not be reached; anything else once.
    fn attempts_of_its_kind(&self, tries: u32) -> u32 {
        match self {
            Self::Attempt(attempt::Fault::NoNode(Unreached::Away { nodes, .. })) => {
                u32::try_from(*nodes).unwrap_or(1)
            }
            Self::Attempt(_) => tries.max(1),
            Self::Accept(_)
            | Self::Identify(_)
            | Self::Admit(_)
            | Self::Read(_)
            | Self::Redact(_) => 0,
        }
    }
}

/// Ends a passage with a reason.
pub(super) fn refused(passage: Box<Passage>, why: impl Into<Why>) -> Refused {
    Refused { passage, why: Box::new(why.into()), upload: None }
}

/// What a client is told.
#[derive(Debug)]
struct Told {
    status: u16,
    kind: ApiErrorKind,
    code: &'static str,
    message: String,
    /// Trying again as it is cannot help.
    hopeless: bool,
    /// Seconds; on every 429, 503 and 529 of Ferry's own.
    retry_after: Option<u32>,
    outcome: Outcome,
}

impl Refused {
    /// Notes a body that has not been read. One that waits for `100-continue` was never sent.
    pub(super) fn with_upload(mut self, headers: &HeaderMap, body: Incoming) -> Self {
        if !headers.contains_key(http_header::EXPECT) {
            self.upload = Some(body);
        }
        self
    }

    /// The same for a body that has been read from.
    pub(super) fn with_upload_begun(mut self, body: Incoming) -> Self {
        self.upload = Some(body);
        self
    }

    /// The answer, once the client has been heard out a little.
    pub(super) async fn answer(self) -> Response<AnswerBody> {
        let Self { mut passage, why, upload } = self;
        let whole = match upload {
            Some(upload) => drain_body(upload, DRAIN_BYTES, DRAIN_TIME).await,
            None => true,
        };
        let told = text::tell(&why);
        passage.facts.status = told.status;
        passage.facts.outcome = told.outcome;
        passage.facts.code = Some(told.code);
        let own_attempts = why.attempts_of_its_kind(passage.facts.tries);
        let mut response = response(&told, own_attempts, passage.request_id);
        relay::own_headers(response.headers_mut(), &passage);
        let given_up = matches!(
            *why,
            Why::Read(read::Fault::Broken | read::Fault::Idle { .. } | read::Fault::Slow)
        );
        if !whole || given_up {
            let close = HeaderValue::from_static("close");
            response.headers_mut().insert(http_header::CONNECTION, close);
        }
        let code = HeaderValue::from_static(told.code);
        response.headers_mut().insert(header::X_FERRY_CODE, code);
        let id = passage.request_id;
        let body = render(told.kind, &told.message, told.code, id.as_str());
        passage.facts.bytes_out = body.len() as u64;
        response.map(|()| AnswerBody::whole(Some(passage), vec![body], None))
    }
}

impl Refused {
    /// The same as an event, for a stream that has been committed.
    pub(super) fn event(self) -> Bytes {
        let Self { mut passage, why, .. } = self;
        let told = text::tell(&why);
        passage.facts.status = told.status;
        passage.facts.outcome = told.outcome;
        passage.facts.code = Some(told.code);
        sse_error(
            told.kind,
            &told.message,
            told.code,
            passage.request_id.as_str(),
            Before::Boundary,
        )
    }
}

fn response(told: &Told, own_attempts: u32, id: RequestId) -> Response<()> {
    let mut response = Response::new(());
    *response.status_mut() =
        StatusCode::from_u16(told.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    let json = HeaderValue::from_static("application/json");
    headers.insert(http_header::CONTENT_TYPE, json);
    headers.insert(header::REQUEST_ID, id.to_header());
    if let Some(seconds) = told.retry_after {
        headers.insert(http_header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    let retry = should_retry(ErrorAnswer {
        status: told.status,
        from_upstream: false,
        retry_after: told.retry_after.is_some(),
        hopeless: told.hopeless,
        own_attempts,
    });
    if let Some(retry) = retry {
        let word = if retry { "true" } else { "false" };
        headers.insert(header::X_SHOULD_RETRY, HeaderValue::from_static(word));
    }
    response
}

/// The preflight of an allowed origin: which methods and headers a browser may use.
pub(super) fn preflight(mut passage: Box<Passage>) -> Response<AnswerBody> {
    passage.facts.status = StatusCode::NO_CONTENT.as_u16();
    passage.facts.outcome = Outcome::Ok;
    let mut response = Response::new(());
    *response.status_mut() = StatusCode::NO_CONTENT;
    relay::own_headers(response.headers_mut(), &passage);
    let headers = response.headers_mut();
    let methods = HeaderValue::from_static("GET, POST, DELETE, PUT, PATCH, HEAD");
    headers.insert(http_header::ACCESS_CONTROL_ALLOW_METHODS, methods);
    headers.insert(
        http_header::ACCESS_CONTROL_ALLOW_HEADERS,
        HeaderValue::from_static("*, authorization"),
    );
    headers.insert(http_header::ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("600"));
    response.map(|()| AnswerBody::whole(Some(passage), Vec::new(), None))
}

/// The answer to a request whose handling panicked.
pub(super) fn panicked(id: RequestId) -> Response<AnswerBody> {
    own(&text::panicked(), id)
}

/// An answer without a passage.
fn own(told: &Told, id: RequestId) -> Response<AnswerBody> {
    let mut response = response(told, 0, id);
    response.headers_mut().insert(header::X_FERRY_REQUEST_ID, id.to_header());
    let code = HeaderValue::from_static(told.code);
    response.headers_mut().insert(header::X_FERRY_CODE, code);
    let body = render(told.kind, &told.message, told.code, id.as_str());
    response.map(|()| AnswerBody::whole(None, vec![body], None))
}

/// The answer to a request that has none when the drain is over.
pub(super) fn drained(id: RequestId) -> Response<AnswerBody> {
    own(&text::drained(), id)
}

/// The same as an event, for a stream that has been committed.
pub(super) fn drained_event(id: RequestId) -> Bytes {
    let told = text::drained();
    sse_error(told.kind, &told.message, told.code, id.as_str(), Before::Boundary)
}

/// The raw answer to bytes that never became a request.
pub(super) fn framing(why: FramingError, id: RequestId) -> Bytes {
    let status = StatusCode::from_u16(why.status()).unwrap_or(StatusCode::BAD_REQUEST);
    let reason = status.canonical_reason().unwrap_or("Bad Request");
    let kind = ApiErrorKind::InvalidRequest;
    raw(status.as_u16(), reason, kind, why.sentence(), why.code(), id)
}

/// The raw answer to a client that is cut for what it does on the connection.
pub(super) fn cut(half_closed: bool, id: RequestId) -> Bytes {
    let (status, reason, code, message) = if half_closed {
        let text = "The client closed its sending side before the answer; keep it open until then.";
        (400, "Bad Request", "half-closed", text)
    } else {
        let text = "The request's head was not complete in time; send it in one go.";
        (408, "Request Timeout", "slow-head", text)
    };
    raw(status, reason, ApiErrorKind::InvalidRequest, message, code, id)
}

fn raw(
    status: u16,
    reason: &str,
    kind: ApiErrorKind,
    message: &str,
    code: &'static str,
    id: RequestId,
) -> Bytes {
    let id = id.as_str();
    let body = render(kind, message, code, id);
    let mut bytes = format!(
        "HTTP/1.1 {status} {reason}\r\ncontent-type: application/json\r\nconnection: close\r\n\
         x-ferry-code: {code}\r\nx-ferry-request-id: {id}\r\nrequest-id: {id}\r\n\
         x-should-retry: false\r\ncontent-length: {}\r\n\r\n",
        body.len()
    )
    .into_bytes();
    bytes.extend_from_slice(&body);
    bytes.into()
}
