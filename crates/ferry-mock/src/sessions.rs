//! Managed agents, as far as a gateway must carry them: a stream of events on a GET, and a long poll.

use std::time::Duration;

use bytes::Bytes;
use serde_json::json;

use crate::clock;
use crate::dice;
use crate::exchange::{Arrived, Reply};
use crate::messages::Event;

/// Events of a session: a turn of the agent, from running to idle.
pub(crate) fn stream(arrived: &Arrived<'_>, session: &str) -> Reply {
    let seed = dice::hash(arrived.number, session.as_bytes());
    let texts = ["I look at the files first.", "The test fails on the empty list.", "It is fixed."];
    let status = |name: &str| json!({ "type": format!("session.status_{name}") });
    let messages = texts.iter().take(arrived.knobs.chunks.unwrap_or(texts.len())).map(
        |text| json!({ "type": "agent.message", "content": [{ "type": "text", "text": text }] }),
    );
    let all = std::iter::once(status("running")).chain(messages).chain([status("idle")]);
    let events = all.zip(0_u64..).map(|(mut event, number)| {
        event["id"] = json!(dice::id("sevt_", seed ^ dice::mix(number)));
        event["processed_at"] = json!(clock::rfc3339_in(Duration::ZERO));
        // One token each: enough for the pace to apply.
        Event { bytes: Bytes::from(format!("event: message\ndata: {event}\n\n")), tokens: 1 }
    });
    Reply::events(events.collect())
}

/// Waits for work that never comes, then says so.
pub(crate) async fn poll(wait: Duration) -> Reply {
    if !wait.is_zero() {
        tokio::time::sleep(wait).await;
    }
    Reply::bare(204)
}
