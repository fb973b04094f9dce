//! A gateway in this process, from a configuration file in a folder of its own.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::PathBuf;

use ferry_gateway::config::{self, Inputs};
use ferry_gateway::run::{self, Running};
use ferry_gateway::serve::listen::Inherited;
use ferry_mock::RunningMock;
use tempfile::TempDir;

use super::{Answer, Client, guarded};

/// What differs from test to test in a configuration.
#[derive(Default)]
pub(crate) struct Setup {
    listen: Option<String>,
    server: String,
    timeouts: String,
    rest: String,
    nodes: String,
    env: Vec<(String, String)>,
}

impl Setup {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// Another address than a free port of loopback.
    pub(crate) fn listen(mut self, address: &str) -> Self {
        self.listen = Some(address.to_owned());
        self
    }

    /// Every request is written once: for tests of what one try gives.
    pub(crate) fn one_try(self) -> Self {
        self.table("[retry]\nattempts = 1")
    }

    /// A line of `[server]`.
    pub(crate) fn server(mut self, line: &str) -> Self {
        writeln!(self.server, "{line}").unwrap();
        self
    }

    /// A line of `[timeouts]`.
    pub(crate) fn timeout(mut self, line: &str) -> Self {
        writeln!(self.timeouts, "{line}").unwrap();
        self
    }

    /// Further tables.
    pub(crate) fn table(mut self, text: &str) -> Self {
        writeln!(self.rest, "{text}").unwrap();
        self
    }

    /// An environment variable.
    pub(crate) fn env(mut self, name: &str, value: &str) -> Self {
        self.env.push((name.to_owned(), value.to_owned()));
        self
    }

    /// A node with this base URL and further lines.
    pub(crate) fn node(mut self, name: &str, url: &str, lines: &str) -> Self {
        writeln!(self.nodes, "[[nodes]]\nname = \"{name}\"\nurl = \"{url}\"\n{lines}").unwrap();
        self
    }

    /// The mock as a node named `mock`.
    pub(crate) fn mock(self, mock: &RunningMock) -> Self {
        self.node("mock", &mock.base_url(), "")
    }

    /// The configuration as text; `dir` holds state and log.
    pub(crate) fn toml(&self, dir: &std::path::Path) -> String {
        let dir = dir.display();
        format!(
            "config_version = 1\n\
             [server]\nlisten = \"{}\"\nadmin_listen = \"127.0.0.1:0\"\n{}\
             [probe]\ninterval_s = 0\nwarm_connections = 0\n\
             [timeouts]\n{}\n[state]\ndir = \"{dir}/state\"\n\
             [log]\nfile = \"{dir}/ferry.log\"\nformat = \"json\"\n{}\n{}",
            self.listen.as_deref().unwrap_or("127.0.0.1:0"),
            self.server,
            self.timeouts,
            self.rest,
            self.nodes
        )
    }

    fn inputs(&self) -> (Inputs, TempDir) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("ferry.toml");
        std::fs::write(&path, self.toml(dir.path())).unwrap();
        let inputs = Inputs {
            path: Some(path),
            env: self.env.clone(),
            flags: Vec::new(),
            cwd: dir.path().to_owned(),
            home: Some(dir.path().to_owned()),
        };
        (inputs, dir)
    }

    /// Why this configuration is refused, as the lines of the report.
    pub(crate) fn refused(self) -> String {
        let (inputs, _dir) = self.inputs();
        match config::load(&inputs) {
            Ok(_loaded) => panic!("it was taken"),
            Err(report) => format!("{:?}", miette::Report::new(report)),
        }
    }

    pub(crate) async fn start(self) -> Gateway {
        let (inputs, dir) = self.inputs();
        let loaded = config::load(&inputs).unwrap_or_else(|report| panic!("{report:?}"));
        let running = run::start(loaded.resolved, Inherited::default()).await.unwrap();
        Gateway { data: running.data, admin: running.admin, running, inputs, dir }
    }
}

/// A gateway that serves.
pub(crate) struct Gateway {
    pub(crate) data: SocketAddr,
    pub(crate) admin: SocketAddr,
    pub(crate) running: Running,
    pub(crate) inputs: Inputs,
    pub(crate) dir: TempDir,
}

impl Gateway {
    /// One before a mock, with nothing set.
    pub(crate) async fn before(mock: &RunningMock) -> Self {
        Setup::new().mock(mock).start().await
    }

    pub(crate) async fn connect(&self) -> Client {
        Client::connect(self.data).await
    }

    /// One request on a connection of its own.
    pub(crate) async fn ask(&self, request: impl AsRef<[u8]>) -> Answer {
        self.connect().await.ask(request).await
    }

    /// Where the configuration file stands.
    pub(crate) fn config(&self) -> PathBuf {
        self.inputs.path.clone().unwrap()
    }

    /// The value of a metric line that begins with `name`.
    pub(crate) fn metric(&self, name: &str) -> Option<f64> {
        let page = self.running.metrics();
        let line = page.lines().find(|line| line.starts_with(name))?;
        line.rsplit_once(' ')?.1.parse().ok()
    }

    /// Ends the gateway and gives the log, parsed.
    pub(crate) async fn into_log(self) -> Vec<serde_json::Value> {
        let Self { running, dir, .. } = self;
        guarded("the drain", running.drain()).await;
        let log = std::fs::read_to_string(dir.path().join("ferry.log")).unwrap();
        log.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// Ends the gateway and gives the log's request lines.
    pub(crate) async fn into_requests(self) -> Vec<serde_json::Value> {
        let mut lines = self.into_log().await;
        lines.retain(|line| line["event"] == "request");
        lines
    }
}
