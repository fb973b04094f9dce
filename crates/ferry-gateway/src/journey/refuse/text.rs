//! Every refusal's status, code and sentence. A sentence says what is wrong and what to do next.

use ferry_rules::credential::CredentialFault;
use ferry_wire::error::ApiErrorKind;

use super::coding_text::coding;
use super::{Told, Why, redact_text};
use crate::causes::with_causes;
use crate::dialect::messages::DialectError;
use crate::journey::attempt::{self, BadAnswer, Phase};
use crate::journey::{accept, admit, read};
use crate::telemetry::Outcome;
use crate::upstream::{PathFault, Unreached};

/// Seconds after which a full Ferry is worth another try.
const BUSY_SECONDS: u32 = 2;
/// Seconds after which a node that could not be reached is worth another try.
const AWAY_SECONDS: u32 = 3;

/// A refusal that is the client's own doing: trying again as it is cannot help.
pub(super) fn client(status: u16, kind: ApiErrorKind, code: &'static str, message: String) -> Told {
    let outcome = Outcome::Refused;
    Told { status, kind, code, message, hopeless: true, retry_after: None, outcome }
}

/// The upload did not come whole: the same request may do better.
fn upload(status: u16, kind: ApiErrorKind, code: &'static str, message: String) -> Told {
    Told { hopeless: false, ..client(status, kind, code, message) }
}

/// Ferry has no room: the same request will do later.
pub(super) fn busy(code: &'static str, message: &str) -> Told {
    Told {
        status: 529,
        kind: ApiErrorKind::Overloaded,
        code,
        message: message.to_owned(),
        hopeless: false,
        retry_after: Some(BUSY_SECONDS),
        outcome: Outcome::Refused,
    }
}

/// The node's or the path's doing.
fn node(status: u16, code: &'static str, message: String) -> Told {
    let kind = if status == 504 { ApiErrorKind::Timeout } else { ApiErrorKind::Api };
    let outcome = Outcome::NodeFailed;
    Told { status, kind, code, message, hopeless: false, retry_after: None, outcome }
}

/// What a client is told.
pub(super) fn tell(why: &Why) -> Told {
    match why {
        Why::Accept(fault) => accept(fault),
        Why::Identify(fault) => identify(*fault),
        Why::Admit(admit::Full) => busy(
            "requests-max",
            "Ferry is carrying as many requests as server.requests_max allows; try again shortly.",
        ),
        Why::Read(fault) => read(fault),
        Why::Redact(fault) => redact_text::redact(fault),
        Why::Attempt(fault) => attempt(fault),
    }
}

/// What a client is told when Ferry's own code failed.
pub(super) fn panicked() -> Told {
    Told {
        status: 500,
        kind: ApiErrorKind::Api,
        code: "ferry-panic",
        message: "Ferry failed on this request; the operator's log has the details under this request id."
            .to_owned(),
        hopeless: true,
        retry_after: None,
        outcome: Outcome::Panic,
    }
}

/// What a client is told whose request outlasts the drain before it has an answer.
pub(super) fn drained() -> Told {
    Told {
        status: 503,
        kind: ApiErrorKind::Api,
        code: "drain-over",
        message: "Ferry is stopping and the time for running requests (server.drain_ms) is over; send the request \
                  again."
            .to_owned(),
        hopeless: false,
        retry_after: Some(AWAY_SECONDS),
        outcome: Outcome::Refused,
    }
}

fn accept(fault: &accept::Fault) -> Told {
    use ApiErrorKind::{InvalidRequest, NotFound, Permission};
    match fault {
        accept::Fault::Path(refusal) => {
            let kind = match refusal.status() {
                403 => Permission,
                404 => NotFound,
                _ => InvalidRequest,
            };
            client(refusal.status(), kind, refusal.code(), refusal.hint().to_owned())
        }
        accept::Fault::Origin(fault) => {
            client(403, Permission, fault.code(), fault.sentence().to_owned())
        }
        accept::Fault::Host(fault) => {
            client(403, Permission, fault.code(), fault.sentence().to_owned())
        }
        accept::Fault::Authority => client(
            400,
            InvalidRequest,
            "host-conflict",
            "The request names no host, or two different ones; send one Host (HTTP/2: :authority)."
                .to_owned(),
        ),
        accept::Fault::Method => client(
            405,
            InvalidRequest,
            "method",
            "The Claude API has no such method; use GET, POST or DELETE.".to_owned(),
        ),
    }
}

