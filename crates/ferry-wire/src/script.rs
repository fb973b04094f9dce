//! Events of a stream as tests write them, in the framing of the API.

use serde_json::{Value as Json, json};

pub(crate) fn event(name: &str, data: &Json) -> String {
    format!("event: {name}\ndata: {data}\n\n")
}

pub(crate) fn delta(index: u64, delta: &Json) -> String {
    let data = json!({"type": "content_block_delta", "index": index, "delta": delta});
    event("content_block_delta", &data)
}

pub(crate) fn text_delta(index: u64, text: &str) -> String {
    delta(index, &json!({"type": "text_delta", "text": text}))
}

pub(crate) fn input_delta(index: u64, text: &str) -> String {
    delta(index, &json!({"type": "input_json_delta", "partial_json": text}))
}

pub(crate) fn stop(index: u64) -> String {
    event("content_block_stop", &json!({"type": "content_block_stop", "index": index}))
}

pub(crate) fn message_stop() -> String {
    event("message_stop", &json!({"type": "message_stop"}))
}
