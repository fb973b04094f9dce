//! How a node wants to be spoken to: path, headers, credential and body on the way in, canonical events
//! on the way out. The only place that knows a node's own bytes; it decides nothing.

pub mod messages;
