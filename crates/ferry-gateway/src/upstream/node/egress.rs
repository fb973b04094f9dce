//! What differs for a node behind a proxy: whose host is dialled, and what the proxy is asked for.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use ferry_rules::egress::proxy_url::Scheme;
use tokio::time::timeout;

use super::{Node, Way};
use crate::clock;
use crate::upstream::addresses::Address;
use crate::upstream::dial::{DialError, bare_host, port};
use crate::upstream::egress::{Unwelcome, Via};
use crate::upstream::names::Names;
use crate::upstream::settings::NodeSettings;
use crate::upstream::tls::{Tls, TlsError};

/// TLS towards the proxy itself, where its URL says https.
pub(super) fn tls(settings: &NodeSettings) -> Result<Option<Tls>, TlsError> {
    let https = settings.proxy.as_ref().is_some_and(|proxy| proxy.scheme == Scheme::Https);
    if https { Tls::of_proxy(settings).map(Some) } else { Ok(None) }
}

impl Node {
    /// Host, without brackets, and port of whom a connection is opened to.
    pub(in crate::upstream) fn dialled_host(&self) -> (&str, u16) {
        match &self.settings.proxy {
            Some(proxy) => (&proxy.host, proxy.port),
            None => (bare_host(&self.settings), port(&self.settings)),
        }
    }

    /// Asks the resolver, one look-up a name at a time; the bell rings when it has answered.
    pub(super) fn ask_resolver(self: &Arc<Self>, of: fn(&Way) -> &Names, host: (&str, u16)) {
        let node = Arc::clone(self);
        let (host, port) = (host.0.to_owned(), host.1);
        drop(self.base.tasks.spawn(async move {
            let said = node.base.transport.resolve(host, port).await;
            of(&node.way).answered(clock::now(), said);
            node.base.ring();
        }));
    }

    /// True for a SOCKS5 proxy that is given addresses, of a node whose URL holds a name.
    fn resolves_beyond(&self) -> bool {
        let scheme = self.settings.proxy.as_ref().map(|proxy| proxy.scheme);
        scheme == Some(Scheme::Socks5) && bare_host(&self.settings).parse::<IpAddr>().is_err()
    }

    /// Keeps what a proxy must be told up to date; false while nothing of it is known.
    pub(super) fn looks_beyond(self: &Arc<Self>, now: Instant) -> bool {
        if !self.resolves_beyond() {
            return true;
        }
        if self.way.beyond.begin(now) {
            let host = (bare_host(&self.settings), port(&self.settings));
            self.ask_resolver(|way| &way.beyond, host);
        }
        !self.settings.addresses.is_empty() || !self.way.beyond.addresses(now).is_empty()
    }

    /// Looks the node's own name up where a proxy must be told its address and none is known: for who dials without the
    /// fleet, which does that before.
    pub(in crate::upstream) async fn learn_beyond(&self, patience: Duration) {
        let is_known = !self.settings.addresses.is_empty()
            || !self.way.beyond.addresses(clock::now()).is_empty();
        if is_known || !self.resolves_beyond() {
            return;
        }
        let (host, port) = (bare_host(&self.settings).to_owned(), port(&self.settings));
        let said = timeout(patience, self.base.transport.resolve(host, port)).await;
        let said = said.unwrap_or_else(|_elapsed| Err(std::io::ErrorKind::TimedOut.into()));
        self.way.beyond.answered(clock::now(), said);
    }

    /// When the resolver failed on the node's own name, for a proxy that must be told its address.
    pub(super) fn unresolved_beyond(&self) -> Option<(Instant, DialError)> {
        let (at, source) = self.way.beyond.failure()?;
        Some((at, DialError::Resolve { host: bare_host(&self.settings).to_owned(), source }))
    }

    /// The proxy to go through, and what it is asked for; `None` without a proxy.
    ///
    /// # Errors
    /// The node's name has no address yet, or the proxy at `at` has just refused the credentials.
    pub(super) fn via(&self, at: SocketAddr, now: Instant) -> Result<Option<Via<'_>>, DialError> {
        let Some(proxy) = &self.settings.proxy else { return Ok(None) };
        let host = bare_host(&self.settings);
        let spared = |known: &Address| known.unwelcome.as_ref()?.again(now);
        if let Some(fault) = self.known().get_mut(at).and_then(|known| spared(known)) {
            let proxy = Arc::clone(&proxy.shown);
            return Err(DialError::Proxy { host: host.to_owned(), proxy, source: fault });
        }
        let address = if self.resolves_beyond() {
            Some(self.beyond(now).ok_or_else(|| self.no_address())?)
        } else {
            host.parse().ok()
        };
        let tls = self.proxy_tls.as_ref().map(|tls| &tls.config);
        Ok(Some(Via { proxy, tls, host, address, port: port(&self.settings) }))
    }

    /// The address that it is the turn of: configured ones, then those of the name.
    fn beyond(&self, now: Instant) -> Option<IpAddr> {
        let found = self.way.beyond.addresses(now);
        let own = self.settings.addresses.iter().copied();
        let mut all: Vec<IpAddr> = Vec::new();
        for ip in own.chain(found.iter().map(SocketAddr::ip)) {
            if !all.contains(&ip) {
                all.push(ip);
            }
        }
        let turn = self.way.turn.load(Ordering::Relaxed).checked_rem(all.len())?;
        all.get(turn).copied()
    }

    fn no_address(&self) -> DialError {
        let host = bare_host(&self.settings).to_owned();
        let said = self.way.beyond.failure().map(|(_, source)| source);
        let source = said.unwrap_or_else(|| std::io::ErrorKind::NotFound.into());
        DialError::Resolve { host, source }
    }

    /// After a failure the next dial through a proxy asks for the next of the node's addresses. One that refused
    /// the credentials is noted.
    pub(super) fn turn_on(&self, at: SocketAddr, error: &DialError) {
        // Behind a tunnel that opened it is the node's address, too, on which TLS fails.
        self.way.turn.fetch_add(1, Ordering::Relaxed);
        let DialError::Proxy { source, .. } = error else { return };
        if let (Some(refusal), Some(address)) = (source.refusal(), self.known().get_mut(at)) {
            let before = address.unwelcome.take();
            address.unwelcome = Some(Unwelcome::after(before, refusal, clock::now()));
        }
    }
}
