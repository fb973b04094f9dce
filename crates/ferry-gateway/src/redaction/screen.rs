//! What one request's answer goes through: the texts that its model wrote are looked through by the rules of the request.
//! It stands before pseudonyms become values again, so that no value of the request is ever hit.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use ferry_rules::redact::action::Action;
use ferry_rules::redact::answer::{AnswerRules, Findings, Flow};
use ferry_rules::redact::apply::Replacement;
use ferry_rules::redact::pseudonym::Secret;
use ferry_wire::revise::{Part, ReviseStream};
use ferry_wire::splice::{EditError, Edits};
use ferry_wire::text::{self, Shape, Span};

use super::{Answers, RedactError, RuleSet};

/// The rules that the answer to one request meets.
#[derive(Debug, Clone)]
pub struct Screen {
    rules: Arc<RuleSet>,
    line: Arc<str>,
    secret: Secret,
}

/// What was seen of an answer.
#[derive(Default)]
pub struct Seen {
    findings: Findings,
    /// Answers or events that were to be looked through and could not be.
    pub unread: u64,
}

/// Never prints a text.
impl fmt::Debug for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Seen").field("unread", &self.unread).finish_non_exhaustive()
    }
}

impl Seen {
    /// How often each type met each action, by name.
    pub fn counts<'a>(
        &'a self,
        screen: &'a Screen,
    ) -> impl Iterator<Item = (&'a str, &'static str, u64)> {
        let rules = &screen.rules;
        let is_trial = rules.answers() == Answers::Redact && screen.policy().is_dry_run();
        let word = move |action: Action| if is_trial { "dry_run" } else { action.name() };
        let counts = self.findings.counts().iter();
        counts.map(move |((kind, action), count)| (rules.name(*kind), word(*action), *count))
    }
}

impl Screen {
    /// The screen of a request; nothing where its answer is not looked through.
    pub fn new(rules: &Arc<RuleSet>, line: &Arc<str>, secret: &Secret) -> Option<Self> {
        let is_on = match rules.answers() {
            Answers::Off => false,
            Answers::Report | Answers::Redact => !rules.policy(line).is_off(),
        };
        is_on.then(|| Self {
            rules: Arc::clone(rules),
            line: Arc::clone(line),
            secret: secret.clone(),
        })
    }

    /// A whole answer with its edits; nothing when it goes on as it came.
    ///
    /// One that cannot be walked over goes on, since it is paid for and its request was looked through; it is counted.
    pub fn answer(&self, answer: &Bytes, seen: &mut Seen) -> Option<Vec<Bytes>> {
        match self.edits(answer, &mut seen.findings) {
            Ok(edits) if edits.is_empty() => None,
            Ok(edits) => Some(edits.apply(std::slice::from_ref(answer))),
            Err(_unread) => {
                seen.unread += 1;
                None
            }
        }
    }

    fn edits(&self, answer: &[u8], findings: &mut Findings) -> Result<Edits, RedactError> {
        let (rules, mut edits, mut out) = (self.rules(), Edits::new(), Vec::new());
        let mut clash: Option<EditError> = None;
        let each = |span: &Span<'_>| {
            // A number stays what its tool has declared, and one that a model makes up is nobody's.
            if span.is_number() {
                return;
            }
            rules.text(span.text(), findings, &mut out);
            for Replacement { range, text } in out.drain(..) {
                let put = edits.put_text(span.raw(range), &text);
                clash = clash.take().or_else(|| put.err());
            }
        };
        text::walk(answer, Shape::Answer, &mut text::Scratch::new(), each)?;
        clash.map_or(Ok(()), Err)?;
        Ok(edits)
    }

    /// The screen of a stream.
    pub fn stream(&self) -> ScreenStream {
        let events = ReviseStream::new(self.replaces());
        ScreenStream { screen: self.clone(), events, seen: Seen::default() }
    }

    fn policy(&self) -> &ferry_rules::redact::policy::Policy {
        self.rules.policy(&self.line)
    }

    fn rules(&self) -> AnswerRules<'_> {
        AnswerRules {
            detectors: &self.rules.detectors,
            policy: self.policy(),
            secret: &self.secret,
            replaces: self.replaces(),
        }
    }

    /// Whether texts may change.
    fn replaces(&self) -> bool {
        self.rules.answers() == Answers::Redact && !self.policy().is_dry_run()
    }
}

/// One stream on its way through a screen. Where values are only counted, bytes leave as they come.
#[derive(Debug)]
pub struct ScreenStream {
    screen: Screen,
    events: ReviseStream<Flow>,
    seen: Seen,
}

impl ScreenStream {
    /// Takes the next bytes, and appends to `out` what may leave.
    pub fn push(&mut self, chunk: Bytes, out: &mut Vec<Bytes>) {
        self.with(|events, hand| events.push(chunk, out, hand));
    }

    /// The stream has ended as it should.
    pub fn end(&mut self, out: &mut Vec<Bytes>) {
        self.with(|events, hand| events.end(out, hand));
    }

    /// The stream was cut: what waits of texts leaves.
    pub fn cut(&mut self, out: &mut Vec<Bytes>) {
        self.with(|events, hand| events.cut(out, hand));
    }

    /// Whether the client has part of an event; nothing where bytes leave as they come.
    pub fn mid_event(&self) -> Option<bool> {
        self.events.changes().then(|| self.events.mid_event())
    }

    /// What was seen so far.
    pub const fn seen(&self) -> &Seen {
        &self.seen
    }

    fn with(
        &mut self,
        call: impl FnOnce(&mut ReviseStream<Flow>, &mut dyn FnMut(&mut Flow, Part<'_>, &mut String)),
    ) {
        let Self { screen, events, seen } = self;
        let (rules, findings) = (screen.rules(), &mut seen.findings);
        call(events, &mut |flow, part, out| match part {
            Part::More(text) => flow.push(text, rules, findings, out),
            Part::End => flow.end(rules, findings, out),
        });
        seen.unread = events.unread();
    }
}

#[cfg(test)]
mod tests;
