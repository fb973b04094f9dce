//! The members that the walk reads: how they are told, how long their values may be, their names
//! in errors, and a bit each to find doubles.

use super::{ESCAPE_FACTOR, Level, MODEL_BYTES_MAX, SCALAR_BYTES_MAX, USER_ID_BYTES_MAX};
use crate::affinity::Part;
use crate::json::key_is;

/// The member whose value comes next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Member {
    Model,
    Stream,
    MaxTokens,
    Metadata,
    UserId,
    /// Only its place is noted.
    Part(Part),
    /// Only whether it is there is noted.
    Container,
    Unread,
}

impl Member {
    /// The member that a raw name stands for.
    pub(super) fn of(level: Level, name: &[u8]) -> Self {
        let is = |known| key_is(name, known);
        match level {
            Level::Metadata if is("user_id") => Self::UserId,
            Level::Top if is("model") => Self::Model,
            Level::Top if is("stream") => Self::Stream,
            Level::Top if is("max_tokens") => Self::MaxTokens,
            Level::Top if is("metadata") => Self::Metadata,
            Level::Top if is("messages") => Self::Part(Part::Messages),
            Level::Top if is("system") => Self::Part(Part::System),
            Level::Top if is("tools") => Self::Part(Part::Tools),
            Level::Top if is("container") => Self::Container,
            Level::Top | Level::Metadata => Self::Unread,
        }
    }

    /// Longest raw text that is kept; 0 when a text is not read.
    pub(super) const fn text_bytes_max(self) -> usize {
        match self {
            Self::Model => MODEL_BYTES_MAX * ESCAPE_FACTOR,
            Self::UserId => USER_ID_BYTES_MAX * ESCAPE_FACTOR,
            Self::Stream
            | Self::MaxTokens
            | Self::Metadata
            | Self::Part(_)
            | Self::Container
            | Self::Unread => 0,
        }
    }

    /// Longest scalar that is kept; 0 when a scalar is not read.
    pub(super) const fn scalar_bytes_max(self) -> usize {
        match self {
            Self::Stream | Self::MaxTokens => SCALAR_BYTES_MAX,
            Self::Model
            | Self::UserId
            | Self::Metadata
            | Self::Part(_)
            | Self::Container
            | Self::Unread => 0,
        }
    }

    pub(super) const fn bit(self) -> u8 {
        match self {
            Self::Model => 1,
            Self::Stream => 2,
            Self::MaxTokens => 4,
            Self::Metadata => 8,
            Self::UserId => 16,
            // Not read, so a double does no harm here: the API says what it makes of it.
            Self::Part(_) | Self::Container | Self::Unread => 0,
        }
    }

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Model => "model",
            Self::Stream => "stream",
            Self::MaxTokens => "max_tokens",
            Self::Metadata => "metadata",
            Self::UserId => "metadata.user_id",
            Self::Part(_) | Self::Container | Self::Unread => "",
        }
    }
}
