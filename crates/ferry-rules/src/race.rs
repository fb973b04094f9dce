//! Which node and address a waiting request asks for next while it has no connection.
//!
//! A lost SYN costs a second, a dead address all of its timeout; so every 150 ms another one is asked, and the
//! first that answers wins. Dials belong to the pool and are shared; this is the schedule of one who
//! waits. It dials nothing itself and never races a request, only connects.

#[cfg(test)]
mod tests;

use std::time::{Duration, Instant};

/// Between two steps, and between the beginnings of two passes (reliability.md 2.2).
pub const GAP: Duration = Duration::from_millis(150);
/// Standbys join after this long though not all primaries have been asked.
pub const STANDBY_AFTER: Duration = Duration::from_millis(600);
/// Half-open connections to an address that has not answered lately.
pub const HALF_OPEN: u32 = 4;
/// Half-open connections to an address at most.
pub const HALF_OPEN_MAX: u32 = 64;
/// An answer within this long lets an address have one for each who waits.
pub const ANSWERED_LATELY: Duration = Duration::from_secs(10);

/// How many half-open connections an address may have.
///
/// `answered` is how long ago it last took a connection, `waiting` how many requests wait for one.
pub fn half_open_max(answered: Option<Duration>, waiting: usize) -> u32 {
    if answered.is_none_or(|ago| ago > ANSWERED_LATELY) {
        return HALF_OPEN;
    }
    let waiting = u32::try_from(waiting).unwrap_or(HALF_OPEN_MAX);
    waiting.saturating_add(HALF_OPEN).min(HALF_OPEN_MAX)
}

/// A node in the race.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lane {
    /// The node.
    pub node: usize,
    /// Its addresses, best first; 0 keeps it out of the race.
    pub addresses: usize,
    /// It joins late. In panic no lane does.
    pub standby: bool,
}

/// A connection to ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Dial {
    /// The node, as in its lane.
    pub node: usize,
    /// Index among the node's addresses, best first.
    pub address: usize,
}

/// What to do now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Ask for this connection, then ask for the next step.
    Dial(Dial),
    /// Ask again then, or as soon as a dial has ended.
    Wait {
        /// Never after the deadline.
        until: Instant,
    },
    /// Time is up, or there is nobody to ask.
    Done,
}

#[derive(Debug, Clone)]
struct Runner {
    lane: Lane,
    /// Passes that it has had.
    asked: usize,
}

/// The schedule of one waiting request.
///
/// Pass after pass: every node's best address, then every node's next one (or the same once more: a
/// second SYN), in the order of the lanes, until the deadline.
#[derive(Debug, Clone)]
pub struct Race {
    runners: Vec<Runner>,
    started: Instant,
    deadline: Instant,
    last: Option<Instant>,
    pass: usize,
    pass_begun: Instant,
}

impl Race {
    /// A race over these lanes, in the order of choice.
    pub fn new(lanes: impl IntoIterator<Item = Lane>, started: Instant, deadline: Instant) -> Self {
        let runners = lanes
            .into_iter()
            .filter(|lane| lane.addresses > 0)
            .map(|lane| Runner { lane, asked: 0 })
            .collect();
        Self { runners, started, deadline, last: None, pass: 0, pass_begun: started }
    }

    /// The next step. `pending` is how many connections that it has asked for or shares are still being made;
    /// `room` says whether an address may have another half-open one ([`half_open_max`]).
    ///
    /// An address without room is passed over: those under way there are shared.
    pub fn next(
        &mut self,
        now: Instant,
        pending: usize,
        mut room: impl FnMut(Dial) -> bool,
    ) -> Step {
        if now >= self.deadline || self.runners.is_empty() {
            return Step::Done;
        }
        if let Some(last) = self.last
            && pending > 0
            && now < last + GAP
        {
            return self.wait(last + GAP);
        }
        for _ in 0..self.runners.len() {
            let Some(next) = self.leader(now) else { return Step::Done };
            let Some(runner) = self.runners.get_mut(next) else { return Step::Done };
            if runner.asked > self.pass {
                if now < self.pass_begun + GAP {
                    let until = self.pass_begun + GAP;
                    return self.wait(until);
                }
                self.pass = runner.asked;
                self.pass_begun = now;
            }
            let dial =
                Dial { node: runner.lane.node, address: runner.asked % runner.lane.addresses };
            runner.asked += 1;
            if room(dial) {
                self.last = Some(now);
                return Step::Dial(dial);
            }
        }
        self.wait(now + GAP)
    }

    /// Whose turn it is: the one with the fewest passes, by rank.
    fn leader(&self, now: Instant) -> Option<usize> {
        let all_primaries_asked =
            self.runners.iter().all(|runner| runner.lane.standby || runner.asked > 0);
        let late = now.saturating_duration_since(self.started) >= STANDBY_AFTER;
        let joined = |runner: &Runner| !runner.lane.standby || all_primaries_asked || late;
        let role = |runner: &Runner| match (runner.lane.standby, late && runner.asked == 0) {
            // One that joins because it is late must not wait for the primaries all the same.
            (true, true) => 0,
            (false, _) => 1,
            (true, false) => 2,
        };
        let turn = |(at, runner): (usize, &Runner)| (runner.asked, role(runner), at);
        let eligible = self.runners.iter().enumerate().filter(|(_, runner)| joined(runner));
        eligible.min_by_key(|entry| turn(*entry)).map(|(at, _)| at)
    }

    fn wait(&self, until: Instant) -> Step {
        Step::Wait { until: until.min(self.deadline) }
    }
}
