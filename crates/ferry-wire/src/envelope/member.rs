//! The members that the walk reads: their names in errors, and a bit each to find doubles.

/// The member whose value comes next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Member {
    Model,
    Stream,
    MaxTokens,
    Metadata,
    UserId,
    Unread,
}

impl Member {
    pub(super) const fn bit(self) -> u8 {
        match self {
            Self::Model => 1,
            Self::Stream => 2,
            Self::MaxTokens => 4,
            Self::Metadata => 8,
            Self::UserId => 16,
            Self::Unread => 0,
        }
    }

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Model => "model",
            Self::Stream => "stream",
            Self::MaxTokens => "max_tokens",
            Self::Metadata => "metadata",
            Self::UserId => "metadata.user_id",
            Self::Unread => "",
        }
    }
}
