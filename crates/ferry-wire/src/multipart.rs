//! An upload: the parts of a `multipart/form-data` body (RFC 7578, RFC 2046 section 5.1), where each stands in it.
//!
//! One reader over a body that is held whole. It copies nothing but file names, one at a time, which are decoded as far as
//! they have to be; contents are ranges of the body, so that an edit is a splice and everything else keeps its bytes.
//!
//! # What is refused
//! Readers differ in what they let pass: bare line feeds, bytes around the parts, a form inside the form. What two of them might
//! cut in two ways must not pass a filter, so this one takes the letter of the RFCs, as the libraries of clients write it, and
//! nothing else.

use std::ops::Range;

use memchr::{memchr, memmem};

mod boundary;
mod error;
mod head;
mod name;
mod parameters;

pub use error::MultipartError;
pub use name::FileName;
use name::WrittenName;

/// The shortest stretch of a broken text that is looked at: no value is shorter.
const PIECE_BYTES_MIN: usize = 4;

/// Parts of one body. A form has a few fields; a skill may come as some hundred files.
pub const PARTS_MAX: usize = 1000;

/// The head of one part, in bytes. It has two or three short lines.
pub const HEAD_BYTES_MAX: usize = 16 * 1024;

const CRLF: &[u8] = b"\r\n";

/// One part of a form.
#[derive(Debug)]
pub struct Part {
    names: Vec<WrittenName>,
    content: Range<usize>,
    /// Whether its head calls it text.
    is_called_text: bool,
}

impl Part {
    /// The names of its file: none for a plain field; `filename` and `filename*` may stand side by side. `body` must be the one
    /// that the part was read from.
    pub fn file_names(&self, body: &[u8]) -> impl ExactSizeIterator<Item = FileName> {
        self.names.iter().map(|name| name.decoded(body))
    }

    /// Where its content stands in the body.
    pub fn content(&self) -> Range<usize> {
        self.content.clone()
    }

    /// Its content, if that is text: UTF-8 without NUL. What else there is, such as most PDFs, every image and every archive,
    /// is none. `body` must be the one that the part was read from.
    pub fn text<'a>(&self, body: &'a [u8]) -> Option<&'a str> {
        let content = body.get(self.content())?;
        // A binary file mostly has a NUL early on, which is the cheaper question.
        if memchr(0, content).is_some() {
            return None;
        }
        simdutf8::basic::from_utf8(content).ok()
    }

    /// The texts in it, each with where it begins in the body: its content if that is text. Of a content that is none and is
    /// called one all that is UTF-8, as in a log with one broken byte, or the digits of a table in GBK.
    pub fn texts<'a>(&self, body: &'a [u8]) -> impl Iterator<Item = (usize, &'a str)> {
        let start = self.content.start;
        let whole = self.text(body);
        let is_broken = whole.is_none() && self.is_called_text;
        let content = body.get(self.content()).filter(|_| is_broken).unwrap_or_default();
        let pieces = content.utf8_chunks().scan(start, |at, chunk| {
            let begin = *at;
            *at += chunk.valid().len() + chunk.invalid().len();
            Some((begin, chunk.valid()))
        });
        let whole = whole.map(|text| (start, text));
        whole.into_iter().chain(pieces.filter(|(_, text)| text.len() >= PIECE_BYTES_MIN))
    }
}

/// The parts of a body, in order. `content_type` is the header's value.
///
/// Time grows with the body; memory is that of the places of [`PARTS_MAX`] parts and of their names, some five times the
/// heads at worst.
///
/// # Errors
/// [`MultipartError`]: the body must then count as not read.
pub fn read(content_type: &[u8], body: &[u8]) -> Result<Vec<Part>, MultipartError> {
    let delimiter = boundary::delimiter(content_type).ok_or(MultipartError::NoBoundary)?;
    let mut parts = Vec::new();
    // Where the part under way begins.
    let mut start = None;
    for at in memmem::find_iter(body, &delimiter) {
        let before = body.get(..at).unwrap_or_default();
        let is_line_start = match before {
            [] | [.., b'\r', b'\n'] => true,
            [.., b'\r' | b'\n'] => return Err(MultipartError::Boundary { at }),
            _ => false,
        };
        if !is_line_start {
            continue;
        }
        match start {
            Some(start) => {
                let place = start..before.len() - CRLF.len();
                let index = parts.len();
                let bytes = body.get(place.clone()).ok_or(MultipartError::Boundary { at })?;
                parts.push(head::part(bytes, place.start).map_err(|fault| fault.of_part(index))?);
            }
            None if before.is_empty() || before == CRLF => {}
            None => return Err(MultipartError::Outside),
        }
        let behind = at + delimiter.len();
        match Tail::of(body.get(behind..).unwrap_or_default()) {
            Tail::Open { len } if parts.len() < PARTS_MAX => start = Some(behind + len),
            Tail::Open { .. } => return Err(MultipartError::TooManyParts),
            Tail::Close { is_last: true } => return Ok(parts),
            Tail::Close { is_last: false } => return Err(MultipartError::Outside),
            Tail::Other => return Err(MultipartError::Boundary { at }),
        }
    }
    Err(MultipartError::NoEnd)
}

/// What follows a boundary.
enum Tail {
    /// The rest of its line, of this many bytes: a part begins behind it.
    Open { len: usize },
    /// The form is over; whether nothing but white space follows.
    Close { is_last: bool },
    /// More of the line.
    Other,
}

impl Tail {
    fn of(rest: &[u8]) -> Self {
        if let Some(epilogue) = rest.strip_prefix(b"--") {
            return Self::Close { is_last: epilogue.trim_ascii().is_empty() };
        }
        // Padding that a transport may add.
        let padding = rest.iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
        match rest.get(padding..padding + CRLF.len()) {
            Some(CRLF) => Self::Open { len: padding + CRLF.len() },
            _ => Self::Other,
        }
    }
}

#[cfg(test)]
mod tests;
