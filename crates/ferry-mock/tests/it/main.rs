//! The mock over real sockets: raw bytes for HTTP/1.1, a hyper client for HTTP/2 and TLS.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test harness fails by panicking"
)]

mod api;
mod assembled;
mod batches_and_files;
mod faults;
mod http2;
mod ledger;
mod wire;
