//! Every metric's name and every label value that is not a line or a node, in one place.
//!
//! A dashboard and an alert rule hang on these words: changing one is a breaking change. Ids, keys,
//! models and paths are never labels.

use prometheus_client::encoding::{EncodeLabelValue, LabelValueEncoder};

/// The prefix of every name.
pub const PREFIX: &str = "ferry";
/// Requests settled, by line, node and outcome.
pub const REQUESTS: &str = "requests";
/// From a request's head to the last byte of its answer.
pub const REQUEST_DURATION_SECONDS: &str = "request_duration_seconds";
/// From a request's head to the first event of its answer.
pub const FIRST_EVENT_SECONDS: &str = "first_event_seconds";
/// Tokens by line and class.
pub const TOKENS: &str = "tokens";
/// Attempts by node and result.
pub const ATTEMPTS: &str = "attempts";
/// Where a node's breaker stands: 0 closed, 1 half-open, 2 open.
pub const NODE_BREAKER: &str = "node_breaker";
/// The round trip to a node, smoothed; 0 while it is not known.
pub const NODE_ROUND_TRIP_SECONDS: &str = "node_round_trip_seconds";
/// Requests written to a node whose answer has not ended.
pub const NODE_IN_FLIGHT: &str = "node_in_flight";
/// Connections to a node that are ready: idle HTTP/1.1 ones and shared HTTP/2 ones.
pub const NODE_CONNECTIONS: &str = "node_connections";
/// Connections to a node that were ever opened.
pub const NODE_CONNECTIONS_OPENED: &str = "node_connections_opened";
/// Retries by what they cost: nothing, or perhaps a second answer.
pub const RETRIES: &str = "retries";
/// Retries that were due and not made, since the budget of all requests was spent.
pub const RETRIES_REFUSED: &str = "retries_refused";
/// Sensitive values found, by line, type and action.
pub const REDACTIONS: &str = "redactions";
/// Sensitive values that models wrote by themselves, by line, type and action.
pub const ANSWER_REDACTIONS: &str = "answer_redactions";
/// Answers, or single events of one, that were to be looked through and could not be, by line.
pub const ANSWERS_UNREAD: &str = "answers_unread";
/// Pseudonyms that stood in answers, by line and what became of them.
pub const RESTORATIONS: &str = "restorations";
/// Requests between head and last byte.
pub const REQUESTS_IN_FLIGHT: &str = "requests_in_flight";
/// Bytes of bodies and answers held in memory.
pub const HELD_BYTES: &str = "held_bytes";
/// Client connections open.
pub const CONNECTIONS: &str = "connections";
/// Log lines that found the queue full or could not be written.
pub const LOG_LINES_DROPPED: &str = "log_lines_dropped";
/// Configurations read again, by result.
pub const CONFIG_RELOADS: &str = "config_reloads";
/// Requests that ended in a panic.
pub const PANICS: &str = "panics";
/// A constant 1 with the version as a label.
pub const BUILD: &str = "build";

/// The node label of a request that reached none.
pub const NODE_NONE: &str = "none";

/// Derives the text of a label from `as_str`, so that logs and metrics say the same word.
macro_rules! label_value {
    ($name:ident) => {
        impl EncodeLabelValue for $name {
            fn encode(&self, encoder: &mut LabelValueEncoder<'_>) -> Result<(), std::fmt::Error> {
                EncodeLabelValue::encode(&self.as_str(), encoder)
            }
        }
    };
}

/// How a request ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// A whole answer of success.
    Ok,
    /// Upstream answered 4xx, other than 429: the caller's own fault.
    ClientError,
    /// Upstream answered 429 or 5xx.
    UpstreamError,
    /// No node gave an answer.
    NodeFailed,
    /// Ferry refused the request itself.
    Refused,
    /// The answer broke off after it had begun.
    Cut,
    /// The client left before the end.
    HangUp,
    /// A bug of Ferry's ended the request.
    Panic,
}

impl Outcome {
    /// All of them, in the order of the documentation.
    pub const ALL: [Self; 8] = [
        Self::Ok,
        Self::ClientError,
        Self::UpstreamError,
        Self::NodeFailed,
        Self::Refused,
        Self::Cut,
        Self::HangUp,
        Self::Panic,
    ];

