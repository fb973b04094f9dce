//! What is done with a value that was found, and how tight that is.
//!
//! The order is by how much of the value the node, and whoever reads there, still learns: a line may go
//! up in it and never down.

use std::fmt;

/// What is done with a value. Ordered: what stands later is tighter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Action {
    /// The value goes on, and nobody is told.
    #[default]
    Allow,
    /// The value goes on and is counted.
    Report,
    /// Stars and the last four characters: a part of the value goes on.
    Mask,
    /// A token that is the same for the same value, and becomes the value again in the answer.
    Pseudonym,
    /// A keyed hash: the same for the same value, and no way back.
    Hash,
    /// `[REDACTED]`: nothing of the value goes on, not even which are the same.
    Redact,
    /// The request is refused.
    Block,
}

impl Action {
    /// Every action, from the loosest to the tightest.
    pub const ALL: [Self; 7] = [
        Self::Allow,
        Self::Report,
        Self::Mask,
        Self::Pseudonym,
        Self::Hash,
        Self::Redact,
        Self::Block,
    ];

    /// The name in the configuration, in reports and labels.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Report => "report",
            Self::Mask => "mask",
            Self::Pseudonym => "pseudonym",
            Self::Hash => "hash",
            Self::Redact => "redact",
            Self::Block => "block",
        }
    }

    /// The action that the configuration calls so.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|action| action.name() == name)
    }

    /// Whether another text takes the place of the value.
    pub const fn replaces(self) -> bool {
        match self {
            Self::Mask | Self::Pseudonym | Self::Hash | Self::Redact => true,
            Self::Allow | Self::Report | Self::Block => false,
        }
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_told_apart_and_the_order_is_the_list() {
        for pair in Action::ALL.windows(2) {
            assert!(pair[0] < pair[1]);
        }
        for action in Action::ALL {
            assert_eq!(Action::from_name(action.name()), Some(action));
        }
        assert_eq!(Action::from_name("REDACT"), None);
        assert_eq!(Action::default(), Action::Allow);
    }
}
