//! The state folder: the tenant secret today, the SQLite file next. Never holds a body or a key of an upstream.

use std::path::PathBuf;

/// Resolved settings of the state folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Created with mode 0700 when absent.
    pub dir: PathBuf,
}
