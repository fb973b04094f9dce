//! What an operator sees of a fleet, and the one thing that an operator may do to it. Reads only, but for the
//! reset.

use std::time::{Duration, Instant};

use ferry_rules::breaker::{Reason, State};
use ferry_rules::key;

use super::addresses::Address;
use super::fleet::Fleet;
use super::node::Node;
use super::status::{
    AddressSource, AddressState, AddressStatus, CoolingStatus, KeyState, KeyStatus, NodeState,
    NodeStatus, origin_of,
};
use crate::causes::with_causes;

impl Fleet {
    /// Every node, in the order of the configuration.
    pub fn statuses(&self, now: Instant) -> Vec<NodeStatus> {
        let current = self.current().or_else(|| (!self.nodes.is_empty()).then_some(0));
        let nodes = self.nodes.iter().enumerate();
        nodes.map(|(index, node)| self.status(node, current == Some(index), now)).collect()
    }

    /// Closes a node's breaker, and forgets what was held against its path and keys. False when no node
    /// has that name.
    pub fn reset(&self, name: &str, now: Instant) -> bool {
        let Some(node) = self.nodes.iter().find(|node| *node.settings.name == *name) else {
            return false;
        };
        node.health().reset(now);
        node.forgive();
        node.keys.reset(&self.base.rooms);
        self.base.ring();
        true
    }

    fn status(&self, node: &Node, current: bool, now: Instant) -> NodeStatus {
        let view = node.health().breaker().view(now);
        let (idle_connections, http2_connections, connections_opened) = node.counts();
        let failure = node.health().last_failure();
        let why = view.reason.map(|reason| {
            let last = failure.map_or_else(String::new, |(_, fault)| {
                format!("; last it failed to {}", with_causes(&fault))
            });
            format!("{}{last}", sentence(reason))
        });
        let why = why.or_else(|| {
            let (_, error) = node.unresolved()?;
            Some(format!("it failed to {}", with_causes(&error)))
        });
        let mut addresses = Vec::new();
        let proxied = node.settings.proxy.is_some();
        node.each_address(|address| addresses.push(address_status(address, proxied)));
        addresses.sort_by(|a: &AddressStatus, b| {
            let known = |status: &AddressStatus| status.rtt_ms.unwrap_or(f64::INFINITY);
            known(a).total_cmp(&known(b))
        });
        NodeStatus {
            name: node.settings.name.to_string(),
            role: node.settings.role,
            url: origin_of(&node.settings.url),
            proxy: node.settings.proxy.as_ref().map(|proxy| proxy.shown.to_string()),
            current,
            state: match view.state {
                State::Closed => NodeState::Closed,
                State::Open => NodeState::Open,
                State::HalfOpen => NodeState::HalfOpen,
            },
            reason: why,
            recover_in_ms: view.recover_at.map(|at| millis(at.saturating_duration_since(now))),
            suspect: node.health().is_suspect(),
            attempts: u64::from(view.attempts),
            failures: u64::from(view.failures),
            rtt_ms: node
                .nearest()
                .is_measured()
                .then(|| node.nearest().estimate().as_secs_f64() * 1000.0),
            pending: node.waiting(),
            in_flight: node.health().in_flight(),
            idle_connections,
            http2_connections,
            connections_opened,
            addresses,
            keys: key_statuses(node, now),
            cooling: self.cooling(node, now),
        }
    }

    fn cooling(&self, node: &Node, now: Instant) -> Vec<CoolingStatus> {
        let mut cooling = Vec::new();
        self.base.rooms.each(node.keys.provider(), |id, room| {
            let key = node.keys.position(id.key).map(|at| at + 1);
            // Another node of the same provider may have keys of its own.
            let of_this_node = key.is_some() || node.settings.keys.is_empty();
            if let (true, Some(left)) = (of_this_node, room.overload.cooled(now)) {
                cooling.push(CoolingStatus {
                    key: key.unwrap_or(0),
                    model: room.model.to_string(),
                    reason: format!("the provider answered {}", room.status),
                    recover_in_ms: millis(left),
                });
            }
        });
        cooling
    }
}

fn address_status(address: &Address, proxied: bool) -> AddressStatus {
    AddressStatus {
        address: address.at.to_string(),
        source: match address.configured {
            _ if proxied => AddressSource::Proxy,
            true => AddressSource::Configured,
            false => AddressSource::Dns,
        },
        rtt_ms: address.rtt.is_measured().then(|| address.rtt.estimate().as_secs_f64() * 1000.0),
        state: match (address.up, address.is_down()) {
            (_, true) => AddressState::Down,
            (Some(_), false) => AddressState::Up,
            (None, false) => AddressState::Unknown,
        },
        last_error: address
            .down
            .as_ref()
            .filter(|_| address.is_down())
            .map(|(_, fault)| with_causes(fault)),
        half_open: address.half_open,
    }
}

fn key_statuses(node: &Node, now: Instant) -> Vec<KeyStatus> {
    let states = node.keys.states(now).into_iter().zip(&node.settings.keys).enumerate();
    states
        .map(|(at, (state, settings))| {
            let (state_word, until) = match state {
                key::KeyState::Usable => (KeyState::Usable, None),
                key::KeyState::Refused { .. } => (KeyState::Refused, None),
                key::KeyState::Exhausted { until } => (KeyState::Exhausted, Some(until)),
            };
            let hint = state.operator_hint();
            KeyStatus {
                number: at + 1,
                workspace: Some(settings.workspace.clone()).filter(|name| !name.is_empty()),
                state: state_word,
                message: (!hint.is_empty()).then(|| hint.to_owned()),
                recover_in_ms: until.map(|at| millis(at.saturating_duration_since(now))),
            }
        })
        .collect()
}

fn sentence(reason: Reason) -> String {
    match reason {
        Reason::Consecutive(failures) => format!("{failures} failures in a row"),
        Reason::Rate { failures, attempts } => {
            format!("{failures} of {attempts} attempts failed")
        }
        Reason::Relapse => "it failed again while it was half-open".to_owned(),
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
