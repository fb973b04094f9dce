//! The envelope of a request: the few top-level members that Ferry reads, found in one walk.
//!
//! The walk goes over the pieces of a body as they came, copies nothing but the values it hands
//! back, and runs through strings at the speed of `memchr`, since most of a body is text or
//! base64. It never builds a tree, never changes a byte, and does not validate nested values
//! beyond strings and brackets: the API does that, and its own error is better than ours.

use bytes::Bytes;

use crate::affinity::Prefix;
use crate::json::{string_end, unescape};
use crate::stream_flag::StreamFlag;

mod error;
mod member;
mod nesting;

pub(crate) use error::Shown;
pub use error::{EnvelopeError, Position};
use member::Member;
use nesting::Nesting;

/// Deepest nesting that is walked, the outermost object included.
///
/// Real bodies stay below 40 (a tool schema inside a message); the bound keeps the stack of the
/// walk a few words long.
pub const DEPTH_MAX: usize = 512;

/// Longest `model` that is handed back, in bytes; a longer one is left out.
pub const MODEL_BYTES_MAX: usize = 256;

/// Longest `metadata.user_id` that is handed back, in bytes; a longer one is left out.
pub const USER_ID_BYTES_MAX: usize = 1024;

/// An escaped byte is at most six long (`\u0041`), so raw text up to this factor may fit.
const ESCAPE_FACTOR: usize = 6;

/// Room for the longest name that is looked for (`max_tokens`) with every letter escaped.
const KEY_BYTES_MAX: usize = 64;

/// Room for a scalar that is read: the longest `u64` has 20 digits.
const SCALAR_BYTES_MAX: usize = 24;

/// What Ferry reads of a request body.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Envelope {
    /// `model`, if it is a string of at most [`MODEL_BYTES_MAX`] bytes.
    pub model: Option<Box<str>>,
    /// Whether `stream` is `true`.
    pub stream: bool,
    /// What the body says of `stream` and where, for the splice that asks for one.
    pub stream_flag: StreamFlag,
    /// `max_tokens`, if it is written as a whole number.
    pub max_tokens: Option<u64>,
    /// `metadata.user_id`, if it is a string of at most [`USER_ID_BYTES_MAX`] bytes.
    pub user_id: Option<Box<str>>,
    /// Whether `container` is there and not null: what runs in one stays in its workspace.
    pub container: bool,
    /// Where the parts stand that the API caches, for their hash.
    pub prefix: Prefix,
    /// How many top-level members the body has.
    pub n_members: u32,
}

impl Envelope {
    /// Reads the envelope of a body that is already there.
    ///
    /// # Errors
    /// [`EnvelopeError`] when the body is not one JSON object, or says one thing twice.
    pub fn read(body: &[Bytes]) -> Result<Self, EnvelopeError> {
        let mut walk = EnvelopeWalk::new();
        for piece in body {
            walk.push(piece)?;
        }
        walk.finish()
    }
}

/// The walk over the pieces of one body.
#[derive(Debug)]
pub struct EnvelopeWalk {
    state: State,
    /// Offset in the body of the first byte of the piece in work.
    offset: u64,
    line: u32,
    line_start: u64,
    /// Whether the string in work goes on with an escaped byte.
    escaped: bool,
    level: Level,
    nesting: Nesting,
    key: [u8; KEY_BYTES_MAX],
    key_len: usize,
    member: Member,
    /// Raw bytes of the value in work, when it is one that is read.
    value: Vec<u8>,
    value_bytes_max: usize,
    /// Which read members were seen, one bit each.
    seen: u8,
    found: Envelope,
    failed: Option<EnvelopeError>,
}

/// Where the walk stands. Each has one method that takes it on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Open,
    FirstKey,
    NextKey,
    Key,
    Colon,
    Value,
    Text,
    Scalar,
    Skip,
    SkipText,
    Comma,
    Done,
}

/// Which object's members are being read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Level {
    Top,
    Metadata,
}

impl Default for EnvelopeWalk {
    fn default() -> Self {
        Self::new()
    }
}

