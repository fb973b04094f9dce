//! One connection, in one task: from its first byte to its last.
//!
//! Polls hyper, keeps the deadlines and obeys the drain. Never starts a task of its own except one per HTTP/2 stream.

use std::convert::Infallible;
use std::future::{Future, poll_fn};
use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;

use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use hyper_util::server::conn::auto;
use tokio::net::TcpStream;

use super::accept::CutCount;
use super::exchange::{Answer, Exchange, Traffic};
use super::{Handler, Notice, Peer, Settings, Shutdown, Stage};
use crate::tasks::Tasks;

/// More fields than any client of the API sends (an SDK sends about 20), few enough to parse at once.
const FIELDS_MAX: usize = 128;

/// What all connections of a listener have in common.
#[derive(Debug)]
pub(super) struct Shared<H> {
    pub(super) handler: Arc<H>,
    pub(super) shutdown: Shutdown,
    pub(super) cut: CutCount,
    settings: Settings,
    http: auto::Builder<Streams>,
}

impl<H: Handler> Shared<H> {
    pub(super) fn new(settings: Settings, handler: Arc<H>, tasks: Tasks) -> Self {
        let http = builder(&settings, tasks);
        Self { handler, shutdown: Shutdown::new(), cut: CutCount::default(), settings, http }
    }
}

fn builder(settings: &Settings, tasks: Tasks) -> auto::Builder<Streams> {
    let mut http = auto::Builder::new(Streams(tasks));
    http.http1()
        .max_headers(FIELDS_MAX)
        // The watch keeps this deadline, since hyper's would cut idle connections too.
        .header_read_timeout(None);
    http.http2().max_concurrent_streams(settings.http2_streams_max);
    http
}

/// Moves the gauge back when the connection ends, however it ends.
struct Counted<'a, H: Handler>(&'a H);

impl<H: Handler> Drop for Counted<'_, H> {
    fn drop(&mut self) {
        self.0.connections(-1);
    }
}

/// Serves one connection to its end.
pub(super) async fn serve<H: Handler>(
    shared: Arc<Shared<H>>,
    stream: TcpStream,
    socket: SocketAddr,
) {
    shared.handler.connections(1);
    let _counted = Counted(&*shared.handler);
    let peer = Peer { remote: socket, socket, tls: false, http2: false };
    drive(&shared, TokioIo::new(stream), peer).await;
}

async fn drive<H: Handler>(shared: &Arc<Shared<H>>, io: TokioIo<TcpStream>, peer: Peer) {
    let traffic = Arc::new(Traffic::new());
    let service = service_fn(|request| exchange(shared, &traffic, peer, request));
    let mut connection = pin!(shared.http.serve_connection(io, service));
    let mut moved = pin!(shared.shutdown.moved());
    let mut seen = Stage::Running;
    poll_fn(|context| {
        loop {
            if connection.as_mut().poll(context).is_ready() {
                return Poll::Ready(());
            }
            let stage = shared.shutdown.stage();
            if stage == Stage::Cutting {
                shared.cut.add(traffic.in_flight() as usize);
                return Poll::Ready(());
            }
            if stage > seen {
                seen = stage;
                connection.as_mut().graceful_shutdown();
                continue;
            }
            if moved.as_mut().poll(context).is_pending() {
                return Poll::Pending;
            }
            moved.set(shared.shutdown.moved());
        }
    })
    .await;
}

/// Hands one request to the handler. Owns what it captures, so that an HTTP/2 stream can run in a task of its own.
fn exchange<H: Handler>(
    shared: &Arc<Shared<H>>,
    traffic: &Arc<Traffic>,
    peer: Peer,
    request: http::Request<Incoming>,
) -> impl Future<Output = Result<http::Response<Answer<H::Body>>, Infallible>> + Send + use<H> {
    let exchange = Exchange::begin(traffic);
    let http2 = request.version() == http::Version::HTTP_2;
    let peer = Peer { http2, ..peer };
    let handler = Arc::clone(&shared.handler);
    async move {
        let mut call = pin!(Arc::clone(&handler).call(request, peer));
        let caught = poll_fn(|context| {
            // The future is not polled again after a panic, and is dropped with the exchange.
            match catch_unwind(AssertUnwindSafe(|| call.as_mut().poll(context))) {
                Ok(poll) => poll.map(Ok),
                Err(panic) => Poll::Ready(Err(panic)),
            }
        })
        .await;
        let response = caught.unwrap_or_else(|panic| {
            handler.notice(&Notice::Panicked { peer: peer.remote });
            let mut response = handler.panicked(message(&*panic));
            if !http2 {
                let close = http::HeaderValue::from_static("close");
                response.headers_mut().insert(http::header::CONNECTION, close);
            }
            response
        });
        Ok(response.map(|body| exchange.answer(body)))
    }
}

/// The text of a panic, when it has one.
fn message(panic: &(dyn std::any::Any + Send)) -> &str {
    if let Some(text) = panic.downcast_ref::<&'static str>() {
        text
    } else if let Some(text) = panic.downcast_ref::<String>() {
        text
    } else {
        "no message"
    }
}

/// Runs HTTP/2 streams in tasks of their own: hyper needs that to serve them side by side.
#[derive(Debug, Clone)]
pub(super) struct Streams(Tasks);

impl<F> hyper::rt::Executor<F> for Streams
where
    F: Future<Output: Send> + Send + 'static,
{
    fn execute(&self, stream: F) {
        drop(self.0.spawn(stream));
    }
}
