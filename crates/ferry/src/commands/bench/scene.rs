//! What is measured when no URL is named: a mock that answers at once behind a gateway, both in this process, on free
//! ports, with a temporary folder for the gateway's state. It reads nothing of the user's.

use ferry_gateway::config::{self, ConfigReport, Inputs};
use ferry_gateway::run::{self, Running};
use ferry_gateway::serve::listen::Inherited;
use ferry_mock::{Capture, Mock, MockSettings, RunningMock};
use serde_json::Value;
use tempfile::TempDir;

use super::target::Target;

/// A gateway and its provider, both running.
#[derive(Debug)]
pub(super) struct Scene {
    mock: RunningMock,
    gateway: Running,
    folder: TempDir,
}

/// Why the scene could not be set.
#[derive(Debug, thiserror::Error)]
pub(super) enum SceneError {
    #[error("make a temporary folder")]
    Folder(#[source] std::io::Error),
    #[error("start the mock")]
    Mock(#[from] ferry_mock::StartError),
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
            Self::Mock(_) | Self::Config(_) => {
                "check that loopback (127.0.0.1) can be used on this machine".to_owned()
            }
            Self::Gateway(error) => error.hint(),
        }
    }
}

impl Scene {
    /// Starts both. Everything listens when it returns.
    ///
    /// # Errors
    /// [`SceneError`]: no folder, no port, no gateway.
    pub(super) async fn open() -> Result<Self, SceneError> {
        let folder = tempfile::Builder::new()
            .prefix("ferry-bench-")
            .tempdir()
            .map_err(SceneError::Folder)?;
        // Counters only: what it keeps of requests would be measured too.
        let capture = Capture { requests: 0, ..Capture::default() };
        let mock = Mock::start(MockSettings { capture, ..MockSettings::default() }).await?;
        let file = folder.path().join("ferry.toml");
        std::fs::write(&file, settings(&folder, &mock.base_url())).map_err(SceneError::Folder)?;
        let inputs =
            Inputs { path: Some(file), cwd: folder.path().to_owned(), ..Inputs::default() };
        let loaded = config::load(&inputs)?;
        let gateway = run::start(loaded.resolved, Inherited { data: None, admin: None }).await?;
        Ok(Self { mock, gateway, folder })
    }

    /// The gateway as a client reaches it.
    pub(super) fn target(&self) -> Target {
        Target::here(self.gateway.data)
    }

    /// Ends both and removes the folder.
    pub(super) async fn close(self) {
        let _drained = self.gateway.drain().await;
        self.mock.stop().await;
        // A folder that cannot be removed is the temporary folder's own business.
        drop(self.folder.close());
    }
}

/// The gateway's configuration: the defaults and one node. Its log lines are made and thrown away: those of a day would
/// fill a disk.
fn settings(folder: &TempDir, mock: &str) -> String {
    // A JSON string is a TOML string too.
    let state = Value::from(folder.path().join("state").to_string_lossy());
    format!(
        "config_version = 1\n\
         [server]\nlisten = \"127.0.0.1:0\"\nadmin_listen = \"127.0.0.1:0\"\ndrain_ms = 2000\n\
         [state]\ndir = {state}\n[log]\nfile = \"/dev/null\"\n\
         [[nodes]]\nname = \"mock\"\nurl = \"{mock}\"\n"
    )
}
