//! Other spellings of the letters of a value: full-width, Unicode spaces, zero-width characters, escapes still literal.
//!
//! Around every place that has one, a piece of the text is written anew in plain letters, with a map back to the bytes of the
//! text, and the detectors read that piece as well. What has no such place is never copied.

use super::Kind;

/// How far a piece reaches beyond the odd characters in it: labels, separators and the rest of a value.
const MARGIN: usize = 128;

/// How much further it reaches to the end of a word, so that none is cut.
const WORD_MAX: usize = 512;

/// What a spelling stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Spelled {
    /// Nothing: a character without width.
    Nothing,
    /// A character.
    Char(char),
}

/// Pieces of a text to be read in plain letters: begin and end of each, sorted and apart.
#[derive(Debug, Default)]
pub(super) struct Windows {
    list: Vec<(usize, usize)>,
}

impl Windows {
    /// Forgets all pieces.
    pub(super) fn clear(&mut self) {
        self.list.clear();
    }

    /// Whether there is none.
    pub(super) fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// Adds what is around an odd character. Places come in order.
    pub(super) fn add(&mut self, place: usize, text: &str) {
        let end = place.saturating_add(MARGIN).min(text.len());
        match self.list.last_mut() {
            Some(last) if place.saturating_sub(MARGIN) <= last.1 => last.1 = last.1.max(end),
            _ => self.list.push((place.saturating_sub(MARGIN), end)),
        }
    }

    /// The pieces, each widened to whole words.
    pub(super) fn pieces<'a>(&'a self, text: &'a str) -> impl Iterator<Item = (usize, usize)> + 'a {
        self.list.iter().map(move |window| widened(*window, text))
    }

    /// Whether some piece has `start..end` inside, so that whoever reads the pieces judges it.
    pub(super) fn have(&self, text: &str, start: usize, end: usize) -> bool {
        // Windows are sorted and apart, so that only a few reach as far.
        let first = self.list.partition_point(|window| window.1 + WORD_MAX < start);
        let near = self.list.get(first..).unwrap_or_default().iter();
        near.take_while(|window| window.0 <= start + WORD_MAX).any(|window| {
            let (from, to) = widened(*window, text);
            (from < start || from == 0) && (end < to || to == text.len())
        })
    }
}

fn widened((start, end): (usize, usize), text: &str) -> (usize, usize) {
    let bytes = text.as_bytes();
    let head = bytes.get(start.saturating_sub(WORD_MAX)..start).unwrap_or_default();
    let before = head.iter().rev().take_while(|byte| is_inner(**byte)).count();
    let tail = bytes.get(end..(end + WORD_MAX).min(bytes.len())).unwrap_or_default();
    let after = tail.iter().take_while(|byte| is_inner(**byte)).count();
    (text.floor_char_boundary(start - before), text.ceil_char_boundary(end + after))
}

/// A byte that a value may have inside.
const fn is_inner(byte: u8) -> bool {
    !matches!(byte, b'\n' | b'"' | b',' | b'<' | b'>' | b';')
}

/// A piece of a text in plain letters, and where each letter comes from.
#[derive(Default)]
pub(super) struct Plain {
    pub text: String,
    parts: Vec<Part>,
}

/// Never prints a text.
impl std::fmt::Debug for Plain {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Plain").finish_non_exhaustive()
    }
}

/// A stretch of the plain text: copied as it was, or one character that stands for `start..end` of the original.
#[derive(Debug, Clone, Copy)]
struct Part {
    /// Where it begins in the plain text.
    plain: usize,
    start: usize,
    end: usize,
    is_copy: bool,
}

impl Plain {
    /// Writes `start..end` of `text` in plain letters.
    pub(super) fn read(&mut self, text: &str, start: usize, end: usize) {
        self.text.clear();
        self.parts.clear();
        let (mut place, mut copied) = (start, start);
        let bytes = text.as_bytes();
        while place < end {
            let Some((spelled, size)) = spelling(bytes, place) else {
                place += 1;
                continue;
            };
            self.copy(text, copied, place);
            if let Spelled::Char(character) = spelled {
                let plain = self.text.len();
                self.parts.push(Part { plain, start: place, end: place + size, is_copy: false });
                self.text.push(character);
            }
            place += size;
            copied = place;
        }
        self.copy(text, copied, end.max(copied));
    }

    fn copy(&mut self, text: &str, start: usize, end: usize) {
        if let Some(piece) = text.get(start..end).filter(|piece| !piece.is_empty()) {
            self.parts.push(Part { plain: self.text.len(), start, end, is_copy: true });
            self.text.push_str(piece);
        }
    }

    /// Where `start..end` of the plain text stands in the original.
    pub(super) fn origin(&self, start: usize, end: usize) -> Option<(usize, usize)> {
        let (first, last) = (self.part(start)?, self.part(end.checked_sub(1)?)?);
        let begin = if first.is_copy { first.start + (start - first.plain) } else { first.start };
        let stop = if last.is_copy { last.start + (end - last.plain) } else { last.end };
        Some((begin, stop))
    }

    fn part(&self, plain: usize) -> Option<&Part> {
        let index = self.parts.partition_point(|part| part.plain <= plain);
        self.parts.get(index.checked_sub(1)?)
    }
}

/// Whether an odd spelling begins at `place`.
pub(super) fn is_odd(text: &str, place: usize) -> bool {
    spelling(text.as_bytes(), place).is_some()
}

