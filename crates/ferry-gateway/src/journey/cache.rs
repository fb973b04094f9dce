//! Room `cache`: a remembered answer, or a seat beside the one who is fetching it. Nothing is remembered
//! yet; a configuration that asks for it is refused at start.

use super::read::Read;
use super::redact::Clean;

/// A request that has to be answered by a node.
#[derive(Debug)]
pub(super) struct Sought(pub(super) Read);

/// Looks for a remembered answer.
pub(super) fn look_up(clean: Clean) -> Sought {
    Sought(clean.0)
}
