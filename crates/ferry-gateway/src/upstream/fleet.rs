//! All nodes of one configuration: which of them a request should go to, and the race for a connection when
//! none stands ready. A request waits here, bounded, rather than fail at once while every path is down.
//! Decisions: `ferry_rules::{choice, race, patience, outage}`. It sends nothing and retries nothing.

use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use ferry_rules::choice::{self, Candidate, Keeper};
use ferry_rules::race::{Lane, Race, Step};
use ferry_rules::retry::{Blame, Status};

use super::base::Base;
use super::connection::Connection;
use super::node::{Node, Waiting};
use super::settings::{Role, Settings};
use super::site::{Ask, Place, Site};
use super::unreached::Unreached;
use crate::clock;

/// Until every node has been measured, or this long after the start, no node is kept for its own sake.
const SETTLING: Duration = Duration::from_secs(2);

/// The nodes of one configuration.
#[derive(Debug)]
pub struct Fleet {
    /// In the order of the configuration.
    pub nodes: Vec<Arc<Node>>,
    pub(super) base: Base,
    pub(super) probe_every: Option<Duration>,
    pub(super) warm: usize,
    /// The workspace where stored objects live: the first key's.
    home: Option<u64>,
    keeper: Mutex<Keeper>,
    begun: Instant,
}

/// A connection to a node, with the key to use there.
#[derive(Debug)]
pub struct Reached {
    /// Where.
    pub site: Site,
    /// The node.
    pub node: Arc<Node>,
    /// Ready to be written to.
    pub connection: Connection,
}

impl Fleet {
    /// Opens nothing.
    pub fn new(nodes: Vec<Arc<Node>>, settings: &Settings, base: &Base) -> Self {
        Self {
            home: nodes.iter().find_map(|node| node.keys.home()),
            nodes,
            base: base.clone(),
            probe_every: settings.probe_every,
            warm: settings.warm,
            keeper: Mutex::default(),
            begun: clock::now(),
        }
    }

    /// A connection to the best node that can be had: at once where one stands ready there, else from a race
    /// of all that are worth it. Dropping the future gives up waiting; dials go on for others.
    ///
    /// # Errors
    /// [`Unreached`]: no node for this request, or none took a connection in time.
    pub async fn reach(&self, ask: &Ask<'_>) -> Result<Reached, Unreached> {
        let begun = clock::now();
        let mut sites = self.sites(ask, begun);
        let Some(first) = sites.first() else { return Err(Unreached::NoKey) };
        if let Some(connection) = first.node(self).take(ask.born_after) {
            return Ok(self.reached(sites.swap_remove(0), connection));
        }
        self.race(ask, sites, begun).await
    }

    /// Another node or key than those tried is usable.
    pub fn elsewhere(&self, ask: &Ask<'_>, now: Instant) -> bool {
        self.sites(ask, now).iter().any(|site| !site.tried && site.usable)
    }

    /// A request went well there.
    pub fn worked(&self, site: &Site) {
        self.base.rooms.worked(site.room);
        if let Some(key) = site.place.key {
            site.node(self).keys.worked(key);
        }
    }

    /// A request ended there and said nothing about the provider's room.
    pub fn left(&self, site: &Site) {
        self.base.rooms.left(site.room);
    }

    /// The provider refused a request there: it has no room, or the key is no good.
    pub fn refused(&self, site: &Site, status: &Status, model: &str, now: Instant) {
        match status.blame() {
            Blame::Overload => {
                let said = (status.code, model);
                let roll = self.base.roll();
                self.base.rooms.refused(site.room, said, status.retry_after, now, roll);
            }
            Blame::Key => {
                if let Some(key) = site.place.key {
                    site.node(self).keys.refused(key, status, now);
                }
            }
            Blame::Path | Blame::Client | Blame::Nobody => {}
        }
    }

    async fn race(
        &self,
        ask: &Ask<'_>,
        mut sites: Vec<Site>,
        begun: Instant,
    ) -> Result<Reached, Unreached> {
        let listening = self.base.listen();
        let mut entry = Entry::new(begun);
        let mut seat = None;
        let connect_until = begun + self.connect_timeout() + DIAL_MARGIN;
        let give_up = connect_until.max(begun + ask.patience).min(ask.until);
        loop {
            let mut ring = pin!(listening.next());
            // From here on no ring is missed.
            ring.as_mut().enable();
            let now = clock::now();
            if entry.refreshed + REFRESH < now {
                sites = self.sites(ask, now);
                entry.refreshed = now;
            }
            for at in 0..sites.len() {
                let site = &sites[at];
                if entry.has_joined(site.place.node)
                    && let Some(connection) = site.node(self).take(ask.born_after)
                {
                    return Ok(self.reached(sites.swap_remove(at), connection));
                }
            }
            let step = entry.step(self, &sites, ask.born_after, now);
            let lost = entry.is_lost(self, &sites, now);
            if now >= give_up || (lost && ask.patience.is_zero()) {
                return Err(self.unreached(&sites, begun, now));
            }
            if lost && seat.is_none() {
                // Everything has been tried: from here on it is held, and that has bounds of its own.
                seat = Some(self.base.hold(ask.held_bytes).ok_or(Unreached::Full)?);
            }
            let Step::Wait(next) = step else { continue };
            let timer = tokio::time::sleep_until(next.min(give_up).into());
            tokio::select! {
                () = ring => {}
                () = timer => {}
            }
        }
    }

