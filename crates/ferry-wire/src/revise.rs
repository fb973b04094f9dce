//! A stream of events of which the texts go through a hand that may change them, whatever deltas they are split over.
//!
//! It knows events and blocks, and nothing of what the hand looks for. Each text (that of a block, every string of a
//! tool's input, a cited text, a legacy completion) has a state of the hand's own, and the hand may keep back an end of it
//! until more has come. What it keeps leaves in a delta of its own before the block, the message or the stream ends. An
//! event that stays as it is leaves as the slice that came; a delta of which nothing is left is dropped. Thinking,
//! signatures, ids, names, keys of objects and what tools of the server found are never shown to the hand.

use std::borrow::Cow;
use std::ops::Range;

use bytes::Bytes;

use crate::json::{escaped, unescape};
use crate::restore::EVENT_BYTES_MAX;
use crate::restore::event::{self as parts, Adds};
use crate::restore::lane::Carries;
use crate::restore::slice::{Slice, Text};
use crate::sse::event::{Name, name_of, whole};
use crate::sse::{Flavor, Observer};

mod lane;

use lane::Lane;

/// Most blocks under way at once. The API sends one after the other.
const LANES_MAX: usize = 32;

/// What a hand is given of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part<'a> {
    /// The text goes on. Of a tool's input the text of one string, its escapes undone.
    More(&'a str),
    /// It ends here, or the stream does: what was kept back must leave.
    End,
}

