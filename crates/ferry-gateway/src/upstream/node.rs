//! A node: its connections, its addresses and its health. A connection is taken from the pool or asked
//! for; the dial belongs to the node, not to the request that asked, so that whoever waits shares it and
//! a late one serves the next. Nothing here decides which node is used; nothing is shared between
//! nodes, so a connection never carries a request to a host that it was not opened for.

mod dialling;
mod egress;

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use ferry_rules::ewma::PeakEwma;
use ferry_rules::outage::PathEnd;
use ferry_rules::race;
use http::HeaderValue;

use super::addresses::{Address, Addresses};
use super::base::Base;
use super::connection::Connection;
use super::dial::{DialError, Patience};
use super::fault::PathFault;
use super::health::Health;
use super::keys::Keys;
use super::names::Names;
use super::pool::Pool;
use super::probe;
use super::settings::{NodeSettings, Settings};
use super::tls::{Tls, TlsError};
use crate::clock;

/// What a look at a socket may be late.
const RTT_MARGIN: Duration = Duration::from_millis(100);
/// Between the first measurements of an address, until there are enough to go by.
const FIRST_EVERY: Duration = Duration::from_millis(200);

/// A node and its connections.
#[derive(Debug)]
pub struct Node {
    /// What the configuration says of it.
    pub settings: Arc<NodeSettings>,
    /// Its name as the value of `x-ferry-node`; shared, so that an answer allocates nothing for it.
    pub name_header: HeaderValue,
    tls: Option<Tls>,
    /// Towards a proxy that is spoken to over TLS.
    proxy_tls: Option<Tls>,
    patience: Patience,
    idle_timeout: Duration,
    idle_max: usize,
    pub(super) base: Base,
    /// Not kept over a reload: what was said about a key lasts until the configuration changes.
    pub(super) keys: Keys,
    way: Arc<Way>,
}

/// What is kept over a reload that leaves the way to the node as it is.
#[derive(Debug)]
struct Way {
    pool: Pool,
    addresses: Mutex<Addresses>,
    /// Of the host that is dialled: the node's, or its proxy's.
    names: Names,
    /// Of the node's own name, where it is looked up here for a proxy.
    beyond: Names,
    /// Which of the node's own addresses a proxy is asked for next.
    turn: AtomicUsize,
    health: Health,
    /// Requests that wait for a connection to this node.
    waiting: AtomicUsize,
}

