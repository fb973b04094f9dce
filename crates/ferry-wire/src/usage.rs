//! Tokens of an answer in their five classes, read from the provider's own usage blocks.
//!
//! `message_delta` is cumulative: what it names replaces what was known, and nothing is ever
//! added up. A field that is missing, null or no whole number leaves the earlier value alone.

use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use crate::error::{ApiError, peek};
use crate::json::cursor::Cursor;
use crate::json::{object, plain_inner, plain_text, unescape};

/// Tokens of one answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Input tokens outside of the cache.
    pub input: u64,
    /// Output tokens.
    pub output: u64,
    /// Input tokens read from the cache.
    pub cache_read: u64,
    /// Input tokens written to the cache for 5 minutes.
    pub cache_write_5m: u64,
    /// Input tokens written to the cache for an hour.
    pub cache_write_1h: u64,
    /// Whether any usage block was seen.
    pub known: bool,
    /// Whether cache writes came without telling 5 minutes from an hour; they stand under 5 min.
    pub split_missing: bool,
}

/// A usage block as it stands in an answer; absent fields are none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct UsageBlock {
    #[serde(rename = "input_tokens")]
    input: Count,
    #[serde(rename = "output_tokens")]
    output: Count,
    #[serde(rename = "cache_read_input_tokens")]
    cache_read: Count,
    #[serde(rename = "cache_creation_input_tokens")]
    cache_write: Count,
    #[serde(rename = "cache_creation", deserialize_with = "split")]
    split: Option<Split>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
struct Split {
    #[serde(rename = "ephemeral_5m_input_tokens")]
    five_minutes: Count,
    #[serde(rename = "ephemeral_1h_input_tokens")]
    hour: Count,
}

/// The parts of the cache writes; taken as absent when they are no object.
fn split<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Split>, D::Error> {
    let raw = <&RawValue>::deserialize(deserializer)?;
    Ok(object(raw.get().as_bytes()))
}

impl UsageBlock {
    /// Parses the JSON of a usage block; nothing when it is no object.
    pub fn parse(raw: &[u8]) -> Option<Self> {
        Self::plain(raw).or_else(|| object(raw))
    }

    /// A block as the API writes it: every name once, behind it a count, a word or a text without escapes. Nothing
    /// for any other, which the full parser judges; it costs as much as a third of carrying a small answer.
    fn plain(raw: &[u8]) -> Option<Self> {
        let mut block = Self::default();
        let mut cursor = Cursor::new(raw);
        cursor.expect(b'{').ok()?;
        let (mut seen, mut is_first) = (0_u8, true);
        while let Some(name) = cursor.member(is_first).ok()? {
            is_first = false;
            let value = cursor.value().ok()?;
            let (slot, bit) = match name {
                b"input_tokens" => (&mut block.input, 1),
                b"output_tokens" => (&mut block.output, 2),
                b"cache_read_input_tokens" => (&mut block.cache_read, 4),
                b"cache_creation_input_tokens" => (&mut block.cache_write, 8),
                b"cache_creation" if block.split.is_none() => {
                    block.split = Some(object(value)?);
                    continue;
                }
                _ => {
                    plain_inner(name)?;
                    is_plain_scalar(value).then_some(())?;
                    continue;
                }
            };
            (seen & bit == 0).then_some(())?;
            seen |= bit;
            *slot = Count::plain(value)?;
        }
        cursor.end().ok()?;
        Some(block)
    }
}

/// Whether a value is certainly a count, a word of JSON or a text.
fn is_plain_scalar(value: &[u8]) -> bool {
    matches!(value, b"null" | b"true" | b"false")
        || Count::plain(value).is_some()
        || plain_text(value).is_some()
}

impl Usage {
    /// Takes the block of `message_start`, or of a whole message.
    pub fn start(&mut self, block: &UsageBlock) {
        self.take(block);
    }

    /// Takes the block of a `message_delta`: cumulative, so it overwrites.
    pub fn delta(&mut self, block: &UsageBlock) {
        self.take(block);
    }

    /// Tokens written to the cache, both classes.
    pub const fn cache_write(&self) -> u64 {
        self.cache_write_5m.saturating_add(self.cache_write_1h)
    }