/// Takes a part of a text and appends to the string what of the text may leave.
pub type Hand<'h, S> = &'h mut dyn FnMut(&mut S, Part<'_>, &mut String);

/// Revises one stream; `S` is what the hand knows of a text.
#[derive(Debug)]
pub struct ReviseStream<S> {
    /// Makes whole events of what comes in pieces.
    framer: Observer,
    /// What the framer let go of the chunk in work.
    pieces: Vec<Bytes>,
    lanes: Vec<Lane<S>>,
    /// Whether what the hand gives takes the place of what came.
    changes: bool,
    /// What leaves of the text in work.
    written: String,
    unread: u64,
    /// An event too long to be read is passing.
    is_unread: bool,
    /// Such a one may have been part of the tool's input in work, whose strings are then unknown.
    is_lost: bool,
}

impl<S: Default> ReviseStream<S> {
    /// A stream before its first byte. Without `changes` the bytes leave as they come, at once, and the hand only sees
    /// the texts.
    pub fn new(changes: bool) -> Self {
        Self {
            // Nothing is to be learnt here.
            framer: Observer::with_tail_max(Flavor::Other, EVENT_BYTES_MAX),
            pieces: Vec::new(),
            lanes: Vec::new(),
            changes,
            written: String::new(),
            unread: 0,
            is_unread: false,
            is_lost: false,
        }
    }

    /// Takes the next bytes, cut anywhere, and appends to `out` what may go to the client now.
    pub fn push(&mut self, chunk: Bytes, out: &mut Vec<Bytes>, hand: Hand<'_, S>) {
        let mut seen = Vec::new();
        let out = if self.changes {
            out
        } else {
            out.push(chunk.clone());
            &mut seen
        };
        let mut pieces = std::mem::take(&mut self.pieces);
        self.framer.push(chunk, &mut pieces);
        for piece in pieces.drain(..) {
            self.piece(&piece, out, hand);
        }
        self.pieces = pieces;
        self.is_unread &= self.framer.mid_event();
    }

    /// The stream has ended as it should: a last event without its empty line counts, too.
    pub fn end(&mut self, out: &mut Vec<Bytes>, hand: Hand<'_, S>) {
        let mut seen = Vec::new();
        let out = if self.changes { out } else { &mut seen };
        if let Some(last) = self.framer.take_tail() {
            let mut slice = Slice { bytes: &last, sent: 0, out };
            self.event(&last, 0, &mut slice, hand);
            slice.finish();
            let words = self.last_words(hand);
            if !words.is_empty() {
                out.push(Bytes::from_static(b"\n\n"));
                out.extend(words);
            }
        }
        out.extend(self.last_words(hand));
    }

    /// The stream was cut: what is kept of texts leaves, part of an event does not.
    pub fn cut(&mut self, out: &mut Vec<Bytes>, hand: Hand<'_, S>) {
        self.framer.take_tail();
        let words = self.last_words(hand);
        if self.changes {
            out.extend(words);
        }
    }

    /// Whether bytes leave in another form than they come.
    pub const fn changes(&self) -> bool {
        self.changes
    }

    /// Whether the client has part of an event, where bytes leave in another form than they come.
    pub const fn mid_event(&self) -> bool {
        self.framer.mid_event()
    }

    /// How many events or blocks the hand did not see: too long ([`EVENT_BYTES_MAX`]), too many at once, or broken.
    pub const fn unread(&self) -> u64 {
        self.unread
    }

    fn last_words(&mut self, hand: Hand<'_, S>) -> Vec<Bytes> {
        self.lanes.drain(..).filter_map(|lane| lane.last_words(hand)).collect()
    }

    /// Events, and perhaps the beginning or more of one that is too long.
    fn piece(&mut self, piece: &Bytes, out: &mut Vec<Bytes>, hand: Hand<'_, S>) {
        let mut slice = Slice { bytes: piece, sent: 0, out };
        let mut at = 0;
        for event in whole(piece) {
            if !std::mem::take(&mut self.is_unread) {
                // A comment before an event is no part of it and may have left already.
                let comments = parts::comments_len(event);
                let event = event.get(comments..).unwrap_or_default();
                self.event(event, at + comments, &mut slice, hand);
            }
            at += event.len();
        }
        if at < piece.len() && self.framer.mid_event() && !self.is_unread {
            self.flush(at, &mut slice, hand);
            self.is_unread = true;
            self.is_lost = true;
            self.unread += 1;
        }
        slice.finish();
    }

    /// One event, which stands at `at` in its slice.
    fn event(&mut self, event: &[u8], at: usize, slice: &mut Slice<'_>, hand: Hand<'_, S>) {
        match name_of(event) {
            Name::ContentDelta => self.delta(event, at, slice, hand),
            Name::ContentStart => self.start(event, at, slice, hand),
            Name::ContentStop => match parts::index(event) {
                Some(index) => self.flush_lane(index, at, slice, hand),
                None => self.flush(at, slice, hand),
            },
            Name::Completion => match parts::completion(event) {
                Some((letters, is_last)) => {
                    let text = Text { event, at, letters, is_last };
                    self.text(0, Carries::Completion, &text, slice, hand);
                }
                None => self.flush(at, slice, hand),
            },
            // No text of any block comes after these.
            Name::MessageDelta | Name::MessageStop | Name::Error => self.flush(at, slice, hand),
            Name::None | Name::MessageStart | Name::Other => {}
        }
    }

    fn delta(&mut self, event: &[u8], at: usize, slice: &mut Slice<'_>, hand: Hand<'_, S>) {
        let Some(delta) = parts::delta(event) else {
            self.unread += 1;
            return self.flush(at, slice, hand);
        };
        let Some((adds, letters)) = delta.letters else { return };
        let text = Text { event, at, letters, is_last: false };
        match adds {
            Adds::Text => self.text(delta.index, Carries::Text, &text, slice, hand),
            Adds::Input if self.is_lost => {}
            Adds::Input => self.text(delta.index, Carries::Input, &text, slice, hand),
            Adds::Cited => {
                if let Some(written) = self.alone(text.raw(), hand) {
                    slice.replace(text.place(), written);
                }
            }
        }
    }

    /// A block begins; one that comes whole has its texts at once.
    fn start(&mut self, event: &[u8], at: usize, slice: &mut Slice<'_>, hand: Hand<'_, S>) {
        self.is_lost = false;
        match parts::index(event) {
            Some(index) => self.flush_lane(index, at, slice, hand),
            None => self.flush(at, slice, hand),
        }
        let parts = parts::block(event).and_then(|block| parts::block_parts(event, block));
        let Some(parts) = parts else { return };
        let cited = parts.citations.and_then(|list| parts::cited_texts(event, list));
        let strings = cited.into_iter().flatten().chain(parts.text);
        let strings = strings.filter_map(|value| parts::letters(event, value));
        let mut edits: Vec<(Range<usize>, Bytes)> = Vec::new();
        for letters in strings {
            let raw = event.get(letters.clone()).unwrap_or_default();
            edits.extend(self.alone(raw, hand).map(|written| (letters, written)));
        }
        if let Some(input) = parts.input {
            let raw = event.get(input.clone()).and_then(|raw| std::str::from_utf8(raw).ok());
            let raw = raw.unwrap_or_default();
            self.written.clear();
            if !Lane::new(0, Carries::Input).push(raw, &mut self.written, hand) {
                self.unread += 1;
            }
            if self.written != raw {
                edits.push((input, Bytes::copy_from_slice(self.written.as_bytes())));
            }
        }
        edits.sort_by_key(|(range, _)| range.start);
        for (range, written) in edits {
            slice.replace(at + range.start..at + range.end, written);
        }
    }

    /// A text that comes whole; nothing when it stays as it is.
    fn alone(&mut self, raw: &[u8], hand: Hand<'_, S>) -> Option<Bytes> {
        let Some(words) = decoded(raw) else {
            self.unread += 1;
            return None;
        };
        let mut state = S::default();
        self.written.clear();
        hand(&mut state, Part::More(&words), &mut self.written);
        hand(&mut state, Part::End, &mut self.written);
        (self.written != words).then(|| escaped(&self.written))
    }

    /// The next part of a text, which goes on from its lane.
    fn text(
        &mut self,
        index: u64,
        carries: Carries,
        part: &Text<'_>,
        slice: &mut Slice<'_>,
        hand: Hand<'_, S>,
    ) {
        if self.lanes.iter().any(|lane| lane.index == index && lane.carries != carries) {
            self.flush_lane(index, part.at, slice, hand);
        }
        let place = self.lanes.iter().position(|lane| lane.index == index);
        let is_over = place.is_none() && self.lanes.len() >= LANES_MAX;
        let words = if is_over { None } else { decoded(part.raw()) };
        let Some(words) = words else {
            self.unread += 1;
            return self.flush_lane(index, part.at, slice, hand);
        };
        if words.is_empty() && !part.is_last {
            return;
        }
        let mut lane = match place {
            Some(place) => self.lanes.swap_remove(place),
            None => Lane::new(index, carries),
        };
        self.written.clear();
        if !lane.push(&words, &mut self.written, hand) {
            self.unread += 1;
        }
        if part.is_last {
            lane.end(&mut self.written, hand);
        } else {
            self.lanes.push(lane);
        }
        if self.written.is_empty() && !part.is_last {
            slice.replace(part.whole(), Bytes::new());
        } else if self.written != words {
            slice.replace(part.place(), escaped(&self.written));
        }
    }

    /// Sends what a lane keeps before the event at `at`, and ends the lane.
    fn flush_lane(&mut self, index: u64, at: usize, slice: &mut Slice<'_>, hand: Hand<'_, S>) {
        if let Some(place) = self.lanes.iter().position(|lane| lane.index == index)
            && let Some(words) = self.lanes.swap_remove(place).last_words(hand)
        {
            slice.replace(at..at, words);
        }
    }

    /// The same of all lanes.
    fn flush(&mut self, at: usize, slice: &mut Slice<'_>, hand: Hand<'_, S>) {
        for lane in self.lanes.drain(..) {
            if let Some(words) = lane.last_words(hand) {
                slice.replace(at..at, words);
            }
        }
    }
}

/// What the letters of a string say; nothing when half a character or a broken escape stands in them.
fn decoded(raw: &[u8]) -> Option<Cow<'_, str>> {
    match unescape(raw)? {
        Cow::Borrowed(raw) => std::str::from_utf8(raw).ok().map(Cow::Borrowed),
        Cow::Owned(text) => String::from_utf8(text).ok().map(Cow::Owned),
    }
}

#[cfg(test)]
mod tests;
