//! The steps of JSON on one contiguous body: white space, strings, scalars. Strict by the letter of RFC 8259, since
//! what one reader lets pass another may read otherwise.

use std::ops::Range;

use super::error::{Fault, FaultKind};
use crate::json::cursor::is_scalar;
use crate::json::{ONES, string_end};

/// Bytes that are looked at in one step.
pub(super) const BLOCK: usize = 32;

/// A string by its raw bytes, without the quotes.
#[derive(Clone, Debug)]
pub(super) struct Raw {
    pub range: Range<usize>,
    pub has_escape: bool,
}

/// A place in a body.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reader<'a> {
    pub body: &'a str,
    pub at: usize,
}

impl<'a> Reader<'a> {
    pub(super) const fn bytes(&self) -> &'a [u8] {
        self.body.as_bytes()
    }

    pub(super) fn slice(&self, range: &Range<usize>) -> &'a [u8] {
        self.bytes().get(range.start..range.end).unwrap_or_default()
    }

    /// The next byte that is no white space.
    pub(super) fn peek(&mut self) -> Option<u8> {
        let bytes = self.bytes();
        loop {
            match bytes.get(self.at) {
                Some(b' ' | b'\n' | b'\t' | b'\r') => self.at += 1,
                other => return other.copied(),
            }
        }
    }

    /// Takes the comma behind an element or the bracket `close`; answers whether it was the comma.
    pub(super) fn goes_on(&mut self, close: u8) -> Result<bool, Fault> {
        let next = self.peek();
        if next != Some(b',') && next != Some(close) {
            return Err(FaultKind::Unexpected.at(self.at));
        }
        self.at += 1;
        Ok(next == Some(b','))
    }

    /// Takes `byte` if it is next.
    pub(super) fn take(&mut self, byte: u8) -> bool {
        let is_next = self.peek() == Some(byte);
        self.at += usize::from(is_next);
        is_next
    }

    pub(super) fn expect(&mut self, byte: u8) -> Result<(), Fault> {
        if self.take(byte) { Ok(()) } else { Err(FaultKind::Unexpected.at(self.at)) }
    }

    /// Takes a string.
    pub(super) fn string(&mut self) -> Result<Raw, Fault> {
        self.expect(b'"')?;
        let start = self.at;
        let rest = self.bytes().get(start..).unwrap_or_default();
        let end = match short_end(rest) {
            Some(end) => {
                self.at = start + end + 1;
                return Ok(Raw { range: start..start + end, has_escape: false });
            }
            None => string_end(rest, &mut false),
        };
        let Some(end) = end else { return Err(FaultKind::Unexpected.at(self.body.len())) };
        let range = start..start + end;
        let raw = self.slice(&range);
        let (has_escape, has_control) = kinds(raw);
        if has_control {
            let ahead = raw.iter().position(|byte| *byte < 0x20).unwrap_or_default();
            return Err(FaultKind::Unexpected.at(start + ahead));
        }
        self.at = range.end + 1;
        Ok(Raw { range, has_escape })
    }

    /// Takes a number; answers where it stands.
    pub(super) fn number(&mut self) -> Result<Range<usize>, Fault> {
        let start = self.at;
        self.at += usize::from(self.next() == Some(b'-'));
        if self.next() == Some(b'0') {
            self.at += 1;
        } else {
            self.digits()?;
        }
        if self.next() == Some(b'.') {
            self.at += 1;
            self.digits()?;
        }
        if let Some(b'e' | b'E') = self.next() {
            self.at += 1;
            self.at += usize::from(matches!(self.next(), Some(b'+' | b'-')));
            self.digits()?;
        }
        Ok(start..self.at)
    }

    /// Takes `true`, `false` or `null`.
    pub(super) fn word(&mut self) -> Result<(), Fault> {
        let word: &[u8] = match self.next() {
            Some(b't') => b"true",
            Some(b'f') => b"false",
            Some(b'n') => b"null",
            _ => b"\0",
        };
        for letter in word {
            if self.next() != Some(*letter) {
                return Err(FaultKind::Unexpected.at(self.at));
            }
            self.at += 1;
        }
        Ok(())
    }

    /// Passes over a string without a look at what is in it; answers where that stands.
    pub(super) fn skip_string(&mut self) -> Option<Range<usize>> {
        if !self.take(b'"') {
            return None;
        }
        let rest = self.bytes().get(self.at..)?;
        let end = short_end(rest).or_else(|| string_end(rest, &mut false))?;
        let start = self.at;
        self.at = start + end + 1;
        Some(start..start + end)
    }

    /// Passes over a value by its quotes and brackets, whichever they are.
    pub(super) fn skip_value(&mut self) -> Option<()> {
        let mut depth = 0_usize;
        loop {
            match self.peek()? {
                b'"' => {
                    self.skip_string()?;
                }
                b'{' | b'[' => {
                    depth += 1;
                    self.at += 1;
                }
                b'}' | b']' => {
                    depth = depth.checked_sub(1)?;
                    self.at += 1;
                }
                b',' | b':' if depth == 0 => return None,
                b',' | b':' => self.at += 1,
                _ => {
                    let rest = self.bytes().get(self.at..)?;
                    self.at += rest.iter().take_while(|byte| is_scalar(**byte)).count().max(1);
                }
            }
            if depth == 0 {
                return Some(());
            }
        }
    }

    fn next(&self) -> Option<u8> {
        self.bytes().get(self.at).copied()
    }

    fn digits(&mut self) -> Result<(), Fault> {
        let rest = self.bytes().get(self.at..).unwrap_or_default();
        let n_digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        self.at += n_digits;
        if n_digits == 0 { Err(FaultKind::Unexpected.at(self.at)) } else { Ok(()) }
    }
}

