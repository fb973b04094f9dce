//! A schedule: the nodes, what goes wrong with them and when, and the requests that come meanwhile. All of
//! it follows from one seed.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use super::dice::Dice;
use crate::upstream::{Nonstream, Role};

/// Requests come and faults begin within this time.
const SPAN_MS: u64 = 20_000;
/// Long enough for every timer to see it.
const RESET: Duration = Duration::from_millis(3);
/// An answer of the resolver is used for so long before it is asked again (`names.rs`).
const RESOLVED_FOR: Duration = Duration::from_secs(30);

/// Everything that happens in one run.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) seed: u64,
    pub(super) nodes: Vec<NodePlan>,
    pub(super) windows: Vec<Window>,
    pub(super) calls: Vec<Call>,
    pub(super) paid_ratio: f64,
    pub(super) paid_burst: u32,
    pub(super) attempts_max: u32,
    pub(super) early_ping: Option<Duration>,
}

/// One node, and the one machine behind it.
#[derive(Debug)]
pub(super) struct NodePlan {
    pub(super) role: Role,
    pub(super) rtt: Duration,
    /// `None`: the URL holds the first address. Two nodes may share a name.
    pub(super) host: Option<usize>,
    /// The addresses of its machine.
    pub(super) addresses: Vec<IpAddr>,
    /// They stand in the configuration, beside what the name says.
    pub(super) preferred: bool,
    pub(super) nonstream: Nonstream,
    /// Keys of its own; with none the client's travels.
    pub(super) keys: usize,
    /// Spoken with prior knowledge, with so many streams at once.
    pub(super) http2: bool,
    pub(super) streams_max: u32,
    /// The machine closes a connection that is idle for so long.
    pub(super) idle: Duration,
}

/// What can be wrong with a machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    /// Of so many hundred SYN packets so many are lost.
    SynLost(u64),
    /// No listener; what stands goes on.
    Refused,
    /// Whoever connects is reset at its first byte.
    ResetAfterConnect,
    /// No packet passes. Afterwards the path has forgotten the connections that it had, or not.
    Silent { forgets: bool },
    /// Every connection is reset, once.
    Reset,
    /// Every connection is reset, and no new one taken.
    Down,
    /// Down in every other second.
    Flapping,
    /// The name cannot be resolved.
    NameFails,
    /// The resolver answers nothing, and fails in the end.
    NameHangs,
    /// The resolver takes its time.
    NameLate,
    /// The resolver names a machine that is gone.
    NameStale,
    /// An error in the API's own shape.
    Status(u16),
    /// 429, with `retry-after` in seconds.
    Limited(Option<u64>),
    /// A relay's page, with this status.
    Page(u16),
    /// Requests are taken, and never answered; what needs no model is.
    Stall,
    /// Nothing is answered, whatever it is.
    Mute,
    /// The model takes ten times as long.
    Slow,
    /// The connection ends before the first byte of the answer.
    CutBeforeHead,
    /// It ends before the first content.
    CutEarly,
    /// It ends in the middle of the answer.
    CutMid,
    /// The HTTP answer ends well in the middle of the stream.
    EndMid,
    /// A stream begins and says at once that there is no room.
    EarlyError,
    /// A stream says so after its first content.
    LateError,
    /// An idle connection is closed just as a request is written to it; over HTTP/2 it takes that one stream
    /// and no more.
    Stale,
    /// `REFUSED_STREAM`, and nothing over HTTP/1.1.
    RefusesStreams,
}

/// A fault of one machine, at one of its addresses or all of them, and when.
#[derive(Debug, Clone, Copy)]
pub(super) struct Window {
    pub(super) machine: usize,
    pub(super) address: Option<usize>,
    pub(super) fault: Fault,
    pub(super) from: Duration,
    pub(super) until: Duration,
}

/// One request of a client.
#[derive(Debug, Clone, Copy)]
pub(super) struct Call {
    pub(super) at: Duration,
    pub(super) stream: bool,
    /// The client leaves then, if it has no answer yet.
    pub(super) leaves_after: Option<Duration>,
    /// How the model takes to it: until its first word, between two, how many.
    pub(super) think: Duration,
    pub(super) gap: Duration,
    pub(super) pieces: usize,
}

impl Plan {
    pub(super) fn of(seed: u64) -> Self {
        let mut dice = Dice::new(seed);
        let nodes = nodes(&mut dice);
        let windows = windows(&mut dice, nodes.len());
        let count = 20 + dice.below(21);
        let mut calls: Vec<Call> = (0..count).map(|_| call(&mut dice)).collect();
        calls.sort_by_key(|call| call.at);
        let tight = seed % 4 == 3;
        Self {
            seed,
            nodes,
            windows,
            calls,
            paid_ratio: if tight { 0.02 } else { 1.0 },
            paid_burst: if tight { 2 } else { 100 },
            attempts_max: dice.pick(&[3, 3, 6]),
            early_ping: dice.percent(15).then(|| dice.ms(50, 3000)),
        }
    }

    /// All of it, a line each.
    pub(super) fn told(&self) -> String {
        let nodes = self.nodes.iter().enumerate().map(|(at, node)| format!("n{at} {node:?}\n"));
        let windows = self.windows.iter().map(|window| {
            let Window { machine, address, fault, from, until } = window;
            let at = address.map_or_else(String::new, |at| format!(" a{at}"));
            format!("n{machine}{at} {fault:?} from {from:?} to {until:?}\n")
        });
        let calls = self.calls.iter().enumerate().map(|(at, call)| format!("r{at} {call:?}\n"));
        nodes.chain(windows).chain(calls).collect()
    }

