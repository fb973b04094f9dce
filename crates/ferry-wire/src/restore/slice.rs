//! A slice of a stream on its way out, and where in it the letters of a text stand.

use std::ops::Range;

use bytes::Bytes;

/// One slice of the stream on its way out.
pub(crate) struct Slice<'a> {
    pub(crate) bytes: &'a Bytes,
    /// All before has left.
    pub(crate) sent: usize,
    pub(crate) out: &'a mut Vec<Bytes>,
}

impl Slice<'_> {
    /// Puts `with` in the place of a range.
    pub(crate) fn replace(&mut self, range: Range<usize>, with: Bytes) {
        if range.start > self.sent {
            self.out.push(self.bytes.slice(self.sent..range.start));
        }
        if !with.is_empty() {
            self.out.push(with);
        }
        self.sent = range.end;
    }

    pub(crate) fn finish(self) {
        if self.sent < self.bytes.len() {
            self.out.push(self.bytes.slice(self.sent..));
        }
    }
}

/// Part of a text, in its event.
pub(crate) struct Text<'a> {
    pub(crate) event: &'a [u8],
    /// Where the event stands in its slice.
    pub(crate) at: usize,
    /// Where the letters stand in the event.
    pub(crate) letters: Range<usize>,
    /// No other part follows.
    pub(crate) is_last: bool,
}

impl<'a> Text<'a> {
    pub(crate) fn raw(&self) -> &'a [u8] {
        self.event.get(self.letters.clone()).unwrap_or_default()
    }

    /// Where the letters stand in the slice.
    pub(crate) const fn place(&self) -> Range<usize> {
        self.at + self.letters.start..self.at + self.letters.end
    }

    /// Where the event stands in the slice.
    pub(crate) const fn whole(&self) -> Range<usize> {
        self.at..self.at + self.event.len()
    }
}
