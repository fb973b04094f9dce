//! A node's health: its breaker, whether its path is under suspicion, and what is under way. Failures of
//! the path alone are charged here. Decisions: `ferry_rules::breaker`; when to ask is the probe's.

use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use ferry_rules::breaker::{self, Attempt, Breaker};

use super::fault::PathFault;
use crate::clock;

/// Kept-alive connections that died in a row under requests, from which on none is kept any more: a box
/// on the way forgets them faster than they are used.
const STALE_MAX: u32 = 2;
/// Probes without an answer after which a path is dead.
const DEAD_AFTER: u32 = 3;
/// Deaths within this time of the first of them are one occasion.
const TOGETHER: Duration = Duration::from_secs(1);
/// For how long none is kept then.
const NO_REUSE: Duration = Duration::from_mins(1);

/// What is known of a node's path.
#[derive(Debug)]
pub struct Health {
    settings: breaker::Settings,
    breaker: Mutex<Breaker>,
    /// Asked for an answer that needs no model, the path was silent last time.
    suspect: AtomicBool,
    /// A probe is under way.
    probing: AtomicBool,
    /// Requests written whose answer has not ended.
    pub(super) in_flight: AtomicUsize,
    stale: AtomicU32,
    /// Probes in a row that the path did not answer.
    unanswered: AtomicU32,
    /// Some probe has been answered: then one that is not says something. A relay may answer none.
    answers_probes: AtomicBool,
    last: Mutex<Last>,
}

/// When things happened last.
#[derive(Debug, Default, Clone)]
struct Last {
    reached: Option<Instant>,
    held: Option<Instant>,
    failed: Option<(Instant, PathFault)>,
    used: Option<Instant>,
    probed: Option<Instant>,
    stale: Option<Instant>,
    /// When the first of those connections died that died together with the last.
    occasion: Option<Instant>,
}

impl Health {
    pub(super) fn new(settings: breaker::Settings) -> Self {
        Self {
            settings,
            breaker: Mutex::new(Breaker::new(settings, clock::now())),
            suspect: AtomicBool::new(false),
            probing: AtomicBool::new(false),
            in_flight: AtomicUsize::new(0),
            stale: AtomicU32::new(0),
            unanswered: AtomicU32::new(0),
            answers_probes: AtomicBool::new(false),
            last: Mutex::default(),
        }
    }

    /// Takes the settings of the one that a reload made, and keeps the rest.
    pub(super) fn succeed(&self, new: &Self) {
        self.breaker().reconfigure(new.settings, clock::now());
    }

    /// A request is about to be written.
    pub(super) fn began(&self, now: Instant) -> Attempt {
        self.in_flight.fetch_add(1, Ordering::Relaxed);
        self.last().used = Some(now);
        self.breaker().started(now)
    }

    /// An answer has begun. That it has says nothing of its end: a path that cuts every answer in the middle
    /// would else never have failed twice in a row.
    pub(super) fn answered(&self, now: Instant, reused: bool) {
        self.suspect.store(false, Ordering::Relaxed);
        self.unanswered.store(0, Ordering::Relaxed);
        if reused {
            self.stale.store(0, Ordering::Relaxed);
        }
        self.last().reached = Some(now);
    }

    /// An answer has come to its end.
    pub(super) fn held(&self, attempt: Attempt, now: Instant) {
        self.breaker().succeeded(attempt);
        self.last().held = Some(now);
    }

    /// A request was done harm; charged to the path. True when the breaker has opened over it.
    pub(super) fn failed(
        &self,
        attempt: Attempt,
        now: Instant,
        fault: PathFault,
        roll: f64,
    ) -> bool {
        self.last().failed = Some((now, fault));
        self.breaker().failed(attempt, now, roll)
    }

    /// A connection was opened. It proves that the address is there, and no more.
    pub(super) fn reached(&self, now: Instant) {
        self.last().reached = Some(now);
    }

    /// A dial that began then came to nothing. Of a racing pair, the one that lost its SYN proves nothing: it is
    /// charged only when nothing else reached the node since.
    /// Without a roll it is noted and not charged: the machine's own network is to blame.
    pub(super) fn not_reached(
        &self,
        begun: Instant,
        now: Instant,
        fault: PathFault,
        roll: Option<f64>,
    ) {
        if self.last().reached.is_some_and(|reached| reached >= begun) {
            return;
        }
        let Some(roll) = roll else {
            self.last().failed = Some((now, fault));
            return;
        };
        let attempt = self.breaker().started(now);
        self.failed(attempt, now, fault, roll);
    }

