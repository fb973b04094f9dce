//! The mock over real sockets: raw bytes for HTTP/1.1, a hyper client for HTTP/2 and TLS.

mod api;
mod batches_and_files;
mod faults;
mod http2;
mod ledger;
mod wire;