fn identify(fault: CredentialFault) -> Told {
    let kind =
        if fault.status() == 403 { ApiErrorKind::Permission } else { ApiErrorKind::Authentication };
    client(fault.status(), kind, fault.code(), fault.sentence())
}

fn read(fault: &read::Fault) -> Told {
    use ApiErrorKind::{InvalidRequest, RequestTooLarge, Timeout};
    match fault {
        read::Fault::TooLarge { max } => client(
            413,
            RequestTooLarge,
            "body-too-large",
            format!(
                "The body is larger than {max} bytes, the bound for this path; split it, or use the Files \
                 or Batches API."
            ),
        ),
        read::Fault::UploadTooLarge { max } => client(
            413,
            RequestTooLarge,
            "body-too-large",
            format!(
                "This line's uploads are looked through for sensitive data, and {max} bytes \
                 (server.batch_body_bytes_max) are the most that Ferry holds for that; split the file, or have the \
                 operator raise the bound."
            ),
        ),
        read::Fault::NoMemory => busy(
            "held-bytes-max",
            "Ferry holds as many bytes as server.held_bytes_max allows; try again shortly.",
        ),
        read::Fault::Envelope { error, content_type_is_json: true } => client(
            400,
            InvalidRequest,
            "body-json",
            format!("Ferry could not {error}; send one JSON object."),
        ),
        read::Fault::Envelope { error, content_type_is_json: false } => client(
            400,
            InvalidRequest,
            "body-json",
            format!(
                "Ferry could not {error}; send one JSON object with content-type: application/json."
            ),
        ),
        read::Fault::Coding(fault) => coding(*fault),
        read::Fault::Broken => upload(
            400,
            InvalidRequest,
            "body-broken",
            "The body ended before its length, or its framing is wrong; send it again.".to_owned(),
        ),
        read::Fault::Idle { after } => upload(
            408,
            Timeout,
            "body-idle",
            format!(
                "Nothing of the body came for {} ms (timeouts.client_idle_ms); send it again.",
                after.as_millis()
            ),
        ),
        read::Fault::Slow => upload(
            408,
            Timeout,
            "body-slow",
            "The body came slower than 1 kB/s; send it again over a better connection.".to_owned(),
        ),
    }
}

fn attempt(fault: &attempt::Fault) -> Told {
    use attempt::Fault;
    match fault {
        Fault::NoNode(unreached) => no_node(unreached),
        Fault::Dialect(error) => dialect(*error),
        Fault::NotTaken { node: name } => Told {
            retry_after: Some(AWAY_SECONDS),
            ..node(
                503,
                "not-taken",
                format!(
                    "Node {name} gave the request back unread each time; no model has run, and nothing is billed. \
                     Send it again after retry-after."
                ),
            )
        },
        Fault::Lost { node: name, phase } => node(
            502,
            "node-lost",
            format!(
                "The connection to node {name} was lost after {}; it may have been billed, so Ferry \
                 repeats it no further. Send it again.",
                so_far(*phase)
            ),
        ),
        Fault::WriteStall { node: name, after_ms } => node(
            504,
            "write-stall",
            format!(
                "Node {name} took no bytes for {after_ms} ms (timeouts.write_stall_ms); try again."
            ),
        ),
        Fault::Silent { node: name, phase, after_ms } => silent(name, *phase, *after_ms),
        Fault::Total { node: name } => node(
            504,
            "total",
            format!(
                "Node {name} did not finish in time (timeouts.nonstream_total_ms, for streams \
                 timeouts.stream_total_ms); ask for a stream, or raise the limit."
            ),
        ),
        Fault::Bad { node, answer } => bad_answer(node, *answer),
        Fault::Upload => upload(
            400,
            ApiErrorKind::InvalidRequest,
            "body-broken",
            "The body stopped before its end while it was passed on; send it again.".to_owned(),
        ),
    }
}

fn so_far(phase: Phase) -> &'static str {
    match phase {
        Phase::Sent => "the request was sent",
        Phase::Stream => "the stream had begun",
        Phase::Answer => "the answer had begun",
    }
}

