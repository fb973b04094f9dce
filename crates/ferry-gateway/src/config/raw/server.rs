//! `[server]`, `[access]`, `[state]` and `[log]` as written. Holds references to secrets, never values.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// `[server]`.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Server {
    /// Address and port for clients.
    ///
    /// Loopback by default, since a gateway with keys in it is a purse: `0.0.0.0` needs `access.keys` or nodes without keys.
    pub(crate) listen: String,
    /// Address and port of the admin side: health, readiness, metrics, nodes. Must be a loopback address: it has no login yet.
    pub(crate) admin_listen: String,
    /// IANA time zone sent upstream as `X-Claude-Timezone`; also the day of budgets and reports. Empty: no header, days in UTC.
    pub(crate) timezone: String,
    /// Networks or addresses whose PROXY header and `X-Forwarded-For` are believed. Empty: nobody's.
    pub(crate) trusted_proxies: Vec<String>,
    /// How clients reach Ferry when something stands in front of it; `results_url` of batches is rewritten to it. Empty: the request's `Host`.
    pub(crate) public_url: String,
    /// Certificate chain in PEM, leaf first. Together with `tls_key_file`; both empty: cleartext. Read again on reload.
    pub(crate) tls_cert_file: String,
    /// Private key in PEM (PKCS#8, PKCS#1 or SEC1). Together with `tls_cert_file`.
    pub(crate) tls_key_file: String,
    /// Expect a PROXY header (v1 or v2) first on every connection from a trusted proxy.
    pub(crate) proxy_protocol: bool,
    /// Origins that browsers may call from (`https://app.example.com`), or `*`. Empty: a request with an `Origin` is refused.
    pub(crate) allowed_origins: Vec<String>,
    /// Names accepted in `Host` on a loopback bind beside `localhost` and loopback addresses. Guards against DNS rebinding.
    pub(crate) allowed_hosts: Vec<String>,
    /// Connections open at once; further ones wait in the kernel's queue. 10 000 streams of 100 KB are 1 GB.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub(crate) connections_max: usize,
    /// Requests in flight at once; one more is answered 529. As many as connections, so that the connections are the limit.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub(crate) requests_max: usize,
    /// HTTP/2 streams open at once on one client connection. 256 lets one SDK client run 100 calls with room to spare.
    #[schemars(range(min = 1, max = 10_000))]
    pub(crate) http2_streams_max: u32,
    /// Largest request head, in bytes. 16 KiB is what Node.js allows, holds long beta lists and trace headers, and is what a live stream keeps for its connection; 8 KiB is the parser's own least.
    #[schemars(range(min = 8_192, max = 1_048_576))]
    pub(crate) head_bytes_max: usize,
    /// Largest Messages-shaped body, in bytes. The provider's own limit is 32 MB.
    #[schemars(range(min = 1_024, max = 1_073_741_824))]
    pub(crate) body_bytes_max: u64,
    /// Largest body of a batch, and of an upload that is looked through for sensitive data, in bytes. The provider's own limits are 256 MB and 500 MB.
    #[schemars(range(min = 1_024, max = 4_294_967_296_i64))]
    pub(crate) batch_body_bytes_max: u64,
    /// Largest non-streaming answer that is held whole before its head goes out, in bytes. 128 000 tokens are below 1 MB of text; the rest is room for tool results.
    #[schemars(range(min = 1_024, max = 1_073_741_824))]
    pub(crate) answer_bytes_max: u64,
    /// Bytes of all held bodies and answers together; above it new bodies are answered 529. At least the largest single body. 512 MiB are sixteen of the largest.
    #[schemars(range(min = 1_024, max = 1_099_511_627_776_i64))]
    pub(crate) held_bytes_max: u64,
    /// Idle HTTP/1.1 connections kept open to each node. 256 is a large team's number of calls at once; HTTP/2 needs one.
    #[schemars(range(min = 0, max = 10_000))]
    pub(crate) idle_connections_max: usize,
    /// After SIGTERM, how long running requests may finish, in milliseconds. 15 minutes is the longest non-streaming call.
    #[schemars(range(min = 0, max = 86_400_000))]
    pub(crate) drain_ms: u64,
    /// A `ping` goes to the client after this much silence in a stream, in milliseconds. 15 s is half of the shortest usual idle limit of proxies.
    #[schemars(range(min = 1, max = 3_600_000))]
    pub(crate) ping_ms: u64,
    /// A `ping` before the first byte from upstream after this many milliseconds; the status 200 is then sent and later errors travel as events. 0: off.
    #[schemars(range(min = 0, max = 3_600_000))]
    pub(crate) early_ping_ms: u64,
}

impl Default for Server {
    fn default() -> Self {
        Self {
            listen: "127.0.0.1:7300".to_owned(),
            admin_listen: "127.0.0.1:7301".to_owned(),
            timezone: String::new(),
            trusted_proxies: Vec::new(),
            public_url: String::new(),
            tls_cert_file: String::new(),
            tls_key_file: String::new(),
            proxy_protocol: false,
            allowed_origins: Vec::new(),
            allowed_hosts: Vec::new(),
            connections_max: 10_000,
            requests_max: 10_000,
            http2_streams_max: 256,
            head_bytes_max: 16_384,
            body_bytes_max: 33_554_432,
            batch_body_bytes_max: 268_435_456,
            answer_bytes_max: 8_388_608,
            held_bytes_max: 536_870_912,
            idle_connections_max: 256,
            drain_ms: 900_000,
            ping_ms: 15_000,
            early_ping_ms: 0,
        }
    }
}

/// `[access]`.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Access {
    /// Keys of Ferry's own (`fry-...`), as `env:NAME` or `file:PATH`; a caller must show one of them. Empty: no access control.
    #[schemars(extend("x-secret" = true))]
    pub(crate) keys: Vec<String>,
}

/// `[state]`.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct State {
    /// Folder of the tenant secret and, later, the database. Made with mode 0700. systemd's `STATE_DIRECTORY` is the default where it is set.
    pub(crate) dir: String,
}

impl Default for State {
    fn default() -> Self {
        Self { dir: "~/.local/state/ferry".to_owned() }
    }
}

/// `[log]`.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Log {
    /// How a line looks: `text` is `key=value` for people, `json` is one object per line for machines.
    pub(crate) format: Format,
    /// The least important level that is written.
    pub(crate) level: Level,
    /// File that lines are appended to. Empty: standard error.
    pub(crate) file: String,
    /// Lines that may wait for a slow disk or pipe; more are dropped and counted, so that a blocked log never blocks a request.
    #[schemars(range(min = 16, max = 1_000_000))]
    pub(crate) queue_lines: usize,
}

impl Default for Log {
    fn default() -> Self {
        Self { format: Format::Text, level: Level::Info, file: String::new(), queue_lines: 8_192 }
    }
}

/// `log.format`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Format {
    Text,
    Json,
}

/// `log.level`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Level {
    Debug,
    Info,
    Warn,
    Error,
}
