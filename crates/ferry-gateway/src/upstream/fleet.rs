//! All nodes of one configuration: which of them a request should go to, and the race for a connection when
//! none stands ready. A request waits here, bounded, rather than fail at once while every path is down.
//! Decisions: `ferry_rules::{choice, race, patience, outage}`. It sends nothing and retries nothing.

mod entry;

use std::pin::pin;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use ferry_rules::breaker::Admission;
use ferry_rules::choice::{self, Candidate, Keeper};
use ferry_rules::key::KeyState;
use ferry_rules::overload;
use ferry_rules::patience;
use ferry_rules::race::Step;
use ferry_rules::retry::{Blame, Status};

use self::entry::Entry;
use super::base::Base;
use super::connection::Connection;
use super::node::Node;
use super::settings::{Role, Settings};
use super::site::{Ask, Place, Site};
use super::unreached::Unreached;
use crate::clock;

/// Until every node has been measured, or this long after the start, no node is kept for its own sake.
const SETTLING: Duration = Duration::from_secs(2);

/// After its last dial's own deadline a request waits so much longer, to hear what became of it.
const DIAL_MARGIN: Duration = Duration::from_millis(100);
/// How long an order of nodes is believed while a request waits.
const REFRESH: Duration = Duration::from_millis(100);

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
    usual: Usual,
    pub(super) begun: Instant,
}

/// The node that the last full choice kept, for as long as it is believed.
#[derive(Debug, Default)]
struct Usual {
    /// One more than its index; 0 for none.
    node: AtomicUsize,
    /// Milliseconds since the fleet's beginning.
    until: AtomicU64,
}

impl Usual {
    fn get(&self, age: Duration) -> Option<usize> {
        let until = Duration::from_millis(self.until.load(Ordering::Relaxed));
        if age >= until {
            return None;
        }
        self.node.load(Ordering::Relaxed).checked_sub(1)
    }

    fn set(&self, node: Option<usize>, age: Duration) {
        let until = u64::try_from((age + REFRESH).as_millis()).unwrap_or(u64::MAX);
        self.node.store(node.map_or(0, |node| node + 1), Ordering::Relaxed);
        self.until.store(until, Ordering::Relaxed);
    }
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

/// What there is for a request beside the places that it has tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Elsewhere {
    /// A place that is as good as any.
    pub usable: bool,
    /// A place of which nothing good is known: its breaker is open, its provider had no room. It may be well again;
    /// a key that was refused or has used up its rate is not.
    pub hopeful: bool,
}

