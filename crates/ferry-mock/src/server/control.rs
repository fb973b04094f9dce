//! The mock's own paths under `/__mock`: counters, past requests, the dial. They need no key and are not counted.
//!
//! | path | what |
//! |---|---|
//! | `GET /__mock/stats` | counters |
//! | `GET /__mock/last` | the newest request; 404 when there is none |
//! | `GET /__mock/last/body` | its body, byte for byte, as far as it was kept |
//! | `GET /__mock/last/head` | its head, byte for byte (HTTP/1.1) |
//! | `GET /__mock/requests` | all kept requests, oldest first |
//! | `POST /__mock/reset` | counters, ring, cache, batches and files to zero |
//! | `POST /__mock/fault` | the body is a fault spec that replaces the standing faults; empty takes all away |
//! | `POST /__mock/scenario` | the same with the text of a scenario file |
//! | `POST /__mock/batches/finish` | ends every running batch |

use bytes::Bytes;
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::http::request::Parts;
use hyper::{Response, StatusCode};
use serde_json::{Value, json};

use crate::body::MockBody;
use crate::fault::parse_scenario;
use crate::ledger::Captured;
use crate::state::Shared;

/// A fault spec or a scenario is never longer.
pub(super) const BODY_BYTES_MAX: usize = 1024 * 1024;

/// Answers one of the mock's own paths.
pub(super) fn answer(shared: &Shared, parts: &Parts, body: &[u8]) -> Response<MockBody> {
    let text = std::str::from_utf8(body).unwrap_or_default();
    let path = parts.uri.path().trim_start_matches("/__mock");
    match (parts.method.as_str(), path) {
        ("GET", "/stats") => {
            respond(200, &serde_json::to_value(shared.ledger.stats()).unwrap_or_default())
        }
        ("GET", "/last") => match shared.ledger.last() {
            Some(captured) => respond(200, &captured.to_json()),
            None => respond(404, &json!({ "error": "no request is kept" })),
        },
        ("GET", "/last/body") => raw(shared.ledger.last().map(|captured| captured.body)),
        ("GET", "/last/head") => raw(shared.ledger.last().and_then(|captured| captured.raw_head)),
        ("GET", "/requests") => {
            let requests: Vec<Value> =
                shared.ledger.requests().iter().map(Captured::to_json).collect();
            respond(200, &Value::Array(requests))
        }
        ("POST", "/reset") => {
            shared.reset();
            respond(200, &json!({ "reset": true }))
        }
        ("POST", "/fault") => match shared.set_fault(text) {
            Ok(()) => respond(200, &json!({ "fault": text.trim() })),
            Err(error) => respond(400, &json!({ "error": error.to_string() })),
        },
        ("POST", "/scenario") => match parse_scenario(text) {
            Ok(rules) => {
                let count = rules.len();
                shared.set_rules(rules);
                respond(200, &json!({ "rules": count }))
            }
            Err(error) => {
                let cause = std::error::Error::source(&error).map(ToString::to_string);
                respond(400, &json!({ "error": error.to_string(), "cause": cause }))
            }
        },
        ("POST", "/batches/finish") => {
            shared.batches.finish_all();
            respond(200, &json!({ "finished": true }))
        }
        _ => respond(404, &json!({ "error": "no such path under /__mock" })),
    }
}

fn respond(status: u16, value: &Value) -> Response<MockBody> {
    build(status, "application/json", Bytes::from(value.to_string()))
}

fn raw(bytes: Option<Bytes>) -> Response<MockBody> {
    match bytes {
        Some(bytes) => build(200, "application/octet-stream", bytes),
        None => respond(404, &json!({ "error": "no such bytes are kept" })),
    }
}

fn build(status: u16, content_type: &'static str, bytes: Bytes) -> Response<MockBody> {
    let mut response = Response::new(MockBody::ready(bytes));
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::IM_A_TEAPOT);
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}