    /// A connection was accepted and closed at once.
    pub(super) fn stillborn(&self, now: Instant, roll: f64) {
        let attempt = self.breaker().started(now);
        self.failed(attempt, now, PathFault::Lost, roll);
    }

    /// A kept-alive connection died under a request.
    pub(super) fn went_stale(&self, now: Instant) {
        let mut last = self.last();
        last.stale = Some(now);
        // Connections that die together, as when a node starts anew, are one occasion.
        let another = |at| now.saturating_duration_since(at) >= TOGETHER;
        if last.occasion.is_none_or(another) {
            last.occasion = Some(now);
            self.stale.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// True while a connection may be used for a second request.
    pub(super) fn reuses(&self, now: Instant) -> bool {
        if self.stale.load(Ordering::Relaxed) < STALE_MAX {
            return true;
        }
        let over = |at: Instant| now.saturating_duration_since(at) >= NO_REUSE;
        if self.last().stale.is_none_or(over) {
            self.stale.store(0, Ordering::Relaxed);
            return true;
        }
        false
    }

    /// The breaker, to look at.
    pub(super) fn breaker(&self) -> MutexGuard<'_, Breaker> {
        self.breaker.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn is_closed(&self, now: Instant) -> bool {
        self.breaker().state(now) == breaker::State::Closed
    }

    pub(super) fn is_suspect(&self) -> bool {
        self.suspect.load(Ordering::Relaxed)
    }

    /// Probes in a row that the path did not answer.
    pub(super) fn unanswered(&self) -> u32 {
        self.unanswered.load(Ordering::Relaxed)
    }

    /// True when several probes in a row, each on a connection of its own, got no answer and no request did
    /// either: then silence is no slow model's any more.
    pub fn is_dead(&self) -> bool {
        self.unanswered.load(Ordering::Relaxed) >= DEAD_AFTER
    }

    /// When an answer came to its end last. A connection or a beginning prove little.
    pub(super) fn last_held(&self) -> Option<Instant> {
        self.last().held
    }

    pub(super) fn last_used(&self) -> Option<Instant> {
        self.last().used
    }

    pub(super) fn last_failure(&self) -> Option<(Instant, PathFault)> {
        self.last().failed.clone()
    }

    /// Requests written whose answer has not ended.
    pub(super) fn in_flight(&self) -> usize {
        self.in_flight.load(Ordering::Relaxed)
    }

    /// Takes the one seat of a probe; false while another has it.
    pub(super) fn begin_probe(&self, now: Instant) -> bool {
        let free = !self.probing.swap(true, Ordering::Relaxed);
        if free {
            self.last().probed = Some(now);
        }
        free
    }

    /// When a probe began last.
    pub(super) fn last_probe(&self) -> Option<Instant> {
        self.last().probed
    }

    /// What a probe found; `Err` when the path did not answer.
    pub(super) fn probed(&self, now: Instant, found: Result<(), PathFault>, roll: f64) {
        self.probing.store(false, Ordering::Relaxed);
        self.answers_probes.fetch_or(found.is_ok(), Ordering::Relaxed);
        // Where no probe was ever answered, a connection is all that one can tell of.
        let connected = !matches!(found, Err(PathFault::Dial(_)));
        let alive = found.is_ok() || (connected && !self.answers_probes.load(Ordering::Relaxed));
        self.suspect.store(!alive, Ordering::Relaxed);
        if alive {
            self.unanswered.store(0, Ordering::Relaxed);
        } else {
            self.unanswered.fetch_add(1, Ordering::Relaxed);
        }
        if alive {
            self.last().reached = Some(now);
        } else if let Err(fault) = found {
            self.last().failed = Some((now, fault));
        }
        self.breaker().probed(alive, now, roll);
    }

    /// An operator's reset: as if nothing had ever failed.
    pub(super) fn reset(&self, now: Instant) {
        self.breaker().reset(now);
        self.suspect.store(false, Ordering::Relaxed);
        self.unanswered.store(0, Ordering::Relaxed);
        self.stale.store(0, Ordering::Relaxed);
        self.last().failed = None;
    }

    fn last(&self) -> MutexGuard<'_, Last> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
