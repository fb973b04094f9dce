//! Real clients against a running Ferry: both Python SDKs, the Node SDK and curl, each in front of
//! `ferry mock`. A client that is not installed is named as skipped.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::Fault;
use crate::command::{answers, bounded};
use crate::place::{Place, Profile};
use crate::report::Report;
use crate::server::Server;
use crate::setup;

/// A client suite takes under a minute; ten times that is a hang.
const SUITE_SECONDS: u32 = 600;

/// A line whose requests and uploads are looked through.
const REDACTING_LINE: &str = "[lines.private.redact]\nenabled = true\n";

/// Ferry in front of its mock. Both end when this is dropped.
#[derive(Debug)]
pub(crate) struct Stand {
    mock: Option<Server>,
    ferry: Option<Server>,
    base_url: String,
}

impl Stand {
    /// Starts the mock and, unless `direct`, Ferry in front of it.
    fn start(place: &Place, direct: bool) -> Result<Self, Fault> {
        let binary = place.ferry(Profile::Debug)?;
        let mut command = Command::new(&binary);
        command.args(["mock", "--listen", "127.0.0.1:0", "--fast"]);
        let mock = Server::start(&mut command, &place.log("mock"), &["mock"])?;
        let url = mock.address("mock").to_owned();
        if direct {
            return Ok(Self { mock: Some(mock), ferry: None, base_url: url });
        }
        let ferry = in_front_with(place, &binary, &url, ("stand", REDACTING_LINE))?;
        let base_url = ferry.address("data").to_owned();
        Ok(Self { mock: Some(mock), ferry: Some(ferry), base_url })
    }

    /// The environment that a client suite runs in.
    fn environment(&self) -> Vec<(&'static str, String)> {
        let address = |server: &Option<Server>, name: &str| {
            server.as_ref().map_or_else(String::new, |server| server.address(name).to_owned())
        };
        let via = if self.ferry.is_some() { "ferry" } else { "direct" };
        vec![
            ("BASE_URL", self.base_url.clone()),
            ("MOCK_URL", address(&self.mock, "mock")),
            ("ADMIN_URL", address(&self.ferry, "admin")),
            ("VIA", via.to_owned()),
            // A proxy of the machine must not stand between a test and loopback.
            ("NO_PROXY", "127.0.0.1,localhost".to_owned()),
            ("no_proxy", "127.0.0.1,localhost".to_owned()),
        ]
    }
}

/// A Ferry with one node and the caller's own key, on ports the system chooses.
///
/// # Errors
/// When it does not come up.
pub(crate) fn in_front(place: &Place, binary: &Path, node_url: &str) -> Result<Server, Fault> {
    in_front_with(place, binary, node_url, ("stand", ""))
}

/// The same from a folder of its own, with further tables in its configuration.
///
/// # Errors
/// When it does not start.
pub(crate) fn in_front_with(
    place: &Place,
    binary: &Path,
    node_url: &str,
    (folder, tables): (&str, &str),
) -> Result<Server, Fault> {
    let dir = place.cache.join(folder);
    std::fs::create_dir_all(&dir)?;
    let file = dir.join("ferry.toml");
    let config = format!(
        "config_version = 1\n\n[state]\ndir = \"{}\"\n\n[[nodes]]\nname = \"mock\"\nkind = \"messages\"\nurl = \"{node_url}\"\n\n\
         [lines.customer_service]\n{tables}",
        dir.join("state").display()
    );
    std::fs::write(&file, config)?;
    let mut command = Command::new(binary);
    command
        .args(["serve", "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0", "--config"])
        .arg(&file);
    Server::start(&mut command, &place.log(&format!("serve-{folder}")), &["data", "admin"])
}

/// Every client suite.
pub(crate) fn all(place: &Place, report: &mut Report, direct: bool) {
    let mut stand = None;
    let up = report.step("stand", "ferry serve in front of ferry mock", || {
        stand = Some(Stand::start(place, direct)?);
        Ok(crate::report::Counts { passed: 1, ..Default::default() })
    });
    let Some(stand) = stand.filter(|_| up) else {
        report.skip("clients", "nothing to run them against");
        return;
    };
    for version in setup::PYTHON_SDKS {
        python(place, report, &stand, version);
    }
    node(place, report, &stand);
    if answers("curl", &["--version"]) {
        let mut suite = bounded(Path::new("bash"), SUITE_SECONDS);
        suite.arg(folder(place, "curl").join("run.sh"));
        run(report, "curl", &mut suite, &stand);
    } else {
        report.skip("curl", "curl is not installed");
    }
}

fn folder(place: &Place, client: &str) -> PathBuf {
    place.root.join("crates/ferry/tests/clients").join(client)
}

fn run(report: &mut Report, name: &str, suite: &mut Command, stand: &Stand) {
    report.program(name, "a real client through Ferry", suite.envs(stand.environment()));
}

fn python(place: &Place, report: &mut Report, stand: &Stand, version: &str) {
    let name = format!("client python {version}");
    let home = setup::python_home(place, version);
    if !setup::is_done(&home) {
        report.skip(&name, "the SDK is not installed (cargo xtask setup)");
        return;
    }
    let mut suite = bounded(&home.join("bin/python"), SUITE_SECONDS);
    suite
        .args(["-m", "pytest", "-q", "-p", "no:cacheprovider"])
        .arg(folder(place, "python"))
        // No bytecode is left in the repository.
        .env("PYTHONDONTWRITEBYTECODE", "1");
    run(report, &name, &mut suite, stand);
}

fn node(place: &Place, report: &mut Report, stand: &Stand) {
    let name = format!("client node {}", setup::NODE_SDK);
    let home = setup::node_home(place);
    if !setup::is_done(&home) {
        report.skip(&name, "the SDK is not installed (cargo xtask setup)");
        return;
    }
    // Node finds packages from where a file stands, and the SDK stands in the cache.
    let copied = std::fs::read_dir(folder(place, "node")).and_then(|files| {
        files.flatten().try_for_each(|file| {
            std::fs::copy(file.path(), home.join(file.file_name())).map(|_| ())
        })
    });
    if let Err(fault) = copied {
        report.step(&name, "a real client through Ferry", || Err(fault.into()));
        return;
    }
    let mut suite = bounded(Path::new("node"), SUITE_SECONDS);
    suite.args(["--test", "--test-reporter=tap", "clients.test.mjs"]).current_dir(&home);
    run(report, &name, &mut suite, stand);
}
