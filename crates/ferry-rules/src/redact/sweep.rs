//! The one pass over a text that finds where it is worth to look: runs of digits, long words, `@`, dashes, odd characters.
//!
//! Each byte becomes a few marks, and marks beside one another become signs, in loops without branches that compilers turn
//! into vector instructions. So the pass costs the same whatever stands in the text, and a detector sees only the few places
//! that may begin a value. It decides nothing.

/// Bytes that are marked in one go; their marks stay in the nearest cache.
const BLOCK: usize = 256;

/// Bytes before a block of which the marks are needed.
const BEHIND: usize = 16;

/// Bytes after a block of which the marks are needed: the longest run that is asked for.
const AHEAD: usize = 16;

const SPAN: usize = BEHIND + BLOCK + AHEAD;

type Plane = [u8; SPAN];

/// Why a place is worth a look. A place may have several signs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Sign(u8);

impl Sign {
    /// The first of six digits or more.
    pub(super) const DIGITS: Self = Self(1);
    /// A space, hyphen or dot between two digits.
    pub(super) const JOINT: Self = Self(2);
    /// A colon behind a letter or digit, and before one or another colon.
    pub(super) const COLON: Self = Self(4);
    /// The first of sixteen letters, digits, `_` and `-`, or more.
    pub(super) const WORD: Self = Self(8);
    /// `@` between letters or digits.
    pub(super) const AT: Self = Self(16);
    /// The first of four hyphens or more.
    pub(super) const DASHES: Self = Self(32);
    /// The last byte of a character beyond ASCII before a letter.
    pub(super) const PLATE: Self = Self(64);
    /// A spelling that detectors do not read begins at this place, or at the next.
    pub(super) const ODD: Self = Self(128);

    /// Whether the place has this sign.
    pub(super) const fn has(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }
}

/// Hands every place that has a sign to `each`, in order.
pub(super) fn sweep(bytes: &[u8], mut each: impl FnMut(usize, Sign)) {
    let mut planes = Planes::new();
    let mut signs = [0; BLOCK];
    let mut window = [0; SPAN];
    let mut start = 0;
    while start < bytes.len() {
        let filled = match start.checked_sub(BEHIND).and_then(|from| bytes.get(from..from + SPAN)) {
            Some(inner) => <&Plane>::try_from(inner).unwrap_or(&window),
            None => {
                fill(&mut window, bytes, start);
                &window
            }
        };
        if is_all_high(filled) {
            wide_signs(filled, &mut signs);
        } else {
            planes.mark(filled);
            planes.signs(&mut signs);
            planes.odd_signs(filled, &mut signs);
        }
        report(&signs, start, &mut each);
        start += BLOCK;
    }
}

/// The bytes around `start`, with zeros where there are none.
fn fill(window: &mut Plane, bytes: &[u8], start: usize) {
    *window = [0; SPAN];
    let from = start.saturating_sub(BEHIND);
    let skipped = from + BEHIND - start;
    let rest = bytes.get(from..).unwrap_or_default();
    for (slot, byte) in window.iter_mut().skip(skipped).zip(rest) {
        *slot = *byte;
    }
}

fn report(signs: &[u8; BLOCK], start: usize, each: &mut impl FnMut(usize, Sign)) {
    for (index, word) in signs.as_chunks::<8>().0.iter().enumerate() {
        let mut left = u64::from_le_bytes(*word);
        while left != 0 {
            let byte = left.trailing_zeros() / 8;
            let sign = u8::try_from((left >> (byte * 8)) & 0xff).unwrap_or_default();
            each(start + index * 8 + byte as usize, Sign(sign));
            left &= !(0xff_u64 << (byte * 8));
        }
    }
}

fn is_all_high(window: &Plane) -> bool {
    window.iter().fold(0xff, |all, byte| all & byte) & 0x80 != 0
}

/// 0xff for true, so that marks combine without shifts.
const fn mark(is: bool) -> u8 {
    if is { 0xff } else { 0 }
}

/// Marks of every byte of a block, one array for each question.
struct Planes {
    digit: Plane,
    letter: Plane,
    word: Plane,
    joint: Plane,
    dash: Plane,
    colon: Plane,
}

impl Planes {
    const fn new() -> Self {
        let blank = [0; SPAN];
        Self { digit: blank, letter: blank, word: blank, joint: blank, dash: blank, colon: blank }
    }

    fn mark(&mut self, window: &Plane) {
        for index in 0..SPAN {
            let byte = window[index];
            let digit = mark(byte.wrapping_sub(b'0') < 10);
            let letter = mark((byte | 0x20).wrapping_sub(b'a') < 26);
            let dash = mark(byte == b'-');
            self.digit[index] = digit;
            self.letter[index] = letter;
            self.dash[index] = dash;
            self.word[index] = digit | letter | dash | mark(byte == b'_');
            self.joint[index] = dash | mark(byte == b' ') | mark(byte == b'.');
            self.colon[index] = mark(byte == b':');
        }
    }

