//! From the configuration as written to settings that can be used: parse, don't validate.
//!
//! Collects every problem instead of stopping at the first. Opens no socket and asks no network.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use ferry_rules::exposure::{self, Exposure, Plan};

use super::env::Inputs;
use super::place::{Place, Sources};
use super::raw::{self, Raw};
use super::report::Problem;
use super::resolved::Resolved;
use super::shape::Findings;
use super::tree::Node;
use crate::{admin, state, telemetry};

pub(super) mod egress;
mod journey;
mod nodes;
mod redact;
mod secret;
mod serve;

/// What the stage works with: the places of values, and what it has found so far.
pub(crate) struct Desk<'a> {
    pub(crate) inputs: &'a Inputs,
    pub(crate) root: &'a Node,
    pub(crate) sources: &'a Sources,
    /// The file's folder, where its relative paths start.
    pub(crate) findings: Findings,
    pub(crate) warnings: Vec<Problem>,
    /// Files that were read or will be, for the watcher.
    pub(crate) files: Vec<PathBuf>,
}

/// Builds all settings. What is wrong goes to the desk, and a harmless value stands in for it; what
/// was mended is written back, so that `show` tells the truth.
pub(crate) fn resolve(raw: &mut Raw, desk: &mut Desk<'_>) -> Resolved {
    if raw.config_version != 1 {
        desk.error(
            "config_version",
            format!("is {}, and this Ferry reads version 1", raw.config_version),
            "use a Ferry that knows that version, or write the file in version 1",
        );
    }
    let serve = serve::settings(raw, desk);
    let admin = admin::Settings { listen: serve::admin_listen(raw, serve.listen, desk) };
    let upstream = nodes::settings(raw, desk);
    let journey = journey::settings(raw, &serve, desk);
    let plan = Plan {
        listen: serve.listen,
        admin_listen: admin.listen,
        node_key: upstream.nodes.iter().any(|node| !node.keys.is_empty()),
        access_key: !raw.access.keys.is_empty(),
        admin_login: false,
    };
    refuse_exposure(&plan, desk);
    refuse_keyless(&upstream, plan.access_key, desk);
    refuse_what_is_not_built(raw, desk);
    Resolved {
        serve,
        upstream,
        journey,
        telemetry: telemetry(raw, desk),
        admin,
        state: state(raw, desk),
    }
}

/// The admin port's address, apart from all else.
pub(crate) fn admin_listen(raw: &Raw, desk: &mut Desk<'_>) -> SocketAddr {
    serve::address("server.admin_listen", &raw.server.admin_listen, desk)
}

/// The way to the nodes and the state folder, apart from all else.
pub(crate) fn way(
    raw: &mut Raw,
    desk: &mut Desk<'_>,
) -> (crate::upstream::Settings, state::Settings) {
    (nodes::settings(raw, desk), state(raw, desk))
}

/// The rules of redaction and the state folder, apart from all else.
pub(crate) fn policies(
    raw: &mut Raw,
    desk: &mut Desk<'_>,
) -> (std::sync::Arc<crate::redaction::RuleSet>, state::Settings) {
    (redact::rules(raw, desk), state(raw, desk))
}

/// Both ports are judged, so that both mends are named in one run.
fn refuse_exposure(plan: &Plan, desk: &mut Desk<'_>) {
    let without_purse = Plan { node_key: false, ..*plan };
    for plan in [plan, &without_purse] {
        match exposure::check(plan) {
            Ok(()) => {}
            Err(Exposure::OpenPurse(_)) => desk.error(
                "server.listen",
                "is reachable from other machines, a node has a key, and no caller is asked for one: \
                 everybody on the network could spend it",
                "set access.keys, or listen on 127.0.0.1, or take the keys out of the nodes so that \
                 callers bring their own",
            ),
            Err(Exposure::OpenAdmin(_)) => desk.error(
                "server.admin_listen",
                "is reachable from other machines, and the admin side has no login yet",
                "use 127.0.0.1 or [::1], and a tunnel or a proxy with a login of its own in front",
            ),
        }
    }
}

/// A caller that shows an access key has shown Ferry's own, which goes no further: a node without a key
/// could only answer 401.
fn refuse_keyless(upstream: &crate::upstream::Settings, access_key: bool, desk: &mut Desk<'_>) {
    for (index, node) in upstream.nodes.iter().enumerate() {
        if access_key && node.keys.is_empty() {
            desk.error(
                &format!("nodes.{index}.key"),
                "is missing, and callers show access.keys, which are never passed on",
                "give the node a key of its own, or take access.keys out so that callers bring theirs",
            );
        }
    }
}

