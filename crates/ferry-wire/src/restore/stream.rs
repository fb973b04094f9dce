//! A stream of events with its values put back, whatever deltas a pseudonym is split over.
//!
//! An event that needs no change leaves as the slice that came. Of a text only an end is held back
//! that is the beginning of a pseudonym of this request; it goes out with the next delta of its block,
//! or in a delta of its own before the block, the message or the stream ends. A delta of which
//! nothing is left to send is dropped and not sent empty: no client misses it, while some take an
//! empty text for the end. The text that a client puts together does not depend on how it was split.

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;

use super::event::{self as parts, Adds};
use super::lane::{Carries, Lane};
use super::scan::{Found, Place, Tail};
use super::slice::{Slice, Text};
use super::{Counts, Escapes, Restorer, Token};
use crate::sse::event::{Name, name_of, whole};
use crate::sse::{Flavor, Observer};

/// Longest event that is read, in bytes: held until it is whole. A longer one goes on as it comes.
///
/// A delta has some hundred bytes; a node that puts a whole answer into one stays below 1 MiB.
pub const EVENT_BYTES_MAX: usize = 1024 * 1024;

/// Most blocks under way at once. The API sends one after the other.
const LANES_MAX: usize = 32;

/// Restores one stream.
#[derive(Debug)]
pub struct RestoreStream {
    restorer: Arc<Restorer>,
    /// Makes whole events of what comes in pieces: very long ones, as a rule.
    framer: Observer,
    /// What the framer let go of the chunk in work.
    pieces: Vec<Bytes>,
    lanes: Vec<Lane>,
    counts: Counts,
    /// The end of an earlier delta with the one in work.
    joined: Vec<u8>,
    found: Found,
    /// An event too long to be read is passing.
    is_unread: bool,
    /// Such a one may have been part of the tool's input in work, whose strings are then unknown.
    is_lost: bool,
}

impl RestoreStream {
    /// A stream before its first byte.
    pub fn new(restorer: Arc<Restorer>) -> Self {
        Self {
            restorer,
            // Nothing is to be learnt here.
            framer: Observer::with_tail_max(Flavor::Other, EVENT_BYTES_MAX),
            pieces: Vec::new(),
            lanes: Vec::new(),
            counts: Counts::default(),
            joined: Vec::new(),
            found: Found::default(),
            is_unread: false,
            is_lost: false,
        }
    }

    /// Takes the next bytes, cut anywhere, and appends to `out` what may go to the client now.
    pub fn push(&mut self, chunk: Bytes, out: &mut Vec<Bytes>) {
        if self.is_idle() && chunk.ends_with(b"\n\n") && !self.restorer.may_matter(&chunk) {
            out.push(chunk);
            return;
        }
        let mut pieces = std::mem::take(&mut self.pieces);
        self.framer.push(chunk, &mut pieces);
        for piece in pieces.drain(..) {
            self.piece(&piece, out);
        }
        self.pieces = pieces;
        self.is_unread &= self.framer.mid_event();
    }

    /// The stream has ended as it should: a last event without its empty line counts, too.
    pub fn end(&mut self, out: &mut Vec<Bytes>) {
        if let Some(last) = self.framer.take_tail() {
            let mut slice = Slice { bytes: &last, sent: 0, out };
            self.event(&last, 0, &mut slice);
            slice.finish();
            if self.lanes.iter().any(Lane::has_held) {
                out.push(Bytes::from_static(b"\n\n"));
            }
        }
        out.extend(self.lanes.drain(..).filter_map(|lane| lane.last_words()));
    }

    /// The stream was cut: what is held of texts leaves, part of an event does not.
    pub fn cut(&mut self, out: &mut Vec<Bytes>) {
        self.framer.take_tail();
        out.extend(self.lanes.drain(..).filter_map(|lane| lane.last_words()));
    }

    /// Whether the client has part of an event: nothing may be put in now.
    pub const fn mid_event(&self) -> bool {
        self.framer.mid_event()
    }

    /// What has been met so far.
    pub const fn counts(&self) -> Counts {
        self.counts
    }

    /// Whether the next whole event can be judged by itself.
    fn is_idle(&self) -> bool {
        self.lanes.is_empty() && self.framer.at_boundary()
    }

    /// Events, and perhaps the beginning or more of one that is too long.
    fn piece(&mut self, piece: &Bytes, out: &mut Vec<Bytes>) {
        let mut slice = Slice { bytes: piece, sent: 0, out };
        let mut at = 0;
        for event in whole(piece) {
            if !std::mem::take(&mut self.is_unread) {
                // A comment before an event is no part of it and may have left already.
                let comments = parts::comments_len(event);
                let event = event.get(comments..).unwrap_or_default();
                self.event(event, at + comments, &mut slice);
            }
            at += event.len();
        }
        if at < piece.len() && self.framer.mid_event() && !self.is_unread {
            self.flush(at, &mut slice);
            self.is_unread = true;
            self.is_lost = true;
            self.counts.unread += 1;
        }
        slice.finish();
    }

    /// One event, which stands at `at` in its slice.
    fn event(&mut self, event: &[u8], at: usize, slice: &mut Slice<'_>) {
        match name_of(event) {
            Name::ContentDelta => self.delta(event, at, slice),
            Name::ContentStart => self.start(event, at, slice),
            Name::ContentStop => match parts::index(event) {
                Some(index) => self.flush_lane(index, at, slice),
                None => self.flush(at, slice),
            },
            Name::Completion => match parts::completion(event) {
                Some((letters, is_last)) => {
                    let text = Text { event, at, letters, is_last };
                    self.text(0, Carries::Completion, &text, slice);
                }
                None => self.flush(at, slice),
            },
            // No text of any block comes after these.
            Name::MessageDelta | Name::MessageStop | Name::Error => self.flush(at, slice),
            Name::None | Name::MessageStart | Name::Other => {}
        }
    }

