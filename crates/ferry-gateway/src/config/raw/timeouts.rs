//! `[timeouts]` as written. Each deadline stands alone; none is derived from another.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// `[timeouts]`. Zero would mean "give up at once" everywhere but in `patience_ms`, so it is refused there.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[expect(clippy::struct_field_names, reason = "the unit stands in the name of every key")]
pub(crate) struct Timeouts {
    /// One TCP connect to a node, in milliseconds. 3 s is two lost SYN packets.
    #[schemars(range(min = 1, max = 600_000))]
    pub(crate) connect_ms: u64,
    /// One TLS handshake with a node, in milliseconds. 4 s is six round trips on a 600 ms path.
    #[schemars(range(min = 1, max = 600_000))]
    pub(crate) tls_ms: u64,
    /// A node that takes none of a request's bytes for this long is given up, in milliseconds.
    #[schemars(range(min = 1, max = 3_600_000))]
    pub(crate) write_stall_ms: u64,
    /// From the request's last byte to the first byte of a stream's answer, in milliseconds. Streams only: a non-streaming answer is silent until it is whole.
    #[schemars(range(min = 1, max = 3_600_000))]
    pub(crate) first_byte_ms: u64,
    /// Between two reads of an answer that has begun, in milliseconds. The provider pings far more often than every 90 s.
    #[schemars(range(min = 1, max = 3_600_000))]
    pub(crate) event_gap_ms: u64,
    /// A client that takes or sends nothing for this long while it should is cut, in milliseconds.
    #[schemars(range(min = 1, max = 3_600_000))]
    pub(crate) client_idle_ms: u64,
    /// A whole stream, in milliseconds. One hour: 128 000 tokens at 40 a second are 53 minutes, and a dead stream is ended by `event_gap_ms` long before.
    #[schemars(range(min = 1, max = 86_400_000))]
    pub(crate) stream_total_ms: u64,
    /// A whole non-streaming call, in milliseconds. 15 minutes: the SDKs themselves give up after 10.
    #[schemars(range(min = 1, max = 86_400_000))]
    pub(crate) nonstream_total_ms: u64,
    /// How long a request may wait for a usable node, in milliseconds. 0: not at all.
    #[schemars(range(min = 0, max = 600_000))]
    pub(crate) patience_ms: u64,
    /// From the first byte of a request to the end of its head, in milliseconds. Bounds clients that send one byte at a time.
    #[schemars(range(min = 1, max = 600_000))]
    pub(crate) head_ms: u64,
    /// A client's kept-alive connection without a request is closed after this, in milliseconds. 75 s outlives the 60 s of common load balancers, so that they close first.
    #[schemars(range(min = 1, max = 86_400_000))]
    pub(crate) keep_alive_ms: u64,
    /// An idle connection to a node is closed after this, in milliseconds. 55 s is below the 60 s after which common proxies close.
    #[schemars(range(min = 1, max = 86_400_000))]
    pub(crate) idle_ms: u64,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            connect_ms: 3_000,
            tls_ms: 4_000,
            write_stall_ms: 20_000,
            first_byte_ms: 120_000,
            event_gap_ms: 90_000,
            client_idle_ms: 60_000,
            stream_total_ms: 3_600_000,
            nonstream_total_ms: 900_000,
            patience_ms: 10_000,
            head_ms: 10_000,
            keep_alive_ms: 75_000,
            idle_ms: 55_000,
        }
    }
}
