//! An upload that has to be looked through: held whole, as other bodies are. Where what it holds is only counted it is never
//! refused for its size: what came of it goes on before the rest, unlooked at.

use bytes::Bytes;
use http::Method;
use http_body::Body;
use hyper::body::Incoming;

use super::{Fault, Payload, next_chunk};
use crate::clock;
use crate::journey::passage::{HeldBytes, Passage};
use crate::journey::pieces::Pieces;

/// What came of holding an upload.
pub(super) enum Upload {
    /// All of it.
    Whole(Payload),
    /// There is no room for all of it: these were the first of its bytes.
    Begun(Vec<Bytes>),
}

/// Whether an upload is held: its line looks for something.
pub(super) fn is_looked_through(passage: &Passage, method: &Method) -> bool {
    let rules = &passage.snapshot.settings.redaction;
    passage.family.uploads() && *method == Method::POST && !rules.policy(&passage.line).is_off()
}

/// Holds an upload.
pub(super) async fn hold(passage: &mut Passage, body: &mut Incoming) -> Result<Upload, Fault> {
    let settings = &passage.snapshot.settings;
    let is_strict = settings.redaction.policy(&passage.line).is_strict();
    let (max, held_max) = (settings.batch_body_bytes_max, settings.held_bytes_max);
    let mut set_aside = HeldBytes::none(&passage.shared);
    let mut pieces = Pieces::default();
    if body.size_hint().lower() > max {
        return begun(pieces, set_aside, is_strict, Fault::UploadTooLarge { max });
    }
    let mut timer = None;
    while let Some(chunk) = next_chunk(passage, body, pieces.len(), &mut timer).await? {
        let has_memory = set_aside.grow(chunk.len() as u64, held_max);
        pieces.push(chunk);
        if pieces.len() > max {
            return begun(pieces, set_aside, is_strict, Fault::UploadTooLarge { max });
        }
        if !has_memory {
            return begun(pieces, set_aside, is_strict, Fault::NoMemory);
        }
    }
    passage.facts.bytes_in = pieces.len();
    passage.read_at = clock::now();
    Ok(Upload::Whole(Payload::Held { chunks: pieces.finish().into(), set_aside }))
}

/// An upload that cannot be held: its end where something would be replaced or refused.
fn begun(
    pieces: Pieces,
    mut set_aside: HeldBytes,
    is_strict: bool,
    fault: Fault,
) -> Result<Upload, Fault> {
    if is_strict {
        return Err(fault);
    }
    let counted = pieces.finish().into_iter().map(|bytes| {
        let set_aside = set_aside.split(bytes.len() as u64);
        Bytes::from_owner(Counted { bytes, _set_aside: set_aside })
    });
    Ok(Upload::Begun(counted.collect()))
}

/// Bytes whose memory is given back when they have gone.
struct Counted {
    bytes: Bytes,
    _set_aside: HeldBytes,
}

impl AsRef<[u8]> for Counted {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}
