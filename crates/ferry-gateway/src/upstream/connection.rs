//! One HTTP connection to a node. An HTTP/1.1 connection is polled inline by whoever uses it, with
//! no task and no channel between them; an HTTP/2 connection is shared, so a task of its own drives it.

use std::future::poll_fn;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::Instant;

use bytes::Bytes;
use http::{Request, Response};
use http_body::{Body, Frame};
use hyper::body::Incoming;
use hyper::client::conn::{TrySendError, http1, http2};
use hyper_util::rt::TokioIo;

use super::io::NodeIo;
use super::outgoing::Outgoing;
use super::pool::Seat;

type Http1 = http1::Connection<TokioIo<NodeIo>, Outgoing>;

/// Why a request got no answer on a connection that stood.
#[derive(Debug, thiserror::Error)]
pub enum SendError {
    /// Not a byte of it was written: it can be sent again anywhere. Holds the body when it was given back.
    #[error("send the request: the connection was closed before it was written")]
    NotWritten(Option<Box<Outgoing>>),
    /// A reused connection died without a byte of an answer.
    #[error("get an answer: the kept-alive connection had died")]
    Stale(#[source] hyper::Error),
    /// Written, then lost: it may have been billed.
    #[error("get an answer: the connection was lost after the request was written")]
    Lost(#[source] hyper::Error),
}

/// A connection in use by one attempt.
pub enum Connection {
    /// HTTP/1.1: ours alone until the answer has ended.
    Http1(Box<Own>),
    /// One stream of a shared HTTP/2 connection.
    Http2(Stream),
}

/// Where a connection leads, and whether it has been blamed for a failure already.
#[derive(Debug)]
pub struct Birth {
    /// The address that was dialled.
    pub address: SocketAddr,
    pub(super) born: Instant,
    /// It takes no new request from then on.
    pub(super) retires: Instant,
    blamed: AtomicBool,
}

impl Birth {
    pub(super) fn new(address: SocketAddr, born: Instant, retires: Instant) -> Arc<Self> {
        Arc::new(Self { address, born, retires, blamed: AtomicBool::new(false) })
    }

    /// True the first time: streams that fail together because their one connection broke are one failure
    /// of the path (reliability.md 2.3).
    pub(super) fn blame(&self) -> bool {
        !self.blamed.swap(true, Ordering::Relaxed)
    }

    pub(super) fn is_blamed(&self) -> bool {
        self.blamed.load(Ordering::Relaxed)
    }
}

/// A stream of a shared HTTP/2 connection: the way onto it, and the seat that the stream has there until
/// its answer has ended or is abandoned.
#[derive(Debug)]
pub struct Stream {
    pub(super) birth: Arc<Birth>,
    pub(super) sender: http2::SendRequest<Outgoing>,
    #[expect(dead_code, reason = "held, never read: dropping it frees the seat")]
    pub(super) seat: Seat,
}

/// An HTTP/1.1 connection with its driver.
#[expect(missing_debug_implementations, reason = "hyper's driver has none; `Connection` has one")]
pub struct Own {
    pub(super) birth: Arc<Birth>,
    sender: http1::SendRequest<Outgoing>,
    driver: Pin<Box<Http1>>,
    /// The driver has finished: the socket is closed.
    ended: bool,
    /// It has carried a request before this one, or has been kept ready for one.
    pub(super) reused: bool,
}

impl std::fmt::Debug for Connection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Http1(_) => "Connection::Http1",
            Self::Http2(_) => "Connection::Http2",
        })
    }
}

impl Own {
    pub(super) fn new(
        birth: Arc<Birth>,
        sender: http1::SendRequest<Outgoing>,
        driver: Http1,
    ) -> Self {
        Self { birth, sender, driver: Box::pin(driver), ended: false, reused: false }
    }

    /// Reads and writes what can be. With a waker that does nothing it is a look that registers nobody.
    fn drive(&mut self, cx: &mut Context<'_>) {
        if !self.ended && self.driver.as_mut().poll(cx).is_ready() {
            self.ended = true;
        }
    }

