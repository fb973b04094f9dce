//! Strings with escapes: what they say, and where each part of it stood.
//!
//! The map from decoded to raw offsets is a list of places behind escapes, one in [`MARK_BYTES`] at most; from the mark
//! before it an offset is found by decoding again. So the map is an eighth of the string at worst, and is read for
//! hits alone; a string without escapes needs none.
//! A fault's offset counts in the raw string.

use super::error::{Fault, FaultKind};
use super::reader::{BLOCK, specials};
use crate::json::hex4;

/// Raw bytes between two marks at least: what is decoded again for a hit takes some 100 ns.
const MARK_BYTES: usize = 64;

/// Blocks that are decoded in one go.
const BLOCKS_MAX: usize = 512;

/// Room for a string that is not known to be longer.
const ROOM_BYTES: usize = 64 * 1024;

/// A place behind an escape.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Mark {
    decoded: u32,
    raw: u32,
}

impl Mark {
    fn new(decoded: usize, raw: usize) -> Self {
        let offset = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
        Self { decoded: offset(decoded), raw: offset(raw) }
    }
}

/// Where the byte at the offset `decoded` of a decoded string begins in the raw one.
pub(super) fn raw_offset(raw: &[u8], marks: &[Mark], decoded: usize) -> usize {
    let behind = marks.partition_point(|mark| mark.decoded as usize <= decoded);
    let mark = behind.checked_sub(1).and_then(|index| marks.get(index));
    let mark = mark.copied().unwrap_or_default();
    let (mut at, mut left) = (mark.raw as usize, decoded - mark.decoded as usize);
    // Behind this every escape has a mark, so that what is left is plain, however long it is.
    let end = at + MARK_BYTES;
    while left > 0 && at < end {
        let rest = raw.get(at..end.min(raw.len())).unwrap_or_default();
        let Some(plain) = memchr::memchr(b'\\', rest).filter(|plain| *plain < left) else { break };
        at += plain;
        left -= plain;
        // The string was decoded before, so that the escape is whole.
        let Ok((character, taken)) = escape(raw, at) else { break };
        at += taken;
        left = left.saturating_sub(character.len_utf8());
    }
    at + left
}

/// The buffer for one decoded string and its map.
#[derive(Debug, Default)]
pub(super) struct Decoded {
    /// Its length only grows, so that it is filled with zeros once.
    bytes: Vec<u8>,
    marks: Vec<Mark>,
}

impl Decoded {
    pub(super) fn shrink(&mut self, bytes_max: usize) {
        if self.bytes.len() > bytes_max {
            self.bytes = Vec::new();
        }
        self.marks.clear();
        self.marks.shrink_to(bytes_max / size_of::<Mark>());
    }

    #[cfg(test)]
    pub(super) fn capacity(&self) -> usize {
        self.marks.capacity() * size_of::<Mark>() + self.bytes.capacity()
    }

    /// Decodes the string that `rest` begins with, up to its closing quote. `rest` is valid UTF-8, and its first `plain`
    /// bytes are known to be neither quote nor escape. Answers also how long the raw string is.
    pub(super) fn decode(
        &mut self,
        rest: &[u8],
        plain: usize,
    ) -> Result<(usize, &str, &[Mark]), Fault> {
        self.marks.clear();
        self.reserve(plain, rest.len());
        let (from, to) = (rest.get(..plain), self.bytes.get_mut(..plain));
        if let (Some(from), Some(to)) = (from, to) {
            to.copy_from_slice(from);
        }
        let mut writer = Writer { from: plain, to: plain, next_mark: MARK_BYTES };
        let mut at = plain;
        let end = loop {
            // Blocks with two more behind them, so that a copy of a whole one never ends in the middle.
            let count = ((rest.len() - at) / BLOCK).saturating_sub(2).min(BLOCKS_MAX);
            self.reserve(writer.to + count * BLOCK, rest.len());
            if count == 0 {
                break self.last(rest, &mut writer)?;
            }
            let blocks = rest.get(at..at + count * BLOCK).unwrap_or_default();
            if let Some(end) = self.blocks(rest, (at, blocks), &mut writer)? {
                break end;
            }
            at += count * BLOCK;
        };
        let decoded = self.bytes.get(..writer.to).unwrap_or_default();
        // Cannot fail, since both the pieces and the characters between them are whole.
        let text = simdutf8::basic::from_utf8(decoded);
        Ok((end, text.map_err(|_invalid| FaultKind::BrokenEscape.at(0))?, &self.marks))
    }