    fn signs(&self, signs: &mut [u8; BLOCK]) {
        let (word4, dash4) = (all_of_4(&self.word), all_of_4(&self.dash));
        let digit2 = both(&self.digit, 1);
        for index in 0..BLOCK {
            let at = index + BEHIND;
            let digits = digit2[at] & digit2[at + 2] & digit2[at + 4] & !self.digit[at - 1];
            let words = word4[at] & word4[at + 4] & word4[at + 8] & word4[at + 12];
            let joint = self.digit[at - 1] & self.joint[at] & self.digit[at + 1];
            let colon = self.word[at - 1] & self.colon[at] & (self.word[at + 1] | self.colon[at + 1]);
            signs[index] = (digits & Sign::DIGITS.0)
                | (joint & Sign::JOINT.0)
                | (colon & Sign::COLON.0)
                | (words & !self.word[at - 1] & Sign::WORD.0)
                | (dash4[at] & !self.dash[at - 1] & Sign::DASHES.0);
        }
    }

    fn odd_signs(&self, window: &Plane, signs: &mut [u8; BLOCK]) {
        for index in 0..BLOCK {
            let at = index + BEHIND;
            let (byte, next) = (window[at], window[at + 1]);
            let plate = mark(byte >= 0x80) & self.letter[at + 1];
            let at_sign = self.word[at - 1] & mark(byte == b'@') & self.word[at + 1];
            let near = (self.word[at] | self.joint[at] | mark(byte == b'@')) & is_odd_lead(next);
            let escape = mark(byte == b'\\') & mark(next == b'u');
            signs[index] |= (plate & Sign::PLATE.0)
                | (at_sign & Sign::AT.0)
                | ((near | escape | is_wide(byte, next, window[at + 2])) & Sign::ODD.0);
        }
    }
}

/// Whether a character that is written between the letters of a value, and does not belong to it, may begin so.
const fn is_odd_lead(byte: u8) -> u8 {
    mark(byte == 0xc2) | mark(byte == 0xe2) | mark(byte == 0xe3) | mark(byte == 0xef)
}

/// A full-width letter or digit, or full-width `@`: U+FF10 to U+FF19, U+FF20 to U+FF3A, U+FF41 to U+FF5A.
const fn is_wide(first: u8, second: u8, third: u8) -> u8 {
    let upper = mark(third.wrapping_sub(0x90) < 10) | mark(third.wrapping_sub(0xa0) < 27);
    let lower = mark(third.wrapping_sub(0x81) < 26);
    mark(first == 0xef) & ((mark(second == 0xbc) & upper) | (mark(second == 0xbd) & lower))
}

/// The signs of a block without a byte of ASCII.
fn wide_signs(window: &Plane, signs: &mut [u8; BLOCK]) {
    for (index, sign) in signs.iter_mut().enumerate() {
        let at = index + BEHIND;
        *sign = is_wide(window[at], window[at + 1], window[at + 2]) & Sign::ODD.0;
    }
}

/// Marks where this byte and the one `ahead` of it are marked.
fn both(plane: &Plane, ahead: usize) -> Plane {
    let mut pairs = [0; SPAN];
    let later = plane.get(ahead..).unwrap_or_default();
    for ((pair, one), other) in pairs.iter_mut().zip(plane).zip(later) {
        *pair = one & other;
    }
    pairs
}

fn all_of_4(plane: &Plane) -> Plane {
    both(&both(plane, 1), 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(text: &str, sign: Sign) -> Vec<usize> {
        let mut places = Vec::new();
        sweep(text.as_bytes(), |at, found| {
            if found.has(sign) {
                places.push(at);
            }
        });
        places
    }

    #[test]
    fn a_sign_stands_where_it_should_wherever_blocks_end() {
        let table = [
            ("123456", Sign::DIGITS, 0),
            ("1 2", Sign::JOINT, 1),
            ("1.2", Sign::JOINT, 1),
            ("a:b", Sign::COLON, 1),
            ("a::", Sign::COLON, 1),
            ("abcdefgh12345_-x", Sign::WORD, 0),
            ("a@b", Sign::AT, 1),
            ("-----BEGIN", Sign::DASHES, 0),
            ("京A", Sign::PLATE, 2),
            ("８", Sign::ODD, 0),
            ("ｚ", Sign::ODD, 0),
            ("＠", Sign::ODD, 0),
            ("1\u{200b}2", Sign::ODD, 0),
            ("1\u{a0}2", Sign::ODD, 0),
            ("\\u0031", Sign::ODD, 0),
        ];
        for (text, sign, place) in table {
            for before in 0..2 * BLOCK + 40 {
                for filler in [" ", "。"] {
                    let head = filler.repeat(before / filler.len());
                    let whole = format!("{head}{text} ");
                    assert_eq!(places(&whole, sign), [head.len() + place], "{text} at {before}");
                }
            }
        }
    }

    #[test]
    fn short_runs_and_punctuation_have_no_sign() {
        let text = "12345 abcdefghijklmno 一，二：三？ --- a: b @x 1, 2";
        sweep(text.as_bytes(), |at, sign| {
            assert!(sign == Sign::PLATE || sign == Sign::ODD, "{sign:?} at {at}");
        });
    }
}
