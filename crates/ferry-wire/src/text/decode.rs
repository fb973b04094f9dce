//! Strings with escapes: what they say, and where each part of it stood.
//!
//! The map from decoded to raw offsets is a list of places behind escapes, one in [`MARK_BYTES`] at most; from the mark
//! before it an offset is found by decoding again. So the map is an eighth of the string at worst, and is read for
//! hits alone; a string without escapes needs none.
//! A fault's offset counts in the raw string.

use super::error::{Fault, FaultKind};

/// Bytes that are copied and looked through in one step.
const BLOCK: usize = 32;

/// Raw bytes between two marks at least: what is decoded again for a hit takes some 100 ns.
const MARK_BYTES: usize = 64;

const ONES: u64 = 0x0101_0101_0101_0101;

/// A place behind an escape.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Mark {
    decoded: u32,
    raw: u32,
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

    /// Decodes the raw string `raw`, which is valid UTF-8.
    pub(super) fn decode(&mut self, raw: &[u8]) -> Result<(&str, &[Mark]), Fault> {
        self.marks.clear();
        // No escape is shorter than what it stands for, and a block may be copied past the end.
        if self.bytes.len() < raw.len() + BLOCK {
            self.bytes.reserve_exact(raw.len() + BLOCK - self.bytes.len());
            self.bytes.resize(raw.len() + BLOCK, 0);
        }
        let (mut from, mut to) = (0, 0);
        let mut next_mark = MARK_BYTES;
        loop {
            let taken = copy_plain(raw, from, &mut self.bytes, to);
            from += taken;
            to += taken;
            if from >= raw.len() {
                break;
            }
            if let Some(letter) = raw.get(from + 1).and_then(|letter| short(*letter)) {
                if let Some(room) = self.bytes.get_mut(to) {
                    *room = letter;
                }
                (from, to) = (from + 2, to + 1);
            } else {
                let (character, taken) = escape(raw, from)?;
                from += taken;
                to += match self.bytes.get_mut(to..).and_then(<[u8]>::first_chunk_mut::<4>) {
                    Some(room) => character.encode_utf8(room).len(),
                    None => 0,
                };
            }
            if from >= next_mark {
                let offset = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
                self.marks.push(Mark { decoded: offset(to), raw: offset(from) });
                next_mark = from + MARK_BYTES;
            }
        }
        let decoded = self.bytes.get(..to).unwrap_or_default();
        // Cannot fail, since both the pieces and the characters between them are whole.
        let text = simdutf8::basic::from_utf8(decoded);
        Ok((text.map_err(|_invalid| FaultKind::BrokenEscape.at(0))?, &self.marks))
    }
}

/// Copies from one offset to the other until a backslash or the end; answers how many bytes.
fn copy_plain(raw: &[u8], from: usize, bytes: &mut [u8], to: usize) -> usize {
    let mut taken = 0;
    loop {
        let source = raw.get(from + taken..).unwrap_or_default();
        let Some(room) = bytes.get_mut(to + taken..) else { return taken };
        if let (Some(block), Some(room)) =
            (source.first_chunk::<BLOCK>(), room.first_chunk_mut::<BLOCK>())
        {
            *room = *block;
            if !has_backslash(block) {
                taken += BLOCK;
                continue;
            }
            return taken + backslash(block);
        }
        for (byte, room) in source.iter().zip(room) {
            if *byte == b'\\' {
                break;
            }
            *room = *byte;
            taken += 1;
        }
        return taken;
    }
}

#[expect(clippy::needless_bitwise_bool, reason = "without branches it becomes vector instructions")]
fn has_backslash(block: &[u8; BLOCK]) -> bool {
    block.iter().fold(false, |has, byte| has | (*byte == b'\\'))
}

/// How many bytes of a block stand before its first backslash.
fn backslash(block: &[u8; BLOCK]) -> usize {
    let mut before = 0;
    for word in block.as_chunks::<8>().0 {
        let other = u64::from_le_bytes(*word) ^ (ONES * 0x5c);
        // The lowest bit that is set is right; a borrow may set others above it.
        let zeros = other.wrapping_sub(ONES) & !other & (ONES * 0x80);
        if zeros != 0 {
            return before + (zeros.trailing_zeros() / 8) as usize;
        }
        before += 8;
    }
    BLOCK
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

fn hex4(raw: &[u8], at: usize) -> Option<u32> {
    raw.get(at..at + 4)?
        .iter()
        .try_fold(0, |value, byte| char::from(*byte).to_digit(16).map(|digit| (value << 4) | digit))
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
