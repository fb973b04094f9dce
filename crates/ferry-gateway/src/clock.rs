//! The only reader of time: everything else is handed an instant, so that rules can be tested at any hour.

use std::time::{Instant, SystemTime};

/// The monotonic time, for durations and deadlines. Follows a paused tokio clock in tests.
pub fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}

/// The wall clock, for log lines, request ids and dates that people read. Never for durations.
#[expect(clippy::disallowed_methods, reason = "the one place that reads the wall clock")]
pub fn wall() -> SystemTime {
    SystemTime::now()
}
