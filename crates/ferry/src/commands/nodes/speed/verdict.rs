//! Decisions of the speed test: whether a candidate is tried again, the order of candidates, what is suspicious about
//! one. Pure: tries and times come in as arguments.

use std::cmp::Ordering;
use std::net::IpAddr;
use std::time::Duration;

use super::super::figures::{Spread, share};

/// Of one candidate no try begins after this, and one that it cuts short does not count: eight candidates and a dead resolver
/// before them still take less than 15 s.
pub(super) const BUDGET: Duration = Duration::from_secs(11);
/// After so many tries in a row of which nothing at all was heard more of them say nothing new.
const SILENT_MAX: usize = 3;
/// A connect below this went no further than this machine or its own network.
const NEAR_MS: f64 = 1.0;

/// One try, as far as it came. Times in milliseconds.
#[derive(Clone, Debug, Default, PartialEq)]
pub(in super::super) struct Tried {
    pub(in super::super) connect_ms: Option<f64>,
    pub(in super::super) tls_ms: Option<f64>,
    pub(in super::super) answer_ms: Option<f64>,
    pub(in super::super) status: Option<u16>,
    /// Why there was no answer, fit after "failed to".
    pub(in super::super) fault: Option<String>,
    /// Nothing was heard at all.
    pub(in super::super) silent: bool,
}

impl Tried {
    fn is_ok(&self) -> bool {
        self.fault.is_none() && self.answer_ms.is_some()
    }
}

/// Whether a candidate is tried once more.
pub(super) fn goes_on(tries: &[Tried], wanted: usize, spent: Duration) -> bool {
    let silent = tries.iter().rev().take_while(|tried| tried.silent).count();
    tries.len() < wanted && silent < SILENT_MAX && spent < BUDGET
}

/// What all tries of a candidate come to.
#[derive(Clone, Debug, PartialEq)]
pub(in super::super) struct Figures {
    pub(in super::super) sent: usize,
    pub(in super::super) received: usize,
    pub(in super::super) connect: Option<Spread>,
    pub(in super::super) tls: Option<Spread>,
    pub(in super::super) answer: Option<Spread>,
    /// The status that came last.
    pub(in super::super) status: Option<u16>,
    /// The last failure.
    pub(in super::super) fault: Option<String>,
}

impl Figures {
    pub(in super::super) fn of(tries: &[Tried]) -> Self {
        let spread = |time: fn(&Tried) -> Option<f64>| {
            Spread::of(&tries.iter().filter_map(time).collect::<Vec<_>>())
        };
        Self {
            sent: tries.len(),
            received: tries.iter().filter(|tried| tried.is_ok()).count(),
            connect: spread(|tried| tried.connect_ms),
            tls: spread(|tried| tried.tls_ms),
            answer: spread(|tried| tried.answer_ms),
            status: tries.iter().rev().find_map(|tried| tried.status),
            fault: tries.iter().rev().find_map(|tried| tried.fault.clone()),
        }
    }

    /// From 0 to 1; of a candidate that was not tried, 1.
    pub(in super::super) fn loss(&self) -> f64 {
        if self.sent == 0 { 1.0 } else { share(self.sent - self.received, self.sent) }
    }

    /// What a request without a connection waits for until its answer begins: the medians of all stages.
    pub(in super::super) fn whole_ms(&self) -> f64 {
        let p50 = |spread: &Option<Spread>| spread.as_ref().map_or(0.0, |spread| spread.p50);
        p50(&self.connect) + p50(&self.tls) + p50(&self.answer)
    }

    pub(in super::super) fn verdict(&self) -> Verdict {
        match (self.sent, self.received) {
            (0, _) => Verdict::Untried,
            (_, 0) => Verdict::Dead,
            (sent, received) if received < sent => Verdict::Lossy,
            _ => Verdict::Good,
        }
    }
}

/// In a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum Verdict {
    Good,
    Lossy,
    Dead,
    Untried,
}

impl Verdict {
    pub(in super::super) fn name(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Lossy => "lossy",
            Self::Dead => "dead",
            Self::Untried => "untried",
        }
    }

    pub(in super::super) fn is_usable(self) -> bool {
        matches!(self, Self::Good | Self::Lossy)
    }
}

