//! Room `redact`: sensitive data found, replaced, counted or refused. What is replaced is a splice into the original
//! bytes; a body in which nothing is found goes on as it came. A body that cannot be looked through goes no further
//! where something would be replaced or refused. Decision: `ferry_rules::redact`.

use std::sync::Arc;

use bytes::Bytes;
use ferry_rules::redact::action::Action;
use ferry_rules::redact::apply::Outcome;
use ferry_wire::affinity::Prefix;
use ferry_wire::envelope::Envelope;
use ferry_wire::path::Family;
use ferry_wire::restore::Restorer;
use ferry_wire::text::Shape;
use http::{HeaderMap, Method, header as http_header};

use super::decode::{DecodeFault, decoded, is_coded};
use super::passage::{HeldBytes, Passage, Shared};
use super::pieces::with_whole;
use super::read::{CodingFault, Payload, Read};
use super::refuse::{Refused, refused};
use super::reserve::Reserved;
use crate::redaction::{RedactError, Redacted, RuleSet, Screen, tried};
use crate::telemetry::RedactEvent;

/// From this size on a body is looked through on a thread where that holds up nobody: a mebibyte takes about a
/// millisecond.
const ASIDE_BYTES_MIN: usize = 1024 * 1024;

/// A request that holds nothing its line wants kept back.
#[derive(Debug)]
pub(super) struct Clean(pub(super) Read);

/// Why a request goes no further.
#[derive(Debug)]
pub(super) enum Fault {
    /// It holds what its line refuses.
    Blocked { counts: Vec<(Box<str>, u64)>, path: Box<str> },
    /// It cannot be looked through.
    Unreadable(RedactError),
    /// Its content coding cannot be undone.
    Coding(CodingFault),
    /// Its content coding is one that Ferry does not know.
    UnknownCoding,
    /// The body comes with a method that the API does not take here, and is not held.
    Method,
    /// All held bodies together are over the bound.
    NoMemory,
    /// Ferry's own: the thread that looked through it is gone.
    Lost,
}

/// Redacts what the line asks for.
pub(super) async fn redact(reserved: Reserved) -> Result<Clean, Refused> {
    let Reserved(mut read) = reserved;
    let now = &read.passage.snapshot.settings.redaction;
    if !read.passage.shared.redaction.asks(now) {
        return Ok(Clean(read));
    }
    let sort = sort(read.passage.family);
    if let Payload::Flowing(_) = read.payload {
        // Only a POST is held: the API knows no other method with a body on these paths, and none with these methods. An
        // upload that was too large to be held comes here only where its line is not strict.
        let bodiless = [Method::GET, Method::HEAD, Method::DELETE].contains(&read.head.method);
        let is_odd = sort.is_some() || bodiless;
        let refuses = is_odd && now.policy(&read.passage.line).is_strict();
        return if refuses { Err(refused(read.passage, Fault::Method)) } else { Ok(Clean(read)) };
    }
    let Some(sort) = sort else { return Ok(Clean(read)) };
    if read.payload.chunks().is_empty() {
        return Ok(Clean(read));
    }
    let look = Look::of(&read, sort);
    let looked = if look.is_long() {
        read.passage.shared.base().aside(move || look.run()).await.unwrap_or(Err(Fault::Lost))
    } else {
        look.run()
    };
    match looked.and_then(|looked| settle(&mut read, sort, looked)) {
        Ok(()) => Ok(Clean(read)),
        Err(fault) => Err(refused(read.passage, fault)),
    }
}

/// How a body is read.
#[derive(Clone, Copy)]
enum Sort {
    /// JSON of the API.
    Body(Shape),
    /// A multipart form with files.
    Upload,
}

/// How a path's body is read; nothing for one that holds no texts that Ferry looks at.
fn sort(family: Family) -> Option<Sort> {
    match family {
        Family::Messages => Some(Sort::Body(Shape::Messages)),
        Family::CountTokens => Some(Sort::Body(Shape::CountTokens)),
        Family::Complete => Some(Sort::Body(Shape::Complete)),
        Family::BatchCreate => Some(Sort::Body(Shape::Batch)),
        Family::Files | Family::Skills => Some(Sort::Upload),
        Family::BatchObject
        | Family::BatchResults
        | Family::Models
        | Family::FileContent
        | Family::SkillContent
        | Family::EventStream
        | Family::Poll
        | Family::Other => None,
    }
}