    /// Retries that may be billed have all the room they want.
    pub(super) fn is_generous(&self) -> bool {
        self.paid_burst > 50
    }

    /// The address of a machine.
    pub(super) fn address(&self, machine: usize, at: usize) -> SocketAddr {
        SocketAddr::new(self.nodes[machine].addresses[at], 80)
    }

    /// The machine and the place of the address there; `None` for one where nobody lives.
    pub(super) fn machine(&self, at: SocketAddr) -> Option<(usize, usize)> {
        self.nodes.iter().enumerate().find_map(|(machine, node)| {
            let place = node.addresses.iter().position(|ip| *ip == at.ip())?;
            Some((machine, place))
        })
    }

    /// The machines that a node may lead to.
    fn machines(&self, node: usize) -> impl Iterator<Item = usize> {
        let host = self.nodes[node].host;
        let shares = move |other: &NodePlan| host.is_some() && other.host == host;
        let others = self.nodes.iter().enumerate();
        others.filter(move |(at, other)| *at == node || shares(other)).map(|(at, _)| at)
    }

    /// True when nothing at all is wrong with the way to this node, and with the node, in that time.
    pub(super) fn works(&self, node: usize, from: Duration, until: Duration) -> bool {
        self.machines(node).all(|machine| {
            self.windows.iter().filter(|window| window.machine == machine).all(|window| {
                let lasts = match window.fault {
                    Fault::NameStale => window.until + RESOLVED_FOR,
                    _ => window.until,
                };
                lasts < from || window.from > until
            })
        })
    }
}

fn nodes(dice: &mut Dice) -> Vec<NodePlan> {
    let count = 2 + dice.below(3);
    let shares = dice.percent(15);
    let mut nodes: Vec<NodePlan> = Vec::with_capacity(count);
    for at in 0..count {
        let http2 = dice.percent(30);
        let last = u8::try_from(at).unwrap();
        let second = dice.percent(40);
        let keyed = dice.percent(25);
        let host = if shares && at < 2 { Some(0) } else { dice.percent(40).then_some(at) };
        nodes.push(NodePlan {
            role: if at > 0 && dice.percent(30) { Role::Standby } else { Role::Primary },
            rtt: Duration::from_millis(dice.pick(&[4, 20, 60, 150, 250])),
            host,
            addresses: (1..=1 + u8::from(second))
                .map(|number| IpAddr::V4(Ipv4Addr::new(10, 0, last, number)))
                .collect(),
            preferred: host.is_none() || dice.percent(30),
            nonstream: if dice.percent(40) { Nonstream::Stream } else { Nonstream::Pass },
            keys: if keyed { 1 + dice.below(2) } else { 0 },
            // Behind one name there is one version.
            http2: if host == Some(0) && at == 1 { nodes[0].http2 } else { http2 },
            streams_max: dice.pick(&[1, 4, 100]),
            idle: dice.ms(1500, 60_000),
        });
    }
    nodes
}

fn windows(dice: &mut Dice, nodes: usize) -> Vec<Window> {
    // In most schedules one node is always well; in the others it is a matter of luck.
    let spared = dice.percent(65).then(|| dice.below(nodes));
    let storm = dice.percent(50);
    let count = if storm { 4 * nodes + dice.below(4 * nodes) } else { 1 + dice.below(3 * nodes) };
    let mut windows = Vec::with_capacity(count);
    while windows.len() < count {
        let fault = fault(dice);
        let from = dice.ms(0, SPAN_MS);
        let long = dice.pick(&[400, 1500, 6000, 12_000]);
        let until = from + if fault == Fault::Reset { RESET } else { dice.ms(100, long) };
        let address = dice.percent(25).then(|| dice.below(2));
        // Some things happen to all of them at once: a storm on the way, a provider without room.
        let machines = if dice.percent(15) { 0..nodes } else { one(dice.below(nodes)) };
        for machine in machines {
            let address = address.filter(|_| dice.percent(80));
            windows.push(Window { machine, address, fault, from, until });
        }
    }
    windows.retain(|window| spared != Some(window.machine));
    windows
}

fn one(number: usize) -> std::ops::Range<usize> {
    number..number + 1
}

fn fault(dice: &mut Dice) -> Fault {
    let share = dice.pick(&[20, 40, 100]);
    let after = dice.pick(&[None, Some(1), Some(3), Some(60)]);
    let forgets = dice.percent(50);
    dice.pick(&[
        Fault::SynLost(share),
        Fault::Refused,
        Fault::ResetAfterConnect,
        Fault::Silent { forgets },
        Fault::Silent { forgets },
        Fault::Reset,
        Fault::Down,
        Fault::Down,
        Fault::Flapping,
        Fault::NameFails,
        Fault::NameHangs,
        Fault::NameLate,
        Fault::NameStale,
        Fault::Status(500),
        Fault::Status(503),
        Fault::Status(529),
        Fault::Limited(after),
        Fault::Page(502),
        Fault::Page(200),
        Fault::Stall,
        Fault::Mute,
        Fault::Slow,
        Fault::CutBeforeHead,
        Fault::CutEarly,
        Fault::CutMid,
        Fault::EndMid,
        Fault::EarlyError,
        Fault::LateError,
        Fault::Stale,
        Fault::Stale,
        Fault::RefusesStreams,
    ])
}

fn call(dice: &mut Dice) -> Call {
    Call {
        at: dice.ms(0, SPAN_MS),
        stream: dice.percent(50),
        leaves_after: dice.percent(10).then(|| dice.ms(1, 2500)),
        think: dice.ms(30, 800),
        gap: dice.ms(5, 80),
        pieces: 2 + dice.below(6),
    }
}
