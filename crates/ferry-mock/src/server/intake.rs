//! Reads a request's body under a bound and remembers what the ring of past requests should hold of it.
//! It never keeps more than the bound, and always reads to the end: a client sees the answer, not a reset.

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use hyper::body::{Body, Incoming};

use crate::dice::{FNV_START, fnv1a};

/// A body that has arrived.
#[derive(Debug, Default)]
pub(super) struct Intake {
    /// The body, or its first bytes where it was longer than the bound.
    pub(super) bytes: Bytes,
    /// Its whole length.
    pub(super) len: u64,
    /// FNV-1a over the whole, where not all is kept.
    pub(super) digest: Option<u64>,
}

impl Intake {
    /// Whether it was longer than the bound.
    pub(super) fn cut(&self) -> bool {
        self.digest.is_some()
    }
}

/// Reads to the end and keeps up to `bound` bytes; `None` when the client went away.
pub(super) async fn take(mut body: Incoming, bound: usize) -> Option<Intake> {
    if body.is_end_stream() {
        return Some(Intake::default());
    }
    let expected = usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX).min(bound);
    let mut first = Bytes::new();
    let mut joined = BytesMut::new();
    let mut intake = Intake::default();
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.ok()?.into_data() else { continue };
        intake.len += u64::try_from(data.len()).unwrap_or(0);
        if let Some(digest) = intake.digest {
            intake.digest = Some(fnv1a(digest, &data));
            continue;
        }
        // Most bodies come in one piece, which is then kept as it is.
        if first.is_empty() && joined.is_empty() && data.len() <= bound {
            first = data;
            continue;
        }
        if joined.is_empty() {
            joined.reserve(expected.max(first.len() + data.len()));
            joined.extend_from_slice(&first);
            first = Bytes::new();
        }
        let room = bound.saturating_sub(joined.len());
        let (kept, over) = data.split_at(room.min(data.len()));
        joined.extend_from_slice(kept);
        if !over.is_empty() {
            intake.digest = Some(fnv1a(fnv1a(FNV_START, &joined), over));
        }
    }
    intake.bytes = if joined.is_empty() { first } else { joined.freeze() };
    Some(intake)
}
