//! The life of one request: head, body, faults before the head, the route's answer, faults behind it.
//! It decides no content and knows no path but the mock's own `/__mock`.

#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "each pass over the faults acts on the few that are its own"
)]

use std::sync::Arc;
use std::time::Duration;

use hyper::body::Incoming;
use hyper::http::request::Parts;
use hyper::http::uri::Authority;
use hyper::{HeaderMap, Request, Response, Version};

use super::control;
use super::intake::{self, Intake};
use super::stage::{Stage, stage};
use crate::body::{MockBody, Stopped};
use crate::conn::Conn;
use crate::dice::{self, Dice, mix};
use crate::exchange::{Arrived, Payload, Reply};
use crate::fault::{Break, Failure, Fault, FaultError, Point};
use crate::knobs::Knobs;
use crate::ledger::Captured;
use crate::refusal::Refusal;
use crate::route;
use crate::state::Shared;

/// Answers a request.
pub(super) async fn handle(
    shared: Arc<Shared>,
    conn: Arc<Conn>,
    request: Request<Incoming>,
) -> Result<Response<MockBody>, Stopped> {
    let raw_head = conn.take_head();
    let (parts, body) = request.into_parts();
    if parts.uri.path().starts_with("/__mock") {
        let intake = intake::take(body, control::BODY_BYTES_MAX).await.unwrap_or_default();
        conn.expect_head();
        return Ok(control::answer(&shared, &parts, &intake.bytes));
    }
    let number = shared.ledger.number();
    let mut faults =
        shared.standing.strike(parts.method.as_str(), parts.uri.path(), crate::clock::now());
    let mut visit = Visit { shared, conn, number, request_id: String::new() };
    visit.request_id = dice::id("req_", visit.shared.settings.seed ^ mix(number));
    if let Some(failure) = early(&faults, &parts.headers) {
        let reply = visit.refuse(&Refusal::of(&failure));
        return Ok(visit.finish(&parts, reply, &Knobs::default(), &[]));
    }
    let bound = route::body_bound(parts.uri.path()).max(visit.shared.ledger.capture().body_bytes);
    let Some(intake) = intake::take(body, bound).await else {
        visit.shared.ledger.answered(&parts.method, parts.uri.path(), 0);
        return Err(Stopped::with(u32::from(h2::Reason::CANCEL)));
    };
    visit.conn.expect_head();
    visit.keep(&parts, &intake, raw_head);
    let knobs = match Knobs::read(&parts.headers, &intake.bytes) {
        Ok(knobs) => knobs,
        Err(error) => {
            let reply = visit.refuse(&Refusal::invalid(error.to_string()));
            return Ok(visit.finish(&parts, reply, &Knobs::default(), &[]));
        }
    };
    faults.extend(knobs.faults.iter().cloned());
    visit.before_head(&faults, &parts).await?;
    let reply = match replaced(&faults) {
        Some(reply) => reply.unwrap_or_else(|refusal| visit.refuse(&refusal)),
        None => visit.route(&parts, &intake, &knobs).await,
    };
    Ok(visit.finish(&parts, reply, &knobs, &faults))
}

/// One request under way.
struct Visit {
    shared: Arc<Shared>,
    conn: Arc<Conn>,
    number: u64,
    request_id: String,
}

impl Visit {
    fn refuse(&self, refusal: &Refusal) -> Reply {
        Reply::refusal(refusal, &self.request_id)
    }

    fn keep(&self, parts: &Parts, intake: &Intake, raw_head: Option<bytes::Bytes>) {
        let capture = self.shared.ledger.capture();
        if capture.requests == 0 {
            return;
        }
        let whole = intake.bytes.len() <= capture.body_bytes && !intake.cut();
        let body = intake.bytes.slice(..intake.bytes.len().min(capture.body_bytes));
        let long_digest = match intake.digest {
            Some(digest) => Some(digest),
            None if whole => None,
            None => Some(dice::fnv1a(dice::FNV_START, &intake.bytes)),
        };
        // A slice would keep the whole body alive.
        let body = if whole { body } else { bytes::Bytes::copy_from_slice(&body) };
        self.shared.ledger.keep(Captured {
            number: self.number,
            method: parts.method.clone(),
            uri: parts.uri.clone(),
            version: parts.version,
            headers: parts.headers.clone(),
            raw_head,
            body,
            body_len: intake.len,
            long_digest,
        });
    }

    /// Plays the faults that strike before anything is answered.
    async fn before_head(&self, faults: &[Fault], parts: &Parts) -> Result<(), Stopped> {
        let unanswered = || self.shared.ledger.answered(&parts.method, parts.uri.path(), 0);
        for fault in faults {
            match fault {
                Fault::Delay { ms } => tokio::time::sleep(Duration::from_millis(*ms)).await,
                Fault::Stall { at: Point::Head, ms: Some(ms) } => {
                    tokio::time::sleep(Duration::from_millis(*ms)).await;
                }
                Fault::Stall { at: Point::Head, ms: None } => {
                    unanswered();
                    std::future::pending::<()>().await;
                }
                Fault::Cut { at: Point::Head, how } => {
                    unanswered();
                    self.conn.kill(*how);
                    std::future::pending::<()>().await;
                }
                Fault::StreamReset { at: Point::Head, code } => {
                    unanswered();
                    return Err(Stopped::with(*code));
                }
                Fault::Goaway { graceful: true, .. } => self.conn.retire(),
                Fault::Goaway { last, graceful: false } => {
                    unanswered();
                    if parts.version == Version::HTTP_2 {
                        self.conn.kill_with(goaway(*last));
                    } else {
                        self.conn.kill(Break::Fin);
                    }
                    std::future::pending::<()>().await;
                }
                Fault::Refuse { ms } => self.refuse_connects(*ms),
                _ => {}
            }
        }
        Ok(())
    }