fn silent(name: &str, phase: Phase, after_ms: u128) -> Told {
    let (code, message) = match phase {
        Phase::Sent | Phase::Stream => (
            "first-byte",
            format!("began no answer within {after_ms} ms (timeouts.first_byte_ms); try again."),
        ),
        Phase::Answer => (
            "answer-silent",
            format!(
                "stopped in the middle of its answer for {after_ms} ms (timeouts.event_gap_ms); it may have been \
                 billed, so Ferry repeats it no further. Send it again."
            ),
        ),
    };
    node(504, code, format!("Node {name} {message}"))
}

/// No connection to any node.
fn no_node(unreached: &Unreached) -> Told {
    let away = |code, message| Told { retry_after: Some(AWAY_SECONDS), ..node(503, code, message) };
    match unreached {
        Unreached::NoKey => dialect(DialectError::NoKey),
        Unreached::Full => away(
            "nodes-away",
            "No node can be reached, and as many requests as may wait for one do so already; \
             `ferry nodes list` says what is wrong with each."
                .to_owned(),
        ),
        Unreached::Away { home: true, last, .. } => away(
            "local-network-down",
            format!(
                "This machine has no way to any node{}. Its own network is down, not the nodes: check \
                 its connection, route and resolver.",
                cause(last.as_ref())
            ),
        ),
        Unreached::Away { nodes, last, hopeless: true, .. } => Told {
            hopeless: true,
            ..away(
                "no-node",
                format!(
                    "Ferry reached none of its {nodes} node(s){}. Waiting does not mend that: check the \
                     node's url and certificate; `ferry nodes list` says what is wrong with each.",
                    cause(last.as_ref())
                ),
            )
        },
        Unreached::Away { nodes, waited, last, home: false, hopeless: false } => away(
            "no-node",
            format!(
                "Ferry reached none of its {nodes} node(s) within {} ms{}. Check the network and the \
                 node's url; `ferry nodes list` says what is wrong with each.",
                waited.as_millis(),
                cause(last.as_ref())
            ),
        ),
    }
}

fn cause(last: Option<&PathFault>) -> String {
    last.map_or_else(String::new, |fault| format!(": could not {}", with_causes(fault)))
}

/// A node that answered, and not what the API answers.
fn bad_answer(name: &str, answer: BadAnswer) -> Told {
    match answer {
        BadAnswer::NotHttp => node(
            502,
            "node-not-http",
            format!(
                "Node {name} answered something that is not HTTP; check the node's url and port."
            ),
        ),
        BadAnswer::Html { status } => node(
            502,
            "FD-U05",
            format!(
                "Node {name} answered {status} with a web page where API data was due: a login portal or a \
                 relay's page stands in between. Check the node's url."
            ),
        ),
        BadAnswer::Redirect { status } => Told {
            hopeless: true,
            ..node(
                502,
                "node-redirect",
                format!(
                    "Node {name} answered {status}, a redirect, which Ferry never follows (a key goes only \
                     where it was configured for). Put the final address into the node's url."
                ),
            )
        },
        BadAnswer::Unassembled => node(
            502,
            "unassembled",
            format!(
                "Node {name} sent a stream that Ferry cannot turn into one answer (it was asked for a stream \
                 by nonstream_upstream); ask for a stream, or set nonstream_upstream = \"pass\"."
            ),
        ),
        BadAnswer::HalfJson => node(
            502,
            "half-answer",
            format!(
                "Node {name} sent JSON that is not whole; it may have been billed, so Ferry repeats it no \
                 further. Send it again."
            ),
        ),
    }
}

fn dialect(error: DialectError) -> Told {
    match error {
        DialectError::NoKey => client(
            401,
            ApiErrorKind::Authentication,
            "no-upstream-key",
            "This node has no key of its own and the caller brought none; set nodes.key, or send an API key."
                .to_owned(),
        ),
        DialectError::Path => client(
            400,
            ApiErrorKind::InvalidRequest,
            "path-malformed",
            "The path cannot stand behind the node's base URL; send a plain path.".to_owned(),
        ),
        DialectError::Key => Told {
            hopeless: true,
            ..node(
                500,
                "node-key",
                "The node's key holds characters that no header can carry; check the configuration."
                    .to_owned(),
            )
        },
    }
}
