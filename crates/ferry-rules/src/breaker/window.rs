//! Attempts and failures of the last while, in ten buckets: old ones fall out a tenth at a time.
//!
//! It allocates nothing and never counts twice; a clock that goes back counts into the newest bucket.

use std::time::{Duration, Instant};

/// Buckets of a window (reliability.md 2.3).
const BUCKETS: usize = 10;

/// What a bucket or a window has seen.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Seen {
    pub(super) attempts: u32,
    pub(super) failures: u32,
}

#[derive(Debug, Clone)]
pub(super) struct Window {
    width: Duration,
    /// When the newest bucket begins.
    begun: Instant,
    newest: usize,
    buckets: [Seen; BUCKETS],
}

impl Window {
    pub(super) fn new(span: Duration, now: Instant) -> Self {
        // A window of nothing would have buckets of nothing; one nanosecond keeps the division whole.
        let width = (span / 10).max(Duration::from_nanos(1));
        Self { width, begun: now, newest: 0, buckets: [Seen::default(); BUCKETS] }
    }

    pub(super) fn attempt(&mut self, now: Instant) {
        let bucket = self.bucket(now);
        bucket.attempts = bucket.attempts.saturating_add(1);
    }

    pub(super) fn failure(&mut self, now: Instant) {
        let bucket = self.bucket(now);
        bucket.failures = bucket.failures.saturating_add(1);
    }

    /// A failure whose attempt has already fallen out counts as an attempt, too.
    pub(super) fn sum(&self, now: Instant) -> Seen {
        let passed = self.passed(now);
        let mut sum = Seen::default();
        for (at, seen) in self.buckets.iter().enumerate() {
            let age = (self.newest + BUCKETS - at) % BUCKETS;
            if age + passed < BUCKETS {
                sum.attempts = sum.attempts.saturating_add(seen.attempts);
                sum.failures = sum.failures.saturating_add(seen.failures);
            }
        }
        sum.attempts = sum.attempts.max(sum.failures);
        sum
    }

    pub(super) fn clear(&mut self, now: Instant) {
        self.buckets = [Seen::default(); BUCKETS];
        self.begun = now;
    }

    fn bucket(&mut self, now: Instant) -> &mut Seen {
        let passed = self.passed(now);
        if passed >= BUCKETS {
            self.clear(now);
        } else {
            for _ in 0..passed {
                self.newest = (self.newest + 1) % BUCKETS;
                self.buckets[self.newest] = Seen::default();
                self.begun += self.width;
            }
        }
        &mut self.buckets[self.newest]
    }

    /// Buckets begun since the newest, at most all.
    fn passed(&self, now: Instant) -> usize {
        let since = now.saturating_duration_since(self.begun).as_nanos();
        usize::try_from(since / self.width.as_nanos()).map_or(BUCKETS, |passed| passed.min(BUCKETS))
    }
}
