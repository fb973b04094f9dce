//! One content block under way, and what the hand knows of its text.

use bytes::Bytes;

use super::{Hand, Part, escaped};
use crate::restore::lane::Carries;
use crate::restore::strings::Strings;

#[derive(Debug)]
pub(super) struct Lane<S> {
    pub(super) index: u64,
    pub(super) carries: Carries,
    /// Where in the JSON of a tool's input its text stands.
    strings: Strings,
    state: S,
}

impl<S: Default> Lane<S> {
    pub(super) fn new(index: u64, carries: Carries) -> Self {
        Self { index, carries, strings: Strings::default(), state: S::default() }
    }

    /// Takes the next words, and appends to `out` what may leave.
    pub(super) fn push(&mut self, words: &str, out: &mut String, hand: Hand<'_, S>) {
        match self.carries {
            Carries::Text | Carries::Completion => hand(&mut self.state, Part::More(words), out),
            Carries::Input => self.input(words, out, hand),
        }
    }

    /// The text ends here.
    pub(super) fn end(&mut self, out: &mut String, hand: Hand<'_, S>) {
        hand(&mut self.state, Part::End, out);
    }

    /// An event with what is kept, for a text that goes no further; nothing when nothing is.
    pub(super) fn last_words(mut self, hand: Hand<'_, S>) -> Option<Bytes> {
        let mut kept = String::new();
        self.end(&mut kept, hand);
        if kept.is_empty() {
            return None;
        }
        let letters = escaped(&kept);
        Some(self.carries.event(self.index, std::str::from_utf8(&letters).ok()?))
    }

    /// Part of a JSON text: each string that is a value is a text of its own, all else leaves at once.
    fn input(&mut self, words: &str, out: &mut String, hand: Hand<'_, S>) {
        let mut from = 0;
        let mut is_inside = self.strings.in_value_string();
        for (at, byte) in words.bytes().enumerate() {
            self.strings.step(byte);
            let was_inside = std::mem::replace(&mut is_inside, self.strings.in_value_string());
            if was_inside && !is_inside {
                self.value(words.get(from..at), out, hand);
                self.end(out, hand);
                from = at;
            } else if is_inside && !was_inside {
                out.push_str(words.get(from..=at).unwrap_or_default());
                from = at + 1;
            }
        }
        if is_inside {
            self.value(words.get(from..), out, hand);
        } else {
            out.push_str(words.get(from..).unwrap_or_default());
        }
    }

    fn value(&mut self, words: Option<&str>, out: &mut String, hand: Hand<'_, S>) {
        if let Some(words) = words.filter(|words| !words.is_empty()) {
            hand(&mut self.state, Part::More(words), out);
        }
    }
}
