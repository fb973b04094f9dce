//! Logs and metrics: plain event structs that the rooms fill, and the one place that writes them out.
//!
//! It exists so that one event is one log line and its metrics, told once. It imports no room, never
//! waits for a disk or a pipe, and is never handed a body, a key or a redacted value.

pub mod event;
pub mod log;
pub mod metrics;
pub mod names;
mod node_families;
mod redact_families;
pub mod settings;
#[cfg(test)]
mod tests;

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use thiserror::Error;

pub use event::{NodeGauges, NoticeEvent, RedactEvent, RequestEvent, Tokens};
pub use names::{AttemptResult, Outcome, ReloadResult, RestoreResult, RetryCost, TokenClass};
pub use settings::{LogFormat, LogLevel, Settings};

use log::Log;
use metrics::Metrics;

/// The handle that every room holds. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Telemetry {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    metrics: Metrics,
    log: Log,
}

/// Why telemetry cannot start.
#[derive(Debug, Error)]
pub enum TelemetryError {
    /// The log file cannot be opened for appending.
    #[error("open the log file {}", .path.display())]
    LogFile {
        /// As configured.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The system gives no thread for the writer.
    #[error("start the log writer")]
    Writer(#[source] io::Error),
}

impl Telemetry {
    /// Opens the log and prepares a series for every line and node, so that rates start from 0.
    ///
    /// # Errors
    /// [`TelemetryError`] when the log file cannot be opened or the writer's thread not started.
    pub fn new(
        settings: Settings,
        lines: &[Arc<str>],
        nodes: &[Arc<str>],
    ) -> Result<Self, TelemetryError> {
        let log = Log::open(settings)?;
        let metrics = Metrics::new(log.dropped());
        metrics.know(lines, nodes);
        Ok(Self { shared: Arc::new(Shared { metrics, log }) })
    }

    /// Adds the lines and nodes of a new configuration. Names that are gone keep their series.
    pub fn know(&self, lines: &[Arc<str>], nodes: &[Arc<str>]) {
        self.shared.metrics.know(lines, nodes);
    }

    /// A request is over: its metrics and its log line.
    pub fn settled(&self, event: &RequestEvent) {
        self.shared.metrics.settled(event);
        self.shared.log.request(event);
    }

    /// One attempt at a node is over.
    pub fn attempt(&self, node: &Arc<str>, result: AttemptResult) {
        self.shared.metrics.attempt(node, result);
    }

    /// How a node is doing: told when the page is asked for.
    pub fn node_gauges(&self, gauges: &NodeGauges) {
        self.shared.metrics.node_gauges(gauges);
    }

    /// A request is tried again.
    pub fn retried(&self, cost: RetryCost) {
        self.shared.metrics.retried(cost);
    }

    /// A retry was due, and the budget of all requests had none left.
    pub fn retry_refused(&self) {
        self.shared.metrics.retry_refused();
    }

    /// Sensitive values were found in a request of this line.
    pub fn redacted(&self, line: &Arc<str>, event: &RedactEvent) {
        self.shared.metrics.redacted(line, event);
    }

    /// Sensitive values that a model wrote by itself were found in an answer to this line.
    pub fn answer_redacted(&self, line: &Arc<str>, event: &RedactEvent) {
        self.shared.metrics.answer_redacted(line, event);
    }

    /// So much of an answer to this line was to be looked through and could not be.
    pub fn answers_unread(&self, line: &Arc<str>, count: u64) {
        self.shared.metrics.answers_unread(line, count);
    }

    /// So many pseudonyms stood in an answer to this line.
    pub fn restored(&self, line: &Arc<str>, result: RestoreResult, count: u64) {
        self.shared.metrics.restored(line, result, count);
    }

    /// A change of state that an operator reads.
    pub fn notice(&self, event: &NoticeEvent) {
        self.shared.log.notice(event);
    }

    /// A request's head was accepted. Pairs with [`Self::request_ended`].
    pub fn request_began(&self) {
        self.shared.metrics.requests_in_flight(1);
    }

    /// The last byte of a request's answer is out, or its client has gone.
    pub fn request_ended(&self) {
        self.shared.metrics.requests_in_flight(-1);
    }

    /// A client's connection was accepted. Pairs with [`Self::connection_closed`].
    pub fn connection_opened(&self) {
        self.shared.metrics.connections(1);
    }

    /// A client's connection has gone.
    pub fn connection_closed(&self) {
        self.shared.metrics.connections(-1);
    }

    /// Held bodies and answers grew (or, negative, shrank) by so many bytes.
    pub fn held_bytes(&self, delta: i64) {
        self.shared.metrics.held_bytes(delta);
    }

    /// A configuration was read again.
    pub fn config_reloaded(&self, result: ReloadResult) {
        self.shared.metrics.config_reloaded(result);
    }

    /// A request ended in a panic.
    pub fn panicked(&self) {
        self.shared.metrics.panicked();
    }

    /// The metrics page, in `OpenMetrics` text.
    pub fn render(&self) -> String {
        self.shared.metrics.render()
    }

    /// Opens the log file again, as after a rotation. Returns at once; the writer does it next.
    pub fn reopen(&self) {
        self.shared.log.reopen();
    }

    /// Waits until what was logged so far is written, at most `bound`. `false`: time ran out.
    /// Blocks the calling thread, so it belongs at the very end of a process.
    pub fn flush(&self, bound: Duration) -> bool {
        self.shared.log.flush(bound)
    }
}
