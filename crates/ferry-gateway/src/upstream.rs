//! The way to the nodes: dialling, TLS and kept-alive connections.
//!
//! A [`Node`] owns its connections; an attempt borrows one, and gives it back when the answer has
//! ended cleanly. Whether and where to try again is decided elsewhere.

mod connection;
mod dial;
mod io;
mod lookup;
mod node;
mod outgoing;
mod pool;
pub mod settings;
pub mod status;
mod tls;

pub use connection::{Connection, SendError, Stream};
pub use dial::DialError;
pub use node::Node;
pub use outgoing::{Leftover, Outgoing, Sent};
pub use settings::{HttpVersion, KeySettings, NodeKind, NodeSettings, Role, Settings};
pub use status::NodeStatus;
pub use tls::TlsError;
