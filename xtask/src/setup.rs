//! Installs what the tests of real clients need: the official SDKs, at the versions that users run, into
//! the cache folder. System packages only as root on Debian, and only after naming them. A second run
//! installs nothing.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::Fault;
use crate::command;
use crate::place::Place;
use crate::report::{Counts, Report};

/// The newest Python SDK (Bearer, version 2026-10-21) and the last of the old kind (x-api-key, 2023-06-01).
pub(crate) const PYTHON_SDKS: [&str; 2] = ["2.12.0", "0.125.0"];
/// The newest SDK for Node.
pub(crate) const NODE_SDK: &str = "1.12.0";
/// The runner of the Python client tests; the one that the SDK's own suite uses too.
const PYTEST: &str = "9.0.2";

/// A program that must be there, how to ask for it, and the Debian package that brings it.
const PROGRAMS: [(&str, &[&str], &str); 8] = [
    ("python3", &["-c", "import venv, ensurepip"], "python3-venv"),
    ("node", &["--version"], "nodejs"),
    ("npm", &["--version"], "npm"),
    ("curl", &["--version"], "curl"),
    ("cc", &["--version"], "gcc"),
    ("tinyproxy", &["-v"], "tinyproxy-bin"),
    ("/usr/sbin/danted", &["-v"], "dante-server"),
    // It knows no option that does nothing.
    ("which", &["microsocks"], "microsocks"),
];

/// Everything, step by step.
pub(crate) fn all(place: &Place, report: &mut Report) {
    system(report);
    for version in PYTHON_SDKS {
        let name = format!("python sdk {version}");
        if missing("python3-venv") {
            report.skip(&name, "python3-venv is not installed");
        } else {
            report.step(&name, "the official SDK in an environment of its own", || {
                python(place, version)
            });
        }
    }
    let name = format!("node sdk {NODE_SDK}");
    if missing("nodejs") || missing("npm") {
        report.skip(&name, "nodejs and npm are not installed");
    } else {
        report.step(&name, "the official SDK in a folder of its own", || node(place));
    }
}

/// Where the environment of one Python SDK stands.
pub(crate) fn python_home(place: &Place, version: &str) -> PathBuf {
    place.cache.join(format!("python-{version}"))
}

/// Where the SDK for Node stands.
pub(crate) fn node_home(place: &Place) -> PathBuf {
    place.cache.join("node")
}

/// Whether an installation was finished.
pub(crate) fn is_done(home: &Path) -> bool {
    home.join(".done").is_file()
}

/// Whether a system package is not there.
pub(crate) fn missing(package: &str) -> bool {
    PROGRAMS.iter().any(|(program, args, of)| *of == package && !command::answers(program, args))
}

fn system(report: &mut Report) {
    let packages: Vec<&str> = PROGRAMS
        .iter()
        .map(|(_, _, package)| *package)
        .filter(|package| missing(package))
        .collect();
    let root = command::said("id", &["-u"]).is_some_and(|id| id == "0");
    let debian = command::answers("apt-get", &["--version"]);
    match Plan::of(&packages, root && debian) {
        Plan::Complete => {
            let all = PROGRAMS.map(|(_, _, package)| package).join(", ");
            report.step("system packages", &all, || Ok(Counts { passed: 1, ..Counts::default() }));
        }
        Plan::Say { line } => {
            println!("missing: {}; install with: {line}", packages.join(", "));
            report.skip("system packages", &format!("not root on Debian; run: {line}"));
        }
        Plan::Install { arguments } => {
            println!("installing {} (root on Debian)", packages.join(", "));
            let mut update = Command::new("apt-get");
            update.arg("update");
            if !report.program("apt-get update", "the current list of packages", &mut update) {
                return;
            }
            let line = format!("apt-get {}", arguments.join(" "));
            let mut install = Command::new("apt-get");
            install.args(&arguments).env("DEBIAN_FRONTEND", "noninteractive");
            report.program("system packages", &line, &mut install);
        }
    }
}

/// What becomes of system packages that are missing.
#[derive(Debug, PartialEq, Eq)]
enum Plan<'a> {
    /// None is.
    Complete,
    /// Somebody else must install them, with this line.
    Say { line: String },
    /// They are installed, by `apt-get` with these arguments.
    Install { arguments: Vec<&'a str> },
}

impl<'a> Plan<'a> {
    fn of(packages: &[&'a str], may_install: bool) -> Self {
        if packages.is_empty() {
            return Self::Complete;
        }
        let arguments = [&["install", "-y", "--no-install-recommends"], packages].concat();
        if may_install {
            Self::Install { arguments }
        } else {
            Self::Say { line: format!("sudo apt-get {}", arguments.join(" ")) }
        }
    }
}

/// Installs once: the mark is written last, so a broken installation is begun again.
fn once(home: &Path, install: impl FnOnce() -> Result<(), Fault>) -> Result<Counts, Fault> {
    if !is_done(home) {
        install()?;
        std::fs::write(home.join(".done"), "")?;
    }
    Ok(Counts { passed: 1, ..Counts::default() })
}

fn python(place: &Place, version: &str) -> Result<Counts, Fault> {
    let home = python_home(place, version);
    once(&home, || {
        let log = place.log(&format!("python-{version}"));
        let mut venv = Command::new("python3");
        venv.args(["-m", "venv", "--clear"]).arg(&home);
        command::logged(&log, &mut venv)?.or_fail("python3 -m venv")?;
        let mut pip = Command::new(home.join("bin/pip"));
        pip.args(["install", "--quiet", "--disable-pip-version-check"])
            .arg(format!("anthropic=={version}"))
            .arg(format!("pytest=={PYTEST}"));
        command::logged(&log, &mut pip)?.or_fail("pip install")?;
        Ok(())
    })
}

fn node(place: &Place) -> Result<Counts, Fault> {
    let home = node_home(place);
    once(&home, || {
        std::fs::create_dir_all(&home)?;
        std::fs::write(home.join("package.json"), "{ \"private\": true, \"type\": \"module\" }\n")?;
        let mut npm = Command::new("npm");
        npm.args(["install", "--silent", "--no-fund", "--no-audit"])
            .arg(format!("@anthropic-ai/sdk@{NODE_SDK}"))
            .current_dir(&home);
        command::logged(&place.log("node"), &mut npm)?.or_fail("npm install")?;
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packages_are_installed_by_root_on_debian_and_named_to_everybody_else() {
        assert_eq!(Plan::of(&[], true), Plan::Complete);
        assert_eq!(Plan::of(&[], false), Plan::Complete);
        let line = "sudo apt-get install -y --no-install-recommends npm curl".to_owned();
        assert_eq!(Plan::of(&["npm", "curl"], false), Plan::Say { line });
        let arguments = vec!["install", "-y", "--no-install-recommends", "npm", "curl"];
        assert_eq!(Plan::of(&["npm", "curl"], true), Plan::Install { arguments });
    }
}
