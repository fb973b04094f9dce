//! Room `settle`: the end of every request, also of one that was refused or hung up. Hands usage,
//! times and outcome to telemetry. It runs from the passage's drop, so it runs exactly once, and it
//! never waits.

use std::sync::Arc;

use crate::clock;
use crate::telemetry::{RequestEvent, Tokens};

use super::passage::Passage;

/// What a client may have written into a name or a path, and the log would show.
const HIDDEN: &str = "[REDACTED]";

/// Where requests are looked through, no value stands in the log either, wherever the client has put it.
fn hide(passage: &mut Passage) {
    let rules = &passage.snapshot.settings.redaction;
    if rules.is_off() {
        return;
    }
    let facts = &mut passage.facts;
    if facts.model.as_ref().is_some_and(|model| rules.finds(model)) {
        facts.model = Some(HIDDEN.into());
    }
    if rules.finds(&passage.path) {
        passage.path = HIDDEN.into();
    }
}

/// Settles a passage. Called by its drop and by nobody else.
pub(super) fn settle(passage: &mut Passage) {
    hide(passage);
    let facts = &mut passage.facts;
    let usage = facts.usage;
    let event = RequestEvent {
        at: passage.arrival_wall,
        request_id: passage.request_id.as_str().into(),
        tenant: std::mem::take(&mut passage.tenant),
        line: Arc::clone(&passage.line),
        method: std::mem::take(&mut passage.method),
        family: passage.family.as_str(),
        path: std::mem::take(&mut passage.path),
        client: passage.client,
        status: facts.status,
        outcome: facts.outcome,
        node: facts.node.as_ref().map(|node| Arc::clone(&node.settings.name)),
        attempts: facts.attempts,
        client_retry: facts.client_retry,
        model: facts.model.take(),
        stream: facts.stream,
        duration: clock::now().saturating_duration_since(passage.arrival),
        first_event: facts.first_event.map(|at| at.saturating_duration_since(passage.arrival)),
        upstream_request_id: facts.upstream_request_id.take(),
        tokens: usage.known.then_some(Tokens {
            input: usage.input,
            output: usage.output,
            cache_read: usage.cache_read,
            cache_write_5m: usage.cache_write_5m,
            cache_write_1h: usage.cache_write_1h,
            lower_bound: facts.usage_is_lower_bound,
        }),
        bytes_in: facts.bytes_in,
        bytes_out: facts.bytes_out,
        redactions: facts.redactions,
        code: facts.code,
    };
    passage.shared.telemetry.settled(&event);
    passage.shared.telemetry.request_ended();
}
