//! One version of the redaction rules, compiled: the detectors, the operator's own rules, a policy for each line.
//!
//! It exists beside the room that uses it because the command line and the admin side try a policy with the very same
//! steps. Decisions: `ferry_rules::redact`; the walk and the splice: `ferry_wire`. It holds no value longer than a call,
//! logs nothing, and what it hands out names kinds, paths and lengths.

mod keeper;
mod screen;
pub mod trial;
mod upload;

use std::borrow::Cow;
use std::cell::Cell;
use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use ferry_rules::redact::action::Action;
use ferry_rules::redact::apply::{Outcome, Redaction, Replacement, Text};
use ferry_rules::redact::policy::Policy;
use ferry_rules::redact::pseudonym::Secret;
use ferry_rules::redact::{Detectors, Kind, Scratch};
use ferry_wire::multipart::MultipartError;
use ferry_wire::splice::{EditError, Edits};
use ferry_wire::text::{self, Role, Shape, Span, WalkError};

pub use keeper::Keeper;
pub use screen::{Screen, ScreenStream, Seen};

/// What is done about sensitive data that a model writes by itself.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Answers {
    /// Nothing.
    #[default]
    Off,
    /// It is counted.
    Report,
    /// It is replaced.
    Redact,
}

/// A version of the rules. A conversation keeps the one it began with.
#[derive(Debug)]
pub struct RuleSet {
    /// Of lines without a word of their own.
    policy: Policy,
    lines: BTreeMap<Box<str>, Policy>,
    detectors: Detectors,
    /// Names of the operator's rules, by their place.
    rules: Vec<Arc<str>>,
    answers: Answers,
    /// Of what it was made from: two that are equal do the same.
    fingerprint: blake3::Hash,
}

/// What came of a body.
#[derive(Debug)]
pub struct Redacted {
    /// What is to be put into it.
    pub edits: Edits,
    /// What was found, and the pseudonyms for the answer.
    pub outcome: Outcome,
}

