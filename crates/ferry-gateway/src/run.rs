//! Assembles the parts and runs them: the only module beside the command line that knows the whole
//! configuration. Starts both listeners, applies reloads, drains at the end.

mod reload;
mod trying;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use ferry_rules::exposure::{self, Exposure, Plan};
use tokio::task::JoinHandle;

use self::reload::nodes;
pub use self::reload::{ReloadError, Reloaded};
use crate::admin::{self, Admin, Readiness};
use crate::clock;
use crate::config::{Inputs, Resolved};
use crate::journey::{self, Journey, Shared, Snapshot};
use crate::serve::listen::Inherited;
use crate::serve::tls::TlsStore;
use crate::serve::{Drained, ListenError, Listener, Server, Shutdown, Stage};
use crate::state::{self, StateError};
use crate::tasks::Tasks;
use crate::telemetry::{LogLevel, NoticeEvent, Telemetry, TelemetryError};
use crate::upstream::{Base, Fleet, TlsError};

/// How often idle connections are looked over: a node's close is noticed before most reuses.
const SWEEP_EVERY: Duration = Duration::from_secs(5);

/// Why Ferry did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Anyone could spend a node's key, or read the admin port.
    #[error(transparent)]
    Exposure(#[from] Exposure),
    /// A port cannot be had.
    #[error(transparent)]
    Listen(#[from] ListenError),
    /// The admin port cannot be used by the runtime.
    #[error("listen on the admin port")]
    AdminSocket(#[source] std::io::Error),
    /// The listener's certificate cannot be used.
    #[error(transparent)]
    Certificate(#[from] crate::serve::tls::TlsError),
    /// A node's certificates cannot be used.
    #[error(transparent)]
    Node(#[from] TlsError),
    /// The log cannot be written.
    #[error(transparent)]
    Telemetry(#[from] TelemetryError),
    /// The state folder cannot be used.
    #[error(transparent)]
    State(#[from] StateError),
    /// The settings do not make a snapshot.
    #[error(transparent)]
    Snapshot(#[from] journey::snapshot::ZoneNotAHeader),
    /// No random numbers.
    #[error("get random bytes from the system")]
    Random,
}

impl StartError {
    /// What to do about it, as one sentence.
    pub fn hint(&self) -> String {
        match self {
            Self::Listen(error) => error.hint().to_owned(),
            Self::Certificate(error) => error.hint().to_owned(),
            Self::State(error) => error.hint(),
            Self::Telemetry(_) => {
                "check that the folder of log.file exists and that Ferry's user may write there"
                    .to_owned()
            }
            Self::Node(_) => {
                "check the node's extra_ca_file, client_cert_file and client_key_file".to_owned()
            }
            Self::Exposure(_) => {
                "bind loopback, set access.keys, or leave the key to the callers".to_owned()
            }
            Self::AdminSocket(_) | Self::Snapshot(_) | Self::Random => {
                "report this with the text above".to_owned()
            }
        }
    }
}

/// A Ferry that serves.
#[derive(Debug)]
pub struct Running {
    /// Where clients reach it.
    pub data: SocketAddr,
    /// Where operators reach it.
    pub admin: SocketAddr,
    journey: Arc<Journey>,
    telemetry: Telemetry,
    tasks: Tasks,
    shutdown: Shutdown,
    certificate: Option<Arc<TlsStore>>,
    /// What it was started with: keys that need a restart stay as they were then.
    started: Resolved,
    /// The files of the configuration last tried.
    tried: Vec<PathBuf>,
    serving: JoinHandle<Drained>,
    admin_serving: JoinHandle<()>,
    sweeping: JoinHandle<()>,
    tending: JoinHandle<()>,
}

/// Starts Ferry. Both ports are open when it returns.
///
/// # Errors
/// [`StartError`]: a port, a file or a folder that cannot be used; its `hint` says what to do.
#[expect(
    clippy::unused_async,
    reason = "sockets and tasks need the runtime; an async fn cannot run outside one"
)]
pub async fn start(resolved: Resolved, inherited: Inherited) -> Result<Running, StartError> {
    let tasks = Tasks::default();
    let seed = seed()?;
    let base = Base::new(&tasks, seed);
    let node_list = nodes(&resolved.upstream, &[], &base)?;
    let names: Vec<_> = node_list.iter().map(|node| Arc::clone(&node.settings.name)).collect();
    let state = state::open(resolved.state.clone())?;
    let (data_listener, admin_listener) = listeners(&resolved, inherited)?;
    let (data, admin_address) = (data_listener.local_addr(), admin_listener.local_addr());
    // An inherited socket may be another than the configured one.
    check_exposure(&resolved, data, admin_address)?;
    let settings = journey::Settings {
        loopback: data.ip().to_canonical().is_loopback(),
        ..resolved.journey.clone()
    };
    let fleet = Fleet::new(node_list, &resolved.upstream, &base);
    let retry = settings.retry;
    let snapshot = Arc::new(Snapshot::new(settings, fleet)?);
    let telemetry = Telemetry::new(resolved.telemetry.clone(), &snapshot.line_labels(), &names)?;
    base.count_in(telemetry.clone());
    let certificate = match &resolved.serve.tls {
        Some(files) => Some(Arc::new(TlsStore::load(files)?)),
        None => None,
    };
    let shared = Arc::new(Shared::new(telemetry.clone(), state, base, &retry, seed));
    let journey = Arc::new(Journey::new(shared, snapshot));
    let shutdown = Shutdown::new();

    let mut server = Server::new(resolved.serve.clone(), tasks.clone());
    if let Some(certificate) = &certificate {
        server = server.with_tls(Arc::clone(certificate));
    }
    let serving = tasks.spawn(server.run(data_listener, Arc::clone(&journey), shutdown.clone()));
    let admin_serving = tasks.spawn(admin::serve(
        admin_listener.into_tokio(),
        admin_of(&journey, &telemetry, &tasks, &resolved, &shutdown),
        cutting(shutdown.clone()),
    ));
    let sweeping = tasks.spawn(sweep(Arc::clone(&journey), shutdown.clone()));
    let tending = tasks.spawn(tend(Arc::clone(&journey), shutdown.clone()));
    tell_listening(&telemetry, data, admin_address);
    Ok(Running {
        data,
        admin: admin_address,
        journey,
        telemetry,
        tasks,
        shutdown,
        certificate,
        started: resolved,
        tried: Vec::new(),
        serving,
        admin_serving,
        sweeping,
        tending,
    })
}

/// Refuses what anyone could reach and spend, by the addresses that are really open.
fn check_exposure(
    resolved: &Resolved,
    listen: SocketAddr,
    admin_listen: SocketAddr,
) -> Result<(), Exposure> {
    exposure::check(&Plan {
        listen,
        admin_listen,
        node_key: resolved.upstream.nodes.iter().any(|node| !node.keys.is_empty()),
        access_key: !resolved.journey.access_keys.is_empty(),
        admin_login: false,
    })
}

/// The two sockets: inherited ones first, fresh ones else.
fn listeners(
    resolved: &Resolved,
    inherited: Inherited,
) -> Result<(Listener, Listener), ListenError> {
    let data = match inherited.data {
        Some(listener) => listener,
        None => Listener::bind(resolved.serve.listen)?,
    };
    let admin = match inherited.admin {
        Some(listener) => listener,
        None => Listener::bind(resolved.admin.listen)?,
    };
    Ok((data, admin))
}

fn seed() -> Result<u64, StartError> {
    let mut seed = [0; 8];
    getrandom::fill(&mut seed).map_err(|_no_source| StartError::Random)?;
    Ok(u64::from_le_bytes(seed))
}

fn tell_listening(telemetry: &Telemetry, data: SocketAddr, admin: SocketAddr) {
    let notice = NoticeEvent::new(clock::wall(), LogLevel::Info, "listening")
        .with("data", data.to_string())
        .with("admin", admin.to_string());
    telemetry.notice(&notice);
}

impl Running {
    /// Stops accepting, lets running requests finish up to the drain limit, and ends. Returns what
    /// was cut off.
    pub async fn drain(self) -> Drained {
        self.shutdown.drain();
        let drained = self.serving.await.unwrap_or_default();
        self.shutdown.cut();
        // Both end by themselves once `cut` is reached; how is of no interest any more.
        drop(self.admin_serving.await);
        drop(self.sweeping.await);
        drop(self.tending.await);
        let notice = NoticeEvent::new(clock::wall(), LogLevel::Info, "drained")
            .with("cut_connections", drained.connections.to_string())
            .with("cut_requests", drained.requests.to_string());
        self.telemetry.notice(&notice);
        self.telemetry.flush(Duration::from_secs(1));
        drained
    }

    /// A handle that starts or hastens the drain from elsewhere.
    pub fn shutdown(&self) -> Shutdown {
        self.shutdown.clone()
    }

    /// Opens the log file again, as after a rotation.
    pub fn reopen_log(&self) {
        self.telemetry.reopen();
    }

    /// Requests in flight, for tests and the demo.
    pub fn in_flight(&self) -> usize {
        self.journey.shared().in_flight()
    }

    /// The metrics page.
    pub fn metrics(&self) -> String {
        self.telemetry.render()
    }

    /// Where its tasks are counted.
    pub fn tasks(&self) -> &Tasks {
        &self.tasks
    }

    /// Tasks alive, for tests that look for leaks.
    pub fn tasks_alive(&self) -> usize {
        self.tasks.alive()
    }

    /// Reads the configuration again and applies what can be applied without a restart. A broken one
    /// changes nothing.
    ///
    /// # Errors
    /// [`ReloadError`]: the configuration or a file that it names cannot be used; the old one stays.
    pub fn reload(&mut self, inputs: &Inputs) -> Result<Reloaded, ReloadError> {
        let reloaded = reload::reload(self, inputs);
        reload::tell(&self.telemetry, &reloaded);
        reloaded
    }

    /// The files of the configuration that the last reload tried, refused or not: a change of one may mend it.
    pub fn files_tried(&self) -> &[PathBuf] {
        &self.tried
    }
}

async fn cutting(shutdown: Shutdown) {
    shutdown.reached(Stage::Cutting).await;
}

async fn sweep(journey: Arc<Journey>, shutdown: Shutdown) {
    let mut every = tokio::time::interval(SWEEP_EVERY);
    every.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _now = every.tick() => {}
            () = shutdown.reached(Stage::Cutting) => return,
        }
        let now = clock::now();
        for node in &journey.snapshot().fleet.nodes {
            node.sweep(now);
        }
    }
}

/// Measures nodes, keeps connections ready and asks paths in doubt, until the drain's end.
async fn tend(journey: Arc<Journey>, shutdown: Shutdown) {
    loop {
        let next = journey.snapshot().fleet.tend(clock::now());
        tokio::select! {
            () = tokio::time::sleep(next) => {}
            () = shutdown.reached(Stage::Cutting) => return,
        }
    }
}

fn admin_of(
    journey: &Arc<Journey>,
    telemetry: &Telemetry,
    tasks: &Tasks,
    resolved: &Resolved,
    shutdown: &Shutdown,
) -> Admin {
    let shutdown = shutdown.clone();
    let [asked, listed, named, tried] = [journey; 4].map(Arc::clone);
    Admin {
        telemetry: telemetry.clone(),
        readiness: Arc::new(move || readiness(&asked, shutdown.stage())),
        nodes: Arc::new(move || listed.snapshot().fleet.statuses(clock::now())),
        reset: Arc::new(move |name| named.snapshot().fleet.reset(name, clock::now())),
        trials: Arc::default(),
        redact: Arc::new(move |trying| trying::try_on(&tried, trying)),
        tasks: tasks.clone(),
        allowed_hosts: resolved.journey.allowed_hosts.clone().into(),
    }
}

/// Ready while Ferry accepts: a node's health is not known before it is tried.
fn readiness(journey: &Journey, stage: Stage) -> Readiness {
    let snapshot = journey.snapshot();
    let nodes: Vec<_> = snapshot
        .fleet
        .nodes
        .iter()
        .map(|node| {
            let (idle, shared, opened) = node.counts();
            serde_json::json!({
                "name": &*node.settings.name,
                "idle_connections": idle,
                "http2_connections": shared,
                "connections_opened": opened,
            })
        })
        .collect();
    Readiness {
        ready: stage == Stage::Running,
        detail: serde_json::json!({
            "draining": stage != Stage::Running,
            "requests_in_flight": journey.shared().in_flight(),
            "held_bytes": journey.shared().held(),
            "nodes": nodes,
        }),
    }
}
