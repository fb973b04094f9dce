//! Why a body has no envelope, and at which byte. It never quotes more than that one byte.

use std::fmt;

/// A place in a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    /// Bytes before it.
    pub offset: u64,
    /// Line, from 1.
    pub line: u32,
    /// Column in bytes, from 1.
    pub column: u64,
}

impl fmt::Display for Position {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "line {}, column {} (byte {})", self.line, self.column, self.offset)
    }
}

/// Why a body has no envelope. Display fits after "failed to".
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EnvelopeError {
    /// The first byte that is no white space is not `{`; a byte order mark counts as such a byte.
    #[error("read the body as a JSON object: it does not begin with {{ at {at}")]
    NotAnObject {
        /// Where another byte stands.
        at: Position,
    },
    /// A bracket closes another kind than the one that stands open.
    #[error("read the body as JSON: a bracket closes what was not opened at {at}")]
    Unbalanced {
        /// Where the bracket stands.
        at: Position,
    },
    /// A byte that cannot stand there.
    #[error("read the body as JSON: unexpected {} at {at}", Shown(*byte))]
    UnexpectedByte {
        /// Where it stands.
        at: Position,
        /// The byte.
        byte: u8,
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
    /// A member that Ferry reads stands there twice; Ferry and the API might read different ones.
    #[error("read the body: {name} is given twice, again at {at}")]
    DuplicateMember {
        /// Where the second name ends.
        at: Position,
        /// Which member.
        name: &'static str,
    },
}

impl EnvelopeError {
    /// Where it went wrong.
    pub const fn position(&self) -> Position {
        match *self {
            Self::NotAnObject { at }
            | Self::Unbalanced { at }
            | Self::UnexpectedByte { at, .. }
            | Self::TrailingBytes { at }
            | Self::TooDeep { at }
            | Self::Truncated { at }
            | Self::DuplicateMember { at, .. } => at,
        }
    }
}

/// A byte as an operator can read it.
pub(crate) struct Shown(pub(crate) u8);

impl fmt::Display for Shown {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_ascii_graphic() {
            write!(formatter, "`{}`", char::from(self.0))
        } else {
            write!(formatter, "byte 0x{:02x}", self.0)
        }
    }
}
