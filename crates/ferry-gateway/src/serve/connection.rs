//! One connection, in one task: from its first byte to its last.
//!
//! Polls hyper, keeps the deadlines and obeys the drain. Never starts a task of its own except one per HTTP/2 stream.

use std::convert::Infallible;
use std::future::poll_fn;
use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use ferry_wire::framing::HeadGuard;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;

use super::accept::CutCount;
use super::bell::{Turns, when_woken};
use super::exchange::{Answer, Exchange, Traffic};
use super::guard::Guard;
use super::proxy_protocol::{self, Origin};
use super::stream::Stream;
use super::streams::Streams;
use super::watch::{Bounds, Finding};
use super::{Handler, Notice, Peer, ProxyError, Settings, Shutdown, Stage, TlsStore};
use crate::clock;
use crate::tasks::Tasks;

/// More fields than any client of the API sends (an SDK sends about 20), few enough to parse at once.
const FIELDS_MAX: usize = 128;

/// Hyper's buffers per connection. A larger read buffer stays with a connection after a large upload, and a live
/// stream may cost 100 KB in all; 16 KiB takes a 1 MB body in 64 reads.
const BUFFER_BYTES: usize = 16 * 1024;

/// Bytes of an upload that may be on their way without an acknowledgement: 1 MiB in one stream carries 1.7 MB/s over a
/// path of 600 ms, 4 MiB is four such streams.
const STREAM_WINDOW: u32 = 1024 * 1024;
const CONNECTION_WINDOW: u32 = 4 * STREAM_WINDOW;

/// An HTTP/2 client that has left without a word is found within half a minute, as its streams cost money.
const PING_EVERY: Duration = Duration::from_secs(20);
const PING_TIMEOUT: Duration = Duration::from_secs(10);

/// Streams that were reset before the service saw them: more at once is the "rapid reset" attack (CVE-2023-44487).
const PENDING_RESETS_MAX: usize = 20;

/// After a connection was asked to end for being slow or idle: the refusal's linger (1 s) and a margin.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// What all connections of a listener have in common.
pub(super) struct Shared<H> {
    pub(super) handler: Arc<H>,
    pub(super) shutdown: Shutdown,
    pub(super) cut: Arc<CutCount>,
    settings: Settings,
    bounds: Bounds,
    tls: Option<TlsAcceptor>,
    /// Looks at the first bytes: HTTP/1.1, or HTTP/2 by prior knowledge.
    either: auto::Builder<Streams>,
    /// After ALPN chose `h2`.
    http2: auto::Builder<Streams>,
}

impl<H: Handler> Shared<H> {
    pub(super) fn new(
        settings: Settings,
        tls: Option<&TlsStore>,
        handler: Arc<H>,
        tasks: Tasks,
    ) -> Self {
        let shutdown = Shutdown::new();
        let either = builder(&settings, tasks, shutdown.clone());
        Self {
            handler,
            shutdown,
            cut: Arc::default(),
            bounds: Bounds::new(&settings),
            tls: tls.map(|tls| TlsAcceptor::from(tls.config())),
            http2: either.clone().http2_only(),
            either,
            settings,
        }
    }
}

