//! What crosses the wire: paths, header names, framing, the request envelope, SSE, usage, errors.
//!
//! Every function here stands on the hot path of a request, so each works on slices of the bytes
//! that came, allocates only for what it hands back, and never copies a body. The crate holds no
//! policy (what to do about a thing), does no I/O, reads no clock and never logs.

pub mod affinity;
pub mod assemble;
pub mod envelope;
pub mod error;
pub mod framing;
pub mod header;
mod json;
pub mod multipart;
pub mod path;
pub mod restore;
pub mod results_url;
pub mod revise;
#[cfg(test)]
mod script;
pub mod splice;
pub mod sse;
pub mod stream_flag;
pub mod text;
pub mod tunnel;
pub mod usage;
