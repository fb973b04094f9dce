//! Faults on a dial: what can go wrong with an answer, as data. This file is the one place that lists the grammar.
//! It decides nothing about when a fault strikes (see [`Rule`]) and never touches a socket.
//!
//! # Grammar
//!
//! ```text
//! spec   = rule *( ";" rule )
//! rule   = fault *( "+" fault ) [ "@" arg *( "," arg ) ]      what, and when
//! fault  = name [ ":" arg *( "," arg ) ]
//! arg    = key [ "=" value ]
//! ```
//!
//! White space around words is ignored. In a prompt marker (`[mock fault=SPEC]`) a spec has no spaces and no `]`.
//!
//! | fault | what happens |
//! |---|---|
//! | `delay:ms=N` | N ms before the head |
//! | `stall[:at=P][,ms=N]` | silence at P, for N ms or for ever |
//! | `cut[:at=P][,how=rst\|fin]` | the connection breaks at P; RST unless told otherwise |
//! | `reset` | `cut` before the head, with RST |
//! | `end[:after=N]` | the stream ends cleanly after N events, with no `message_stop` |
//! | `half[:bytes=N]` | `content-length` says more than is sent (half, or N bytes), then FIN |
//! | `chunk-cut[:after=N]` | after N events FIN in the middle of a chunk |
//! | `refused-stream` | HTTP/2 `RST_STREAM` with `REFUSED_STREAM` |
//! | `stream-reset[:at=P][,code=N]` | HTTP/2 `RST_STREAM` at P; code 2 (`INTERNAL_ERROR`) unless told otherwise |
//! | `goaway[:last=N]` | HTTP/2 `GOAWAY` with last stream N (0), then the connection closes; with `graceful` the answer is finished first |
//! | `status:code=N` or `N` | error N in the API's shape: 400 401 402 403 404 408 409 412 413 422 429 500 501 502 503 504 529; `type=`, `message=`, `error_code=`, `retry_after=` (seconds or `none`), `retry_after_ms=`, `should_retry=`; `early`: before the body is read |
//! | `html[:code=N]` | an HTML page with status N (200) |
//! | `empty[:code=N]` | no body, status N (200) |
//! | `redirect[:code=N][,to=URL]` | 307 and a `location` |
//! | `error-event[:after=N][,type=T]` | `event: error` (`overloaded_error`) after N events of a stream, then its end |
//! | `drip:bytes=N,ms=M` | N bytes of body every M ms |
//! | `split[:bytes=N]` | a write of its own for every N bytes (7), across event borders |
//! | `join` | all events in one write |
//! | `crlf` | CRLF line ends in a stream |
//! | `comments` | a comment line before every event |
//! | `unknown-event[:after=N]` | an event that no client knows |
//! | `big-event[:bytes=N]` | one delta of N bytes (200000) as the third event |
//! | `big-head[:bytes=N]` | N bytes of response headers (32768) |
//! | `gzip` | `content-encoding: gzip`, whatever was asked for |
//! | `chunked` | no `content-length` |
//! | `close` | `connection: close` |
//! | `refuse[:ms=N]` | a request that it strikes closes the listener for N ms (1000) and is answered all the same, as a standing rule and by marker; to close the listener at once, use `RunningMock::set_listening(false)` |
//! | `accept[:do=close\|reset\|stall]` | what becomes of new connections while the rule stands (standing faults only) |
//!
//! P is `head` (before the head), `N` (after N events; a JSON answer has two: its halves) or `Nb` (after N bytes of
//! body). Without `at`, `stall` and `cut` strike before the head.
//!
//! | when | the rule strikes |
//! |---|---|
//! | `path=P` | only on paths that begin with P |
//! | `method=M` | only for this method |
//! | `nth=N` | only for the Nth request that fits (from 1) |
//! | `every=N` | for each Nth |
//! | `skip=N` | not for the first N |
//! | `count=N` | for N requests, then never again |
//! | `p=X` | with probability X, seeded |
//! | `from_ms=N`, `to_ms=N` | in this window after the rule was set |
//!
//! Without a method, `POST` is not implied: say `path=/v1/messages` to leave `/v1/models` alone.

