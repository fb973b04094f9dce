//! A node and its connections: kept-alive HTTP/1.1 sockets, newest first, and shared HTTP/2
//! connections. Nothing here decides which node is used; nothing is shared between nodes, so a
//! connection never carries a request to a host that it was not opened for.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use http::HeaderValue;
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioIo, TokioTimer};

use super::connection::{Connection, Own};
use super::dial::{DialError, Patience, dial};
use super::outgoing::Outgoing;
use super::settings::{NodeSettings, Settings};
use super::tls::{TlsError, client_config};
use crate::clock;
use crate::tasks::Tasks;

/// Receive windows of an HTTP/2 connection: 10 MB/s over a 600 ms path need 6 MB in flight.
const STREAM_WINDOW: u32 = 6 * 1024 * 1024;
const CONNECTION_WINDOW: u32 = 16 * 1024 * 1024;
/// The head of an answer over HTTP/2; the API's own stay under 8 KiB.
const HEAD_BYTES_MAX: usize = 64 * 1024;
/// What is read at a time, and the most that the head of an answer may have over HTTP/1.1. A live
/// stream keeps one such buffer. Writing has hyper's own bound (408 KB): a large body leaves in few calls.
const READ_BUFFER: usize = 28 * 1024;

/// A node and its connections.
#[derive(Debug)]
pub struct Node {
    /// What the configuration says of it.
    pub settings: Arc<NodeSettings>,
    /// Its name as the value of `x-ferry-node`; shared, so that an answer allocates nothing for it.
    pub name_header: HeaderValue,
    tls: Option<Arc<rustls::ClientConfig>>,
    patience: Patience,
    idle_timeout: Duration,
    idle_max: usize,
    /// Kept over a reload that leaves the way to the node as it is.
    pool: Arc<Mutex<Pool>>,
    opened: AtomicU64,
    tasks: Tasks,
}

#[derive(Default)]
struct Pool {
    idle: VecDeque<(Instant, Box<Own>)>,
    shared: Vec<http2::SendRequest<Outgoing>>,
}

impl std::fmt::Debug for Pool {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pool")
            .field("idle", &self.idle.len())
            .field("shared", &self.shared.len())
            .finish()
    }
}

impl Node {
    /// Prepares a node; opens nothing.
    ///
    /// # Errors
    /// Its CA, certificate or key file cannot be used.
    pub fn new(
        settings: &Arc<NodeSettings>,
        bounds: &Settings,
        tasks: &Tasks,
    ) -> Result<Self, TlsError> {
        let https = settings.url.scheme() == Some(&http::uri::Scheme::HTTPS);
        Ok(Self {
            settings: Arc::clone(settings),
            name_header: HeaderValue::from_str(&settings.name)
                .unwrap_or_else(|_odd_name| HeaderValue::from_static("node")),
            tls: if https { Some(client_config(settings)?) } else { None },
            patience: Patience { connect: bounds.connect_timeout, tls: bounds.tls_timeout },
            idle_timeout: bounds.idle_timeout,
            idle_max: bounds.idle_max,
            pool: Arc::default(),
            opened: AtomicU64::new(0),
            tasks: tasks.clone(),
        })
    }

    /// Takes over the connections of the node that had this name before a reload, when they lead to the
    /// same place in the same way. Headers and keys may have changed: they are not a connection's.
    #[must_use]
    pub fn succeeding(mut self, before: &Self) -> Self {
        if self.settings.leads_like(&before.settings) {
            self.pool = Arc::clone(&before.pool);
            self.opened = AtomicU64::new(before.opened.load(Ordering::Relaxed));
        }
        self
    }

    /// A kept-alive connection that still stands, else a new one. `fresh` asks for a new one.
    ///
    /// # Errors
    /// No address of the node could be reached.
    pub async fn connection(&self, fresh: bool) -> Result<Connection, DialError> {
        if !fresh && let Some(kept) = self.kept() {
            return Ok(kept);
        }
        let dialled = dial(&self.settings, self.tls.as_ref(), self.patience).await?;
        self.opened.fetch_add(1, Ordering::Relaxed);
        let host = || self.settings.url.host().unwrap_or_default().to_owned();
        let failed = |source| DialError::Http { host: host(), source };
        let io = TokioIo::new(dialled.io);
        if dialled.http2 {
            let (sender, driver) = http2::Builder::new(self.tasks.clone())
                .timer(TokioTimer::new())
                .initial_stream_window_size(STREAM_WINDOW)
                .initial_connection_window_size(CONNECTION_WINDOW)
                .max_header_list_size(u32::try_from(HEAD_BYTES_MAX).unwrap_or(u32::MAX))
                .keep_alive_interval(Duration::from_secs(15))
                .keep_alive_timeout(Duration::from_secs(6))
                .handshake(io)
                .await
                .map_err(failed)?;
            drop(self.tasks.spawn(async move {
                // How it ended is told to every stream on it; nobody waits for the driver itself.
                drop(driver.await);
            }));
            self.pool().shared.push(sender.clone());
            return Ok(Connection::Http2(sender));
        }
        let (sender, driver) = http1::Builder::new()
            .read_buf_exact_size(Some(READ_BUFFER))
            .handshake(io)
            .await
            .map_err(failed)?;
        Ok(Connection::Http1(Box::new(Own::new(sender, driver))))
    }

    /// Takes a connection back after an answer that ended cleanly.
    pub fn give_back(&self, connection: Connection) {
        let Connection::Http1(mut own) = connection else { return };
        if !own.is_usable() {
            return;
        }
        own.reused = true;
        let mut pool = self.pool();
        if pool.idle.len() >= self.idle_max {
            pool.idle.pop_front();
        }
        pool.idle.push_back((clock::now(), own));
    }

    /// Closes what has been idle too long or was closed by the node. Called now and then.
    pub fn sweep(&self, now: Instant) {
        let mut pool = self.pool();
        pool.idle.retain_mut(|(since, own)| {
            now.saturating_duration_since(*since) < self.idle_timeout && own.is_usable()
        });
        pool.shared.retain(|sender| !sender.is_closed());
    }

    /// Closes every idle connection, after one of them was found dead.
    pub fn forget_idle(&self) {
        self.pool().idle.clear();
    }

    /// Idle HTTP/1.1 connections, shared HTTP/2 connections, and how many were ever opened.
    pub fn counts(&self) -> (usize, usize, u64) {
        let pool = self.pool();
        (pool.idle.len(), pool.shared.len(), self.opened.load(Ordering::Relaxed))
    }

    fn kept(&self) -> Option<Connection> {
        let now = clock::now();
        loop {
            let (since, mut own) = {
                let mut pool = self.pool();
                pool.shared.retain(|sender| !sender.is_closed());
                if let Some(sender) = pool.shared.iter().find(|sender| sender.is_ready()) {
                    return Some(Connection::Http2(sender.clone()));
                }
                pool.idle.pop_back()?
            };
            if now.saturating_duration_since(since) < self.idle_timeout && own.is_usable() {
                return Some(Connection::Http1(own));
            }
        }
    }

    fn pool(&self) -> MutexGuard<'_, Pool> {
        self.pool.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