/// What a look at a body needs, apart from its request: it may run on another thread.
struct Look {
    passage: Arc<Shared>,
    now: Arc<RuleSet>,
    tenant: Box<str>,
    line: Arc<str>,
    prefix: Prefix,
    sort: Sort,
    /// Of an upload; empty where there is none, or more than one.
    content_type: Box<[u8]>,
    chunks: Arc<[Bytes]>,
    /// Of a coded body.
    coding: Option<HeaderMap>,
    bytes_max: u64,
    held_max: u64,
}

/// A body with its edits, uncoded.
struct Edited {
    chunks: Vec<Bytes>,
    /// Of JSON.
    envelope: Option<Envelope>,
    /// What its decoded bytes take.
    memory: HeldBytes,
}

/// What came of it.
struct Looked {
    rules: Arc<RuleSet>,
    /// A hash of what the conversation begins with, if it could be told.
    beginning: Option<u64>,
    /// Nothing when the rules look for nothing, or the body could not be looked through and that does no harm.
    outcome: Option<Outcome>,
    /// Nothing when the body goes on as it came.
    edited: Option<Edited>,
}

impl Look {
    fn of(read: &Read, sort: Sort) -> Self {
        let passage = &read.passage;
        let settings = &passage.snapshot.settings;
        let (is_large, content_type) = match sort {
            Sort::Body(shape) => (shape == Shape::Batch, Box::default()),
            Sort::Upload => (true, content_type(&read.head.headers)),
        };
        let headers = &read.head.headers;
        let chunks = match &read.payload {
            Payload::Held { chunks, .. } => Arc::clone(chunks),
            Payload::Flowing(_) => Arc::new([]),
        };
        Self {
            passage: Arc::clone(&passage.shared),
            now: Arc::clone(&settings.redaction),
            tenant: passage.tenant.clone(),
            line: Arc::clone(&passage.line),
            prefix: passage.facts.prefix,
            sort,
            content_type,
            chunks,
            coding: is_coded(headers).then(|| headers.clone()),
            bytes_max: if is_large {
                settings.batch_body_bytes_max
            } else {
                settings.body_bytes_max
            },
            held_max: settings.held_bytes_max,
        }
    }

    /// Whether it would hold up others. What a coded body holds is not known before.
    fn is_long(&self) -> bool {
        let size: usize = self.chunks.iter().map(Bytes::len).sum();
        self.coding.is_some() || size >= ASIDE_BYTES_MIN
    }

    fn run(self) -> Result<Looked, Fault> {
        let mut memory = HeldBytes::none(&self.passage);
        let plain = match self.plain(&mut memory) {
            Ok(plain) => plain,
            Err(fault) if self.now.policy(&self.line).is_strict() => return Err(fault),
            Err(_unread) => {
                let rules = Arc::clone(&self.now);
                return Ok(Looked { rules, beginning: None, outcome: None, edited: None });
            }
        };
        // The conversation is told by the body as it is read, whatever it was coded in.
        let beginning = self.prefix.hash(&plain);
        let rules = self.passage.redaction.rules(&self.tenant, beginning, &self.now);
        let policy = rules.policy(&self.line);
        if policy.is_off() {
            return Ok(Looked { rules, beginning, outcome: None, edited: None });
        }
        let mut copy = HeldBytes::none(&self.passage);
        let is_strict = policy.is_strict();
        if plain.len() > 1 && !copy.grow(length(&plain), self.held_max) {
            let unread = Looked { rules, beginning, outcome: None, edited: None };
            return if is_strict { Err(Fault::NoMemory) } else { Ok(unread) };
        }
        let secret = self.passage.redaction.secret();
        let looked = with_whole(&plain, |whole| match self.sort {
            Sort::Body(shape) => rules.body(&self.line, secret, shape, whole),
            Sort::Upload => rules.upload(&self.line, secret, &self.content_type, whole),
        });
        match looked {
            Ok(Redacted { edits, outcome }) => {
                let edited = if edits.is_empty() || outcome.is_blocked {
                    None
                } else {
                    let chunks = edits.apply(&plain);
                    let envelope = match self.sort {
                        Sort::Body(_) => Some(Envelope::read(&chunks)),
                        Sort::Upload => None,
                    };
                    let envelope = envelope.transpose().map_err(|_no_json| Fault::Lost)?;
                    Some(Edited { chunks, envelope, memory })
                };
                Ok(Looked { rules, beginning, outcome: Some(outcome), edited })
            }
            Err(error) if is_strict => Err(Fault::Unreadable(error)),
            // What is only counted is not worth a refusal: upstream's own error is better.
            Err(_unread) => Ok(Looked { rules, beginning, outcome: None, edited: None }),
        }
    }

