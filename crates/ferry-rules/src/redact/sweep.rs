//! The one pass over a text that finds where it is worth to look: runs of digits, long words, `@`, dashes, odd characters.
//!
//! Each byte becomes a few marks, and marks beside one another become signs, in loops without branches that compilers turn
//! into vector instructions. So the pass costs the same whatever stands in the text, and a detector sees only the few places
//! that may begin a value. It decides nothing.

/// Bytes that are marked in one go; their marks stay in the nearest cache.
const BLOCK: usize = 128;

/// Bytes before a block of which the marks are needed.
const BEHIND: usize = 16;

/// Bytes after a block of which the marks are needed: the longest run that is asked for.
const AHEAD: usize = 16;

const SPAN: usize = BEHIND + BLOCK + AHEAD;

type Plane = [u8; SPAN];

/// One byte of signs for each byte of a block.
type Signs = [u8; BLOCK];

const NONE: Signs = [0; BLOCK];

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
        let inner = start.checked_sub(BEHIND).and_then(|from| bytes.get(from..from + SPAN));
        let filled = if let Some(inner) = inner.and_then(<[u8]>::first_chunk) {
            inner
        } else {
            fill(&mut window, bytes, start);
            &window
        };
        if is_wordless(filled) {
            wide_signs(filled, &mut signs);
        } else {
            planes.mark(filled);
            planes.runs(&mut signs);
            planes.pairs(filled, &mut signs);
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

fn report(signs: &Signs, start: usize, each: &mut impl FnMut(usize, Sign)) {
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

/// Whether there is no letter and no digit of ASCII, so that nothing but full-width ones can have a sign.
#[inline(never)]
fn is_wordless(window: &Plane) -> bool {
    let mut words = [0; SPAN];
    fill_plane(&mut words, window, |byte| {
        mark(byte.wrapping_sub(b'0') < 10) | mark((byte | 0x20).wrapping_sub(b'a') < 26)
    });
    let eights = words.as_chunks::<8>().0.iter();
    eights.fold(0, |any, eight| any | u64::from_le_bytes(*eight)) == 0
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
}

impl Planes {
    const fn new() -> Self {
        let blank = [0; SPAN];
        Self { digit: blank, letter: blank, word: blank, joint: blank, dash: blank }
    }

    #[inline(never)]
    fn mark(&mut self, window: &Plane) {
        fill_plane(&mut self.digit, window, |byte| mark(byte.wrapping_sub(b'0') < 10));
        fill_plane(&mut self.letter, window, |byte| mark((byte | 0x20).wrapping_sub(b'a') < 26));
        fill_plane(&mut self.dash, window, |byte| mark(byte == b'-'));
        for ((word, byte), (digit, letter)) in
            self.word.iter_mut().zip(window).zip(self.digit.iter().zip(&self.letter))
        {
            *word = digit | letter | mark(*byte == b'-') | mark(*byte == b'_');
        }
        for (joint, byte) in self.joint.iter_mut().zip(window) {
            *joint = mark(*byte == b'-') | mark(*byte == b' ') | mark(*byte == b'.');
        }
    }

    /// The signs that runs make.
    #[inline(never)]
    fn runs(&self, signs: &mut Signs) {
        let (word4, dash4) = (all_of_4(&self.word), all_of_4(&self.dash));
        let digit2 = both::<1>(&self.digit);
        let (two, four, six) = (view::<0>(&digit2), view::<2>(&digit2), view::<4>(&digit2));
        let before = before(&self.digit);
        for index in 0..BLOCK {
            let digits = two[index] & four[index] & six[index] & !before[index];
            signs[index] = digits & Sign::DIGITS.0;
        }
        let (first, second) = (view::<0>(&word4), view::<4>(&word4));
        let (third, fourth) = (view::<8>(&word4), view::<12>(&word4));
        let before_word = self::before(&self.word);
        for index in 0..BLOCK {
            let word = first[index] & second[index] & third[index] & fourth[index];
            signs[index] |= word & !before_word[index] & Sign::WORD.0;
        }
        let (dashes, before_dash) = (view::<0>(&dash4), self::before(&self.dash));
        for index in 0..BLOCK {
            signs[index] |= dashes[index] & !before_dash[index] & Sign::DASHES.0;
        }
    }

    /// The signs that two or three bytes make beside one another.
    #[inline(never)]
    fn pairs(&self, window: &Plane, signs: &mut Signs) {
        let (bytes, next, third) = (view::<0>(window), view::<1>(window), view::<2>(window));
        let (digit_before, digit_next) = (before(&self.digit), view::<1>(&self.digit));
        let (word_before, word, word_next) =
            (before(&self.word), view::<0>(&self.word), view::<1>(&self.word));
        let (joint, letter_next) = (view::<0>(&self.joint), view::<1>(&self.letter));
        for index in 0..BLOCK {
            let byte = bytes[index];
            let colon = mark(byte == b':') & (word_next[index] | mark(next[index] == b':'));
            let at = mark(byte == b'@') & word_next[index];
            signs[index] |=
                (digit_before[index] & joint[index] & digit_next[index] & Sign::JOINT.0)
                    | (word_before[index] & ((colon & Sign::COLON.0) | (at & Sign::AT.0)))
                    | (mark(byte >= 0x80) & letter_next[index] & Sign::PLATE.0);
        }
        for index in 0..BLOCK {
            let lead = is_odd_lead(next[index]);
            let near = (word[index] | joint[index] | mark(bytes[index] == b'@')) & lead;
            let escape = mark(bytes[index] == b'\\') & mark(next[index] == b'u');
            signs[index] |= (near | escape) & Sign::ODD.0;
        }
        add_wide(bytes, next, third, signs);
    }
}

fn fill_plane(plane: &mut Plane, window: &Plane, is: impl Fn(u8) -> u8) {
    for (slot, byte) in plane.iter_mut().zip(window) {
        *slot = is(*byte);
    }
}

/// What stands `AHEAD_BY` bytes after each place of the block.
fn view<const AHEAD_BY: usize>(plane: &Plane) -> &Signs {
    let (_, rest) = plane.split_at(BEHIND + AHEAD_BY);
    rest.first_chunk().unwrap_or(&NONE)
}

/// What stands before each place of the block.
fn before(plane: &Plane) -> &Signs {
    let (_, rest) = plane.split_at(BEHIND - 1);
    rest.first_chunk().unwrap_or(&NONE)
}

/// Whether a character that is written between the letters of a value, and does not belong to it, may begin so.
const fn is_odd_lead(byte: u8) -> u8 {
    let three_bytes = mark(byte.wrapping_sub(0xe1) < 3) | mark(byte.wrapping_sub(0xef) < 2);
    three_bytes | mark(byte == 0xc2) | mark(byte == 0xcd) | mark(byte == 0xd8) | mark(byte == 0xf3)
}

/// Adds the sign of full-width letters and digits, and of full-width `@`: U+FF10 to U+FF19, U+FF20 to U+FF3A, U+FF41 to
/// U+FF5A. Their last bytes are found first, since then each step is a vector instruction.
fn add_wide(bytes: &Signs, next: &Signs, third: &Signs, signs: &mut Signs) {
    let mut upper = [0; BLOCK];
    for (slot, byte) in upper.iter_mut().zip(third) {
        *slot = mark(byte.wrapping_sub(0x90) < 10) | mark(byte.wrapping_sub(0xa0) < 27);
    }
    let mut lower = [0; BLOCK];
    for (slot, byte) in lower.iter_mut().zip(third) {
        *slot = mark(byte.wrapping_sub(0x81) < 26);
    }
    for index in 0..BLOCK {
        upper[index] &= mark(next[index] == 0xbc);
        lower[index] &= mark(next[index] == 0xbd);
    }
    for index in 0..BLOCK {
        signs[index] |= mark(bytes[index] == 0xef) & (upper[index] | lower[index]) & Sign::ODD.0;
    }
}

/// The signs of a block without a letter or digit of ASCII.
#[inline(never)]
fn wide_signs(window: &Plane, signs: &mut Signs) {
    *signs = NONE;
    add_wide(view::<0>(window), view::<1>(window), view::<2>(window), signs);
}

/// Marks where this byte and the one `AHEAD_BY` of it are marked.
fn both<const AHEAD_BY: usize>(plane: &Plane) -> Plane {
    let mut pairs = [0; SPAN];
    let later = plane.get(AHEAD_BY..).unwrap_or_default();
    for ((pair, one), other) in pairs.iter_mut().zip(plane).zip(later) {
        *pair = one & other;
    }
    pairs
}

fn all_of_4(plane: &Plane) -> Plane {
    both::<2>(&both::<1>(plane))
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
                    let found = places(&whole, sign);
                    assert!(found.contains(&(head.len() + place)), "{text} at {before}");
                    assert!(sign == Sign::ODD || found.len() == 1, "{text} at {before}");
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