fn telemetry(raw: &Raw, desk: &Desk<'_>) -> telemetry::Settings {
    telemetry::Settings {
        format: match raw.log.format {
            raw::Format::Text => telemetry::LogFormat::Text,
            raw::Format::Json => telemetry::LogFormat::Json,
        },
        file: Some(&raw.log.file)
            .filter(|file| !file.is_empty())
            .map(|file| desk.path("log.file", file)),
        level: match raw.log.level {
            raw::Level::Debug => telemetry::LogLevel::Debug,
            raw::Level::Info => telemetry::LogLevel::Info,
            raw::Level::Warn => telemetry::LogLevel::Warn,
            raw::Level::Error => telemetry::LogLevel::Error,
        },
        queue_lines: raw.log.queue_lines,
    }
}

fn state(raw: &mut Raw, desk: &mut Desk<'_>) -> state::Settings {
    let dir = raw.state.dir.clone();
    if dir.is_empty() {
        desk.error("state.dir", "is empty", "name a folder that Ferry may write to");
    } else if dir.starts_with('~') && desk.inputs.home.is_none() {
        desk.error("state.dir", "names a home folder, and there is none", "name a whole path");
    }
    let dir = desk.path("state.dir", &dir);
    raw.state.dir = dir.display().to_string();
    state::Settings { dir }
}

/// Asking for protection and silently not getting it would be a leak, so it is an error.
fn refuse_what_is_not_built(raw: &Raw, desk: &mut Desk<'_>) {
    if raw.cache.enabled {
        desk.error(
            "cache.enabled",
            "this build does not cache yet; every request goes upstream and is billed",
            "set it to false",
        );
    }
}

impl Desk<'_> {
    /// Reports a problem, unless the key is already known to be wrong.
    pub(crate) fn error(&mut self, key: &str, message: impl Into<String>, help: &str) {
        if self.findings.blamed.contains(key) {
            return;
        }
        let problem = Problem::error(key, message).with_help(help).at(self.locate(key));
        self.findings.push(problem);
    }

    /// Notes what Ferry starts with all the same.
    pub(crate) fn warn(&mut self, key: &str, message: impl Into<String>, help: &str) {
        if self.findings.blamed.contains(key) {
            return;
        }
        let warning = Problem::warning(key, message).with_help(help).at(self.locate(key));
        self.warnings.push(warning);
    }

    fn locate(&self, key: &str) -> Option<super::place::Location> {
        self.sources.locate(self.root.place(key))
    }

    /// A path as the system wants it: `~` expanded, relative ones from the folder of the file they
    /// stand in, or from the working directory when they stand in a variable or a flag.
    pub(crate) fn path(&self, key: &str, text: &str) -> PathBuf {
        let place: Option<&Place> = self.root.place(key);
        let path = Path::new(text);
        if let (Ok(rest), Some(home)) = (path.strip_prefix("~"), &self.inputs.home) {
            return home.join(rest);
        }
        let folder = self.sources.folder(place).unwrap_or_else(|| Path::new(""));
        self.inputs.cwd.join(folder).join(path)
    }

    /// A file that must be readable, unless the text is empty.
    pub(crate) fn readable(&mut self, key: &str, text: &str) -> Option<PathBuf> {
        if text.is_empty() {
            return None;
        }
        let path = self.path(key, text);
        if let Err(error) = std::fs::File::open(&path) {
            let message = format!("cannot read {}: {error}", path.display());
            self.error(
                key,
                message,
                "check the path, and that the user who runs Ferry may read it",
            );
        }
        self.files.push(path.clone());
        Some(path)
    }

    /// Two files that only make sense together.
    pub(crate) fn pair(
        &mut self,
        keys: (&str, &str),
        texts: (&str, &str),
    ) -> Option<(PathBuf, PathBuf)> {
        let files = (self.readable(keys.0, texts.0), self.readable(keys.1, texts.1));
        match files {
            (Some(first), Some(second)) => Some((first, second)),
            (None, None) => None,
            (Some(_), None) => {
                let message = format!("stands alone: {} is missing", keys.1);
                self.error(keys.0, message, "set both, or neither");
                None
            }
            (None, Some(_)) => {
                let message = format!("stands alone: {} is missing", keys.0);
                self.error(keys.1, message, "set both, or neither");
                None
            }
        }
    }
}
