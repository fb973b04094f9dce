//! One request's word on the path it took: written, answered, failed. Counts it in and out of its node
//! however it ends; a request whose client left says nothing about the path.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use ferry_rules::breaker::Attempt;

use super::connection::{Birth, Connection};
use super::fault::PathFault;
use super::node::Node;
use crate::clock;

/// A request under way at a node.
#[derive(Debug)]
pub struct Report {
    node: Arc<Node>,
    birth: Arc<Birth>,
    attempt: Attempt,
    reused: bool,
}

impl Report {
    /// A request is about to be written on this connection.
    pub fn begin(node: &Arc<Node>, connection: &Connection) -> Self {
        Self {
            attempt: node.health().began(clock::now()),
            node: Arc::clone(node),
            birth: Arc::clone(connection.birth()),
            reused: connection.reused(),
        }
    }

    /// An answer has begun: the path was there for it.
    pub fn answered(&mut self) {
        self.node.health().answered(clock::now(), self.reused);
    }

    /// The answer has come to its end: the path held.
    pub fn held(&mut self) {
        self.node.health().held(self.attempt, clock::now());
    }

    /// The path failed. Requests that fail with their one connection are one failure.
    pub fn failed(&mut self, fault: PathFault) {
        let now = clock::now();
        if self.birth.blame() {
            self.node.hurt(self.birth.address, now, &fault);
            self.node.health().failed(self.attempt, now, fault, self.node.base.roll());
            self.node.base.ring();
        }
    }
}

impl Drop for Report {
    fn drop(&mut self) {
        self.node.health().in_flight.fetch_sub(1, Ordering::Relaxed);
    }
}
