//! The error shape of the API: kinds, rendering Ferry's own errors, looking into foreign ones.
//!
//! An upstream error is only ever looked at here; its bytes go to the client as they came, since
//! clients match on the wording.

use std::convert::Infallible;
use std::str::FromStr;

use bytes::Bytes;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::json::{object, push_string};

/// Longest message that is kept of a foreign error, in bytes.
///
/// The API's own stay below 1 KiB; a relay may answer with a page.
pub const MESSAGE_BYTES_MAX: usize = 2048;

/// `error.type` of the API.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ApiErrorKind {
    /// 400; also an own spend limit reached.
    InvalidRequest,
    /// 401: key malformed, revoked or expired.
    Authentication,
    /// 402.
    Billing,
    /// 403: the key lacks the resource, or a region or firewall rule.
    Permission,
    /// 404: path or model.
    NotFound,
    /// 409; the SDKs retry it.
    Conflict,
    /// 413; comes from the provider's edge and is not in the SDKs' list.
    RequestTooLarge,
    /// 429.
    RateLimit,
    /// 500.
    Api,
    /// 504.
    Timeout,
    /// 529: all customers.
    Overloaded,
    /// 412 of memory stores.
    MemoryPrecondition,
    /// 409 of memory stores.
    MemoryPathConflict,
    /// Anything that the API did not have when this was written.
    Unknown,
}

impl ApiErrorKind {
    /// All kinds, for tables and metrics.
    pub const ALL: [Self; 14] = [
        Self::InvalidRequest,
        Self::Authentication,
        Self::Billing,
        Self::Permission,
        Self::NotFound,
        Self::Conflict,
        Self::RequestTooLarge,
        Self::RateLimit,
        Self::Api,
        Self::Timeout,
        Self::Overloaded,
        Self::MemoryPrecondition,
        Self::MemoryPathConflict,
        Self::Unknown,
    ];

    /// The name on the wire; `unknown_error` for [`Self::Unknown`], which the API never sends.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::InvalidRequest => "invalid_request_error",
            Self::Authentication => "authentication_error",
            Self::Billing => "billing_error",
            Self::Permission => "permission_error",
            Self::NotFound => "not_found_error",
            Self::Conflict => "conflict_error",
            Self::RequestTooLarge => "request_too_large",
            Self::RateLimit => "rate_limit_error",
            Self::Api => "api_error",
            Self::Timeout => "timeout_error",
            Self::Overloaded => "overloaded_error",
            Self::MemoryPrecondition => "memory_precondition_failed_error",
            Self::MemoryPathConflict => "memory_path_conflict_error",
            Self::Unknown => "unknown_error",
        }
    }

    /// The status that the API sends with it.
    pub const fn status(self) -> u16 {
        match self {
            Self::InvalidRequest => 400,
            Self::Authentication => 401,
            Self::Billing => 402,
            Self::Permission => 403,
            Self::NotFound => 404,
            Self::Conflict | Self::MemoryPathConflict => 409,
            Self::MemoryPrecondition => 412,
            Self::RequestTooLarge => 413,
            Self::RateLimit => 429,
            Self::Api | Self::Unknown => 500,
            Self::Timeout => 504,
            Self::Overloaded => 529,
        }
    }

    /// The kind that the API uses for a status.
    pub const fn of_status(status: u16) -> Self {
        match status {
            401 => Self::Authentication,
            402 => Self::Billing,
            403 => Self::Permission,
            404 => Self::NotFound,
            409 => Self::Conflict,
            413 => Self::RequestTooLarge,
            429 => Self::RateLimit,
            408 | 504 => Self::Timeout,
            503 | 529 => Self::Overloaded,
            400..500 => Self::InvalidRequest,
            _ => Self::Api,
        }
    }
}

impl FromStr for ApiErrorKind {
    type Err = Infallible;

    /// Never fails: a name that is not known is [`ApiErrorKind::Unknown`].
    fn from_str(name: &str) -> Result<Self, Infallible> {
        Ok(Self::ALL.into_iter().find(|kind| kind.as_str() == name).unwrap_or(Self::Unknown))
    }
}

/// What stands before an error event in the stream to the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Before {
    /// Only whole events, or nothing.
    Boundary,
    /// A part of an event, which becomes the error.
    PartialEvent,
}

/// Renders an error of Ferry's own as a JSON body.
///
/// Shape: `{"type":"error","error":{"type":..,"message":..,"details":{"error_code":..}},
/// "request_id":..}`; an empty `request_id` becomes `null`.
pub fn render(kind: ApiErrorKind, message: &str, code: &str, request_id: &str) -> Bytes {
    let mut out = Vec::with_capacity(body_len(message, code, request_id));
    push_body(&mut out, kind, message, code, request_id);
    Bytes::from(out)
}