const HIGHS: u64 = ONES * 0x80;

/// Marks the bytes of a word that end a string or a plain part of it: quotes, backslashes, control characters. The lowest
/// high bit that is set marks the first of these; a borrow may set others above it.
const fn specials_of(word: u64) -> u64 {
    let (quote, backslash) = (word ^ (ONES * 0x22), word ^ (ONES * 0x5c));
    let special = (quote.wrapping_sub(ONES) & !quote)
        | (backslash.wrapping_sub(ONES) & !backslash)
        | (word.wrapping_sub(ONES * 0x20) & !word);
    special & HIGHS
}

/// The end of a string of a few plain letters, as most names are: not worth a call.
fn short_end(rest: &[u8]) -> Option<usize> {
    let (words, _) = rest.get(..rest.len().min(BLOCK))?.as_chunks::<8>();
    let end = first_special(words)?;
    (rest.get(end) == Some(&b'"')).then_some(end)
}

/// Where the first special byte stands.
fn first_special(words: &[[u8; 8]]) -> Option<usize> {
    let mut before = 0;
    for word in words {
        let special = specials_of(u64::from_le_bytes(*word));
        if special != 0 {
            return Some(before + (special.trailing_zeros() / 8) as usize);
        }
        before += 8;
    }
    None
}

/// The special bytes of a block, each by the high bit of its byte.
#[inline]
pub(super) fn specials(block: &[u8; BLOCK]) -> [u64; BLOCK / 8] {
    let mut marks = [[0_u8; 8]; BLOCK / 8];
    for (mark, byte) in marks.as_flattened_mut().iter_mut().zip(block) {
        *mark = if is_special(*byte) { 0x80 } else { 0 };
    }
    marks.map(u64::from_le_bytes)
}

#[expect(clippy::needless_bitwise_bool, reason = "without branches it becomes vector instructions")]
const fn is_special(byte: u8) -> bool {
    (byte == b'"') | (byte == b'\\') | (byte < 0x20)
}

/// How many bytes stand before the first special one.
pub(super) fn plain(bytes: &[u8]) -> usize {
    let (blocks, rest) = bytes.as_chunks::<BLOCK>();
    for (index, block) in blocks.iter().enumerate() {
        let specials = specials(block);
        if let Some(word) = specials.iter().position(|word| *word != 0) {
            return index * BLOCK + word * 8 + (specials[word].trailing_zeros() / 8) as usize;
        }
    }
    bytes.len() - rest.len() + rest.iter().take_while(|byte| !is_special(**byte)).count()
}

/// Whether a raw string has escapes, and whether it has bare control characters.
fn kinds(raw: &[u8]) -> (bool, bool) {
    let (blocks, rest) = raw.as_chunks::<BLOCK>();
    // A lane for each byte of a block: so it becomes vector instructions.
    let mut escapes = [0_u8; BLOCK];
    let mut controls = [0_u8; BLOCK];
    for block in blocks {
        for ((byte, escape), control) in block.iter().zip(&mut escapes).zip(&mut controls) {
            *escape |= u8::from(*byte == b'\\');
            *control |= u8::from(*byte < 0x20);
        }
    }
    let is_set = |lanes: &[u8; BLOCK]| lanes.iter().any(|lane| *lane != 0);
    (
        is_set(&escapes) || rest.contains(&b'\\'),
        is_set(&controls) || rest.iter().any(|byte| *byte < 0x20),
    )
}
