//! Asks a node's path whether it works, at no cost: `POST /v1/messages` without a key and with a body that
//! asks no model anything. The API answers 401 in JSON at once, a relay with a key of its own 400; whatever
//! says either has been reached. An answer that is none, or none at all, is the path's failure.

use std::future::poll_fn;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use ferry_wire::error::looks_like_html;
use ferry_wire::header::REQUEST_ID;
use http::{HeaderValue, Method, Request, Response, Version, header};
use hyper::body::Incoming;
use tokio::time::timeout;

use super::connection::{Connection, SendError};
use super::fault::PathFault;
use super::node::Node;
use super::outgoing::Outgoing;
use crate::clock;

/// Of an answer to a probe no more is read than this; the API's own is 150 bytes.
const ANSWER_BYTES_MAX: usize = 64 * 1024;

/// One probe on a connection of its own, which serves the next request when all was well.
pub(super) async fn ask(node: &Arc<Node>) -> Result<(), PathFault> {
    let begun = clock::now();
    let Some(at) = node.addresses(begun).into_iter().next() else {
        let error = node.unresolved().map(|(_, error)| PathFault::Dial(Arc::new(error)));
        return Err(error.unwrap_or(PathFault::Silent));
    };
    let opened = node.open(at, || false).await.map_err(|error| PathFault::Dial(Arc::new(error)))?;
    let shared = || node.take(Some(begun));
    let Some(connection) = opened.map(Connection::Http1).or_else(shared) else {
        return Err(PathFault::Lost);
    };
    match over(node, connection, 2 * node.dial_timeout()).await {
        Ok(answered) => {
            if let Some(connection) = answered.connection {
                node.give_back(connection);
            }
            Ok(())
        }
        Err(Missed::Stale) => Err(PathFault::Lost),
        Err(Missed::Fault(fault)) => Err(fault),
    }
}

/// What came of an unpaid request.
pub(super) struct Answered {
    pub(super) status: u16,
    /// It has the API's form: JSON, or its request id.
    pub(super) own: bool,
    /// When the head of the answer was there.
    pub(super) headed: Instant,
    /// As good as before, when the answer was read to its end.
    pub(super) connection: Option<Connection>,
}

/// Why an unpaid request got no answer.
pub(super) enum Missed {
    /// The kept-alive connection had died before: that says nothing about the path now.
    Stale,
    /// The path's failure.
    Fault(PathFault),
}

impl From<PathFault> for Missed {
    fn from(fault: PathFault) -> Self {
        Self::Fault(fault)
    }
}

/// The unpaid request on a connection that stands; `patience` for the head of the answer and for the rest each.
pub(super) async fn over(
    node: &Node,
    mut connection: Connection,
    patience: Duration,
) -> Result<Answered, Missed> {
    let request = request(node, matches!(connection, Connection::Http2(_)));
    let answer = match timeout(patience, connection.send(request)).await {
        Err(_elapsed) => return Err(PathFault::Silent.into()),
        Ok(Err(SendError::Lost(error))) if error.is_parse() => {
            return Err(PathFault::NotHttp.into());
        }
        Ok(Err(SendError::Stale(_) | SendError::NotWritten(_))) if connection.reused() => {
            return Err(Missed::Stale);
        }
        Ok(Err(_lost)) => return Err(PathFault::Lost.into()),
        Ok(Ok(answer)) => answer,
    };
    let (headed, status) = (clock::now(), answer.status().as_u16());
    let (whole, own) = read(&mut connection, answer, patience).await?;
    Ok(Answered { status, own, headed, connection: whole.then_some(connection) })
}

/// Reads the answer to its end, so that the connection can be kept; first false when it is too long for that, second
/// when it has not the API's form.
async fn read(
    connection: &mut Connection,
    answer: Response<Incoming>,
    patience: Duration,
) -> Result<(bool, bool), PathFault> {
    let (parts, mut body) = answer.into_parts();
    let mut first = Bytes::new();
    let mut left = ANSWER_BYTES_MAX;
    let whole = timeout(patience, async {
        while let Some(frame) = poll_fn(|cx| connection.poll_frame(cx, &mut body)).await {
            let Ok(data) = frame.map_err(|_broken| PathFault::Cut)?.into_data() else { continue };
            if first.is_empty() {
                first = data.clone();
            }
            left = left.saturating_sub(data.len());
            if left == 0 {
                return Ok(false);
            }
        }
        Ok::<bool, PathFault>(true)
    });
    let whole = whole.await.map_err(|_elapsed| PathFault::Silent)??;
    let content_type = parts.headers.get(header::CONTENT_TYPE).and_then(|text| text.to_str().ok());
    let status = parts.status.as_u16();
    let own = parts.headers.contains_key(REQUEST_ID) || first.trim_ascii_start().starts_with(b"{");
    // A page that refuses is an answer of whoever serves there; one that fails or welcomes is none of the API.
    let page = looks_like_html(content_type, &first) && !parts.status.is_client_error();
    if page || (matches!(status, 502..=504) && !own) {
        return Err(PathFault::Page(status));
    }
    Ok((whole, own))
}

fn request(node: &Node, http2: bool) -> Request<Outgoing> {
    let body = Outgoing::held(Arc::new([Bytes::from_static(b"{}")]));
    let mut request = Request::new(body);
    *request.method_mut() = Method::POST;
    if let Some(uri) = node.settings.uri("/v1/messages", http2) {
        *request.uri_mut() = uri;
    }
    if http2 {
        *request.version_mut() = Version::HTTP_2;
    }
    let headers = request.headers_mut();
    let authority = node.settings.url.authority().map_or("", http::uri::Authority::as_str);
    if let (false, Ok(host)) = (http2, HeaderValue::from_str(authority)) {
        headers.insert(header::HOST, host);
    }
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(header::USER_AGENT, HeaderValue::from_static("ferry-probe"));
    let version = HeaderValue::from_static("2023-06-01");
    headers.insert(ferry_wire::header::ANTHROPIC_VERSION, version);
    request
}