    /// Decodes blocks that begin at `at`; answers where the closing quote is. They are looked through where they stand, so
    /// that no look waits for what the escape before it is.
    fn blocks(
        &mut self,
        rest: &[u8],
        (at, blocks): (usize, &[u8]),
        writer: &mut Writer,
    ) -> Result<Option<usize>, Fault> {
        let Self { bytes, marks } = self;
        let (mut from, mut to, mut next_mark) = (writer.from, writer.to, writer.next_mark);
        let mut start = at;
        for block in blocks.as_chunks::<BLOCK>().0 {
            let mut before = start;
            let specials = specials(block);
            let has_none = specials.iter().fold(0, |all, word| all | word) == 0;
            if has_none && from == start {
                if let Some(room) = bytes.get_mut(to..).and_then(<[u8]>::first_chunk_mut) {
                    *room = *block;
                }
                (start, from, to) = (start + BLOCK, from + BLOCK, to + BLOCK);
                continue;
            }
            for word in specials {
                let mut left = word;
                while left != 0 {
                    let place = before + (left.trailing_zeros() / 8) as usize;
                    left &= left - 1;
                    if place < from {
                        // An escape has taken it.
                        continue;
                    }
                    copy(rest, from, bytes, to);
                    to += place - from;
                    match rest.get(place) {
                        Some(b'\\') => {}
                        Some(b'"') => {
                            writer.to = to;
                            return Ok(Some(place));
                        }
                        _ => return Err(FaultKind::Unexpected.at(place)),
                    }
                    if let Some(letter) = rest.get(place + 1).and_then(|letter| short(*letter)) {
                        if let Some(room) = bytes.get_mut(to) {
                            *room = letter;
                        }
                        (from, to) = (place + 2, to + 1);
                    } else {
                        let (character, taken) = escape(rest, place)?;
                        from = place + taken;
                        to += put(character, bytes, to);
                    }
                    if from >= next_mark {
                        marks.push(Mark::new(to, from));
                        next_mark = from + MARK_BYTES;
                    }
                }
                before += 8;
            }
            start += BLOCK;
            if from < start {
                copy(rest, from, bytes, to);
                to += start - from;
                from = start;
            }
        }
        *writer = Writer { from, to, next_mark };
        Ok(None)
    }

    /// Decodes what is left, which is short.
    fn last(&mut self, rest: &[u8], writer: &mut Writer) -> Result<usize, Fault> {
        loop {
            let byte = rest.get(writer.from).copied();
            match byte {
                Some(b'"') => return Ok(writer.from),
                Some(b'\\') => {
                    let (character, taken) = escape(rest, writer.from)?;
                    writer.from += taken;
                    writer.to += put(character, &mut self.bytes, writer.to);
                    if writer.from >= writer.next_mark {
                        self.marks.push(Mark::new(writer.to, writer.from));
                        writer.next_mark = writer.from + MARK_BYTES;
                    }
                }
                Some(byte @ 0x20..) => {
                    if let Some(room) = self.bytes.get_mut(writer.to) {
                        *room = byte;
                    }
                    writer.from += 1;
                    writer.to += 1;
                }
                _ => return Err(FaultKind::Unexpected.at(writer.from)),
            }
        }
    }

    /// Makes room for four blocks behind `to`. No escape is shorter than what it stands for, so that more than `bytes_max` and
    /// as many is never needed.
    fn reserve(&mut self, to: usize, bytes_max: usize) {
        const MARGIN: usize = 4 * BLOCK;
        if self.bytes.len() < to + MARGIN {
            let room = (to * 2).max(ROOM_BYTES).min(bytes_max) + MARGIN;
            self.bytes.reserve_exact(room - self.bytes.len());
            self.bytes.resize(room, 0);
        }
    }
}

