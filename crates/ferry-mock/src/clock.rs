//! The mock's clocks. One place, so that a test under tokio's paused clock moves all of them but the calendar.
//! It never sleeps.

use std::time::Duration;

use tokio::time::Instant;

/// The instant that delays and batch progress count from.
pub(crate) fn now() -> Instant {
    Instant::now()
}

/// RFC 3339 in UTC with whole seconds, `ahead` from now: the form of `created_at` and of `anthropic-ratelimit-*-reset`.
pub(crate) fn rfc3339_in(ahead: Duration) -> String {
    let second = jiff::Timestamp::now().as_second().saturating_add_unsigned(ahead.as_secs());
    jiff::Timestamp::from_second(second).unwrap_or(jiff::Timestamp::UNIX_EPOCH).to_string()
}

/// Nanoseconds of the machine's monotonic clock, comparable between processes of one machine: the stamp in a delta.
pub(crate) fn monotonic_ns() -> u64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
    let nanos = u64::try_from(time.tv_nsec).unwrap_or(0);
    seconds.saturating_mul(1_000_000_000).saturating_add(nanos)
}
