//! The journey as clients meet it: a gateway in this process before scripted nodes, spoken to in raw bytes. One binary,
//! a module for each subject; a test's name says what holds.
#![cfg(test)]
#![expect(
    clippy::disallowed_methods,
    clippy::string_slice,
    reason = "tests spawn and cut strings where they like"
)]

mod admin;
mod assembled;
mod bench;
mod breaker;
mod broken;
mod bytes;
mod choice;
mod codings;
mod credentials;
mod demo;
mod drain;
mod egress;
mod errors;
mod faults;
mod hangup;
mod harness;
mod input;
mod malformed;
mod nodes;
mod nodes_test;
mod origin;
mod paths;
mod patience;
mod process;
mod redact;
mod redact_answers;
mod redact_command;
mod redact_uploads;
mod retries;
mod secure;
mod silence;
mod streams;
mod upstream_http2;
