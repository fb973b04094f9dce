//! Answers that are held until they are whole, so that a cut is an error and not half an answer. One
//! that is larger than the bound, or for which there is no memory, flows on instead: it is paid for.

use std::future::poll_fn;
use std::sync::Arc;

use bytes::Bytes;
use ferry_wire::error::looks_like_html;
use ferry_wire::path::Family;
use ferry_wire::{results_url, usage};
use http::header as http_header;
use http::response::Parts;

use super::{BadAnswer, Fault, Form, Phase};
use crate::clock;
use crate::journey::accept::Head;
use crate::journey::answer::finished;
use crate::journey::deadline::{Late, before};
use crate::journey::decode::{DecodeFault, decoded, is_coded};
use crate::journey::flight::Flight;
use crate::journey::passage::{HeldBytes, Passage};
use crate::journey::pieces::{Pieces, join};

/// Holds an answer until it is whole.
pub(super) async fn hold(
    passage: &mut Passage,
    parts: &mut Parts,
    flight: &mut Flight,
    head: &Head,
) -> Result<Form, Fault> {
    let settings = &passage.snapshot.settings;
    let (max, held_max) = (settings.answer_bytes_max, settings.held_bytes_max);
    let node = Arc::clone(&flight.node.settings.name);
    let gap = passage.snapshot.settings.timeouts.event_gap;
    let total = passage.total_deadline();
    let mut set_aside = HeldBytes::none(&passage.shared);
    let mut pieces = Pieces::default();
    while !flight.landed() {
        // The head is there: the rest comes without a model's pause.
        let until = total.min(clock::now() + gap);
        match before(until, poll_fn(|cx| flight.poll_data(cx))).await {
            Ok(None) => break,
            Ok(Some(Ok(chunk))) => {
                let fits = set_aside.grow(chunk.len() as u64, held_max);
                pieces.push(chunk);
                if !fits || pieces.len() > max {
                    let first = pieces.finish();
                    passage.not_screened();
                    return Ok(Form::Flow { first, watch: None, set_aside: Some(set_aside) });
                }
            }
            Ok(Some(Err(_broken))) => {
                return Err(Fault::Lost { node, phase: Phase::Answer });
            }
            Err(Late) if clock::now() >= total => return Err(Fault::Total { node }),
            Err(Late) => {
                let after_ms = gap.as_millis();
                return Err(Fault::Silent { node, phase: Phase::Answer, after_ms });
            }
        }
    }
    let whole = join(pieces.finish());
    let chunks = understand(passage, parts, whole, head, &mut set_aside)
        .map_err(|answer| Fault::Bad { node, answer })?;
    Ok(Form::Whole { chunks, head_only: false, set_aside: Some(set_aside) })
}

/// Reads what a held answer says of itself; a successful Messages answer must be whole JSON.
fn understand(
    passage: &mut Passage,
    parts: &mut Parts,
    whole: Bytes,
    head: &Head,
    set_aside: &mut HeldBytes,
) -> Result<Vec<Bytes>, BadAnswer> {
    if !parts.status.is_success() || !passage.family.observed() {
        return Ok(vec![whole]);
    }
    let plain = if is_coded(&parts.headers) {
        let settings = &passage.snapshot.settings;
        let (max, held_max) = (settings.answer_bytes_max, settings.held_bytes_max);
        let mut grow = |bytes| set_aside.grow(bytes, held_max);
        match decoded(&parts.headers, std::slice::from_ref(&whole), max, &mut grow) {
            Ok(Some(plain)) => plain,
            // It is paid for, and the client asked for the coding.
            Ok(None) | Err(DecodeFault::NoMemory) => {
                passage.not_screened();
                return Ok(vec![whole]);
            }
            Err(DecodeFault::Coding(_not_this_one)) => return Err(BadAnswer::HalfJson),
        }
    } else {
        whole.clone()
    };
    if matches!(passage.family, Family::BatchCreate | Family::BatchObject) {
        let base = head.public_base.as_deref().unwrap_or("");
        return match results_url::rewrite(&plain, base) {
            Ok(Some(spliced)) => {
                // The splice is in the decoded answer, which is what the client gets.
                parts.headers.remove(http_header::CONTENT_ENCODING);
                Ok(spliced)
            }
            Ok(None) => Ok(vec![whole]),
            Err(_not_json) => Err(BadAnswer::HalfJson),
        };
    }
    let Some(message) = usage::from_message(&plain) else {
        let status = parts.status.as_u16();
        let html = looks_like_html(None, &plain);
        return Err(if html { BadAnswer::Html { status } } else { BadAnswer::HalfJson });
    };
    passage.facts.usage = message.usage;
    if message.model.is_some() {
        passage.facts.model = message.model;
    }
    let Some(finished) = finished(passage, &plain) else { return Ok(vec![whole]) };
    // The edits are in the decoded answer, which is what the client gets.
    parts.headers.remove(http_header::CONTENT_ENCODING);
    Ok(finished)
}
