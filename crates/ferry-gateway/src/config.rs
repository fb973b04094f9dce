//! Configuration: as written, then as usable.
//!
//! One TOML file, the environment and flags, laid over each other, checked as a whole and turned
//! into the `Settings` of every module. The stages, in order: `layers` (where values come from),
//! `shape` (names, types, ranges), `resolve` (meaning). All problems of one run are reported together.
//!
//! No other module imports this one: it builds their settings, they do not ask it. It never dials,
//! and no secret's value leaves it but as a type that cannot be printed.

mod env;
mod explain;
mod layers;
mod mask;
mod near;
mod place;
mod raw;
mod reference;
mod reload;
mod report;
mod resolve;
mod resolved;
mod schema;
mod shape;
mod show;
mod tree;
pub mod watch;

use std::net::SocketAddr;
use std::path::PathBuf;

pub use env::Inputs;
pub use explain::{Fold, UnknownKey};
pub use place::{Location, Origin};
pub use reference::{reference_markdown, schema_json};
pub use reload::restart_needed;
pub use report::{ConfigReport, Problem};
pub use resolve::egress::ProxyFault;
pub use resolved::Resolved;

/// A configuration that can be used, and what `show` and `explain` need to speak of it.
pub struct Loaded {
    /// Every module's settings.
    pub resolved: Resolved,
    /// What deserves a second look; Ferry starts all the same.
    pub warnings: Vec<Problem>,
    /// The configuration file, if one was read.
    pub file: Option<PathBuf>,
    /// Every file whose content matters: the configuration, secrets, certificates. To be watched.
    pub files: Vec<PathBuf>,
    raw: raw::Raw,
    root: tree::Node,
    sources: place::Sources,
}

impl std::fmt::Debug for Loaded {
    /// Without what was written: a literal header or a proxy's URL may hold a secret.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Loaded")
            .field("resolved", &self.resolved)
            .field("warnings", &self.warnings)
            .field("file", &self.file)
            .field("files", &self.files)
            .finish_non_exhaustive()
    }
}

/// Reads, merges, checks and resolves the configuration.
///
/// # Errors
/// [`ConfigReport`] with every problem that was found: an unreadable or broken file, unknown keys,
/// wrong types and ranges, missing secrets, values that contradict each other or the house's rules.
pub fn load(inputs: &Inputs) -> Result<Loaded, ConfigReport> {
    let Shaped { mut raw, written, merged, findings } = shaped(inputs)?;
    let mut desk = desk(inputs, &written, &merged, findings);
    let resolved = resolve::resolve(&mut raw, &mut desk);
    if !desk.findings.problems.is_empty() {
        return Err(ConfigReport::new(desk.findings.problems).with_files(desk.files));
    }
    let (warnings, files) = (desk.warnings, desk.files);
    Ok(Loaded {
        resolved,
        warnings,
        file: merged.file,
        files,
        raw,
        root: written,
        sources: merged.sources,
    })
}

/// The admin port's address alone, for whoever wants to ask a running Ferry: its secrets and certificates need not be
/// readable, and what is wrong elsewhere is that Ferry's affair.
///
/// # Errors
/// [`ConfigReport`]: the file cannot be read or parsed, or the address is none.
pub fn admin_listen(inputs: &Inputs) -> Result<SocketAddr, ConfigReport> {
    const KEY: &str = "server.admin_listen";
    let Shaped { raw, written, merged, findings } = shaped(inputs)?;
    let mut desk = desk(inputs, &written, &merged, findings);
    let listen = resolve::admin_listen(&raw, &mut desk);
    let mut problems = desk.findings.problems;
    problems.retain(|problem| problem.key == KEY);
    if problems.is_empty() { Ok(listen) } else { Err(ConfigReport::new(problems)) }
}

/// The way to the nodes without its keys, for whoever measures paths: nothing of that is paid, so no secret is read.
#[derive(Debug)]
pub struct Way {
    /// The nodes, keyless, and the bounds on reaching them.
    pub upstream: crate::upstream::Settings,
    /// The configuration file, if one was read.
    pub file: Option<PathBuf>,
    /// The state folder.
    pub state: PathBuf,
    /// The time zone of dates that people read; empty: the system's.
    pub timezone: String,
    /// How long a request waits while no node can be reached.
    pub patience: std::time::Duration,
}

