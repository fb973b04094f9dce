//! Where a request could go: a node and the key to use there, and what the request asks of both. Values
//! only.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::fleet::Fleet;
use super::node::Node;
use super::room::RoomId;

/// What a request asks of the nodes.
#[derive(Debug, Clone)]
pub struct Ask<'a> {
    /// Where it has been and must not go again while there is another place; one without a key stands for
    /// the node with any of its keys.
    pub tried: &'a [Place],
    /// The connection must have been opened no earlier.
    pub born_after: Option<Instant>,
    /// How long it may wait for a node.
    pub patience: Duration,
    /// When the whole request must be over.
    pub until: Instant,
    /// Bytes that are held while it waits.
    pub held_bytes: usize,
    /// The same for all turns of a conversation, whose prompt cache lives with one key.
    pub conversation: u64,
    /// It names or makes a stored object, which lives in one workspace.
    pub home: bool,
    /// The caller's own key, as a number, where it may travel.
    pub caller: Option<u64>,
    /// The model, as a number.
    pub model: u64,
}

/// A node and one of its keys, by their numbers in the configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// The node's index.
    pub node: usize,
    /// The key's index; `None`: the caller's own.
    pub key: Option<usize>,
}

impl Place {
    /// The node, whichever key is used there.
    #[must_use]
    pub fn with_any_key(self) -> Self {
        Self { key: None, ..self }
    }

    /// One of those that were tried.
    pub(super) fn is_among(self, tried: &[Self]) -> bool {
        tried.contains(&self) || tried.contains(&self.with_any_key())
    }
}

/// A place as it stands for one request.
#[derive(Debug, Clone)]
pub struct Site {
    /// Node and key.
    pub place: Place,
    /// Whose room upstream it takes: provider, key and model.
    pub(super) room: RoomId,
    /// Joins a race late.
    pub(super) standby: bool,
    /// As good as any: path open, key not cooled.
    pub(super) usable: bool,
    /// Not known to be no use: worth a try before the request ends for good.
    pub(super) hopeful: bool,
    pub(super) tried: bool,
}

impl Site {
    /// The node, in the fleet that the site is of.
    pub(super) fn node<'a>(&self, fleet: &'a Fleet) -> &'a Arc<Node> {
        // A site is made from this list and never outlives its fleet.
        #[expect(clippy::indexing_slicing, reason = "made from an index of this very list")]
        &fleet.nodes[self.place.node]
    }
}
