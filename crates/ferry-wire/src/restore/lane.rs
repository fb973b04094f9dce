//! One content block under way: the end of its text that could still become a pseudonym.

use bytes::Bytes;

use super::Token;
use super::scan::Tail;
use super::strings::Strings;

/// What kind of text a lane carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Carries {
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
        Some(self.carries.event(self.index, held))
    }
}

impl Carries {
    /// An event that adds `letters`, escaped as JSON needs it, to a text.
    pub(crate) fn event(self, index: u64, letters: &str) -> Bytes {
        let event = match self {
            Self::Text => format!(
                "event: content_block_delta\ndata: {{\"type\":\"content_block_delta\",\"index\":{index},\
                 \"delta\":{{\"type\":\"text_delta\",\"text\":\"{letters}\"}}}}\n\n"
            ),
            Self::Input => format!(
                "event: content_block_delta\ndata: {{\"type\":\"content_block_delta\",\"index\":{index},\
                 \"delta\":{{\"type\":\"input_json_delta\",\"partial_json\":\"{letters}\"}}}}\n\n"
            ),
            Self::Completion => format!(
                "event: completion\ndata: {{\"type\":\"completion\",\"completion\":\"{letters}\",\
                 \"stop_reason\":null}}\n\n"
            ),
        };
        Bytes::from(event)
    }
}
