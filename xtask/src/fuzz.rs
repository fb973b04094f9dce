//! Runs every fuzz target for a while. The targets stand in `fuzz/`, outside the workspace, since they
//! need a sanitizer; the corpus stays out of the repository.

use std::process::Command;

use crate::Fault;
use crate::command::{answers, said};
use crate::place::Place;
use crate::report::Report;

/// Long enough to find a shallow crash, short enough for every day.
const SECONDS: &str = "60";

/// `cargo xtask fuzz [--seconds N]`.
///
/// # Errors
/// When `--seconds` is no number.
pub(crate) fn all(place: &Place, report: &mut Report, args: &[String]) -> Result<(), Fault> {
    let seconds = args
        .iter()
        .position(|arg| arg == "--seconds")
        .and_then(|at| args.get(at + 1))
        .map_or(SECONDS, String::as_str);
    let seconds: u32 = seconds.parse().map_err(|error| format!("--seconds {seconds}: {error}"))?;
    if !place.root.join("fuzz/Cargo.toml").is_file() {
        report.skip("fuzz", "there is no fuzz/ folder");
        return Ok(());
    }
    if !answers("cargo", &["fuzz", "--version"]) {
        report.skip("fuzz", "cargo-fuzz is not installed (cargo install --locked cargo-fuzz)");
        return Ok(());
    }
    let targets = said("cargo", &["fuzz", "list"]).unwrap_or_default();
    for target in targets.lines() {
        let mut run = Command::new("cargo");
        run.args(["fuzz", "run", "--sanitizer=none", target, "--"])
            .arg(format!("-max_total_time={seconds}"))
            // libFuzzer's coverage needs a flag of the compiler that only this variable opens on stable.
            .env("RUSTC_BOOTSTRAP", "1");
        report.program(&format!("fuzz {target}"), "no input may make it panic", &mut run);
    }
    Ok(())
}
