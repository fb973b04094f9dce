//! Looks at a stream of server-sent events on its way through, and lets whole events go.
//!
//! Every byte leaves as it came and in order: pieces are slices of the chunks that arrived. An
//! event leaves only when it is complete, so that a ping or an error can stand between any two
//! of them and a cut never shows as half an event. Only a very long event flows in pieces. What
//! is learnt on the way (usage, the end, an error) never changes what is passed on. What waits is
//! copied: a slice would keep the whole buffer that its few bytes were read into.

use bytes::{Bytes, BytesMut};
use memchr::memchr2;

use crate::error::{ApiErrorKind, Before};
use crate::usage::Usage;

pub(crate) mod event;

use event::Name;

/// Longest partial event that is held back, in bytes; a longer one flows in pieces.
///
/// 64 KiB is above every event but whole tool results, and bounds what a stream can hold.
pub const TAIL_BYTES_MAX: usize = 64 * 1024;

/// Which events mean what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flavor {
    /// `POST /v1/messages`: ends with `message_stop`.
    Messages,
    /// `POST /v1/complete`: ends with a `completion` whose `stop_reason` is set.
    Complete,
    /// Event streams of sessions: no event ends them.
    Other,
}

/// What has been learnt of a stream so far.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    /// Complete events with a name or data, pings included.
    pub events: u64,
    /// Those that carry content: `content_block_start`, `content_block_delta`, `completion`.
    pub content_events: u64,
    /// Whether content has begun: a `content_block_start`, or any `completion`.
    pub content_started: bool,
    /// Whether `message_start` came.
    pub message_start: bool,
    /// Whether the stream said that it is complete.
    pub stopped: bool,
    /// The error that the stream carried, if any; the first counts.
    pub error: Option<StreamError>,
    /// Tokens, as far as told.
    pub usage: Usage,
    /// The model that answers.
    pub model: Option<Box<str>>,
    /// Why it stopped.
    pub stop_reason: Option<Box<str>>,
    /// Id of the message.
    pub message_id: Option<Box<str>>,
}

/// An `event: error` of a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamError {
    /// `error.type`; unknown when the data could not be read.
    pub kind: ApiErrorKind,
    /// `error.type` as it was written, also where the API's reference does not list it.
    pub kind_text: Box<str>,
    /// Whether it came before any content: then nothing of an answer is lost, and it means what
    /// the status of its kind would have meant.
    pub before_content: bool,
    /// The message, at most [`crate::error::MESSAGE_BYTES_MAX`] bytes of it.
    pub message: Box<str>,
}

/// Watches one stream.
#[derive(Debug)]
pub struct Observer {
    flavor: Flavor,
    facts: Facts,
    /// What came of the event in work in earlier chunks and has not left.
    tail: BytesMut,
    tail_bytes_max: usize,
    line: Line,
    /// The last byte was a CR that ended a line: an LF right after it belongs to it.
    is_after_cr: bool,
    /// The event in work has a line that is no comment.
    has_fields: bool,
    /// The name of the event in work, as far as its lines came whole in one chunk.
    name: Name,
    /// Part of the event in work has left.
    is_flowing: bool,
    /// Nothing came before: a byte order mark may stand here.
    is_first: bool,
}

/// What is known of the line in work from earlier chunks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Line {
    /// Nothing of it came yet.
    Empty,
    /// It began with a colon.
    Comment,
    /// It began otherwise.
    Field,
}

/// How much of a chunk may leave: up to `to`, the first `joined` bytes of it with the tail.
#[derive(Clone, Copy, Debug)]
struct Free {
    joined: usize,
    to: usize,
}

impl Observer {
    /// An observer before the first byte.
    pub fn new(flavor: Flavor) -> Self {
        Self::with_tail_max(flavor, TAIL_BYTES_MAX)
    }

    /// The same with another bound than [`TAIL_BYTES_MAX`], for a caller that needs whole events.
    pub(crate) fn with_tail_max(flavor: Flavor, tail_bytes_max: usize) -> Self {
        Self {
            flavor,
            facts: Facts::default(),
            tail: BytesMut::new(),
            tail_bytes_max,
            line: Line::Empty,
            is_after_cr: false,
            has_fields: false,
            name: Name::None,
            is_flowing: false,
            is_first: true,
        }
    }

    /// Takes a chunk and appends to `out` what may go to the client now.
    ///
    /// An event that began in an earlier chunk leaves as one piece, all that is complete behind it
    /// as one slice of the chunk. Copies and allocates nothing unless an event lies across chunks.
    pub fn push(&mut self, mut chunk: Bytes, out: &mut Vec<Bytes>) {
        if chunk.is_empty() {
            return;
        }
        let Free { joined, to } = self.scan(&chunk);
        if to > 0 {
            out.extend(self.take_tail());
        }
        if !self.is_flowing && self.tail.len() + (chunk.len() - to) > self.tail_bytes_max {
            self.is_flowing = true;
            if !self.tail.is_empty() {
                self.tail.extend_from_slice(&chunk);
                self.name = event::name_of(event::without_mark(&self.tail, self.is_first));
                out.extend(self.take_tail());
                return;
            }
            self.name = event::name_of(event::without_mark(&chunk[to..], self.is_first));
        }
        let leaves = if self.is_flowing { chunk.len() } else { to };
        self.tail.extend_from_slice(&chunk[leaves..]);
        chunk.truncate(leaves);
        if leaves > joined {
            out.push(chunk.split_off(joined));
        }
    }

