//! One waiting request's part in the race for a connection: what it has asked for, which nodes it may take a
//! connection of, and whether all is lost. Decision: `ferry_rules::race`.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use ferry_rules::race::{Lane, Race, Step};

use super::Fleet;
use crate::upstream::node::Waiting;
use crate::upstream::site::Site;

/// Nodes that are not worth it join after this, as standbys do, and once more as long.
const WIDEN_AFTER: Duration = Duration::from_millis(1200);
/// One waiting request in the race.
pub(super) struct Entry {
    race: Race,
    pub(super) refreshed: Instant,
    /// Counted at the nodes that it has asked.
    waits: Vec<(usize, Waiting)>,
    /// What it has asked for in this round: node, address, when.
    asked: Vec<(usize, SocketAddr, Instant)>,
    /// What it has dialled in any round.
    dialled: Vec<(usize, SocketAddr)>,
    begun: Instant,
    /// Those that are worth it have all failed: the others run, too.
    widened: bool,
}

impl Entry {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            race: Race::new(now),
            refreshed: now,
            waits: Vec::new(),
            asked: Vec::new(),
            dialled: Vec::new(),
            begun: now,
            widened: false,
        }
    }

    /// Nodes that are open, silent or have been tried run only when those that are worth it have failed, or
    /// take too long: what answers there would be one more failure, and a paid one.
    pub(super) fn may_run(&self, site: &Site, sites: &[Site], now: Instant) -> bool {
        let worth = |site: &Site| site.usable && !site.tried;
        worth(site) || self.widened || now >= self.begun + WIDEN_AFTER || !sites.iter().any(worth)
    }

    pub(super) fn has_joined(&self, node: usize) -> bool {
        self.waits.iter().any(|(joined, _)| *joined == node)
    }

    /// Dials what is due; says when to look again.
    pub(super) fn step(
        &mut self,
        fleet: &Fleet,
        sites: &[Site],
        born_after: Option<Instant>,
        now: Instant,
    ) -> Step {
        let runs = |site: &&Site| self.may_run(site, sites, now);
        let known: Vec<_> =
            sites.iter().filter(runs).map(|site| (site, site.node(fleet).addresses(now))).collect();
        let lanes: Vec<Lane> = known
            .iter()
            .map(|(site, addresses)| Lane {
                node: site.place.node,
                standby: site.standby,
                addresses: addresses.len(),
            })
            .collect();
        let failed = self.all_failed(fleet);
        let round = self.race.round_begun();
        match self.race.next(&lanes, failed, now) {
            Step::Dial { node, address } => {
                if self.race.round_begun() != round {
                    self.asked.clear();
                }
                let lane = known.iter().find(|(site, _)| site.place.node == node);
                if let Some((site, addresses)) = lane
                    && let Some(at) = addresses.get(address)
                {
                    if !self.has_joined(node) {
                        self.waits.push((node, site.node(fleet).wait()));
                    }
                    let again = self.dialled.contains(&(node, *at));
                    let rests = site.node(fleet).rests_since(*at, now).filter(|_| again);
                    self.asked.push((node, *at, rests.unwrap_or(now)));
                    // One that stands ready is taken at the next look.
                    if rests.is_none() && (born_after.is_some() || site.node(fleet).ready() == 0) {
                        site.node(fleet).dial(*at, now);
                    }
                    if !again {
                        self.dialled.push((node, *at));
                    }
                }
                Step::Dial { node, address }
            }
            wait @ Step::Wait(_) => {
                self.dial_more(&known, fleet, now);
                wait
            }
        }
    }

    /// A handshake may have said that a node shares no connections: then each who waits needs its own.
    fn dial_more(&self, known: &[(&Site, Vec<SocketAddr>)], fleet: &Fleet, now: Instant) {
        for (site, addresses) in known {
            if self.has_joined(site.place.node)
                && let Some(best) = addresses.first()
            {
                site.node(fleet).dial_if_short(*best, now);
            }
        }
    }

    fn all_failed(&self, fleet: &Fleet) -> bool {
        !self.asked.is_empty()
            && self.asked.iter().all(|(node, at, since)| {
                fleet.nodes.get(*node).is_some_and(|node| node.has_failed(*at, *since))
            })
    }

    pub(super) fn is_lost(&mut self, fleet: &Fleet, sites: &[Site], now: Instant) -> bool {
        let all = sites.iter().all(|site| self.may_run(site, sites, now));
        let lost = self.has_lost(fleet, sites, now);
        self.widened |= lost;
        lost && all
    }

    fn has_lost(&self, fleet: &Fleet, sites: &[Site], now: Instant) -> bool {
        let lanes: Vec<Lane> = sites
            .iter()
            .filter(|site| self.may_run(site, sites, now))
            .map(|site| Lane {
                node: site.place.node,
                standby: site.standby,
                addresses: site.node(fleet).addresses(now).len(),
            })
            .collect();
        let unresolved = lanes.iter().all(|lane| lane.addresses == 0)
            && sites.iter().all(|site| site.node(fleet).unresolved().is_some());
        unresolved || self.race.is_lost(&lanes, self.all_failed(fleet))
    }
}
