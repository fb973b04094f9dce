//! Why a request got no connection. Names nodes' faults, never keys.

use std::time::{Duration, Instant};

use ferry_rules::outage::{self, Latest};

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
        /// No path of them mends by itself.
        hopeless: bool,
    },
}

impl Unreached {
    /// From the latest fault of every node, `None` for one that has none.
    pub(super) fn of(
        latest: &[Option<(Instant, PathFault)>],
        waited: Duration,
        now: Instant,
        hopeless: bool,
    ) -> Self {
        let ends = latest
            .iter()
            .map(|fault| fault.as_ref().map(|(at, fault)| Latest { end: fault.end(), at: *at }));
        let home = outage::is_local(ends, now);
        let nodes = latest.len();
        let faults: Vec<&PathFault> = latest.iter().flatten().map(|(_, fault)| fault).collect();
        // Something that was heard from afar says more than a silence.
        let said = faults.iter().find(|fault| fault.was_answered());
        let last = said.or_else(|| faults.last()).map(|fault| (*fault).clone());
        Self::Away { nodes, waited, last, home, hopeless }
    }
}
