//! The name of a file, decoded as far as it has to be for being looked through, with the way back to its bytes.

use std::fmt;
use std::ops::Range;

use super::parameters::{Quotes, is_escape};
use crate::splice::{EditError, Edits};

/// How a name is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Spelling {
    /// `filename`. A percent sign in it is one: clients that mean an escape by it are few, and `%2` may begin a number.
    Quotes(Quotes),
    /// `filename*` (RFC 8187): `UTF-8''` and percent escapes.
    Percent,
}

/// Where a name stands in the body. Names are decoded when they are asked for: decoded ones take nine times their bytes.
#[derive(Debug)]
pub(super) struct WrittenName {
    pub(super) place: Range<usize>,
    pub(super) spelling: Spelling,
}

impl WrittenName {
    pub(super) fn decoded(&self, body: &[u8]) -> FileName {
        let raw = body.get(self.place.clone()).unwrap_or_default();
        FileName::new(raw, self.place.start, self.spelling)
    }
}

/// A name that a part gives its file.
pub struct FileName {
    text: String,
    /// For each byte of the text, and for its end, where it begins in the body.
    starts: Vec<usize>,
    spelling: Spelling,
}

/// Never prints a name.
impl fmt::Debug for FileName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FileName").field("spelling", &self.spelling).finish_non_exhaustive()
    }
}

impl FileName {
    /// The name written as `raw`, which stands at the offset `at` of the body.
    fn new(raw: &[u8], at: usize, spelling: Spelling) -> Self {
        let (bytes, mut places) = decoded(raw, spelling);
        places.push(raw.len());
        let (mut text, mut starts, mut next) = (String::new(), Vec::new(), 0);
        let start = |place: usize| at + places.get(place).copied().unwrap_or(raw.len());
        // Names in other charsets are rare and have ASCII in them all the same, so what is no UTF-8 stands for itself.
        for chunk in bytes.utf8_chunks() {
            text.push_str(chunk.valid());
            starts.extend((next..next + chunk.valid().len()).map(start));
            next += chunk.valid().len();
            if !chunk.invalid().is_empty() {
                text.push(char::REPLACEMENT_CHARACTER);
                starts.extend([start(next); char::REPLACEMENT_CHARACTER.len_utf8()]);
                next += chunk.invalid().len();
            }
        }
        starts.push(at + raw.len());
        Self { text, starts, spelling }
    }

    /// The name.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Puts each text in the place of a range of the name, in order; what the header could not carry, or no file system takes,
    /// becomes `_` in it.
    ///
    /// # Errors
    /// [`EditError`] when ranges overlap.
    pub fn put<'a>(
        &self,
        edits: &mut Edits,
        replacements: impl IntoIterator<Item = (Range<usize>, &'a str)>,
    ) -> Result<(), EditError> {
        let mut is_edited = false;
        for (range, text) in replacements {
            let range = self.raw(range.start)..self.raw(range.end);
            if !is_edited {
                self.put_quote(edits, 0)?;
            }
            is_edited = true;
            edits.put_raw(range, self.spelled(text).as_bytes())?;
        }
        if is_edited {
            self.put_quote(edits, self.text.len())?;
        }
        Ok(())
    }

    /// A name without quotes needs them for the brackets of a replacement.
    fn put_quote(&self, edits: &mut Edits, at: usize) -> Result<(), EditError> {
        if self.spelling != Spelling::Quotes(Quotes::None) {
            return Ok(());
        }
        let at = self.raw(at);
        edits.put_raw(at..at, b"\"")
    }

    fn raw(&self, decoded: usize) -> usize {
        let start = self.starts.get(decoded).or_else(|| self.starts.last());
        start.copied().unwrap_or_default()
    }

    fn spelled(&self, text: &str) -> String {
        let mut spelled = String::with_capacity(text.len());
        for character in text.chars() {
            let character = if is_carried(character) { character } else { '_' };
            if self.spelling == Spelling::Percent && !is_attribute(character) {
                for byte in character.encode_utf8(&mut [0; 4]).bytes() {
                    let digit = |half: u8| char::from(b"0123456789ABCDEF"[usize::from(half & 15)]);
                    spelled.extend(['%', digit(byte >> 4), digit(byte)]);
                }
            } else {
                spelled.push(character);
            }
        }
        spelled
    }
}

/// Whether a character may stand in the name of a file. The API refuses the same.
fn is_carried(character: char) -> bool {
    !character.is_control()
        && !matches!(character, '<' | '>' | ':' | '"' | '|' | '?' | '*' | '\\' | '/')
}

/// `attr-char` of RFC 8187, but for marks that no replacement needs.
const fn is_attribute(character: char) -> bool {
    character.is_ascii_alphanumeric() || matches!(character, '-' | '.' | '_')
}

/// The bytes of a name, and where each begins in `raw`.
fn decoded(raw: &[u8], spelling: Spelling) -> (Vec<u8>, Vec<usize>) {
    let (mut bytes, mut places) = (Vec::new(), Vec::new());
    let mut at = if spelling == Spelling::Percent { charset_len(raw) } else { 0 };
    while let Some(&byte) = raw.get(at) {
        let (byte, len) = match spelling {
            Spelling::Percent => escape(raw, at).map_or((byte, 1), |byte| (byte, 3)),
            Spelling::Quotes(Quotes::Escaped) if byte == b'\\' && is_escape(raw, at) => {
                (raw.get(at + 1).copied().unwrap_or(byte), 2)
            }
            Spelling::Quotes(_) => (byte, 1),
        };
        bytes.push(byte);
        places.push(at);
        at += len;
    }
    (bytes, places)
}

/// The length of `UTF-8'en'` before a name; without it all of it is the name.
fn charset_len(raw: &[u8]) -> usize {
    let mut quotes = raw.iter().enumerate().filter(|(_, byte)| **byte == b'\'');
    quotes.nth(1).map_or(0, |(at, _)| at + 1)
}

fn escape(raw: &[u8], at: usize) -> Option<u8> {
    let Some([b'%', high, low]) = raw.get(at..at + 3) else { return None };
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    Some(digit(*high)? << 4 | digit(*low)?)
}
