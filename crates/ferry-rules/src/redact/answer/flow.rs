//! A text of an answer that comes in parts: what of it may leave, and what has to wait.
//!
//! It is read letter by letter, so that the outcome does not depend on how it was split. A place where no value can go on
//! (behind a character that is no part of one, some way behind the last digit, `@` or long word) parts it, and what is
//! before the place is looked through once, together with the end of what has left. What holds nothing that could belong to a
//! value leaves with the word in work, unlooked. Behind [`HELD_BYTES_MAX`] without such a place it is parted all the same;
//! a value found there that still goes on swallows the rest of its letters.
//!
//! With the operator's own rules, of which nobody knows how far they reach, texts part only at the ends of sentences.

use std::ops::ControlFlow;

use super::super::kind::Kind;
use super::letters::{Letter, is_sentence_end};
use super::swallow::Swallow;
use super::{AnswerRules, Findings};

/// Most that waits of a text, in bytes: longer than any value but private keys and tokens with many claims.
pub const HELD_BYTES_MAX: usize = 1024;

/// What is read again of what has left, in bytes: the words that say what a value is stand within 96 before it.
const CONTEXT_BYTES: usize = 160;

/// How far behind a value that what stands there may still belong to it: a point, another group, a unit.
const QUIET_BYTES: usize = 8;

/// The same where a bracket opens behind it: `（护照）`.
const BRACKET_BYTES: usize = 40;

/// The same behind `-----BEGIN`: until the label's end.
const LABEL_BYTES: usize = 64;

/// What goes on waiting where a text is parted by its length.
const REST_BYTES: usize = 64;

/// How far on the next look is where the last one found a value at its end.
const RETRY_BYTES: usize = 32;

/// One text under way.
#[derive(Default)]
pub struct Flow {
    /// What has left lately, and what waits.
    text: String,
    /// Up to here it has left.
    sent: usize,
    /// Something that waits may belong to a value.
    is_hot: bool,
    /// Behind the last that may.
    hot_end: usize,
    /// The length from which on the text may be parted.
    quiet_at: usize,
    /// Letters of the word in work.
    word: usize,
    /// Behind the first line of a private key.
    in_key: bool,
    swallow: Option<Swallow>,
}

/// Never prints a text.
impl std::fmt::Debug for Flow {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Flow").field("held", &self.held()).finish_non_exhaustive()
    }
}

impl Flow {
    /// How many bytes wait.
    pub fn held(&self) -> usize {
        self.text.len() - self.sent
    }

    /// Takes the next part of the text, and appends to `out` what may leave.
    pub fn push(
        &mut self,
        part: &str,
        rules: AnswerRules<'_>,
        findings: &mut Findings,
        out: &mut String,
    ) {
        for letter in part.chars() {
            if let Some(swallow) = &mut self.swallow {
                match swallow.take(letter) {
                    ControlFlow::Continue(()) => continue,
                    ControlFlow::Break(is_taken) => {
                        self.swallow = None;
                        if is_taken {
                            continue;
                        }
                    }
                }
            }
            self.letter(letter, rules, findings, out);
        }
    }

    /// The text ends here: all leaves, and the next part begins another.
    pub fn end(&mut self, rules: AnswerRules<'_>, findings: &mut Findings, out: &mut String) {
        if self.held() > 0 {
            self.look(rules, findings);
            self.leave(self.text.len(), rules, findings, out);
        }
        *self = Self { text: std::mem::take(&mut self.text), ..Self::default() };
        self.text.clear();
    }

    fn letter(
        &mut self,
        letter: char,
        rules: AnswerRules<'_>,
        findings: &mut Findings,
        out: &mut String,
    ) {
        let Letter { is_hot, is_border, is_bracket, word } =
            Letter::read(letter, &self.text, self.word);
        self.word = word;
        let by_sentence = rules.detectors.has_rules();
        let is_border = if by_sentence { is_sentence_end(letter, &self.text) } else { is_border };
        self.text.push(letter);
        let len = self.text.len();
        if is_bracket && len <= self.hot_end + QUIET_BYTES {
            self.wait_until(len + BRACKET_BYTES);
        }
        if is_hot {
            self.is_hot = true;
            self.hot_end = len;
            self.wait_until(len + QUIET_BYTES);
        }
        self.key_line(letter);
        if is_border && !self.in_key && len >= self.quiet_at {
            if self.is_hot || by_sentence {
                self.part(rules, findings, out);
            } else {
                self.leave_unlooked(out);
            }
        } else if self.held() > HELD_BYTES_MAX {
            self.part_by_length(rules, findings, out);
        }
    }

