//! What is done to each text of a request: hits and policy go in, replacements and a report come out.
//!
//! Texts are given in the order in which a model reads them. A value that got a pseudonym is replaced by it from there on
//! wherever it stands in a spelling seen so far, so that a restored answer maps back to the bytes that the
//! model wrote. The report has kinds, paths and lengths and never a value.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use ferry_wire::restore::Token;

use super::action::Action;
use super::known::{Known, Match, Place};
use super::normalise::unescaped;
use super::overlap::{self, Judged};
use super::policy::{Numbers, Policy};
use super::pseudonym::Secret;
use super::{Hit, Kind};

/// Entries of a report; what comes after is in its counts alone.
pub const ENTRIES_MAX: usize = 1000;

/// A text of a request.
#[derive(Clone, Copy)]
pub struct Text<'a> {
    /// Decoded from JSON; the literal of a number.
    pub text: &'a str,
    /// Whether it stands in a turn of the model, inputs of its tools included.
    ///
    /// There a known value is replaced whatever it touches: the model wrote the pseudonym so.
    pub is_assistant: bool,
    /// Whether no other text can take its place: a JSON number, a URL.
    pub is_fixed: bool,
}

/// An edit of a text.
#[derive(Clone, PartialEq, Eq)]
pub struct Replacement {
    /// In the decoded text, in bytes.
    pub range: Range<usize>,
    /// What comes there; it needs no escape in JSON.
    pub text: Cow<'static, str>,
}

/// A line of the report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// What it is.
    pub kind: Kind,
    /// What was done with it; in a dry run, what would have been.
    pub action: Action,
    /// Where it stands, such as `messages[3].content[0].text`.
    pub path: Arc<str>,
    /// Where it begins in the decoded text, in bytes.
    pub start: usize,
    /// How long it is there.
    pub bytes_len: usize,
}

/// What came of a request.
#[derive(Debug)]
pub struct Outcome {
    /// In the order of the texts, the first [`ENTRIES_MAX`].
    pub entries: Vec<Entry>,
    /// How often each kind met each action.
    pub counts: BTreeMap<(Kind, Action), u64>,
    /// What the answer is restored by; each token once, with the spelling that came first.
    pub pairs: Pairs,
    /// Whether the request is refused; never in a dry run.
    pub is_blocked: bool,
}

/// Pseudonyms of a request and their values.
#[derive(Default)]
pub struct Pairs(pub Vec<(Token, Box<str>)>);

/// One request under way.
#[derive(Debug)]
pub struct Redaction<'a> {
    policy: &'a Policy,
    secret: &'a Secret,
    known: Known,
    /// How many texts came before.
    number: usize,
    entries: Vec<Entry>,
    counts: BTreeMap<(Kind, Action), u64>,
    is_blocked: bool,
    edits: Vec<Edit>,
    judged: Vec<Judged>,
}

/// A range of a text and what is done with it.
#[derive(Clone, Copy)]
struct Edit {
    start: usize,
    end: usize,
    kind: Kind,
    action: Action,
    /// The pseudonym, if that is the action.
    token: Option<Token>,
}

impl std::fmt::Debug for Text<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Text").field("bytes_len", &self.text.len()).finish_non_exhaustive()
    }
}

/// A mask shows a part of its value.
impl std::fmt::Debug for Replacement {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Replacement").field("range", &self.range).finish_non_exhaustive()
    }
}

impl std::fmt::Debug for Pairs {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Pairs").field(&self.0.len()).finish()
    }
}

impl std::fmt::Debug for Edit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Edit").field("action", &self.action).finish_non_exhaustive()
    }
}

impl<'a> Redaction<'a> {
    /// A request before its first text.
    pub fn new(policy: &'a Policy, secret: &'a Secret) -> Self {
        Self {
            policy,
            secret,
            known: Known::default(),
            number: 0,
            entries: Vec::new(),
            counts: BTreeMap::new(),
            is_blocked: false,
            edits: Vec::new(),
            judged: Vec::new(),
        }
    }

    /// Takes the next text with the hits of the detectors, sorted by their beginning; appends to `out` what
    /// is to be replaced in it, in order. `path` is asked for only when there is something to report.
    pub fn text(
        &mut self,
        text: Text<'_>,
        hits: &[Hit],
        path: impl FnOnce() -> String,
        out: &mut Vec<Replacement>,
    ) {
        let number = self.number;
        self.number += 1;
        let mut edits = std::mem::take(&mut self.edits);
        edits.clear();
        let mut judged = std::mem::take(&mut self.judged);
        judged.clear();
        let met = hits.iter().map(|hit| (*hit, self.meets(text, hit.kind)));
        overlap::settle(met.filter(|(_, action)| *action != Action::Allow), &mut judged);
        edits.extend(judged.iter().filter_map(|found| self.edit(text, *found, number)));
        self.judged = judged;
        if !text.is_fixed {
            let is_assistant = text.is_assistant;
            let stands_alone = |range| is_assistant || stands_alone(text.text, range);
            let matches = self.known.find(text.text, number, stands_alone);
            if !matches.is_empty() {
                edits = joined(&edits, matches, is_assistant);
            }
        }
        if !edits.is_empty() {
            self.report(&edits, path);
            out.extend(edits.iter().filter_map(|edit| self.replacement(text, *edit)));
        }
        self.edits = edits;
    }

