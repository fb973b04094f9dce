//! The two ways, asked at the same moment: today's, one request as a program without Ferry sends it; and Ferry's, on the
//! gateway's own choice, race and failover. Unpaid requests only.

use std::sync::Arc;
use std::time::{Duration, Instant};

use ferry_gateway::causes::with_causes;
use ferry_gateway::clock;
use ferry_gateway::config::Way;
use ferry_gateway::tasks::Tasks;
use ferry_gateway::upstream::{
    Base, Fleet, Node, NodeSettings, PathFault, Settings, TlsError, Trial, keep,
};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::super::figures::foreign;
use super::round::{Round, Side};
use super::timeline::ROUND_MAX_MS;

/// What the SDKs give a connection.
const CONNECT: Duration = Duration::from_secs(5);
/// A request that was lost after it was written may have been billed, and is sent once more at most.
const ATTEMPTS: u32 = 2;

/// Both ways, ready to be asked.
#[derive(Debug)]
pub(super) struct Ways {
    direct: Trial,
    fleet: Arc<Fleet>,
    patience: Duration,
    keeping: JoinHandle<()>,
    begun: Instant,
}

impl Drop for Ways {
    fn drop(&mut self) {
        self.keeping.abort();
    }
}

impl Ways {
    /// Prepares them; the fleet begins to measure its addresses.
    ///
    /// # Errors
    /// A node's certificate files cannot be used.
    pub(super) fn new(against: NodeSettings, way: &Way, tasks: &Tasks) -> Result<Self, TlsError> {
        let base = Base::new(tasks, seed());
        let bounds =
            Settings { connect_timeout: CONNECT, tls_timeout: CONNECT, ..way.upstream.clone() };
        let direct = Trial::new(&Arc::new(against), &bounds, &base)?;
        let nodes: Result<Vec<Arc<Node>>, TlsError> = way
            .upstream
            .nodes
            .iter()
            .map(|node| Node::new(node, &way.upstream, &base).map(Arc::new))
            .collect();
        let fleet = Arc::new(Fleet::new(nodes?, &way.upstream, &base));
        let keeping = tasks.spawn(keep(Arc::clone(&fleet)));
        Ok(Self { direct, fleet, patience: way.patience, keeping, begun: clock::now() })
    }

    /// One round. Bounded by [`ROUND_MAX_MS`].
    pub(super) async fn ask(&self) -> Round {
        let (begun, wall) = (clock::now(), wall_ms());
        let (direct, ferry) = tokio::join!(self.direct(), self.ferry());
        Round {
            at_ms: wall,
            up_ms: millis(begun.saturating_duration_since(self.begun)),
            took_ms: millis(clock::now().saturating_duration_since(begun)),
            wall_took_ms: wall_ms() - wall,
            direct,
            ferry,
        }
    }

    async fn direct(&self) -> Side {
        let begun = clock::now();
        let Ok(timed) = timeout(bound(), self.direct.direct()).await else { return late(begun) };
        let silent = || PathFault::Silent;
        let fault = timed.fault.or_else(|| timed.answer.is_none().then(silent));
        Side {
            ms: since(begun),
            status: timed.status,
            fault: fault
                .map(|fault| with_causes(&fault))
                .or_else(|| of_nobody(timed.status, timed.own)),
            ..Side::default()
        }
    }

    async fn ferry(&self) -> Side {
        let begun = clock::now();
        let asked = self.fleet.ask_unpaid(self.patience, ATTEMPTS);
        let Ok(unpaid) = timeout(bound(), asked).await else { return late(begun) };
        Side {
            ms: unpaid.took.as_secs_f64() * 1000.0,
            status: unpaid.status,
            fault: unpaid.fault.or_else(|| of_nobody(unpaid.status, unpaid.own)),
            node: unpaid.node.map(|node| node.to_string()),
            attempts: Some(unpaid.attempts),
            home: unpaid.home,
        }
    }
}

/// The wall clock in milliseconds since 1970.
pub(super) fn wall_ms() -> i64 {
    jiff::Timestamp::try_from(clock::wall()).map_or(0, jiff::Timestamp::as_millisecond)
}

/// Both ways are judged alike: an answer that is not the API's helps nobody.
fn of_nobody(status: Option<u16>, own: bool) -> Option<String> {
    status.and_then(|status| foreign(status, own))
}

fn late(begun: Instant) -> Side {
    let fault = format!("get an answer within {} s", ROUND_MAX_MS / 1000);
    Side { ms: since(begun), fault: Some(fault), ..Side::default() }
}

fn bound() -> Duration {
    Duration::from_millis(ROUND_MAX_MS.unsigned_abs())
}

fn since(begun: Instant) -> f64 {
    clock::now().saturating_duration_since(begun).as_secs_f64() * 1000.0
}

fn millis(span: Duration) -> i64 {
    i64::try_from(span.as_millis()).unwrap_or(i64::MAX)
}

/// Different enough from process to process that their probes do not go in step.
fn seed() -> u64 {
    wall_ms().unsigned_abs()
}
