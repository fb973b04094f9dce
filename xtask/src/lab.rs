//! The fault lab beside the repository (`../shared/lab`): what Ferry does when the network or a node
//! misbehaves. Needs root and Linux, since it makes network namespaces of its own.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use crate::Fault;
use crate::command::said;
use crate::place::{Place, Profile, variable};

/// `cargo xtask lab [--more] [ARGS]`: arguments go to the lab; `--more` has other faults of the same kinds.
///
/// # Errors
/// When Ferry cannot be built or Python cannot be started.
pub(crate) fn all(place: &Place, args: &[String]) -> Result<ExitCode, Fault> {
    let Some(lab) = found(place, "lab") else { return Ok(ExitCode::SUCCESS) };
    let ferry = place.ferry(Profile::Release)?;
    let chores = std::env::current_exe()?;
    let mut command = Command::new("python3");
    let more = args.iter().any(|arg| arg == "--more");
    if more {
        command.arg(place.root.join("xtask/lab/more.py"));
    }
    let status = command
        .arg(lab)
        .args(["--label", "ferry", "--url", "http://127.0.0.1:7300", "--gateway"])
        .arg(format!("{} lab-gateway {}", chores.display(), ferry.display()))
        .args(args.iter().filter(|arg| *arg != "--more"))
        .status()?;
    Ok(if status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// `cargo xtask lab-http [ARGS]`: HTTP/1.1 beside HTTP/2 over the lab's link; arguments go to the program.
///
/// # Errors
/// When Ferry cannot be built or Python cannot be started.
pub(crate) fn http_versions(place: &Place, args: &[String]) -> Result<ExitCode, Fault> {
    let Some(lab) = found(place, "lab-http") else { return Ok(ExitCode::SUCCESS) };
    let ferry = place.ferry(Profile::Release)?;
    let status = Command::new("python3")
        .arg(place.root.join("xtask/lab/http_versions.py"))
        .args([OsStr::new("--lab"), lab.as_os_str(), OsStr::new("--ferry"), ferry.as_os_str()])
        .args(args)
        .status()?;
    Ok(if status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The lab, when it is there and can run; else says why not.
fn found(place: &Place, name: &str) -> Option<PathBuf> {
    let lab = place.shared("lab/lab.py");
    if lab.is_none() {
        println!("{name}: SKIPPED, ../shared/lab is not there");
    } else if !cfg!(target_os = "linux") || said("id", &["-u"]).is_none_or(|id| id != "0") {
        println!("{name}: SKIPPED, it makes network namespaces and needs root on Linux");
        return None;
    }
    lab
}

/// What the lab starts per scenario: writes Ferry's configuration from the lab's environment, becomes Ferry.
///
/// # Errors
/// When the lab's environment is not there, or Ferry cannot be started.
pub(crate) fn gateway(args: &[String]) -> Result<ExitCode, Fault> {
    let ferry = args.first().ok_or("lab-gateway wants the path of ferry")?;
    let text = |name: &str| {
        let value = variable(name).and_then(|value| value.into_string().ok());
        value.ok_or_else(|| format!("{name} is not set: the lab sets it"))
    };
    let (nodes, port, dir) = (text("LAB_NODES")?, text("LAB_PORT")?, text("LAB_DIR")?);
    let config = Path::new(&dir).join("ferry.toml");
    std::fs::write(&config, configuration(&nodes, &port, &dir))?;
    become_program(Command::new(ferry).args(["serve", "--config"]).arg(config))
}

/// The lab compresses time (an answer takes 0.28 s, a fault 4 s), so every deadline is scaled likewise.
fn configuration(nodes: &str, port: &str, dir: &str) -> String {
    let mut config = format!(
        "config_version = 1\n\n[server]\nlisten = \"127.0.0.1:{port}\"\nadmin_listen = \"127.0.0.1:0\"\nallowed_hosts = [\"lab\"]\n\n\
         [state]\ndir = \"{dir}/state\"\n\n[timeouts]\nconnect_ms = 500\nfirst_byte_ms = 2000\n\
         event_gap_ms = 1000\npatience_ms = 6000\n\n\
         [breaker]\nopen_s = 2\n\n[retry]\npaid_ratio = 0.3\npaid_burst = 60\n"
    );
    for (name, address) in ["a", "b", "c"].iter().zip(nodes.split(',')) {
        config.push_str("\n[[nodes]]\n");
        for (key, value) in
            [("name", *name), ("kind", "messages"), ("nonstream_upstream", "stream")]
        {
            config.push_str(&[key, " = \"", value, "\"\n"].concat());
        }
        config.push_str(&["url = \"http://", address, "\"\n"].concat());
    }
    config
}

/// Takes the place of this process, so that the lab's signals reach Ferry itself.
#[cfg(unix)]
fn become_program(command: &mut Command) -> Result<ExitCode, Fault> {
    use std::os::unix::process::CommandExt as _;
    Err(command.exec().into())
}

#[cfg(not(unix))]
fn become_program(_: &mut Command) -> Result<ExitCode, Fault> {
    Err("the lab runs on Linux only".into())
}

#[cfg(test)]
mod tests {
    use super::configuration;

    #[test]
    fn the_lab_gets_one_node_per_address() {
        let config = configuration("10.0.0.1:9000,10.0.0.2:9000,10.0.0.3:9000", "7300", "lab");
        assert_eq!(config.matches("[[nodes]]").count(), 3);
        assert!(
            config.contains("name = \"c\"\nkind = \"messages\"\nnonstream_upstream = \"stream\"\nurl = \"http://10.0.0.3:9000\"")
        );
    }
}