/// Renders an error of Ferry's own as an `event: error` frame for a stream that has begun.
pub fn sse_error(
    kind: ApiErrorKind,
    message: &str,
    code: &str,
    request_id: &str,
    before: Before,
) -> Bytes {
    let mut out = Vec::with_capacity(body_len(message, code, request_id) + 32);
    if before == Before::PartialEvent {
        // Ends the line and not the event: `event: error` then names the whole, so that an SDK raises its
        // API error and not one about the JSON of half an event.
        out.push(b'\n');
    }
    out.extend_from_slice(b"event: error\ndata: ");
    push_body(&mut out, kind, message, code, request_id);
    out.extend_from_slice(b"\n\n");
    Bytes::from(out)
}

fn body_len(message: &str, code: &str, request_id: &str) -> usize {
    // The fixed text and the longest kind take 120 bytes; escapes are rare.
    160 + message.len() + code.len() + request_id.len()
}

fn push_body(out: &mut Vec<u8>, kind: ApiErrorKind, message: &str, code: &str, request_id: &str) {
    out.extend_from_slice(b"{\"type\":\"error\",\"error\":{\"type\":\"");
    out.extend_from_slice(kind.as_str().as_bytes());
    out.extend_from_slice(b"\",\"message\":");
    push_string(out, message);
    out.extend_from_slice(b",\"details\":{\"error_code\":");
    push_string(out, code);
    out.extend_from_slice(b"}},\"request_id\":");
    if request_id.is_empty() {
        out.extend_from_slice(b"null");
    } else {
        push_string(out, request_id);
    }
    out.push(b'}');
}

/// An error of the API, as far as Ferry reads it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiError {
    /// `error.type`.
    pub kind: ApiErrorKind,
    /// `error.type` as it was written, also where the API's reference does not list it (`forbidden`).
    pub kind_text: Box<str>,
    /// `error.message`, at most [`MESSAGE_BYTES_MAX`] bytes of it.
    pub message: Box<str>,
    /// `error.details.error_code`.
    pub error_code: Option<Box<str>>,
    /// `request_id`.
    pub request_id: Option<Box<str>>,
}

#[derive(Deserialize)]
struct Outer<'a> {
    #[serde(borrow)]
    error: &'a RawValue,
    #[serde(borrow, default)]
    request_id: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Inner<'a> {
    #[serde(borrow, default, rename = "type")]
    kind: Option<&'a RawValue>,
    #[serde(borrow, default)]
    message: Option<&'a RawValue>,
    #[serde(borrow, default)]
    details: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Details<'a> {
    #[serde(borrow, default)]
    error_code: Option<&'a RawValue>,
}

/// Looks into an error body, of the API or of a relay that is near it.
///
/// Nothing when it is no JSON object with a member `error`. A field of an unexpected type is
/// taken as absent.
pub fn peek(body: &[u8]) -> Option<ApiError> {
    let outer: Outer<'_> = object(body)?;
    let inner: Option<Inner<'_>> = object(outer.error.get().as_bytes());
    let details: Option<Details<'_>> = inner
        .as_ref()
        .and_then(|inner| inner.details)
        .and_then(|details| object(details.get().as_bytes()));
    let kind = inner.as_ref().and_then(|inner| text(inner.kind));
    // Some relays write `"error": "words"`.
    let message = match &inner {
        Some(inner) => text(inner.message),
        None => Some(text(Some(outer.error))?),
    };
    Some(ApiError {
        kind: kind.as_deref().and_then(|kind| kind.parse().ok()).unwrap_or(ApiErrorKind::Unknown),
        kind_text: capped(kind.as_deref().unwrap_or_default()),
        message: capped(message.as_deref().unwrap_or_default()),
        error_code: details
            .and_then(|details| text(details.error_code))
            .map(String::into_boxed_str),
        request_id: text(outer.request_id).map(String::into_boxed_str),
    })
}

fn text(raw: Option<&RawValue>) -> Option<String> {
    serde_json::from_str(raw?.get()).ok()
}

fn capped(message: &str) -> Box<str> {
    let end = message.floor_char_boundary(MESSAGE_BYTES_MAX);
    Box::from(message.get(..end).unwrap_or_default())
}

/// Whether an answer that should be JSON or SSE is a page of some middle box instead.
///
/// `first` is the beginning of the body, as much as has come. Neither JSON nor SSE can begin
/// with `<`.
pub fn looks_like_html(content_type: Option<&str>, first: &[u8]) -> bool {
    let says_html = content_type.is_some_and(|value| {
        let essence = value.split(';').next().unwrap_or_default().trim();
        essence.eq_ignore_ascii_case("text/html")
            || essence.eq_ignore_ascii_case("application/xhtml+xml")
    });
    let first = first.strip_prefix(b"\xef\xbb\xbf").unwrap_or(first);
    says_html || first.trim_ascii_start().first() == Some(&b'<')
}

#[cfg(test)]
mod tests;