mod args;
mod parse;
mod rule;
mod scenario;

pub use args::FaultError;
pub use parse::{parse_faults, parse_rules};
pub(crate) use rule::Standing;
pub use rule::{Rule, When};
pub use scenario::{ScenarioError, parse_scenario};

/// One thing that goes wrong. See the module's table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Milliseconds before the head.
    Delay {
        /// How long.
        ms: u64,
    },
    /// Silence.
    Stall {
        /// From where.
        at: Point,
        /// For how long; for ever without.
        ms: Option<u64>,
    },
    /// The connection breaks.
    Cut {
        /// Where.
        at: Point,
        /// In which way.
        how: Break,
    },
    /// A clean end with no `message_stop`.
    End {
        /// Events sent before.
        after: usize,
    },
    /// Less body than `content-length` promised.
    Half {
        /// Bytes sent; half of them without.
        bytes: Option<usize>,
    },
    /// FIN inside a chunk.
    ChunkCut {
        /// Events sent before.
        after: usize,
    },
    /// `RST_STREAM`.
    StreamReset {
        /// Where.
        at: Point,
        /// The HTTP/2 error code.
        code: u32,
    },
    /// `GOAWAY`.
    Goaway {
        /// Last stream id in the frame.
        last: u32,
        /// Whether the answer is finished first.
        graceful: bool,
    },
    /// An error answer.
    Status(Failure),
    /// An HTML page.
    Html {
        /// Its status.
        code: u16,
    },
    /// No body.
    Empty {
        /// The status.
        code: u16,
    },
    /// A redirect.
    Redirect {
        /// 301, 302, 303, 307 or 308.
        code: u16,
        /// The target.
        to: String,
    },
    /// `event: error` inside a stream.
    ErrorEvent {
        /// Events sent before.
        after: usize,
        /// `error.type`.
        kind: String,
    },
    /// A slow trickle.
    Drip {
        /// Bytes at a time.
        bytes: usize,
        /// Milliseconds between.
        ms: u64,
    },
    /// Writes of a fixed size.
    Split {
        /// Bytes in each.
        bytes: usize,
    },
    /// One write for everything.
    Join,
    /// CRLF line ends.
    Crlf,
    /// SSE comments.
    Comments,
    /// An unknown event.
    UnknownEvent {
        /// Events sent before.
        after: usize,
    },
    /// A very long event.
    BigEvent {
        /// Bytes of text in it.
        bytes: usize,
    },
    /// Very long headers.
    BigHead {
        /// Bytes of headers added.
        bytes: usize,
    },
    /// A gzip body.
    Gzip,
    /// No `content-length`.
    Chunked,
    /// `connection: close`.
    Close,
    /// The request closes the listener for a while, and is answered.
    Refuse {
        /// How long.
        ms: u64,
    },
    /// What becomes of new connections.
    Accept(Accept),
}

/// Where in an answer a fault strikes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Point {
    /// Before the head.
    Head,
    /// After this many events (a JSON answer has two: its halves).
    Events(usize),
    /// After this many bytes of body.
    Bytes(usize),
}

/// How a connection breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Break {
    /// TCP RST.
    Rst,
    /// TCP FIN.
    Fin,
}

/// What becomes of a new connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Accept {
    /// Accepted and closed.
    Close,
    /// Accepted and reset.
    Reset,
    /// Accepted and never served.
    Stall,
}

/// An error answer in the API's shape; what is `None` takes the documented value of the status.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Failure {
    /// HTTP status.
    pub code: u16,
    /// `error.type`.
    pub kind: Option<String>,
    /// `error.message`.
    pub message: Option<String>,
    /// `error.details.error_code`.
    pub error_code: Option<String>,
    /// `retry-after`; an empty text sends none.
    pub retry_after: Option<String>,
    /// `retry-after-ms`.
    pub retry_after_ms: Option<String>,
    /// `x-should-retry`.
    pub should_retry: Option<String>,
    /// Answer before the request's body is read.
    pub early: bool,
}
