//! The addresses of one node's name: asked for in the background, kept, and used while a newer answer is
//! not there. One lookup at a time: the system's resolver cannot be cancelled, so each one that outlives
//! its caller's patience would keep a thread.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::dial::is_unknown_name;

/// An answer is asked for anew after this, while the old one goes on being used: the system's resolver
/// tells no lifetime, and caches by the record's own.
const FRESH_FOR: Duration = Duration::from_secs(30);
/// An answer that cannot be renewed is still better than none for this long (RFC 8767 section 4 allows a
/// day to a week; an hour outlives a resolver's restart, and not a move of the node).
const STALE_FOR: Duration = Duration::from_hours(1);
/// A resolver that failed is asked again after this.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// An unknown name is believed when it was said so often.
const UNKNOWN_TIMES: u32 = 2;

/// What is known of a name.
#[derive(Debug, Default)]
pub(super) struct Names(Mutex<Known>);

#[derive(Debug, Default)]
struct Known {
    answer: Option<(Instant, Arc<[SocketAddr]>)>,
    failed: Option<(Instant, (io::ErrorKind, String))>,
    /// Answers in a row that there is no such name.
    unknown: u32,
    asking: bool,
}

impl Names {
    /// The addresses, as far as any are known: an answer of this hour.
    pub(super) fn addresses(&self, now: Instant) -> Arc<[SocketAddr]> {
        let known = self.known();
        let usable =
            known.answer.as_ref().filter(|(at, _)| now.saturating_duration_since(*at) < STALE_FOR);
        usable.map_or_else(|| Arc::from([]), |(_, addresses)| Arc::clone(addresses))
    }

    /// True when the caller should ask the resolver now; it then has to tell [`Names::answered`].
    pub(super) fn begin(&self, now: Instant) -> bool {
        let mut known = self.known();
        let older = |at: Instant, than| now.saturating_duration_since(at) >= than;
        let due = known.answer.as_ref().is_none_or(|(at, _)| older(*at, FRESH_FOR))
            && known.failed.as_ref().is_none_or(|(at, _)| older(*at, RETRY_AFTER));
        let begin = due && !known.asking;
        known.asking |= begin;
        begin
    }

    /// What the resolver said. A failure, or no address, leaves the old answer in its place.
    pub(super) fn answered(&self, now: Instant, said: io::Result<Vec<SocketAddr>>) {
        let mut known = self.known();
        known.asking = false;
        let unknown = match &said {
            Ok(addresses) => addresses.is_empty(),
            Err(error) => is_unknown_name(error),
        };
        known.unknown = if unknown { known.unknown.saturating_add(1) } else { 0 };
        match said {
            Ok(addresses) if !addresses.is_empty() => {
                known.answer = Some((now, addresses.into()));
                known.failed = None;
            }
            Ok(_none) => {
                let what = (io::ErrorKind::NotFound, "the name has no address".to_owned());
                known.failed = Some((now, what));
            }
            Err(error) => known.failed = Some((now, (error.kind(), error.to_string()))),
        }
    }

    /// When the resolver failed last and what it said, unless it has answered since.
    pub(super) fn failure(&self) -> Option<(Instant, io::Error)> {
        let known = self.known();
        let (at, (kind, said)) = known.failed.as_ref()?;
        Some((*at, io::Error::new(*kind, said.clone())))
    }

    /// True when the resolver has said since then that there is no such name, and not for the first time: a name that
    /// was just made is not always known everywhere at once.
    pub(super) fn is_unknown(&self, since: Instant) -> bool {
        let known = self.known();
        known.unknown >= UNKNOWN_TIMES && known.failed.as_ref().is_some_and(|(at, _)| *at >= since)
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
