//! What a node costs: its round trip, quick to rise and slow to fall, times what waits there already.
//!
//! The round trip is of a connect or a PING. The time to the first token is no cost: it measures the prompt
//! (reliability.md 2.4). It knows nothing of other nodes.

#[cfg(test)]
mod tests;

use std::time::{Duration, Instant};

/// The round trip of a node that has not been measured.
pub const UNMEASURED: Duration = Duration::from_millis(30);
/// After this long a peak has fallen to a third of its height over what is measured since.
pub const DECAY: Duration = Duration::from_secs(10);

/// Of so many first samples the least counts: a process that has just started is late for its own sockets,
/// and a peak would stand for its decay.
pub const FIRST: u8 = 4;

/// A peak-sensitive moving average of round trips.
///
/// Never below the smallest and never above the largest sample. Without samples it stays as it is:
/// probing measures every node, used or not.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct PeakEwma {
    /// Seconds, and when they were last measured.
    measured: Option<(f64, Instant)>,
    /// Samples so far, up to [`FIRST`].
    samples: u8,
}

impl PeakEwma {
    /// A round trip of this length has just ended.
    pub fn observe(&mut self, round_trip: Duration, now: Instant) {
        let sample = round_trip.as_secs_f64();
        let estimate = match self.measured {
            Some((estimate, _)) if self.samples < FIRST => sample.min(estimate),
            Some((estimate, at)) if sample < estimate => {
                let seconds = now.saturating_duration_since(at).as_secs_f64();
                let weight = (-seconds / DECAY.as_secs_f64()).exp();
                estimate * weight + sample * (1.0 - weight)
            }
            Some(_) | None => sample,
        };
        self.measured = Some((estimate, now));
        self.samples = (self.samples + 1).min(FIRST);
    }

    /// Has there been a sample?
    pub fn is_measured(&self) -> bool {
        self.measured.is_some()
    }

    /// Have there been enough samples to go by?
    pub fn is_settled(&self) -> bool {
        self.samples >= FIRST
    }

    /// The usual round trip.
    pub fn estimate(&self) -> Duration {
        // A mean of durations is within the range of one; the default is never taken.
        self.measured.map_or(UNMEASURED, |(estimate, _)| {
            Duration::try_from_secs_f64(estimate).unwrap_or(UNMEASURED)
        })
    }

    /// The estimate times (`pending` + 1), in seconds.
    pub fn cost(&self, pending: u32) -> f64 {
        let estimate = self.measured.map_or(UNMEASURED.as_secs_f64(), |(estimate, _)| estimate);
        estimate * (f64::from(pending) + 1.0)
    }
}
