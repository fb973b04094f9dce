//! Asks for a stream in the name of a client that did not: the splice of `"stream":true`.
//!
//! One edit into the original bytes, at a place that the walk over the envelope has noted; the
//! rest of the body is the same chunks, not copied. A value that the API would refuse is left
//! alone, so that its error stays the client's answer.

use bytes::Bytes;

use crate::splice::{EditError, Edits};

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
        let mut edits = Edits::new();
        self.ask_in(&mut edits).ok()?.then(|| edits.apply(body))
    }

    /// Adds the same edit to others of the same body; answers whether there was one to add.
    ///
    /// # Errors
    /// [`EditError`] when another edit stands in its place; no edit of a text does.
    pub fn ask_in(self, edits: &mut Edits) -> Result<bool, EditError> {
        let (at, removed, put) = match self {
            Self::Absent { at, is_empty: true } => (at, 0, &b"\"stream\":true"[..]),
            Self::Absent { at, is_empty: false } => (at, 0, &b"\"stream\":true,"[..]),
            Self::Off { at, len } => (at, usize::from(len), &b"true"[..]),
            Self::On | Self::Other => return Ok(false),
        };
        // No body in memory is longer than its offsets.
        let at = usize::try_from(at).unwrap_or(usize::MAX);
        edits.put_raw(at..at.saturating_add(removed), put)?;
        Ok(true)
    }
}

#[cfg(test)]
mod tests;
