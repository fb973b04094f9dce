//! Edits into a body: ranges of its original bytes and what stands there instead.
//!
//! A body is never parsed and written anew; what no edit names stays the same bytes in the same chunks, so that an edit
//! costs its own length and not the body's. All edits of a body are put in at once, since each counts in offsets of
//! the body as it came.

use std::ops::Range;

use bytes::{Bytes, BytesMut};

use crate::json::{push_escaped, push_string};

/// Longest stretch between two edits of one chunk that is copied along with them instead of being shared.
///
/// Ten thousand hits would else be twenty thousand pieces, each with a count to keep and a place in a system call; to
/// copy this much costs about as much as to share it.
const COPIED_BYTES_MAX: usize = 256;

/// One edit.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Edit {
    start: usize,
    end: usize,
    /// Of the replacement in the text of all of them.
    put: Range<usize>,
}

/// Why an edit was not taken. Display fits after "failed to".
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EditError {
    /// Its range ends before it starts.
    #[error("edit the body: the range ends before it starts")]
    Backwards,
    /// Its range has bytes of another edit's.
    #[error("edit the body: two edits overlap")]
    Overlap,
}

/// Edits of one body, by the offsets of the body as it came; sorted and disjoint at any time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Edits {
    sorted: Vec<Edit>,
    text: Vec<u8>,
    removed: usize,
}

impl Edits {
    /// No edits.
    pub const fn new() -> Self {
        Self { sorted: Vec::new(), text: Vec::new(), removed: 0 }
    }

    /// Whether there is nothing to do.
    pub const fn is_empty(&self) -> bool {
        self.sorted.is_empty()
    }

    /// How many there are.
    pub const fn len(&self) -> usize {
        self.sorted.len()
    }

    /// Puts `raw`, JSON as it stands, in the place of a range of the body.
    ///
    /// An empty range is an insertion: before an edit that starts there, behind one that ends there, and behind an
    /// insertion at the same offset. Edits that come in order cost nothing to sort; one that does not
    /// moves all those behind it.
    ///
    /// # Errors
    /// [`EditError`] when it cannot stand beside the others; these are then as they were.
    pub fn put_raw(&mut self, range: Range<usize>, raw: &[u8]) -> Result<(), EditError> {
        self.put_with(range, |text| text.extend_from_slice(raw))
    }

    /// Puts `text` in the place of a range inside a string, with the escapes that JSON needs.
    ///
    /// # Errors
    /// As [`Edits::put_raw`].
    pub fn put_text(&mut self, range: Range<usize>, text: &str) -> Result<(), EditError> {
        self.put_with(range, |out| push_escaped(out, text))
    }

    /// Puts `text` as a whole string, with its quotes: for a range that is a number.
    ///
    /// # Errors
    /// As [`Edits::put_raw`].
    pub fn put_string(&mut self, range: Range<usize>, text: &str) -> Result<(), EditError> {
        self.put_with(range, |out| push_string(out, text))
    }

    fn put_with(
        &mut self,
        range: Range<usize>,
        push: impl FnOnce(&mut Vec<u8>),
    ) -> Result<(), EditError> {
        let Range { start, end } = range;
        if end < start {
            return Err(EditError::Backwards);
        }
        let is_before = |edit: &Edit| (edit.start, edit.end) <= (start, end);
        let index = match self.sorted.last() {
            Some(last) if !is_before(last) => self.sorted.partition_point(is_before),
            _ => self.sorted.len(),
        };
        let before = index.checked_sub(1).and_then(|index| self.sorted.get(index));
        if before.is_some_and(|edit| edit.end > start)
            || self.sorted.get(index).is_some_and(|edit| edit.start < end)
        {
            return Err(EditError::Overlap);
        }
        let put = self.text.len();
        push(&mut self.text);
        self.sorted.insert(index, Edit { start, end, put: put..self.text.len() });
        self.removed += end - start;
        Ok(())
    }

    /// Each edit in order: the range of the body, and what comes there.
    pub fn iter(&self) -> impl Iterator<Item = (Range<usize>, &[u8])> {
        self.sorted.iter().map(|edit| {
            let put = self.text.get(edit.put.start..edit.put.end).unwrap_or_default();
            (edit.start..edit.end, put)
        })
    }

    /// The length of a body of `len` bytes after the edits.
    ///
    /// All must lie inside the body.
    pub const fn len_after(&self, len: usize) -> usize {
        len.saturating_sub(self.removed) + self.text.len()
    }

    /// The chunks of the body with the edits put in.
    ///
    /// Every other byte stays as it came. Chunks are shared, except for short stretches between two edits, and an empty
    /// piece is left out; without edits the chunks come back as they are. An edit past the end of the body is put at
    /// its end.
    pub fn apply(&self, body: &[Bytes]) -> Vec<Bytes> {
        if self.sorted.is_empty() {
            return body.to_vec();
        }
        let mut apply = Apply {
            edits: self,
            next: &self.sorted,
            at: 0,
            pieces: Vec::with_capacity(body.len() + 2 * self.sorted.len()),
            copied: BytesMut::with_capacity(self.text.len()),
        };
        let mut start = 0;
        for chunk in body {
            apply.chunk(chunk, start);
            start += chunk.len();
        }
        apply.finish()
    }
}

/// Puts the edits into one chunk after another.
struct Apply<'a> {
    edits: &'a Edits,
    /// What is left to be put in.
    next: &'a [Edit],
    /// Offset in the body up to which all is done.
    at: usize,
    pieces: Vec<Bytes>,
    /// Replacements, and short stretches between them, that are not yet a piece.
    copied: BytesMut,
}

impl Apply<'_> {
    /// Takes the chunk that begins at the offset `start` of the body.
    fn chunk(&mut self, chunk: &Bytes, start: usize) {
        let end = start + chunk.len();
        let mut is_between = false;
        // An edit at the end of this chunk goes here, since there may be no chunk behind it.
        while let Some((edit, next)) = self.next.split_first()
            && edit.start <= end
        {
            let kept = self.kept(start, edit.start);
            match chunk.get(kept.start..kept.end) {
                Some(short) if is_between && short.len() <= COPIED_BYTES_MAX => {
                    self.copied.extend_from_slice(short);
                }
                _ => self.share(chunk, kept),
            }
            is_between = true;
            self.put(edit);
            self.at = self.at.max(edit.end);
            self.next = next;
        }
        let kept = self.kept(start, end);
        self.share(chunk, kept);
        self.at = self.at.max(end);
    }

    /// What is kept of a chunk that begins at `start` up to the offset `end` of the body, by its own offsets.
    fn kept(&self, start: usize, end: usize) -> Range<usize> {
        let to = end - start;
        self.at.saturating_sub(start).min(to)..to
    }

    fn share(&mut self, chunk: &Bytes, kept: Range<usize>) {
        if !kept.is_empty() {
            self.end_copied();
            self.pieces.push(chunk.slice(kept));
        }
    }

    fn put(&mut self, edit: &Edit) {
        let text = self.edits.text.get(edit.put.start..edit.put.end);
        self.copied.extend_from_slice(text.unwrap_or_default());
    }

    fn end_copied(&mut self) {
        if !self.copied.is_empty() {
            self.pieces.push(self.copied.split().freeze());
        }
    }

    fn finish(mut self) -> Vec<Bytes> {
        for edit in self.next {
            self.put(edit);
        }
        self.end_copied();
        self.pieces
    }
}

#[cfg(test)]
mod tests;
