//! Logs and metrics: plain event structs that the rooms fill. Imports no room.

pub mod settings;
pub use settings::{LogFormat, LogLevel, Settings};
