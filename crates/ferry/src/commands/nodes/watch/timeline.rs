//! Rounds put on one axis of time, and the gaps between them. While the machine slept, the process was stopped or the
//! clock was set, nothing was measured: that is a gap and never an outage. Pure: the clocks' readings come in.

use super::round::{Line, Round, Start};

/// Two clocks that differ by more over the same span have not both run on: sleep, or a clock that was set.
const APART_MS: i64 = 2_000;
/// No round takes longer; a bound of the measurement.
pub(super) const ROUND_MAX_MS: i64 = 20_000;
/// A machine that is merely busy is late by less.
const LATE_MS: i64 = 5_000;

/// Why nothing was measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Why {
    /// No process was there to measure.
    Stopped,
    /// The machine slept, or its clock was set forward.
    Asleep,
    /// The process was held up.
    HeldUp,
}

/// A span without a measurement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Gap {
    pub(super) from_ms: i64,
    pub(super) to_ms: i64,
    pub(super) why: Why,
}

/// A round at its place.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Placed {
    pub(super) at_ms: i64,
    /// Until when it speaks: the next round, or the gap.
    pub(super) to_ms: i64,
    /// A gap comes right before it.
    pub(super) after_gap: bool,
    pub(super) round: Round,
}

/// All rounds in order.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Timeline {
    pub(super) rounds: Vec<Placed>,
    pub(super) gaps: Vec<Gap>,
    /// How often the clock was set back.
    pub(super) set_back: usize,
    /// The last start that is known.
    pub(super) start: Option<Start>,
    layer: Layer,
}

impl Timeline {
    pub(super) fn of(lines: &[Line]) -> Self {
        let mut timeline = Self::default();
        for line in lines {
            timeline.add(line);
        }
        timeline
    }

    /// Puts the next line there.
    pub(super) fn add(&mut self, line: &Line) {
        match line {
            Line::Start(start) => {
                self.layer.every = start.every_ms.max(1);
                self.layer.fresh = true;
                self.start = Some(start.clone());
            }
            Line::Round(round) => {
                let mut layer = std::mem::take(&mut self.layer);
                layer.place(round, self);
                self.layer = layer;
            }
        }
    }

    /// Time that rounds speak for.
    pub(super) fn measured_ms(&self) -> i64 {
        self.rounds.iter().map(|placed| placed.to_ms - placed.at_ms).sum()
    }

    /// From the first round to the end of the last, gaps included.
    pub(super) fn ends(&self) -> Option<(i64, i64)> {
        Some((self.rounds.first()?.at_ms, self.rounds.last()?.to_ms))
    }
}

/// Where the last round stands, while the next is put there.
#[derive(Clone, Debug, PartialEq)]
struct Layer {
    every: i64,
    /// The last round was put on the axis.
    counts: bool,
    /// A process has begun since the last round.
    fresh: bool,
    last: Option<Last>,
}

/// The clocks of the last round as they were read, and its place.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Last {
    at_ms: i64,
    up_ms: i64,
    place: i64,
}

impl Default for Layer {
    fn default() -> Self {
        Self { every: 1, counts: true, fresh: true, last: None }
    }
}

impl Layer {
    fn place(&mut self, round: &Round, timeline: &mut Timeline) {
        let every = self.every.max(1);
        let counted = std::mem::replace(&mut self.counts, true);
        let (at, gap) = match &self.last {
            None => (round.at_ms, None),
            Some(before @ Last { place, .. }) => {
                let wall = round.at_ms - before.at_ms;
                let up = round.up_ms - before.up_ms;
                let backwards = if self.fresh { wall < 0 } else { up - wall > APART_MS };
                timeline.set_back += usize::from(backwards);
                let (step, why) = step(wall, up, every, self.fresh);
                let from_ms = if counted { place + every.min(step) } else { *place };
                (place + step, why.map(|why| Gap { from_ms, to_ms: place + step, why }))
            }
        };
        self.fresh = false;
        self.last = Some(Last { at_ms: round.at_ms, up_ms: round.up_ms, place: at });
        if let Some(before) = timeline.rounds.last_mut().filter(|_| counted) {
            before.to_ms = gap.map_or(at, |gap| gap.from_ms);
        }
        timeline.gaps.extend(gap);
        // The machine slept or the process was held up while the round was under way: what it met then says nothing.
        let slept = (round.wall_took_ms - round.took_ms).abs() > APART_MS;
        if slept || round.took_ms > ROUND_MAX_MS + LATE_MS {
            self.counts = false;
            return;
        }
        let after_gap = gap.is_some() || !counted;
        let to_ms = at + every;
        timeline.rounds.push(Placed { at_ms: at, to_ms, after_gap, round: round.clone() });
    }
}

/// How far apart two rounds are, and why nothing was measured between them, if so.
fn step(wall: i64, up: i64, every: i64, fresh: bool) -> (i64, Option<Why>) {
    if fresh {
        // The monotonic clock began anew; a wall clock that was set back meanwhile tells no span.
        let step = wall.max(every);
        return (step, (step > every + LATE_MS).then_some(Why::Stopped));
    }
    if wall - up > APART_MS {
        (wall, Some(Why::Asleep))
    } else {
        let late = every.max(ROUND_MAX_MS) + every + LATE_MS;
        (up.max(1), (up > late).then_some(Why::HeldUp))
    }
}

#[cfg(test)]
mod tests;
