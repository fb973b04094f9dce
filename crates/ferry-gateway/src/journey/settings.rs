//! What the rooms are told: bounds of bodies and answers, deadlines, business lines, who may call.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use ipnet::IpNet;
use secrecy::SecretString;

use crate::redaction::RuleSet;
use crate::upstream::Nonstream;

/// Resolved settings of the journey.
#[derive(Debug, Clone)]
pub struct Settings {
    /// How clients reach Ferry when something stands in front (no trailing slash). Empty: taken from the request's Host.
    pub public_url: String,
    /// IANA zone stamped upstream as `X-Claude-Timezone`, and the day of budgets and reports. Empty: no header, UTC days.
    pub timezone: String,
    /// Origins that browsers may call from (`https://app.example.com`), or `*`. Empty: any `Origin` is refused.
    pub allowed_origins: Vec<String>,
    /// Names accepted in `Host` on a loopback bind beside localhost and loopback addresses.
    pub allowed_hosts: Vec<String>,
    /// True when the data listener is on a loopback address: `Host` is then checked.
    pub loopback: bool,
    /// Whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<IpNet>,
    /// Keys of Ferry's own (`fry-...`), one of which a caller must show. Empty: no access control.
    pub access_keys: Vec<SecretString>,
    /// Requests in flight at once; one more is answered 529.
    pub requests_max: usize,
    /// The largest Messages-shaped body, in bytes.
    pub body_bytes_max: u64,
    /// The largest batch body, and the largest upload that is looked through, in bytes.
    pub batch_body_bytes_max: u64,
    /// The largest non-streaming answer that is held whole before its head goes out, in bytes.
    pub answer_bytes_max: u64,
    /// Bytes of all held bodies and answers together; above it new bodies are answered 529.
    pub held_bytes_max: u64,
    /// Business lines by name (`X-Biz-Type`); a value that is not listed counts as `other`.
    pub lines: BTreeSet<String>,
    /// Every deadline of one request.
    pub timeouts: Timeouts,
    /// How a call that is no stream travels, of lines that say so; else the node's word counts.
    pub nonstream: BTreeMap<String, Nonstream>,
    /// How often a request is tried.
    pub retry: Retry,
    /// What is looked for in requests, and what is done about it.
    pub redaction: Arc<RuleSet>,
}

/// How often requests are tried.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Retry {
    /// Requests written to a node, the first one included; 1 to 10.
    pub attempts_max: u32,
    /// Retries of what was provably not billed, as a share of requests, 0 to 1.
    pub free_ratio: f64,
    /// Retries of what may have been billed, as a share of requests, 0 to 1.
    pub paid_ratio: f64,
    /// Paid retries that are saved up at most.
    pub paid_burst: u32,
}

/// Deadlines, each its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts {
    /// A node that takes none of the request's bytes for this long is given up.
    pub write_stall: Duration,
    /// From the request's last byte to the first byte of a stream's answer.
    pub first_byte: Duration,
    /// Between two reads of a stream.
    pub event_gap: Duration,
    /// Between two reads of a client's body.
    pub client_idle: Duration,
    /// A whole stream.
    pub stream_total: Duration,
    /// A whole non-streaming call.
    pub nonstream_total: Duration,
    /// How long a request may wait for a usable node.
    pub patience: Duration,
    /// A `ping` goes to the client after this much silence in a stream that has begun.
    pub ping: Duration,
    /// A `ping` before the first upstream byte after this long; the 200 is then committed. `None`: off.
    pub early_ping: Option<Duration>,
}
