//! The race for a connection: which address of which node is dialled next while a request waits.
//!
//! Connects cost nothing, so they are raced where generations never are (reliability.md 2.4, after RFC 8305):
//! the best address of every node in turn, a new dial every 150 ms or as soon as all before it have failed,
//! then round after round over the next addresses or the same again, since a lost SYN costs a second.
//! It opens nothing and knows no socket; whether a dial that it asks for is needed is the pool's to say.

#[cfg(test)]
mod tests;

use std::time::{Duration, Instant};

use crate::backoff;

/// Between two dials of one waiting request.
pub const STEP: Duration = Duration::from_millis(150);
/// Standbys join after this, or when every primary has been dialled.
pub const STANDBY_AFTER: Duration = Duration::from_millis(600);
/// Dials under way to one address that has not answered lately.
pub const HALF_OPEN_MAX: usize = 4;
/// Dials under way to one address that has, however many requests wait.
pub const PROVEN_HALF_OPEN_MAX: usize = 64;
/// An address that took a connection within this time is no mystery.
pub const PROVEN_FOR: Duration = Duration::from_secs(10);

/// Before an address that has just failed is dialled again for a request that has dialled it before.
pub const REDIAL_FIRST: Duration = Duration::from_millis(50);
/// The same when it has failed again and again: as long as one waiting request takes from dial to dial, so that it
/// never has to let a turn pass.
pub const REDIAL_LONGEST: Duration = STEP;

/// May an address be dialled again, whose last dial began then and which has failed so often in a row? However many
/// requests wait, they share its dials: else each of hundreds would knock at a closed door every [`STEP`].
pub fn may_redial(last_begun: Instant, failed_in_a_row: u32, now: Instant) -> bool {
    let Some(doublings) = failed_in_a_row.checked_sub(1) else { return true };
    now >= last_begun + backoff::doubled(REDIAL_FIRST, REDIAL_LONGEST, doublings)
}

/// How many dials may be under way to one address. One that answers takes as many as are waited for, else
/// a burst of requests over a slow path would queue behind four handshakes at a time.
pub fn half_open_max(proven: bool, waiting: usize) -> usize {
    if proven { (waiting + HALF_OPEN_MAX).min(PROVEN_HALF_OPEN_MAX) } else { HALF_OPEN_MAX }
}

/// A node in the race, in the order in which nodes are worth it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lane {
    /// Its index, by which it is known from call to call.
    pub node: usize,
    /// It joins later.
    pub standby: bool,
    /// Addresses that are known of it, best first.
    pub addresses: usize,
}

/// What to do now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Dial this address of this node; then ask again.
    Dial {
        /// The node's index.
        node: usize,
        /// The place of the address among the node's, best first.
        address: usize,
    },
    /// Nothing before then, unless something fails or comes.
    Wait(Instant),
}

/// One waiting request's race.
#[derive(Debug, Clone)]
pub struct Race {
    begun: Instant,
    next_at: Instant,
    round: usize,
    round_begun: Instant,
    /// Nodes dialled in this round.
    dialled: Vec<usize>,
    /// Rounds in which everything that was dialled failed.
    lost: usize,
}

impl Race {
    /// A race that begins now.
    pub fn new(now: Instant) -> Self {
        Self { begun: now, next_at: now, round: 0, round_begun: now, dialled: Vec::new(), lost: 0 }
    }

    /// The next step. `failed`: every dial that this race has asked for in this round has come to nothing.
    pub fn next(&mut self, lanes: &[Lane], failed: bool, now: Instant) -> Step {
        let due = now >= self.next_at || (failed && !self.dialled.is_empty());
        if !due {
            return Step::Wait(self.next_at);
        }
        if let Some(step) = self.dial(lanes, now) {
            return step;
        }
        if self.dialled.is_empty() {
            // No node has an address yet: the resolver rings.
            return Step::Wait(now + STEP);
        }
        // The round is over. The next one begins no earlier than a step after the last dial.
        if now < self.next_at {
            return Step::Wait(self.next_at);
        }
        self.lost += usize::from(failed);
        self.dialled.clear();
        self.round += 1;
        self.round_begun = now;
        self.dial(lanes, now).unwrap_or(Step::Wait(now + STEP))
    }

    /// True once every node and address has been tried at least once and nothing has come of it.
    pub fn is_lost(&self, lanes: &[Lane], failed: bool) -> bool {
        let over = |lane: &Lane| lane.addresses == 0 || self.dialled.contains(&lane.node);
        let round_over = failed && !self.dialled.is_empty() && lanes.iter().all(over);
        let rounds = lanes.iter().map(|lane| lane.addresses).max().unwrap_or(0);
        self.round + usize::from(round_over) >= rounds.max(1) && (failed || self.lost > 0)
    }

    /// When the round in work began: what failed before it does not count.
    pub fn round_begun(&self) -> Instant {
        self.round_begun
    }

    fn dial(&mut self, lanes: &[Lane], now: Instant) -> Option<Step> {
        let fresh = |lane: &&Lane| lane.addresses > 0 && !self.dialled.contains(&lane.node);
        let late = self.round > 0 || now >= self.begun + STANDBY_AFTER;
        let next = lanes
            .iter()
            .filter(fresh)
            .find(|lane| !lane.standby || late)
            .or_else(|| lanes.iter().find(fresh))?;
        self.dialled.push(next.node);
        self.next_at = now + STEP;
        Some(Step::Dial { node: next.node, address: self.round % next.addresses })
    }
}
