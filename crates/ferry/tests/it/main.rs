//! The journey as clients meet it: a gateway in this process before scripted nodes, spoken to in raw bytes. One binary,
//! a module for each subject; a test's name says what holds.
#![cfg(test)]
#![expect(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::panic,
    clippy::string_slice,
    reason = "tests spawn, unwrap and fail"
)]

mod broken;
mod bytes;
mod codings;
mod harness;
mod paths;
mod streams;
