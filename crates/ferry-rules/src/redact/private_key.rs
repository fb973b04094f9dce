//! Private keys in their text form (RFC 7468): from `-----BEGIN` to the end of the `-----END` line.
//!
//! A key counts in one line, with line ends that are still escapes, and cut before its end, too. A key of three dots in a
//! document does not.

use super::reading::Text;
use super::{Hit, Kind};

/// Letters of base64 without which there is no key; the smallest, Ed25519, has 64.
const LETTERS_LEAST: usize = 40;

/// The longest label, `ENCRYPTED PRIVATE KEY` and the like.
const LABEL_MAX: usize = 40;

/// The key whose first hyphens begin at `place`.
pub(super) fn at(text: Text<'_>, place: usize) -> Option<Hit> {
    // There may be more hyphens than five.
    let dashes = text.bytes.get(place..)?.iter().take_while(|byte| **byte == b'-').count();
    let start = place + dashes.checked_sub(5)?;
    let label = start + 5 + text.has(start + 5, b"BEGIN ").then_some(6)?;
    let head = text.slice(label, label + LABEL_MAX);
    let size = head
        .iter()
        .take_while(|byte| byte.is_ascii_uppercase() || matches!(**byte, b' ' | b'0'..=b'9'))
        .count();
    let name = head.get(..size)?;
    let body = label + size + 5;
    if !(name.ends_with(b"PRIVATE KEY") || name.ends_with(b"PRIVATE KEY BLOCK"))
        || !text.has(label + size, b"-----")
    {
        return None;
    }
    let rest = text.bytes.get(body..)?;
    let close = next_dashes(rest);
    let inside = rest.get(..close)?;
    if inside.iter().filter(|byte| byte.is_ascii_alphanumeric()).take(LETTERS_LEAST).count()
        < LETTERS_LEAST
    {
        return None;
    }
    let end = match end_line(text, body + close, name) {
        Some(end) => end,
        None => body + cut_end(inside),
    };
    Some(Hit { start, end, kind: Kind::PrivateKey })
}

/// Where the next five hyphens begin, or the text ends.
fn next_dashes(rest: &[u8]) -> usize {
    memchr::memmem::find(rest, b"-----").unwrap_or(rest.len())
}

/// Behind `-----END name-----`, if it stands at `place`.
fn end_line(text: Text<'_>, place: usize, name: &[u8]) -> Option<usize> {
    const HEAD: &[u8] = b"-----END ";
    let at = place + HEAD.len();
    let is_end = text.has(place, HEAD) && text.has(at, name) && text.has(at + name.len(), b"-----");
    is_end.then_some(at + name.len() + 5)
}

/// Where the base64 of a key ends that has no end line.
fn cut_end(inside: &[u8]) -> usize {
    let is_body = |byte: &&u8| {
        byte.is_ascii_alphanumeric()
            || matches!(
                **byte,
                b'+' | b'/' | b'=' | b'\n' | b'\r' | b'\\' | b' ' | b':' | b',' | b'-'
            )
    };
    let size = inside.iter().take_while(is_body).count();
    let body = inside.get(..size).unwrap_or_default();
    body.iter()
        .rposition(|byte| byte.is_ascii_alphanumeric() || *byte == b'=')
        .map_or(0, |last| last + 1)
}