/// A request that waits for a connection to one node.
#[derive(Debug)]
pub(super) struct Waiting(Arc<Way>);

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Node {
    /// Prepares a node; opens nothing.
    ///
    /// # Errors
    /// Its CA, certificate or key file cannot be used.
    pub fn new(
        settings: &Arc<NodeSettings>,
        bounds: &Settings,
        base: &Base,
    ) -> Result<Self, TlsError> {
        let https = settings.url.scheme() == Some(&http::uri::Scheme::HTTPS);
        let way = Way {
            pool: Pool::default(),
            addresses: Mutex::default(),
            names: Names::default(),
            beyond: Names::default(),
            turn: AtomicUsize::new(0),
            health: Health::new(bounds.breaker),
            waiting: AtomicUsize::new(0),
        };
        Ok(Self {
            settings: Arc::clone(settings),
            name_header: HeaderValue::from_str(&settings.name)
                .unwrap_or_else(|_odd_name| HeaderValue::from_static("node")),
            tls: if https { Some(Tls::of(settings)?) } else { None },
            proxy_tls: egress::tls(settings)?,
            patience: Patience { connect: bounds.connect_timeout, tls: bounds.tls_timeout },
            idle_timeout: bounds.idle_timeout,
            idle_max: bounds.idle_max,
            base: base.clone(),
            keys: Keys::new(settings),
            way: Arc::new(way),
        })
    }

    /// Takes over connections, addresses and health of the node that had this name before a reload, when
    /// they lead to the same place in the same way. Headers and keys may have changed: they are not
    /// a connection's.
    #[must_use]
    pub fn succeeding(mut self, before: &Self) -> Self {
        let files =
            |node: &Self| [&node.tls, &node.proxy_tls].map(|tls| tls.as_ref().map(|tls| tls.files));
        if self.settings.leads_like(&before.settings) && files(&self) == files(before) {
            before.way.health.succeed(&self.way.health);
            self.way = Arc::clone(&before.way);
        }
        self
    }

    /// Its health, kept over reloads.
    pub fn health(&self) -> &Health {
        &self.way.health
    }

    /// How long a dial may take, TLS included.
    pub(super) fn dial_timeout(&self) -> Duration {
        let connects = if self.settings.proxy.is_some() { 2 } else { 1 };
        let handshakes = [&self.tls, &self.proxy_tls].into_iter().flatten().count();
        self.patience.connect * connects
            + self.patience.tls * u32::try_from(handshakes).unwrap_or_default()
    }

    /// A connection from the pool that still stands. `born_after` asks for one opened no earlier.
    pub(super) fn take(self: &Arc<Self>, born_after: Option<Instant>) -> Option<Connection> {
        let taken = self.way.pool.take(self.idle_timeout, born_after, |birth| {
            if birth.blame() {
                let now = clock::now();
                self.hurt(birth.address, now, &PathFault::Lost);
                self.health().stillborn(now, self.base.roll());
            }
        });
        if let Some(Connection::Http2(stream)) = &taken
            && self.way.pool.is_crowded()
        {
            self.dial(stream.birth.address, clock::now());
        }
        taken
    }

    /// Counts a request that waits, until it is dropped.
    pub(super) fn wait(&self) -> Waiting {
        self.way.waiting.fetch_add(1, Ordering::Relaxed);
        Waiting(Arc::clone(&self.way))
    }

    /// Its addresses as far as they are known, best first. Asks the resolver when that is due; the bell
    /// rings when it has answered.
    pub(super) fn addresses(self: &Arc<Self>, now: Instant) -> Vec<SocketAddr> {
        if !self.looks_beyond(now) {
            return Vec::new();
        }
        let (host, port) = self.dialled_host();
        let literal = host.parse().ok().map(|ip| SocketAddr::new(ip, port));
        if literal.is_none() && self.way.names.begin(now) {
            self.ask_resolver(|way| &way.names, (host, port));
        }
        let found = literal.map_or_else(|| self.way.names.addresses(now), |at| Arc::from([at]));
        // With a proxy its addresses are raced, and the node's own are its affair.
        let of_node = &self.settings.addresses;
        let own: &[_] = if self.settings.proxy.is_some() { &[] } else { of_node };
        let mut addresses = self.known();
        addresses.learn(own, &found, port);
        addresses.ranked()
    }

    /// Takes a connection back after an answer that ended cleanly. A stream of a shared one is just over.
    pub fn give_back(&self, connection: Connection) {
        if let Connection::Http1(mut own) = connection
            && own.is_usable()
            && self.way.health.reuses(clock::now())
        {
            own.reused = true;
            self.way.pool.keep(own, self.idle_max);
        }
        self.base.ring();
    }

    /// A kept-alive connection was found dead under a request: its idle companions go with it.
    pub fn went_stale(&self) {
        self.way.pool.forget_idle(None);
        self.way.health.went_stale(clock::now());
    }

    /// An address did a request harm: what leads there is given up, and it is tried last.
    pub(super) fn hurt(&self, at: SocketAddr, now: Instant, fault: &PathFault) {
        self.way.pool.forget_idle(Some(at));
        if let Some(address) = self.known().get_mut(at) {
            address.down = Some((now, fault.clone()));
        }
    }

    /// Closes what has been idle too long or was closed by the node. Called now and then.
    pub fn sweep(&self, now: Instant) {
        self.way.pool.sweep(now, self.idle_timeout);
    }

    /// Connections that would take a request at once.
    pub(super) fn ready(&self) -> usize {
        self.way.pool.ready()
    }

    /// Idle HTTP/1.1 connections, shared HTTP/2 connections, and how many were ever opened.
    pub fn counts(&self) -> (usize, usize, u64) {
        self.way.pool.counts()
    }

    /// When the resolver failed last, unless it has answered since.
    pub(super) fn unresolved(&self) -> Option<(Instant, DialError)> {
        match self.way.names.failure() {
            Some((at, source)) => Some((at, DialError::resolve(&self.settings, source))),
            None => self.unresolved_beyond(),
        }
    }

    /// Requests that wait for a connection to it.
    pub(super) fn waiting(&self) -> usize {
        self.way.waiting.load(Ordering::Relaxed)
    }

    /// Forgets what its addresses did.
    pub(super) fn forgive(&self) {
        self.known().each_mut(|address| {
            (address.down, address.failed) = (None, 0);
            address.unwelcome = None;
        });
    }

    /// Looks at what is known of its addresses.
    pub(super) fn each_address(&self, mut look: impl FnMut(&Address)) {
        self.known().iter().for_each(&mut look);
    }

    /// The round trip of its nearest address that answers.
    pub(super) fn nearest(&self) -> PeakEwma {
        self.known().nearest()
    }

    /// Two round trips to it, with a margin for a busy machine; a second at most.
    pub fn two_round_trips(&self) -> Duration {
        (2 * self.nearest().estimate() + RTT_MARGIN).min(Duration::from_secs(1))
    }

    /// What a request costs there: its distance, times the requests that wait for a connection already. Those
    /// that have one do not count: an answer takes seconds on the best of paths, and counting it would swing
    /// all traffic to and fro.
    pub(super) fn cost(&self) -> f64 {
        let pending = u32::try_from(self.waiting()).unwrap_or(u32::MAX);
        self.nearest().cost(pending)
    }

    /// True when all its addresses have been heard of, well or not.
    pub(super) fn is_measured(&self) -> bool {
        self.known().is_measured()
    }

    /// True when a dial to this address that was asked for then has come to nothing.
    pub(super) fn has_failed(&self, at: SocketAddr, since: Instant) -> bool {
        let known = self.known();
        let address = known.iter().find(|known| known.at == at);
        let failed = |address: &Address| {
            address.half_open == 0 && address.down.as_ref().is_some_and(|(down, _)| *down >= since)
        };
        address.is_none_or(failed)
    }

    /// Since when what became of the last dial to this address stands for another one: it has just failed, and a
    /// request that has dialled it before waits a little.
    pub(super) fn rests_since(&self, at: SocketAddr, now: Instant) -> Option<Instant> {
        let known = self.known();
        let address = known.iter().find(|known| known.at == at)?;
        let asked = address.asked?;
        (!race::may_redial(asked, address.failed, now)).then_some(asked)
    }

    /// True when an address has not been measured for so long.
    pub(super) fn is_due(&self, at: SocketAddr, every: Duration, now: Instant) -> bool {
        let older = |probed: Instant| now.saturating_duration_since(probed) >= every;
        let known = self.known();
        let address = known.iter().find(|known| known.at == at);
        let due = |known: &Address| {
            let first = !known.rtt.is_settled() && !known.is_down();
            let since = |probed: Instant| now.saturating_duration_since(probed) >= FIRST_EVERY;
            known.probed.is_none_or(|at| older(at) || (first && since(at)))
        };
        address.is_some_and(|known| known.half_open == 0 && due(known))
    }

    /// What went wrong with it last, if that was since then.
    pub(super) fn last_fault(&self, since: Instant) -> Option<(Instant, PathFault)> {
        let failed = self.health().last_failure().filter(|(at, _)| *at >= since);
        let unresolved = || {
            let (at, error) = self.unresolved()?;
            self.known().iter().next().is_none().then(|| (at, PathFault::Dial(Arc::new(error))))
        };
        failed.or_else(unresolved)
    }

    /// How the way to it has ended for certain since then; `None` while some address, or the name, may do better.
    pub(super) fn ended(&self, since: Instant) -> Option<PathEnd> {
        let known = self.known();
        let ends = |address: &Address| {
            let (at, fault) = address.down.as_ref().filter(|_| address.half_open == 0)?;
            (address.is_down() && *at >= since).then(|| fault.end())
        };
        let unknown = || {
            // A proxy's name, or the node's own.
            let way = &self.way;
            (way.names.is_unknown(since) || way.beyond.is_unknown(since))
                .then_some(PathEnd::NoSuchName)
        };
        let ended = known.iter().map(ends).reduce(|one, other| one.filter(|_| one == other));
        ended.unwrap_or_else(unknown)
    }

    /// A request has been silent for long: is it the model or the path? A probe will tell; the last one does
    /// for so long.
    pub fn doubt(self: &Arc<Self>, good_for: Duration, now: Instant) {
        let old = |at: Instant| now.saturating_duration_since(at) >= good_for;
        if self.health().last_probe().is_none_or(old) {
            self.probe(now);
        }
    }

    /// Probes the path, unless a probe is under way.
    pub(super) fn probe(self: &Arc<Self>, now: Instant) {
        if !self.health().begin_probe(now) {
            return;
        }
        let node = Arc::clone(self);
        drop(self.base.tasks.spawn(async move {
            let mut seat = Probing { node: &node, found: None };
            seat.found = Some(probe::ask(&node).await);
            drop(seat);
            node.base.ring();
        }));
    }

    fn known(&self) -> MutexGuard<'_, Addresses> {
        self.way.addresses.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A probe under way; its seat is free again however it ends.
struct Probing<'a> {
    node: &'a Node,
    found: Option<Result<(), PathFault>>,
}

impl Drop for Probing<'_> {
    fn drop(&mut self) {
        let found = self.found.take().unwrap_or(Err(PathFault::Silent));
        self.node.health().probed(clock::now(), found, self.node.base.roll());
    }
}

#[cfg(test)]
mod tests;