    /// A zero-wait look at the socket: true while the node has not closed it. Also takes the old
    /// task's waker off the socket, so that an idle connection wakes nobody.
    pub(super) fn is_usable(&mut self) -> bool {
        self.drive(&mut quiet());
        !self.ended && self.sender.is_ready()
    }
}

impl Connection {
    /// True when this connection has carried a request before, or was kept ready for one.
    pub fn reused(&self) -> bool {
        match self {
            Self::Http1(own) => own.reused,
            // A stream that dies with its connection is told apart by REFUSED_STREAM and GOAWAY.
            Self::Http2(_) => false,
        }
    }

    /// Where it leads.
    pub fn birth(&self) -> &Arc<Birth> {
        match self {
            Self::Http1(own) => &own.birth,
            Self::Http2(stream) => &stream.birth,
        }
    }

    /// Writes a request and waits for the head of its answer. Dropping the future abandons the
    /// request: HTTP/1.1 closes the socket, HTTP/2 resets the one stream.
    ///
    /// # Errors
    /// See [`SendError`]: the variant says what may be tried again.
    pub async fn send(
        &mut self,
        request: Request<Outgoing>,
    ) -> Result<Response<Incoming>, SendError> {
        match self {
            Self::Http1(own) => {
                let reused = own.reused;
                let mut reply = pin!(own.sender.try_send_request(request));
                let mut written = false;
                let answer = poll_fn(|cx| {
                    // The first time there is a request to write and no answer yet to look for.
                    if std::mem::replace(&mut written, true) {
                        own.drive(&mut quiet());
                    }
                    if let Poll::Ready(answer) = reply.as_mut().poll(&mut quiet()) {
                        return Poll::Ready(answer);
                    }
                    // Nothing came: from here on the socket wakes this task.
                    own.drive(cx);
                    reply.as_mut().poll(&mut quiet())
                });
                answer.await.map_err(|error| classify(error, reused))
            }
            Self::Http2(stream) => {
                let reply = stream.sender.try_send_request(request);
                reply.await.map_err(|error| classify(error, false))
            }
        }
    }

    /// The next frame of the answer's body, driving the connection on the way.
    pub fn poll_frame(
        &mut self,
        cx: &mut Context<'_>,
        body: &mut Incoming,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let Self::Http1(own) = self else { return Pin::new(body).poll_frame(cx) };
        // Asking first tells the driver that a frame is wanted; it reads; then the frame is there. Between
        // the two, hyper's channels would wake this task while it runs, and it would be polled once
        // more for nothing on every event: so they get a waker that does nothing, and only the
        // last look, when there is nothing to do but wait, registers the task with the socket.
        if let Poll::Ready(frame) = Pin::new(&mut *body).poll_frame(&mut quiet()) {
            return Poll::Ready(frame);
        }
        own.drive(&mut quiet());
        if let Poll::Ready(frame) = Pin::new(&mut *body).poll_frame(&mut quiet()) {
            return Poll::Ready(frame);
        }
        own.drive(cx);
        Pin::new(body).poll_frame(&mut quiet())
    }
}

/// A context whose waker does nothing: for what makes progress only when it is driven from here.
fn quiet() -> Context<'static> {
    Context::from_waker(Waker::noop())
}

fn classify(mut error: TrySendError<Request<Outgoing>>, reused: bool) -> SendError {
    if let Some(request) = error.take_message() {
        return SendError::NotWritten(Some(Box::new(request.into_body())));
    }
    let error = error.into_error();
    if is_refused_stream(&error) {
        SendError::NotWritten(None)
    } else if reused && !error.is_parse() && !error.is_user() && !error.is_timeout() {
        SendError::Stale(error)
    } else {
        SendError::Lost(error)
    }
}

/// The node says that it has not looked at the stream: `REFUSED_STREAM`, or a GOAWAY below its id
/// (RFC 9113 section 8.7).
fn is_refused_stream(error: &hyper::Error) -> bool {
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        if let Some(h2) = cause.downcast_ref::<h2::Error>() {
            // A stream ends in the node's GOAWAY only when its id is above the last one named there;
            // those below go on, and end in an error of the socket if they must.
            let above = h2.is_go_away();
            return h2.is_remote() && (above || h2.reason() == Some(h2::Reason::REFUSED_STREAM));
        }
        source = cause.source();
    }
    false
}
