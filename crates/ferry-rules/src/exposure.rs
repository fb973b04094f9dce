//! May this configuration start, or would it hand somebody's money to the network?
//!
//! Asked once at start and on reload. It knows addresses and yes-or-no facts, never a key.

#[cfg(test)]
mod tests;

use std::net::SocketAddr;

use thiserror::Error;

/// The facts that decide.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Plan {
    /// Where clients connect.
    pub listen: SocketAddr,
    /// Where operators connect.
    pub admin_listen: SocketAddr,
    /// A node has a key of its own, which every caller would spend.
    pub node_key: bool,
    /// A caller must show an access key.
    pub access_key: bool,
    /// The admin listener asks for a login.
    pub admin_login: bool,
}

/// Why a configuration must not start. The text follows "failed to"; it names the mend.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Error)]
pub enum Exposure {
    /// Anyone who can reach the data port could spend the node's key.
    #[error(
        "start: server.listen {0} is reachable from other machines while a node has a key and no access key is asked for; set access.keys, or bind 127.0.0.1, or leave the key to the callers"
    )]
    OpenPurse(SocketAddr),
    /// Anyone who can reach the admin port could read and change everything.
    #[error(
        "start: server.admin_listen {0} is reachable from other machines without a login; bind 127.0.0.1 and reach it over a tunnel"
    )]
    OpenAdmin(SocketAddr),
}

impl Exposure {
    /// Stable code.
    pub fn code(self) -> &'static str {
        match self {
            Self::OpenPurse(_) => "exposed-node-key",
            Self::OpenAdmin(_) => "exposed-admin",
        }
    }
}

/// Judges a plan.
///
/// # Errors
/// The worst [`Exposure`] that it would cause.
pub fn check(plan: &Plan) -> Result<(), Exposure> {
    if is_public(plan.listen) && plan.node_key && !plan.access_key {
        return Err(Exposure::OpenPurse(plan.listen));
    }
    if is_public(plan.admin_listen) && !plan.admin_login {
        return Err(Exposure::OpenAdmin(plan.admin_listen));
    }
    Ok(())
}

/// Anything but loopback: a private network is somebody else's machine too.
pub fn is_public(address: SocketAddr) -> bool {
    !address.ip().to_canonical().is_loopback()
}
