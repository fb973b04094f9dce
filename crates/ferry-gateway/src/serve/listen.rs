//! The only source of listening sockets: fresh ones, and those inherited from systemd.
//!
//! Never falls back to another port or address: a client would look for Ferry where it is configured.

use std::io;
use std::net::SocketAddr;

use listenfd::ListenFd;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
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
        let kind = self.source.kind();
        if kind == io::ErrorKind::AddrInUse {
            "another process has this port: stop it or set another one in [server] listen / admin_listen"
        } else if kind == io::ErrorKind::PermissionDenied {
            "ports below 1024 need a capability: use a port above, or systemd socket activation"
        } else if kind == io::ErrorKind::AddrNotAvailable {
            "no interface of this machine has this address: use 127.0.0.1, [::1], 0.0.0.0 or one that it has"
        } else {
            "look at the system's message above"
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

    /// The bare socket, for a server of another kind.
    pub fn into_tokio(self) -> TcpListener {
        self.socket
    }

    /// The address it has; with port 0 asked for, the port that the system chose.
    pub fn local_addr(&self) -> SocketAddr {
        self.local
    }
}

/// The sockets that systemd (or another parent) opened for this process: a restart then refuses no connection.
#[derive(Debug, Default)]
pub struct Inherited {
    /// For clients.
    pub data: Option<Listener>,
    /// For the operator.
    pub admin: Option<Listener>,
}

/// An inherited descriptor that is no TCP listener.
#[derive(Debug, thiserror::Error)]
#[error("take over the inherited socket {index}")]
pub struct InheritError {
    /// Its place in `LISTEN_FDS`, from 0.
    pub index: usize,
    /// What is wrong with it.
    #[source]
    pub source: io::Error,
}

impl Inherited {
    /// Takes the sockets of `LISTEN_FDS`. `names` is the value of `LISTEN_FDNAMES`: with `data` or `admin` among them
    /// they go by name, otherwise the first is `data` and the second `admin`.
    ///
    /// # Errors
    /// When a descriptor that is meant for us cannot be used; starting on a fresh socket instead would hide that.
    pub fn take(names: Option<&str>) -> Result<Self, InheritError> {
        let mut descriptors = ListenFd::from_env();
        let mut listener = |index: Option<usize>| {
            let Some(index) = index else { return Ok(None) };
            let taken = descriptors.take_tcp_listener(index);
            let taken = taken.and_then(|taken| taken.map(Listener::from_std).transpose());
            taken.map_err(|source| InheritError { index, source })
        };
        let [data, admin] = places(names.unwrap_or_default());
        Ok(Self { data: listener(data)?, admin: listener(admin)? })
    }
}

/// Where `data` and `admin` stand.
fn places(names: &str) -> [Option<usize>; 2] {
    let place = |wanted| names.split(':').position(|name| name == wanted);
    match [place("data"), place("admin")] {
        [None, None] => [Some(0), Some(1)],
        named => named,
    }
}

/// How many descriptors the process may open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Descriptors {
    /// When it started.
    pub before: u64,
    /// Now. `u64::MAX`: without limit.
    pub now: u64,
}

/// Raises the soft limit of open descriptors to the hard one: every client and every upstream connection is one, and
/// the common default of 1024 is used up by 500 streams.
///
/// # Errors
/// When the system refuses, with the limit that stays.
pub fn raise_descriptors() -> Result<Descriptors, (Descriptors, io::Error)> {
    let limit = getrlimit(Resource::Nofile);
    let before = limit.current.unwrap_or(u64::MAX);
    let now = limit.maximum.unwrap_or(u64::MAX);
    if before >= now {
        return Ok(Descriptors { before, now: before });
    }
    let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
    match setrlimit(Resource::Nofile, raised) {
        Ok(()) => Ok(Descriptors { before, now }),
        Err(error) => Err((Descriptors { before, now: before }, error.into())),
    }
}

#[cfg(test)]
mod tests;
