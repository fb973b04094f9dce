//! A node and the way to its connections: a kept one where there is one, else a new one. Nothing here
//! decides which node is used; nothing is shared between nodes, so a connection never carries a request
//! to a host that it was not opened for.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use http::HeaderValue;
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioIo, TokioTimer};

use super::connection::{Connection, Own};
use super::dial::{DialError, Patience, dial};
use super::io::NodeIo;
use super::pool::{Pool, Seats};
use super::settings::{HttpVersion, NodeSettings, Settings};
use super::tls::{Tls, TlsError};
use crate::tasks::Tasks;

/// What one stream may send ahead of its reader: 3.5 MB/s over a path of 600 ms, far above what a model
/// writes, and what a client that stopped reading costs.
const STREAM_WINDOW: u32 = 2 * 1024 * 1024;
/// The largest there is (RFC 9113 section 6.9.1). Unread bytes count against the connection until they are
/// read, so with a smaller one a few stuck readers would hold up every other stream; each is bounded
/// by its own window.
const CONNECTION_WINDOW: u32 = (1 << 31) - 1;
/// PING after this much silence, also without a stream, and how long its answer may take: a dead path is
/// known within about 20 s, like that of an HTTP/1.1 connection (dial.rs), and not by the next request.
const PING_AFTER: Duration = Duration::from_secs(15);
const PING_PATIENCE: Duration = Duration::from_secs(6);
/// The head of an answer over HTTP/2; the API's own stay under 8 KiB.
const HEAD_BYTES_MAX: u32 = 64 * 1024;
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
    tls: Option<Tls>,
    patience: Patience,
    idle_timeout: Duration,
    idle_max: usize,
    /// Kept over a reload that leaves the way to the node as it is.
    pool: Arc<Pool>,
    tasks: Tasks,
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
            tls: if https { Some(Tls::of(settings)?) } else { None },
            patience: Patience { connect: bounds.connect_timeout, tls: bounds.tls_timeout },
            idle_timeout: bounds.idle_timeout,
            idle_max: bounds.idle_max,
            pool: Arc::new(Pool::new(tasks)),
            tasks: tasks.clone(),
        })
    }

    /// Takes over the connections of the node that had this name before a reload, when they lead to the
    /// same place in the same way. Headers and keys may have changed: they are not a connection's.
    #[must_use]
    pub fn succeeding(mut self, before: &Self) -> Self {
        let files = |node: &Self| node.tls.as_ref().map(|tls| tls.files);
        if self.settings.leads_like(&before.settings) && files(&self) == files(before) {
            self.pool = Arc::clone(&before.pool);
        }
        self
    }

    /// A kept-alive connection that still stands, else a new one. `fresh` asks for a new one. Where
    /// the new one will be shared, others wait for it instead of opening their own.
    ///
    /// # Errors
    /// No address of the node could be reached.
    pub async fn connection(&self, fresh: bool) -> Result<Connection, DialError> {
        if fresh {
            return self.open().await;
        }
        if let Some(kept) = self.pool.take(self.idle_timeout) {
            return Ok(kept);
        }
        if !self.may_share() {
            return self.open().await;
        }
        let mut turn = self.pool.turn().await?;
        if let Some(kept) = self.pool.take(self.idle_timeout) {
            return Ok(kept);
        }
        if !self.may_share() {
            // The dial that was waited for agreed on HTTP/1.1: each needs its own.
            drop(turn);
            return self.open().await;
        }
        let dialled = self.open().await;
        self.pool.end_turn(&mut turn, dialled)
    }

    /// True when a connection may turn out to carry many streams: always until a handshake says no.
    fn may_share(&self) -> bool {
        match self.settings.http {
            HttpVersion::Http1 => false,
            HttpVersion::Http2 => true,
            HttpVersion::Auto => self.tls.is_some() && self.pool.speaks_http2() != Some(false),
        }
    }

    async fn open(&self) -> Result<Connection, DialError> {
        let tls = self.tls.as_ref().map(|tls| &tls.config);
        let dialled = dial(&self.settings, tls, &self.pool.lookup, self.patience).await?;
        self.pool.opened(dialled.http2);
        let io = TokioIo::new(dialled.io);
        let opened = if dialled.http2 { self.open_http2(io).await } else { open_http1(io).await };
        opened.map_err(|source| {
            let host = self.settings.url.host().unwrap_or_default().to_owned();
            DialError::Http { host, source }
        })
    }

    async fn open_http2(&self, io: TokioIo<NodeIo>) -> hyper::Result<Connection> {
        let (sender, mut driver) = http2::Builder::new(self.tasks.clone())
            .timer(TokioTimer::new())
            .initial_stream_window_size(STREAM_WINDOW)
            .initial_connection_window_size(CONNECTION_WINDOW)
            .max_header_list_size(HEAD_BYTES_MAX)
            .keep_alive_interval(PING_AFTER)
            .keep_alive_timeout(PING_PATIENCE)
            .keep_alive_while_idle(true)
            .handshake(io)
            .await?;
        let seats = Seats::new();
        let granted = Arc::clone(&seats);
        drop(self.tasks.spawn(async move {
            let ended = poll_fn(|cx| {
                let ended = Pin::new(&mut driver).poll(cx);
                granted.grant(driver.current_max_send_streams());
                ended
            });
            // How it ended is told to every stream on it; nobody waits for the driver itself.
            drop(ended.await);
        }));
        Ok(self.pool.share(sender, seats))
    }

    /// Takes a connection back after an answer that ended cleanly. A stream of a shared one is just over.
    pub fn give_back(&self, connection: Connection) {
        let Connection::Http1(mut own) = connection else { return };
        if own.is_usable() {
            own.reused = true;
            self.pool.keep(own, self.idle_max);
        }
    }

    /// Closes what has been idle too long or was closed by the node. Called now and then.
    pub fn sweep(&self, now: Instant) {
        self.pool.sweep(now, self.idle_timeout);
    }

    /// Closes every idle HTTP/1.1 connection, after one of them was found dead.
    pub fn forget_idle(&self) {
        self.pool.forget_idle();
    }

    /// Idle HTTP/1.1 connections, shared HTTP/2 connections, and how many were ever opened.
    pub fn counts(&self) -> (usize, usize, u64) {
        self.pool.counts()
    }
}

async fn open_http1(io: TokioIo<NodeIo>) -> hyper::Result<Connection> {
    let (sender, driver) =
        http1::Builder::new().read_buf_exact_size(Some(READ_BUFFER)).handshake(io).await?;
    Ok(Connection::Http1(Box::new(Own::new(sender, driver))))
}

#[cfg(test)]
mod tests;
