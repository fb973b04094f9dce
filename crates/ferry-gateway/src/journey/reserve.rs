//! Room `reserve`: the worst-case cost of a request, taken from its budget. There are no budgets yet, so
//! nothing is taken; the room stands so that no request reaches a node without having passed it.

use super::read::Read;

/// A request whose cost is covered.
#[derive(Debug)]
pub(super) struct Reserved(pub(super) Read);

/// Covers the cost.
pub(super) fn reserve(read: Read) -> Reserved {
    Reserved(read)
}