    /// Every node that this request may use, best first.
    fn sites(&self, ask: &Ask<'_>, now: Instant) -> Vec<Site> {
        let mut sites: Vec<Site> = Vec::with_capacity(self.nodes.len());
        let mut candidates = Vec::with_capacity(self.nodes.len());
        for (index, node) in self.nodes.iter().enumerate() {
            let home = self.home.filter(|_| ask.home);
            let Some(offer) = node.keys.offer(index, ask, home, &self.base.rooms, now) else {
                continue;
            };
            let place = Place { node: index, key: offer.key };
            let candidate = Candidate {
                standby: node.settings.role == Role::Standby,
                admission: node.health().breaker().admits(now, self.base.roll()),
                suspect: node.health().is_suspect(),
                cooled: offer.cooled,
                cost: node.cost(),
                last_success: node.health().last_reached(),
                tried: ask.tried.contains(&place),
            };
            sites.push(Site {
                place,
                room: offer.room,
                late: candidate.standby,
                usable: candidate.is_usable(),
                tried: candidate.tried,
            });
            candidates.push(candidate);
        }
        let mut order = Vec::with_capacity(sites.len());
        let panic = choice::rank(&candidates, &mut order);
        if let Some(kept) = self.kept(&candidates, now)
            && let Some(at) = order.iter().position(|at| *at == kept)
        {
            order[..=at].rotate_right(1);
        }
        stagger(&mut sites, panic);
        order.into_iter().filter_map(|at| sites.get(at).cloned()).collect()
    }

    fn kept(&self, candidates: &[Candidate], now: Instant) -> Option<usize> {
        let settled = candidates.len() == self.nodes.len()
            && (now >= self.begun + SETTLING || self.nodes.iter().all(|node| node.is_measured()));
        if !settled {
            return None;
        }
        let mut keeper = self.keeper.lock().unwrap_or_else(PoisonError::into_inner);
        keeper.choose(candidates, now).map(|chosen| chosen.node)
    }

    /// The node that requests go to.
    pub(super) fn current(&self) -> Option<usize> {
        self.keeper.lock().unwrap_or_else(PoisonError::into_inner).kept()
    }

    fn reached(&self, site: Site, connection: Connection) -> Reached {
        self.base.rooms.begins(site.room, clock::now());
        Reached { node: Arc::clone(site.node(self)), site, connection }
    }

    fn connect_timeout(&self) -> Duration {
        self.nodes.iter().map(|node| node.dial_timeout()).max().unwrap_or_default()
    }

    fn unreached(&self, sites: &[Site], begun: Instant, now: Instant) -> Unreached {
        let faults = sites.iter().filter_map(|site| site.node(self).last_fault(begun));
        let faults: Vec<_> = faults.collect();
        Unreached::of(&faults, sites.len(), now.saturating_duration_since(begun))
    }
}

/// Who joins the race late: standbys behind primaries, and behind both what is not well or was tried. Where
/// nothing is better, nobody waits for anybody.
fn stagger(sites: &mut [Site], panic: bool) {
    // In panic no path is well, and roles do not matter.
    let rank = |site: &Site| (site.tried, !panic && !site.usable, !panic && site.late);
    let best = sites.iter().map(rank).min();
    for site in sites {
        site.late = Some(rank(site)) > best;
    }
}

/// After its last dial's own deadline a request waits so much longer, to hear what became of it.
const DIAL_MARGIN: Duration = Duration::from_millis(100);
/// How long an order of nodes is believed while a request waits.
const REFRESH: Duration = Duration::from_millis(100);

/// One waiting request in the race.
struct Entry {
    race: Race,
    refreshed: Instant,
    /// Counted at the nodes that it has asked.
    waits: Vec<(usize, Waiting)>,
    /// What it has asked for in this round: node, address, when.
    asked: Vec<(usize, std::net::SocketAddr, Instant)>,
}

impl Entry {
    fn new(now: Instant) -> Self {
        Self { race: Race::new(now), refreshed: now, waits: Vec::new(), asked: Vec::new() }
    }

    fn has_joined(&self, node: usize) -> bool {
        self.waits.iter().any(|(joined, _)| *joined == node)
    }

    /// Dials what is due; says when to look again.
    fn step(
        &mut self,
        fleet: &Fleet,
        sites: &[Site],
        born_after: Option<Instant>,
        now: Instant,
    ) -> Step {
        let known: Vec<_> =
            sites.iter().map(|site| (site, site.node(fleet).addresses(now))).collect();
        let lanes: Vec<Lane> = known
            .iter()
            .map(|(site, addresses)| Lane {
                node: site.place.node,
                standby: site.late,
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
                    self.asked.push((node, *at, now));
                    // One that stands ready is taken at the next look.
                    if born_after.is_some() || site.node(fleet).ready() == 0 {
                        site.node(fleet).dial(*at, now);
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
    fn dial_more(&self, known: &[(&Site, Vec<std::net::SocketAddr>)], fleet: &Fleet, now: Instant) {
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

    fn is_lost(&self, fleet: &Fleet, sites: &[Site], now: Instant) -> bool {
        let lanes: Vec<Lane> = sites
            .iter()
            .map(|site| Lane {
                node: site.place.node,
                standby: site.late,
                addresses: site.node(fleet).addresses(now).len(),
            })
            .collect();
        let unresolved = lanes.iter().all(|lane| lane.addresses == 0)
            && sites.iter().all(|site| site.node(fleet).unresolved().is_some());
        unresolved || self.race.is_lost(&lanes, self.all_failed(fleet))
    }
}
