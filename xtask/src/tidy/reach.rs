//! Rules about reach: what of the outside world a file may touch. One file spawns, one reads time, one the
//! environment; `unsafe` and the bans of clippy.toml are the compiler's part.

use super::source::{line_of, words};
use super::{Finding, Tree};

const GATEWAY: &str = "crates/ferry-gateway/src/";
/// The crates that ship, the mock apart: it stands for a foreign server and keeps its own time.
const SHIPPED: [&str; 4] =
    ["crates/ferry-wire/src/", "crates/ferry-rules/src/", GATEWAY, "crates/ferry/src/"];

/// What may stand elsewhere all the same, and why.
const EXCEPTIONS: [(&str, &str); 1] = [
    // A thread and no task: writing a log blocks, and goes on while the runtime shuts down.
    ("telemetry/log.rs", "thread::Builder"),
];

fn only(tree: &Tree, owner: &str, marks: &[&str]) -> Vec<Finding> {
    let mut findings = Vec::new();
    let owner = format!("{GATEWAY}{owner}");
    for source in SHIPPED.iter().flat_map(|folder| tree.under(folder)) {
        if source.path == owner {
            continue;
        }
        let file = source.path.strip_prefix(GATEWAY).unwrap_or_default();
        for mark in marks.iter().filter(|mark| !EXCEPTIONS.contains(&(file, mark))) {
            for at in words(&source.code, mark) {
                let line = line_of(&source.code, at);
                findings.push(Finding::new(&source.path, line, format!("`{mark}`")));
            }
        }
    }
    findings
}

pub(super) fn spawn(tree: &Tree) -> Vec<Finding> {
    let marks = [
        "tokio::spawn",
        "task::spawn",
        "spawn_blocking",
        "spawn_local",
        "JoinSet",
        "thread::spawn",
        "thread::Builder",
        // Spawns behind our back: HTTP/2 wants an executor, and ours counts.
        "TokioExecutor",
    ];
    only(tree, "tasks.rs", &marks)
}

pub(super) fn time(tree: &Tree) -> Vec<Finding> {
    let marks = [
        "Instant::now",
        "SystemTime::now",
        "Timestamp::now",
        "Zoned::now",
        // Reads the clock as well.
        ".elapsed(",
    ];
    only(tree, "clock.rs", &marks)
}

pub(super) fn environment(tree: &Tree) -> Vec<Finding> {
    only(tree, "config/env.rs", &["env::var", "env::vars", "env::var_os", "env::vars_os"])
}

pub(super) fn extensions(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for source in tree.under(GATEWAY) {
        for mark in [".extensions_mut(", ".extensions("] {
            for at in words(&source.code, mark) {
                findings.push(Finding::new(&source.path, line_of(&source.code, at), mark));
            }
        }
    }
    findings
}
