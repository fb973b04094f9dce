//! Finds pseudonyms in the letters between the quotes of a JSON string, and how much of its end could
//! become one.

use memchr::memchr3;

use super::strings::Strings;
use super::token::is_beginning;
use super::{Counts, Escapes, Restorer, Token};
use crate::json::unescape;

/// What a text holds.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// Pseudonyms of this request, in order.
    pub(super) places: Vec<Place>,
    /// Behind the last of them.
    pub(super) end: usize,
    /// Others of that form.
    unknown: u64,
}

/// A pseudonym of this request.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    /// Its first byte; all are [`Token::BYTES`] long.
    pub(super) at: usize,
    /// Whose value it is.
    pub(super) pair: usize,
}

/// How much of a text's end could become a pseudonym, in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Tail {
    /// Any pseudonym; the longest such end.
    pub(super) kept: usize,
    /// One of this request's; never more than `kept`.
    pub(super) held: usize,
}

impl Found {
    pub(super) fn clear(&mut self) {
        *self = Self { places: std::mem::take(&mut self.places), ..Self::default() };
        self.places.clear();
    }

    pub(super) const fn count(&self, counts: &mut Counts) {
        counts.restored += self.places.len() as u64;
        counts.unknown += self.unknown;
    }

    /// Looks at `at`, where a pseudonym may begin; answers how far the search may step.
    fn look(&mut self, restorer: &Restorer, text: &[u8], at: usize) -> usize {
        let Some(token) = text.get(at..).and_then(Token::at_start) else { return 1 };
        let Some(pair) = restorer.place(token) else {
            self.unknown += 1;
            // The last of its letters may begin the next one.
            return 1;
        };
        self.places.push(Place { at, pair });
        self.end = at + Token::BYTES;
        Token::BYTES
    }
}

impl Restorer {
    /// Whether bytes of a stream could need a change while nothing is held: a pseudonym, the
    /// beginning of one at the end of a string, or a tool's input, whose strings must be followed.
    pub(super) fn may_matter(&self, bytes: &[u8]) -> bool {
        has_beginning(bytes) || self.tool_input.find(bytes).is_some()
    }

    /// Whether `PII_` stands in the bytes at all.
    pub(super) fn has_prefix(&self, bytes: &[u8]) -> bool {
        self.prefix.find(bytes).is_some()
    }

    /// Finds what stands in a text.
    pub(super) fn find(&self, text: &[u8], found: &mut Found) {
        found.clear();
        let mut at = 0;
        while let Some(ahead) = text.get(at..).and_then(|rest| self.prefix.find(rest)) {
            at += ahead;
            at += found.look(self, text, at);
        }
    }

    /// The same in the values of a JSON text, which goes on from what `strings` knows.
    pub(super) fn find_in_values(
        &self,
        text: &[u8],
        escapes: Escapes,
        strings: &mut Strings,
        found: &mut Found,
    ) {
        found.clear();
        let mut at = 0;
        while let Some(&byte) = text.get(at) {
            if byte == b'P' && strings.in_value() {
                at += found.look(self, text, at);
                continue;
            }
            if byte == b'\\' && escapes == Escapes::Twice {
                let (inner, taken) = outer_escape(text.get(at..).unwrap_or_default());
                strings.step(inner);
                at += taken;
                continue;
            }
            strings.step(byte);
            at += 1;
            if strings.in_plain() {
                let rest = text.get(at..).unwrap_or_default();
                at += memchr3(b'"', b'\\', b'P', rest).unwrap_or(rest.len());
            }
        }
    }

    /// What of the end of a text could become a pseudonym; `from` is where it may begin first.
    pub(super) fn tail(&self, text: &[u8], from: usize) -> Tail {
        let mut tail = Tail::default();
        let first = from.max(text.len().saturating_sub(Token::BYTES - 1));
        for start in first..text.len() {
            let end = text.get(start..).unwrap_or_default();
            if end.first() != Some(&b'P') || !is_beginning(end) {
                continue;
            }
            if tail.kept == 0 {
                tail.kept = end.len();
            }
            if self.has_beginning(end) {
                tail.held = end.len();
                break;
            }
        }
        tail
    }
}

/// Whether `PII_` stands in the bytes, or a beginning of it before a quote or the end.
fn has_beginning(bytes: &[u8]) -> bool {
    memchr::memchr_iter(b'P', bytes).any(|at| {
        let rest = bytes.get(at..).unwrap_or_default();
        let prefix = Token::PREFIX.as_bytes();
        let same = rest.iter().zip(prefix).take_while(|(byte, letter)| byte == letter).count();
        same == prefix.len() || matches!(rest.get(same), None | Some(b'"'))
    })
}

/// What the inner JSON has for an escape of the outer one, and how long that is. All that matters
/// there is a quote or a backslash.
fn outer_escape(raw: &[u8]) -> (u8, usize) {
    match raw.get(1) {
        Some(quote @ (b'"' | b'\\')) => (*quote, 2),
        Some(b'u') => {
            let letter = raw.get(..6).and_then(unescape).and_then(|text| text.first().copied());
            (letter.unwrap_or(b'u'), 6)
        }
        _ => (b' ', 2),
    }
}
