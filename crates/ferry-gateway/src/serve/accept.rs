//! The accept loop: takes connections while there is room, pauses when the system is out of something, drains at the end.
//!
//! Never refuses a connection for lack of room: it waits in the kernel's queue until one of ours has ended.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use socket2::{SockRef, TcpKeepalive};
use tokio::net::TcpStream;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::connection::{self, Shared};
use super::{Handler, Listener, Notice, Settings, Shutdown, Stage, TlsStore};
use crate::tasks::Tasks;

/// The first pause when descriptors or memory are out, and the longest: connections end many times a second on a
/// busy gateway, so a tenth of a second finds room soon, and a second costs no processor time.
const PAUSE: Duration = Duration::from_millis(100);
const PAUSE_MAX: Duration = Duration::from_secs(1);

/// Dead peers (a laptop shut, a NAT entry lost) are found after about 60 + 4 x 15 s.
const KEEPALIVE_AFTER: Duration = Duration::from_mins(1);
const KEEPALIVE_EVERY: Duration = Duration::from_secs(15);

/// For the last words of what outlasts the drain: one event over a slow path, and no wait that a supervisor would notice.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// A listener's settings and what it needs, ready to run.
#[derive(Debug)]
pub struct Server {
    settings: Settings,
    tls: Option<Arc<TlsStore>>,
    tasks: Tasks,
}

/// What outlasted the drain.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Drained {
    /// Connections that were still open.
    pub connections: usize,
    /// Requests on them that had no complete answer.
    pub requests: usize,
}

/// Counts what outlasts the drain.
#[derive(Debug, Default)]
pub(super) struct CutCount {
    connections: AtomicUsize,
    requests: AtomicUsize,
}

impl CutCount {
    pub(super) fn connection(&self) {
        self.connections.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn requests(&self, requests: usize) {
        self.requests.fetch_add(requests, Ordering::Relaxed);
    }
}

impl Server {
    /// A server that speaks cleartext HTTP/1.1 and HTTP/2 until told otherwise.
    pub fn new(settings: Settings, tasks: Tasks) -> Self {
        Self { settings, tls: None, tasks }
    }

    /// Speaks TLS with this certificate, and nothing else.
    #[must_use]
    pub fn with_tls(self, tls: Arc<TlsStore>) -> Self {
        Self { tls: Some(tls), ..self }
    }

    /// Serves until `shutdown` moves to draining and the drain is over. What still runs `settings.drain` after that, or
    /// when `shutdown` moves to cutting, is counted, has a second for the handler's last words, and is cut.
    pub async fn run<H: Handler>(
        self,
        listener: Listener,
        handler: Arc<H>,
        shutdown: Shutdown,
    ) -> Drained {
        let Self { settings, tls, tasks } = self;
        let drain = settings.drain;
        let room = u32::try_from(settings.connections_max).unwrap_or(u32::MAX);
        let room = room.clamp(1, u32::try_from(Semaphore::MAX_PERMITS).unwrap_or(u32::MAX));
        let permits = Arc::new(Semaphore::new(room as usize));
        let shared = Arc::new(Shared::new(settings, tls.as_deref(), handler, tasks.clone()));

        let mut acceptor = Acceptor { listener, permits, shared, tasks, pause: None };
        tokio::select! {
            () = acceptor.run() => {}
            () = shutdown.reached(Stage::Draining) => {}
        }
        let Acceptor { listener, permits, shared, .. } = acceptor;
        // From here on the kernel refuses connections, so that a balancer goes elsewhere at once.
        drop(listener);

        shared.shutdown.drain();
        // All permits are back when all connections have ended.
        let ended = || async { drop(permits.acquire_many(room).await) };
        tokio::select! {
            () = ended() => {}
            () = tokio::time::sleep(drain) => {}
            () = shutdown.reached(Stage::Cutting) => {}
        }
        if permits.available_permits() < room as usize {
            shared.handler.notice(&Notice::DrainOver);
        }
        shared.shutdown.close();
        tokio::select! {
            () = ended() => {}
            () = tokio::time::sleep(LAST_WORDS) => {}
        }
        shared.shutdown.cut();
        ended().await;
        Drained {
            connections: shared.cut.connections.load(Ordering::Relaxed),
            requests: shared.cut.requests.load(Ordering::Relaxed),
        }
    }
}

struct Acceptor<H: Handler> {
    listener: Listener,
    permits: Arc<Semaphore>,
    shared: Arc<Shared<H>>,
    tasks: Tasks,
    /// Present while an episode of exhaustion lasts: how long the next pause is.
    pause: Option<Duration>,
}

impl<H: Handler> Acceptor<H> {
    async fn run(&mut self) {
        loop {
            // Never closed, so an error cannot happen; ending the loop is the harmless answer.
            let Ok(permit) = Arc::clone(&self.permits).acquire_owned().await else { return };
            match self.listener.socket.accept().await {
                Ok((stream, remote)) => {
                    if self.pause.take().is_some() {
                        self.shared.handler.notice(&Notice::AcceptResumed);
                    }
                    self.open(stream, remote, permit);
                }
                Err(error) if exhausted(&error) => {
                    drop(permit);
                    self.wait(error).await;
                }
                // The client left while it waited in the queue (ECONNABORTED and the network errors that Linux
                // passes on from the new socket): nothing is wrong with the listener.
                Err(_) => drop(permit),
            }
        }
    }

    async fn wait(&mut self, error: io::Error) {
        let pause = self.pause.unwrap_or(PAUSE);
        if self.pause.is_none() {
            self.shared.handler.notice(&Notice::AcceptPaused { error });
        }
        self.pause = Some((pause * 2).min(PAUSE_MAX));
        tokio::time::sleep(pause).await;
    }

    fn open(&self, stream: TcpStream, remote: SocketAddr, permit: OwnedSemaphorePermit) {
        // Both fail only on a connection that is gone already, which the first read will tell.
        drop(prepare(&stream));
        let shared = Arc::clone(&self.shared);
        drop(self.tasks.spawn(async move {
            let _permit = permit;
            connection::serve(shared, stream, remote).await;
        }));
    }
}

/// Without `TCP_NODELAY` an event of a stream waits up to 40 ms for the acknowledgement of the one before.
pub(super) fn prepare(stream: &TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let keepalive = TcpKeepalive::new().with_time(KEEPALIVE_AFTER).with_interval(KEEPALIVE_EVERY);
    SockRef::from(stream).set_tcp_keepalive(&keepalive)
}

/// The process or the machine is out of descriptors, buffers or memory: the next accept would fail just so.
fn exhausted(error: &io::Error) -> bool {
    use rustix::io::Errno;
    Errno::from_io_error(error).is_some_and(|errno| {
        [Errno::MFILE, Errno::NFILE, Errno::NOMEM, Errno::NOBUFS].contains(&errno)
    })
}
