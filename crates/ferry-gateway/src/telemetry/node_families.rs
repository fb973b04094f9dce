//! The gauges of nodes: set when the page is asked for, so that nothing is paid for them on a request's way.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use super::event::NodeGauges;
use super::names;

/// One family for each figure.
#[derive(Debug, Default)]
pub(super) struct NodeFamilies {
    breaker: Family<NodeLabel, Gauge>,
    round_trip: Family<NodeLabel, Gauge<f64, AtomicU64>>,
    in_flight: Family<NodeLabel, Gauge>,
    connections: Family<NodeLabel, Gauge>,
    opened: Family<NodeLabel, Gauge>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct NodeLabel {
    node: Arc<str>,
}

impl NodeFamilies {
    pub(super) fn register(&self, registry: &mut Registry) {
        registry.register(
            names::NODE_BREAKER,
            "Where the breaker of a node stands: 0 closed, 1 half-open, 2 open",
            self.breaker.clone(),
        );
        registry.register(
            names::NODE_ROUND_TRIP_SECONDS,
            "The round trip to a node, smoothed; 0 while it is not known",
            self.round_trip.clone(),
        );
        registry.register(
            names::NODE_IN_FLIGHT,
            "Requests written to a node whose answer has not ended",
            self.in_flight.clone(),
        );
        registry.register(
            names::NODE_CONNECTIONS,
            "Connections to a node that are ready",
            self.connections.clone(),
        );
        registry.register(
            names::NODE_CONNECTIONS_OPENED,
            "Connections to a node that were ever opened",
            self.opened.clone(),
        );
    }

    pub(super) fn set(&self, gauges: &NodeGauges) {
        let label = NodeLabel { node: Arc::clone(&gauges.node) };
        self.breaker.get_or_create(&label).set(gauges.breaker);
        self.round_trip.get_or_create(&label).set(gauges.round_trip);
        self.in_flight.get_or_create(&label).set(gauges.in_flight);
        self.connections.get_or_create(&label).set(gauges.connections);
        self.opened.get_or_create(&label).set(gauges.opened);
    }
}
