//! One run: the gateway as `run.rs` builds it, over the network of a plan, with its clients. Time is paused
//! (`start_paused`), so a run takes as long as its work.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Builder;
use tokio::time::sleep;

use super::client::{self, Heard};
use super::network::{Network, Seam};
use super::plan::Plan;
use super::verdict::{self, Tally};
use crate::clock;
use crate::journey::{self, Journey, Retry, Shared, Snapshot, Timeouts};
use crate::state;
use crate::tasks::Tasks;
use crate::telemetry::{self, LogFormat, LogLevel, Telemetry};
use crate::upstream::{
    Base, Fleet, HttpVersion, KeySettings, Node, NodeKind, NodeSettings, Settings,
};

/// About a third of what production has, as everything else here.
pub(super) const TIMEOUTS: Timeouts = Timeouts {
    write_stall: Duration::from_secs(7),
    first_byte: Duration::from_secs(12),
    event_gap: Duration::from_secs(9),
    client_idle: Duration::from_secs(20),
    stream_total: Duration::from_mins(1),
    nonstream_total: Duration::from_secs(45),
    patience: Duration::from_secs(10),
    ping: Duration::from_secs(5),
    early_ping: None,
};
/// Longer than any dial, probe or lookup that may still be under way.
const CALMS_DOWN: Duration = Duration::from_secs(20);

/// Runs one schedule. `dir` is a folder for the gateway's state.
pub(super) fn run(plan: Plan, dir: &Path) -> Result<Tally, String> {
    let seed = plan.seed;
    let runtime = Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    let mut told = String::new();
    let ended = runtime.block_on(live(plan, dir, &mut told));
    ended.map_err(|what| format!("seed {seed}: {what}\n{told}"))
}

async fn live(plan: Plan, dir: &Path, told: &mut String) -> Result<Tally, String> {
    let (tasks, others) = (Tasks::default(), Tasks::default());
    let net = Network::new(plan, &others);
    let journey = gateway(&net, &tasks, dir);
    let tending = others.spawn(tend(Arc::clone(&journey)));
    let calls = 0..net.plan.calls.len();
    let calls: Vec<_> = calls
        .map(|call| others.spawn(client::call(Arc::clone(&journey), Arc::clone(&net), call)))
        .collect();
    let mut heard: Vec<Heard> = Vec::with_capacity(calls.len());
    for call in calls {
        heard.push(call.await.unwrap());
    }
    let page = journey.shared().telemetry.render();
    sleep(CALMS_DOWN).await;
    let quiet = quiet(&journey);
    tending.abort();
    drop(journey);
    sleep(CALMS_DOWN).await;
    let left = others.alive();
    let judged = verdict::judge(&net, &heard, &page);
    let gone = match (tasks.alive(), net.ledger().open, left) {
        (0, 0, 0) => Ok(()),
        (alive, open, left) => {
            Err(format!("{alive} tasks and {open} connections leaked, {left} tasks of the network"))
        }
    };
    *told = format!("{}\n{}", net.plan.told(), net.ledger().told());
    quiet.and(gone).and(judged)
}

/// Nothing is under way when nobody asks for anything.
fn quiet(journey: &Journey) -> Result<(), String> {
    let (in_flight, held) = (journey.shared().in_flight(), journey.shared().held());
    if in_flight > 0 || held > 0 {
        return Err(format!("{in_flight} requests and {held} bytes are still held"));
    }
    for node in journey.snapshot().fleet.statuses(clock::now()) {
        if node.in_flight > 0 || node.pending > 0 {
            return Err(format!("{} still has {} in flight", node.name, node.in_flight));
        }
    }
    Ok(())
}

/// As in `run.rs`.
async fn tend(journey: Arc<Journey>) {
    let mut swept = clock::now();
    loop {
        let now = clock::now();
        let next = journey.snapshot().fleet.tend(now);
        if now >= swept + Duration::from_secs(5) {
            swept = now;
            journey.snapshot().fleet.nodes.iter().for_each(|node| node.sweep(now));
        }
        sleep(next).await;
    }
}

