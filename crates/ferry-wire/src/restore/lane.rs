//! One content block under way: the end of its text that could still become a pseudonym.

use bytes::Bytes;

use super::Token;
use super::scan::Tail;
use super::strings::Strings;

/// What kind of text a lane carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Carries {
    Text,
    Input,
    /// The one text of a legacy answer.
    Completion,
}

#[derive(Clone, Debug)]
pub(super) struct Lane {
    pub(super) index: u64,
    pub(super) carries: Carries,
    /// Where in the JSON of a tool's input its text stands.
    pub(super) strings: Strings,
    tail: Tail,
    /// The last `tail.kept` bytes of the text; of these the last `tail.held` have not left.
    bytes: [u8; Token::BYTES - 1],
}

impl Lane {
    pub(super) fn new(index: u64, carries: Carries) -> Self {
        let (strings, tail) = (Strings::default(), Tail::default());
        Self { index, carries, strings, tail, bytes: [0; Token::BYTES - 1] }
    }

    /// The end of the text so far that could become any pseudonym.
    pub(super) fn kept(&self) -> &[u8] {
        self.bytes.get(..self.tail.kept).unwrap_or_default()
    }

    /// How much of [`Lane::kept`] has left already.
    pub(super) const fn sent(&self) -> usize {
        self.tail.kept.saturating_sub(self.tail.held)
    }

    pub(super) const fn has_held(&self) -> bool {
        self.tail.held > 0
    }

    /// Whether the next delta must be read with what is known of this one.
    pub(super) const fn is_needed(&self) -> bool {
        self.tail.kept > 0 || matches!(self.carries, Carries::Input)
    }

    /// Keeps the end of `text`.
    pub(super) fn keep(&mut self, text: &[u8], tail: Tail) {
        let end = text.get(text.len().saturating_sub(tail.kept)..).unwrap_or_default();
        for (slot, byte) in self.bytes.iter_mut().zip(end) {
            *slot = *byte;
        }
        self.tail = tail;
    }

    /// An event with what is held, for a text that goes no further; nothing when nothing is held.
    pub(super) fn last_words(&self) -> Option<Bytes> {
        if !self.has_held() {
            return None;
        }
        // Letters of pseudonyms alone: they need no escape.
        let held = std::str::from_utf8(self.kept().get(self.sent()..)?).ok()?;
        let index = self.index;
        let event = match self.carries {
            Carries::Text => format!(
                "event: content_block_delta\ndata: {{\"type\":\"content_block_delta\",\"index\":{index},\
                 \"delta\":{{\"type\":\"text_delta\",\"text\":\"{held}\"}}}}\n\n"
            ),
            Carries::Input => format!(
                "event: content_block_delta\ndata: {{\"type\":\"content_block_delta\",\"index\":{index},\
                 \"delta\":{{\"type\":\"input_json_delta\",\"partial_json\":\"{held}\"}}}}\n\n"
            ),
            Carries::Completion => format!(
                "event: completion\ndata: {{\"type\":\"completion\",\"completion\":\"{held}\",\
                 \"stop_reason\":null}}\n\n"
            ),
        };
        Some(Bytes::from(event))
    }
}