    fn delta(&mut self, event: &[u8], at: usize, slice: &mut Slice<'_>) {
        let Some(delta) = parts::delta(event) else { return self.flush(at, slice) };
        let Some((adds, letters)) = delta.letters else { return };
        let text = Text { event, at, letters, is_last: false };
        match adds {
            Adds::Text => self.text(delta.index, Carries::Text, &text, slice),
            Adds::Input if self.is_lost => {}
            Adds::Input => self.text(delta.index, Carries::Input, &text, slice),
            Adds::Cited => {
                let mut strings = delta.titles;
                strings.push(text.letters);
                strings.sort_by_key(|letters| letters.start);
                for letters in strings {
                    self.cited(&Text { event, at, letters, is_last: false }, slice);
                }
            }
        }
    }

    /// A block begins; one that comes whole may hold pseudonyms at once.
    fn start(&mut self, event: &[u8], at: usize, slice: &mut Slice<'_>) {
        self.is_lost = false;
        match parts::index(event) {
            Some(index) => self.flush_lane(index, at, slice),
            None => self.flush(at, slice),
        }
        if !self.restorer.has_prefix(event) {
            return;
        }
        let Some(block) = parts::block(event) else { return };
        let (splices, counts) = self.restorer.block(event, block);
        self.counts = self.counts.plus(counts);
        for (place, value) in splices {
            slice.replace(at + place..at + place + Token::BYTES, value);
        }
    }

    /// A text of a citation, which is never split.
    fn cited(&mut self, text: &Text<'_>, slice: &mut Slice<'_>) {
        self.restorer.find(text.raw(), &mut self.found);
        self.found.count(&mut self.counts);
        for place in &self.found.places {
            let start = text.at + text.letters.start + place.at;
            let value = self.restorer.value(place.pair, Escapes::Once);
            slice.replace(start..start + Token::BYTES, value);
        }
    }

    /// The next part of a text, which goes on from its lane.
    fn text(&mut self, index: u64, carries: Carries, part: &Text<'_>, slice: &mut Slice<'_>) {
        if self.lanes.iter().any(|lane| lane.index == index && lane.carries != carries) {
            self.flush_lane(index, part.at, slice);
        }
        let place = self.lanes.iter().position(|lane| lane.index == index);
        if part.letters.is_empty() && !part.is_last
            || place.is_none() && self.lanes.len() >= LANES_MAX
        {
            return;
        }
        let mut lane = match place {
            Some(place) => self.lanes.swap_remove(place),
            None => Lane::new(index, carries),
        };
        let mut joined = std::mem::take(&mut self.joined);
        let text = if lane.kept().is_empty() {
            part.raw()
        } else {
            joined.clear();
            joined.extend_from_slice(lane.kept());
            joined.extend_from_slice(part.raw());
            &joined
        };
        let escapes = match carries {
            Carries::Text | Carries::Completion => {
                self.restorer.find(text, &mut self.found);
                Escapes::Once
            }
            Carries::Input => {
                self.restorer.find_in_values(
                    text,
                    Escapes::Twice,
                    &mut lane.strings,
                    &mut self.found,
                );
                Escapes::Twice
            }
        };
        self.found.count(&mut self.counts);
        let is_open = !part.is_last && (carries != Carries::Input || lane.strings.in_value());
        let tail = if is_open { self.restorer.tail(text, self.found.end) } else { Tail::default() };
        if lane.has_held() || tail.held > 0 || !self.found.places.is_empty() {
            let range = lane.sent()..text.len() - tail.held;
            let written = self.restorer.written(text, range, &self.found.places, escapes);
            if written.is_empty() && !part.is_last {
                slice.replace(part.whole(), written);
            } else {
                slice.replace(part.place(), written);
            }
        }
        lane.keep(text, tail);
        if lane.is_needed() {
            self.lanes.push(lane);
        }
        self.joined = joined;
    }

    /// Sends what a lane holds before the event at `at`, and ends the lane.
    fn flush_lane(&mut self, index: u64, at: usize, slice: &mut Slice<'_>) {
        if let Some(place) = self.lanes.iter().position(|lane| lane.index == index)
            && let Some(words) = self.lanes.swap_remove(place).last_words()
        {
            slice.replace(at..at, words);
        }
    }

    /// The same of all lanes.
    fn flush(&mut self, at: usize, slice: &mut Slice<'_>) {
        for lane in self.lanes.drain(..) {
            if let Some(words) = lane.last_words() {
                slice.replace(at..at, words);
            }
        }
    }
}

impl Restorer {
    /// A range of a text with the values in their places.
    fn written(
        &self,
        text: &[u8],
        range: Range<usize>,
        places: &[Place],
        escapes: Escapes,
    ) -> Bytes {
        let mut written = Vec::with_capacity(range.len());
        let mut from = range.start;
        for place in places {
            written.extend_from_slice(text.get(from..place.at).unwrap_or_default());
            written.extend_from_slice(&self.value(place.pair, escapes));
            from = place.at + Token::BYTES;
        }
        written.extend_from_slice(text.get(from..range.end).unwrap_or_default());
        Bytes::from(written)
    }
}