impl EnvelopeWalk {
    /// A walk that stands before the first byte.
    pub const fn new() -> Self {
        Self {
            state: State::Open,
            offset: 0,
            line: 1,
            line_start: 0,
            escaped: false,
            level: Level::Top,
            nesting: Nesting::new(),
            key: [0; KEY_BYTES_MAX],
            key_len: 0,
            member: Member::Unread,
            value: Vec::new(),
            value_bytes_max: 0,
            seen: 0,
            found: Envelope {
                model: None,
                stream: false,
                stream_flag: StreamFlag::Other,
                max_tokens: None,
                user_id: None,
                container: false,
                prefix: Prefix::new(),
                n_members: 0,
            },
            failed: None,
        }
    }

    /// Walks over the next piece of the body.
    ///
    /// # Errors
    /// At the first byte that cannot be part of one JSON object; the same again ever after.
    pub fn push(&mut self, piece: &[u8]) -> Result<(), EnvelopeError> {
        if let Some(error) = self.failed {
            return Err(error);
        }
        let walked = self.walk(piece);
        self.failed = walked.err();
        self.offset += piece.len() as u64;
        walked
    }

    /// Ends the walk.
    ///
    /// # Errors
    /// [`EnvelopeError::Truncated`] when the object is still open, [`EnvelopeError::NotAnObject`]
    /// when there was none, or what a push has already said.
    pub fn finish(mut self) -> Result<Envelope, EnvelopeError> {
        if let StreamFlag::Absent { is_empty, .. } = &mut self.found.stream_flag {
            *is_empty = self.found.n_members == 0;
        }
        match (self.failed, self.state) {
            (Some(error), _) => Err(error),
            (None, State::Done) => Ok(self.found),
            (None, State::Open) => Err(EnvelopeError::NotAnObject { at: self.position(0) }),
            (None, _) => Err(EnvelopeError::Truncated { at: self.position(0) }),
        }
    }

    fn walk(&mut self, piece: &[u8]) -> Result<(), EnvelopeError> {
        let mut at = 0;
        while at < piece.len() {
            at = match self.state {
                State::Key => self.read_key(piece, at)?,
                State::Text => self.read_text(piece, at),
                State::Scalar => self.read_scalar(piece, at),
                State::Skip => self.skip(piece, at)?,
                State::SkipText => self.skip_text(piece, at),
                State::Open
                | State::FirstKey
                | State::NextKey
                | State::Colon
                | State::Value
                | State::Comma
                | State::Done => {
                    let next = self.skip_space(piece, at);
                    match piece.get(next) {
                        Some(&byte) => self.punctuation(byte, next)?,
                        None => next,
                    }
                }
            };
        }
        Ok(())
    }

    /// Takes one byte between members; answers where to go on.
    fn punctuation(&mut self, byte: u8, at: usize) -> Result<usize, EnvelopeError> {
        self.state = match (self.state, byte) {
            (State::Open, b'{') => {
                let at = self.offset + at as u64 + 1;
                self.found.stream_flag = StreamFlag::Absent { at, is_empty: false };
                State::FirstKey
            }
            (State::Open, _) => return Err(EnvelopeError::NotAnObject { at: self.position(at) }),
            (State::FirstKey | State::NextKey, b'"') => {
                self.key_len = 0;
                self.escaped = false;
                State::Key
            }
            (State::Colon, b':') => State::Value,
            (State::Comma, b',') => State::NextKey,
            (State::FirstKey | State::Comma, b'}') => match self.level {
                Level::Top => State::Done,
                Level::Metadata => {
                    self.level = Level::Top;
                    State::Comma
                }
            },
            (State::Value, _) => return self.begin_value(byte, at),
            (State::Done, _) => {
                return Err(EnvelopeError::TrailingBytes { at: self.position(at) });
            }
            (State::FirstKey | State::Comma, b']') => {
                return Err(EnvelopeError::Unbalanced { at: self.position(at) });
            }
            _ => return Err(EnvelopeError::UnexpectedByte { at: self.position(at), byte }),
        };
        Ok(at + 1)
    }

