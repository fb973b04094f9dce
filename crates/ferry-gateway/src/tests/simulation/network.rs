//! The network below the gateway: which address takes a connection, which path carries bytes, what the
//! resolver says, all by the plan. It writes down what happened.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use tokio::io::DuplexStream;
use tokio::time::{Instant, sleep_until};

use super::dice::Dice;
use super::ledger::{Delivery, Entry, Fate, Ledger};
use super::machine::{self, Pipe};
use super::plan::{Fault, Plan, Window};
use crate::tasks::Tasks;
use crate::upstream::{Pending, Transport, Wire};

/// When a SYN that was lost is sent again, as Linux does.
const SYN_AT: [Duration; 3] = [Duration::ZERO, Duration::from_secs(1), Duration::from_secs(3)];
/// What a pipe holds: more than any request or answer here, so that nobody waits for room.
const PIPE_BYTES: usize = 64 * 1024;
/// A resolver that answers nothing fails in the end.
const RESOLVER_HANGS: Duration = Duration::from_secs(5);

/// The network and the machines in it.
#[derive(Debug)]
pub(super) struct Network {
    begun: Instant,
    pub(super) plan: Plan,
    /// Where its own tasks are counted, apart from the gateway's.
    pub(super) tasks: Tasks,
    dice: Mutex<Dice>,
    ledger: Mutex<Ledger>,
}

/// What a path does with bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Path {
    Open,
    Silent { forgets: bool },
    Gone,
}

impl Network {
    pub(super) fn new(plan: Plan, tasks: &Tasks) -> Arc<Self> {
        let dice = Mutex::new(Dice::new(!plan.seed));
        let ledger = Mutex::new(Ledger::new(plan.calls.len()));
        Arc::new(Self { begun: Instant::now(), plan, tasks: tasks.clone(), dice, ledger })
    }

    /// The time since the beginning.
    pub(super) fn now(&self) -> Duration {
        Instant::now() - self.begun
    }

    /// A time since the beginning, as tokio has it.
    pub(super) fn instant(&self, at: Duration) -> Instant {
        self.begun + at
    }

