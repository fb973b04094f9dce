//! Which of a node's keys a request uses, and what is wrong with those that it cannot.
//!
//! The prompt cache belongs to the key's workspace, so a conversation stays with its key: rendezvous
//! hashing needs no memory, moves a conversation only when its own key is not usable, and back when it is.
//! It never sees a key's value. Rate limits per model are `overload`'s.

mod state;
#[cfg(test)]
mod tests;

pub use self::state::{EXHAUSTED, FORBIDDEN_IN_A_ROW, KeyHealth, KeyState};

/// A key as this request finds it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Candidate {
    /// Stable over reloads and equal in all processes, so that all send a conversation to the same key:
    /// a hash of the key alone, so that a conversation finds its key at the next node, too.
    pub id: u64,
    /// The workspace it belongs to: equal numbers, equal workspace.
    pub workspace: u64,
    /// Usable now, for this model, and not tried by this request.
    pub usable: bool,
}

/// Which workspaces a request may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Workspaces {
    /// Every one.
    Any,
    /// This one alone: a stored object (batch, file, container, session) is not found from another.
    Only(u64),
}

impl Workspaces {
    fn allows(self, workspace: u64) -> bool {
        match self {
            Self::Any => true,
            Self::Only(home) => home == workspace,
        }
    }
}

/// The key for a conversation, as an index into `keys`; `None` when none is usable.
///
/// `conversation` is a hash of whatever names it (a session id, the cacheable prefix).
pub fn choose(conversation: u64, keys: &[Candidate], workspaces: Workspaces) -> Option<usize> {
    keys.iter()
        .enumerate()
        .filter(|(_, key)| key.usable && workspaces.allows(key.workspace))
        // Equal weights are equal ids, the same key twice: the first one.
        .min_by_key(|(_, key)| u64::MAX - weight(conversation, key.id))
        .map(|(at, _)| at)
}

/// Splitmix64's finisher over both: every bit of either moves every bit of the weight.
fn weight(conversation: u64, id: u64) -> u64 {
    mix(conversation ^ mix(id.wrapping_add(0x9e37_79b9_7f4a_7c15)))
}

fn mix(mut bits: u64) -> u64 {
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}