    fn begin_value(&mut self, byte: u8, at: usize) -> Result<usize, EnvelopeError> {
        self.value.clear();
        self.value_bytes_max = 0;
        if let Member::Part(part) = self.member {
            self.found.prefix.note(part, self.offset + at as u64);
        } else if self.member == Member::Container {
            self.found.container = byte != b'n';
        }
        self.state = match byte {
            b'"' => {
                self.escaped = false;
                self.value_bytes_max = self.member.text_bytes_max();
                State::Text
            }
            b'{' if self.member == Member::Metadata => {
                self.level = Level::Metadata;
                State::FirstKey
            }
            b'{' | b'[' => {
                self.nest(byte, at)?;
                State::Skip
            }
            b'-' | b'0'..=b'9' | b't' | b'f' | b'n' => {
                self.value_bytes_max = self.member.scalar_bytes_max();
                self.state = State::Scalar;
                return Ok(at);
            }
            _ => return Err(EnvelopeError::UnexpectedByte { at: self.position(at), byte }),
        };
        Ok(at + 1)
    }

    fn read_key(&mut self, piece: &[u8], at: usize) -> Result<usize, EnvelopeError> {
        let rest = &piece[at..];
        let end = string_end(rest, &mut self.escaped);
        let name = &rest[..end.unwrap_or(rest.len())];
        match self.key.get_mut(self.key_len..).and_then(|room| room.get_mut(..name.len())) {
            Some(room) => {
                room.copy_from_slice(name);
                self.key_len += name.len();
            }
            // One past the end marks a name that is too long to be one of ours.
            None => self.key_len = KEY_BYTES_MAX + 1,
        }
        let Some(end) = end else { return Ok(piece.len()) };
        self.member = self.key_member();
        if self.level == Level::Top {
            self.found.n_members = self.found.n_members.saturating_add(1);
        }
        if self.seen & self.member.bit() != 0 {
            let at = self.position(at + end);
            return Err(EnvelopeError::DuplicateMember { at, name: self.member.name() });
        }
        self.seen |= self.member.bit();
        if self.member == Member::Stream {
            // Until its value is read: a value of another type stays as it is.
            self.found.stream_flag = StreamFlag::Other;
        }
        self.state = State::Colon;
        Ok(at + end + 1)
    }

    fn key_member(&self) -> Member {
        self.key.get(..self.key_len).map_or(Member::Unread, |key| Member::of(self.level, key))
    }

    fn read_text(&mut self, piece: &[u8], at: usize) -> usize {
        let rest = &piece[at..];
        let end = string_end(rest, &mut self.escaped);
        self.keep(&rest[..end.unwrap_or(rest.len())]);
        let Some(end) = end else { return piece.len() };
        if self.value_bytes_max > 0 {
            let text = |bytes_max: usize| {
                let decoded = unescape(&self.value)?;
                let text = std::str::from_utf8(&decoded).ok()?;
                (text.len() <= bytes_max).then(|| Box::from(text))
            };
            if self.member == Member::Model {
                self.found.model = text(MODEL_BYTES_MAX);
            } else if self.member == Member::UserId {
                self.found.user_id = text(USER_ID_BYTES_MAX);
            }
        }
        self.state = State::Comma;
        at + end + 1
    }

    fn read_scalar(&mut self, piece: &[u8], at: usize) -> usize {
        let rest = &piece[at..];
        let is_scalar =
            |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.');
        let end = rest.iter().position(|byte| !is_scalar(byte));
        self.keep(&rest[..end.unwrap_or(rest.len())]);
        let Some(end) = end else { return piece.len() };
        if self.value_bytes_max > 0 {
            if self.member == Member::Stream {
                self.found.stream = self.value == b"true";
                let end = self.offset + (at + end) as u64;
                self.found.stream_flag = StreamFlag::of_scalar(&self.value, end);
            } else if self.member == Member::MaxTokens {
                let digits = std::str::from_utf8(&self.value).ok();
                self.found.max_tokens = digits.and_then(|digits| digits.parse().ok());
            }
        }
        self.state = State::Comma;
        at + end
    }

    /// Keeps raw bytes of a value that is read; one that grows too long is given up.
    fn keep(&mut self, bytes: &[u8]) {
        if self.value_bytes_max == 0 {
            return;
        }
        if self.value.len() + bytes.len() > self.value_bytes_max {
            self.value_bytes_max = 0;
            return;
        }
        self.value.extend_from_slice(bytes);
    }
}

#[cfg(test)]
mod tests;