/// The nodes of a plan, over its network.
pub(super) fn fleet(net: &Arc<Network>, base: &Base) -> Fleet {
    let bounds = bounds();
    let settings = (0..net.plan.nodes.len()).map(|at| Arc::new(node(&net.plan, at)));
    let nodes = settings.map(|node| Arc::new(Node::new(&node, &bounds, base).unwrap()));
    Fleet::new(nodes.collect(), &bounds, base)
}

fn gateway(net: &Arc<Network>, tasks: &Tasks, dir: &Path) -> Arc<Journey> {
    let plan = &net.plan;
    let base = Base::over(tasks, plan.seed, Arc::new(Seam(Arc::clone(net))));
    let fleet = fleet(net, &base);
    let names: Vec<_> = fleet.nodes.iter().map(|node| Arc::clone(&node.settings.name)).collect();
    let settings = settings(plan);
    let retry = settings.retry;
    let snapshot = Arc::new(Snapshot::new(settings, fleet).unwrap());
    let log = telemetry::Settings {
        format: LogFormat::Text,
        file: Some(dir.join("log")),
        level: LogLevel::Error,
        queue_lines: 16,
    };
    let telemetry = Telemetry::new(log, &snapshot.line_labels(), &names).unwrap();
    let state = state::open(state::Settings { dir: dir.join("state") }).unwrap();
    let shared = Arc::new(Shared::new(telemetry, state, base, &retry, plan.seed));
    Arc::new(Journey::new(shared, snapshot))
}

fn node(plan: &Plan, at: usize) -> NodeSettings {
    let node = &plan.nodes[at];
    let url = match node.host {
        Some(host) => format!("http://h{host}.sim"),
        None => format!("http://{}", plan.address(at, 0).ip()),
    };
    NodeSettings {
        name: Arc::from(format!("n{at}")),
        kind: NodeKind::Messages,
        url: url.parse().unwrap(),
        keys: (0..node.keys)
            .map(|key| KeySettings {
                key: format!("sk-ant-n{at}k{key}").into(),
                workspace: String::new(),
            })
            .collect(),
        addresses: if node.preferred { node.addresses.clone() } else { Vec::new() },
        role: node.role,
        headers: Vec::new(),
        extra_ca_file: None,
        client_cert: None,
        http: if node.http2 { HttpVersion::Http2 } else { HttpVersion::Http1 },
        nonstream: node.nonstream,
    }
}

fn bounds() -> Settings {
    Settings {
        nodes: Vec::new(),
        connect_timeout: Duration::from_secs(3),
        tls_timeout: Duration::from_secs(4),
        idle_timeout: Duration::from_secs(55),
        idle_max: 16,
        breaker: ferry_rules::breaker::Settings {
            error_rate: 0.05,
            min_attempts: 20,
            window: Duration::from_secs(30),
            open: Duration::from_secs(5),
            open_max: Duration::from_mins(1),
        },
        probe_every: Some(Duration::from_secs(10)),
        warm: 2,
    }
}

fn settings(plan: &Plan) -> journey::Settings {
    journey::Settings {
        redaction: Arc::new(crate::redaction::RuleSet::off()),
        public_url: String::new(),
        timezone: String::new(),
        allowed_origins: Vec::new(),
        allowed_hosts: Vec::new(),
        loopback: false,
        trusted_proxies: Vec::new(),
        access_keys: Vec::new(),
        requests_max: 1000,
        body_bytes_max: 1 << 20,
        batch_body_bytes_max: 1 << 20,
        answer_bytes_max: 1 << 20,
        held_bytes_max: 64 << 20,
        lines: BTreeSet::new(),
        timeouts: Timeouts { early_ping: plan.early_ping, ..TIMEOUTS },
        nonstream: BTreeMap::new(),
        retry: Retry {
            attempts_max: plan.attempts_max,
            free_ratio: if plan.is_generous() { 1.0 } else { 0.2 },
            paid_ratio: plan.paid_ratio,
            paid_burst: plan.paid_burst,
        },
    }
}
