//! The circuit breaker of a node: closed, open, half-open, over failures of the *path* to it.
//!
//! What counts is a connection refused, lost, silent, cut: things of which another node knows nothing.
//! A client's 4xx, a provider's overload and a refused key never come here (`retry::blame`). It never
//! decides which node is used: `choice` does, and asks a node whose breaker is open when there is no other.
//! Streams that fail together with their one connection are one failure; whoever owns the connection
//! reports it once.

#[cfg(test)]
mod tests;
mod window;

use std::time::{Duration, Instant};

use self::window::Window;
use crate::backoff;

/// Failures in a row that open a breaker at once (reliability.md 2.3).
pub const IN_A_ROW: u32 = 3;
/// Failures below which no share is judged: one bad minute of a quiet node is not a rate.
pub const FAILURES_MIN: u32 = 3;
/// With fewer attempts than `min_attempts` in the window, this many windows are looked at.
pub const WIDER: u32 = 10;
/// Probes in a row that must pass before requests do.
pub const PROBES: u32 = 3;
/// From the first request let through to all of them.
pub const RAMP: Duration = Duration::from_secs(10);
/// Share of new requests in the first half of the ramp.
pub const RAMP_FIRST: f64 = 0.1;
/// Share of new requests in the second half of the ramp.
pub const RAMP_SECOND: f64 = 0.5;
/// The time open is shortened at random by up to this share, so that breakers of many Ferrys part.
pub const OPEN_JITTER: f64 = 0.5;
/// Closed for this long takes one doubling back.
pub const HEALTHY: Duration = Duration::from_mins(1);

/// Doublings beyond which every `open_max` is reached.
const DOUBLINGS_MAX: u32 = 30;

/// When a breaker opens, and for how long.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Settings {
    /// Share of attempts that may fail, from 0 to 1.
    pub error_rate: f64,
    /// Attempts below which the share is not judged.
    pub min_attempts: u32,
    /// The time over which attempts are counted.
    pub window: Duration,
    /// The first pause; doubles each time that it opens again.
    pub open: Duration,
    /// The longest pause.
    pub open_max: Duration,
}

/// The states, by the names of the field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum State {
    /// Requests go through.
    Closed,
    /// The node is left alone.
    Open,
    /// It is probed, then takes a growing share of new requests.
    HalfOpen,
}

impl State {
    /// `closed`, `open` or `half-open`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Open => "open",
            Self::HalfOpen => "half-open",
        }
    }
}

/// Why it opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Reason {
    /// So many failures with no success between.
    Consecutive(u32),
    /// Too large a share of the attempts.
    Rate {
        /// That failed.
        failures: u32,
        /// That were made.
        attempts: u32,
    },
    /// A probe or a request failed while it was half-open.
    Relapse,
}

/// May a new request go to the node?
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Admission {
    /// Closed.
    Yes,
    /// Half-open, and this request is of the share that goes through.
    Ramp,
    /// Half-open and on the way back, but this request is not of the share.
    Later,
    /// Open, or not probed yet.
    No,
}

impl Admission {
    /// This request may go there.
    pub fn is_open_to_it(self) -> bool {
        matches!(self, Self::Yes | Self::Ramp)
    }
}

/// An attempt that was counted; hand it back with its outcome.
///
/// It knows between which openings it began: what comes late from before one changes nothing after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use = "an attempt that never ends is counted as one that did not fail"]
pub struct Attempt {
    generation: u32,
}

/// What an operator sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct View {
    /// Where it stands.
    pub state: State,
    /// Why it opened; `None` while it is closed.
    pub reason: Option<Reason>,
    /// When it came into this state.
    pub since: Instant,
    /// Open: when it will be probed. On the ramp: when it will be closed. Else `None`.
    pub recover_at: Option<Instant>,
    /// Failures in the window, from the last opening on.
    pub failures: u32,
    /// Attempts in the window, from the last opening on.
    pub attempts: u32,
    /// Openings since the start.
    pub opened_times: u64,
}

