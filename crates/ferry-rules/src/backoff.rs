//! How long to wait before the next try: doubling, jittered, and never without a bound.
//!
//! Full jitter for what clients wait for, since many of them fail at the same moment and must not come
//! back at the same moment. It reads no clock and no random source: `roll` is a number from 0 to 1.

#[cfg(test)]
mod tests;

use std::time::Duration;

/// The first wait's upper end (reliability.md 2.1).
pub const FIRST: Duration = Duration::from_millis(500);
/// No wait of Ferry's own is longer.
pub const LONGEST: Duration = Duration::from_secs(8);
/// The longest `retry-after` that Ferry obeys or passes on: a node cannot shut a caller out for a day.
pub const RETRY_AFTER_MAX: Duration = Duration::from_mins(5);

/// Doublings beyond which every sensible limit is reached; keeps the shift in range.
const DOUBLINGS_MAX: u32 = 30;

/// The wait before retry number `retry` (0 is the first): from nothing to [`FIRST`], doubled each
/// time, at most [`LONGEST`].
pub fn full_jitter(retry: u32, roll: f64) -> Duration {
    doubled(FIRST, LONGEST, retry).mul_f64(unit(roll))
}

/// `first` doubled `times` times, at most `longest`.
pub fn doubled(first: Duration, longest: Duration, times: u32) -> Duration {
    first.saturating_mul(1 << times.min(DOUBLINGS_MAX)).min(longest)
}

/// `span` shortened at random by up to `share` of it: the limit that was set stays a limit.
pub fn jittered(span: Duration, share: f64, roll: f64) -> Duration {
    span.mul_f64(1.0 - unit(share) * unit(roll))
}

/// A node's `retry-after` as far as Ferry believes it.
pub fn bounded(retry_after: Duration) -> Duration {
    retry_after.min(RETRY_AFTER_MAX)
}

/// A number from 0 to 1; what is none counts as 0.
pub(crate) fn unit(roll: f64) -> f64 {
    if roll > 0.0 { roll.min(1.0) } else { 0.0 }
}
