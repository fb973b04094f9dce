//! What is known of each address of a node: how far away it is, whether it answered last time, and how
//! many dials are under way to it. Only bookkeeping: it opens nothing and decides no race.

use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use ferry_rules::ewma::PeakEwma;

use super::egress::Unwelcome;
use super::fault::PathFault;

/// The addresses of one node, in the order in which they are worth trying once sorted.
#[derive(Debug, Default)]
pub(super) struct Addresses {
    known: Vec<Address>,
}

/// One address.
#[derive(Debug)]
pub(super) struct Address {
    pub(super) at: SocketAddr,
    /// Written in the configuration, not only found by the name.
    pub(super) configured: bool,
    pub(super) rtt: PeakEwma,
    /// Dials under way.
    pub(super) half_open: usize,
    /// Dials that have taken their time and go on all the same.
    pub(super) overdue: usize,
    pub(super) asked: Option<Instant>,
    pub(super) up: Option<Instant>,
    pub(super) down: Option<(Instant, PathFault)>,
    /// Dials in a row that came to nothing.
    pub(super) failed: u32,
    /// When its way was measured last, well or not.
    pub(super) probed: Option<Instant>,
    /// A proxy that refused the credentials, and has opened no tunnel since.
    pub(super) unwelcome: Option<Unwelcome>,
}

impl Address {
    fn new(at: SocketAddr, configured: bool) -> Self {
        Self {
            at,
            configured,
            rtt: PeakEwma::default(),
            half_open: 0,
            overdue: 0,
            asked: None,
            up: None,
            down: None,
            failed: 0,
            probed: None,
            unwelcome: None,
        }
    }

    /// The last that was heard of it was a failure.
    pub(super) fn is_down(&self) -> bool {
        match (&self.up, &self.down) {
            (_, None) => false,
            (None, Some(_)) => true,
            (Some(up), Some((down, _))) => down > up,
        }
    }

    /// It took a connection within `span`.
    pub(super) fn answered_within(&self, span: Duration, now: Instant) -> bool {
        self.up.is_some_and(|up| now.saturating_duration_since(up) < span)
    }
}

impl Addresses {
    /// Takes over what the configuration and the name say now. What is known of an address that stays
    /// is kept; one that is gone is forgotten unless a dial to it is under way.
    pub(super) fn learn(&mut self, configured: &[IpAddr], found: &[SocketAddr], port: u16) {
        let own: Vec<SocketAddr> = configured.iter().map(|ip| SocketAddr::new(*ip, port)).collect();
        self.known.retain(|known| {
            known.half_open + known.overdue > 0
                || own.contains(&known.at)
                || found.contains(&known.at)
        });
        for at in own.iter().chain(found) {
            let configured = own.contains(at);
            match self.known.iter_mut().find(|known| known.at == *at) {
                Some(known) => known.configured = configured,
                None => self.known.push(Address::new(*at, configured)),
            }
        }
    }

    /// Best first: those that are not down, the nearest of them first; then those that are, the one that
    /// failed longest ago first.
    pub(super) fn ranked(&self) -> Vec<SocketAddr> {
        let mut order: Vec<&Address> = self.known.iter().collect();
        order.sort_by(|a, b| {
            let down = |address: &Address| {
                address.is_down().then(|| address.down.as_ref().map(|(at, _)| *at)).flatten()
            };
            let far = |address: &Address| address.rtt.estimate();
            down(a).cmp(&down(b)).then(far(a).cmp(&far(b))).then(b.configured.cmp(&a.configured))
        });
        order.into_iter().map(|address| address.at).collect()
    }

    pub(super) fn get_mut(&mut self, at: SocketAddr) -> Option<&mut Address> {
        self.known.iter_mut().find(|known| known.at == at)
    }

    pub(super) fn each_mut(&mut self, change: impl FnMut(&mut Address)) {
        self.known.iter_mut().for_each(change);
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Address> {
        self.known.iter()
    }

    /// Dials under way to all of them.
    pub(super) fn half_open(&self) -> usize {
        self.known.iter().map(|known| known.half_open).sum()
    }

    /// The round trip of the nearest that is not down; an unmeasured one before the first sample.
    pub(super) fn nearest(&self) -> PeakEwma {
        let up = self.known.iter().filter(|known| known.rtt.is_measured() && !known.is_down());
        let nearest = up.min_by_key(|known| known.rtt.estimate());
        nearest.map_or_else(PeakEwma::default, |known| known.rtt)
    }

    /// True when every one of them has been heard of often enough to go by.
    pub(super) fn is_measured(&self) -> bool {
        let known = |address: &Address| address.rtt.is_settled() || address.is_down();
        !self.known.is_empty() && self.known.iter().all(known)
    }
}

#[cfg(test)]
mod tests;
