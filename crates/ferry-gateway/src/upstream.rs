//! The way to the nodes: dialling, TLS and kept-alive connections.

pub mod settings;
pub use settings::{HttpVersion, KeySettings, NodeKind, NodeSettings, Role, Settings};
