//! What can be wrong with the way to a node: the failures that count against its path, and nothing else.
//! An error that the API itself gave is none of them.

use std::sync::Arc;

use ferry_rules::outage::PathEnd;

use super::dial::DialError;

/// A failure of a node's path.
#[derive(Debug, Clone, thiserror::Error)]
pub enum PathFault {
    /// No connection.
    #[error(transparent)]
    Dial(#[from] Arc<DialError>),
    /// A request was written, and the connection was lost before an answer.
    #[error("get an answer: the connection was lost after a request was written")]
    Lost,
    /// The node took none of a request's bytes for too long.
    #[error("write a request: the node took no bytes")]
    WriteStalled,
    /// Nothing came, not even to what needs no model.
    #[error("get an answer: nothing came in time")]
    Silent,
    /// The answer broke off.
    #[error("read an answer to its end: it broke off")]
    Cut,
    /// A page of something on the way, with this status.
    #[error("get an answer of the API: a page came, with status {0}")]
    Page(u16),
    /// What came is not HTTP.
    #[error("read an answer: it is not HTTP")]
    NotHttp,
}

impl PathFault {
    /// How the path ended, as the rule on local outages sees it.
    pub(super) fn end(&self) -> PathEnd {
        match self {
            Self::Dial(error) => error.end(),
            Self::Silent | Self::WriteStalled => PathEnd::TimedOut,
            Self::Lost | Self::Cut | Self::Page(_) | Self::NotHttp => PathEnd::Reached,
        }
    }

    /// True when it points at this machine's own network: no route, no resolver.
    pub(super) fn points_home(&self) -> bool {
        matches!(
            self.end(),
            PathEnd::NetworkUnreachable
                | PathEnd::HostUnreachable
                | PathEnd::NoLocalAddress
                | PathEnd::ResolverFailed
        )
    }

    /// True when something was heard from beyond this machine.
    pub fn was_answered(&self) -> bool {
        match self {
            Self::Dial(error) => error.was_answered(),
            Self::Silent | Self::WriteStalled => false,
            Self::Lost | Self::Cut | Self::Page(_) | Self::NotHttp => true,
        }
    }
}
