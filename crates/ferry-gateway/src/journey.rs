//! The journey of a request, one line per room. Each room takes what the room before it gives, so
//! that no room can be left out or moved; a refusal in any of them ends in the same place.
//!
//! `accept -> identify -> admit -> read -> reserve -> redact -> cache -> ( route -> attempt )* -> relay -> settle`

mod accept;
mod admit;
mod answer;
mod attempt;
mod cache;
mod deadline;
mod decode;
mod flight;
mod identify;
pub mod passage;
mod pieces;
mod read;
mod redact;
mod refuse;
pub mod relay;
pub mod request_id;
mod reserve;
mod route;
pub mod settings;
mod settle;
pub mod snapshot;

use std::pin::Pin;
use std::sync::Arc;

use arc_swap::ArcSwap;
use bytes::Bytes;
use ferry_wire::framing::FramingError;
use http::{Method, Request, Response};
use hyper::body::Incoming;

pub use self::passage::Shared;
use self::refuse::Refused;
pub use self::relay::AnswerBody;
pub use self::settings::{Retry, Settings, Timeouts};
pub use self::snapshot::Snapshot;
use crate::clock;
use crate::serve::{Cut, Handler, Notice, Peer};
use crate::telemetry::{LogLevel, NoticeEvent};

/// Everything a request needs on its way, for all requests.
#[derive(Debug)]
pub struct Journey {
    shared: Arc<Shared>,
    snapshot: ArcSwap<Snapshot>,
}

impl Journey {
    /// A journey under a first snapshot.
    pub fn new(shared: Arc<Shared>, snapshot: Arc<Snapshot>) -> Self {
        Self { shared, snapshot: ArcSwap::new(snapshot) }
    }

    /// Requests that begin from now on see this snapshot; those under way keep theirs.
    pub fn replace(&self, snapshot: Arc<Snapshot>) {
        self.snapshot.store(snapshot);
    }

    /// The present snapshot.
    pub fn snapshot(&self) -> Arc<Snapshot> {
        self.snapshot.load_full()
    }

    /// What is shared by all requests.
    pub fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    /// One request, from its head to an answer that has begun.
    async fn walk(
        &self,
        request: Request<Incoming>,
        peer: &Peer,
    ) -> Result<Response<AnswerBody>, Refused> {
        let accepted = accept::accept(&self.shared, self.snapshot(), request, peer)?;
        if accepted.head.method == Method::OPTIONS {
            return Ok(refuse::preflight(accepted.passage));
        }
        let identified = identify::identify(accepted)?;
        let admitted = admit::admit(identified)?;
        let read = read::read(admitted).await?;
        let reserved = reserve::reserve(read);
        let clean = redact::redact(reserved).await?;
        let sought = cache::look_up(clean);
        match relay::plan(&sought) {
            None => Ok(relay::relay(attempt::attempt(sought).await?)),
            Some(plan) => relay::early(plan, attempt::attempt(sought)).await,
        }
    }
}

impl Handler for Journey {
    type Body = AnswerBody;

    async fn call(self: Arc<Self>, request: Request<Incoming>, peer: Peer) -> Response<AnswerBody> {
        match self.walk(request, &peer).await {
            Ok(answer) => answer,
            Err(refused) => refused.answer().await,
        }
    }

    fn panicked(&self, message: &str) -> Response<AnswerBody> {
        self.shared.telemetry.panicked();
        let id = self.shared.request_id();
        let notice = NoticeEvent::new(clock::wall(), LogLevel::Error, "panic");
        let notice = notice.with("request_id", id.as_str()).with("message", message);
        self.shared.telemetry.notice(&notice);
        refuse::panicked(id)
    }

    fn drained(&self) -> Response<AnswerBody> {
        let id = self.shared.request_id();
        // The request's own line has another id, since nobody else knows it here.
        let notice = NoticeEvent::new(clock::wall(), LogLevel::Warn, "drained_unanswered");
        self.shared.telemetry.notice(&notice.with("request_id", id.as_str()));
        refuse::drained(id)
    }

    fn last_words(body: Pin<&mut AnswerBody>) {
        body.get_mut().close();
    }

    fn refuse_bytes(&self, why: &FramingError) -> Bytes {
        let id = self.shared.request_id();
        let notice = NoticeEvent::new(clock::wall(), LogLevel::Info, "malformed_request");
        let notice = notice.with("request_id", id.as_str()).with("code", why.code());
        self.shared.telemetry.notice(&notice);
        refuse::framing(*why, id)
    }

    fn cut_bytes(&self, why: Cut) -> Bytes {
        refuse::cut(why == Cut::HalfClosed, self.shared.request_id())
    }

    fn connections(&self, change: i64) {
        if change > 0 {
            self.shared.telemetry.connection_opened();
        } else {
            self.shared.telemetry.connection_closed();
        }
    }

    fn notice(&self, notice: &Notice) {
        let event = |level, name| NoticeEvent::new(clock::wall(), level, name);
        let event = match notice {
            Notice::AcceptPaused { error } => {
                event(LogLevel::Error, "accept_paused").with("error", error.to_string())
            }
            Notice::AcceptResumed => event(LogLevel::Info, "accept_resumed"),
            Notice::DrainOver => {
                self.shared.close();
                event(LogLevel::Warn, "drain_over")
            }
            Notice::ProxyRefused { .. }
            | Notice::HandshakeFailed { .. }
            | Notice::WriteStalled { .. }
            | Notice::Panicked { .. } => {
                event(LogLevel::Warn, "connection").with("notice", format!("{notice:?}"))
            }
        };
        self.shared.telemetry.notice(&event);
    }
}
