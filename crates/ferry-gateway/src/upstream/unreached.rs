//! Why a request got no connection. Names nodes' faults, never keys.

use std::time::Duration;

use super::fault::PathFault;

/// No connection for a request.
#[derive(Debug)]
pub enum Unreached {
    /// No node has a key for it, and the caller brought none.
    NoKey,
    /// As many requests as may wait for a node do so already.
    Full,
    /// No node took a connection in time.
    Away {
        /// Nodes that were tried.
        nodes: usize,
        /// How long it was waited for.
        waited: Duration,
        /// The last that went wrong.
        last: Option<PathFault>,
        /// Everything points at this machine's own network.
        home: bool,
    },
}

impl Unreached {
    /// From the latest fault of every node.
    pub(super) fn of(faults: &[PathFault], nodes: usize, waited: Duration) -> Self {
        let home = faults.len() == nodes && nodes > 0 && faults.iter().all(PathFault::points_home);
        // Something that was heard from afar says more than a silence.
        let last =
            faults.iter().find(|fault| fault.was_answered()).or_else(|| faults.last()).cloned();
        Self::Away { nodes, waited, last, home }
    }
}
