//! The API's error answers: status, type, wording and headers as documented. It decides nothing.

use bytes::Bytes;
use hyper::HeaderMap;
use hyper::header::HeaderValue;
use serde_json::json;

use crate::fault::Failure;

/// An error that the API would give.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    /// HTTP status.
    pub(crate) status: u16,
    /// `error.type`.
    pub(crate) kind: String,
    /// `error.message`.
    pub(crate) message: String,
    /// `error.details.error_code`.
    pub(crate) error_code: Option<String>,
    /// Further headers.
    pub(crate) headers: HeaderMap,
}

impl Refusal {
    fn new(status: u16, kind: &str, message: impl Into<String>) -> Self {
        Self {
            status,
            kind: kind.to_owned(),
            message: message.into(),
            error_code: None,
            headers: HeaderMap::new(),
        }
    }

    /// 400.
    pub(crate) fn invalid(message: impl Into<String>) -> Self {
        Self::new(400, "invalid_request_error", message)
    }

    /// 401.
    pub(crate) fn unauthenticated(message: &str) -> Self {
        Self::new(401, "authentication_error", message)
    }

    /// 403.
    pub(crate) fn forbidden(message: &str) -> Self {
        Self::new(403, "permission_error", message)
    }

    /// 404.
    pub(crate) fn not_found(message: impl Into<String>) -> Self {
        Self::new(404, "not_found_error", message)
    }

    /// 405.
    pub(crate) fn wrong_method() -> Self {
        Self::new(405, "invalid_request_error", "Method Not Allowed")
    }

    /// 413.
    pub(crate) fn too_large() -> Self {
        Self::new(413, "request_too_large", "Request exceeds the maximum size")
    }

    /// The error of a `status` fault: what the fault leaves open takes the documented value.
    pub(crate) fn of(failure: &Failure) -> Self {
        let (kind, message) = documented(failure.code);
        let kind = failure.kind.as_deref().unwrap_or(kind);
        let message = failure.message.as_deref().unwrap_or(message);
        let mut refusal = Self::new(failure.code, kind, message);
        refusal.error_code.clone_from(&failure.error_code);
        let usual = match failure.code {
            // A limit without a date to wait for is a spend limit.
            429 if failure.error_code.is_some() => None,
            429 => Some("2"),
            _ => None,
        };
        let after = failure.retry_after.as_deref().or(usual).filter(|value| !value.is_empty());
        let pairs = [
            ("retry-after", after),
            ("retry-after-ms", failure.retry_after_ms.as_deref()),
            ("x-should-retry", failure.should_retry.as_deref()),
        ];
        for (name, value) in pairs {
            if let Some(value) = value.and_then(|value| HeaderValue::from_str(value).ok()) {
                refusal.headers.insert(name, value);
            }
        }
        refusal
    }

    /// The body, with the id that also stands in the header.
    pub(crate) fn body(&self, request_id: &str) -> Bytes {
        let mut error = json!({ "type": self.kind, "message": self.message });
        if let Some(code) = &self.error_code {
            error["details"] = json!({ "error_code": code });
        }
        let body = json!({ "type": "error", "error": error, "request_id": request_id });
        Bytes::from(body.to_string())
    }
}

/// Type and wording of each documented status (API reference, Errors).
fn documented(code: u16) -> (&'static str, &'static str) {
    match code {
        401 => ("authentication_error", "invalid x-api-key"),
        402 => ("billing_error", "Your credit balance is too low to access the Anthropic API."),
        403 => (
            "permission_error",
            "Your API key does not have permission to use the specified resource.",
        ),
        404 => ("not_found_error", "Not found"),
        408 => ("timeout_error", "Request timed out"),
        409 => ("conflict_error", "The request conflicts with the current state of the resource."),
        413 => ("request_too_large", "Request exceeds the maximum size"),
        429 => (
            "rate_limit_error",
            "This request would exceed your organization's rate limit of 4,000 requests per minute.",
        ),
        400..=499 => ("invalid_request_error", "The request was invalid."),
        504 => ("timeout_error", "The request timed out."),
        529 => ("overloaded_error", "Overloaded"),
        _ => ("api_error", "Internal server error"),
    }
}

/// An `event: error` of a stream.
pub(crate) fn error_event(kind: &str, request_id: &str) -> Bytes {
    let message = match kind {
        "overloaded_error" => "Overloaded",
        _ => "Internal server error",
    };
    let data = json!({
        "type": "error",
        "error": { "type": kind, "message": message },
        "request_id": request_id,
    });
    Bytes::from(format!("event: error\ndata: {data}\n\n"))
}
