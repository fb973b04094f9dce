//! The result of one batch item, made when its line is sent. The same item gives the same line each time.

use bytes::Bytes;
use hyper::HeaderMap;
use serde_json::{Value, json};

use super::{Batch, Item};
use crate::dice;
use crate::knobs::Knobs;
use crate::messages::{Envelope, Input, Planner};
use crate::refusal::Refusal;

/// What became of an item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// A message.
    Succeeded = 0,
    /// An error.
    Errored = 1,
    /// Cancelled before it began.
    Cancelled = 2,
    /// Not begun within the day.
    Expired = 3,
}

/// Decides by the batch, the item's marker (`[mock result=...]`) and its validity.
pub(super) fn outcome(batch: &Batch, item: &Item) -> Outcome {
    if batch.cancelled.is_some() {
        return Outcome::Cancelled;
    }
    match knobs(item).result.as_deref() {
        Some("errored") => Outcome::Errored,
        Some("canceled") => Outcome::Cancelled,
        Some("expired") => Outcome::Expired,
        _ if check(batch, item).is_err() => Outcome::Errored,
        _ => Outcome::Succeeded,
    }
}

/// One line of the results, with its line end.
pub(super) fn line(batch: &Batch, item: &Item, seed: u64) -> Bytes {
    let id = Value::from(item.custom_id.as_str());
    let result = match outcome(batch, item) {
        Outcome::Cancelled => json!({ "type": "canceled" }).to_string(),
        Outcome::Expired => json!({ "type": "expired" }).to_string(),
        Outcome::Errored => errored(batch, item, seed),
        Outcome::Succeeded => match message(item, seed) {
            Some(message) => format!("{{\"type\":\"succeeded\",\"message\":{message}}}"),
            None => errored(batch, item, seed),
        },
    };
    Bytes::from(format!("{{\"custom_id\":{id},\"result\":{result}}}\n"))
}

fn errored(batch: &Batch, item: &Item, seed: u64) -> String {
    let refusal = check(batch, item).err();
    let refusal = refusal.unwrap_or_else(|| Refusal::invalid("The request was marked to fail."));
    let request = dice::id("req_", dice::hash(seed, item.custom_id.as_bytes()));
    let body = refusal.body(&request);
    format!("{{\"type\":\"errored\",\"error\":{}}}", String::from_utf8_lossy(&body))
}

fn knobs(item: &Item) -> Knobs {
    // A batch item has no faults of its own: a spec that cannot be read is ignored.
    Knobs::read(&HeaderMap::new(), item.params.get().as_bytes()).unwrap_or_default()
}

fn check(batch: &Batch, item: &Item) -> Result<(), Refusal> {
    let envelope = Envelope::read(item.params.get().as_bytes())?;
    envelope.check(&batch.version)?;
    if envelope.stream == Some(true) {
        return Err(Refusal::invalid("stream: streaming is not supported in batches"));
    }
    Ok(())
}

fn message(item: &Item, seed: u64) -> Option<String> {
    let envelope = Envelope::read(item.params.get().as_bytes()).ok()?;
    let knobs = knobs(item);
    let planner = Planner { seed, envelope: &envelope, knobs: &knobs, number: 0 };
    let input = Input { fresh: envelope.input_tokens(), ..Input::default() };
    Some(
        planner
            .plan(input)
            .message(true)
            .replace("\"service_tier\":\"standard\"", "\"service_tier\":\"batch\""),
    )
}
