//! What a fleet does by itself while requests come and go: it measures every address now and then, keeps
//! connections ready where the next requests will go, and asks paths that are open or in doubt whether they
//! work again. None of it costs anything. Decisions: `ferry_rules::{breaker, choice}`.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::fleet::Fleet;
use super::node::Node;

/// Between two looks while every path is well, and while one is not.
const CALM: Duration = Duration::from_secs(1);
const ALERT: Duration = Duration::from_millis(100);
/// Between two probes of a path that is silent or half-open: three that pass take well under a second, and
/// nobody is flooded.
const PROBE_EVERY: Duration = Duration::from_millis(250);
/// For so long after the start it looks often, until every address has been measured.
const FIRST_LOOKS: Duration = Duration::from_secs(10);
/// A path that goes on not answering is asked so many times more seldom in the end.
const PROBE_SLOWER: u32 = 20;
/// Warm connections are kept for this long after the last request.
const IN_USE: Duration = Duration::from_mins(10);

impl Fleet {
    /// Does what is due; says when to look again.
    pub fn tend(&self, now: Instant) -> Duration {
        let mut next = CALM;
        for node in &self.nodes {
            let health = node.health();
            let in_doubt = health.is_suspect() || health.breaker().probe_due(now);
            let every = PROBE_EVERY * health.unanswered().clamp(1, PROBE_SLOWER);
            let again = |at| now.saturating_duration_since(at) >= every;
            // Once at the start, to know whether the node answers probes at all.
            let first = self.probe_every.is_some()
                && health.last_probe().is_none()
                && node.nearest().is_measured();
            if first || (in_doubt && health.last_probe().is_none_or(again)) {
                node.probe(now);
            }
            let young = now.saturating_duration_since(self.begun) < FIRST_LOOKS;
            let unknown = young && self.probe_every.is_some() && !node.is_measured();
            if in_doubt || unknown || !node.health().is_closed(now) {
                next = ALERT;
            }
            self.measure(node, now);
        }
        self.keep_warm(now);
        self.base.rooms.sweep(now);
        next
    }

    /// Dials every address that has not been measured for long. The connection serves the next request.
    fn measure(&self, node: &Arc<Node>, now: Instant) {
        let Some(every) = self.probe_every else { return };
        let every = every.mul_f64(0.8 + 0.4 * self.base.roll());
        for at in node.addresses(now) {
            if node.is_due(at, every, now) {
                node.dial(at, now);
            }
        }
    }

    /// Connections to the node in use, half as many to the next one: a fault then costs no handshake.
    fn keep_warm(&self, now: Instant) {
        let used = |node: &Arc<Node>| {
            node.health().last_used().is_some_and(|at| now.saturating_duration_since(at) < IN_USE)
        };
        if self.warm == 0 || !self.nodes.iter().any(used) {
            return;
        }
        let mut order: Vec<&Arc<Node>> =
            self.nodes.iter().filter(|node| node.health().is_closed(now)).collect();
        order.sort_by(|a, b| {
            let standby = |node: &Arc<Node>| node.settings.role == super::settings::Role::Standby;
            standby(a).cmp(&standby(b)).then(a.nearest().estimate().cmp(&b.nearest().estimate()))
        });
        if let Some(current) = self.current()
            && let Some(at) = order.iter().position(|node| Arc::ptr_eq(node, &self.nodes[current]))
        {
            order[..=at].rotate_right(1);
        }
        for (node, wanted) in order.into_iter().zip([self.warm, self.warm.div_ceil(2)]) {
            if node.ready() < wanted
                && let Some(best) = node.addresses(now).first()
            {
                node.dial(*best, now);
            }
        }
    }
}
