//! The listener over real sockets, with a handler that answers by path.

mod exhaustion;
mod http1;
mod http2;
mod proxy;
mod secure;

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full};
use tokio::net::TcpStream;
use tokio::sync::{Notify, mpsc};
use tokio::task::JoinHandle;

use super::*;
use crate::tasks::Tasks;

/// Answers by path, and tells what it sees.
struct Echo {
    open: AtomicI64,
    opened: Notify,
    notices: mpsc::Sender<String>,
    /// `/wait` answers when this is rung.
    go: Notify,
    /// `/wait` tells here that it has begun (`begun`) and that it was dropped (`dropped`).
    events: mpsc::Sender<&'static str>,
}

struct Dropped(mpsc::Sender<&'static str>);

impl Drop for Dropped {
    fn drop(&mut self) {
        let _sent = self.0.try_send("dropped");
    }
}

/// An answer that never ends.
struct Flood(#[expect(dead_code, reason = "tells when it is dropped")] Dropped);

impl http_body::Body for Flood {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        self: Pin<&mut Self>,
        _context: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Result<http_body::Frame<Bytes>, BoxError>>> {
        let bytes = Bytes::from_static(&[b'x'; 16 * 1024]);
        std::task::Poll::Ready(Some(Ok(http_body::Frame::data(bytes))))
    }
}

type EchoBody = BoxBody<Bytes, BoxError>;

fn body(bytes: impl Into<Bytes>) -> EchoBody {
    Full::new(bytes.into()).map_err(|never| match never {}).boxed()
}

impl Handler for Echo {
    type Body = EchoBody;

    async fn call(
        self: Arc<Self>,
        request: http::Request<Incoming>,
        peer: Peer,
    ) -> http::Response<EchoBody> {
        match request.uri().path() {
            "/peer" => http::Response::new(body(format!(
                "{} tls={} http2={}",
                peer.remote, peer.tls, peer.http2
            ))),
            "/panic" => panic!("boom"),
            "/wait" => {
                let _dropped = Dropped(self.events.clone());
                let _sent = self.events.try_send("begun");
                self.go.notified().await;
                http::Response::new(body("done"))
            }
            "/read" => {
                let _dropped = Dropped(self.events.clone());
                let mut upload = request.into_body();
                while let Some(Ok(_frame)) = upload.frame().await {
                    let _sent = self.events.try_send("begun");
                }
                http::Response::new(body("read"))
            }
            "/refuse" => {
                let drained = drain_body(request.into_body(), DRAIN_BYTES, DRAIN_TIME).await;
                let _sent = self.events.try_send(if drained { "drained" } else { "gave up" });
                http::Response::new(body(format!("drained {drained}")))
            }
            "/flood" => http::Response::new(Flood(Dropped(self.events.clone())).boxed()),
            // The request's body flows back as it comes.
            _ => http::Response::new(request.into_body().map_err(Into::into).boxed()),
        }
    }

    fn panicked(&self, message: &str) -> http::Response<EchoBody> {
        let mut response = http::Response::new(body(message.to_owned()));
        *response.status_mut() = http::StatusCode::INTERNAL_SERVER_ERROR;
        response
    }

    fn drained(&self) -> http::Response<EchoBody> {
        let mut response = http::Response::new(body("drained"));
        *response.status_mut() = http::StatusCode::SERVICE_UNAVAILABLE;
        response
    }

    fn refuse_bytes(&self, why: &FramingError) -> Bytes {
        let text = format!("{why:?}");
        let length = text.len();
        format!("HTTP/1.1 400 Bad Request\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{text}")
            .into()
    }

    fn cut_bytes(&self, why: Cut) -> Bytes {
        format!("HTTP/1.1 408 Request Timeout\r\nconnection: close\r\ncontent-length: 0\r\nx: {why:?}\r\n\r\n")
            .into()
    }

    fn connections(&self, change: i64) {
        self.open.fetch_add(change, Ordering::SeqCst);
        self.opened.notify_waiters();
    }

    fn notice(&self, notice: &Notice) {
        let _sent = self.notices.try_send(format!("{notice:?}"));
    }
}

/// A running server and what a test needs to talk to it.
struct Running {
    address: SocketAddr,
    echo: Arc<Echo>,
    shutdown: Shutdown,
    server: JoinHandle<Drained>,
    events: mpsc::Receiver<&'static str>,
    notices: mpsc::Receiver<String>,
}

fn settings() -> Settings {
    Settings {
        listen: "127.0.0.1:0".parse().unwrap(),
        tls: None,
        proxy_protocol: false,
        trusted_proxies: Vec::new(),
        connections_max: 100,
        head_bytes_max: 16 * 1024,
        head_timeout: Duration::from_mins(1),
        keep_alive_idle: Duration::from_mins(1),
        client_idle: Duration::from_mins(1),
        http2_streams_max: 100,
        drain: Duration::from_mins(1),
    }
}

fn start(settings: Settings) -> Running {
    start_server(settings, |server| server)
}

fn start_server(settings: Settings, with: impl FnOnce(Server) -> Server) -> Running {
    let listener = Listener::bind(settings.listen).unwrap();
    let address = listener.local_addr();
    let (notices, notices_seen) = mpsc::channel(16);
    let (events, events_seen) = mpsc::channel(16);
    let echo = Arc::new(Echo {
        open: AtomicI64::new(0),
        opened: Notify::new(),
        notices,
        go: Notify::new(),
        events,
    });
    let shutdown = Shutdown::new();
    let tasks = Tasks::default();
    let server = with(Server::new(settings, tasks.clone()));
    let server = tasks.spawn(server.run(listener, Arc::clone(&echo), shutdown.clone()));
    Running { address, echo, shutdown, server, events: events_seen, notices: notices_seen }
}

impl Running {
    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    async fn stop(self) -> Drained {
        self.shutdown.drain();
        self.server.await.unwrap()
    }
}
