//! Ferry's sockets and state: everything between an accepted connection and a settled request.
//!
//! Read `journey` first: it is the table of contents. Decisions live in `ferry-rules`, bytes on the
//! wire in `ferry-wire`; this crate does the I/O and nothing else.

pub mod admin;
pub mod causes;
pub mod clock;
pub mod config;
pub mod dialect;
pub mod journey;
pub mod redaction;
pub mod run;
pub mod serve;
pub mod state;
pub mod tasks;
pub mod telemetry;
pub mod upstream;

#[cfg(test)]
mod tests;
