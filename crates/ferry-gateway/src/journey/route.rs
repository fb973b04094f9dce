//! Room `route`: the next node worth trying, given what this request has tried. For now nodes are taken
//! in the order of the configuration, primaries first. Decision: `ferry_rules::node`.

use std::sync::Arc;

use ferry_rules::node;

use super::snapshot::Snapshot;
use crate::upstream::Node;

/// The nodes that one request has tried, by their place in the snapshot.
#[derive(Debug, Default)]
pub(super) struct Tried(Vec<usize>);

/// The next node, noted as tried; `None` when every node has been.
pub(super) fn next(snapshot: &Snapshot, tried: &mut Tried) -> Option<Arc<Node>> {
    let index = node::order(snapshot.nodes.len(), &snapshot.standby, &tried.0)?;
    tried.0.push(index);
    snapshot.nodes.get(index).map(Arc::clone)
}
