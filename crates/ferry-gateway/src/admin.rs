//! The admin listener: health, readiness and metrics, apart from the data path.

use std::net::SocketAddr;

/// Resolved settings of the admin listener.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Loopback unless told otherwise; a public bind without a login is refused.
    pub listen: SocketAddr,
}