/// Whether an odd spelling ends at `place`.
pub(super) fn is_behind_odd(text: &str, place: usize) -> bool {
    let byte = |back: usize| place.checked_sub(back).and_then(|at| text.as_bytes().get(at));
    // The end of a character beyond ASCII, or of `\uXXXX`.
    let may_be = byte(1).is_some_and(|last| *last >= 0x80) || byte(5) == Some(&b'u');
    may_be
        && (2..=7).filter_map(|back| place.checked_sub(back)).any(|start| {
            spelling(text.as_bytes(), start).is_some_and(|(_, size)| start + size == place)
        })
}

/// What the bytes from `place` on stand for, and how many they are, if that is no plain letter.
fn spelling(bytes: &[u8], place: usize) -> Option<(Spelled, usize)> {
    let first = *bytes.get(place)?;
    if !matches!(first, b'\\' | 0xc2 | 0xe2 | 0xe3 | 0xef) {
        return None;
    }
    if first == b'\\' {
        return escape(bytes, place);
    }
    let size = if first == 0xc2 { 2 } else { 3 };
    let character = std::str::from_utf8(bytes.get(place..place + size)?).ok()?.chars().next()?;
    Some((plain(character)?, size))
}

/// `\uXXXX` behind any number of backslashes: one for each time that the text was escaped.
fn escape(bytes: &[u8], place: usize) -> Option<(Spelled, usize)> {
    let (character, size) = escaped(bytes, place)?;
    Some((plain(character).unwrap_or(Spelled::Char(character)), size))
}

/// The character of such an escape, and how many bytes it takes.
fn escaped(bytes: &[u8], place: usize) -> Option<(char, usize)> {
    const DEPTH_MAX: usize = 16;
    let rest = bytes.get(place..)?;
    let slashes = rest.iter().take(DEPTH_MAX).take_while(|byte| **byte == b'\\').count();
    if slashes == 0 || rest.get(slashes) != Some(&b'u') {
        return None;
    }
    let digits = std::str::from_utf8(rest.get(slashes + 1..slashes + 5)?).ok()?;
    let is_hex = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    let code = if is_hex { u32::from_str_radix(digits, 16).ok()? } else { return None };
    Some((char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER), slashes + 5))
}

/// What a value with escapes that are still literal says, all else as it is; nothing when it has none.
pub(super) fn unescaped(value: &str) -> Option<String> {
    let mut out = String::new();
    let mut copied = 0;
    for at in memchr::memchr_iter(b'\\', value.as_bytes()) {
        // Of several backslashes the first is the escape's.
        if at >= copied
            && let Some((character, size)) = escaped(value.as_bytes(), at)
        {
            out.push_str(value.get(copied..at)?);
            out.push(character);
            copied = at + size;
        }
    }
    if copied == 0 {
        return None;
    }
    out.push_str(value.get(copied..)?);
    Some(out)
}

/// Whether a character is another way to write a plain letter, or to part two.
pub(super) fn is_spelled_otherwise(character: char) -> bool {
    plain(character).is_some()
}

/// The plain letter of a character, if it is another way to write one.
fn plain(character: char) -> Option<Spelled> {
    let ascii = |code: u32| char::from_u32(code).map(Spelled::Char);
    match character {
        // Full-width forms have the order of ASCII.
        '\u{ff01}'..='\u{ff5e}' => ascii(u32::from(character) - 0xff00 + 0x20),
        '\u{a0}' | '\u{2000}'..='\u{200a}' | '\u{202f}' | '\u{205f}' | '\u{3000}' => {
            Some(Spelled::Char(' '))
        }
        '\u{2010}'..='\u{2015}' | '\u{2212}' => Some(Spelled::Char('-')),
        '\u{ad}'
        | '\u{200b}'..='\u{200f}'
        | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{2064}'
        | '\u{feff}'
        | '\u{2066}'..='\u{2069}' => Some(Spelled::Nothing),
        _ => None,
    }
}

/// The one form of a value that all its spellings share: `138 0013 8000`, full-width digits, escapes and zero-width
/// characters give what `13800138000` gives.
pub fn normalise(kind: Kind, value: &str) -> String {
    let mut read = Plain::default();
    read.read(value, 0, value.len());
    let plain = read.text;
    match kind {
        Kind::CnId
        | Kind::BankCard
        | Kind::HkId
        | Kind::MoId
        | Kind::TwId
        | Kind::CnPassport
        | Kind::TravelPermit
        | Kind::CnUscc
        | Kind::Iban => plain
            .chars()
            .filter(char::is_ascii_alphanumeric)
            .map(|c| c.to_ascii_uppercase())
            .collect(),
        Kind::CnPhone => {
            let digits: String = plain.chars().filter(char::is_ascii_digit).collect();
            let number = digits.len().checked_sub(11).and_then(|from| digits.get(from..));
            number.map_or_else(|| digits.clone(), str::to_owned)
        }
        Kind::CnPlate => plain.chars().filter(|c| c.is_alphanumeric()).collect(),
        Kind::Email => match plain.rsplit_once('@') {
            Some((local, domain)) => format!("{local}@{}", domain.to_ascii_lowercase()),
            None => plain,
        },
        Kind::IpAddress => plain.to_ascii_lowercase(),
        Kind::ApiKey | Kind::PrivateKey | Kind::Custom(_) => plain,
    }
}
