//! Which path is answered by whom. It holds no state and writes no bytes of its own but the echo of other paths.

use std::sync::Arc;

use serde_json::json;

use crate::auth::{self, Caller};
use crate::clock;
use crate::dice::{FNV_START, fnv1a};
use crate::exchange::{Arrived, Reply};
use crate::knobs::Switch;
use crate::ledger::{Class, Generation};
use crate::messages::{Envelope, Planner, events};
use crate::refusal::Refusal;
use crate::state::Shared;
use crate::{legacy, models, sessions};

/// Documented size limits: Messages 32 MB, batches 256 MB.
const MESSAGES_BYTES_MAX: usize = 32 * 1024 * 1024;
const BATCH_BYTES_MAX: usize = 256 * 1024 * 1024;

/// The mock keeps files in memory: 64 MiB instead of the documented 500 MB.
const FILE_BYTES_MAX: usize = 64 * 1024 * 1024;

/// Bytes of a body that the path's route wants to have.
pub(crate) fn body_bound(path: &str) -> usize {
    match path {
        "/v1/messages/batches" => BATCH_BYTES_MAX,
        "/v1/files" => FILE_BYTES_MAX,
        _ if keeps_body(path) => MESSAGES_BYTES_MAX,
        _ => 0,
    }
}

/// Whether a route needs the whole body, so that a longer one is 413.
pub(crate) fn keeps_body(path: &str) -> bool {
    path.starts_with("/v1/messages") || path == "/v1/complete" || path == "/v1/files"
}

/// Answers a request to the API.
///
/// # Errors
/// What the API would refuse.
pub(crate) async fn answer(shared: &Shared, arrived: &Arrived<'_>) -> Result<Reply, Refusal> {
    let Some(rest) = arrived.path.strip_prefix("/v1/") else {
        return match arrived.path {
            // Warm-up calls and health checks.
            "/" | "/api/hello" => Ok(Reply::json(&json!({ "mock": true }))),
            _ => Err(Refusal::not_found("Not found")),
        };
    };
    let caller = auth::check(arrived.headers)?;
    let segments: Vec<&str> = rest.split('/').collect();
    let method = match arrived.method.as_str() {
        // A HEAD is a GET whose body is not sent; hyper leaves it out.
        "HEAD" => "GET",
        method => method,
    };
    match (method, segments.as_slice()) {
        ("POST", ["messages"]) => messages(shared, arrived, caller),
        (_, ["messages"]) => Err(Refusal::wrong_method()),
        ("POST", ["messages", "count_tokens"]) => count(arrived, caller),
        (_, ["messages", "batches", rest @ ..]) => {
            shared.batches.answer(arrived, method, rest, shared.settings.results_base.as_deref())
        }
        ("POST", ["complete"]) => legacy::complete(shared, arrived),
        ("GET", ["models", rest @ ..]) => models::answer(arrived, rest),
        (_, ["files", rest @ ..]) => shared.files.answer(arrived, method, rest),
        ("GET", ["sessions", id, "events", "stream"]) => Ok(sessions::stream(arrived, id)),
        ("GET", ["environments", _, "work", "poll"]) => {
            Ok(sessions::poll(shared.settings.poll_duration).await)
        }
        ("POST", ["environments", _, "work", _, "heartbeat"]) => Ok(Reply::bare(204)),
        _ => Ok(echo(arrived)),
    }
}

fn messages(shared: &Shared, arrived: &Arrived<'_>, caller: Caller<'_>) -> Result<Reply, Refusal> {
    let envelope = Envelope::read(arrived.body)?;
    envelope.check(caller.version)?;
    let input = shared.cache.bill(&envelope, caller.owner, clock::now());
    let knobs = arrived.knobs;
    let planner =
        Planner { seed: shared.settings.seed, envelope: &envelope, knobs, number: arrived.number };
    let plan = planner.plan(input);
    let ledger = &shared.ledger;
    ledger.bill(Class::Input, input.fresh);
    ledger.bill(Class::CacheRead, input.read);
    ledger.bill(Class::CacheWrite5m, input.written_5m);
    ledger.bill(Class::CacheWrite1h, input.written_1h);
    let generation = Generation::start(Arc::clone(ledger), plan.output);
    let reply = if envelope.stream == Some(true) {
        Reply::events(events(&plan, knobs.switches.has(Switch::Stamp), knobs.pings))
    } else {
        Reply::json_text(plan.message(true))
    };
    Ok(reply.generated(generation, plan.output))
}

fn count(arrived: &Arrived<'_>, caller: Caller<'_>) -> Result<Reply, Refusal> {
    let envelope = Envelope::read(arrived.body)?;
    envelope.check_prompt(caller.version)?;
    Ok(Reply::json(&json!({ "input_tokens": envelope.input_tokens() })))
}

/// Tells what arrived: for paths that the mock has no content for.
fn echo(arrived: &Arrived<'_>) -> Reply {
    let digest = arrived.body_digest.unwrap_or_else(|| fnv1a(FNV_START, arrived.body));
    Reply::json(&json!({
        "type": "echo",
        "method": arrived.method.as_str(),
        "path": arrived.path,
        "query": arrived.query,
        "body_bytes": arrived.body_len,
        "body_fnv1a": format!("{digest:016x}"),
    }))
}