    /// The body without its coding.
    fn plain(&self, memory: &mut HeldBytes) -> Result<Vec<Bytes>, Fault> {
        let Some(headers) = &self.coding else { return Ok(self.chunks.to_vec()) };
        let mut grow = |bytes| memory.grow(bytes, self.held_max);
        match decoded(headers, &self.chunks, self.bytes_max, &mut grow) {
            Ok(Some(plain)) => Ok(vec![plain]),
            Ok(None) => Err(Fault::UnknownCoding),
            Err(DecodeFault::Coding(fault)) => Err(Fault::Coding(fault)),
            Err(DecodeFault::NoMemory) => Err(Fault::NoMemory),
        }
    }
}

/// The one type of a body. Of two, readers may take either.
fn content_type(headers: &HeaderMap) -> Box<[u8]> {
    let mut types = headers.get_all(http_header::CONTENT_TYPE).iter();
    match (types.next(), types.next()) {
        (Some(only), None) => only.as_bytes().into(),
        _ => Box::default(),
    }
}

fn length(chunks: &[Bytes]) -> u64 {
    chunks.iter().map(|chunk| chunk.len() as u64).sum()
}

/// Counts what was found, refuses what is refused, and puts the edited body in the place of the other.
fn settle(read: &mut Read, sort: Sort, looked: Looked) -> Result<(), Fault> {
    let Looked { rules, beginning, outcome, edited } = looked;
    read.passage.facts.beginning = beginning;
    let policy = rules.policy(&read.passage.line);
    if policy.is_off() {
        return Ok(());
    }
    if let Sort::Body(Shape::Messages | Shape::Complete) = sort {
        let secret = read.passage.shared.redaction.secret();
        read.passage.screen = Screen::new(&rules, &read.passage.line, secret).map(Box::new);
    }
    let Some(outcome) = outcome else { return Ok(()) };
    let dry_run = policy.is_dry_run();
    count(&mut read.passage, &rules, &outcome, dry_run);
    if outcome.is_blocked {
        return Err(blocked(&rules, &outcome));
    }
    let Some(Edited { chunks: edited, envelope, memory }) = edited else { return Ok(()) };
    if let Some(envelope) = envelope {
        read.passage.note(envelope);
    }
    read.head.headers.remove(http_header::CONTENT_ENCODING);
    if let Payload::Held { chunks, set_aside } = &mut read.payload {
        *chunks = edited.into();
        set_aside.join(memory);
    }
    read.passage.restorer = Restorer::new(outcome.pairs.0).map(Arc::new);
    Ok(())
}

fn count(passage: &mut Passage, rules: &RuleSet, outcome: &Outcome, dry_run: bool) {
    for ((kind, action), count) in &outcome.counts {
        let action = if dry_run { tried(*action) } else { action.name() };
        let event = RedactEvent { kind: rules.name(*kind).into(), action, count: *count };
        passage.shared.telemetry.redacted(&passage.line, &event);
        passage.facts.redactions += *count;
    }
}

/// How many there are of each type that is refused, and where the first stands.
fn blocked(rules: &RuleSet, outcome: &Outcome) -> Fault {
    let is_refused = |action: Action| action == Action::Block;
    let refused = outcome.counts.iter().filter(|((_, action), _)| is_refused(*action));
    let first = outcome.entries.iter().find(|entry| is_refused(entry.action));
    Fault::Blocked {
        counts: refused.map(|((kind, _), count)| (rules.name(*kind).into(), *count)).collect(),
        path: first.map_or("", |entry| &entry.path).into(),
    }
}
