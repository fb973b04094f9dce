//! What telemetry is told: where log lines go, in which form, and the labels that may occur.

use std::path::PathBuf;

/// Resolved settings of logs and metrics.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// One JSON object or one line of text per event.
    pub format: LogFormat,
    /// Where lines go; `None` is standard error.
    pub file: Option<PathBuf>,
    /// The least important level that is written.
    pub level: LogLevel,
    /// Lines waiting for a slow disk or pipe; more are dropped and counted.
    pub queue_lines: usize,
}

/// How a line looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// `key=value`, for people.
    Text,
    /// One JSON object, for machines.
    Json,
}

/// What a level asks of the reader: error = page someone, warn = look next, info = a state change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum LogLevel {
    /// Everything, for a bug hunt.
    Debug,
    /// One line per request and per change of state.
    Info,
    /// What someone should look at next.
    Warn,
    /// What someone should be woken for.
    Error,
}
