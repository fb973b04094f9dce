//! One content block under way, and what the hand knows of its text.

use bytes::Bytes;

use super::{Hand, Part, decoded};
use crate::json::{escaped, whole_escapes};
use crate::restore::lane::Carries;
use crate::restore::strings::Strings;

#[derive(Debug)]
pub(super) struct Lane<S> {
    pub(super) index: u64,
    pub(super) carries: Carries,
    /// Where in the JSON of a tool's input its text stands.
    strings: Strings,
    /// Of an input: the beginning of an escape whose end has not come.
    begun: String,
    state: S,
}

impl<S: Default> Lane<S> {
    pub(super) fn new(index: u64, carries: Carries) -> Self {
        let (strings, begun) = (Strings::default(), String::new());
        Self { index, carries, strings, begun, state: S::default() }
    }

    /// Takes the next words, and appends to `out` what may leave; false when some of them were not shown to the hand.
    pub(super) fn push(&mut self, words: &str, out: &mut String, hand: Hand<'_, S>) -> bool {
        match self.carries {
            Carries::Text | Carries::Completion => {
                hand(&mut self.state, Part::More(words), out);
                true
            }
            Carries::Input => self.input(words, out, hand),
        }
    }

    /// The text ends here.
    pub(super) fn end(&mut self, out: &mut String, hand: Hand<'_, S>) {
        match self.carries {
            Carries::Text | Carries::Completion => hand(&mut self.state, Part::End, out),
            Carries::Input => {
                let mut kept = String::new();
                hand(&mut self.state, Part::End, &mut kept);
                push(out, &escaped(&kept));
                out.push_str(&std::mem::take(&mut self.begun));
            }
        }
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
    fn input(&mut self, words: &str, out: &mut String, hand: Hand<'_, S>) -> bool {
        let mut is_read = true;
        let mut from = 0;
        let mut is_inside = self.strings.in_value_string();
        for (at, byte) in words.bytes().enumerate() {
            self.strings.step(byte);
            let was_inside = std::mem::replace(&mut is_inside, self.strings.in_value_string());
            if was_inside && !is_inside {
                is_read &= self.value(words.get(from..at), out, hand);
                self.end(out, hand);
                from = at;
            } else if is_inside && !was_inside {
                out.push_str(words.get(from..=at).unwrap_or_default());
                from = at + 1;
            }
        }
        if is_inside {
            is_read &= self.value(words.get(from..), out, hand);
        } else {
            out.push_str(words.get(from..).unwrap_or_default());
        }
        is_read
    }

    /// Letters of a string of the input. They leave in the spelling in which they came, unless the hand changes them or
    /// keeps some; an escape is shown to it when it is whole, and broken ones never are.
    fn value(&mut self, letters: Option<&str>, out: &mut String, hand: Hand<'_, S>) -> bool {
        let mut all = std::mem::take(&mut self.begun);
        all.push_str(letters.unwrap_or_default());
        self.begun = all.split_off(whole_escapes(all.as_bytes()));
        if all.is_empty() {
            return true;
        }
        let Some(text) = decoded(all.as_bytes()) else {
            let begun = std::mem::take(&mut self.begun);
            self.end(out, hand);
            out.push_str(&all);
            self.begun = begun;
            return false;
        };
        let mut spoken = String::new();
        hand(&mut self.state, Part::More(&text), &mut spoken);
        if spoken == text {
            out.push_str(&all);
        } else {
            push(out, &escaped(&spoken));
        }
        true
    }
}

fn push(out: &mut String, letters: &[u8]) {
    out.push_str(std::str::from_utf8(letters).unwrap_or_default());
}
