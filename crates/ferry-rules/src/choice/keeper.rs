//! Stays with a node until another is clearly and lastingly better, so that requests do not swing.
//!
//! Two nodes of about the same cost would else take turns, each time with cold connections. It keeps no
//! request on a node that is not usable, and none on a standby while a primary is back for good.

use std::time::{Duration, Instant};

use super::{Candidate, Chosen, Tier, best};
use crate::breaker::Admission;

/// Another primary must cost less than this share of the kept one (reliability.md 2.4).
pub const BETTER: f64 = 0.7;
/// For this long without a break.
pub const KEPT: Duration = Duration::from_secs(30);

/// The node that requests go to, and the one that may follow it. Start anew when the nodes change.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Keeper {
    kept: Option<usize>,
    /// Better since then.
    rival: Option<(usize, Instant)>,
}

impl Keeper {
    /// The node that is kept.
    pub fn kept(&self) -> Option<usize> {
        self.kept
    }

    /// The node for this request, and what it means for the next ones. `None` only without nodes.
    ///
    /// What only this request or its model has met (it has tried the kept node, the key cools there,
    /// it is let through to a node on the ramp) sends it elsewhere and moves nothing.
    pub fn choose(&mut self, candidates: &[Candidate], now: Instant) -> Option<Chosen> {
        let best = best(candidates)?;
        if best.panic {
            // All are raced; which one wins is no reason to stay.
            return Some(best);
        }
        self.settle(candidates, best, now);
        let kept = self.kept.and_then(|node| Some((node, candidates.get(node)?)));
        let Some((node, candidate)) = kept else { return Some(best) };
        let tier = candidate.tier();
        // Of the same tier, and not tried while the best one is not: the kept one it is.
        let stays = tier == best.tier && tier <= Tier::Standby && candidate.tried == best.tried;
        Some(if stays { Chosen { node, ..best } } else { best })
    }

    /// Moves to another node if it is time.
    fn settle(&mut self, candidates: &[Candidate], best: Chosen, now: Instant) {
        let kept = self.kept.and_then(|node| candidates.get(node));
        let Some(kept) = kept.filter(|kept| kept.path_is_well()) else {
            self.move_to(settled(candidates, None).unwrap_or(best.node));
            return;
        };
        if kept.standby {
            // Back for good: its breaker has gone through the ramp.
            if let Some(primary) = settled(candidates, Some(false)) {
                self.move_to(primary);
            }
            return;
        }
        let better = |candidate: &Candidate| {
            is_settled(candidate) && !candidate.standby && candidate.cost < BETTER * kept.cost
        };
        self.rival = match self.rival {
            Some((node, since)) if candidates.get(node).is_some_and(better) => Some((node, since)),
            Some(_) | None => settled(candidates, Some(false))
                .filter(|node| candidates.get(*node).is_some_and(better))
                .map(|node| (node, now)),
        };
        if let Some((node, since)) = self.rival
            && now.saturating_duration_since(since) >= KEPT
        {
            self.move_to(node);
        }
    }

    fn move_to(&mut self, node: usize) {
        self.kept = Some(node);
        self.rival = None;
    }
}

/// Usable for everybody, whatever this request has tried.
fn is_settled(candidate: &Candidate) -> bool {
    candidate.admission == Admission::Yes && !candidate.suspect && candidate.cooled.is_none()
}

/// The cheapest settled node, primaries first, or only of one role.
fn settled(candidates: &[Candidate], standby: Option<bool>) -> Option<usize> {
    let of_role = |candidate: &Candidate| standby.is_none_or(|role| candidate.standby == role);
    candidates
        .iter()
        .enumerate()
        .filter(|(_, candidate)| is_settled(candidate) && of_role(candidate))
        .min_by(|(_, a), (_, b)| a.standby.cmp(&b.standby).then(a.cost.total_cmp(&b.cost)))
        .map(|(node, _)| node)
}