    /// Closes the listener for a while; the task is part of no connection, since those may end first.
    fn refuse_connects(&self, ms: u64) {
        self.shared.listening.send_replace(false);
        let shared = Arc::clone(&self.shared);
        drop(super::accept::spawn(async move {
            tokio::time::sleep(Duration::from_millis(ms)).await;
            shared.listening.send_replace(true);
        }));
    }

    async fn route(&self, parts: &Parts, intake: &Intake, knobs: &Knobs) -> Reply {
        let arrived = Arrived {
            method: &parts.method,
            path: parts.uri.path(),
            query: parts.uri.query(),
            headers: &parts.headers,
            base: base(&self.conn, parts),
            body: &intake.bytes,
            body_len: intake.len,
            body_digest: intake.digest,
            knobs,
            number: self.number,
        };
        if intake.cut() && route::keeps_body(arrived.path) {
            return self.refuse(&Refusal::too_large());
        }
        let reply = match route::answer(&self.shared, &arrived).await {
            Ok(reply) => reply,
            Err(refusal) => return self.refuse(&refusal),
        };
        if let Some(latency) = knobs.latency {
            tokio::time::sleep(latency).await;
        }
        let wait = self.thinking_time(&reply, knobs);
        if !wait.is_zero() {
            tokio::time::sleep(wait).await;
        }
        reply
    }

    /// How long an answer that is not streamed takes to make.
    fn thinking_time(&self, reply: &Reply, knobs: &Knobs) -> Duration {
        let timing = self.shared.settings.timing;
        if reply.generation.is_none() || matches!(reply.payload, Payload::Events(_)) {
            return Duration::ZERO;
        }
        let mut dice = Dice::new(self.shared.settings.seed ^ self.number);
        let first = knobs.ttfb.unwrap_or_else(|| timing.first(&mut dice));
        first + timing.tokens(reply.tokens, &mut dice)
    }

    fn finish(
        &self,
        parts: &Parts,
        reply: Reply,
        knobs: &Knobs,
        faults: &[Fault],
    ) -> Response<MockBody> {
        self.shared.ledger.answered(&parts.method, parts.uri.path(), reply.status);
        let context = Stage {
            shared: &self.shared,
            conn: &self.conn,
            knobs,
            faults,
            request_id: &self.request_id,
            number: self.number,
            http2: parts.version == Version::HTTP_2,
        };
        stage(&context, reply)
    }
}

/// An answer that a fault puts in the place of the real one.
fn replaced(faults: &[Fault]) -> Option<Result<Reply, Refusal>> {
    faults.iter().find_map(|fault| match fault {
        Fault::Status(failure) => Some(Err(Refusal::of(failure))),
        Fault::Html { code } => Some(Ok(html(*code))),
        Fault::Empty { code } => Some(Ok(Reply::bare(*code))),
        Fault::Redirect { code, to } => {
            let mut reply = Reply::bare(*code);
            if let Ok(to) = hyper::header::HeaderValue::from_str(to) {
                reply.headers.insert("location", to);
            }
            Some(Ok(reply))
        }
        _ => None,
    })
}

/// The page of a captive portal or of a proxy in trouble.
fn html(code: u16) -> Reply {
    let title = match code {
        502 => "502 Bad Gateway",
        503 => "503 Service Temporarily Unavailable",
        504 => "504 Gateway Time-out",
        _ => "Sign in to the network",
    };
    let page = format!(
        "<!DOCTYPE html>\r\n<html>\r\n<head><title>{title}</title></head>\r\n\
         <body>\r\n<center><h1>{title}</h1></center>\r\n<hr><center>mock proxy</center>\r\n</body>\r\n</html>\r\n"
    );
    Reply::new(code, "text/html", Payload::Whole(bytes::Bytes::from(page)))
}

/// A failure that does not wait for the body: a standing one, or one in the header.
fn early(faults: &[Fault], headers: &HeaderMap) -> Option<Failure> {
    let header = headers.get("x-mock-fault").and_then(|value| value.to_str().ok());
    let asked: Result<Vec<Fault>, FaultError> =
        header.map_or_else(|| Ok(Vec::new()), crate::fault::parse_faults);
    let asked = asked.unwrap_or_default();
    faults.iter().chain(&asked).find_map(|fault| match fault {
        Fault::Status(failure) if failure.early => Some(failure.clone()),
        _ => None,
    })
}

/// A `GOAWAY` frame with `NO_ERROR` (RFC 9113, section 6.8).
fn goaway(last: u32) -> Vec<u8> {
    let mut frame = vec![0, 0, 8, 7, 0, 0, 0, 0, 0];
    frame.extend_from_slice(&last.to_be_bytes());
    frame.extend_from_slice(&[0; 4]);
    frame
}

/// Scheme and authority that the client used.
fn base(conn: &Conn, parts: &Parts) -> String {
    let scheme = if conn.tls { "https" } else { "http" };
    let host = parts.headers.get("host").and_then(|host| host.to_str().ok());
    let host = host.or_else(|| parts.uri.authority().map(Authority::as_str));
    format!("{scheme}://{}", host.unwrap_or("localhost"))
}