#[derive(Debug, Clone, Copy)]
enum Phase {
    Closed { since: Instant },
    Open { since: Instant, until: Instant },
    Probing { since: Instant, passed: u32 },
    Ramp { since: Instant, begun: Instant },
}

/// One node's breaker.
#[derive(Debug, Clone)]
pub struct Breaker {
    settings: Settings,
    phase: Phase,
    window: Window,
    /// The same attempts over [`WIDER`] windows.
    wide: Window,
    in_a_row: u32,
    doublings: u32,
    generation: u32,
    opened_times: u64,
    reason: Option<Reason>,
}

impl Breaker {
    /// A closed breaker.
    pub fn new(settings: Settings, now: Instant) -> Self {
        Self {
            settings,
            phase: Phase::Closed { since: now },
            window: Window::new(settings.window, now),
            wide: Window::new(settings.window.saturating_mul(WIDER), now),
            in_a_row: 0,
            doublings: 0,
            generation: 0,
            opened_times: 0,
            reason: None,
        }
    }

    /// An attempt begins, and counts from now on.
    pub fn started(&mut self, now: Instant) -> Attempt {
        self.window.attempt(now);
        self.wide.attempt(now);
        Attempt { generation: self.generation }
    }

    /// The path held. Ends a row of failures; never closes an open breaker, which only probes and the ramp do.
    pub fn succeeded(&mut self, attempt: Attempt) {
        if attempt.generation == self.generation {
            self.in_a_row = 0;
        }
    }

    /// The path failed. `true` when that opened the breaker.
    pub fn failed(&mut self, attempt: Attempt, now: Instant, roll: f64) -> bool {
        self.phase = self.phase_at(now);
        if attempt.generation != self.generation {
            return false;
        }
        self.window.failure(now);
        self.wide.failure(now);
        self.in_a_row = self.in_a_row.saturating_add(1);
        let reason = match self.phase {
            Phase::Open { .. } => None,
            Phase::Probing { .. } | Phase::Ramp { .. } => Some(Reason::Relapse),
            Phase::Closed { .. } => self.judge(now),
        };
        self.open_for(reason, now, roll)
    }

    /// Is it time for an unpaid probe? Stays so until [`Self::probed`]; one at a time is enough.
    pub fn probe_due(&self, now: Instant) -> bool {
        matches!(self.phase_at(now), Phase::Probing { .. })
    }

    /// What a probe of a half-open node said; changes nothing otherwise. `true` when it opened again.
    pub fn probed(&mut self, ok: bool, now: Instant, roll: f64) -> bool {
        self.phase = self.phase_at(now);
        match self.phase {
            Phase::Probing { since, passed } if ok => {
                let passed = passed + 1;
                self.phase = if passed >= PROBES {
                    Phase::Ramp { since, begun: now }
                } else {
                    Phase::Probing { since, passed }
                };
                false
            }
            Phase::Probing { .. } | Phase::Ramp { .. } if !ok => {
                self.open_for(Some(Reason::Relapse), now, roll)
            }
            Phase::Probing { .. }
            | Phase::Ramp { .. }
            | Phase::Closed { .. }
            | Phase::Open { .. } => false,
        }
    }

    /// May a new request go there? One roll a request.
    pub fn admits(&self, now: Instant, roll: f64) -> Admission {
        match self.phase_at(now) {
            Phase::Closed { .. } => Admission::Yes,
            Phase::Open { .. } | Phase::Probing { .. } => Admission::No,
            Phase::Ramp { begun, .. } => {
                let first = now.saturating_duration_since(begun) < RAMP / 2;
                let share = if first { RAMP_FIRST } else { RAMP_SECOND };
                if backoff::unit(roll) < share { Admission::Ramp } else { Admission::Later }
            }
        }
    }

    /// Where it stands.
    pub fn state(&self, now: Instant) -> State {
        match self.phase_at(now) {
            Phase::Closed { .. } => State::Closed,
            Phase::Open { .. } => State::Open,
            Phase::Probing { .. } | Phase::Ramp { .. } => State::HalfOpen,
        }
    }

