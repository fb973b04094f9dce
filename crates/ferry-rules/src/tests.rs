//! The one instant from which the tests of all rules count.

use std::time::{Duration, Instant};

/// Some instant; nothing compares it with the clock.
#[expect(clippy::disallowed_methods, reason = "std has no other way to make the first instant")]
pub(crate) fn start() -> Instant {
    // Room to go back, on a machine that has only just booted as well.
    Instant::now() + Duration::from_hours(1)
}

/// So many milliseconds after it.
pub(crate) fn after(start: Instant, ms: u64) -> Instant {
    start + Duration::from_millis(ms)
}
