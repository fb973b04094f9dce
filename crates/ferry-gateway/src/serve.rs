//! From a listening socket to a request head: accept, TLS, PROXY protocol, framing, drain.

pub mod settings;
pub use settings::{Settings, TlsFiles};
