//! How long silence is borne, and how many requests may wait for a node at once.
//!
//! Silence is not death: at a soft mark the path is asked, and a slow model is left alone while the path
//! answers. It measures nothing itself.

#[cfg(test)]
mod tests;

use std::time::Duration;

use crate::outage::PathEnd;

/// The soft mark is this part of the hard deadline: 20 s of 120 s, 15 s of 90 s (reliability.md 2.2).
pub const SOFT_PART: u32 = 6;
/// Requests that may wait for a usable node at once (reliability.md 2.3).
pub const WAITING_MAX: usize = 200;
/// Bytes of their bodies that may be held meanwhile.
pub const WAITING_BYTES_MAX: usize = 64 << 20;

/// After this much silence the path is probed; `hard` is where the wait ends.
pub fn soft_mark(hard: Duration) -> Duration {
    hard / SOFT_PART
}

/// Can a request that has tried every node gain by waiting? `ends`: how the way to each of them ended, `None` where
/// that is not known for certain. A certificate that is not valid, and a name that nobody knows, are mended by people.
pub fn may_help(ends: impl IntoIterator<Item = Option<PathEnd>>) -> bool {
    let mends_itself = |end: PathEnd| match end {
        PathEnd::NoSuchName | PathEnd::Untrusted => false,
        PathEnd::NetworkUnreachable
        | PathEnd::HostUnreachable
        | PathEnd::NoLocalAddress
        | PathEnd::ResolverFailed
        | PathEnd::TimedOut
        | PathEnd::Refused
        | PathEnd::Reached => true,
    };
    ends.into_iter().any(|end| end.is_none_or(mends_itself))
}

/// Those who wait for a node while none is usable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Waiting {
    requests_max: usize,
    bytes_max: usize,
    requests: usize,
    bytes: usize,
}

impl Default for Waiting {
    fn default() -> Self {
        Self::bounded(WAITING_MAX, WAITING_BYTES_MAX)
    }
}

impl Waiting {
    /// Nobody waits; at most so many may.
    pub fn bounded(requests_max: usize, bytes_max: usize) -> Self {
        Self { requests_max, bytes_max, requests: 0, bytes: 0 }
    }

    /// A request with a body of this size begins to wait; `false` when it must be answered now.
    #[must_use = "a place that was not given must not be used"]
    pub fn enter(&mut self, bytes: usize) -> bool {
        let fits = self.requests < self.requests_max
            && self.bytes.checked_add(bytes).is_some_and(|bytes| bytes <= self.bytes_max);
        if fits {
            self.requests += 1;
            self.bytes += bytes;
        }
        fits
    }

    /// One that had entered with this size waits no more.
    pub fn leave(&mut self, bytes: usize) {
        debug_assert!(self.requests > 0, "one left that had never entered");
        self.requests = self.requests.saturating_sub(1);
        self.bytes = self.bytes.saturating_sub(bytes);
    }

    /// How many wait.
    pub fn requests(&self) -> usize {
        self.requests
    }

    /// What they hold.
    pub fn bytes(&self) -> usize {
        self.bytes
    }
}
