//! The deadlines of one connection, kept by one timer that is set rarely instead of on every read and write.
//!
//! The timer never runs longer than the shortest bound, and what it finds is measured from marks: so a deadline is
//! exact without a timer being touched while requests flow. Decides only; the connection acts.

use std::time::{Duration, Instant};

use super::Settings;
use super::exchange::Waiting;

/// The bounds on a client.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bounds {
    head_timeout: Duration,
    keep_alive_idle: Duration,
    client_idle: Duration,
}

/// What the watch finds when its timer rings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Finding {
    /// Look again then.
    LookAt(Instant),
    /// The head has had its time.
    SlowHead,
    /// No request has come for long enough.
    Idle,
    /// The client takes nothing.
    Stalled,
}

impl Bounds {
    pub(super) fn new(settings: &Settings) -> Self {
        let Settings { head_timeout, keep_alive_idle, client_idle, .. } = *settings;
        Self { head_timeout, keep_alive_idle, client_idle }
    }

    /// How long the timer may run without looking.
    pub(super) fn shortest(&self) -> Duration {
        self.head_timeout.min(self.keep_alive_idle).min(self.client_idle)
    }

    pub(super) fn look(&self, waiting: Waiting, now: Instant) -> Finding {
        let (deadline, finding) = match waiting {
            Waiting::Head(since) => (since + self.head_timeout, Finding::SlowHead),
            Waiting::Request(since) => (since + self.keep_alive_idle, Finding::Idle),
            Waiting::Writing(since) => (since + self.client_idle, Finding::Stalled),
            // Whatever is waited for next begins after now.
            Waiting::Answer => return Finding::LookAt(now + self.shortest()),
        };
        if now >= deadline {
            return finding;
        }
        // A head can begin just after this look, and its bound may be the shorter one.
        Finding::LookAt(deadline.min(now + self.shortest()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_wait_has_its_own_bound() {
        let second = Duration::from_secs(1);
        let bounds = Bounds {
            head_timeout: second * 10,
            keep_alive_idle: second * 75,
            client_idle: second * 60,
        };
        let since = crate::clock::now();
        let check = |waiting, after: u32, expected| {
            assert_eq!(
                bounds.look(waiting, since + second * after),
                expected,
                "{waiting:?} {after}"
            );
        };
        let at = |after: u32| Finding::LookAt(since + second * after);
        check(Waiting::Head(since), 0, at(10));
        check(Waiting::Head(since), 4, at(10));
        check(Waiting::Head(since), 10, Finding::SlowHead);
        check(Waiting::Request(since), 0, at(10));
        check(Waiting::Request(since), 70, at(75));
        check(Waiting::Request(since), 75, Finding::Idle);
        check(Waiting::Writing(since), 59, at(60));
        check(Waiting::Writing(since), 60, Finding::Stalled);
        check(Waiting::Answer, 1000, at(1010));
    }
}