/// The nodes alone, keyless.
///
/// # Errors
/// [`ConfigReport`]: the file cannot be read or parsed, or what it says of nodes, of bounds on reaching them or of the
/// state folder is wrong. What is wrong elsewhere is the running Ferry's affair.
pub fn way(inputs: &Inputs) -> Result<Way, ConfigReport> {
    let Shaped { mut raw, written, merged, findings } = shaped(inputs)?;
    for node in &mut raw.nodes {
        node.key = None;
        node.keys.clear();
        // Their values may be secrets, too, and no probe carries them.
        node.headers.clear();
    }
    let mut desk = desk(inputs, &written, &merged, findings);
    let (upstream, state) = resolve::way(&mut raw, &mut desk);
    let mut problems = desk.findings.problems;
    problems.retain(|problem| {
        let key = problem.key.as_str();
        let secret = key.contains(".key") || key.contains(".headers");
        let ours = ["nodes", "timeouts", "breaker", "probe", "state"];
        let table = key.split('.').next().unwrap_or_default();
        key.is_empty() || (ours.contains(&table) && !secret)
    });
    if !problems.is_empty() {
        return Err(ConfigReport::new(problems));
    }
    let patience = std::time::Duration::from_millis(raw.timeouts.patience_ms);
    Ok(Way {
        upstream,
        file: merged.file,
        state: state.dir,
        timezone: raw.server.timezone,
        patience,
    })
}

/// The proxy that the environment wants for a URL that is in no configuration, by the rule for nodes that say nothing of one.
///
/// # Errors
/// [`ProxyFault`]: what the variable holds is no proxy.
pub fn environment_proxy(
    inputs: &Inputs,
    url: &http::Uri,
) -> Result<Option<crate::upstream::ProxySettings>, ProxyFault> {
    use ferry_rules::egress::Way;
    match layers::egress::wanted(&inputs.proxies(), url) {
        Way::Direct | Way::Excepted(_) => Ok(None),
        Way::Through(variable) => resolve::egress::named(variable).map(Some),
    }
}

/// The rules of redaction, for whoever tries them without traffic.
#[derive(Debug)]
pub struct Policies {
    /// Compiled, with a policy for each line.
    pub rules: std::sync::Arc<crate::redaction::RuleSet>,
    /// The lines of the configuration, beside `default` and `other`.
    pub lines: Vec<String>,
    /// Where the secret of pseudonyms is.
    pub state: crate::state::Settings,
}

/// The rules of redaction alone: no secret of a node need be there.
///
/// # Errors
/// [`ConfigReport`]: the file cannot be read or parsed, or what it says of redaction, lines or the state folder is wrong.
pub fn policies(inputs: &Inputs) -> Result<Policies, ConfigReport> {
    let Shaped { mut raw, written, merged, findings } = shaped(inputs)?;
    let mut desk = desk(inputs, &written, &merged, findings);
    let (rules, state) = resolve::policies(&mut raw, &mut desk);
    let mut problems = desk.findings.problems;
    problems.retain(|problem| {
        let table = problem.key.split('.').next().unwrap_or_default();
        matches!(table, "" | "redact" | "lines" | "state")
    });
    if !problems.is_empty() {
        return Err(ConfigReport::new(problems));
    }
    Ok(Policies { rules, lines: raw.lines.into_keys().collect(), state })
}

/// All sources, merged and in the right shape; what was not is found and replaced by its default.
struct Shaped {
    raw: raw::Raw,
    written: tree::Node,
    merged: layers::Merged,
    findings: shape::Findings,
}

fn shaped(inputs: &Inputs) -> Result<Shaped, ConfigReport> {
    let document = schema::document();
    let schema = schema::Schema::root(&document);
    let mut merged = layers::merge(inputs, schema);
    if merged.broken {
        // Of a file that cannot be parsed nothing more can be said with any certainty.
        return Err(ConfigReport::new(merged.problems));
    }
    layers::hide_literals(&merged.root, schema, &mut merged.sources);
    let written = merged.root.clone();
    let mut findings = shape::check(&mut merged.root, schema, &merged.sources);
    findings.blamed.extend(merged.problems.iter().map(|problem| problem.key.clone()));
    findings.problems.splice(0..0, std::mem::take(&mut merged.problems));
    match serde_json::from_value(merged.root.to_json()) {
        Ok(raw) => Ok(Shaped { raw, written, merged, findings }),
        Err(error) => {
            findings.problems.push(Problem::error("", error.to_string()));
            Err(ConfigReport::new(findings.problems))
        }
    }
}

fn desk<'a>(
    inputs: &'a Inputs,
    written: &'a tree::Node,
    merged: &'a layers::Merged,
    findings: shape::Findings,
) -> resolve::Desk<'a> {
    resolve::Desk {
        inputs,
        root: written,
        sources: &merged.sources,
        findings,
        warnings: merged.warnings.clone(),
        files: merged.file.iter().cloned().collect(),
    }
}

#[cfg(test)]
mod tests;
