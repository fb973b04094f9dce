//! What `x-should-retry` an error carries, so that a client's retries do not multiply Ferry's.
//!
//! The official SDKs obey the header over every rule of their own. `true` is never said: Ferry does
//! not make a client repeat what it would not repeat by itself.

#[cfg(test)]
mod tests;

/// Ferry's own tries from which on a client's retry would only multiply them.
pub const OWN_ATTEMPTS_ENOUGH: u32 = 2;

/// An error that is about to leave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ErrorAnswer {
    /// Its HTTP status.
    pub status: u16,
    /// It came from a node and passes unchanged.
    pub from_upstream: bool,
    /// It carries `retry-after`.
    pub retry_after: bool,
    /// No retry can change it: a wrong key, a blocked region, a spent monthly limit.
    pub hopeless: bool,
    /// Tries of this kind that Ferry itself has made for the request.
    pub own_attempts: u32,
}

/// The header's value; `None` leaves it out (and leaves an upstream one as it came).
pub fn should_retry(answer: ErrorAnswer) -> Option<bool> {
    if answer.from_upstream && answer.status == 429 && answer.retry_after {
        return None;
    }
    (answer.hopeless || answer.own_attempts >= OWN_ATTEMPTS_ENOUGH).then_some(false)
}
