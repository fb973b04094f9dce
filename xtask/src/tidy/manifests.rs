//! Rules about Cargo manifests and the layout of tests: layers, inheritance, one integration binary a crate.

use std::collections::BTreeSet;

use super::{Finding, Tree};

/// Each crate, and which of ours it may use. The mock uses none: what it shared with the gateway it could
/// not test.
const LAYERS: [(&str, &[&str]); 6] = [
    ("ferry-wire", &[]),
    ("ferry-rules", &["ferry-wire"]),
    ("ferry-gateway", &["ferry-rules", "ferry-wire"]),
    ("ferry-mock", &[]),
    ("ferry-ui", &[]),
    ("ferry", &["ferry-gateway", "ferry-rules", "ferry-wire", "ferry-mock", "ferry-ui"]),
];
/// What a pure crate has no use for: runtimes, sockets, logs, chance.
const IMPURE: [&str; 10] = [
    "tokio",
    "hyper",
    "hyper-util",
    "axum",
    "rustls",
    "tracing",
    "rand",
    "getrandom",
    "socket2",
    "notify",
];
const PURE: [&str; 2] = ["ferry-wire", "ferry-rules"];
/// Said once, in the workspace.
const INHERITED: [&str; 5] = [
    "version.workspace = true",
    "edition.workspace = true",
    "rust-version.workspace = true",
    "license.workspace = true",
    "publish.workspace = true",
];

/// The names under `[dependencies]` (and the platform tables), not under `[dev-dependencies]`.
fn dependencies(manifest: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    let mut inside = false;
    for (number, line) in manifest.lines().enumerate() {
        let line = line.trim();
        if line.starts_with('[') {
            let table = line.trim_matches(['[', ']']);
            inside = table.ends_with("dependencies") && !table.ends_with("dev-dependencies");
        } else if inside {
            let name = line.split(['=', '.', ' ']).next().unwrap_or_default();
            if !name.is_empty() && !name.starts_with('#') {
                found.push((number + 1, name.to_owned()));
            }
        }
    }
    found
}

pub(super) fn layers(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (name, allowed) in LAYERS {
        let path = format!("crates/{name}/Cargo.toml");
        let Some(manifest) = tree.text(&path) else { continue };
        for (line, used) in dependencies(manifest) {
            let ours = LAYERS.iter().any(|(crate_name, _)| *crate_name == used);
            if ours && !allowed.contains(&used.as_str()) {
                findings.push(Finding::new(&path, line, format!("{name} uses {used}")));
            }
            if PURE.contains(&name) && IMPURE.contains(&used.as_str()) {
                findings.push(Finding::new(&path, line, format!("{name} is pure and uses {used}")));
            }
        }
    }
    findings
}

pub(super) fn inherit(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for text in &tree.texts {
        let member = text.path == "xtask/Cargo.toml"
            || (text.path.starts_with("crates/") && text.path.ends_with("/Cargo.toml"));
        if !member {
            continue;
        }
        for said in INHERITED {
            if !text.text.lines().any(|line| line.trim() == said) {
                findings.push(Finding::new(&text.path, 0, format!("without `{said}`")));
            }
        }
        if !text.text.contains("[lints]\nworkspace = true") {
            findings.push(Finding::new(&text.path, 0, "does not inherit the lints"));
        }
    }
    findings
}

pub(super) fn integration(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut seen = BTreeSet::new();
    for source in &tree.sources {
        let Some((member, below)) = source.path.split_once("/tests/") else { continue };
        let in_src = source.path.contains("/src/");
        // Cargo builds a binary from tests/x.rs and from tests/x/main.rs.
        let builds =
            !below.contains('/') || below.matches('/').count() == 1 && below.ends_with("/main.rs");
        if builds && !in_src && !seen.insert(member) {
            findings.push(Finding::new(&source.path, 0, "a second integration binary"));
        }
    }
    findings
}
