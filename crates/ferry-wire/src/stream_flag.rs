//! Asks for a stream in the name of a client that did not: the splice of `"stream":true`.
//!
//! One edit into the original bytes, at a place that the walk over the envelope has noted; the
//! rest of the body is the same chunks, not copied. A value that the API would refuse is left
//! alone, so that its error stays the client's answer.

use bytes::Bytes;

/// What a body says of `stream`. Offsets count from the start of the body.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum StreamFlag {
    /// Nothing.
    Absent {
        /// Offset right behind the opening brace.
        at: u64,
        /// Whether the body has no member at all.
        is_empty: bool,
    },
    /// `false` or `null`.
    Off {
        /// Offset of the value.
        at: u64,
        /// Its bytes.
        len: u8,
    },
    /// `true`.
    On,
    /// A value that is no boolean.
    #[default]
    Other,
}

impl StreamFlag {
    /// The flag whose whole value is the scalar `raw`, which ends before the offset `end`.
    pub(crate) fn of_scalar(raw: &[u8], end: u64) -> Self {
        let off = |len: u8| Self::Off { at: end.saturating_sub(u64::from(len)), len };
        match raw {
            b"true" => Self::On,
            b"false" => off(5),
            b"null" => off(4),
            _ => Self::Other,
        }
    }

    /// The chunks of the same body with `"stream":true`.
    ///
    /// Every other byte stays as it came: chunks are shared, at most two are sliced, and an empty
    /// piece is left out. Nothing when the body asks for a stream already, or says of it what the
    /// API refuses ([`StreamFlag::Other`]): then the body is sent as it is.
    ///
    /// `body` must be the one whose envelope this flag came from; of a shorter one, what there is
    /// comes back.
    pub fn ask(self, body: &[Bytes]) -> Option<Vec<Bytes>> {
        let (at, removed, put) = match self {
            Self::Absent { at, is_empty: true } => (at, 0, &b"\"stream\":true"[..]),
            Self::Absent { at, is_empty: false } => (at, 0, &b"\"stream\":true,"[..]),
            Self::Off { at, len } => (at, usize::from(len), &b"true"[..]),
            Self::On | Self::Other => return None,
        };
        Some(splice(body, usize::try_from(at).ok()?, removed, Bytes::from_static(put)))
    }
}

/// The chunks with `removed` bytes from the offset `at` on replaced by `put`.
fn splice(body: &[Bytes], at: usize, removed: usize, put: Bytes) -> Vec<Bytes> {
    let mut pieces = Vec::with_capacity(body.len() + 2);
    let mut put = Some(put);
    let mut start = 0;
    for chunk in body {
        let head = at.saturating_sub(start).min(chunk.len());
        let tail = (at + removed).saturating_sub(start).min(chunk.len());
        if head > 0 {
            pieces.push(chunk.slice(..head));
        }
        // An edit at the end of this chunk goes here, since there may be no chunk behind it.
        if at <= start + chunk.len() {
            pieces.extend(put.take());
        }
        if tail < chunk.len() {
            pieces.push(chunk.slice(tail..));
        }
        start += chunk.len();
    }
    pieces
}

#[cfg(test)]
mod tests;
