//! Accepts admin connections, each under bounds, until told to stop.
//!
//! By hand over hyper, since axum's own server bounds neither the head of a request nor the time it
//! takes. It never opens a socket: the listener is handed in.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

use super::{Admin, router};

/// Connections open at once: scrapers, probes and a few people. One more waits in the kernel's queue.
const CONNECTIONS_MAX: u32 = 64;

/// The largest request head: hyper's least buffer, several times what a scraper sends.
const HEAD_BYTES_MAX: usize = 8 * 1024;

/// Fields in a head; a browser sends about twenty.
const FIELDS_MAX: usize = 64;

/// A head takes no longer than this, and an idle connection is closed after it; scrapers come back every 15 s.
const HEAD_TIMEOUT: Duration = Duration::from_secs(30);

/// After an accept that failed for want of file descriptors, a pause instead of a busy loop.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Answers here are made in memory; a client that has not taken one by then does not want it.
const DRAIN: Duration = Duration::from_secs(1);

/// Serves until `shutdown` is done, then lets running answers end, at most a second.
///
/// `Host` is checked when the listener is bound to a loopback address.
pub async fn serve(listener: TcpListener, admin: Admin, shutdown: impl Future<Output = ()>) {
    let loopback =
        listener.local_addr().is_ok_and(|address| address.ip().to_canonical().is_loopback());
    let tasks = admin.tasks.clone();
    let router = router(admin, loopback);
    let places = Arc::new(Semaphore::new(CONNECTIONS_MAX as usize));
    let (closing, closed) = watch::channel(());
    let mut shutdown = pin!(shutdown);
    loop {
        let accepted = tokio::select! {
            biased;
            () = &mut shutdown => break,
            accepted = accept(&listener, &places) => accepted,
        };
        let Some((stream, place)) = accepted else { continue };
        tasks.spawn(connection(stream, router.clone(), closed.clone(), place));
    }
    drop(listener);
    drop(closing);
    // All places free means that every connection has ended; one that hangs is cut by its own bound.
    drop(tokio::time::timeout(DRAIN, places.acquire_many(CONNECTIONS_MAX)).await);
}

/// The next connection with its place; `None` when accepting failed and was paused.
async fn accept(
    listener: &TcpListener,
    places: &Arc<Semaphore>,
) -> Option<(TcpStream, OwnedSemaphorePermit)> {
    let place = Arc::clone(places).acquire_owned().await.ok()?;
    match listener.accept().await {
        Ok((stream, _peer)) => Some((stream, place)),
        Err(_no_descriptor_or_reset) => {
            tokio::time::sleep(ACCEPT_PAUSE).await;
            None
        }
    }
}

async fn connection(
    stream: TcpStream,
    router: Router,
    mut closed: watch::Receiver<()>,
    place: OwnedSemaphorePermit,
) {
    let _place = place;
    // Without it the last packet of an answer waits for the client's delayed ACK; failing changes nothing else.
    drop(stream.set_nodelay(true));
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .max_buf_size(HEAD_BYTES_MAX)
        .max_headers(FIELDS_MAX)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router));
    let mut connection = pin!(connection);
    tokio::select! {
        // A broken connection is the client's affair: nothing is lost, so nothing is said.
        _ended = &mut connection => return,
        _sender_gone = closed.changed() => connection.as_mut().graceful_shutdown(),
    }
    drop(tokio::time::timeout(DRAIN, connection).await);
}
