//! What one event says: its name, and for the few that matter its data.
//!
//! Events are told by their `event:` line, as the SDKs do. Content is never parsed; data that
//! cannot be read teaches nothing and is no error.

use std::borrow::Cow;

use memchr::memchr2;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::{Facts, Flavor, StreamError};
use crate::error::{ApiErrorKind, peek};
use crate::json::object;
use crate::usage::{UsageBlock, from_message, text};

/// The events that Ferry tells apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Name {
    /// No `event:` line.
    None,
    MessageStart,
    MessageDelta,
    MessageStop,
    ContentStart,
    ContentDelta,
    ContentStop,
    Completion,
    Error,
    /// Any other, passed through and counted.
    Other,
}

impl Name {
    fn of(name: &[u8]) -> Self {
        match name {
            b"content_block_delta" => Self::ContentDelta,
            b"content_block_start" => Self::ContentStart,
            b"content_block_stop" => Self::ContentStop,
            b"message_start" => Self::MessageStart,
            b"message_delta" => Self::MessageDelta,
            b"message_stop" => Self::MessageStop,
            b"completion" => Self::Completion,
            b"error" => Self::Error,
            b"" => Self::None,
            _ => Self::Other,
        }
    }
}

/// The name that a line gives its event, if it is an `event` line.
pub(super) fn name_of_line(line: &[u8]) -> Option<Name> {
    field(line, b"event").map(Name::of)
}

/// The name of a whole event; the last `event` line counts, as in the SDKs.
pub(crate) fn name_of(event: &[u8]) -> Name {
    lines(event).filter_map(name_of_line).last().unwrap_or(Name::None)
}

/// The event without the byte order mark that may stand at the very start of a stream.
pub(crate) fn without_mark(event: &[u8], is_first: bool) -> &[u8] {
    if is_first { event.strip_prefix(b"\xef\xbb\xbf").unwrap_or(event) } else { event }
}

/// The value of a field line: behind the colon and at most one space.
fn field<'a>(line: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    let rest = line.strip_prefix(name)?;
    match rest.split_first() {
        None => Some(rest),
        Some((b':', value)) => Some(value.strip_prefix(b" ").unwrap_or(value)),
        Some(_) => None,
    }
}

fn lines(event: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = event;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let end = memchr2(b'\n', b'\r', rest).unwrap_or(rest.len());
        let (line, after) = rest.split_at(end);
        rest = after.strip_prefix(b"\r\n").or_else(|| after.get(1..)).unwrap_or_default();
        Some(line)
    })
}

/// The events of bytes that hold only whole ones, in order; what ends with no empty line is none.
pub(crate) fn whole(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = bytes;
    std::iter::from_fn(move || {
        let mut at = 0;
        loop {
            let line = memchr2(b'\n', b'\r', rest.get(at..)?)?;
            let is_pair = rest.get(at + line..)?.starts_with(b"\r\n");
            at += line + 1 + usize::from(is_pair);
            if line == 0 {
                let (event, after) = rest.split_at_checked(at)?;
                rest = after;
                return Some(event);
            }
        }
    })
}

/// The data of an event: its `data` lines, joined by LF.
pub(crate) fn data(event: &[u8]) -> Cow<'_, [u8]> {
    let mut values = lines(event).filter_map(|line| field(line, b"data"));
    let first = values.next().unwrap_or_default();
    let mut joined = Cow::Borrowed(first);
    for value in values {
        let joined = joined.to_mut();
        joined.push(b'\n');
        joined.extend_from_slice(value);
    }
    joined
}

#[derive(Deserialize)]
struct MessageStart<'a> {
    #[serde(borrow)]
    message: &'a RawValue,
}

#[derive(Deserialize)]
struct MessageDelta<'a> {
    #[serde(borrow, default)]
    delta: Option<Stop<'a>>,
    #[serde(borrow, default)]
    usage: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Stop<'a> {
    #[serde(borrow, default)]
    stop_reason: Option<&'a RawValue>,
    #[serde(borrow, default)]
    model: Option<&'a RawValue>,
}

/// A member that may be missing, if it is a string.
fn words(raw: Option<&RawValue>) -> Option<Box<str>> {
    text(raw?.get().as_bytes())
}

impl Facts {
    /// Learns from a complete event; `event` is empty when it was too long to be kept.
    pub(super) fn learn(&mut self, flavor: Flavor, name: Name, event: &[u8]) {
        self.events += 1;
        match (name, flavor) {
            (Name::ContentDelta | Name::ContentStart, Flavor::Messages) => {
                self.content_events += 1;
                self.content_started |= name == Name::ContentStart;
            }
            (Name::MessageStart, Flavor::Messages) => {
                self.message_start = true;
                self.learn_start(event);
            }
            (Name::MessageDelta, Flavor::Messages) => self.learn_delta(event),
            (Name::MessageStop, Flavor::Messages) => self.stopped = true,
            (Name::Completion, Flavor::Complete) => self.learn_completion(event),
            (Name::Error, _) => self.learn_error(event),
            _ => {}
        }
    }

    fn learn_start(&mut self, event: &[u8]) {
        let data = data(event);
        let Some(start) = object::<MessageStart<'_>>(&data) else { return };
        let Some(facts) = from_message(start.message.get().as_bytes()) else { return };
        self.usage = facts.usage;
        self.model = facts.model;
        self.message_id = facts.id;
        self.stop_reason = facts.stop_reason;
    }

    fn learn_delta(&mut self, event: &[u8]) {
        let data = data(event);
        let Some(delta) = object::<MessageDelta<'_>>(&data) else { return };
        if let Some(block) = delta.usage.and_then(|raw| UsageBlock::parse(raw.get().as_bytes())) {
            self.usage.delta(&block);
        }
        if let Some(reason) = delta.delta.and_then(|delta| words(delta.stop_reason)) {
            self.stop_reason = Some(reason);
        }
    }

    fn learn_completion(&mut self, event: &[u8]) {
        self.content_events += 1;
        self.content_started = true;
        let data = data(event);
        let Some(stop) = object::<Stop<'_>>(&data) else { return };
        if self.model.is_none() {
            self.model = words(stop.model);
        }
        if let Some(reason) = words(stop.stop_reason) {
            self.stopped = true;
            self.stop_reason = Some(reason);
        }
    }

    fn learn_error(&mut self, event: &[u8]) {
        if self.error.is_some() {
            return;
        }
        let before_content = !self.content_started;
        self.error = Some(match peek(&data(event)) {
            Some(error) => StreamError {
                kind: error.kind,
                kind_text: error.kind_text,
                before_content,
                message: error.message,
            },
            None => StreamError {
                kind: ApiErrorKind::Unknown,
                kind_text: Box::default(),
                before_content,
                message: Box::default(),
            },
        });
    }
}
