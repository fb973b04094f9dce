//! The way to the nodes: choice, the race for a connection, TLS, kept-alive connections, health.
//!
//! A [`Node`] owns its connections and dials; a [`Fleet`] finds the node for a request. An attempt borrows a
//! connection, and gives it back when the answer has ended cleanly. Whether to try again is decided
//! elsewhere.

mod addresses;
mod base;
mod connection;
mod dial;
mod egress;
mod fault;
mod fleet;
mod health;
mod inspect;
mod io;
mod keys;
mod names;
mod node;
mod outgoing;
mod pool;
mod probe;
mod pulse;
mod report;
mod room;
pub mod settings;
mod site;
pub mod status;
mod tend;
mod tls;
mod transport;
mod trial;
mod unpaid;
mod unreached;
mod wire;

pub use base::Base;
pub use connection::{Connection, SendError, Stream};
pub use dial::DialError;
pub use egress::ProxyFault;
pub use fault::PathFault;
pub use fleet::{Elsewhere, Fleet, Reached};
pub use node::Node;
pub use outgoing::{Leftover, Outgoing, Sent};
pub use report::Report;
pub use room::number;
pub use settings::{
    HttpVersion, KeySettings, NodeKind, NodeSettings, Nonstream, ProxySettings, Role, Settings,
};
pub use site::{Ask, Place, Site};
pub use status::NodeStatus;
pub use tls::TlsError;
#[cfg(test)]
pub(crate) use transport::{Pending, Transport};
pub use trial::{Timed, Trial};
pub use unpaid::{Unpaid, keep};
pub use unreached::Unreached;
#[cfg(test)]
pub(crate) use wire::Wire;
