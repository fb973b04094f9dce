//! The listener and the life of each connection: accepting, TLS, HTTP/1.1 and HTTP/2, faults before the first byte.
//! The one place of the mock that spawns. It never looks into a request.

use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};

use super::serve;
use crate::clock;
use crate::conn::{Conn, Fate, Gate, Socket};
use crate::fault::{Accept, Break};
use crate::state::Shared;
use crate::tls::Tls;

/// Connections the kernel holds until they are accepted: a burst of clients must not see a full queue.
const BACKLOG: i32 = 4096;

/// How long answers under way may take when the mock stops.
const GRACE: Duration = Duration::from_secs(2);

/// After a failed accept (too many files): long enough not to spin, short enough not to be noticed.
const ACCEPT_PAUSE: Duration = Duration::from_millis(20);

/// HTTP/2 windows and streams: wide, so that the mock is never what slows a test.
const HTTP2_WINDOW_BYTES: u32 = 4 * 1024 * 1024;
const HTTP2_STREAMS: u32 = 10_000;

/// HTTP/1.1 buffer: the largest head is 400 KB, far above what any client or gateway sends.
const HTTP1_BUFFER_BYTES: usize = 400 * 1024;

/// Listens on an address; a port that was used a moment ago can be had again at once.
pub(super) fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let domain = socket2::Domain::for_address(address);
    let socket = socket2::Socket::new(domain, socket2::Type::STREAM, None)?;
    socket.set_reuse_address(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    socket.set_nonblocking(true)?;
    TcpListener::from_std(socket.into())
}

/// Starts a task of the mock.
#[expect(
    clippy::disallowed_methods,
    reason = "the mock's one spawn; the handle is kept and awaited or aborted"
)]
pub(super) fn spawn(task: impl Future<Output = ()> + Send + 'static) -> JoinHandle<()> {
    tokio::spawn(task)
}

/// Accepts connections until it is told to stop.
pub(super) struct Acceptor {
    pub(super) shared: Arc<Shared>,
    pub(super) tls: Option<Arc<Tls>>,
    pub(super) address: SocketAddr,
    pub(super) stopping: watch::Receiver<bool>,
    /// Whether the listener should be open; subscribed to before the first change can come.
    pub(super) wanted: watch::Receiver<bool>,
    /// Says whether the listener is open.
    pub(super) opened: watch::Sender<bool>,
}

impl Acceptor {
    /// Runs; owns all connections, so that dropping it ends them.
    pub(super) async fn run(self, listener: TcpListener) {
        let mut connections = JoinSet::new();
        let mut listener = Some(listener);
        let mut stopping = self.stopping.clone();
        let mut wanted = self.wanted.clone();
        loop {
            tokio::select! {
                () = told(&mut stopping) => break,
                _ = wanted.changed() => {
                    let open = *wanted.borrow_and_update();
                    self.reopen(&mut listener, open).await;
                }
                socket = next(listener.as_ref()) => self.accepted(socket, &mut connections).await,
                Some(_) = connections.join_next() => {}
            }
        }
        drop(listener);
        let drained = async { while connections.join_next().await.is_some() {} };
        // Whatever still runs after the grace is aborted with the set.
        tokio::time::timeout(GRACE, drained).await.ok();
    }

    async fn reopen(&self, listener: &mut Option<TcpListener>, open: bool) {
        if !open {
            *listener = None;
        }
        while open && listener.is_none() {
            match listen(self.address) {
                Ok(fresh) => *listener = Some(fresh),
                // Somebody else has the port for the moment.
                Err(_taken) => tokio::time::sleep(ACCEPT_PAUSE).await,
            }
        }
        self.opened.send_replace(open);
    }

    async fn accepted(&self, socket: io::Result<TcpStream>, connections: &mut JoinSet<()>) {
        let Ok(socket) = socket else {
            tokio::time::sleep(ACCEPT_PAUSE).await;
            return;
        };
        self.shared.ledger.connected();
        // Without this, the kernel holds small events back for 40 ms. A peer that has gone makes it fail.
        socket.set_nodelay(true).ok();
        let tap = self.shared.settings.capture.requests > 0;
        let socket = Arc::new(socket);
        let conn = Conn::new(Arc::clone(&socket), self.tls.is_some(), tap);
        match self.shared.standing.connect(clock::now()) {
            None => {}
            Some(Accept::Close) => return,
            Some(Accept::Reset) => {
                conn.kill(Break::Rst);
                return;
            }
            Some(Accept::Stall) => {
                connections.spawn(async move {
                    std::future::pending::<()>().await;
                    drop(conn);
                });
                return;
            }
        }
        let shared = Arc::clone(&self.shared);
        let stopping = self.stopping.clone();
        let socket = Socket(socket);
        match &self.tls {
            None => {
                connections.spawn(run(shared, conn, socket, stopping));
            }
            Some(tls) => {
                let acceptor = tls.acceptor.clone();
                connections.spawn(async move {
                    // A failed handshake has told the client why.
                    if let Ok(stream) = acceptor.accept(socket).await {
                        run(shared, conn, stream, stopping).await;
                    }
                });
            }
        }
    }
}

/// Waits until the mock is told to stop; also when its handle is gone.
async fn told(stopping: &mut watch::Receiver<bool>) {
    stopping.wait_for(|stop| *stop).await.ok();
}

async fn next(listener: Option<&TcpListener>) -> io::Result<TcpStream> {
    match listener {
        Some(listener) => listener.accept().await.map(|(socket, _)| socket),
        None => std::future::pending().await,
    }
}

/// Serves one connection until it ends, is killed, or the mock stops.
async fn run<S>(
    shared: Arc<Shared>,
    conn: Arc<Conn>,
    stream: S,
    mut stopping: watch::Receiver<bool>,
) where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let gate = TokioIo::new(Gate::new(stream, Arc::clone(&conn)));
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(None)
        .max_buf_size(HTTP1_BUFFER_BYTES);
    builder
        .http2()
        .timer(TokioTimer::new())
        .initial_stream_window_size(HTTP2_WINDOW_BYTES)
        .initial_connection_window_size(HTTP2_WINDOW_BYTES)
        .max_concurrent_streams(HTTP2_STREAMS);
    let controls = Arc::clone(&conn);
    let service = service_fn(move |request| {
        serve::handle(Arc::clone(&shared), Arc::clone(&controls), request)
    });
    let mut connection = pin!(builder.serve_connection(gate, service));
    let mut retired = false;
    let served = std::future::poll_fn(|context| {
        loop {
            // Polled before the fate is asked: what was handed to hyper is written before a kill.
            if connection.as_mut().poll(context).is_ready() {
                return Poll::Ready(());
            }
            match conn.fate(context.waker()) {
                Fate::Dead => return Poll::Ready(()),
                Fate::Graceful if !retired => {
                    retired = true;
                    connection.as_mut().graceful_shutdown();
                }
                Fate::Graceful | Fate::Alive => return Poll::Pending,
            }
        }
    });
    let stop = async {
        told(&mut stopping).await;
        conn.retire();
        std::future::pending::<()>().await;
    };
    tokio::select! {
        () = served => {}
        () = stop => {}
    }
}