/// Why a body was not looked through. Display fits after "failed to".
#[derive(Debug, thiserror::Error)]
pub enum RedactError {
    /// It cannot be walked over safely.
    #[error(transparent)]
    Walk(#[from] WalkError),
    /// An upload that cannot be told into its parts.
    #[error(transparent)]
    Upload(#[from] MultipartError),
    /// A text that is not UTF-8.
    #[error("read the text: it is not UTF-8")]
    NotUtf8,
    /// Ferry's own fault: two replacements in one place.
    #[error(transparent)]
    Edit(#[from] EditError),
}

thread_local! {
    /// The buffers of walks, one body after another. A walk gives back what a large body took.
    static WALKED: Cell<text::Scratch> = Cell::default();
}

impl RuleSet {
    /// Rules from a policy for each line; `written` is the configuration that they were read from.
    pub fn new(
        (policy, lines): (Policy, BTreeMap<Box<str>, Policy>),
        (detectors, rules): (Detectors, Vec<Arc<str>>),
        answers: Answers,
        written: &[u8],
    ) -> Self {
        let fingerprint = blake3::hash(written);
        Self { policy, lines, detectors, rules, answers, fingerprint }
    }

    /// Rules that look for nothing.
    pub fn off() -> Self {
        let nothing = (Detectors::none(), Vec::new());
        Self::new((Policy::off(), BTreeMap::new()), nothing, Answers::Off, &[])
    }

    /// What a line's requests meet.
    pub fn policy(&self, line: &str) -> &Policy {
        self.lines.get(line).unwrap_or(&self.policy)
    }

    /// True when no line looks for anything.
    pub fn is_off(&self) -> bool {
        self.policy.is_off() && self.lines.values().all(Policy::is_off)
    }

    /// What is done about answers.
    pub const fn answers(&self) -> Answers {
        self.answers
    }

    /// True when both were made from the same configuration.
    pub fn is_like(&self, other: &Self) -> bool {
        self.fingerprint == other.fingerprint
    }

    /// The name of a kind in reports and labels; an operator's rule has its own.
    pub fn name(&self, kind: Kind) -> &str {
        if let Kind::Custom(place) = kind
            && let Some(name) = self.rules.get(usize::from(place))
        {
            return name;
        }
        kind.name()
    }

    /// True when something that some line looks for stands in a text.
    pub fn finds(&self, text: &str) -> bool {
        let mut hits = Vec::new();
        self.detectors.scan(text, &mut Scratch::default(), &mut hits);
        !hits.is_empty()
    }

    /// Looks through a body of the API.
    ///
    /// Where there are pseudonyms, in the order in which a model is given it: what is known of a text then depends on nothing
    /// that a later turn adds.
    ///
    /// # Errors
    /// [`RedactError`]: the body must then go no further where something is to be replaced or refused.
    pub fn body(
        &self,
        line: &str,
        secret: &Secret,
        shape: Shape,
        body: &[u8],
    ) -> Result<Redacted, RedactError> {
        let mut scan = Scan::new(self, line, secret);
        let mut scratch = WALKED.take();
        let walked = if self.policy(line).has_pseudonyms() {
            text::walk_by_prompt(body, shape, &mut scratch, |span| scan.span(span))
        } else {
            text::walk(body, shape, &mut scratch, |span| scan.span(span))
        };
        WALKED.set(scratch);
        walked?;
        let Scan { redaction, mut found, .. } = scan;
        // The order of the prompt is not that of the bytes. Runs of it are, which is all that this sort has to merge.
        found.sort_by_key(|(range, _)| range.start);
        let mut edits = Edits::new();
        for (range, text) in found {
            edits.put_text(range, &text)?;
        }
        Ok(Redacted { edits, outcome: redaction.finish() })
    }

    /// Looks through a text that is no JSON.
    ///
    /// # Errors
    /// [`RedactError`] when it is no UTF-8.
    pub fn text(&self, line: &str, secret: &Secret, text: &[u8]) -> Result<Redacted, RedactError> {
        let text = std::str::from_utf8(text).map_err(|_invalid| RedactError::NotUtf8)?;
        let mut scan = Scan::new(self, line, secret);
        let mut edits = Edits::new();
        for Replacement { range, text } in scan.plain(text, || "text".to_owned()) {
            edits.put_raw(range.clone(), text.as_bytes())?;
        }
        Ok(Redacted { edits, outcome: scan.redaction.finish() })
    }
}

/// What an action is counted as in a dry run.
pub const fn tried(action: Action) -> &'static str {
    match action {
        Action::Allow | Action::Report => "report",
        Action::Mask => "dry_run_mask",
        Action::Pseudonym => "dry_run_pseudonym",
        Action::Hash => "dry_run_hash",
        Action::Redact => "dry_run_redact",
        Action::Block => "dry_run_block",
    }
}

/// One body under way.
struct Scan<'a> {
    detectors: &'a Detectors,
    redaction: Redaction<'a>,
    scratch: Scratch,
    hits: Vec<ferry_rules::redact::Hit>,
    out: Vec<Replacement>,
    /// What comes in the place of which bytes.
    found: Vec<(Range<usize>, Cow<'static, str>)>,
}

impl<'a> Scan<'a> {
    fn new(rules: &'a RuleSet, line: &str, secret: &'a Secret) -> Self {
        Self {
            detectors: &rules.detectors,
            redaction: Redaction::new(rules.policy(line), secret),
            scratch: Scratch::default(),
            hits: Vec::new(),
            out: Vec::new(),
            found: Vec::new(),
        }
    }

    /// What is to be replaced in a text that has no body around it.
    fn plain(&mut self, text: &str, path: impl FnOnce() -> String) -> &[Replacement] {
        self.hits.clear();
        self.detectors.scan_all(text, &mut self.scratch, &mut self.hits);
        self.out.clear();
        let text = Text { text, is_assistant: false, is_fixed: false };
        self.redaction.text(text, &self.hits, path, &mut self.out);
        &self.out
    }

    fn span(&mut self, span: &Span<'_>) {
        self.hits.clear();
        self.detectors.scan_all(span.text(), &mut self.scratch, &mut self.hits);
        self.out.clear();
        let is_fixed = span.is_number() || (!self.hits.is_empty() && is_address(&span.path()));
        let is_assistant = span.role() == Role::Assistant;
        let text = Text { text: span.text(), is_assistant, is_fixed };
        self.redaction.text(text, &self.hits, || span.path(), &mut self.out);
        let out = self.out.drain(..);
        self.found.extend(out.map(|Replacement { range, text }| (span.raw(range), text)));
    }
}

/// Whether something is found or told apart by what stands there, so that another text would lead elsewhere: the URL of
/// a source, the id of a batch's request. As with a number, it goes on and is counted, or the request is refused.
fn is_address(path: &str) -> bool {
    matches!(path.rsplit_once('.'), Some((_, "url" | "custom_id")))
}

#[cfg(test)]
mod tests;