fn builder(settings: &Settings, tasks: Tasks, shutdown: Shutdown) -> auto::Builder<Streams> {
    let client_idle = settings.client_idle;
    let mut http = auto::Builder::new(Streams { tasks, client_idle, shutdown });
    http.http1()
        .max_headers(FIELDS_MAX)
        // A head must fit into the buffer.
        .max_buf_size(BUFFER_BYTES.max(settings.head_bytes_max))
        // The watch keeps this deadline, since hyper's would cut idle connections too.
        .header_read_timeout(None)
        // A client that shuts its sending side has left: most clients that close look just like that, and an answer
        // that nobody takes is billed all the same. One that only half-closes is told so with 400.
        .half_close(false)
        // Would copy every body into one buffer, for clients that pipeline; no SDK does.
        .pipeline_flush(false);
    http.http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(settings.http2_streams_max)
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .adaptive_window(false)
        .max_header_list_size(u32::try_from(settings.head_bytes_max).unwrap_or(u32::MAX))
        // Bytes of one answer that wait in memory for a slow client.
        .max_send_buf_size(BUFFER_BYTES)
        .keep_alive_interval(PING_EVERY)
        .keep_alive_timeout(PING_TIMEOUT)
        .max_pending_accept_reset_streams(PENDING_RESETS_MAX);
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
    // An IPv4 client of a dual-stack socket is an IPv4 client.
    let socket = SocketAddr::new(socket.ip().to_canonical(), socket.port());
    let peer = Peer { remote: socket, socket, tls: shared.tls.is_some(), http2: false };
    let Some((stream, peer)) = open(&shared, stream, peer).await else { return };
    let over_http2 = match &stream {
        Stream::Plain(_) => false,
        Stream::Tls(stream) => stream.get_ref().1.alpn_protocol() == Some(b"h2"),
    };
    let head = (!over_http2).then(|| HeadGuard::new(shared.settings.head_bytes_max));
    let traffic = Traffic::new(shared.shutdown.clone(), Arc::clone(&shared.cut));
    let guard = Guard::new(stream, head, Arc::clone(&shared.handler), traffic);
    drive(&shared, guard, peer).await;
}

/// What comes before HTTP: the PROXY header and the handshake, together within `head_timeout`. A connection that is
/// not further when the drain begins has asked for nothing yet and is closed.
async fn open<H: Handler>(
    shared: &Shared<H>,
    mut stream: TcpStream,
    mut peer: Peer,
) -> Option<(Stream, Peer)> {
    if !shared.settings.proxy_protocol && shared.tls.is_none() {
        return Some((Stream::Plain(stream), peer));
    }
    let deadline = tokio::time::Instant::from(clock::now() + shared.settings.head_timeout);
    let draining = shared.shutdown.reached(Stage::Draining);
    // Boxed, so that the long life of the connection does not carry the room for its first moments.
    let opening = Box::pin(async {
        if shared.settings.proxy_protocol {
            let origin = tokio::time::timeout_at(deadline, origin(shared, &mut stream, peer));
            match origin.await.unwrap_or(Err(None)) {
                Ok(Origin::Client(client)) => peer.remote = client,
                Ok(Origin::Unsaid) => {}
                Err(error) => {
                    let notice = Notice::ProxyRefused { peer: peer.socket, error };
                    shared.handler.notice(&notice);
                    return None;
                }
            }
        }
        let Some(tls) = &shared.tls else { return Some((Stream::Plain(stream), peer)) };
        let error = match tokio::time::timeout_at(deadline, tls.accept(stream)).await {
            Ok(Ok(stream)) => return Some((Stream::Tls(Box::new(stream)), peer)),
            Ok(Err(error)) => Some(error),
            Err(_elapsed) => None,
        };
        shared.handler.notice(&Notice::HandshakeFailed { peer: peer.remote, error });
        None
    });
    tokio::select! {
        opened = opening => opened,
        () = draining => None,
    }
}

/// Whom the PROXY header names. Only a trusted proxy is listened to.
async fn origin<H: Handler>(
    shared: &Shared<H>,
    stream: &mut TcpStream,
    peer: Peer,
) -> Result<Origin, Option<ProxyError>> {
    let ip = peer.socket.ip();
    if !shared.settings.trusted_proxies.iter().any(|proxies| proxies.contains(&ip)) {
        return Err(None);
    }
    proxy_protocol::read(stream).await.map_err(Some)
}

