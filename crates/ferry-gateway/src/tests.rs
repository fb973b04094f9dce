//! Tests of the gateway as a whole, without sockets: everything from a client's bytes to a node's runs in
//! one thread under a paused clock.

#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "each part of the network knows the faults that are its own"
)]
mod simulation;
