//! What a mock is started with. Plain values with defaults that suit tests: any free port, no delays, no faults.
//! It reads neither files nor the environment.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use crate::fault::Rule;

/// A header of every answer but those under `/__mock`, by which a client that must not spend money knows a mock, also
/// through a gateway. No provider sends it.
pub const MARK: &str = "x-mock-server";

/// Settings of one mock; `MockSettings::default()` listens on a free port of loopback and answers at once.
#[derive(Clone, Debug)]
pub struct MockSettings {
    /// Where to listen; port 0 takes any free one.
    pub listen: SocketAddr,
    /// What answers, ids and random faults are made from.
    pub seed: u64,
    /// How fast answers come.
    pub timing: Timing,
    /// Standing faults, tried in order for every request.
    pub faults: Vec<Rule>,
    /// TLS with a certificate made at start; cleartext without.
    pub tls: Option<TlsSettings>,
    /// Base of the absolute `results_url`; without, the scheme and `Host` of the request are used.
    pub results_base: Option<String>,
    /// How long a batch stays `in_progress`.
    pub batch_duration: Duration,
    /// How long the long poll for work waits before it answers 204.
    pub poll_duration: Duration,
    /// How much of the requests is kept for tests to look at.
    pub capture: Capture,
}

/// The pace of answers. All zero: everything at once.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Timing {
    /// Before the first token (streams: after the head and `message_start` have been held back as well).
    pub first_token: Duration,
    /// Tokens per second after the first; 0 is as fast as the socket takes them.
    pub tokens_per_second: f64,
    /// Spread of both, 0.0 to 1.0: 0.2 varies each wait by up to 20 %, and one wait in fifty is ten times as long.
    pub jitter: f64,
}

/// TLS of a mock. The certificate names `localhost`, `127.0.0.1`, `::1` and `names`.
#[derive(Clone, Debug, Default)]
pub struct TlsSettings {
    /// Further host names for the certificate.
    pub names: Vec<String>,
    /// Whether a client must show a certificate signed by the mock's own authority
    /// (see `RunningMock::client_identity`).
    pub require_client_certificate: bool,
    /// Offer HTTP/2 by ALPN; true unless a test wants HTTP/1.1 only.
    pub http1_only: bool,
}

/// What the ring of past requests holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Capture {
    /// Requests kept; older ones fall out. 0 keeps counters only.
    pub requests: usize,
    /// Bytes of each body kept; the length and the digest always cover the whole.
    pub body_bytes: usize,
}

impl Default for MockSettings {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            seed: 0,
            timing: Timing::default(),
            faults: Vec::new(),
            tls: None,
            results_base: None,
            batch_duration: Duration::ZERO,
            poll_duration: Duration::ZERO,
            capture: Capture::default(),
        }
    }
}

impl Default for Capture {
    /// 64 requests of at most 1 MiB each: 64 MiB at the very most.
    fn default() -> Self {
        Self { requests: 64, body_bytes: 1024 * 1024 }
    }
}
