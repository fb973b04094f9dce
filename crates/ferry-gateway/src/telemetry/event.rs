//! What there is to tell: one struct per settled request, one per change of state.
//!
//! The rooms fill these with facts; form and destination are the log's affair. There is no field for
//! a body, a header value or a key, and a tenant comes as the short hash that the state makes of it.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use super::names::Outcome;
use super::settings::LogLevel;

/// How a node is doing at this moment, for the gauges.
#[derive(Debug, Clone)]
pub struct NodeGauges {
    /// Its name.
    pub node: Arc<str>,
    /// 0 closed, 1 half-open, 2 open.
    pub breaker: i64,
    /// The round trip to it, in seconds; 0 while it is not known.
    pub round_trip: f64,
    /// Requests written to it whose answer has not ended.
    pub in_flight: i64,
    /// Connections that are ready.
    pub connections: i64,
    /// Connections that were ever opened.
    pub opened: i64,
}

/// Sensitive values of one type in one request, and what was done about them.
#[derive(Debug, Clone)]
pub struct RedactEvent {
    /// The type's name, or that of an operator's rule.
    pub kind: Arc<str>,
    /// The action's word.
    pub action: &'static str,
    /// How many.
    pub count: u64,
}

/// A request from its head to its last byte.
#[derive(Debug, Clone)]
pub struct RequestEvent {
    /// When it came, by the wall clock; written in UTC.
    pub at: SystemTime,
    /// Ferry's own id of it, as in `x-ferry-request-id`.
    pub request_id: Box<str>,
    /// `default`, or a short hash.
    pub tenant: Box<str>,
    /// The business line's name.
    pub line: Arc<str>,
    /// The HTTP method.
    pub method: http::Method,
    /// The kind of path, such as `messages`.
    pub family: &'static str,
    /// The path without its query.
    pub path: Box<str>,
    /// The status that the client saw; 0 when it left before one.
    pub status: u16,
    /// How it ended.
    pub outcome: Outcome,
    /// The node that answered.
    pub node: Option<Arc<str>>,
    /// Requests written to a node.
    pub attempts: u8,
    /// Which retry of the client's this is, as its SDK says.
    pub client_retry: u32,
    /// The model asked for.
    pub model: Option<Box<str>>,
    /// The client asked for a stream.
    pub stream: bool,
    /// From the head to the last byte out.
    pub duration: Duration,
    /// From the head to the first event out.
    pub first_event: Option<Duration>,
    /// The provider's `request-id`.
    pub upstream_request_id: Option<Box<str>>,
    /// What the provider counted.
    pub tokens: Option<Tokens>,
    /// Bytes of the request's body.
    pub bytes_in: u64,
    /// Bytes of the answer's body.
    pub bytes_out: u64,
    /// Sensitive values that were found in the request, whatever was done about them.
    pub redactions: u64,
    /// The code of Ferry's own error or hint.
    pub code: Option<&'static str>,
    /// The client's address, behind trusted proxies.
    pub client: IpAddr,
}

impl RequestEvent {
    /// How much of a reader's attention it asks for.
    pub fn level(&self) -> LogLevel {
        match self.outcome {
            Outcome::Ok | Outcome::ClientError | Outcome::Refused | Outcome::HangUp => {
                LogLevel::Info
            }
            Outcome::UpstreamError | Outcome::NodeFailed | Outcome::Cut => LogLevel::Warn,
            Outcome::Panic => LogLevel::Error,
        }
    }
}

/// Tokens of one answer, in the provider's five classes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tokens {
    /// Read afresh.
    pub input: u64,
    /// Written by the model.
    pub output: u64,
    /// Read from the prompt cache.
    pub cache_read: u64,
    /// Written to the prompt cache for five minutes.
    pub cache_write_5m: u64,
    /// Written to the prompt cache for an hour.
    pub cache_write_1h: u64,
    /// The answer was interrupted: these are the last figures seen, and there may be more.
    pub lower_bound: bool,
}

/// A change of state: listening, reloaded, a node unreachable, draining.
#[derive(Debug, Clone)]
pub struct NoticeEvent {
    /// When, by the wall clock.
    pub at: SystemTime,
    /// How much of a reader's attention it asks for.
    pub level: LogLevel,
    /// A stable name in `snake_case`, such as `listening`.
    pub name: &'static str,
    /// Facts, in the order in which they are written.
    pub fields: Vec<(&'static str, String)>,
}

impl NoticeEvent {
    /// A notice without facts yet.
    pub fn new(at: SystemTime, level: LogLevel, name: &'static str) -> Self {
        Self { at, level, name, fields: Vec::new() }
    }

    /// Adds a fact.
    #[must_use]
    pub fn with(mut self, key: &'static str, value: impl Into<String>) -> Self {
        self.fields.push((key, value.into()));
        self
    }
}