    /// What has been learnt so far.
    pub const fn facts(&self) -> &Facts {
        &self.facts
    }

    /// Gives up the stream for what was learnt.
    pub fn into_facts(self) -> Facts {
        self.facts
    }

    /// Whether upstream stands between two events: nothing is held and nothing has half left.
    pub fn at_boundary(&self) -> bool {
        self.tail.is_empty() && !self.is_flowing
    }

    /// Whether the client has part of an event: nothing may be put in now.
    pub const fn mid_event(&self) -> bool {
        self.is_flowing
    }

    /// What stands before an error event that is sent now, once the tail is dropped.
    pub const fn before(&self) -> Before {
        if self.is_flowing { Before::PartialEvent } else { Before::Boundary }
    }

    /// Bytes of a partial event that are held back.
    pub fn tail_len(&self) -> usize {
        self.tail.len()
    }

    /// Takes the partial event that is held back, in one piece; `None` when nothing is.
    pub fn take_tail(&mut self) -> Option<Bytes> {
        if self.tail.is_empty() { None } else { Some(std::mem::take(&mut self.tail).freeze()) }
    }

    /// Walks over the lines of a chunk; answers what of it may leave.
    fn scan(&mut self, bytes: &[u8]) -> Free {
        let mut at = 0;
        let mut free = Free { joined: 0, to: 0 };
        // Where the event in work began, as far as it lies in this chunk.
        let mut event_start = 0;
        if self.is_after_cr && bytes.first() == Some(&b'\n') {
            at = 1;
            if self.is_clear() {
                free.to = 1;
                event_start = 1;
            }
        }
        self.is_after_cr = false;
        while at < bytes.len() {
            if self.line == Line::Empty && matches!(bytes[at], b'\n' | b'\r') {
                at = self.line_end(bytes, at);
                if event_start == 0 {
                    free.joined = self.join(&bytes[..at]);
                }
                self.end_event(&bytes[event_start..at], free.joined == at);
                free.to = at;
                event_start = at;
                continue;
            }
            let Some(ahead) = memchr2(b'\n', b'\r', &bytes[at..]) else {
                if self.line == Line::Empty {
                    self.line = Line::of(bytes[at]);
                    self.has_fields |= self.line == Line::Field;
                }
                return free;
            };
            let is_whole = self.line == Line::Empty;
            if is_whole {
                self.line = Line::of(bytes[at]);
                self.has_fields |= self.line == Line::Field;
                self.note_line(&bytes[at..at + ahead]);
            }
            at = self.line_end(bytes, at + ahead);
            let is_lone_comment = self.line == Line::Comment && !self.has_fields;
            self.line = Line::Empty;
            if is_lone_comment && !self.is_flowing {
                // A comment outside of an event is a keep-alive; it must not wait for an event.
                if event_start == 0 {
                    free.joined = self.join(&bytes[..at]);
                }
                free.to = at;
                event_start = at;
            }
        }
        free
    }

    /// Puts what ends now behind the part of it that is held; answers how many bytes were taken.
    fn join(&mut self, here: &[u8]) -> usize {
        if self.tail.is_empty() {
            return 0;
        }
        self.tail.extend_from_slice(here);
        here.len()
    }

    /// Whether no byte of an event in work has come.
    fn is_clear(&self) -> bool {
        self.line == Line::Empty && !self.has_fields && self.at_boundary()
    }

    /// Steps over the line end at `at`: LF, CR, or CR and LF, which may come a chunk later.
    fn line_end(&mut self, bytes: &[u8], at: usize) -> usize {
        if bytes[at] == b'\n' {
            return at + 1;
        }
        match bytes.get(at + 1) {
            Some(b'\n') => at + 2,
            Some(_) => at + 1,
            None => {
                self.is_after_cr = true;
                at + 1
            }
        }
    }

    /// Notes the name of the event in work from a line that came whole.
    fn note_line(&mut self, line: &[u8]) {
        // Data lines are the long and frequent ones; nothing else begins with `d`.
        if line.first() != Some(&b'd')
            && let Some(name) = event::name_of_line(line)
        {
            self.name = name;
        }
    }

    /// Ends the event in work; `here` is the part of it that lies in this chunk, and `is_joined`
    /// says that the tail holds all of it.
    fn end_event(&mut self, here: &[u8], is_joined: bool) {
        let had_fields = std::mem::take(&mut self.has_fields);
        let name = std::mem::replace(&mut self.name, Name::None);
        let was_flowing = std::mem::take(&mut self.is_flowing);
        let is_first = std::mem::take(&mut self.is_first);
        if !had_fields {
            return;
        }
        if was_flowing {
            // Too long to have been kept: its name is all that is known.
            self.facts.learn(self.flavor, name, &[]);
        } else if is_joined {
            let whole = event::without_mark(&self.tail, is_first);
            self.facts.learn(self.flavor, event::name_of(whole), whole);
        } else {
            let name =
                if is_first { event::name_of(event::without_mark(here, true)) } else { name };
            self.facts.learn(self.flavor, name, event::without_mark(here, is_first));
        }
    }
}

impl Line {
    const fn of(first: u8) -> Self {
        if first == b':' { Self::Comment } else { Self::Field }
    }
}

/// A ping as the API sends it; it may stand between any two events.
pub const fn ping() -> Bytes {
    Bytes::from_static(b"event: ping\ndata: {\"type\": \"ping\"}\n\n")
}

#[cfg(test)]
mod tests;
