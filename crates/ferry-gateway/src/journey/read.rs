//! Room `read`: the body. Messages-shaped JSON is held, in the chunks it came in and never copied, so
//! that it can be sent again, and an upload where it has to be looked through; everything else flows. The
//! envelope (model, stream, ...) is read on the way, from a decoded copy where the body is coded; the
//! original bytes go on.

mod coding;
mod upload;

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use ferry_wire::envelope::EnvelopeError;
use ferry_wire::path::Family;
use http::{HeaderMap, Method, header as http_header};
use http_body::{Body, Frame};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use tokio::time::Sleep;

pub(super) use self::coding::CodingFault;
use self::coding::EnvelopeReader;
use self::upload::Upload;
use super::accept::Head;
use super::admit::Admitted;
use super::deadline::at_once;
use super::identify::Caller;
use super::passage::{HeldBytes, Passage};
use super::pieces::Pieces;
use super::refuse::{Refused, refused};
use crate::clock;
use crate::upstream::Outgoing;

/// Below this many bytes per second a body is an attack, not an upload (reliability.md 6.1).
const SLOWEST_BYTES_PER_SECOND: u64 = 1000;

/// A request whose body is in hand, or ready to flow.
#[derive(Debug)]
pub(super) struct Read {
    pub(super) passage: Box<Passage>,
    pub(super) head: Head,
    pub(super) caller: Caller,
    pub(super) payload: Payload,
}

/// The body.
#[derive(Debug)]
pub(super) enum Payload {
    /// All of it, in the chunks it came in.
    Held {
        chunks: Arc<[Bytes]>,
        /// Frees the memory budget with the chunks.
        set_aside: HeldBytes,
    },
    /// As it comes; `None` once an attempt has taken it.
    Flowing(Option<Outgoing>),
}

impl Payload {
    /// What is held of it.
    pub(super) fn chunks(&self) -> &[Bytes] {
        match self {
            Self::Held { chunks, .. } => chunks,
            Self::Flowing(_) => &[],
        }
    }
}

/// Why a body is refused.
#[derive(Debug)]
pub(super) enum Fault {
    /// Over the size for its path.
    TooLarge { max: u64 },
    /// An upload over the size up to which it can be looked through, as it would have to be.
    UploadTooLarge { max: u64 },
    /// All held bodies together are over the bound.
    NoMemory,
    /// Not the JSON object that the path takes.
    Envelope { error: EnvelopeError, content_type_is_json: bool },
    /// Its content coding cannot be undone.
    Coding(CodingFault),
    /// The client broke off, or its framing is wrong.
    Broken,
    /// The client sent nothing for too long.
    Idle { after: Duration },
    /// The client sends too slowly.
    Slow,
}

/// Reads or passes on the body.
pub(super) async fn read(admitted: Admitted) -> Result<Read, Refused> {
    let Admitted { mut passage, head, mut body, caller } = admitted;
    let held = if upload::is_looked_through(&passage, &head.method) && !body.is_end_stream() {
        match upload::hold(&mut passage, &mut body).await {
            Ok(Upload::Whole(payload)) => Ok(payload),
            Ok(Upload::Begun(ahead)) => {
                let rest = Outgoing::flowing_behind(ahead, body);
                return Ok(Read { passage, head, caller, payload: Payload::Flowing(Some(rest)) });
            }
            Err(fault) => Err(fault),
        }
    } else if !passage.family.held() || head.method != Method::POST {
        let payload = if body.is_end_stream() {
            Payload::Held { chunks: Arc::new([]), set_aside: HeldBytes::none(&passage.shared) }
        } else {
            Payload::Flowing(Some(Outgoing::flowing(body)))
        };
        return Ok(Read { passage, head, caller, payload });
    } else {
        hold(&mut passage, &head.headers, &mut body).await
    };
    match held {
        Ok(payload) => Ok(Read { passage, head, caller, payload }),
        Err(fault @ (Fault::Broken | Fault::Idle { .. } | Fault::Slow)) => {
            Err(refused(passage, fault))
        }
        // It was read from, so a client that waited for 100-continue is sending.
        Err(fault) => Err(refused(passage, fault).with_upload_begun(body)),
    }
}

