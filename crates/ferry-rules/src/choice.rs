//! Which node a request goes to, and the order of all others behind it.
//!
//! By tier, then by cost: usable primaries, usable standbys, nodes whose path is silent right now, nodes whose
//! key cools, nodes whose breaker is open. What this request has tried comes after all that it has not.
//! A breaker never shuts the last node: where there is a node, there is an answer, and when fewer than
//! half of the paths are usable, breakers are not believed at all (panic). It waits for nothing.

mod keeper;
#[cfg(test)]
mod tests;

use std::cmp::Ordering;
use std::time::{Duration, Instant};

pub use self::keeper::{BETTER, KEPT, Keeper};
use crate::breaker::Admission;

/// What is known about a node when a request asks for one.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Candidate {
    /// A standby, not a primary.
    pub standby: bool,
    /// What its breaker says to this request.
    pub admission: Admission,
    /// A probe of its path is silent right now.
    pub suspect: bool,
    /// Every key that this request may use there cools for this long: rate limited or overloaded upstream.
    pub cooled: Option<Duration>,
    /// What it costs, in seconds ([`crate::ewma::PeakEwma::cost`]).
    pub cost: f64,
    /// When a request last went well there.
    pub last_success: Option<Instant>,
    /// This request has tried it and must go elsewhere if there is any.
    pub tried: bool,
}

/// How good a node is, best first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Tier {
    /// A usable primary.
    Primary,
    /// A usable standby.
    Standby,
    /// Its path does not answer a probe at the moment.
    Suspect,
    /// Its key cools.
    Cooled,
    /// Its breaker is open to nobody, or not to this request.
    Open,
}

/// The node to go to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Chosen {
    /// Its index among the candidates.
    pub node: usize,
    /// How good it is; anything behind [`Tier::Standby`] is worth a wait.
    pub tier: Tier,
    /// This request has tried all there are.
    pub tried: bool,
    /// Too few paths are usable: breakers are ignored, all nodes are raced.
    pub panic: bool,
}

impl Candidate {
    /// How good it is for this request.
    pub fn tier(&self) -> Tier {
        if !self.admission.is_open_to_it() {
            Tier::Open
        } else if self.cooled.is_some() {
            Tier::Cooled
        } else if self.suspect {
            Tier::Suspect
        } else if self.standby {
            Tier::Standby
        } else {
            Tier::Primary
        }
    }

    /// Can this request go there as to any other?
    pub fn is_usable(&self) -> bool {
        self.tier() <= Tier::Standby
    }

    /// Nothing is said against its path, though it may still be on the way back.
    fn path_is_well(&self) -> bool {
        self.admission != Admission::No && !self.suspect
    }
}

/// Are breakers to be ignored: no path open to this request, or fewer than half of them well?
///
/// Cooled keys do not count: another path does not lead to more room.
pub fn is_panic(candidates: &[Candidate]) -> bool {
    let well = candidates.iter().filter(|candidate| candidate.path_is_well()).count();
    let open = |candidate: &Candidate| candidate.admission.is_open_to_it() && !candidate.suspect;
    well * 2 < candidates.len() || !candidates.iter().any(open)
}

/// The best node for this request; `None` only where there is none at all.
pub fn best(candidates: &[Candidate]) -> Option<Chosen> {
    let panic = is_panic(candidates);
    let indexed = candidates.iter().enumerate();
    let (node, candidate) = indexed.min_by(|a, b| compare(*a, *b, panic))?;
    Some(Chosen { node, tier: candidate.tier(), tried: candidate.tried, panic })
}

/// All nodes in the order in which this request should go to them, into `order`; true in panic.
///
/// `order` is cleared first, so that one allocation serves many requests.
pub fn rank(candidates: &[Candidate], order: &mut Vec<usize>) -> bool {
    let panic = is_panic(candidates);
    order.clear();
    order.extend(0..candidates.len());
    order.sort_unstable_by(|a, b| match (candidates.get(*a), candidates.get(*b)) {
        (Some(first), Some(second)) => compare((*a, first), (*b, second), panic),
        _ => a.cmp(b),
    });
    panic
}

/// Total and without chance: the index decides at last.
fn compare(a: (usize, &Candidate), b: (usize, &Candidate), panic: bool) -> Ordering {
    let ((at, first), (other, second)) = (a, b);
    let by_state = if panic {
        // What is well comes first all the same: there may be one left, and it may be new.
        let well = second.is_usable().cmp(&first.is_usable());
        let cooled = first.cooled.cmp(&second.cooled);
        // The latest success first; `None` is less than any instant.
        well.then(cooled)
            .then(second.last_success.cmp(&first.last_success))
            .then(first.standby.cmp(&second.standby))
    } else {
        first.tier().cmp(&second.tier()).then_with(|| within_tier(first, second))
    };
    let tried = first.tried.cmp(&second.tried);
    tried.then(by_state).then(first.cost.total_cmp(&second.cost)).then(at.cmp(&other))
}

fn within_tier(first: &Candidate, second: &Candidate) -> Ordering {
    match first.tier() {
        Tier::Primary | Tier::Standby => Ordering::Equal,
        Tier::Suspect => first.standby.cmp(&second.standby),
        Tier::Cooled => first.cooled.cmp(&second.cooled),
        Tier::Open => {
            // One on the way back before one that is left alone.
            let alone = |candidate: &Candidate| candidate.admission == Admission::No;
            let back = alone(first).cmp(&alone(second));
            back.then(second.last_success.cmp(&first.last_success))
        }
    }
}