/// How far a string is decoded.
struct Writer {
    from: usize,
    to: usize,
    next_mark: usize,
}

/// Copies a block; what is too much of it is written over.
#[inline]
fn copy(rest: &[u8], from: usize, bytes: &mut [u8], to: usize) {
    if let (Some(source), Some(room)) =
        (rest.get(from..from + BLOCK), bytes.get_mut(to..to + BLOCK))
    {
        room.copy_from_slice(source);
    }
}

/// Writes a character; answers how long it is.
fn put(character: char, bytes: &mut [u8], to: usize) -> usize {
    let room = bytes.get_mut(to..).and_then(<[u8]>::first_chunk_mut::<4>);
    room.map_or(0, |room| character.encode_utf8(room).len())
}

/// The character that the escape at `at` stands for, and the bytes it takes.
fn escape(raw: &[u8], at: usize) -> Result<(char, usize), Fault> {
    match raw.get(at + 1) {
        Some(b'u') => unicode(raw, at),
        Some(letter) if let Some(plain) = short(*letter) => Ok((char::from(plain), 2)),
        _ => Err(FaultKind::BrokenEscape.at(at)),
    }
}

/// What an escape of one letter stands for; none stands for zero.
const SHORT: [u8; 256] = {
    let mut short = [0; 256];
    short[b'n' as usize] = b'\n';
    short[b'"' as usize] = b'"';
    short[b'\\' as usize] = b'\\';
    short[b'/' as usize] = b'/';
    short[b't' as usize] = b'\t';
    short[b'r' as usize] = b'\r';
    short[b'b' as usize] = 0x8;
    short[b'f' as usize] = 0xc;
    short
};

#[inline]
fn short(letter: u8) -> Option<u8> {
    let plain = SHORT[usize::from(letter)];
    (plain != 0).then_some(plain)
}

fn unicode(raw: &[u8], at: usize) -> Result<(char, usize), Fault> {
    let high = hex4(raw, at + 2).ok_or_else(|| FaultKind::BrokenEscape.at(at))?;
    if let Some(character) = char::from_u32(high) {
        return Ok((character, 6));
    }
    let lone = FaultKind::LoneSurrogate.at(at);
    if !(0xd800..0xdc00).contains(&high) || raw.get(at + 6..at + 8) != Some(b"\\u") {
        return Err(lone);
    }
    let low = hex4(raw, at + 8).ok_or_else(|| FaultKind::BrokenEscape.at(at + 6))?;
    if !(0xdc00..0xe000).contains(&low) {
        return Err(lone);
    }
    // RFC 8259 section 7: a pair stands for one code point above U+FFFF.
    let pair = 0x1_0000 + ((high - 0xd800) << 10) + (low - 0xdc00);
    char::from_u32(pair).map(|character| (character, 12)).ok_or(lone)
}

/// Hands every decoded piece of a short string to `each`.
pub(super) fn decode_each(raw: &[u8], mut each: impl FnMut(&[u8])) -> Result<(), Fault> {
    let mut from = 0;
    while let Some(ahead) = memchr::memchr(b'\\', raw.get(from..).unwrap_or_default()) {
        each(raw.get(from..from + ahead).unwrap_or_default());
        let (character, taken) = escape(raw, from + ahead)?;
        each(character.encode_utf8(&mut [0; 4]).as_bytes());
        from += ahead + taken;
    }
    each(raw.get(from..).unwrap_or_default());
    Ok(())
}

/// Checks the escapes of a string that nobody reads. Half a surrogate pair is right by the letter of RFC 8259.
pub(super) fn check(raw: &[u8]) -> Result<(), Fault> {
    let mut from = 0;
    while let Some(ahead) = memchr::memchr(b'\\', raw.get(from..).unwrap_or_default()) {
        from += ahead;
        from += match escape(raw, from) {
            Ok((_, taken)) => taken,
            Err(Fault { kind: FaultKind::LoneSurrogate, .. }) => 6,
            Err(fault) => return Err(fault),
        };
    }
    Ok(())
}
