//! May a failed attempt be made again without anybody paying twice?
//!
//! Only where the request provably never reached a model. Everything that may have been billed is
//! final here; retries from the paid budget come with their own issue. It never counts, waits or picks a node.

#[cfg(test)]
mod tests;

/// How an attempt failed, in the order in which it can.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Failure {
    /// No TCP connection: refused, unreachable, timed out, no address.
    Connect,
    /// TCP yes, TLS no.
    Tls,
    /// The request was given back unwritten, or the node says that it did not process it
    /// (`REFUSED_STREAM`, a stream above the last id of `GOAWAY`: RFC 9113 sections 8.7 and 6.8).
    NotWritten,
    /// A kept-alive connection died under the request before any byte of an answer.
    StaleConnection,
    /// Written on a fresh connection, then lost or silent before the answer.
    Lost,
    /// The node answered with this status.
    Status(u16),
    /// The answer broke off in the middle.
    Cut,
}

/// What may follow a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// Once more, at no cost: nothing can have been billed.
    RetryFree,
    /// The caller gets this failure.
    Final,
}

/// Judges one failure.
///
/// `free_left` is what remains of the request's free retries. `stale_retried`: this request has
/// already had a retry for a stale connection (RFC 9110 section 9.2.2 lets a client repeat once when
/// it has reason to think that the request was never applied; twice in a row is no accident).
pub fn verdict(failure: Failure, free_left: u32, stale_retried: bool) -> Verdict {
    if free_left == 0 {
        return Verdict::Final;
    }
    match failure {
        Failure::Connect | Failure::Tls | Failure::NotWritten => Verdict::RetryFree,
        Failure::StaleConnection if !stale_retried => Verdict::RetryFree,
        Failure::StaleConnection | Failure::Lost | Failure::Status(_) | Failure::Cut => {
            Verdict::Final
        }
    }
}
