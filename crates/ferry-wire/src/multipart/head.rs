//! The head of a part: names of a file, and what would make its content something else than it looks.

use std::ops::Range;

use memchr::memmem;

use super::error::MultipartError;
use super::name::{Spelling, WrittenName};
use super::parameters::{Broken, Parameters};
use super::{CRLF, HEAD_BYTES_MAX, Part};

/// What is wrong with one part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum HeadFault {
    Broken,
    TooLong,
    NameInPieces,
    Coded,
    Nested,
}

impl From<Broken> for HeadFault {
    fn from(_broken: Broken) -> Self {
        Self::Broken
    }
}

impl HeadFault {
    pub(super) const fn of_part(self, part: usize) -> MultipartError {
        match self {
            Self::Broken => MultipartError::Head { part },
            Self::TooLong => MultipartError::HeadTooLong { part },
            Self::NameInPieces => MultipartError::NameInPieces { part },
            Self::Coded => MultipartError::Coded { part },
            Self::Nested => MultipartError::Nested { part },
        }
    }
}

/// Reads the part `bytes`, which begins at the offset `start` of the body.
pub(super) fn part(bytes: &[u8], start: usize) -> Result<Part, HeadFault> {
    let (head, content) = split(bytes)?;
    let mut part = Part {
        names: Vec::new(),
        content: start + content..start + bytes.len(),
        is_called_text: false,
    };
    let mut at = 0;
    for line in lines(head) {
        field(line, start + at, &mut part)?;
        at += line.len() + CRLF.len();
    }
    Ok(part)
}

/// The head, and where the content begins.
fn split(bytes: &[u8]) -> Result<(&[u8], usize), HeadFault> {
    if bytes.starts_with(CRLF) {
        return Ok((&[], CRLF.len()));
    }
    // A head that ends on the last byte that it may have is followed by two line ends.
    let near = bytes.get(..HEAD_BYTES_MAX + 2 * CRLF.len()).unwrap_or(bytes);
    if let Some(len) = memmem::find(near, b"\r\n\r\n") {
        return Ok((near.get(..len).unwrap_or_default(), len + 2 * CRLF.len()));
    }
    if near.len() < bytes.len() {
        return Err(HeadFault::TooLong);
    }
    // The empty line may be the one that belongs to the boundary: then there is no content.
    match bytes.strip_suffix(CRLF) {
        Some(head) => Ok((head, bytes.len())),
        None if bytes.is_empty() => Ok((&[], 0)),
        None => Err(HeadFault::Broken),
    }
}

fn lines(head: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = (!head.is_empty()).then_some(head);
    std::iter::from_fn(move || {
        let line = rest?;
        let Some(len) = memmem::find(line, CRLF) else { return rest.take() };
        rest = line.get(len + CRLF.len()..);
        line.get(..len)
    })
}

/// Takes from one line what it says of names and of the content; `at` is its offset in the body.
fn field(line: &[u8], at: usize, part: &mut Part) -> Result<(), HeadFault> {
    if line.iter().any(|byte| matches!(byte, b'\r' | b'\n' | 0)) {
        return Err(HeadFault::Broken);
    }
    let colon = line.iter().position(|byte| *byte == b':').ok_or(HeadFault::Broken)?;
    let name = line.get(..colon).unwrap_or_default();
    let value = line.get(colon + 1..).unwrap_or_default();
    // A line that goes on from the one before begins with a blank. What else is no letter of a name some readers take off.
    if name.is_empty() || !name.iter().all(|byte| is_token(*byte)) {
        return Err(HeadFault::Broken);
    }
    let is = |known: &str| name.eq_ignore_ascii_case(known.as_bytes());
    let word = value.trim_ascii().to_ascii_lowercase();
    if is("content-disposition") {
        return disposition(value, at + colon + 1, &mut part.names);
    }
    if is("content-transfer-encoding")
        && !matches!(word.as_slice(), b"" | b"7bit" | b"8bit" | b"binary")
    {
        return Err(HeadFault::Coded);
    }
    if is("content-encoding") && !matches!(word.as_slice(), b"" | b"identity") {
        return Err(HeadFault::Coded);
    }
    if is("content-type") && word.starts_with(b"multipart/") {
        return Err(HeadFault::Nested);
    }
    if is("content-type") {
        part.is_called_text |= word.starts_with(b"text/") || word.starts_with(b"application/json");
    }
    Ok(())
}

/// Whether a byte may stand in the name of a field (RFC 9110 section 5.6.2).
fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

/// The names in a `Content-Disposition`, whose value begins at the offset `at` of the body.
fn disposition(value: &[u8], at: usize, names: &mut Vec<WrittenName>) -> Result<(), HeadFault> {
    for parameter in Parameters::of(value) {
        let parameter = parameter?;
        let name = parameter.name.to_ascii_lowercase();
        let spelling = match name.as_slice() {
            b"filename" => Spelling::Quotes(parameter.quotes),
            b"filename*" => Spelling::Percent,
            // `filename*0`, `filename*1*` (RFC 2231): each alone says nothing of the whole.
            _ if name.starts_with(b"filename*") => return Err(HeadFault::NameInPieces),
            _ => continue,
        };
        let Range { start, end } = parameter.value;
        names.push(WrittenName { place: at + start..at + end, spelling });
    }
    Ok(())
}
