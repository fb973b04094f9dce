//! What a comparison comes to: success, times, outages, and the outages that Ferry bridged. Pure: a timeline in, figures
//! out.

use super::super::figures::{percentile, share};
use super::round::{Round, Side};
use super::timeline::{Placed, Timeline};

/// A span in which every round failed; it ends with the first one that did not, or where measuring ended.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Outage {
    pub(super) from_ms: i64,
    pub(super) to_ms: i64,
    pub(super) rounds: usize,
    /// Why its first round failed.
    pub(super) fault: String,
    /// Rounds of the other way in this span that failed as well.
    pub(super) others: usize,
}

impl Outage {
    pub(super) fn lasted_ms(&self) -> i64 {
        self.to_ms - self.from_ms
    }

    /// The other way never failed in it.
    pub(super) fn is_bridged(&self) -> bool {
        self.others == 0
    }
}

/// One way's figures.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Tally {
    pub(super) rounds: usize,
    pub(super) good: usize,
    /// Times of the good ones, in milliseconds; absent when there is none.
    pub(super) p50_ms: Option<f64>,
    pub(super) p99_ms: Option<f64>,
    /// In the order of time.
    pub(super) outages: Vec<Outage>,
}

impl Tally {
    /// From 0 to 1.
    pub(super) fn success(&self) -> f64 {
        share(self.good, self.rounds)
    }

    pub(super) fn longest(&self) -> Option<&Outage> {
        self.outages.iter().max_by_key(|outage| outage.lasted_ms())
    }
}

/// Both ways.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Result {
    pub(super) direct: Tally,
    pub(super) ferry: Tally,
    /// Good rounds for which Ferry had to go to a second node or connection after a failure.
    pub(super) moved: usize,
    /// Rounds in which this machine's own network was to blame.
    pub(super) home: usize,
}

impl Result {
    pub(super) fn of(timeline: &Timeline) -> Self {
        let rounds = &timeline.rounds;
        let moved = |round: &Round| {
            round.ferry.is_ok() && round.ferry.attempts.is_some_and(|attempts| attempts > 1)
        };
        Self {
            direct: tally(rounds, |round| &round.direct, |round| &round.ferry),
            ferry: tally(rounds, |round| &round.ferry, |round| &round.direct),
            moved: rounds.iter().filter(|placed| moved(&placed.round)).count(),
            home: rounds.iter().filter(|placed| placed.round.ferry.home).count(),
        }
    }

    /// Outages of today's way in which Ferry never failed.
    pub(super) fn bridged(&self) -> impl Iterator<Item = &Outage> {
        self.direct.outages.iter().filter(|outage| outage.is_bridged())
    }
}

fn tally(rounds: &[Placed], side: fn(&Round) -> &Side, other: fn(&Round) -> &Side) -> Tally {
    let mut times: Vec<f64> = Vec::new();
    let mut outages: Vec<Outage> = Vec::new();
    let mut open = false;
    for placed in rounds {
        let this = side(&placed.round);
        // What lies beyond a gap is another outage: nobody knows what was between.
        open &= !placed.after_gap;
        let Some(fault) = &this.fault else {
            times.push(this.ms);
            open = false;
            continue;
        };
        let others = usize::from(!other(&placed.round).is_ok());
        match outages.last_mut() {
            Some(last) if open => {
                last.to_ms = placed.to_ms;
                last.rounds += 1;
                last.others += others;
            }
            _ => outages.push(Outage {
                from_ms: placed.at_ms,
                to_ms: placed.to_ms,
                rounds: 1,
                fault: fault.clone(),
                others,
            }),
        }
        open = true;
    }
    let good = times.len();
    times.sort_by(f64::total_cmp);
    let at = |percent| (!times.is_empty()).then(|| percentile(&times, percent));
    Tally { rounds: rounds.len(), good, p50_ms: at(50), p99_ms: at(99), outages }
}

#[cfg(test)]
mod tests {
    use super::super::round::{Line, Start};
    use super::*;

    /// One round for each letter: `.` both well, `d` direct failed, `f` Ferry failed, `b` both, ` ` an hour of sleep.
    fn result(script: &str) -> Result {
        let mut lines = vec![Line::Start(Start { every_ms: 30_000, ..Start::default() })];
        let (mut wall, mut up) = (0, 0);
        for letter in script.chars() {
            if letter == ' ' {
                wall += 3_600_000;
                continue;
            }
            let side = |failed: bool, ms: f64| Side {
                ms,
                fault: failed.then(|| "connect".to_owned()),
                ..Side::default()
            };
            lines.push(Line::Round(Round {
                at_ms: wall,
                up_ms: up,
                direct: side("db".contains(letter), 100.0),
                ferry: side("fb".contains(letter), 50.0),
                ..Round::default()
            }));
            (wall, up) = (wall + 30_000, up + 30_000);
        }
        Result::of(&Timeline::of(&lines))
    }

    #[test]
    fn outages_are_runs_of_failures_and_end_at_gaps() {
        // Rounds, good ones, outages of today's way in seconds, of which Ferry bridged.
        for (script, good, lasted, bridged) in [
            ("", 0, &[][..], 0),
            ("....", 4, &[], 0),
            ("..d..", 4, &[30], 1),
            (".ddd.", 2, &[90], 1),
            (".ddb.", 2, &[90], 0),
            (".dd.d", 2, &[60, 30], 2),
            (".d d.", 2, &[30, 30], 2),
            ("d", 0, &[30], 1),
            ("ff..", 4, &[], 0),
        ] {
            let result = result(script);
            let seconds: Vec<i64> =
                result.direct.outages.iter().map(|outage| outage.lasted_ms() / 1000).collect();
            assert_eq!((result.direct.good, &*seconds), (good, lasted), "{script}");
            assert_eq!(result.bridged().count(), bridged, "{script}");
        }
        let both = result(".bb.f");
        assert_eq!(both.ferry.outages.len(), 2);
        assert_eq!(both.ferry.longest().map(Outage::lasted_ms), Some(60_000));
        assert_eq!((both.ferry.good, both.ferry.rounds), (2, 5));
    }

    #[test]
    fn times_are_those_of_good_rounds() {
        let result = result("..d.");
        assert_eq!((result.direct.p50_ms, result.ferry.p99_ms), (Some(100.0), Some(50.0)));
        let none = self::result("bb");
        assert_eq!((none.direct.p50_ms, none.direct.success()), (None, 0.0));
    }
}
