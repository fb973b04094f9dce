//! Room `redact`: sensitive data found, replaced, counted or refused. What is replaced is a splice into the original
//! bytes; a body in which nothing is found goes on as it came. A body that cannot be looked through goes no further
//! where something would be replaced or refused. Decision: `ferry_rules::redact`.

use std::sync::Arc;

use bytes::Bytes;
use ferry_rules::redact::action::Action;
use ferry_rules::redact::apply::Outcome;
use ferry_rules::redact::pseudonym::Secret;
use ferry_wire::envelope::Envelope;
use ferry_wire::path::Family;
use ferry_wire::restore::Restorer;
use ferry_wire::text::Shape;
use http::{HeaderMap, header as http_header};

use super::decode::decoded;
use super::passage::Passage;
use super::pieces::join;
use super::read::{CodingFault, Payload, Read};
use super::refuse::{Refused, refused};
use super::reserve::Reserved;
use crate::redaction::{RedactError, RuleSet, Screen, tried};
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
    Blocked { kind: Box<str>, count: u64, path: Box<str>, others: u64 },
    /// It cannot be looked through.
    Unreadable(RedactError),
    /// Its content coding cannot be undone.
    Coding(CodingFault),
    /// Its content coding is one that Ferry does not know.
    UnknownCoding,
    /// The body comes with a method that the API does not take here, and is not held.
    Method,
    /// Ferry's own: the thread that looked through it is gone.
    Lost,
}

/// Redacts what the line asks for.
pub(super) async fn redact(reserved: Reserved) -> Result<Clean, Refused> {
    let Reserved(mut read) = reserved;
    let Some(shape) = shape(read.passage.family) else { return Ok(Clean(read)) };
    let chunks = read.payload.chunks();
    let flows = matches!(read.payload, Payload::Flowing(_));
    if chunks.is_empty() && !flows {
        return Ok(Clean(read));
    }
    let rules = read.passage.rules(chunks);
    let policy = rules.policy(&read.passage.line);
    if policy.is_off() {
        return Ok(Clean(read));
    }
    if matches!(shape, Shape::Messages | Shape::Complete) {
        let secret = read.passage.shared.redaction.secret();
        read.passage.screen = Screen::new(&rules, &read.passage.line, secret).map(Box::new);
    }
    let strict = policy.can_block() || policy.can_replace();
    if flows {
        // Only a POST is held; the API knows no other method with a body here.
        return if strict { Err(refused(read.passage, Fault::Method)) } else { Ok(Clean(read)) };
    }
    match look(&mut read, &rules, shape).await {
        Ok(found) => match settle(&mut read, &rules, found) {
            Ok(()) => Ok(Clean(read)),
            Err(fault) => Err(refused(read.passage, fault)),
        },
        // What is only counted is not worth a refusal: upstream's own error is better.
        Err(_unread) if !strict => Ok(Clean(read)),
        Err(fault) => Err(refused(read.passage, fault)),
    }
}

/// What a path's body is; nothing for one that holds no texts that Ferry looks at.
fn shape(family: Family) -> Option<Shape> {
    match family {
        Family::Messages => Some(Shape::Messages),
        Family::CountTokens => Some(Shape::CountTokens),
        Family::Complete => Some(Shape::Complete),
        Family::BatchCreate => Some(Shape::Batch),
        Family::BatchObject
        | Family::BatchResults
        | Family::Models
        | Family::Files
        | Family::FileContent
        | Family::Skills
        | Family::SkillContent
        | Family::EventStream
        | Family::Poll
        | Family::Other => None,
    }
}

/// What was found in a body.
struct Found {
    outcome: Outcome,
    /// The body with its edits, uncoded; nothing when it goes on as it came.
    edited: Option<Vec<Bytes>>,
}

