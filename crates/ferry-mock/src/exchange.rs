//! An exchange as the routes see it: the request as it has arrived, and the reply before time and faults are applied.
//! It reads nothing from a connection and writes nothing to one.

use bytes::Bytes;
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::{HeaderMap, Method};

use crate::knobs::Knobs;
use crate::ledger::Generation;
use crate::messages::Event;
use crate::refusal::Refusal;

/// A request that has been read whole.
#[derive(Debug)]
pub(crate) struct Arrived<'a> {
    pub(crate) method: &'a Method,
    /// Path without the query.
    pub(crate) path: &'a str,
    pub(crate) query: Option<&'a str>,
    pub(crate) headers: &'a HeaderMap,
    /// Scheme and authority the client used.
    pub(crate) base: String,
    pub(crate) body: &'a [u8],
    pub(crate) body_len: u64,
    pub(crate) body_digest: Option<u64>,
    pub(crate) knobs: &'a Knobs,
    /// Its number, from 1.
    pub(crate) number: u64,
}

/// An answer without the headers that every answer has.
#[derive(Debug)]
pub(crate) struct Reply {
    /// HTTP status.
    pub(crate) status: u16,
    /// Headers of this answer.
    pub(crate) headers: HeaderMap,
    /// Body.
    pub(crate) payload: Payload,
    /// The generation behind it.
    pub(crate) generation: Option<Generation>,
    /// Output tokens, for the pace of an answer that is not streamed.
    pub(crate) tokens: u64,
}

/// A body in one of three forms.
pub(crate) enum Payload {
    /// Ready.
    Whole(Bytes),
    /// Server-sent events.
    Events(Vec<Event>),
    /// Made while it is sent.
    Pieces(Box<dyn Iterator<Item = Bytes> + Send>),
}

impl std::fmt::Debug for Payload {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(match self {
            Self::Whole(_) => "Whole",
            Self::Events(_) => "Events",
            Self::Pieces(_) => "Pieces",
        })
    }
}

impl Reply {
    /// Any body with any type.
    pub(crate) fn new(status: u16, content_type: &'static str, payload: Payload) -> Self {
        let mut headers = HeaderMap::with_capacity(16);
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        Self { status, headers, payload, generation: None, tokens: 0 }
    }

    /// 200 with JSON that is written already.
    pub(crate) fn json_text(text: String) -> Self {
        Self::new(200, "application/json", Payload::Whole(Bytes::from(text)))
    }

    /// 200 with JSON.
    pub(crate) fn json(value: &serde_json::Value) -> Self {
        Self::json_text(value.to_string())
    }

    /// A status without body or type.
    pub(crate) fn bare(status: u16) -> Self {
        let mut reply = Self::new(status, "", Payload::Whole(Bytes::new()));
        reply.headers.clear();
        reply
    }

    /// A stream of events.
    pub(crate) fn events(events: Vec<Event>) -> Self {
        let mut reply = Self::new(200, "text/event-stream; charset=utf-8", Payload::Events(events));
        reply.headers.insert("cache-control", HeaderValue::from_static("no-cache"));
        reply
    }

    /// An error.
    pub(crate) fn refusal(refusal: &Refusal, request_id: &str) -> Self {
        let body = Payload::Whole(refusal.body(request_id));
        let mut reply = Self::new(refusal.status, "application/json", body);
        reply.headers.extend(refusal.headers.clone());
        reply
    }

    /// Ties a generation of so many output tokens to the answer.
    pub(crate) fn generated(mut self, generation: Generation, tokens: u64) -> Self {
        self.generation = Some(generation);
        self.tokens = tokens;
        self
    }
}
