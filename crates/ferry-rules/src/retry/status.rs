//! What an error status means for a retry and for blame.
//!
//! The same number means different things by who says it: a provider's 503 is an answer of the API, a
//! relay's own 503 page says that the relay reached nobody. It never sees a body; the caller has looked.

use std::time::Duration;

use super::Blame;

/// An error that a node answered with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Status {
    /// The HTTP status, or that of the `error` event's type.
    pub code: u16,
    /// `retry-after`, as the node said it.
    pub retry_after: Option<Duration>,
    /// The body says that a spend limit or the credit is used up.
    pub spend_limit: bool,
    /// Without the provider's error shape and request id: a machine on the way speaks for itself.
    pub relay: bool,
    /// `x-should-retry: false`.
    pub no_retry: bool,
}

/// What a status leaves open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// Nothing: another try gets the same.
    Final,
    /// The key has used up a rate; after this long it has not.
    Limited(Duration),
    /// The provider could not take the request; it ran no model. `retry-after`, if it said one.
    NoRoom(Option<Duration>),
    /// A relay did not reach the provider.
    NotReached,
    /// A model may have run.
    MaybeBilled,
}

impl Status {
    /// A bare status of the provider's.
    pub fn of(code: u16) -> Self {
        Self { code, retry_after: None, spend_limit: false, relay: false, no_retry: false }
    }

    /// What it leaves open.
    pub fn refusal(&self) -> Refusal {
        if self.no_retry {
            return Refusal::Final;
        }
        match (self.code, self.relay) {
            (429, _) => match self.retry_after {
                Some(retry_after) if !self.spend_limit => Refusal::Limited(retry_after),
                Some(_) | None => Refusal::Final,
            },
            (500 | 502 | 503 | 504 | 529, false) => Refusal::NoRoom(self.retry_after),
            // The gateway errors of RFC 9110 and of a CDN that say that the next hop took no request:
            // 521 down, 522 no connect, 523 unreachable, 525 and 526 no TLS, 530 no name.
            (503 | 521 | 522 | 523 | 525 | 526 | 529 | 530, true) => Refusal::NotReached,
            // 502, 504, 520 and 524 may say that it took the request and gave no good answer.
            (500..=599, true) => Refusal::MaybeBilled,
            _ => Refusal::Final,
        }
    }

    /// Whom it counts against.
    pub fn blame(&self) -> Blame {
        match (self.code, self.relay) {
            // The node waited for bytes that the path did not bring.
            (408, _) | (500..=599, true) => Blame::Path,
            // A spent limit comes as 400, 402 or 429.
            (400..=499, _) if self.spend_limit => Blame::Key,
            (401..=403, false) => Blame::Key,
            (429, _) | (500..=599, false) => Blame::Overload,
            (400..=499, false) => Blame::Client,
            // Among them a filter's 403: one body that it dislikes must cost nobody the key or the node.
            _ => Blame::Nobody,
        }
    }
}
