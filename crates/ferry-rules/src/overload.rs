//! Whether a provider has room for a key and a model: rate limits cool, overload opens.
//!
//! One of these stands for (provider, key, model). It says "later", never "no": `choice` puts a cooled node
//! behind the others and takes it when there is no other. Paths are the breaker's business.

#[cfg(test)]
mod tests;

use std::time::{Duration, Instant};

use crate::backoff;
use crate::breaker::State;

/// Overloaded answers in a row (529, 500, 503) that open it.
pub const IN_A_ROW: u32 = 2;
/// The first pause.
pub const OPEN: Duration = Duration::from_secs(1);
/// The longest pause.
pub const OPEN_MAX: Duration = Duration::from_secs(30);
/// The pause is shortened at random by up to this share.
pub const JITTER: f64 = 0.5;
/// A trial that has not ended by then no longer keeps others back: its client may have left, or its
/// answer takes long.
pub const TRIAL_MAX: Duration = Duration::from_secs(10);

const DOUBLINGS_MAX: u32 = 30;

/// What one provider says about one key and one model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Overload {
    /// A rate limit's `retry-after`.
    limited: Option<Instant>,
    /// Open until then, half-open afterwards.
    open: Option<Instant>,
    /// The trial under way since.
    trial: Option<Instant>,
    in_a_row: u32,
    doublings: u32,
    opened_times: u64,
}

/// What an operator sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct View {
    /// By overload alone.
    pub state: State,
    /// A rate limit lasts until then.
    pub limited_until: Option<Instant>,
    /// When requests may go again; `None` if they may now.
    pub recover_at: Option<Instant>,
    /// Overloaded answers with no success between.
    pub failures: u32,
    /// Openings since the start.
    pub opened_times: u64,
}

impl Overload {
    /// A 429 said when to come back; believed up to [`backoff::RETRY_AFTER_MAX`].
    pub fn limited(&mut self, retry_after: Duration, now: Instant) {
        let until = now + backoff::bounded(retry_after);
        self.limited = self.limited.max(Some(until));
    }

    /// Overloaded: 529, 500, 503, or a 429 that names no time. `true` when that opened it.
    pub fn failed(&mut self, now: Instant, roll: f64) -> bool {
        self.in_a_row = self.in_a_row.saturating_add(1);
        let opens = match self.open {
            // One that was under way before says nothing new.
            Some(until) => now >= until,
            None => self.in_a_row >= IN_A_ROW,
        };
        if opens {
            let longest = backoff::doubled(OPEN, OPEN_MAX, self.doublings);
            self.open = Some(now + backoff::jittered(longest, JITTER, roll));
            self.trial = None;
            self.doublings = (self.doublings + 1).min(DOUBLINGS_MAX);
            self.opened_times = self.opened_times.saturating_add(1);
        }
        opens
    }

    /// An answer has begun well: there is room again. A rate limit that has named its time lasts.
    pub fn succeeded(&mut self) {
        let Self { limited, opened_times, .. } = *self;
        *self = Self { limited, opened_times, ..Self::default() };
    }

    /// For how long a request should go elsewhere; `None` if it may come.
    pub fn cooled(&self, now: Instant) -> Option<Duration> {
        let trial = self.trial.map(|since| since + TRIAL_MAX);
        let until = self.limited.max(self.open).max(trial)?;
        let left = until.saturating_duration_since(now);
        (!left.is_zero()).then_some(left)
    }

    /// A request goes there. In half-open it is the trial, and the next ones are kept back until it ends.
    pub fn begins(&mut self, now: Instant) {
        if self.open.is_some_and(|until| now >= until) && self.cooled(now).is_none() {
            self.trial = Some(now);
        }
    }

    /// A request ended and said nothing about room: its client left, its path broke.
    pub fn left(&mut self) {
        self.trial = None;
    }

    /// What an operator sees.
    pub fn view(&self, now: Instant) -> View {
        let state = match self.open {
            None => State::Closed,
            Some(until) if now < until => State::Open,
            Some(_) => State::HalfOpen,
        };
        View {
            state,
            limited_until: self.limited.filter(|until| *until > now),
            recover_at: self.cooled(now).map(|left| now + left),
            failures: self.in_a_row,
            opened_times: self.opened_times,
        }
    }
}
