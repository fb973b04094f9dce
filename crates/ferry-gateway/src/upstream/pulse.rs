//! When bytes last moved on a shared connection. Silence is not death: a model may think for minutes. But
//! while a connection has not answered what was written to it, a new request is better off on another.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::clock;

/// Unanswered for so long, a connection takes no new stream until it is heard again. Three seconds are
/// five round trips of a bad path; a slow model costs one more connection at most, since the PING that
/// follows silence is an answer, too.
const QUIET_AFTER: Duration = Duration::from_secs(3);

/// The clock of a connection's bytes, in milliseconds since it was opened.
#[derive(Debug)]
pub(super) struct Pulse {
    born: Instant,
    /// The first write since the last read; 0 when nothing waits for an answer.
    unanswered: AtomicU64,
}

impl Pulse {
    pub(super) fn new() -> Self {
        Self { born: clock::now(), unanswered: AtomicU64::new(0) }
    }

    /// Bytes came.
    pub(super) fn read(&self) {
        self.unanswered.store(0, Ordering::Relaxed);
    }

    /// Bytes went.
    pub(super) fn wrote(&self) {
        if self.unanswered.load(Ordering::Relaxed) == 0 {
            self.unanswered.store(self.at(clock::now()).max(1), Ordering::Relaxed);
        }
    }

    /// True while the other side owes an answer for too long to be given more.
    pub(super) fn is_quiet(&self, now: Instant) -> bool {
        let since = self.unanswered.load(Ordering::Relaxed);
        since > 0 && self.at(now).saturating_sub(since) >= millis(QUIET_AFTER)
    }

    fn at(&self, now: Instant) -> u64 {
        millis(now.saturating_duration_since(self.born))
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_connection_that_owes_an_answer_is_quiet_until_it_is_heard() {
        let pulse = Pulse::new();
        let later = |ms| clock::now() + Duration::from_millis(ms);
        assert!(!pulse.is_quiet(later(60_000)), "nothing was asked");
        pulse.wrote();
        tokio::time::advance(Duration::from_secs(2)).await;
        pulse.wrote();
        assert!(!pulse.is_quiet(later(998)));
        assert!(pulse.is_quiet(later(1_001)), "the first unanswered write counts");
        pulse.read();
        assert!(!pulse.is_quiet(later(60_000)));
    }
}
