//! The figures that only need the binary: start-up, idle memory, size, number of packages.
//! Prints them; judging them against the issue is the reader's part, since machines differ.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Command, ExitCode};

use crate::Fault;
use crate::command::said;
use crate::place::{Place, Profile};
use crate::report::now;
use crate::server::Server;

/// An odd number, so that the median is one of them.
const ROUNDS: usize = 11;

/// `cargo xtask figures`.
///
/// # Errors
/// When the binary cannot be built or does not start.
pub(crate) fn all(place: &Place) -> Result<ExitCode, Fault> {
    let binary = place.ferry(Profile::Release)?;
    let bytes = std::fs::metadata(&binary)?.len();
    println!("release binary: {} KiB (at most 30720)", bytes / 1024);
    println!("packages: {} (at most 200)", packages(place)?);
    let mut starts = Vec::new();
    let mut idle_kib = 0;
    for _ in 0..ROUNDS {
        let start = now();
        let mut command = Command::new(&binary);
        // Nothing is dialled before a request comes, so no node needs to exist.
        command.args(["serve", "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"]);
        command.env("FERRY_STATE__DIR", place.cache.join("figures-state"));
        command.current_dir(&place.cache);
        let server = Server::start(&mut command, &place.log("figures"), &["data", "admin"])?;
        first_answer(server.address("admin"))?;
        starts.push(start.elapsed().as_secs_f64() * 1000.0);
        idle_kib = resident_kib(server.pid()).unwrap_or(0);
    }
    starts.sort_by(f64::total_cmp);
    let median = starts.get(ROUNDS / 2).copied().unwrap_or_default();
    println!("start-up to the first answer: median {median:.1} ms of {ROUNDS} (at most 100)");
    println!("idle memory (RSS): {idle_kib} KiB (at most 20480)");
    Ok(ExitCode::SUCCESS)
}

/// Packages that are compiled into the binary, the workspace's own included.
fn packages(place: &Place) -> Result<usize, Fault> {
    let manifest = place.root.join("Cargo.toml").display().to_string();
    let tree = said(
        "cargo",
        &[
            "tree",
            "--locked",
            "--manifest-path",
            &manifest,
            "-e",
            "normal",
            "-p",
            "ferry",
            "--prefix",
            "none",
            "--no-dedupe",
            "--format",
            "{p}",
        ],
    )
    .ok_or("cargo tree failed")?;
    let names: std::collections::BTreeSet<&str> =
        tree.lines().map(|line| line.trim_end_matches(" (*)")).collect();
    Ok(names.len())
}

/// One request, answered: what "started" means to a client.
fn first_answer(url: &str) -> Result<(), Fault> {
    let authority = url.trim_start_matches("http://");
    let mut stream = TcpStream::connect(authority)?;
    write!(stream, "GET /healthz HTTP/1.1\r\nHost: {authority}\r\nConnection: close\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    if answer.starts_with("HTTP/1.1 200") { Ok(()) } else { Err(answer.into()) }
}

/// Resident memory of a process, in KiB. Linux only; elsewhere there is no figure.
pub(crate) fn resident_kib(pid: u32) -> Option<u64> {
    let status = std::fs::read_to_string(Path::new("/proc").join(pid.to_string()).join("status"));
    let status = status.ok()?;
    let line = status.lines().find(|line| line.starts_with("VmRSS:"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}
