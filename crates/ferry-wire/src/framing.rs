//! A strict check of the raw bytes of HTTP/1.1 requests, run in front of the HTTP library.
//!
//! Two servers that read one byte stream differently let a request be smuggled past the first.
//! Ferry writes every request anew from parsed parts, so a smuggled one cannot leave; this guard
//! refuses it before anything is parsed at all. It follows heads and bodies so that a pipelined
//! head is found, skips body bytes without looking at them, and never changes a byte.

use memchr::{memchr, memchr_iter};

mod chunked;
mod error;
mod head;

pub use error::FramingError;

use chunked::Chunked;

/// What an HTTP/2 connection begins with (RFC 9113 section 3.4).
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Bytes of its request line; no other request can begin with them.
const PREFACE_LINE: usize = 14;

/// What the guard says of the bytes it was shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// All of them may be passed on.
    Pass,
    /// The connection speaks HTTP/2; the guard stays out from here on.
    Http2,
    /// The connection must be refused and closed.
    Refuse {
        /// Offset in the bytes shown of the first that must not be passed on: the start of the
        /// offending head or chunk line if it began in them, else 0.
        at: usize,
        /// What is wrong.
        why: FramingError,
    },
}

/// How the bytes behind a head are framed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Body {
    Length(u64),
    Chunked,
}

#[derive(Debug)]
enum State {
    /// Before the first bytes of a connection; how much of the HTTP/2 preface has come.
    Preface(usize),
    /// Inside a head, or between two requests.
    Head,
    /// Inside a body of known length; what is left of it.
    Length(u64),
    Chunked(Chunked),
    Http2,
    Refused(FramingError),
}

/// Checks the requests of one connection.
#[derive(Debug)]
pub struct HeadGuard {
    head_bytes_max: usize,
    state: State,
    /// The head in work, as far as it came in earlier chunks.
    head: Vec<u8>,
    /// Where its last line begins.
    line_start: usize,
    refused_in_body: bool,
}

impl HeadGuard {
    /// A guard for a new connection; a head may take `head_bytes_max` bytes with its line ends.
    pub const fn new(head_bytes_max: usize) -> Self {
        Self {
            head_bytes_max,
            state: State::Preface(0),
            head: Vec::new(),
            line_start: 0,
            refused_in_body: false,
        }
    }

    /// Checks the next bytes of the connection, before they are passed on.
    ///
    /// After a refusal every further call refuses for the same reason.
    pub fn check(&mut self, bytes: &[u8]) -> Verdict {
        let mut at = 0;
        while at < bytes.len() {
            let step = match &mut self.state {
                State::Http2 => return Verdict::Http2,
                State::Refused(why) => return Verdict::Refuse { at: 0, why: *why },
                State::Preface(matched) => {
                    let matched = *matched;
                    self.preface(matched, &bytes[at..])
                }
                State::Head => self.head(&bytes[at..]),
                State::Length(left) => {
                    let taken = usize::try_from(*left).unwrap_or(usize::MAX).min(bytes.len() - at);
                    *left -= taken as u64;
                    if *left == 0 {
                        self.state = State::Head;
                    }
                    Ok(taken)
                }
                State::Chunked(chunked) => chunked.step(&bytes[at..]).map(|(taken, is_end)| {
                    if is_end {
                        self.state = State::Head;
                    }
                    taken
                }),
            };
            match step {
                Ok(taken) => at += taken,
                Err(why) => {
                    let is_new = match &self.state {
                        State::Chunked(chunked) => chunked.is_at_line_start(),
                        State::Preface(matched) => *matched == 0,
                        State::Head | State::Length(_) | State::Http2 | State::Refused(_) => {
                            self.head.is_empty()
                        }
                    };
                    self.refused_in_body = matches!(self.state, State::Chunked(_));
                    self.state = State::Refused(why);
                    return Verdict::Refuse { at: if is_new { at } else { 0 }, why };
                }
            }
        }
        if matches!(self.state, State::Http2) { Verdict::Http2 } else { Verdict::Pass }
    }

    /// Whether what was refused belongs to the body of the last head, and not to a head of its own.
    pub fn is_refused_in_body(&self) -> bool {
        self.refused_in_body
    }

    /// Whether the guard stands between two requests, with no byte of a head seen.
    pub fn is_at_rest(&self) -> bool {
        matches!(self.state, State::Head | State::Preface(0)) && self.head.is_empty()
    }

    /// What a parser that was shown the bytes passed on has stumbled over, when it refuses them before this guard does:
    /// the place it stands at tells.
    pub fn suspect(&self) -> FramingError {
        let line = self.head.as_slice();
        if !matches!(self.state, State::Head) || line.is_empty() {
            return FramingError::Target;
        }
        if let Some(end) = memchr(b'\n', line) {
            let first = head::check_first_line(line.get(..=end).unwrap_or_default());
            return first.err().unwrap_or(FramingError::FieldName);
        }
        match memchr_iter(b' ', line).count() {
            1 if !line.ends_with(b"\r") => FramingError::Target,
            0 | 1 => FramingError::RequestLine,
            _ => FramingError::Version,
        }
    }

    /// Compares the first bytes of a connection with the preface of HTTP/2.
    fn preface(&mut self, matched: usize, bytes: &[u8]) -> Result<usize, FramingError> {
        let rest = PREFACE.get(matched..).unwrap_or_default();
        let common = rest.iter().zip(bytes).take_while(|(wanted, byte)| wanted == byte).count();
        if common == rest.len() {
            self.state = State::Http2;
            return Ok(bytes.len());
        }
        if common == bytes.len() {
            self.state = State::Preface(matched + common);
            return Ok(common);
        }
        if matched + common >= PREFACE_LINE {
            return Err(FramingError::Version);
        }
        // No preface: what matched in earlier chunks is the beginning of a head.
        self.head.extend_from_slice(PREFACE.get(..matched).unwrap_or_default());
        self.state = State::Head;
        Ok(0)
    }

    /// Takes bytes of a head; answers how many. The state changes when the head is complete.
    fn head(&mut self, bytes: &[u8]) -> Result<usize, FramingError> {
        let earlier = self.head.len();
        for line_feed in memchr_iter(b'\n', bytes) {
            let end = earlier + line_feed;
            let before = match line_feed.checked_sub(1) {
                Some(index) => bytes.get(index),
                None => self.head.last(),
            };
            if before != Some(&b'\r') || end == self.line_start {
                return Err(FramingError::BareLf);
            }
            let is_empty = end - self.line_start == 1;
            self.line_start = end + 1;
            if self.line_start > self.head_bytes_max {
                return Err(FramingError::HeadTooLarge);
            }
            // RFC 9112 section 2.2: one empty line before a request is forgiven.
            if is_empty && end > 1 {
                let here = &bytes[..=line_feed];
                let body = if earlier == 0 {
                    head::check(here)?
                } else {
                    self.head.extend_from_slice(here);
                    head::check(&self.head)?
                };
                self.head.clear();
                self.line_start = 0;
                self.state = match body {
                    Body::Length(0) => State::Head,
                    Body::Length(left) => State::Length(left),
                    Body::Chunked => State::Chunked(Chunked::new()),
                };
                return Ok(line_feed + 1);
            }
        }
        if earlier + bytes.len() > self.head_bytes_max {
            return Err(FramingError::HeadTooLarge);
        }
        // A NUL ends the wait for a head that never comes (a TLS hello on a cleartext port).
        if memchr(0, bytes).is_some() {
            return Err(FramingError::ControlByte);
        }
        self.head.extend_from_slice(bytes);
        Ok(bytes.len())
    }
}

#[cfg(test)]
mod tests;
