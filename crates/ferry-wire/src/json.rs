//! The few JSON steps that the walks over foreign bytes share: where a string ends, what it says.
//!
//! They exist beside `serde_json` because the walks must keep the original bytes and their
//! offsets, and must work on pieces of a body. Nothing here validates a whole document.

use std::borrow::Cow;

use bytes::Bytes;
use memchr::memchr;
use serde::Deserialize;

pub(crate) mod cursor;

/// Bytes that are searched in one step: two registers of the smallest processor that Ferry is built for.
const BLOCK: usize = 32;

/// Blocks without a quote after which `memchr` goes on: in base64 it is faster, and so many bytes pay for its call.
const CLEAN_BLOCKS: u32 = 4;

/// Finds the closing quote of a string of which `bytes` is the next piece.
///
/// `escaped` carries over pieces: on entry, whether the first byte of `bytes` is escaped by a
/// backslash of the piece before; on exit without an end, the same for the piece to come.
/// Only quotes are searched for. A quote is escaped exactly when an odd run of backslashes stands
/// before it, so that `\n` and other escapes cost nothing; chat text has a quote every few words, so
/// that one must not cost a call.
pub(crate) fn string_end(bytes: &[u8], escaped: &mut bool) -> Option<usize> {
    let mut from = 0;
    let mut clean = 0;
    while let Some(block) = bytes.get(from..).and_then(<[u8]>::first_chunk::<BLOCK>) {
        if has_quote(block) {
            let around = from.checked_sub(2).and_then(|start| bytes.get(start..)?.first_chunk());
            if around.is_none_or(may_end)
                && let Some(end) = open_quote(bytes, from, block, *escaped)
            {
                *escaped = false;
                return Some(end);
            }
            clean = 0;
        } else {
            clean += 1;
        }
        from += BLOCK;
        if clean == CLEAN_BLOCKS {
            let rest = bytes.get(from..).unwrap_or_default();
            from += memchr(b'"', rest).unwrap_or(rest.len());
            clean = 0;
        }
    }
    let rest = bytes.get(from..).unwrap_or_default();
    let mut block = [0; BLOCK];
    for (slot, byte) in block.iter_mut().zip(rest) {
        *slot = *byte;
    }
    let end = open_quote(bytes, from, &block, *escaped);
    *escaped = end.is_none() && is_escaped(bytes, bytes.len(), *escaped);
    end
}

#[expect(clippy::needless_bitwise_bool, reason = "without branches it becomes vector instructions")]
fn has_quote(block: &[u8; BLOCK]) -> bool {
    block.iter().fold(false, |has, byte| has | (*byte == b'"'))
}

/// Whether a block, seen with the two bytes before it, has a quote behind anything but a single backslash. Most quotes
/// of chat text are escaped once; so they are passed over without a look at each.
#[expect(clippy::needless_bitwise_bool, reason = "without branches it becomes vector instructions")]
fn may_end(around: &[u8; BLOCK + 2]) -> bool {
    (0..BLOCK).fold(false, |may, index| {
        let is_escape = (around[index + 1] == b'\\') & (around[index] != b'\\');
        may | ((around[index + 2] == b'"') & !is_escape)
    })
}

/// The first quote of the block at `from` that is not escaped.
fn open_quote(bytes: &[u8], from: usize, block: &[u8; BLOCK], escaped: bool) -> Option<usize> {
    for (index, word) in block.as_chunks::<8>().0.iter().enumerate() {
        let mut quotes = zero_bytes(u64::from_le_bytes(*word) ^ (ONES * 0x22));
        while quotes != 0 {
            let at = from + index * 8 + (quotes.trailing_zeros() / 8) as usize;
            if !is_escaped(bytes, at, escaped) {
                return Some(at);
            }
            quotes &= quotes - 1;
        }
    }
    None
}

/// Whether an odd run of backslashes stands before `at`. One that reaches back to the first byte of this piece goes
/// on in the piece before, which says `first`.
fn is_escaped(bytes: &[u8], at: usize, first: bool) -> bool {
    let backslash =
        |index: usize| at.checked_sub(index).and_then(|at| bytes.get(at)) == Some(&b'\\');
    if at >= 2 && !(backslash(1) && backslash(2)) {
        return backslash(1);
    }
    let before = bytes.get(..at).unwrap_or_default();
    let run = before.iter().rev().take_while(|byte| **byte == b'\\').count();
    (run % 2 == 1) ^ (run == at && first)
}

/// A word with 1 in each byte.
pub(crate) const ONES: u64 = 0x0101_0101_0101_0101;

/// Marks the high bit of every byte that is zero, and no other.
const fn zero_bytes(word: u64) -> u64 {
    const LOWS: u64 = ONES * 0x7f;
    !(((word & LOWS) + LOWS) | word | LOWS)
}

/// Whether the raw (still escaped) member name `raw` says `name`.
pub(crate) fn key_is(raw: &[u8], name: &str) -> bool {
    // Escapes only make a name longer.
    raw == name.as_bytes()
        || (raw.len() > name.len()
            && memchr(b'\\', raw).is_some()
            && unescape(raw).is_some_and(|decoded| decoded.as_ref() == name.as_bytes()))
}

/// The text of a string with its quotes, when nothing in it is escaped and nothing would have to be.
pub(crate) fn plain_text(raw: &[u8]) -> Option<&str> {
    plain_inner(raw.strip_prefix(b"\"")?.strip_suffix(b"\"")?)
}

/// The same without its quotes.
#[expect(clippy::needless_bitwise_bool, reason = "without branches it becomes vector instructions")]
pub(crate) fn plain_inner(raw: &[u8]) -> Option<&str> {
    let is_plain = |byte: u8| (byte >= 0x20) & (byte != b'"') & (byte != b'\\');
    let plain = raw.iter().fold(true, |plain, byte| plain & is_plain(*byte));
    if plain { std::str::from_utf8(raw).ok() } else { None }
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

/// Up to where the letters of a string stand without an escape that may yet go on: of a surrogate pair, too.
pub(crate) fn whole_escapes(raw: &[u8]) -> usize {
    let mut from = 0;
    while let Some(ahead) = raw.get(from..).and_then(|rest| memchr(b'\\', rest)) {
        let at = from + ahead;
        let rest = raw.get(at..).unwrap_or_default();
        let goes_on = match rest.get(1) {
            None => true,
            Some(b'u') => {
                let is_high = || hex4(rest, 2).is_some_and(|unit| (0xd800..0xdc00).contains(&unit));
                let second = rest.get(6..).unwrap_or_default();
                rest.len() < 6
                    || (second.len() < 6
                        && b"\\u".starts_with(second.get(..2).unwrap_or(second))
                        && is_high())
            }
            Some(_) => false,
        };
        if goes_on {
            return at;
        }
        from = at + 2;
    }
    raw.len()
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

/// Four hexadecimal digits at a place.
pub(crate) fn hex4(raw: &[u8], at: usize) -> Option<u32> {
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
    out.push(b'"');
    push_escaped(out, text);
    out.push(b'"');
}

/// What stands between the quotes of `text` as a JSON string.
pub(crate) fn escaped(text: &str) -> Bytes {
    let mut escaped = Vec::with_capacity(text.len());
    push_escaped(&mut escaped, text);
    Bytes::from(escaped)
}

/// Appends what stands between the quotes of `text` as a JSON string.
pub(crate) fn push_escaped(out: &mut Vec<u8>, text: &str) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
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
}

#[cfg(test)]
mod tests;