    /// The word in logs and labels.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::ClientError => "client_error",
            Self::UpstreamError => "upstream_error",
            Self::NodeFailed => "node_failed",
            Self::Refused => "refused",
            Self::Cut => "cut",
            Self::HangUp => "hang_up",
            Self::Panic => "panic",
        }
    }
}
label_value!(Outcome);

/// What became of a pseudonym in an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RestoreResult {
    /// It was turned back into the value.
    Restored,
    /// It stands for nothing that the request held, and was left as it is.
    Unknown,
}

impl RestoreResult {
    /// The word in labels.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Restored => "restored",
            Self::Unknown => "unknown",
        }
    }
}
label_value!(RestoreResult);

/// How one attempt at a node ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AttemptResult {
    /// A whole answer, of whatever 2xx or 3xx status.
    Ok,
    /// A 4xx other than 429.
    ClientError,
    /// A 429.
    RateLimited,
    /// A 5xx, 529 included.
    UpstreamError,
    /// No TCP connection.
    ConnectFailed,
    /// No TLS session.
    TlsFailed,
    /// Given back unwritten.
    NotWritten,
    /// A kept-alive connection was dead.
    Stale,
    /// Written, then lost before the answer.
    Lost,
    /// Written, then silent for too long.
    TimedOut,
    /// An answer that is none, such as an HTML page with status 200.
    BadAnswer,
    /// The answer broke off.
    Cut,
    /// Ferry let go because the last client had left.
    Cancelled,
}

impl AttemptResult {
    /// All of them, in the order of the documentation.
    pub const ALL: [Self; 13] = [
        Self::Ok,
        Self::ClientError,
        Self::RateLimited,
        Self::UpstreamError,
        Self::ConnectFailed,
        Self::TlsFailed,
        Self::NotWritten,
        Self::Stale,
        Self::Lost,
        Self::TimedOut,
        Self::BadAnswer,
        Self::Cut,
        Self::Cancelled,
    ];

    /// What an answer of this status is.
    pub fn of(status: u16) -> Self {
        match status {
            0..=399 => Self::Ok,
            429 => Self::RateLimited,
            500.. => Self::UpstreamError,
            _ => Self::ClientError,
        }
    }

    /// The word in logs and labels.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::ClientError => "client_error",
            Self::RateLimited => "rate_limited",
            Self::UpstreamError => "upstream_error",
            Self::ConnectFailed => "connect_failed",
            Self::TlsFailed => "tls_failed",
            Self::NotWritten => "not_written",
            Self::Stale => "stale",
            Self::Lost => "lost",
            Self::TimedOut => "timed_out",
            Self::BadAnswer => "bad_answer",
            Self::Cut => "cut",
            Self::Cancelled => "cancelled",
        }
    }
}
label_value!(AttemptResult);

/// What a retry costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RetryCost {
    /// Nothing can have been billed.
    Free,
    /// It may be billed twice.
    Paid,
}

impl RetryCost {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Free, Self::Paid];

    /// The word in labels.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Free => "free",
            Self::Paid => "paid",
        }
    }
}
label_value!(RetryCost);

/// The five classes in which the API counts tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TokenClass {
    /// Read afresh.
    Input,
    /// Written by the model.
    Output,
    /// Read from the prompt cache.
    CacheRead,
    /// Written to the prompt cache for five minutes.
    CacheWrite5m,
    /// Written to the prompt cache for an hour.
    CacheWrite1h,
}

impl TokenClass {
    /// The word in logs and labels.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Input => "input",
            Self::Output => "output",
            Self::CacheRead => "cache_read",
            Self::CacheWrite5m => "cache_write_5m",
            Self::CacheWrite1h => "cache_write_1h",
        }
    }
}
label_value!(TokenClass);

/// What became of a configuration that was read again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ReloadResult {
    /// It is in force, as far as it needs no restart.
    Applied,
    /// It is broken; the old one stays.
    Rejected,
}

impl ReloadResult {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Applied, Self::Rejected];

    /// The word in logs and labels.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Applied => "applied",
            Self::Rejected => "rejected",
        }
    }
}
label_value!(ReloadResult);
