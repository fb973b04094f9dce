//! The configuration as usable: every module's own settings, and what only the next version uses.
//!
//! Nothing here remembers how it was written.

use std::time::Duration;

use crate::{admin, journey, serve, state, telemetry, upstream};

/// All settings, each in the form of the module that uses it.
#[derive(Debug, Clone)]
pub struct Resolved {
    /// The data listener.
    pub serve: serve::Settings,
    /// The way to the nodes.
    pub upstream: upstream::Settings,
    /// The rooms of a request.
    pub journey: journey::Settings,
    /// Logs and metrics.
    pub telemetry: telemetry::Settings,
    /// The admin listener.
    pub admin: admin::Settings,
    /// The state folder.
    pub state: state::Settings,
    /// When a node is left alone; checked, and in force from the next version on.
    pub breaker: Breaker,
    /// How often a request is tried; `attempts` also stands in `journey`.
    pub retry: Retry,
}

/// `[breaker]`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Breaker {
    /// Share of attempts that may fail, 0.001 to 1.
    pub error_rate: f64,
    /// Attempts in the window below which the share is not judged.
    pub min_attempts: u32,
    /// Over which failures are counted.
    pub window: Duration,
    /// First pause.
    pub open: Duration,
    /// Longest pause, at least `open`.
    pub open_max: Duration,
}

/// `[retry]`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Retry {
    /// Requests written to a node, the first one included; 1 to 10.
    pub attempts: u32,
    /// Retries that cost nothing, as a share of requests, 0 to 1.
    pub free_ratio: f64,
    /// Retries of what may have been billed, as a share of requests, 0 to 1.
    pub paid_ratio: f64,
    /// Paid retries that are let through however few requests there are.
    pub paid_burst: u32,
}
