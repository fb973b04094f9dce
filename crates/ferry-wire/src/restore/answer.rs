//! An answer that is one JSON text: the places that may hold a pseudonym, as splices.

use std::ops::Range;

use bytes::Bytes;

use super::event::{block_parts, citations, cited_text, elements, letters, members, titles};
use super::scan::Found;
use super::strings::Strings;
use super::{Counts, Escapes, Restorer, Token};
use crate::json::key_is;

impl Restorer {
    /// The same answer with its values: a message, or a legacy completion.
    ///
    /// Untouched bytes are slices of `body`. Nothing when nothing is to be restored, or when `body`
    /// is no JSON object: then it is best passed on as it is. What was met is added to `counts`.
    pub fn answer(&self, body: &Bytes, counts: &mut Counts) -> Option<Vec<Bytes>> {
        if !self.has_prefix(body) {
            return None;
        }
        let mut walk = Walk::new(self, body);
        let mut content = None;
        let mut completion = None;
        members(body, 0..body.len(), |name, value| {
            if key_is(name, "content") {
                content = Some(value);
            } else if key_is(name, "completion") {
                completion = Some(value);
            }
        })?;
        if let Some(value) = completion {
            walk.string(value);
        }
        if let Some(value) = content.filter(|value| body.get(value.start) == Some(&b'[')) {
            elements(body, value, |block| walk.block(block))?;
        }
        walk.splices.sort_by_key(|(at, _)| *at);
        *counts = walk.counts.plus(*counts);
        walk.pieces(body)
    }

    /// The splices for one content block, which stands at `block` in `text`.
    pub(super) fn block(&self, text: &[u8], block: Range<usize>) -> (Vec<(usize, Bytes)>, Counts) {
        let mut walk = Walk::new(self, text);
        walk.block(block);
        walk.splices.sort_by_key(|(at, _)| *at);
        (walk.splices, walk.counts)
    }
}

impl Counts {
    /// Both together.
    #[must_use]
    pub const fn plus(self, other: Self) -> Self {
        Self {
            restored: self.restored + other.restored,
            unknown: self.unknown + other.unknown,
            unread: self.unread + other.unread,
        }
    }
}

struct Walk<'a> {
    restorer: &'a Restorer,
    text: &'a [u8],
    /// Offset of a pseudonym and what takes its place.
    splices: Vec<(usize, Bytes)>,
    counts: Counts,
    found: Found,
}

impl<'a> Walk<'a> {
    fn new(restorer: &'a Restorer, text: &'a [u8]) -> Self {
        let (counts, found) = (Counts::default(), Found::default());
        Self { restorer, text, splices: Vec::new(), counts, found }
    }

    /// A content block; of what cannot be read nothing is restored.
    fn block(&mut self, block: Range<usize>) {
        let Some(parts) = block_parts(self.text, block) else { return };
        if let Some(value) = parts.text {
            self.string(value);
        }
        if let Some(list) = parts.citations {
            for citation in citations(self.text, list).unwrap_or_default() {
                let cited = cited_text(self.text, citation.clone());
                let strings = cited.into_iter().chain(titles(self.text, citation));
                strings.for_each(|value| self.string(value));
            }
        }
        if let Some(value) = parts.input {
            self.input(value);
        }
    }

    fn string(&mut self, value: Range<usize>) {
        if let Some(range) = letters(self.text, value)
            && let Some(raw) = self.text.get(range.clone())
        {
            self.restorer.find(raw, &mut self.found);
            self.note(range.start);
        }
    }

    fn input(&mut self, value: Range<usize>) {
        let start = value.start;
        let Some(raw) = self.text.get(value) else { return };
        let strings = &mut Strings::default();
        self.restorer.find_in_values(raw, Escapes::Once, strings, &mut self.found);
        self.note(start);
    }

    /// Turns what was found in the text that begins at `base` into splices.
    fn note(&mut self, base: usize) {
        self.found.count(&mut self.counts);
        for place in &self.found.places {
            let value = self.restorer.value(place.pair, Escapes::Once);
            self.splices.push((base + place.at, value));
        }
    }

    fn pieces(self, body: &Bytes) -> Option<Vec<Bytes>> {
        if self.splices.is_empty() {
            return None;
        }
        let mut pieces = Vec::with_capacity(self.splices.len() * 2 + 1);
        let mut copied_to = 0;
        for (at, value) in self.splices {
            pieces.push(body.slice(copied_to..at));
            pieces.push(value);
            copied_to = at + Token::BYTES;
        }
        pieces.push(body.slice(copied_to..));
        Some(pieces)
    }
}