    /// What came of all texts.
    pub fn finish(self) -> Outcome {
        // In a dry run no pseudonym has left.
        let pairs = if self.policy.is_dry_run() { Vec::new() } else { self.known.into_pairs() };
        Outcome {
            entries: self.entries,
            counts: self.counts,
            pairs: Pairs(pairs),
            is_blocked: self.is_blocked,
        }
    }

    /// What a kind meets in a text.
    fn meets(&self, text: Text<'_>, kind: Kind) -> Action {
        let action = self.policy.action(kind);
        if !text.is_fixed || !action.replaces() {
            return action;
        }
        match self.policy.numbers() {
            Numbers::Report => Action::Report,
            Numbers::Block => Action::Block,
        }
    }

    /// A finding as an edit; a value that gets a pseudonym is known from then on.
    fn edit(&mut self, text: Text<'_>, (hit, action): Judged, number: usize) -> Option<Edit> {
        let Hit { start, end, kind } = hit;
        let value = text.text.get(start..end)?;
        let token = (action == Action::Pseudonym).then(|| self.secret.pseudonym(kind, value));
        if let Some(token) = token {
            // An answer is plain text: escapes that the value stood in would be seen there.
            let plain =
                unescaped(value).filter(|plain| self.secret.pseudonym(kind, plain) == token);
            self.known.learn(
                token,
                kind,
                (value, plain.as_deref()),
                Place { text: number, at: end },
            );
        }
        Some(Edit { start, end, kind, action, token })
    }

    fn report(&mut self, edits: &[Edit], path: impl FnOnce() -> String) {
        let room = ENTRIES_MAX - self.entries.len();
        if room > 0 {
            let path: Arc<str> = path().into();
            self.entries.extend(edits.iter().take(room).map(|edit| Entry {
                kind: edit.kind,
                action: edit.action,
                path: Arc::clone(&path),
                start: edit.start,
                bytes_len: edit.end - edit.start,
            }));
        }
        for edit in edits {
            *self.counts.entry((edit.kind, edit.action)).or_default() += 1;
            self.is_blocked |= edit.action == Action::Block && !self.policy.is_dry_run();
        }
    }

    fn replacement(&self, text: Text<'_>, edit: Edit) -> Option<Replacement> {
        if self.policy.is_dry_run() {
            return None;
        }
        let range = edit.start..edit.end;
        let text = if let Some(token) = edit.token {
            Cow::Owned(token.to_string())
        } else {
            let value = text.text.get(range.clone())?;
            self.secret.replacement(edit.action, edit.kind, value)?
        };
        Some(Replacement { range, text })
    }
}

/// Hits and known values together, in order. Both are sorted.
///
/// A known value gives way to a hit over it, which hides as much or more. Not so in a turn of the model, where it must
/// become what the model wrote: there it goes before a hit of the same value, since what else is in that, such as a
/// country's code, was not part of the pseudonym; and before a hit that lies within it.
fn joined(hits: &[Edit], matches: &[Match], is_assistant: bool) -> Vec<Edit> {
    let mut edits = Vec::with_capacity(hits.len() + matches.len());
    let mut rest = hits.iter().copied().peekable();
    // What of the hits before the match in work still may lie over it.
    let mut over: Vec<Edit> = Vec::new();
    for found in matches {
        while let Some(hit) = rest.next_if(|hit| hit.start < found.end) {
            over.push(hit);
        }
        edits.extend(over.extract_if(.., |hit| hit.end <= found.start));
        let is_written = |hit: &Edit| {
            hit.token == Some(found.token) || (found.start <= hit.start && hit.end <= found.end)
        };
        let gives_way = |hit: &Edit| hit.action.replaces() && !(is_assistant && is_written(hit));
        if over.iter().any(gives_way) {
            continue;
        }
        over.retain(|hit| !hit.action.replaces());
        let Match { start, end, token, kind } = *found;
        let action = Action::Pseudonym;
        over.push(Edit { start, end, kind, action, token: Some(token) });
    }
    edits.extend(over);
    edits.extend(rest);
    edits.sort_by_key(|edit| edit.start);
    edits
}

/// Whether nothing touches a range that would make it part of something longer, as the detectors judge it.
fn stands_alone(text: &str, range: Range<usize>) -> bool {
    let bytes = text.as_bytes();
    let is_word = |byte: Option<&u8>| byte.is_some_and(|b| b.is_ascii_alphanumeric() || *b == b'_');
    let is_digit = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_digit);
    let before = |back: usize| range.start.checked_sub(back).and_then(|at| bytes.get(at));
    let after = |ahead: usize| bytes.get(range.end + ahead);
    // A mark at the edge of the value, such as a bracket, parts it from what stands there.
    let opens = is_word(bytes.get(range.start));
    let closes = is_word(range.end.checked_sub(1).and_then(|at| bytes.get(at)));
    let is_behind_point = before(1) == Some(&b'.') && is_digit(before(2));
    let is_before_point = after(0) == Some(&b'.') && is_digit(after(1));
    !(opens && (is_word(before(1)) || is_behind_point)
        || closes && (is_word(after(0)) || is_before_point))
}

#[cfg(test)]
mod tests;