async fn look(read: &mut Read, rules: &Arc<RuleSet>, shape: Shape) -> Result<Found, Fault> {
    let Payload::Held { chunks, .. } = &read.payload else { return Err(Fault::Lost) };
    let size: usize = chunks.iter().map(Bytes::len).sum();
    let passage = &read.passage;
    let body = Body {
        chunks: Arc::clone(chunks),
        coding: read.head.headers.get(http_header::CONTENT_ENCODING).is_some(),
        headers: read.head.headers.clone(),
        bytes_max: passage.body_bytes_max(),
    };
    let (rules, line) = (Arc::clone(rules), Arc::clone(&passage.line));
    let secret = passage.shared.redaction.secret().clone();
    if size < ASIDE_BYTES_MIN {
        return body.look(&rules, &line, &secret, shape);
    }
    let aside = passage.shared.base().aside(move || body.look(&rules, &line, &secret, shape));
    aside.await.unwrap_or(Err(Fault::Lost))
}

/// A body, apart from its request.
struct Body {
    chunks: Arc<[Bytes]>,
    coding: bool,
    headers: HeaderMap,
    bytes_max: u64,
}

impl Body {
    fn look(
        &self,
        rules: &RuleSet,
        line: &str,
        secret: &Secret,
        shape: Shape,
    ) -> Result<Found, Fault> {
        let plain = if self.coding {
            let plain = decoded(&self.headers, &self.chunks, self.bytes_max);
            vec![plain.map_err(Fault::Coding)?.ok_or(Fault::UnknownCoding)?]
        } else {
            self.chunks.to_vec()
        };
        let whole = join(plain.clone());
        let found = rules.body(line, secret, shape, &whole).map_err(Fault::Unreadable)?;
        let edited = (!found.edits.is_empty()).then(|| found.edits.apply(&plain));
        Ok(Found { outcome: found.outcome, edited })
    }
}

/// Counts what was found, refuses what is refused, and puts the edited body in the place of the other.
fn settle(read: &mut Read, rules: &RuleSet, found: Found) -> Result<(), Fault> {
    let Found { outcome, edited } = found;
    let dry_run = rules.policy(&read.passage.line).is_dry_run();
    count(&mut read.passage, rules, &outcome, dry_run);
    if outcome.is_blocked {
        return Err(blocked(rules, &outcome));
    }
    let Some(edited) = edited else { return Ok(()) };
    let envelope = Envelope::read(&edited).map_err(|_no_json| Fault::Lost)?;
    read.passage.note(envelope);
    read.head.headers.remove(http_header::CONTENT_ENCODING);
    if let Payload::Held { chunks, .. } = &mut read.payload {
        *chunks = edited.into();
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

/// The first that is refused, and how many there are besides.
fn blocked(rules: &RuleSet, outcome: &Outcome) -> Fault {
    let all = || outcome.counts.iter().filter(|((_, action), _)| *action == Action::Block);
    let first = outcome.entries.iter().find(|entry| entry.action == Action::Block);
    let kind = first.map(|entry| entry.kind).or_else(|| all().next().map(|((kind, _), _)| *kind));
    let total: u64 = all().map(|(_, count)| *count).sum();
    let of_kind = |count: Option<&u64>| count.copied().unwrap_or_default();
    let count = of_kind(kind.and_then(|kind| outcome.counts.get(&(kind, Action::Block))));
    Fault::Blocked {
        kind: kind.map_or("", |kind| rules.name(kind)).into(),
        count,
        path: first.map_or("", |entry| &entry.path).into(),
        others: total.saturating_sub(count),
    }
}

impl Passage {
    /// The rules of this request: those that its conversation began with, as far as that is known.
    fn rules(&self, chunks: &[Bytes]) -> Arc<RuleSet> {
        let now = &self.snapshot.settings.redaction;
        self.shared.redaction.rules(&self.tenant, || self.facts.prefix.hash(chunks), now)
    }

    fn body_bytes_max(&self) -> u64 {
        let settings = &self.snapshot.settings;
        if self.family == Family::BatchCreate {
            settings.batch_body_bytes_max
        } else {
            settings.body_bytes_max
        }
    }
}
