//! The configuration as usable: every module's own settings, and what only the next version uses.
//!
//! Nothing here remembers how it was written.

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
}
