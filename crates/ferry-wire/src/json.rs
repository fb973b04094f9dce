//! The few JSON steps that the walks over foreign bytes share: where a string ends, what it says.
//!
//! They exist beside `serde_json` because the walks must keep the original bytes and their
//! offsets, and must work on pieces of a body. Nothing here validates a whole document.

use std::borrow::Cow;

use memchr::memchr;
use serde::Deserialize;

pub(crate) mod cursor;

/// Finds the closing quote of a string of which `bytes` is the next piece.
///
/// `escaped` carries over pieces: on entry, whether the first byte of `bytes` is escaped by a
/// backslash of the piece before; on exit without an end, the same for the piece to come.
/// Only quotes are searched for. A quote is escaped exactly when an odd run of backslashes stands
/// before it, so that `\n` and other escapes cost nothing.
pub(crate) fn string_end(bytes: &[u8], escaped: &mut bool) -> Option<usize> {
    if !*escaped && let Some(end) = short_string_end(bytes) {
        return Some(end);
    }
    let mut from = 0;
    loop {
        let rest = &bytes[from..];
        let (run_end, found) = match memchr(b'"', rest) {
            Some(at) => (at, true),
            None => (rest.len(), false),
        };
        let run = rest[..run_end].iter().rev().take_while(|byte| **byte == b'\\').count();
        // A run that reaches back to the first byte of this piece goes on in the piece before.
        let odd = (run % 2 == 1) ^ (run == run_end && from == 0 && *escaped);
        if !found {
            *escaped = odd;
            return None;
        }
        if !odd {
            *escaped = false;
            return Some(from + run_end);
        }
        from += run_end + 1;
    }
}

/// The end of a string of at most 15 bytes without escapes: names and most values of schemas.
///
/// A call of `memchr` costs more than such a string is long, so its bytes are compared by words.
fn short_string_end(bytes: &[u8]) -> Option<usize> {
    for (index, word) in bytes.as_chunks::<8>().0.iter().take(2).enumerate() {
        let word = u64::from_le_bytes(*word);
        let quotes = zero_bytes(word ^ (ONES * 0x22));
        let backslashes = zero_bytes(word ^ (ONES * 0x5c));
        if backslashes.trailing_zeros() < quotes.trailing_zeros() {
            return None;
        }
        if quotes != 0 {
            return Some(index * 8 + (quotes.trailing_zeros() / 8) as usize);
        }
    }
    None
}

const ONES: u64 = 0x0101_0101_0101_0101;

/// Marks the high bit of zero bytes; the lowest mark is exact, which is all that is asked.
const fn zero_bytes(word: u64) -> u64 {
    word.wrapping_sub(ONES) & !word & (ONES * 0x80)
}

/// Whether the raw (still escaped) member name `raw` says `name`.
pub(crate) fn key_is(raw: &[u8], name: &str) -> bool {
    raw == name.as_bytes()
        || (memchr(b'\\', raw).is_some()
            && unescape(raw).is_some_and(|decoded| decoded.as_ref() == name.as_bytes()))
}

/// The bytes a raw string stands for, or nothing when it holds a broken escape.
pub(crate) fn unescape(raw: &[u8]) -> Option<Cow<'_, [u8]>> {
    if memchr(b'\\', raw).is_none() {
        return Some(Cow::Borrowed(raw));
    }
    let mut decoded = Vec::with_capacity(raw.len());
    unescape_each(raw, |_, piece| decoded.extend_from_slice(piece)).then_some(Cow::Owned(decoded))
}

/// Hands every decoded piece of `raw` to `each`, with the raw offset at which it began.
///
/// A piece without escapes is handed over whole: its bytes stand at consecutive raw offsets.
/// Answers false at a broken escape; what was handed over before it is then worth nothing.
pub(crate) fn unescape_each(raw: &[u8], mut each: impl FnMut(usize, &[u8])) -> bool {
    let mut from = 0;
    while let Some(ahead) = memchr(b'\\', &raw[from..]) {
        let at = from + ahead;
        if at > from {
            each(from, &raw[from..at]);
        }
        let Some(&letter) = raw.get(at + 1) else { return false };
        let plain = match letter {
            b'"' | b'\\' | b'/' => letter,
            b'b' => 0x08,
            b'f' => 0x0c,
            b'n' => b'\n',
            b'r' => b'\r',
            b't' => b'\t',
            b'u' => {
                let Some((character, taken)) = unicode_escape(&raw[at..]) else { return false };
                each(at, character.encode_utf8(&mut [0; 4]).as_bytes());
                from = at + taken;
                continue;
            }
            _ => return false,
        };
        each(at, &[plain]);
        from = at + 2;
    }
    if from < raw.len() {
        each(from, &raw[from..]);
    }
    true
}

/// Reads `\uXXXX`, or a surrogate pair of two, at the start of `raw`; with the bytes it took.
fn unicode_escape(raw: &[u8]) -> Option<(char, usize)> {
    let high = hex4(raw, 2)?;
    if let Some(character) = char::from_u32(high) {
        return Some((character, 6));
    }
    if raw.get(6..8)? != b"\\u" {
        return None;
    }
    let low = hex4(raw, 8)?;
    if !(0xd800..0xdc00).contains(&high) || !(0xdc00..0xe000).contains(&low) {
        return None;
    }
    // RFC 8259 section 7: a pair stands for one code point above U+FFFF.
    char::from_u32(0x1_0000 + ((high - 0xd800) << 10) + (low - 0xdc00))
        .map(|character| (character, 12))
}

fn hex4(raw: &[u8], at: usize) -> Option<u32> {
    raw.get(at..at + 4)?
        .iter()
        .try_fold(0, |value, byte| char::from(*byte).to_digit(16).map(|digit| (value << 4) | digit))
}

/// Parses an object; nothing when it is none.
///
/// The derived readers would also take an array as the fields in order.
pub(crate) fn object<'a, T: Deserialize<'a>>(raw: &'a [u8]) -> Option<T> {
    let is_object = raw.trim_ascii_start().first() == Some(&b'{');
    if is_object { serde_json::from_slice(raw).ok() } else { None }
}

/// Appends `text` as a JSON string with its quotes.
pub(crate) fn push_string(out: &mut Vec<u8>, text: &str) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    out.push(b'"');
    for &byte in text.as_bytes() {
        match byte {
            b'"' | b'\\' => out.extend_from_slice(&[b'\\', byte]),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            0..0x20 => {
                out.extend_from_slice(b"\\u00");
                out.push(HEX[usize::from(byte >> 4)]);
                out.push(HEX[usize::from(byte & 15)]);
            }
            _ => out.push(byte),
        }
    }
    out.push(b'"');
}

#[cfg(test)]
mod tests;
