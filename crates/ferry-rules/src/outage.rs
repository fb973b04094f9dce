//! Is the machine's own network down, rather than every node at once?
//!
//! Then no breaker is charged: nothing has been learnt about a node, and all would be open when the
//! network is back. Only failures that point home tell; one node that refuses or answers is proof of the
//! contrary.

#[cfg(test)]
mod tests;

use std::time::{Duration, Instant};

/// All nodes must have failed within this long (users.md 2.3).
pub const TOGETHER: Duration = Duration::from_secs(2);

/// How the latest try at a node's path ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PathEnd {
    /// `ENETUNREACH`, `ENETDOWN`: no route from here.
    NetworkUnreachable,
    /// `EHOSTUNREACH`.
    HostUnreachable,
    /// `EADDRNOTAVAIL`: no address of our own to start from.
    NoLocalAddress,
    /// The resolver did not answer, or said that it could not (`EAI_AGAIN`).
    ResolverFailed,
    /// The resolver answered that there is no such name.
    NoSuchName,
    /// No answer to a SYN.
    TimedOut,
    /// Refused, or reset on the way.
    Refused,
    /// The other side's certificate is not valid for it.
    Untrusted,
    /// There was a connection, whatever came of it: TLS, an answer, a cut.
    Reached,
}

impl PathEnd {
    /// Only this machine or its network can be at fault, if all nodes say so.
    fn points_home(self) -> bool {
        match self {
            Self::NetworkUnreachable
            | Self::HostUnreachable
            | Self::NoLocalAddress
            | Self::ResolverFailed => true,
            Self::NoSuchName | Self::TimedOut | Self::Refused | Self::Untrusted | Self::Reached => {
                false
            }
        }
    }
}

/// The latest that is known of one node's path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Latest {
    /// How it ended.
    pub end: PathEnd,
    /// When.
    pub at: Instant,
}

/// Is the local network down? `latest` has one entry a node, `None` for one that has not been tried.
///
/// Every node must have failed within [`TOGETHER`] in a way that points home. A SYN without an answer
/// points nowhere: it agrees with those that do, and alone says nothing.
pub fn is_local(latest: impl IntoIterator<Item = Option<Latest>>, now: Instant) -> bool {
    let mut home = false;
    for one in latest {
        let Some(Latest { end, at }) = one else { return false };
        if now.saturating_duration_since(at) > TOGETHER {
            return false;
        }
        home |= end.points_home();
        if !end.points_home() && end != PathEnd::TimedOut {
            return false;
        }
    }
    home
}
