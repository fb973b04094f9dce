//! How many retries all requests together may make: a share of the requests and a little besides.
//!
//! Without it a fault multiplies the traffic, and with it the bill, by the number of tries. One bucket
//! for what costs nothing, another for what may be billed twice. It never waits and never goes below zero.

#[cfg(test)]
mod tests;

use std::time::{Duration, Instant};

use crate::retry::{Cost, Verdict};

/// Free retries beside the share of requests, a second (reliability.md 2.1).
pub const FREE_PER_SECOND: f64 = 3.0;
/// What is not used of the free budget is saved up for this long.
pub const FREE_SAVED: Duration = Duration::from_secs(10);
/// Paid retries beside the share of requests, a second: one in 30 s, so that a quiet gateway has one, too.
pub const PAID_PER_SECOND: f64 = 1.0 / 30.0;

/// A missing crumb that is only the rounding of floats: 50 times 0.02 is a whole retry.
const CRUMB: f64 = 1e-6;

/// How a budget fills.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Settings {
    /// Retries that each request adds; 0.2 is one in five requests.
    pub ratio: f64,
    /// Retries that each second adds.
    pub per_second: f64,
    /// Retries saved up at most, and there at the start. 0 with no `saved` turns these retries off.
    pub burst: f64,
    /// The share of this much traffic is saved up on top of `burst`; zero for none.
    pub saved: Duration,
}

impl Settings {
    /// Retries of what cannot have been billed: a share of requests and 3 a second, over 10 s.
    pub fn free(ratio: f64) -> Self {
        let burst = FREE_PER_SECOND * FREE_SAVED.as_secs_f64();
        Self { ratio, per_second: FREE_PER_SECOND, burst, saved: FREE_SAVED }
    }

    /// Retries of what may have been billed: a share of requests and one in 30 s, at most `burst` saved up.
    pub fn paid(ratio: f64, burst: u32) -> Self {
        Self { ratio, per_second: PAID_PER_SECOND, burst: f64::from(burst), saved: Duration::ZERO }
    }
}

/// A bucket of retries.
///
/// From its start on no more are taken than `burst` + `ratio` x requests + `per_second` x seconds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Budget {
    settings: Settings,
    tokens: f64,
    /// Requests, each fading with the time constant `saved`: at a steady rate those of the last `saved`.
    recent: f64,
    at: Instant,
}

impl Budget {
    /// A bucket with its burst in it.
    pub fn full(settings: Settings, now: Instant) -> Self {
        Self { settings, tokens: settings.burst, recent: 0.0, at: now }
    }

    /// One request has come.
    pub fn deposit(&mut self, now: Instant) {
        self.pass(now);
        if !self.settings.saved.is_zero() {
            self.recent += 1.0;
        }
        self.tokens = (self.tokens + self.settings.ratio).min(self.most());
    }

    /// Takes one retry; `false` when there is none.
    #[must_use = "a retry that was not given must not be made"]
    pub fn withdraw(&mut self, now: Instant) -> bool {
        self.pass(now);
        let given = self.tokens >= 1.0 - CRUMB;
        if given {
            self.tokens = (self.tokens - 1.0).max(0.0);
        }
        given
    }

    /// Other settings, as on a reload. What has been saved up stays, as far as it fits.
    pub fn reconfigure(&mut self, settings: Settings, now: Instant) {
        self.pass(now);
        self.settings = settings;
        self.tokens = self.tokens.min(self.most());
    }

    fn pass(&mut self, now: Instant) {
        let seconds = now.saturating_duration_since(self.at).as_secs_f64();
        if seconds > 0.0 {
            self.at = now;
            if !self.settings.saved.is_zero() {
                self.recent *= (-seconds / self.settings.saved.as_secs_f64()).exp();
            }
            self.tokens = (self.tokens + self.settings.per_second * seconds).min(self.most());
        }
    }

    fn most(&self) -> f64 {
        self.settings.burst + self.settings.ratio * self.recent
    }
}

/// Both budgets, as one gateway has them.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Budgets {
    /// For what cannot have been billed.
    pub free: Budget,
    /// For what may have been billed.
    pub paid: Budget,
}

impl Budgets {
    /// One request has come.
    pub fn deposit(&mut self, now: Instant) {
        self.free.deposit(now);
        self.paid.deposit(now);
    }

    /// The verdict as far as the budgets bear it: a retry is taken from its budget, or is none.
    #[must_use = "a retry that was not given must not be made"]
    pub fn grant(&mut self, verdict: Verdict, now: Instant) -> Verdict {
        let Verdict::Retry(again) = verdict else { return verdict };
        let given = match again.cost {
            Cost::Free => self.free.withdraw(now),
            Cost::Paid => self.paid.withdraw(now),
        };
        if given { verdict } else { Verdict::Final }
    }
}
