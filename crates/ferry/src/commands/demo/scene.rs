//! Sets the scene: a mock provider, three paths to it, a gateway before them, and a temporary folder for all that the
//! gateway writes. It reads neither the user's configuration nor environment, and leaves nothing behind.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;

use ferry_gateway::config::{self, ConfigReport, Inputs};
use ferry_gateway::run::{self, Running};
use ferry_gateway::serve::listen::{Inherited, ListenError, Listener};
use ferry_gateway::tasks::Tasks;
use tempfile::TempDir;

use super::caller::Caller;
use super::client::Target;
use super::dial::Mood;
use super::sea::{self, NODES, Sea};
use super::tally::{Books, Side, counter};

/// Where clients expect Ferry and its admin side.
const PORTS: [u16; 2] = [7300, 7301];
/// What the user asked for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wishes {
    pub(super) listen: Option<SocketAddr>,
    pub(super) admin_listen: Option<SocketAddr>,
    pub(super) seed: u64,
}

/// A gateway and all that is behind it, running.
#[derive(Debug)]
pub(super) struct Scene {
    pub(super) sea: Sea,
    pub(super) gateway: Running,
    /// Ports that were taken, and those used in their place.
    pub(super) moved: Vec<(u16, u16)>,
    /// Who calls Ferry.
    ferry: Caller,
    tasks: Tasks,
    folder: TempDir,
}