    fn take(&mut self, block: &UsageBlock) {
        self.known = true;
        block.input.replace(&mut self.input);
        block.output.replace(&mut self.output);
        block.cache_read.replace(&mut self.cache_read);
        if let Some(split) = block.split {
            split.five_minutes.replace(&mut self.cache_write_5m);
            split.hour.replace(&mut self.cache_write_1h);
        }
        let Some(total) = block.cache_write.0 else { return };
        if total == self.cache_write() {
            self.split_missing &= total > 0 && block.split.is_none();
            return;
        }
        // The total moved on without its parts: what was known of the hour stays, the rest is
        // counted at the lower price and marked.
        self.cache_write_1h = self.cache_write_1h.min(total);
        self.cache_write_5m = total - self.cache_write_1h;
        self.split_missing = total > 0;
    }
}

/// What Ferry reads of a whole, non-streaming answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MessageFacts {
    /// Tokens; not `known` when the answer has no usage block.
    pub usage: Usage,
    /// The model that answered.
    pub model: Option<Box<str>>,
    /// Why it stopped.
    pub stop_reason: Option<Box<str>>,
    /// Id of the message (`msg_...`).
    pub id: Option<Box<str>>,
    /// The error, when the body is one.
    pub error: Option<ApiError>,
}

/// Reads a whole answer, or the message inside `message_start`; its content is passed over.
///
/// Nothing when the body is not one JSON object. Of a member given twice the last one counts, as
/// in the parsers of the SDKs.
pub fn from_message(body: &[u8]) -> Option<MessageFacts> {
    let mut facts = MessageFacts::default();
    let mut cursor = Cursor::new(body);
    cursor.expect(b'{').ok()?;
    let mut has_error = false;
    let mut is_first = true;
    while let Some(name) = cursor.member(is_first).ok()? {
        is_first = false;
        let value = cursor.value().ok()?;
        // A name with a broken escape is none of these.
        let name = unescape(name);
        match name.as_deref().unwrap_or_default() {
            b"usage" => {
                if let Some(block) = UsageBlock::parse(value) {
                    facts.usage.start(&block);
                }
            }
            b"model" => facts.model = text(value),
            b"stop_reason" => facts.stop_reason = text(value),
            b"id" => facts.id = text(value),
            b"error" => has_error = value != b"null",
            _ => {}
        }
    }
    cursor.end().ok()?;
    if has_error {
        facts.error = peek(body);
    }
    Some(facts)
}

/// A string value; a value of another type is taken as absent.
pub(crate) fn text(raw: &[u8]) -> Option<Box<str>> {
    match plain_text(raw) {
        Some(text) => Some(text.into()),
        None => serde_json::from_slice(raw).ok(),
    }
}

/// A count that may be absent, null or nonsense.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Count(Option<u64>);

impl Count {
    /// `null`, or so few digits that no `u64` is too small for them; nothing for any other value.
    fn plain(value: &[u8]) -> Option<Self> {
        if value == b"null" {
            return Some(Self(None));
        }
        let is_whole = value.iter().all(u8::is_ascii_digit) && (1..20).contains(&value.len());
        if !is_whole || (value.len() > 1 && value.first() == Some(&b'0')) {
            return None;
        }
        let digit = |count, digit: &u8| count * 10 + u64::from(digit - b'0');
        Some(Self(Some(value.iter().fold(0, digit))))
    }

    const fn replace(self, known: &mut u64) {
        if let Some(count) = self.0 {
            *known = count;
        }
    }
}

impl<'de> Deserialize<'de> for Count {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(CountVisitor)
    }
}

/// Takes any value, so that one odd field does not cost the whole block.
struct CountVisitor;

impl<'de> Visitor<'de> for CountVisitor {
    type Value = Count;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a token count")
    }

    fn visit_u64<E>(self, count: u64) -> Result<Count, E> {
        Ok(Count(Some(count)))
    }

    fn visit_i64<E>(self, _negative: i64) -> Result<Count, E> {
        Ok(Count(None))
    }

    fn visit_f64<E>(self, _fraction: f64) -> Result<Count, E> {
        Ok(Count(None))
    }

    fn visit_bool<E>(self, _: bool) -> Result<Count, E> {
        Ok(Count(None))
    }

    fn visit_str<E>(self, _: &str) -> Result<Count, E> {
        Ok(Count(None))
    }

    fn visit_unit<E>(self) -> Result<Count, E> {
        Ok(Count(None))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Count, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Count(None))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Count, A::Error> {
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Count(None))
    }
}

#[cfg(test)]
mod tests;
