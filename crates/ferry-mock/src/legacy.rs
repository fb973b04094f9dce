//! `POST /v1/complete`: Text Completions as they were, JSON and SSE. Nothing here is newer than 2023.

use std::sync::Arc;

use bytes::Bytes;
use serde::Deserialize;
use serde_json::json;

use crate::dice::{self, Dice};
use crate::exchange::{Arrived, Reply};
use crate::ledger::{Class, Generation};
use crate::messages::{Event, tokens_of};
use crate::prose::{Prose, tongue_of};
use crate::refusal::Refusal;
use crate::state::Shared;

#[derive(Deserialize)]
struct Completion {
    model: Option<String>,
    prompt: Option<String>,
    max_tokens_to_sample: Option<usize>,
    stream: Option<bool>,
}

/// Answers a Text Completions request.
///
/// # Errors
/// 400 for invalid JSON or a missing member.
pub(crate) fn complete(shared: &Shared, arrived: &Arrived<'_>) -> Result<Reply, Refusal> {
    let request: Completion = serde_json::from_slice(arrived.body).map_err(|error| {
        Refusal::invalid(format!("The request body is not valid JSON: {error}"))
    })?;
    let required = |name: &str| Refusal::invalid(format!("{name}: Field required"));
    let model = request.model.ok_or_else(|| required("model"))?;
    let prompt = request.prompt.ok_or_else(|| required("prompt"))?;
    let limit = request.max_tokens_to_sample.ok_or_else(|| required("max_tokens_to_sample"))?;
    if !prompt.contains("\n\nHuman:") {
        return Err(Refusal::invalid("prompt must start with \"\n\nHuman:\" turn"));
    }
    let mut dice = Dice::new(dice::hash(shared.settings.seed, prompt.as_bytes()));
    let id = dice::id("compl_", dice.bits());
    let usual = 32 + dice.below(48);
    let prose = Prose::write(&mut dice, tongue_of(prompt.as_bytes()), usual.min(limit));
    let stop = if limit < usual { "max_tokens" } else { "stop_sequence" };
    let output = u64::try_from(prose.ends.len()).unwrap_or(u64::MAX);
    shared.ledger.bill(Class::Input, tokens_of(prompt.len()));
    let generation = Generation::start(Arc::clone(&shared.ledger), output);
    let object = |text: &str, stop: Option<&str>| {
        json!({
            "type": "completion", "id": id, "completion": text, "stop_reason": stop,
            "model": model, "stop": stop.filter(|stop| *stop == "stop_sequence").map(|_| "\n\nHuman:"),
            "log_id": id, "truncated": false, "exception": null,
        })
    };
    if request.stream != Some(true) {
        // Completions began with a blank.
        let reply = Reply::json(&object(&format!(" {}", prose.text), Some(stop)));
        return Ok(reply.generated(generation, output));
    }
    let event = |name: &str, data: &serde_json::Value, tokens: u32| Event {
        bytes: Bytes::from(format!("event: {name}\r\ndata: {data}\r\n\r\n")),
        tokens,
    };
    let mut events = Vec::with_capacity(prose.ends.len() / 4 + 3);
    let mut from = 0;
    for ends in prose.ends.chunks(4) {
        let to = ends.last().copied().unwrap_or(from);
        let part = prose.text.get(from..to).unwrap_or_default();
        let text = if from == 0 { format!(" {part}") } else { part.to_owned() };
        from = to;
        let tokens = u32::try_from(ends.len()).unwrap_or(u32::MAX);
        events.push(event("completion", &object(&text, None), tokens));
    }
    events.insert(1.min(events.len()), event("ping", &json!({}), 0));
    events.push(event("completion", &object("", Some(stop)), 0));
    Ok(Reply::events(events).generated(generation, output))
}
