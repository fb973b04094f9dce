//! The only source of listening sockets: fresh ones, and those inherited from systemd.
//!
//! Never falls back to another port or address: a client would look for Ferry where it is configured.

use std::io;
use std::net::SocketAddr;

use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::TcpListener;

/// Connections that wait in the kernel while all of ours are busy; a burst of SDK clients fits. The kernel caps it
/// at `net.core.somaxconn`, which is 4096 on today's Linux.
const BACKLOG: i32 = 4096;

/// A socket that listens, and the address it has.
#[derive(Debug)]
pub struct Listener {
    pub(super) socket: TcpListener,
    local: SocketAddr,
}

/// A listener that could not be had.
#[derive(Debug, thiserror::Error)]
#[error("listen on {address}")]
pub struct ListenError {
    /// Where.
    pub address: SocketAddr,
    /// What the system said.
    #[source]
    pub source: io::Error,
}

impl ListenError {
    /// What to do about it, as one sentence.
    pub fn hint(&self) -> &'static str {
        match self.source.kind() {
            io::ErrorKind::AddrInUse => {
                "another process has this port: stop it or set another one in [server] listen / admin_listen"
            }
            io::ErrorKind::PermissionDenied => {
                "ports below 1024 need a capability: use a port above, or systemd socket activation"
            }
            io::ErrorKind::AddrNotAvailable => {
                "no interface of this machine has this address: use 127.0.0.1, [::1], 0.0.0.0 or one that it has"
            }
            _ => "look at the system's message above",
        }
    }
}

impl Listener {
    /// Opens a fresh socket. `[::]` takes IPv4 too, since that is what who writes it wants.
    ///
    /// Must run inside the runtime.
    ///
    /// # Errors
    /// When the address cannot be had; `hint` says what to do.
    pub fn bind(address: SocketAddr) -> Result<Self, ListenError> {
        let open = || {
            let socket =
                Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
            if address.is_ipv6() {
                socket.set_only_v6(!address.ip().is_unspecified())?;
            }
            // A restart must not wait for the old connections' TIME_WAIT.
            socket.set_reuse_address(true)?;
            socket.set_nonblocking(true)?;
            socket.bind(&address.into())?;
            socket.listen(BACKLOG)?;
            Self::from_std(socket.into())
        };
        open().map_err(|source| ListenError { address, source })
    }

    /// Takes over a socket that listens already.
    ///
    /// # Errors
    /// When it is no TCP socket or the runtime will not have it.
    pub fn from_std(socket: std::net::TcpListener) -> io::Result<Self> {
        socket.set_nonblocking(true)?;
        let socket = TcpListener::from_std(socket)?;
        let local = socket.local_addr()?;
        Ok(Self { socket, local })
    }

    /// The address it has; with port 0 asked for, the port that the system chose.
    pub fn local_addr(&self) -> SocketAddr {
        self.local
    }
}
