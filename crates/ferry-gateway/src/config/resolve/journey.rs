//! What the rooms are told: time zone, origins, hosts, access, lines, deadlines.

use std::collections::BTreeSet;
use std::time::Duration;

use ferry_rules::line;
use ferry_rules::timezone::{self, ZoneError};

use super::Desk;
use super::nodes::{base_url, nonstream};
use super::redact;
use super::secret::{self, Use};
use crate::config::raw::{Line, Raw};
use crate::journey::{Retry, Settings, Timeouts};
use crate::serve;

pub(super) fn settings(raw: &mut Raw, listener: &serve::Settings, desk: &mut Desk<'_>) -> Settings {
    raw.server.timezone = timezone(&raw.server.timezone, desk);
    raw.server.public_url = public_url(&raw.server.public_url, desk);
    let raw = &*raw;
    let server = &raw.server;
    Settings {
        public_url: server.public_url.clone(),
        timezone: server.timezone.clone(),
        allowed_origins: origins(&server.allowed_origins, desk),
        allowed_hosts: hosts(&server.allowed_hosts, desk),
        loopback: listener.listen.ip().to_canonical().is_loopback(),
        trusted_proxies: listener.trusted_proxies.clone(),
        access_keys: raw
            .access
            .keys
            .iter()
            .enumerate()
            .filter_map(|(index, reference)| {
                secret::secret(desk, &format!("access.keys.{index}"), reference, Use::AccessKey)
            })
            .collect(),
        requests_max: server.requests_max,
        body_bytes_max: server.body_bytes_max,
        batch_body_bytes_max: server.batch_body_bytes_max,
        answer_bytes_max: server.answer_bytes_max,
        held_bytes_max: server.held_bytes_max,
        lines: lines(raw, desk),
        nonstream: raw
            .lines
            .iter()
            .filter_map(|(name, line)| Some((name.clone(), nonstream(line.nonstream_upstream?))))
            .collect(),
        redaction: redact::rules(raw, desk),
        timeouts: timeouts(raw),
        retry: Retry {
            attempts_max: raw.retry.attempts,
            free_ratio: raw.retry.free_ratio,
            paid_ratio: raw.retry.paid_ratio,
            paid_burst: raw.retry.paid_burst,
        },
    }
}

fn timeouts(raw: &Raw) -> Timeouts {
    let timeouts = &raw.timeouts;
    Timeouts {
        write_stall: Duration::from_millis(timeouts.write_stall_ms),
        first_byte: Duration::from_millis(timeouts.first_byte_ms),
        event_gap: Duration::from_millis(timeouts.event_gap_ms),
        client_idle: Duration::from_millis(timeouts.client_idle_ms),
        stream_total: Duration::from_millis(timeouts.stream_total_ms),
        nonstream_total: Duration::from_millis(timeouts.nonstream_total_ms),
        patience: Duration::from_millis(timeouts.patience_ms),
        ping: Duration::from_millis(raw.server.ping_ms),
        early_ping: Some(Duration::from_millis(raw.server.early_ping_ms))
            .filter(|after| !after.is_zero()),
    }
}

/// The zone's name as the database spells it.
fn timezone(text: &str, desk: &mut Desk<'_>) -> String {
    if text.is_empty() {
        return String::new();
    }
    let near = match timezone::parse(text) {
        Ok(zone) => return zone.name().to_owned(),
        Err(ZoneError::Unknown { near, .. }) => near,
        Err(ZoneError::Empty) => Vec::new(),
    };
    let help = if near.is_empty() {
        "use an IANA name such as Europe/Berlin or UTC".to_owned()
    } else {
        let near: Vec<String> = near.iter().map(|name| format!("`{name}`")).collect();
        format!("did you mean {}?", near.join(" or "))
    };
    desk.error("server.timezone", format!("`{text}` is not a known time zone"), &help);
    String::new()
}

fn public_url(text: &str, desk: &mut Desk<'_>) -> String {
    if text.is_empty() {
        return String::new();
    }
    match base_url(text) {
        Ok(_) => text.trim_end_matches('/').to_owned(),
        Err((message, help)) => {
            desk.error("server.public_url", message, help);
            String::new()
        }
    }
}

fn origins(texts: &[String], desk: &mut Desk<'_>) -> Vec<String> {
    for (index, text) in texts.iter().enumerate() {
        let key = format!("server.allowed_origins.{index}");
        let bare = base_url(text).is_ok_and(|url| url.path() == "/") && !text.ends_with('/');
        if text != "*" && !bare {
            let message = format!("`{text}` is not an origin");
            desk.error(&key, message, "write scheme and host alone: https://app.example.com");
        }
    }
    texts.iter().map(|text| text.to_ascii_lowercase()).collect()
}

fn hosts(texts: &[String], desk: &mut Desk<'_>) -> Vec<String> {
    for (index, text) in texts.iter().enumerate() {
        let key = format!("server.allowed_hosts.{index}");
        let plain = !text.is_empty()
            && !text.contains(['/', '@', '?', '#', '*'])
            && text.bytes().all(|byte| byte.is_ascii_graphic());
        if !plain {
            let message = format!("`{text}` is not a host name");
            desk.error(&key, message, "write the name alone, without a scheme: ferry.internal");
        }
    }
    texts.iter().map(|text| text.to_ascii_lowercase()).collect()
}

/// Names that a header can carry and that are free.
fn lines(raw: &Raw, desk: &mut Desk<'_>) -> BTreeSet<String> {
    for (name, line) in &raw.lines {
        let key = format!("lines.{name}");
        if name == line::OTHER {
            let help = "give the line another name";
            desk.error(&key, "is the name that unknown values are counted under", help);
        } else if !line::valid_name(name) {
            let help = "1 to 64 of letters, digits, `_` and `-`: what X-Biz-Type can carry";
            desk.error(&key, "is not a name that a header can carry", help);
        }
        refuse_reserved(&key, line, desk);
    }
    raw.lines.keys().cloned().collect()
}

fn refuse_reserved(key: &str, line: &Line, desk: &mut Desk<'_>) {
    let reserved = [
        ("cache", line.cache.is_some(), "this build does not cache yet"),
        ("limits", line.limits.is_some(), "this build has no limits per line yet"),
        ("budget", line.budget.is_some(), "this build has no budgets yet"),
        ("models", line.models.is_some(), "this build does not restrict models yet"),
    ];
    for (name, present, sentence) in reserved {
        if present {
            let help =
                "take it out: an empty table is enough to tell the line apart in log and metrics";
            desk.error(&format!("{key}.{name}"), sentence, help);
        }
    }
}
