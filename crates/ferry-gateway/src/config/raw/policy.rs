//! `[breaker]`, `[retry]`, `[probe]`, `[cache]` and `[lines]` as written.
//!
//! Their names are stable already, so a file written today stays valid. What this build cannot do
//! is refused when asked for, never silently left out.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::redact::LineRedact;

/// `[breaker]`.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Breaker {
    /// Share of attempts that may fail before a node's breaker opens. 0.05 is 5 %.
    #[schemars(range(min = 0.001, max = 1.0))]
    pub(crate) error_rate: f64,
    /// Attempts in the window below which the share is not judged: one failure of three is no rate.
    #[schemars(range(min = 1, max = 100_000))]
    pub(crate) min_attempts: u32,
    /// Window over which failures are counted, in seconds.
    #[schemars(range(min = 1, max = 3_600))]
    pub(crate) window_s: u64,
    /// First pause of an open breaker, in seconds; doubles up to `open_max_s`.
    #[schemars(range(min = 1, max = 3_600))]
    pub(crate) open_s: u64,
    /// Longest pause of an open breaker, in seconds.
    #[schemars(range(min = 1, max = 86_400))]
    pub(crate) open_max_s: u64,
}

impl Default for Breaker {
    fn default() -> Self {
        Self { error_rate: 0.05, min_attempts: 20, window_s: 30, open_s: 5, open_max_s: 60 }
    }
}

/// `[retry]`.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Retry {
    /// Requests written to a node, the first one included; connects do not count.
    #[schemars(range(min = 1, max = 10))]
    pub(crate) attempts: u32,
    /// Retries of what was written and provably not billed, as a share of all requests; three a second are always free. 0.2 is 20 %.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub(crate) free_ratio: f64,
    /// Retries of what may have been billed, as a share of all requests. 0.02 is 2 %.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub(crate) paid_ratio: f64,
    /// Retries of what may have been billed that are saved up at most, and there at the start; one comes back every 30 s however few requests there are.
    #[schemars(range(min = 0, max = 1_000))]
    pub(crate) paid_burst: u32,
}

impl Default for Retry {
    fn default() -> Self {
        Self { attempts: 3, free_ratio: 0.2, paid_ratio: 0.02, paid_burst: 20 }
    }
}

/// `[probe]`.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Probe {
    /// How often every address of a node is measured, in seconds, give or take a fifth: one connect, nothing is asked. 0: never.
    #[schemars(range(min = 0, max = 86_400))]
    pub(crate) interval_s: u64,
    /// Connections kept ready to the node in use while requests come; half as many to the next one. 0: none.
    #[schemars(range(min = 0, max = 64))]
    pub(crate) warm_connections: usize,
}

impl Default for Probe {
    fn default() -> Self {
        Self { interval_s: 30, warm_connections: 2 }
    }
}

/// `nodes.nonstream_upstream` and `lines.NAME.nonstream_upstream`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Nonstream {
    #[default]
    Pass,
    Stream,
}

/// `[cache]`.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Cache {
    /// Remembers frequent answers. This build does not: `true` is refused.
    pub(crate) enabled: bool,
    /// Answers kept.
    #[schemars(range(min = 1, max = 10_000_000))]
    pub(crate) entries: u64,
    /// Bytes of all kept answers.
    #[schemars(range(min = 1_024, max = 1_099_511_627_776_i64))]
    pub(crate) bytes: u64,
    /// How long an answer is kept, in seconds.
    #[schemars(range(min = 1, max = 31_536_000))]
    pub(crate) ttl_s: u64,
}

impl Default for Cache {
    fn default() -> Self {
        // 64 MiB are a thousand answers of 64 KB, well above a usual one.
        Self { enabled: false, entries: 1_000, bytes: 67_108_864, ttl_s: 300 }
    }
}

/// One `[lines.NAME]` table.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Line {
    /// How a call that is no stream travels upstream, in place of what the node says: `pass` as it is, `stream` as a stream that Ferry assembles.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) nonstream_upstream: Option<Nonstream>,
    /// Redaction of this line: it may be tighter than `[redact]` says, never looser.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) redact: Option<LineRedact>,
    /// Answer cache of this line. Reserved: this build refuses it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) cache: Option<Reserved>,
    /// Rate and concurrency of this line. Reserved: this build refuses it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) limits: Option<Reserved>,
    /// Money that this line may spend. Reserved: this build refuses it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) budget: Option<Reserved>,
    /// Models of this line. Reserved: this build refuses it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) models: Option<Reserved>,
}

/// A value whose form is not settled yet.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Reserved(serde_json::Value);