/// Less loss first; of equals the one whose answer begins sooner.
pub(super) fn order(a: &Figures, b: &Figures) -> Ordering {
    a.loss().total_cmp(&b.loss()).then(a.whole_ms().total_cmp(&b.whole_ms()))
}

/// Bounds that rows must keep, as users of speed tests know them.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Filter {
    /// Mean connect in milliseconds, at most and at least.
    pub(super) slowest_ms: Option<f64>,
    pub(super) fastest_ms: Option<f64>,
    /// Loss, from 0 to 1.
    pub(super) loss_max: Option<f64>,
}

impl Filter {
    pub(super) fn passes(&self, figures: &Figures) -> bool {
        let avg = figures.connect.map(|spread| spread.avg);
        let within = |bound: Option<f64>, holds: fn(f64, f64) -> bool| {
            bound.is_none_or(|bound| avg.is_some_and(|avg| holds(avg, bound)))
        };
        within(self.slowest_ms, |avg, bound| avg <= bound)
            && within(self.fastest_ms, |avg, bound| avg >= bound)
            && self.loss_max.is_none_or(|bound| figures.loss() <= bound)
    }
}

/// Why the times of a candidate may not be those of the way to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum Suspicion {
    /// Nobody on the Internet has this address: programs that tunnel traffic answer names with it.
    FakeAddress,
    /// The name of a node elsewhere has an address of this machine.
    ThisMachine,
    /// An address of the Internet, and closer than the next router.
    TooNear,
    /// The same in a network of one's own, where it may be true.
    NearAtHome,
}

impl Suspicion {
    pub(super) const ALL: [Self; 4] =
        [Self::FakeAddress, Self::ThisMachine, Self::TooNear, Self::NearAtHome];

    pub(in super::super) fn sentence(self) -> &'static str {
        match self {
            Self::FakeAddress => {
                "a local proxy answers (TUN with fake-ip): an address like this is nobody's, 198.18.0.0/15 among them, \
                 so these are not the times of the way to the node; let the node's host bypass the proxy and test again"
            }
            Self::ThisMachine => {
                "a local proxy answers: the name has an address of this machine (by the hosts file, or a program that \
                 answers the DNS), so these are not the times of the way to the node; let the node's host bypass it and \
                 test again"
            }
            Self::TooNear => {
                "a local proxy answers: a connect under 1 ms goes no further than this machine, so these are \
                 not the times of the way to the node; switch the proxy or its TUN off for this host and test again"
            }
            Self::NearAtHome => {
                "a connect under 1 ms: right for a node on this very network, else a local proxy answers"
            }
        }
    }
}

/// Whether something on this machine answers in place of the node. `by_name`: the address is the resolver's, for a name
/// that does not mean this machine.
pub(super) fn suspicion(
    ip: IpAddr,
    connect_min_ms: Option<f64>,
    by_name: bool,
) -> Option<Suspicion> {
    let ip = ip.to_canonical();
    if is_fake(ip) {
        return Some(Suspicion::FakeAddress);
    }
    let near = connect_min_ms.is_some_and(|time| time < NEAR_MS);
    if ip.is_loopback() {
        return by_name.then_some(Suspicion::ThisMachine);
    }
    if !near {
        return None;
    }
    Some(if is_own_network(ip) { Suspicion::NearAtHome } else { Suspicion::TooNear })
}

/// Addresses for benchmarks (RFC 2544, RFC 5180), and the IPv6 range that tunnel programs use like them.
fn is_fake(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => matches!(ip.octets(), [198, 18..=19, ..]),
        IpAddr::V6(ip) => {
            matches!(ip.segments(), [0x2001, 2, 0, ..] | [0xfc00, 0..=0x3fff, ..])
        }
    }
}

/// RFC 1918, RFC 6598, link-local and unique local addresses.
fn is_own_network(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => {
            ip.is_private() || ip.is_link_local() || matches!(ip.octets(), [100, 64..=127, ..])
        }
        IpAddr::V6(ip) => ip.is_unique_local() || ip.is_unicast_link_local(),
    }
}

#[cfg(test)]
mod tests;