/// Why the scene could not be set.
#[derive(Debug, thiserror::Error)]
pub(super) enum SceneError {
    #[error("make a temporary folder")]
    Folder(#[source] std::io::Error),
    #[error(transparent)]
    Sea(#[from] sea::SeaError),
    #[error(transparent)]
    Port(#[from] ListenError),
    #[error("configure the gateway")]
    Config(#[from] ConfigReport),
    #[error(transparent)]
    Gateway(#[from] run::StartError),
}

impl SceneError {
    /// What to do about it, as one sentence.
    pub(super) fn hint(&self) -> String {
        match self {
            Self::Folder(_) => {
                "free some space in the temporary folder, or point TMPDIR at one that can be written".to_owned()
            }
            Self::Sea(_) => "check that loopback (127.0.0.1) can be used on this machine".to_owned(),
            Self::Port(_) => {
                "leave --listen and --admin-listen away and the demo finds free ports, or name others".to_owned()
            }
            Self::Config(_) => "name addresses of 127.0.0.1 with any port".to_owned(),
            Self::Gateway(error) => error.hint(),
        }
    }
}

impl Scene {
    /// Starts both. Everything listens when it returns.
    ///
    /// # Errors
    /// [`SceneError`]: no folder, no port, or addresses that the gateway refuses.
    pub(super) async fn open(wishes: Wishes) -> Result<Self, SceneError> {
        let folder =
            tempfile::Builder::new().prefix("ferry-demo-").tempdir().map_err(SceneError::Folder)?;
        let mut moved = Vec::new();
        let [data_port, admin_port] = PORTS;
        let data = listener(wishes.listen, data_port, &mut moved)?;
        let admin = listener(wishes.admin_listen, admin_port, &mut moved)?;
        let tasks = Tasks::default();
        let sea = Sea::open(wishes.seed, &tasks).await?;
        let authority = folder.path().join("mock-ca.pem");
        std::fs::write(&authority, sea.authority()).map_err(SceneError::Folder)?;
        let file = folder.path().join("ferry.toml");
        let text = settings(&folder, [data.local_addr(), admin.local_addr()], &sea);
        std::fs::write(&file, text).map_err(SceneError::Folder)?;
        let inputs =
            Inputs { path: Some(file), cwd: folder.path().to_owned(), ..Inputs::default() };
        let loaded = config::load(&inputs)?;
        let inherited = Inherited { data: Some(data), admin: Some(admin) };
        let gateway = run::start(loaded.resolved, inherited).await?;
        let ferry = Caller { target: Target { address: reachable(gateway.data) }, tls: None };
        Ok(Self { sea, gateway, moved, ferry, tasks, folder })
    }

    /// The gateway as a client reaches it.
    pub(super) fn target(&self) -> Target {
        self.ferry.target
    }

    /// Who asks for one side.
    pub(super) fn caller(&self, side: Side) -> &Caller {
        match side {
            Side::Direct => &self.sea.direct,
            Side::Ferry => &self.ferry,
        }
    }

    /// Where the demo's own tasks are counted.
    pub(super) fn tasks(&self) -> &Tasks {
        &self.tasks
    }

    /// What paths, provider and gateway have counted of one side so far.
    pub(super) fn books(&self, side: Side) -> Books {
        let stats = self.sea.stats(side);
        let retries = |cost: &str| match side {
            Side::Direct => 0,
            Side::Ferry => {
                counter(&self.gateway.metrics(), &format!("ferry_retries_total{{cost=\"{cost}\"}}"))
            }
        };
        Books {
            met: self.sea.met(side),
            generations: stats.generations_started,
            cut: stats.generations_cut,
            paid: retries("paid"),
            free: retries("free"),
        }
    }

    /// The admin side as an operator reaches it.
    pub(super) fn admin_url(&self) -> String {
        format!("http://{}", reachable(self.gateway.admin))
    }

    /// Configuration and log, while the scene stands.
    pub(super) fn files(&self) -> [PathBuf; 2] {
        ["ferry.toml", "ferry.log"].map(|name| self.folder.path().join(name))
    }

    /// Turns the whole dial: as it stands at the start, with cuts for as long as the demo runs, or no faults at all.
    pub(super) fn turn(&self, mood: Mood) {
        self.sea.turn(mood);
    }

    /// Ends all and removes the folder.
    pub(super) async fn close(self) {
        let _drained = self.gateway.drain().await;
        self.sea.close().await;
        // A folder that cannot be removed is the temporary folder's own business.
        drop(self.folder.close());
    }
}

/// The address that was asked for, or else the usual port, or else a free one.
fn listener(
    wanted: Option<SocketAddr>,
    usual: u16,
    moved: &mut Vec<(u16, u16)>,
) -> Result<Listener, SceneError> {
    if let Some(wanted) = wanted {
        return Listener::bind(wanted).map_err(SceneError::Port);
    }
    let loopback = |port| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    if let Ok(listener) = Listener::bind(loopback(usual)) {
        return Ok(listener);
    }
    let listener = Listener::bind(loopback(0)).map_err(SceneError::Port)?;
    moved.push((usual, listener.local_addr().port()));
    Ok(listener)
}

/// The gateway's configuration, as a user would write it: nothing is tuned but what the demo's folder and end need.
fn settings(folder: &TempDir, [data, admin]: [SocketAddr; 2], sea: &Sea) -> String {
    // A JSON string is a TOML string too.
    let path = |name: &str| {
        serde_json::Value::from(folder.path().join(name).to_string_lossy()).to_string()
    };
    let (state, log, authority) = (path("state"), path("ferry.log"), path("mock-ca.pem"));
    let mut text = format!(
        "# The demo's gateway: three nodes, all of them the mock, each behind a path with faults. A file like this\n\
         # one serves for real: ferry serve --config ferry.toml\n\
         config_version = 1\n\n\
         [server]\nlisten = \"{data}\"\nadmin_listen = \"{admin}\"\n\
         # The demo ends at once: its own clients have left by then.\ndrain_ms = 2000\n\n\
         [state]\ndir = {state}\n\n\
         [log]\nfile = {log}\n\n\
         # Told apart by the header X-Biz-Type, in the log and in the metrics.\n[lines.customer_service]\n"
    );
    for (name, address) in NODES.iter().zip(sea.addresses()) {
        text.push_str(
            &[
                "\n[[nodes]]\nname = \"",
                name,
                "\"\nurl = \"https://",
                &address.to_string(),
                "\"\nextra_ca_file = ",
                &authority,
                "\n",
            ]
            .concat(),
        );
    }
    text
}

/// A listener on all addresses is reached on loopback.
fn reachable(address: SocketAddr) -> SocketAddr {
    if !address.ip().is_unspecified() {
        return address;
    }
    let ip: IpAddr =
        if address.is_ipv4() { Ipv4Addr::LOCALHOST.into() } else { Ipv6Addr::LOCALHOST.into() };
    SocketAddr::new(ip, address.port())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_taken_port_gives_way_to_a_free_one() {
        let taken = Listener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).unwrap();
        let port = taken.local_addr().port();
        let mut moved = Vec::new();
        let found = listener(None, port, &mut moved).unwrap();
        assert_eq!(moved, [(port, found.local_addr().port())]);
        // One that was asked for by name does not.
        let error = listener(Some(taken.local_addr()), port, &mut moved).unwrap_err();
        assert!(error.hint().starts_with("leave --listen"), "{error}");
    }

    #[test]
    fn all_addresses_are_reached_on_loopback() {
        for (listening, reached) in [
            ("0.0.0.0:7300", "127.0.0.1:7300"),
            ("[::]:7300", "[::1]:7300"),
            ("192.0.2.1:80", "192.0.2.1:80"),
        ] {
            assert_eq!(reachable(listening.parse().unwrap()), reached.parse().unwrap());
        }
    }
}
