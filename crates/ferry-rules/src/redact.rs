//! Sensitive data in a text: what it is, where it stands, how it is written.
//!
//! Candidates come from one fast pass over the bytes, verdicts from a validator written by hand for each kind. Time is linear
//! in the text whatever stands in it, for the operator's own expressions, too (`rules`), and nothing is allocated where
//! nothing is found. It never changes a text, and no value leaves it but by the offsets of a [`Hit`].

pub mod action;
pub mod answer;
pub mod apply;
mod bank_card;
mod context;
pub mod conversation;
mod email;
mod finder;
mod iban;
mod ip;
mod kind;
mod known;
mod marks;
mod mobile;
mod normalise;
mod oid;
mod overlap;
mod passport;
mod plate;
pub mod policy;
mod private_key;
pub mod pseudonym;
mod reading;
mod region_id;
mod resident_id;
mod rules;
mod secret;
mod subject;
mod sweep;
#[cfg(test)]
mod tests;
mod uscc;

use finder::Finder;
pub use kind::{Kind, Kinds};
pub use normalise::normalise;
use normalise::{Plain, Windows};
use reading::{Text, is_word};
pub use rules::{
    AHEAD_BYTES_MAX, EXPRESSION_BYTES_MAX, EXPRESSION_COMPILED_BYTES_MAX, Pattern, RULES_MAX, Rule,
    RuleError, RuleFault, WORDS_BYTES_MAX, WORDS_MAX,
};

/// A value found in a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Hit {
    /// Where it begins, in bytes; a border of characters.
    pub start: usize,
    /// Where it ends, in bytes; a border of characters behind `start`.
    pub end: usize,
    /// What it is.
    pub kind: Kind,
}

/// Room that scans use and leave for the next one, so that they need not allocate.
#[derive(Debug, Default)]
pub struct Scratch {
    windows: Windows,
    plain: Plain,
    found: Vec<Hit>,
}

/// The detectors that are on, compiled.
#[derive(Debug)]
pub struct Detectors {
    kinds: Kinds,
    rules: Vec<rules::Compiled>,
}

impl Detectors {
    /// Detectors of the built-in `kinds` and of the operator's `rules`, which are [`Kind::Custom`] by their place.
    ///
    /// # Errors
    /// When a rule is broken, would be slow, is too large, or matches the empty text.
    pub fn new(kinds: Kinds, rules: &[Rule]) -> Result<Self, RuleError> {
        Ok(Self { kinds, rules: rules::compile(rules)? })
    }

    /// Detectors of nothing.
    pub const fn none() -> Self {
        Self { kinds: Kinds::NONE, rules: Vec::new() }
    }

    /// Whether the operator has rules of their own.
    const fn has_rules(&self) -> bool {
        !self.rules.is_empty()
    }

    /// Replaces `hits` by what stands in `text`: sorted, and no two overlap.
    ///
    /// Where two candidates overlap the longer one stays; Ferry's own pseudonyms are no hits.
    pub fn scan(&self, text: &str, scratch: &mut Scratch, hits: &mut Vec<Hit>) {
        self.scan_all(text, scratch, hits);
        keep_longest(hits);
    }

    /// The same with all that overlap, for whoever settles by what is done about each. Sorted by their beginning.
    pub fn scan_all(&self, text: &str, scratch: &mut Scratch, hits: &mut Vec<Hit>) {
        hits.clear();
        let Scratch { windows, plain, found } = scratch;
        windows.clear();
        let read = Text { bytes: text.as_bytes() };
        let odd = |place| windows.add(place, text);
        Finder::new(read, self.kinds, hits, odd).run();
        rules::find(&self.rules, text, hits);
        if self.kinds.has(Kind::BankCard) {
            hits.extend(bank_card::literal(read));
        }
        if !windows.is_empty() {
            // What an odd letter touches is judged where that is read as a plain one, if the whole of it is read there.
            hits.retain(|hit| {
                let touches =
                    normalise::is_odd(text, hit.end) || normalise::is_behind_odd(text, hit.start);
                !touches || !windows.have(text, hit.start, hit.end)
            });
            for (start, end) in windows.pieces(text) {
                plain.read(text, start, end);
                self.scan_plain(plain, found);
                let is_inside = |hit: &Hit| {
                    (hit.start > 0 || start == 0)
                        && (hit.end < plain.text.len() || end == text.len())
                };
                hits.extend(found.drain(..).filter(is_inside).filter_map(|hit| {
                    let (start, end) = plain.origin(hit.start, hit.end)?;
                    Some(Hit { start, end, kind: hit.kind })
                }));
            }
        }
        tidy(read, hits);
    }

    fn scan_plain(&self, plain: &Plain, found: &mut Vec<Hit>) {
        found.clear();
        let text = Text { bytes: plain.text.as_bytes() };
        Finder::new(text, self.kinds, found, |_| {}).run();
        rules::find(&self.rules, &plain.text, found);
    }
}

/// Sorts hits, each once, and takes out pseudonyms.
fn tidy(text: Text<'_>, hits: &mut Vec<Hit>) {
    if hits.is_empty() {
        return;
    }
    hits.retain(|hit| !is_pseudonym(text, *hit));
    hits.sort_unstable_by_key(|hit| (hit.start, std::cmp::Reverse(hit.end), hit.kind));
    hits.dedup();
}

/// Of two that overlap the longer one; of two e-mail addresses both, as one.
fn keep_longest(hits: &mut Vec<Hit>) {
    hits.dedup_by(|next, kept| {
        let overlaps = next.start < kept.end;
        if overlaps && next.kind == Kind::Email && kept.kind == Kind::Email {
            // Two addresses of which nobody can say where one ends: both are hidden.
            kept.end = kept.end.max(next.end);
        } else if overlaps && next.end - next.start > kept.end - kept.start {
            *kept = *next;
        }
        overlaps
    });
}

/// Whether a hit lies in a word that begins like a pseudonym: `PII_`.
fn is_pseudonym(text: Text<'_>, hit: Hit) -> bool {
    const WORD_MAX: usize = 64;
    let head = text.slice(hit.start.saturating_sub(WORD_MAX), hit.start);
    let before = head.iter().rev().take_while(|byte| is_word(**byte)).count();
    text.has(hit.start - before, b"PII_")
}
