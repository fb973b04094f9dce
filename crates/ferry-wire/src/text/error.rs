//! Why a body could not be walked, and where. It never quotes more than one byte of a body, nor a name that could be
//! sensitive.

use memchr::memrchr;

use super::path::Steps;
use crate::envelope::{Position, Shown};
use crate::json::string_end;

/// Why a body could not be walked. Display fits after "failed to".
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WalkError {
    /// Longer than the offsets of the walk reach; no body that the API takes is.
    #[error("read the body: it is longer than 2 GiB")]
    TooLong,
    /// Not UTF-8.
    #[error("read the body as UTF-8: invalid at {at}")]
    NotUtf8 {
        /// The first byte that is part of no character.
        at: Position,
    },
    /// The first byte that is no white space is not `{`; a byte order mark counts as such a byte.
    #[error("read the body as a JSON object: it does not begin with {{ at {at}")]
    NotAnObject {
        /// Where another byte stands.
        at: Position,
    },
    /// A byte that cannot stand there, such as a bare control character in a string.
    #[error("read the body as JSON: unexpected {} at {at}", Shown(*byte))]
    UnexpectedByte {
        /// Where it stands.
        at: Position,
        /// The byte.
        byte: u8,
    },
    /// A backslash that begins none of the escapes of JSON.
    #[error("read the body as JSON: broken escape at {at}")]
    BrokenEscape {
        /// The backslash.
        at: Position,
    },
    /// Something other than white space follows the object.
    #[error("read the body as one JSON object: more follows it at {at}")]
    TrailingBytes {
        /// Where it begins.
        at: Position,
    },
    /// Nested deeper than [`super::DEPTH_MAX`].
    #[error("read the body as JSON: nested deeper than {} at {at}", super::DEPTH_MAX)]
    TooDeep {
        /// The bracket that is one too many.
        at: Position,
    },
    /// The body ends inside the object.
    #[error("read the body as JSON: it ends too early at {at}")]
    Truncated {
        /// The end of the body.
        at: Position,
    },
    /// An object has a name twice, in whatever spelling; Ferry and the API might read different ones.
    #[error("read the body: {path} is given twice, again at {at}")]
    DuplicateKey {
        /// The second name.
        at: Position,
        /// As [`super::Span::path`] says it.
        path: Box<str>,
    },
    /// An escape that is half of a surrogate pair, in a text or a name: it stands for no character.
    #[error("read {path} of the body: half a surrogate pair at {at}")]
    LoneSurrogate {
        /// The backslash of the escape.
        at: Position,
        /// As [`super::Span::path`] says it; for a name, that of its object.
        path: Box<str>,
    },
}

impl WalkError {
    /// Where it went wrong; nothing for a body that was not looked at.
    pub const fn position(&self) -> Option<Position> {
        match *self {
            Self::TooLong => None,
            Self::NotUtf8 { at }
            | Self::NotAnObject { at }
            | Self::UnexpectedByte { at, .. }
            | Self::BrokenEscape { at }
            | Self::TrailingBytes { at }
            | Self::TooDeep { at }
            | Self::Truncated { at }
            | Self::DuplicateKey { at, .. }
            | Self::LoneSurrogate { at, .. } => Some(at),
        }
    }

    /// For a body that is no UTF-8.
    #[cold]
    pub(super) fn not_utf8(body: &[u8]) -> Self {
        let valid = std::str::from_utf8(body).map_or_else(|error| error.valid_up_to(), str::len);
        Self::NotUtf8 { at: position(body, valid) }
    }

    /// For what a walk over `body` met when it stood at `steps`.
    #[cold]
    pub(super) fn of_fault(fault: Fault, body: &str, steps: &mut Steps) -> Self {
        let bytes = body.as_bytes();
        let at = position(bytes, fault.at);
        match fault.kind {
            FaultKind::NotAnObject => Self::NotAnObject { at },
            FaultKind::TrailingBytes => Self::TrailingBytes { at },
            FaultKind::TooDeep => Self::TooDeep { at },
            FaultKind::BrokenEscape => Self::BrokenEscape { at },
            FaultKind::LoneSurrogate => Self::LoneSurrogate { at, path: steps.render(body).into() },
            FaultKind::DuplicateKey => {
                let rest = bytes.get(fault.at..).unwrap_or_default();
                let len = string_end(rest, &mut false).unwrap_or_default();
                steps.push_name(&(fault.at..fault.at + len));
                Self::DuplicateKey { at, path: steps.render(body).into() }
            }
            FaultKind::Unexpected => match bytes.get(fault.at) {
                Some(&byte) => Self::UnexpectedByte { at, byte },
                None => Self::Truncated { at },
            },
        }
    }
}

/// What a walk met, and at which offset: small, since every step of a walk may end in one.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fault {
    pub kind: FaultKind,
    pub at: usize,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum FaultKind {
    NotAnObject,
    /// A byte that cannot stand there, or the end.
    Unexpected,
    TrailingBytes,
    TooDeep,
    BrokenEscape,
    LoneSurrogate,
    DuplicateKey,
}

impl FaultKind {
    pub(super) const fn at(self, at: usize) -> Fault {
        Fault { kind: self, at }
    }
}

/// The place of the byte at the offset `at`. Lines are counted only when there is something to tell.
fn position(body: &[u8], at: usize) -> Position {
    let before = body.get(..at).unwrap_or(body);
    let lines = memchr::memchr_iter(b'\n', before).count();
    let line_start = memrchr(b'\n', before).map_or(0, |end| end + 1);
    Position {
        offset: at as u64,
        line: u32::try_from(lines + 1).unwrap_or(u32::MAX),
        column: (at - line_start) as u64 + 1,
    }
}