impl Fleet {
    /// Opens nothing.
    pub fn new(nodes: Vec<Arc<Node>>, settings: &Settings, base: &Base) -> Self {
        Self {
            home: nodes.first().map(|node| node.keys.home()),
            nodes,
            base: base.clone(),
            probe_every: settings.probe_every,
            warm: settings.warm,
            keeper: Mutex::default(),
            usual: Usual::default(),
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
        if let Some(reached) = self.usual(ask, begun) {
            return Ok(reached);
        }
        let mut sites = self.sites(ask, begun);
        let Some(first) = sites.first() else { return Err(Unreached::NoKey) };
        if let Some(connection) = first.node(self).take(ask.born_after) {
            return Ok(self.reached(sites.swap_remove(0), connection));
        }
        self.race(ask, sites, begun).await
    }

    /// What nearly every request gets: the node that the last full choice kept, while nothing is wrong with it.
    fn usual(&self, ask: &Ask<'_>, now: Instant) -> Option<Reached> {
        let index = self.usual.get(now.saturating_duration_since(self.begun))?;
        let node = self.nodes.get(index)?;
        let plain = ask.tried.is_empty() && !ask.home && ask.born_after.is_none();
        if !plain || node.health().is_suspect() || !node.health().is_closed(now) {
            return None;
        }
        let offer = node.keys.offer(index, ask, None, &self.base.rooms, now)?;
        if offer.cooled.is_some() {
            return None;
        }
        let connection = node.take(None)?;
        let place = Place { node: index, key: offer.key };
        let site = Site {
            place,
            room: offer.room,
            standby: false,
            usable: true,
            hopeful: true,
            tried: false,
        };
        Some(self.reached(site, connection))
    }

    /// What there is beside the places that were tried.
    pub fn elsewhere(&self, ask: &Ask<'_>, now: Instant) -> Elsewhere {
        let sites = self.sites(ask, now);
        let untried = || sites.iter().filter(|site| !site.tried);
        Elsewhere {
            usable: untried().any(|site| site.usable),
            hopeful: untried().any(|site| site.hopeful),
        }
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

    /// The provider refused a request there: it has no room, or the key is no good. Gives the state of a key
    /// of the configuration that is to blame.
    pub fn refused(
        &self,
        site: &Site,
        status: &Status,
        model: &str,
        now: Instant,
    ) -> Option<KeyState> {
        match status.blame() {
            Blame::Overload => {
                let said = (status.code, model);
                let roll = self.base.roll();
                self.base.rooms.refused(site.room, said, status.retry_after, now, roll);
                None
            }
            Blame::Key => site.node(self).keys.refused(site.place.key?, status, now),
            Blame::Path | Blame::Client | Blame::Nobody => None,
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
        let connect_until = begun + self.dial_timeout_max() + DIAL_MARGIN;
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
                    && entry.may_run(site, &sites, now)
                    && let Some(connection) = site.node(self).take(ask.born_after)
                {
                    return Ok(self.reached(sites.swap_remove(at), connection));
                }
            }
            let step = entry.step(self, &sites, ask.born_after, now);
            let lost = entry.is_lost(self, &sites, now);
            let over = |now| now >= begun + ask.patience || !self.may_help(&sites, begun);
            if now >= give_up || (lost && over(now)) {
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

    /// True while a path of these may mend by itself.
    fn may_help(&self, sites: &[Site], begun: Instant) -> bool {
        patience::may_help(sites.iter().map(|site| site.node(self).ended(begun)))
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
                last_success: node.health().last_held(),
                tried: place.is_among(ask.tried),
            };
            sites.push(Site {
                place,
                room: offer.room,
                standby: candidate.standby,
                usable: candidate.is_usable(),
                hopeful: candidate.cooled.is_none_or(|left| left <= overload::OPEN_MAX),
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
        // Without a path that is well there is nothing to join late; with one, the others run behind it.
        let none = !candidates.iter().any(Candidate::is_usable);
        for site in &mut sites {
            site.standby &= !panic;
            site.usable |= panic && none;
        }
        order.into_iter().filter_map(|at| sites.get(at).cloned()).collect()
    }

    fn kept(&self, candidates: &[Candidate], now: Instant) -> Option<usize> {
        let settled = candidates.len() == self.nodes.len()
            && (now >= self.begun + SETTLING || self.nodes.iter().all(|node| node.is_measured()));
        if !settled {
            return None;
        }
        let mut keeper = self.keeper.lock().unwrap_or_else(PoisonError::into_inner);
        let chosen = keeper.choose(candidates, now)?;
        // A node on the ramp gets its share only where every request is asked.
        let ramps = |candidate: &Candidate| {
            matches!(candidate.admission, Admission::Ramp | Admission::Later)
        };
        let plain = !chosen.panic && !candidates.iter().any(ramps);
        let usual = (plain && keeper.kept() == Some(chosen.node)).then_some(chosen.node);
        self.usual.set(usual, now.saturating_duration_since(self.begun));
        Some(chosen.node)
    }

    /// The node that requests go to.
    pub(super) fn current(&self) -> Option<usize> {
        self.keeper.lock().unwrap_or_else(PoisonError::into_inner).kept()
    }

    fn reached(&self, site: Site, connection: Connection) -> Reached {
        self.base.rooms.begins(site.room, clock::now());
        Reached { node: Arc::clone(site.node(self)), site, connection }
    }

    /// As long as the slowest way of all nodes may take: connect, proxy, TLS.
    pub(super) fn dial_timeout_max(&self) -> Duration {
        self.nodes.iter().map(|node| node.dial_timeout()).max().unwrap_or_default()
    }

    fn unreached(&self, sites: &[Site], begun: Instant, now: Instant) -> Unreached {
        let latest: Vec<_> = sites.iter().map(|site| site.node(self).last_fault(begun)).collect();
        let hopeless = !self.may_help(sites, begun);
        Unreached::of(&latest, now.saturating_duration_since(begun), now, hopeless)
    }
}