async fn drive<H: Handler>(shared: &Arc<Shared<H>>, guard: Guard<H>, peer: Peer) {
    let traffic = Arc::clone(guard.traffic());
    let http = if guard.http2() { &shared.http2 } else { &shared.either };
    let service = service_fn(|request| exchange(shared, &traffic, peer, request));
    let mut connection = pin!(http.serve_connection(TokioIo::new(guard), service));
    let mut moved = pin!(shared.shutdown.moved());
    let mut timer = pin!(tokio::time::sleep(shared.bounds.shortest()));
    let mut seen = Stage::Running;
    // Both bells ring in this task, so they are hung up once and not polled at every read and write.
    let mut hung = None;
    let mut ending = false;
    let mut turns = Turns::default();
    poll_fn(|context| {
        loop {
            if turns.poll(context, |context| connection.as_mut().poll(context)).is_ready() {
                return Poll::Ready(());
            }
            let stage = shared.shutdown.stage();
            if stage == Stage::Cutting {
                traffic.abandon();
                return Poll::Ready(());
            }
            if stage > seen {
                seen = stage;
                moved.set(shared.shutdown.moved());
                hung = None;
                connection.as_mut().graceful_shutdown();
                continue;
            }
            if timer.is_elapsed() {
                let now = clock::now();
                let next = match shared.bounds.look(traffic.waiting(), now) {
                    Finding::LookAt(next) => next,
                    Finding::Stalled => {
                        shared.handler.notice(&Notice::WriteStalled { peer: peer.remote });
                        return Poll::Ready(());
                    }
                    Finding::SlowHead | Finding::Idle if ending => return Poll::Ready(()),
                    finding @ (Finding::SlowHead | Finding::Idle) => {
                        ending = true;
                        if finding == Finding::SlowHead {
                            traffic.set_overdue();
                        } else {
                            connection.as_mut().graceful_shutdown();
                        }
                        now + LAST_WORDS
                    }
                };
                timer.as_mut().reset(next.into());
                hung = None;
                continue;
            }
            if hung.as_ref().is_some_and(|waker| context.waker().will_wake(waker)) {
                return Poll::Pending;
            }
            hung = Some(context.waker().clone());
            // Either may have rung already; then the loop looks again.
            let rang = moved.as_mut().poll(context).is_ready();
            // Out of its budget, after a burst of writes say, tokio would say "later" without hanging the bell up.
            let mut bell = tokio::task::unconstrained(timer.as_mut());
            if Pin::new(&mut bell).poll(context).is_pending() && !rang {
                return Poll::Pending;
            }
        }
    })
    .await;
    if traffic.closing() {
        shared.cut.connection();
    }
}

/// Hands one request to the handler. Owns what it captures, so that an HTTP/2 stream can run in a task of its own.
fn exchange<H: Handler>(
    shared: &Arc<Shared<H>>,
    traffic: &Arc<Traffic>,
    peer: Peer,
    request: http::Request<Incoming>,
) -> impl Future<Output = Result<http::Response<Answer<H::Body>>, Infallible>> + Send + use<H> {
    let exchange = Exchange::begin(traffic);
    let traffic = Arc::clone(traffic);
    let http2 = request.version() == http::Version::HTTP_2;
    let peer = Peer { http2, ..peer };
    let handler = Arc::clone(&shared.handler);
    async move {
        let mut call = pin!(Arc::clone(&handler).call(request, peer));
        // The future is not polled again after a panic, and is dropped with the exchange.
        let mut call = pin!(when_woken(poll_fn(|context| {
            match catch_unwind(AssertUnwindSafe(|| call.as_mut().poll(context))) {
                Ok(poll) => poll.map(Ok),
                Err(panic) => Poll::Ready(Err(panic)),
            }
        })));
        // The end of the drain wakes the connection and not the call, which waits for its node.
        let caught = poll_fn(|context| match call.as_mut().poll(context) {
            Poll::Pending if traffic.closing() => Poll::Ready(Ok(handler.drained())),
            poll @ (Poll::Ready(_) | Poll::Pending) => poll,
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
        Ok(response.map(|body| exchange.answer(body, H::last_words)))
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