    /// What an operator sees.
    pub fn view(&self, now: Instant) -> View {
        let (since, recover_at) = match self.phase_at(now) {
            Phase::Closed { since } | Phase::Probing { since, .. } => (since, None),
            Phase::Open { since, until } => (since, Some(until)),
            Phase::Ramp { since, begun } => (since, Some(begun + RAMP)),
        };
        let state = self.state(now);
        let seen = self.window.sum(now);
        View {
            state,
            reason: self.reason.filter(|_| state != State::Closed),
            since,
            recover_at,
            failures: seen.failures,
            attempts: seen.attempts,
            opened_times: self.opened_times,
        }
    }

    /// Closes it by hand. Attempts that are under way no longer count.
    pub fn reset(&mut self, now: Instant) {
        self.phase = Phase::Closed { since: now };
        self.doublings = 0;
        self.forget(now);
    }

    /// Other settings, as on a reload: where it stands stays, a pause longer than the new longest is cut.
    ///
    /// Another window begins to count anew.
    pub fn reconfigure(&mut self, settings: Settings, now: Instant) {
        self.phase = self.phase_at(now);
        if let Phase::Open { since, until } = self.phase {
            self.phase = Phase::Open { since, until: until.min(now + settings.open_max) };
        }
        if settings.window != self.settings.window {
            self.window = Window::new(settings.window, now);
            self.wide = Window::new(settings.window.saturating_mul(WIDER), now);
        }
        self.settings = settings;
    }

    /// The phase with what has come by time alone.
    fn phase_at(&self, now: Instant) -> Phase {
        match self.phase {
            Phase::Open { until, .. } if now >= until => Phase::Probing { since: until, passed: 0 },
            Phase::Ramp { begun, .. } if now >= begun + RAMP => {
                Phase::Closed { since: begun + RAMP }
            }
            Phase::Open { .. }
            | Phase::Ramp { .. }
            | Phase::Probing { .. }
            | Phase::Closed { .. } => self.phase,
        }
    }

    fn judge(&self, now: Instant) -> Option<Reason> {
        if self.in_a_row >= IN_A_ROW {
            return Some(Reason::Consecutive(self.in_a_row));
        }
        let mut seen = self.window.sum(now);
        if seen.attempts < self.settings.min_attempts {
            seen = self.wide.sum(now);
        }
        let judged = seen.attempts >= self.settings.min_attempts && seen.failures >= FAILURES_MIN;
        let allowed = f64::from(seen.attempts) * self.settings.error_rate;
        (judged && f64::from(seen.failures) > allowed)
            .then_some(Reason::Rate { failures: seen.failures, attempts: seen.attempts })
    }

    fn open_for(&mut self, reason: Option<Reason>, now: Instant, roll: f64) -> bool {
        let Some(reason) = reason else { return false };
        if let Phase::Closed { since } = self.phase {
            let healthy = now.saturating_duration_since(since).as_secs() / HEALTHY.as_secs();
            let healed = u32::try_from(healthy).unwrap_or(u32::MAX);
            self.doublings = self.doublings.saturating_sub(healed);
        }
        let longest = backoff::doubled(self.settings.open, self.settings.open_max, self.doublings);
        let until = now + backoff::jittered(longest, OPEN_JITTER, roll);
        self.phase = Phase::Open { since: now, until };
        self.doublings = (self.doublings + 1).min(DOUBLINGS_MAX);
        self.opened_times = self.opened_times.saturating_add(1);
        self.forget(now);
        self.reason = Some(reason);
        true
    }

    /// What was counted until now says nothing about what comes.
    fn forget(&mut self, now: Instant) {
        self.window.clear(now);
        self.wide.clear(now);
        self.in_a_row = 0;
        self.reason = None;
        self.generation = self.generation.wrapping_add(1);
    }
}
