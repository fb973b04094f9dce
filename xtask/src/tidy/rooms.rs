//! Rules about the rooms of the journey: who may name whom, who builds responses, who imports config.

use super::source::{line_of, words};
use super::{Finding, Source, Tree};

const GATEWAY: &str = "crates/ferry-gateway/src/";
const JOURNEY: &str = "crates/ferry-gateway/src/journey/";
/// The rooms, in the order a request goes through them. `journey.rs` must say the same.
const ROOMS: [&str; 11] = [
    "accept", "identify", "admit", "read", "reserve", "redact", "cache", "route", "attempt",
    "relay", "settle",
];
/// What is no room: what lives through all of them, the door for errors, what they are told, and their timer.
const THROUGH: [&str; 10] = [
    "answer",
    "passage",
    "flight",
    "refuse",
    "settings",
    "snapshot",
    "deadline",
    "pieces",
    "decode",
    "request_id",
];
/// The one call between rooms: the loop in `attempt` asks `route` for the next node.
const CALLS: (&str, &str) = ("attempt", "route");

/// The room, or the thing that goes through all rooms, that a file under journey/ belongs to.
fn room_of(source: &Source) -> Option<&str> {
    let rest = source.path.strip_prefix(JOURNEY)?;
    rest.split(['/', '.']).next()
}

pub(super) fn look_back(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for source in tree.under(JOURNEY) {
        let Some(here) = room_of(source) else { continue };
        if THROUGH.contains(&here) || source.path.ends_with("/tests.rs") {
            continue;
        }
        let Some(place) = ROOMS.iter().position(|room| *room == here) else {
            let what = format!("`{here}` is neither a room nor goes through all of them");
            findings.push(Finding::new(&source.path, 0, what));
            continue;
        };
        for named in mentions(&source.code) {
            let line = line_of(&source.code, named.at);
            match ROOMS.iter().position(|room| *room == named.room) {
                Some(other) if other > place => {
                    let what = format!("`{here}` names the later room `{}`", named.room);
                    findings.push(Finding::new(&source.path, line, what));
                }
                Some(other) if other < place && !named.is_type && CALLS != (here, &named.room) => {
                    let what = format!("`{here}` takes more than a type from `{}`", named.room);
                    findings.push(Finding::new(&source.path, line, what));
                }
                _ => {}
            }
        }
    }
    findings
}

/// A room that is named in a path.
#[derive(Debug, PartialEq, Eq)]
struct Named {
    room: String,
    at: usize,
    /// All that is taken from it begins with a capital letter.
    is_type: bool,
}

/// Every `super::ROOM::...` and `journey::ROOM::...`, inside braces too.
fn mentions(code: &str) -> Vec<Named> {
    let mut found = Vec::new();
    for prefix in ["super::", "journey::"] {
        for at in words(code, prefix) {
            let start = at + prefix.len();
            let rest = code.get(start..).unwrap_or_default();
            for (offset, item) in members(rest) {
                let (room, taken) = item.split_once("::").unwrap_or((item, ""));
                let room: String =
                    room.trim().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
                let is_type = members(taken).iter().all(|(_, name)| starts_with_capital(name));
                found.push(Named {
                    room,
                    at: start + offset,
                    is_type: is_type && !taken.is_empty(),
                });
            }
        }
    }
    found
}

fn starts_with_capital(name: &str) -> bool {
    name.trim().starts_with(|c: char| c.is_ascii_uppercase())
}

/// The members of a path's continuation: those of a brace group, else the one path itself.
fn members(rest: &str) -> Vec<(usize, &str)> {
    let lead = rest.len() - rest.trim_start().len();
    let rest = rest.trim_start();
    let Some(inside) = rest.strip_prefix('{') else {
        let end = rest.find(|c: char| !(c.is_alphanumeric() || "_:{".contains(c)));
        let mut end = end.unwrap_or(rest.len());
        if let Some(brace) = rest.get(..end).and_then(|path| path.find('{')) {
            end = brace + rest.get(brace..).map_or(0, group_end);
        }
        return vec![(lead, rest.get(..end).unwrap_or_default())];
    };
    let mut items = Vec::new();
    let (mut depth, mut from) = (0_usize, 0_usize);
    for (at, byte) in inside.bytes().enumerate() {
        let ends = depth == 0 && matches!(byte, b',' | b'}');
        if ends {
            let item = inside.get(from..at).unwrap_or_default();
            if !item.trim().is_empty() {
                items.push((lead + 1 + from, item.trim()));
            }
            from = at + 1;
        }
        match byte {
            b'{' => depth += 1,
            b'}' if depth == 0 => break,
            b'}' => depth -= 1,
            _ => {}
        }
    }
    items
}

/// The length of a brace group that begins here.
fn group_end(rest: &str) -> usize {
    let mut depth = 0_usize;
    for (at, byte) in rest.bytes().enumerate() {
        match byte {
            b'{' => depth += 1,
            b'}' if depth == 1 => return at + 1,
            b'}' => depth -= 1,
            _ => {}
        }
    }
    rest.len()
}

pub(super) fn no_config(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for source in tree.under(GATEWAY) {
        let file = source.path.strip_prefix(GATEWAY).unwrap_or_default();
        let may = ["run.rs", "run/", "config.rs", "config/"];
        if may.iter().any(|part| file.starts_with(part)) {
            continue;
        }
        for (at, module) in super::graph::references(&source.code) {
            if module == "config" {
                let line = line_of(&source.code, at);
                findings.push(Finding::new(&source.path, line, "imports config"));
            }
        }
    }
    findings
}

pub(super) fn telemetry(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for source in tree.under("crates/ferry-gateway/src/telemetry") {
        for (at, module) in super::graph::references(&source.code) {
            if module == "journey" {
                let line = line_of(&source.code, at);
                findings.push(Finding::new(&source.path, line, "imports the journey"));
            }
        }
    }
    findings
}

/// Statuses of refusals, as the `http` crate names them.
const REFUSALS: [&str; 16] = [
    "BAD_REQUEST",
    "UNAUTHORIZED",
    "FORBIDDEN",
    "NOT_FOUND",
    "METHOD_NOT_ALLOWED",
    "REQUEST_TIMEOUT",
    "CONFLICT",
    "LENGTH_REQUIRED",
    "PAYLOAD_TOO_LARGE",
    "URI_TOO_LONG",
    "EXPECTATION_FAILED",
    "TOO_MANY_REQUESTS",
    "INTERNAL_SERVER_ERROR",
    "BAD_GATEWAY",
    "SERVICE_UNAVAILABLE",
    "GATEWAY_TIMEOUT",
];

pub(super) fn one_refuse(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for source in tree.under(GATEWAY) {
        let file = source.path.strip_prefix(GATEWAY).unwrap_or_default();
        // The admin port answers people and probes, not clients of the API.
        if file.starts_with("journey/refuse") || file.starts_with("admin") {
            continue;
        }
        let tight: String = source.code.split_whitespace().collect();
        for status in REFUSALS {
            let makes = [".status(StatusCode::", "status_mut()=StatusCode::"];
            if makes.iter().any(|make| tight.contains(&format!("{make}{status}"))) {
                let at = words(&source.code, status).next().unwrap_or_default();
                let what = format!("answers {status} by itself");
                findings.push(Finding::new(&source.path, line_of(&source.code, at), what));
            }
        }
        let strings: String = source.strings.split_whitespace().collect();
        if strings.replace('\\', "").contains("\"type\":\"error\"") {
            findings.push(Finding::new(&source.path, 0, "writes the error shape by itself"));
        }
    }
    findings
}
