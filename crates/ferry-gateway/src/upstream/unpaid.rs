//! One unpaid request over a fleet, on the same way as a paid one: the choice, the race for a connection, another node
//! when a path fails. For the command line's comparison with a direct call. Never carries a key or asks a model.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use super::connection::Connection;
use super::fault::PathFault;
use super::fleet::{Fleet, Reached};
use super::node::Node;
use super::probe::{self, Missed};
use super::report::Report;
use super::site::{Ask, Place};
use super::unreached::Unreached;
use crate::causes::with_causes;
use crate::clock;

/// What became of an unpaid request.
#[derive(Debug)]
pub struct Unpaid {
    /// From its beginning to the head of the answer, or to the end of all hope.
    pub took: Duration,
    /// The node that was asked last.
    pub node: Option<Arc<str>>,
    /// Its address.
    pub address: Option<SocketAddr>,
    /// Requests that were written.
    pub attempts: u32,
    /// The status that came.
    pub status: Option<u16>,
    /// It has the API's form: JSON, or its request id.
    pub own: bool,
    /// What went wrong, fit after "failed to", when no answer came.
    pub fault: Option<String>,
    /// Everything pointed at this machine's own network.
    pub home: bool,
}

impl Fleet {
    /// Sends it, at most `attempts` times, as long as `patience` lasts for a node to be found.
    pub async fn ask_unpaid(&self, patience: Duration, attempts: u32) -> Unpaid {
        let begun = clock::now();
        let mut done = Unpaid {
            took: Duration::ZERO,
            node: None,
            address: None,
            attempts: 0,
            status: None,
            own: false,
            fault: None,
            home: false,
        };
        let mut tried: Vec<Place> = Vec::new();
        let mut born_after = None;
        loop {
            let ask = Ask {
                tried: &tried,
                born_after,
                patience,
                until: begun + patience + self.dial_timeout_max(),
                held_bytes: 0,
                conversation: 0,
                home: false,
                caller: Some(0),
                model: 0,
            };
            let reached = match self.reach(&ask).await {
                Ok(reached) => reached,
                Err(unreached) => {
                    (done.fault, done.home) = told(&unreached);
                    break;
                }
            };
            done.attempts += 1;
            done.node = Some(Arc::clone(&reached.node.settings.name));
            done.address = Some(reached.connection.birth().address);
            let place = reached.site.place;
            match self.send(reached).await {
                Ok((status, own)) => {
                    done.status = Some(status);
                    done.own = own;
                    done.fault = None;
                    break;
                }
                // As in the journey: once, on a new connection, and nobody is blamed.
                Err(Missed::Stale) if born_after.is_none() => born_after = Some(clock::now()),
                Err(Missed::Stale) => done.fault = Some(PathFault::Lost.to_string()),
                Err(Missed::Fault(fault)) => {
                    done.fault = Some(with_causes(&fault));
                    tried.push(place);
                }
            }
            if done.attempts >= attempts {
                break;
            }
        }
        done.took = clock::now().saturating_duration_since(begun);
        done
    }

    async fn send(&self, reached: Reached) -> Result<(u16, bool), Missed> {
        let Reached { site, node, connection } = reached;
        let patience = node.dial_timeout();
        let mut report = Report::begin(&node, &connection);
        let sent = probe::over(&node, connection, patience).await;
        self.left(&site);
        match sent {
            Ok(answered) => {
                report.answered();
                report.held();
                give_back(&node, answered.connection);
                Ok((answered.status, answered.own))
            }
            Err(Missed::Stale) => {
                node.went_stale();
                Err(Missed::Stale)
            }
            Err(Missed::Fault(fault)) => {
                report.failed(fault.clone());
                Err(Missed::Fault(fault))
            }
        }
    }
}

fn give_back(node: &Node, connection: Option<Connection>) {
    if let Some(connection) = connection {
        node.give_back(connection);
    }
}

fn told(unreached: &Unreached) -> (Option<String>, bool) {
    match unreached {
        Unreached::NoKey => (Some("find a node for it".to_owned()), false),
        Unreached::Full => (Some("wait for a node: too many wait already".to_owned()), false),
        Unreached::Away { last, home, .. } => {
            let last = last.as_ref().map(|fault| with_causes(fault));
            (Some(last.unwrap_or_else(|| "reach a node in time".to_owned())), *home)
        }
    }
}

/// Looks after a fleet as a running Ferry does: measures addresses, keeps connections ready, probes. Ends when dropped.
pub async fn keep(fleet: Arc<Fleet>) {
    loop {
        let now = clock::now();
        let next = fleet.tend(now);
        for node in &fleet.nodes {
            node.sweep(now);
        }
        tokio::time::sleep(next).await;
    }
}