async fn hold(
    passage: &mut Passage,
    headers: &HeaderMap,
    body: &mut Incoming,
) -> Result<Payload, Fault> {
    let settings = &passage.snapshot.settings;
    let max = if passage.family == Family::BatchCreate {
        settings.batch_body_bytes_max
    } else {
        settings.body_bytes_max
    };
    let declared = body.size_hint().exact();
    if declared.is_some_and(|length| length > max) {
        return Err(Fault::TooLarge { max });
    }
    let mut set_aside = HeldBytes::none(&passage.shared);
    let mut reader = EnvelopeReader::new(headers, max).map_err(Fault::Coding)?;
    let envelope_fault = |error| match error {
        coding::ReadFault::Envelope(error) => {
            Fault::Envelope { error, content_type_is_json: content_type_is_json(headers) }
        }
        coding::ReadFault::Coding(fault) => Fault::Coding(fault),
    };
    let mut pieces = Pieces::default();
    let mut timer = None;
    while let Some(chunk) = next_chunk(passage, body, pieces.len(), &mut timer).await? {
        if pieces.len() + chunk.len() as u64 > max {
            return Err(Fault::TooLarge { max });
        }
        if !set_aside.grow(chunk.len() as u64, settings.held_bytes_max) {
            return Err(Fault::NoMemory);
        }
        reader.push(&chunk).map_err(envelope_fault)?;
        pieces.push(chunk);
    }
    passage.facts.bytes_in = pieces.len();
    passage.read_at = clock::now();
    if let Some(envelope) = reader.finish().map_err(envelope_fault)? {
        passage.note(envelope);
    }
    Ok(Payload::Held { chunks: pieces.finish().into(), set_aside })
}

async fn next_chunk(
    passage: &Passage,
    body: &mut Incoming,
    total: u64,
    timer: &mut Timer,
) -> Result<Option<Bytes>, Fault> {
    loop {
        match awaited(passage, body, total, timer).await? {
            None => return Ok(None),
            Some(Err(_broken)) => return Err(Fault::Broken),
            Some(Ok(frame)) => match frame.into_data() {
                Ok(data) if data.is_empty() => {}
                Ok(data) => return Ok(Some(data)),
                // A client's trailers never go upstream.
                Err(_trailers) => {}
            },
        }
    }
}

/// Whether a body of which `total` bytes came in `spent` is given up.
fn is_slow(spent: Duration, total: u64, idle: Duration, call: Duration) -> bool {
    // However fast it comes, a body must come in the time that a whole call may take.
    spent > call || spent > idle && total < spent.as_secs() * SLOWEST_BYTES_PER_SECOND
}

/// Rings when a wait may have been too long, or an earlier one would have been: so it is set once for a body and not
/// for each of its pieces.
type Timer = Option<Pin<Box<Sleep>>>;

/// The next frame. One that is there already costs no look at the clock: the slowness of a client shows in the waits
/// for it.
async fn awaited(
    passage: &Passage,
    body: &mut Incoming,
    total: u64,
    timer: &mut Timer,
) -> Result<Option<Result<Frame<Bytes>, hyper::Error>>, Fault> {
    let mut frame = body.frame();
    if let Some(there) = at_once(&mut frame).await {
        return Ok(there);
    }
    let timeouts = &passage.snapshot.settings.timeouts;
    let idle = timeouts.client_idle;
    let now = clock::now();
    let spent = now.saturating_duration_since(passage.arrival);
    if is_slow(spent, total, idle, timeouts.nonstream_total) {
        return Err(Fault::Slow);
    }
    let until = now + idle;
    let timer = timer.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(until.into())));
    loop {
        tokio::select! {
            biased;
            frame = &mut frame => return Ok(frame),
            () = timer.as_mut() => {
                if clock::now() >= until {
                    return Err(Fault::Idle { after: idle });
                }
                timer.as_mut().reset(until.into());
            }
        }
    }
}

fn content_type_is_json(headers: &HeaderMap) -> bool {
    headers
        .get(http_header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .is_some_and(|value| value.to_ascii_lowercase().starts_with("application/json"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_is_given_up_below_a_kilobyte_a_second_and_after_the_time_of_a_call() {
        let second = Duration::from_secs(1);
        for (spent, total, slow) in [
            (second * 59, 0, false),
            (second * 60, 0, false),
            (second * 61, 61 * SLOWEST_BYTES_PER_SECOND - 1, true),
            (second * 61, 61 * SLOWEST_BYTES_PER_SECOND, false),
            (second * 900, u64::MAX, false),
            (second * 901, u64::MAX, true),
        ] {
            let found = is_slow(spent, total, second * 60, second * 900);
            assert_eq!(found, slow, "{spent:?} {total}");
        }
    }
}
