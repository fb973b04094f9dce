//! The error shape written, read back, and told from a page.

use serde_json::Value;

use super::*;

#[test]
fn kinds_are_told_by_their_names_and_statuses() {
    for kind in ApiErrorKind::ALL {
        assert_eq!(kind.as_str().parse(), Ok(kind));
        assert!((400..600).contains(&kind.status()), "{kind:?}");
    }
    assert_eq!("new_error".parse(), Ok(ApiErrorKind::Unknown));
    let by_status = [
        (400, ApiErrorKind::InvalidRequest),
        (401, ApiErrorKind::Authentication),
        (402, ApiErrorKind::Billing),
        (403, ApiErrorKind::Permission),
        (404, ApiErrorKind::NotFound),
        (405, ApiErrorKind::InvalidRequest),
        (408, ApiErrorKind::Timeout),
        (409, ApiErrorKind::Conflict),
        (413, ApiErrorKind::RequestTooLarge),
        (429, ApiErrorKind::RateLimit),
        (500, ApiErrorKind::Api),
        (502, ApiErrorKind::Api),
        (503, ApiErrorKind::Overloaded),
        (504, ApiErrorKind::Timeout),
        (529, ApiErrorKind::Overloaded),
    ];
    for (status, kind) in by_status {
        assert_eq!(ApiErrorKind::of_status(status), kind, "{status}");
    }
}

#[test]
fn an_own_error_has_the_shape_of_the_api() {
    let body = render(ApiErrorKind::NotFound, "no \"such\"\npath\u{1}", "path-not-api", "req_1");
    assert_eq!(
        body,
        "{\"type\":\"error\",\"error\":{\"type\":\"not_found_error\",\"message\":\"no \\\"such\\\"\\npath\\u0001\",\
         \"details\":{\"error_code\":\"path-not-api\"}},\"request_id\":\"req_1\"}"
    );
    let value: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(value["error"]["message"], "no \"such\"\npath\u{1}");
    let error = peek(&body).unwrap();
    assert_eq!(error.kind, ApiErrorKind::NotFound);
    assert_eq!(error.error_code.as_deref(), Some("path-not-api"));
    assert_eq!(error.request_id.as_deref(), Some("req_1"));
    let value: Value = serde_json::from_slice(&render(ApiErrorKind::Api, "", "", "")).unwrap();
    assert_eq!(value["request_id"], Value::Null);
}

#[test]
fn an_error_event_takes_over_what_stands_before_it() {
    let clean = sse_error(ApiErrorKind::Api, "cut\r\n\ndata: x", "c", "r", Before::Boundary);
    assert!(clean.starts_with(b"event: error\ndata: {"));
    assert!(clean.ends_with(b"}\n\n"));
    assert_eq!(memchr::memchr_iter(b'\n', &clean).count(), 3, "one frame only");
    let after_part = sse_error(ApiErrorKind::Api, "m", "c", "r", Before::PartialEvent);
    assert!(after_part.starts_with(b"\nevent: error\ndata: {"));
}

/// Kind, message and code.
type Seen<'a> = (ApiErrorKind, &'a str, Option<&'a str>);

#[test]
fn foreign_errors_are_looked_into_as_far_as_they_go() {
    let table: &[(&str, Option<Seen<'_>>)] = &[
        (
            r#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}"#,
            Some((ApiErrorKind::Overloaded, "Overloaded", None)),
        ),
        (
            r#"{"error":{"details":{"error_code":"x","more":1},"message":"m","type":"rate_limit_error","new":[]},"n":{}}"#,
            Some((ApiErrorKind::RateLimit, "m", Some("x"))),
        ),
        (
            r#"{"error":{"type":5,"message":["x"],"details":"s"}}"#,
            Some((ApiErrorKind::Unknown, "", None)),
        ),
        (r#"{"error":"words"}"#, Some((ApiErrorKind::Unknown, "words", None))),
        (
            r#"{"error":{"type":"api_error","message":"\u4e2d"},"request_id":7}"#,
            Some((ApiErrorKind::Api, "\u{4e2d}", None)),
        ),
        (r#"{"error":null}"#, None),
        (r#"{"message":"m"}"#, None),
        (r#"{"error":{"type":"api_error""#, None),
        ("<html></html>", None),
        ("", None),
        ("[]", None),
    ];
    for (body, expected) in table {
        let found = peek(body.as_bytes());
        let found = found
            .as_ref()
            .map(|error| (error.kind, error.message.as_ref(), error.error_code.as_deref()));
        assert_eq!(found, *expected, "{body}");
    }
}

#[test]
fn a_long_message_is_cut_at_a_character() {
    let body = format!(r#"{{"error":{{"message":"x{}"}}}}"#, "\u{4e2d}".repeat(MESSAGE_BYTES_MAX));
    let message = peek(body.as_bytes()).unwrap().message;
    assert_eq!(message.len(), MESSAGE_BYTES_MAX - (MESSAGE_BYTES_MAX - 1) % 3);
}

#[test]
fn pages_are_told_from_answers() {
    let table: &[(Option<&str>, &str, bool)] = &[
        (Some("text/html"), "", true),
        (Some("Text/HTML; charset=utf-8"), "{}", true),
        (Some("application/xhtml+xml"), "", true),
        (Some("application/json"), "{\"a\":\"<html>\"}", false),
        (Some("application/json"), "  \r\n<!DOCTYPE html>", true),
        (Some("text/event-stream"), "event: x\n", false),
        (None, "\u{feff}<html>", true),
        (None, "{}", false),
        (None, "", false),
        (Some("text/htmlx"), "", false),
    ];
    for (content_type, first, expected) in table {
        assert_eq!(looks_like_html(*content_type, first.as_bytes()), *expected, "{first}");
    }
}
