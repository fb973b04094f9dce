//! How a proxy is asked for a tunnel: HTTP CONNECT (RFC 9110 section 9.3.6) and SOCKS5 (RFC 1928, RFC 1929).
//!
//! Framing alone, without I/O: what to write, how much may be read, what came. Neither reads a byte beyond
//! the proxy's own answer, since the next one is the node's.

pub mod connect;
pub mod socks;
