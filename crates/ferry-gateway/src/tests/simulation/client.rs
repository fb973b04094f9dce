//! A client of the gateway: one connection, one request, and everything that comes back.

use std::convert::Infallible;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio::time::sleep_until;

use super::api;
use super::network::Network;
use crate::journey::Journey;
use crate::serve::{Handler, Peer};

const PIPE_BYTES: usize = 64 * 1024;
const SOMEBODY: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::new(10, 8, 0, 1)), 999);

/// What a client heard.
#[derive(Debug)]
pub(super) struct Heard {
    pub(super) status: u16,
    pub(super) head: String,
    pub(super) body: String,
    /// The answer ended as its own framing says.
    pub(super) whole: bool,
    /// `None`: the client left.
    pub(super) ended: Option<Duration>,
}

/// One request from its beginning to its end, with the gateway's side of the connection as `serve` has it.
pub(super) async fn call(journey: Arc<Journey>, net: Arc<Network>, number: usize) -> Heard {
    let plan = net.plan.calls[number];
    sleep_until(net.instant(plan.at)).await;
    let (gateways, clients) = tokio::io::duplex(PIPE_BYTES);
    let peer = Peer { remote: SOMEBODY, socket: SOMEBODY, tls: false, http2: false };
    let service = service_fn(|request| {
        let journey = Arc::clone(&journey);
        async move { Ok::<_, Infallible>(journey.call(request, peer).await) }
    });
    let mut http = http1::Builder::new();
    http.header_read_timeout(None).half_close(false).pipeline_flush(false);
    let served = Box::pin(http.serve_connection(TokioIo::new(gateways), service));
    let (heard, _broken) = tokio::join!(hear(&net, number, clients), served);
    heard
}

async fn hear(net: &Network, number: usize, mut pipe: DuplexStream) -> Heard {
    let plan = net.plan.calls[number];
    let kind = if plan.stream { "stream" } else { "whole" };
    net.note(format!("r{number} asked, {kind}"));
    pipe.write_all(&api::ask(number, plan.stream)).await.unwrap();
    let mut bytes = Vec::new();
    let leaves = plan.leaves_after.map_or(Duration::from_hours(1), |after| plan.at + after);
    tokio::select! {
        biased;
        read = pipe.read_to_end(&mut bytes) => {
            read.unwrap();
        }
        () = sleep_until(net.instant(leaves)) => {
            let now = net.now();
            let mut ledger = net.ledger();
            ledger.left[number] = Some(now);
            ledger.note(now, format!("r{number} left"));
            return Heard { ended: None, ..understand(&bytes) };
        }
    }
    let heard = Heard { ended: Some(net.now()), ..understand(&bytes) };
    net.note(format!("r{number} heard {} with {} bytes", heard.status, heard.body.len()));
    heard
}

fn understand(bytes: &[u8]) -> Heard {
    let text = String::from_utf8_lossy(bytes);
    let (head, raw) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
    let status = head.split(' ').nth(1).and_then(|code| code.parse().ok()).unwrap_or(0);
    let head = head.to_ascii_lowercase();
    let (body, whole) = if head.contains("transfer-encoding: chunked") {
        unchunk(raw)
    } else {
        let length = head.split_once("content-length: ").map(|(_, rest)| rest);
        let length = length.and_then(|rest| rest.lines().next()?.parse().ok());
        (raw.to_owned(), length == Some(raw.len()))
    };
    Heard { status, head, body, whole, ended: None }
}

/// The body of a chunked answer, and whether its last chunk is there.
fn unchunk(mut raw: &str) -> (String, bool) {
    let mut body = String::new();
    while let Some((size, rest)) = raw.split_once("\r\n") {
        let Ok(size) = usize::from_str_radix(size, 16) else { return (body, false) };
        if size == 0 {
            return (body, rest == "\r\n");
        }
        let (Some(piece), Some("\r\n")) = (rest.get(..size), rest.get(size..size + 2)) else {
            return (body, false);
        };
        body.push_str(piece);
        raw = rest.get(size + 2..).unwrap();
    }
    (body, false)
}