    /// Follows the lines around a private key.
    fn key_line(&mut self, letter: char) {
        let waits = self.text.get(self.sent..).unwrap_or_default();
        if letter == 'N' && waits.ends_with("-----BEGIN") {
            self.wait_until(self.text.len() + LABEL_BYTES);
        } else if letter == '-' && waits.ends_with("-----") {
            let label = waits.trim_end_matches('-');
            let is_key = label.ends_with("PRIVATE KEY") || label.ends_with("PRIVATE KEY BLOCK");
            let line = label.rfind("-----").and_then(|at| label.get(at..)).unwrap_or_default();
            if is_key {
                self.in_key = line.starts_with("-----BEGIN");
            }
        }
    }

    fn wait_until(&mut self, len: usize) {
        self.quiet_at = self.quiet_at.max(len);
    }

    /// Where the part that is looked through begins.
    fn window(&self) -> usize {
        self.text.ceil_char_boundary(self.sent.saturating_sub(CONTEXT_BYTES))
    }

    /// Finds what stands in the text, in its offsets.
    fn look(&self, rules: AnswerRules<'_>, findings: &mut Findings) {
        let from = self.window();
        let Findings { scratch, hits, .. } = findings;
        rules.detectors.scan(self.text.get(from..).unwrap_or_default(), scratch, hits);
        for hit in hits.iter_mut() {
            hit.start = (hit.start + from).max(self.sent);
            hit.end += from;
        }
        // What has left is settled.
        hits.retain(|hit| hit.end > self.sent);
    }

    fn part(&mut self, rules: AnswerRules<'_>, findings: &mut Findings, out: &mut String) {
        self.look(rules, findings);
        let len = self.text.len();
        if findings.hits.last().is_some_and(|hit| hit.end == len) {
            // It might be longer.
            self.wait_until(len + RETRY_BYTES);
            return;
        }
        self.leave(len, rules, findings, out);
    }

    fn part_by_length(
        &mut self,
        rules: AnswerRules<'_>,
        findings: &mut Findings,
        out: &mut String,
    ) {
        self.look(rules, findings);
        let len = self.text.len();
        let mut end = self.text.floor_char_boundary(len - REST_BYTES);
        let cut = findings.hits.iter_mut().find(|hit| {
            let is_key = hit.kind == Kind::PrivateKey && self.in_key;
            is_key || (hit.start < end && end < hit.end)
        });
        if let Some(hit) = cut {
            let goes_on = hit.end == len || hit.kind == Kind::PrivateKey;
            if goes_on && rules.replaces_kind(hit.kind) {
                let head = self.text.get(hit.start..).unwrap_or_default();
                self.swallow = Swallow::behind(hit.kind, head);
            }
            if self.swallow.is_some() {
                hit.end = len;
            }
            end = end.max(hit.end);
        }
        if let Some(hit) = findings.hits.iter().find(|hit| hit.start < end && end < hit.end) {
            end = hit.end;
        }
        self.in_key = false;
        let (is_hot, hot_end, quiet_at) = (self.is_hot, self.hot_end, self.quiet_at);
        self.leave(end, rules, findings, out);
        if end < len {
            let moved = len - self.text.len();
            self.is_hot = is_hot;
            self.hot_end = hot_end.saturating_sub(moved);
            self.quiet_at = quiet_at.saturating_sub(moved);
        }
    }

    /// Sends what stands before `end`, with what takes the place of the values in it.
    fn leave(
        &mut self,
        end: usize,
        rules: AnswerRules<'_>,
        findings: &mut Findings,
        out: &mut String,
    ) {
        let Findings { hits, counts, .. } = findings;
        let mut from = self.sent;
        for hit in hits.iter().filter(|hit| hit.end <= end) {
            if let Some(replacement) = rules.judge(&self.text, *hit, counts) {
                out.push_str(self.text.get(from..hit.start).unwrap_or_default());
                out.push_str(&replacement.text);
                from = hit.end;
            }
        }
        out.push_str(self.text.get(from..end).unwrap_or_default());
        self.sent = end;
        self.settle();
    }

    /// Sends all that waits, in which nothing can be.
    fn leave_unlooked(&mut self, out: &mut String) {
        out.push_str(self.text.get(self.sent..).unwrap_or_default());
        self.sent = self.text.len();
        self.settle();
    }

    /// Forgets what is no longer needed of what has left.
    fn settle(&mut self) {
        (self.is_hot, self.hot_end, self.quiet_at) = (false, 0, 0);
        if self.sent > HELD_BYTES_MAX {
            let window = self.window();
            self.text.drain(..window);
            self.sent -= window;
        }
    }
}
