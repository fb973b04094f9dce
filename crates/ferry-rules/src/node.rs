//! Which node a request tries next: primaries in the order of the configuration, then standbys.
//!
//! The simplest honest order; measured choice comes with its own issue. It never offers a node twice
//! to one request.

#[cfg(test)]
mod tests;

/// The next node worth trying, as an index below `n`.
///
/// `standby[i]` says that node `i` is a standby; a missing entry means primary. `tried` are the nodes
/// that this request has already tried. `None` when all have been.
pub fn order(n: usize, standby: &[bool], tried: &[usize]) -> Option<usize> {
    let is_standby = |node: &usize| standby.get(*node).copied().unwrap_or(false);
    let untried = |node: &usize| !tried.contains(node);
    (0..n)
        .filter(untried)
        .find(|node| !is_standby(node))
        .or_else(|| (0..n).filter(untried).find(is_standby))
}
