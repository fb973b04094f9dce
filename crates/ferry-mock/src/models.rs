//! `GET /v1/models`: a list with pages, single models, and validators for conditional requests. The list is the
//! mock's own selection of November 2026, not a price list.

use bytes::Bytes;
use hyper::header::{ETAG, HeaderValue, IF_NONE_MATCH};
use serde_json::{Value, json};

use crate::dice::{FNV_START, fnv1a};
use crate::exchange::{Arrived, Payload, Reply};
use crate::refusal::Refusal;

/// Id, display name, release date, context and output limits; newest first, as the API lists them.
const MODELS: [(&str, &str, &str, u32, u32); 9] = [
    ("claude-fable-5-2", "Claude Fable 5.2", "2026-11-09", 1_000_000, 128_000),
    ("claude-haiku-5-5", "Claude Haiku 5.5", "2026-10-07", 1_000_000, 128_000),
    ("claude-sonnet-5-5", "Claude Sonnet 5.5", "2026-09-28", 1_000_000, 128_000),
    ("claude-opus-5-5", "Claude Opus 5.5", "2026-09-22", 1_000_000, 128_000),
    ("claude-opus-5", "Claude Opus 5", "2026-07-24", 1_000_000, 128_000),
    ("claude-sonnet-5", "Claude Sonnet 5", "2026-06-30", 1_000_000, 128_000),
    ("claude-sonnet-4-6", "Claude Sonnet 4.6", "2026-02-17", 1_000_000, 128_000),
    ("claude-haiku-4-5-20251001", "Claude Haiku 4.5", "2025-10-01", 200_000, 64_000),
    ("claude-sonnet-4-5-20250929", "Claude Sonnet 4.5", "2025-09-29", 200_000, 64_000),
];

/// Answers below `/v1/models`.
///
/// # Errors
/// 404 for a model that is not listed, 400 for a page that cannot be.
pub(crate) fn answer(arrived: &Arrived<'_>, rest: &[&str]) -> Result<Reply, Refusal> {
    let value = match rest {
        [] => {
            let all = MODELS.iter().map(model).collect();
            page(all, arrived.query, 20)?
        }
        [id] => MODELS
            .iter()
            .find(|(name, ..)| name == id)
            .map(model)
            .ok_or_else(|| Refusal::not_found(format!("model: {id}")))?,
        _ => return Err(Refusal::not_found("Not found")),
    };
    let text = value.to_string();
    let tag = format!("\"{:016x}\"", fnv1a(FNV_START, text.as_bytes()));
    let known = arrived.headers.get(IF_NONE_MATCH).and_then(|value| value.to_str().ok());
    let fresh = known.is_some_and(|known| known == "*" || known.contains(&tag));
    let mut reply = if fresh {
        Reply::bare(304)
    } else {
        Reply::new(200, "application/json", Payload::Whole(Bytes::from(text)))
    };
    if let Ok(tag) = HeaderValue::from_str(&tag) {
        reply.headers.insert(ETAG, tag);
    }
    Ok(reply)
}

fn model((id, name, released, input, output): &(&str, &str, &str, u32, u32)) -> Value {
    json!({
        "type": "model", "id": id, "display_name": name, "created_at": format!("{released}T00:00:00Z"),
        "max_input_tokens": input, "max_tokens": output,
    })
}

/// One value of a query string; the mock's ids need no percent-decoding.
pub(crate) fn query<'a>(query: Option<&'a str>, name: &str) -> Option<&'a str> {
    query?
        .split('&')
        .filter_map(|pair| pair.split_once('='))
        .find(|(key, _)| *key == name)
        .map(|(_, value)| value)
}

/// Cuts a page out of a list by `limit`, `after_id` and `before_id`.
///
/// # Errors
/// 400 for a limit outside 1 to 1000 or an id that is not in the list.
pub(crate) fn page(mut all: Vec<Value>, raw: Option<&str>, usual: usize) -> Result<Value, Refusal> {
    let limit = match query(raw, "limit").map(str::parse::<usize>) {
        None => usual,
        Some(Ok(limit)) if (1..=1000).contains(&limit) => limit,
        Some(_) => {
            return Err(Refusal::invalid("limit: Input should be between 1 and 1000"));
        }
    };
    let find = |name: &str, all: &[Value]| -> Result<Option<usize>, Refusal> {
        let Some(id) = query(raw, name) else { return Ok(None) };
        let place = all.iter().position(|entry| entry["id"] == id);
        place.map(Some).ok_or_else(|| Refusal::invalid(format!("{name}: no such id: {id}")))
    };
    if let Some(after) = find("after_id", &all)? {
        all.drain(..=after);
    }
    let mut more = false;
    if let Some(before) = find("before_id", &all)? {
        all.truncate(before);
        more = all.len() > limit;
        // A page before an id ends at it.
        all.drain(..all.len().saturating_sub(limit));
    }
    more = more || all.len() > limit;
    all.truncate(limit);
    let first = all.first().map(|entry| entry["id"].clone());
    let last = all.last().map(|entry| entry["id"].clone());
    Ok(json!({ "data": all, "has_more": more, "first_id": first, "last_id": last }))
}