    pub(super) fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap()
    }

    pub(super) fn note(&self, what: impl Into<String>) {
        self.ledger().note(self.now(), what.into());
    }

    /// A request has come to a machine.
    pub(super) fn enter(&self, number: usize, delivery: Delivery) -> Entry {
        let Delivery { machine, pipe, reused, .. } = delivery;
        self.note(format!("r{number} written on c{pipe} to n{machine}, reused {reused}"));
        self.ledger().delivered(number, delivery)
    }

    /// The first bytes of an answer have gone.
    pub(super) fn answered(&self, entry: Entry) {
        let now = self.now();
        self.ledger().delivery(entry).answered.get_or_insert(now);
    }

    /// The machine is done with it.
    pub(super) fn settle(&self, entry: Entry, fate: Fate) {
        let now = self.now();
        let mut ledger = self.ledger();
        let delivery = ledger.delivery(entry);
        delivery.fate = fate;
        delivery.ended = Some(now);
        let pipe = delivery.pipe;
        ledger.note(now, format!("r{} on c{pipe}: {fate:?}", entry.0));
    }

    pub(super) fn percent(&self, share: u64) -> bool {
        self.dice.lock().unwrap().percent(share)
    }

    /// The faults that a machine has now, seen from one of its addresses.
    pub(super) fn faults(
        &self,
        (machine, address): (usize, usize),
        now: Duration,
    ) -> impl Iterator<Item = Fault> {
        let here = move |window: &&Window| {
            window.machine == machine && window.address.is_none_or(|only| only == address)
        };
        let lasts = move |window: &&Window| window.from <= now && now < window.until;
        self.plan.windows.iter().filter(here).filter(lasts).map(|window| window.fault)
    }

    /// What the path to an address does with bytes now.
    pub(super) fn path(&self, at: (usize, usize), now: Duration) -> Path {
        let mut path = Path::Open;
        for fault in self.faults(at, now) {
            match fault {
                Fault::Down | Fault::Reset => return Path::Gone,
                Fault::Flapping if now.as_secs() % 2 == 1 => return Path::Gone,
                Fault::Silent { forgets } => path = Path::Silent { forgets },
                _ => {}
            }
        }
        path
    }

    /// When the path may next be another than now.
    pub(super) fn next_change(&self, machine: usize, now: Duration) -> Duration {
        let mut next = Duration::MAX;
        for window in self.plan.windows.iter().filter(|window| window.machine == machine) {
            match window.fault {
                Fault::Down | Fault::Reset | Fault::Silent { .. } => {
                    for at in [window.from, window.until] {
                        next = if at > now { next.min(at) } else { next };
                    }
                }
                Fault::Flapping => {
                    let second = Duration::from_secs(now.as_secs() + 1);
                    for at in [window.from, window.until, second] {
                        next = if at > now { next.min(at) } else { next };
                    }
                }
                _ => {}
            }
        }
        next
    }

    /// Whether a SYN that is sent now is answered, and how.
    fn takes(&self, at: (usize, usize), now: Duration) -> Option<io::Result<()>> {
        match self.path(at, now) {
            Path::Gone => return Some(Err(io::ErrorKind::ConnectionRefused.into())),
            Path::Silent { .. } => return None,
            Path::Open => {}
        }
        for fault in self.faults(at, now) {
            match fault {
                Fault::SynLost(share) if self.percent(share) => return None,
                Fault::Refused => return Some(Err(io::ErrorKind::ConnectionRefused.into())),
                _ => {}
            }
        }
        Some(Ok(()))
    }

    async fn connect(self: Arc<Self>, to: SocketAddr) -> io::Result<Wire> {
        let Some(at) = self.plan.machine(to) else { return std::future::pending().await };
        let begun = self.now();
        for after in SYN_AT {
            sleep_until(self.instant(begun + after)).await;
            let Some(answer) = self.takes(at, self.now()) else { continue };
            sleep_until(self.instant(begun + after + self.plan.nodes[at.0].rtt)).await;
            return answer.map(|()| Wire::Pipe(self.open(at)));
        }
        std::future::pending().await
    }

    fn open(self: Arc<Self>, at: (usize, usize)) -> DuplexStream {
        let (gateways, machines) = tokio::io::duplex(PIPE_BYTES);
        let id = self.ledger().opened();
        self.note(format!("c{id} opened to n{} a{}", at.0, at.1));
        let tasks = self.tasks.clone();
        drop(tasks.spawn(machine::serve(Pipe::new(self, machines, at, id))));
        gateways
    }

    async fn resolve(self: Arc<Self>, host: usize, port: u16) -> io::Result<Vec<SocketAddr>> {
        let begun = self.now();
        let machines = self.plan.nodes.iter().enumerate();
        let of_host: Vec<usize> =
            machines.filter(|(_, node)| node.host == Some(host)).map(|(at, _)| at).collect();
        let first = of_host.first().copied().unwrap_or_default();
        let faults: Vec<Fault> = self.faults((first, 0), begun).collect();
        let mut wait = Duration::from_millis(20);
        let mut failed = false;
        let mut stale = false;
        for fault in faults {
            match fault {
                Fault::NameFails => failed = true,
                Fault::NameHangs => (failed, wait) = (true, RESOLVER_HANGS),
                Fault::NameLate => wait = Duration::from_secs(2),
                Fault::NameStale => stale = true,
                _ => {}
            }
        }
        sleep_until(self.instant(begun + wait)).await;
        self.note(format!("h{host} resolved: failed {failed}, stale {stale}"));
        if failed {
            return Err(io::Error::other("the resolver failed"));
        }
        let gone = IpAddr::V4(Ipv4Addr::new(10, 9, 9, 9));
        let all = of_host.iter().flat_map(|at| self.plan.nodes[*at].addresses.iter().copied());
        let addresses: Vec<IpAddr> = if stale { vec![gone] } else { all.collect() };
        Ok(addresses.into_iter().map(|ip| SocketAddr::new(ip, port)).collect())
    }
}

/// The network as the gateway's seam.
#[derive(Debug)]
pub(super) struct Seam(pub(super) Arc<Network>);

impl Transport for Seam {
    fn connect(&self, to: SocketAddr) -> Pending<Wire> {
        Box::pin(Arc::clone(&self.0).connect(to))
    }

    fn resolve(&self, host: String, port: u16) -> Pending<Vec<SocketAddr>> {
        let number = host.strip_prefix('h').and_then(|rest| rest.strip_suffix(".sim"));
        let number = number.unwrap().parse().unwrap();
        Box::pin(Arc::clone(&self.0).resolve(number, port))
    }
}
