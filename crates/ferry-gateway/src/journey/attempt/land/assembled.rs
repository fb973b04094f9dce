//! The answer of a call that is no stream, asked for as one: read to its end and put together, so that no
//! middle box sees silence and a cut shows at once. Nothing of it has gone out before it is whole.

use std::future::poll_fn;
use std::sync::Arc;

use ferry_wire::assemble::{AssembleError, Assembler, Outcome};
use http::response::Parts;
use http::{HeaderValue, StatusCode, header as http_header};

use super::{BadAnswer, Fault, Form, Phase, first_byte_left, flavor};
use crate::clock;
use crate::journey::answer::finished;
use crate::journey::deadline::{Late, before};
use crate::journey::flight::Flight;
use crate::journey::passage::{HeldBytes, Passage};

/// Reads a stream and gives the answer that the API would have given without one.
pub(super) async fn assemble(
    passage: &mut Passage,
    parts: &mut Parts,
    flight: &mut Flight,
) -> Result<Form, Fault> {
    let settings = &passage.snapshot.settings;
    let timeouts = settings.timeouts;
    let bytes_max = usize::try_from(settings.answer_bytes_max).unwrap_or(usize::MAX);
    let held_max = settings.held_bytes_max;
    let node = Arc::clone(&flight.node.settings.name);
    let mut set_aside = HeldBytes::none(&passage.shared);
    let mut assembler = Assembler::new(flavor(passage.family), bytes_max);
    let (mut patience, mut phase) = (first_byte_left(passage), Phase::Sent);
    while !assembler.is_ended() {
        let until = (clock::now() + patience).min(passage.total_deadline());
        match before(until, poll_fn(|cx| flight.poll_data(cx))).await {
            Ok(Some(Ok(chunk))) => {
                (patience, phase) = (timeouts.event_gap, Phase::Answer);
                if !set_aside.grow(chunk.len() as u64, held_max) {
                    return Err(too_large(node));
                }
                assembler.push(chunk).map_err(|error| fault(error, &node))?;
            }
            Ok(None) => break,
            Ok(Some(Err(_broken))) => {
                return Err(Fault::Lost { node, phase: Phase::Answer });
            }
            Err(Late) if clock::now() >= passage.total_deadline() => {
                return Err(Fault::Total { node });
            }
            Err(Late) => {
                let whole = if phase == Phase::Sent { timeouts.first_byte } else { patience };
                let after_ms = whole.as_millis();
                return Err(Fault::Silent { node, phase, after_ms });
            }
        }
    }
    let outcome = assembler.finish().map_err(|error| fault(error, &node))?;
    let facts = assembler.facts();
    passage.facts.usage = facts.usage;
    if facts.model.is_some() {
        passage.facts.model.clone_from(&facts.model);
    }
    let (body, late_error) = match outcome {
        Outcome::Answer(body) => (body, false),
        Outcome::Error { body, error } => {
            parts.status = StatusCode::from_u16(error.kind.status()).unwrap_or(parts.status);
            (body, !error.before_content)
        }
    };
    passage.facts.late_error = late_error;
    as_json(parts);
    let chunks = finished(passage, &body).unwrap_or_else(|| vec![body]);
    Ok(Form::Whole { chunks, head_only: false, set_aside: Some(set_aside) })
}

/// The head of a stream becomes that of one answer.
fn as_json(parts: &mut Parts) {
    parts.headers.remove(http_header::CONTENT_LENGTH);
    parts.headers.remove(http_header::CACHE_CONTROL);
    let json = HeaderValue::from_static("application/json");
    parts.headers.insert(http_header::CONTENT_TYPE, json);
}

fn too_large(node: Arc<str>) -> Fault {
    Fault::Bad { node, answer: BadAnswer::Unassembled }
}

fn fault(error: AssembleError, node: &Arc<str>) -> Fault {
    let node = Arc::clone(node);
    match error {
        AssembleError::Truncated => Fault::Lost { node, phase: Phase::Answer },
        AssembleError::TooLarge { .. }
        | AssembleError::Malformed { .. }
        | AssembleError::OutOfOrder { .. }
        | AssembleError::UnknownDelta
        | AssembleError::ToolInput => Fault::Bad { node, answer: BadAnswer::Unassembled },
    }
}
