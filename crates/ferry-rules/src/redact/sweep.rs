//! The one pass over a text that finds where it is worth to look: runs of digits, long words, `@`, dashes, odd characters.
//!
//! Each byte becomes a few bits, and bits beside one another become signs, a word of 64 bytes at a time. So the pass costs the
//! same whatever stands in the text, and a detector sees only the few places that may begin a value. It decides nothing.

use super::marks::{BLOCK, Bits, Marks, is_lead};

/// Why a place is worth a look. A place may have several signs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sign {
    /// The first of six digits or more.
    Digits,
    /// A space, hyphen or dot between two digits.
    Joint,
    /// The first of sixteen letters, digits, `_` and `-`, or more.
    Word,
    /// A spelling that detectors do not read begins at this place, or at the next.
    Odd,
    /// `@` between letters or digits.
    At,
    /// A colon behind a letter or digit, and before one or another colon, with more near it.
    Colon,
    /// The last byte of a character beyond ASCII before a letter.
    Plate,
    /// The first of four hyphens or more.
    Dashes,
}

/// Hands every place that has a sign to `each`, in order.
pub(super) fn sweep(bytes: &[u8], mut each: impl FnMut(&Place<'_>)) {
    let (blocks, rest) = bytes.as_chunks::<BLOCK>();
    let (mut last, nothing) = ([0; BLOCK], [0; BLOCK]);
    for (slot, byte) in last.iter_mut().zip(rest) {
        *slot = *byte;
    }
    let block = |index: usize| match blocks.get(index) {
        Some(block) => block,
        None if index == blocks.len() => &last,
        None => &nothing,
    };
    let mut marks = [Marks::NOTHING; 3];
    let [before, here, after] = &mut marks;
    let (mut before, mut here, mut after) = (before, here, after);
    here.read(block(0));
    // Where the next `@` or backslash stands: rare enough to be looked for by itself.
    let next = |from: usize| {
        let ahead = memchr::memchr2(b'@', b'\\', bytes.get(from..).unwrap_or_default());
        ahead.map_or(usize::MAX, |ahead| from + ahead)
    };
    let mut odd = next(0);
    for index in 0..bytes.len().div_ceil(BLOCK) {
        after.read(block(index + 1));
        let start = index * BLOCK;
        let has_odd = odd < start + BLOCK;
        if has_odd {
            odd = next(start + BLOCK);
        }
        let is_worth_it = has_odd || Near { bytes, start, before, here, after }.may_have_signs();
        if is_worth_it {
            before.complete();
            here.complete();
            after.complete();
        }
        let near = Near { bytes, start, before, here, after };
        for half in 0..2 {
            if is_worth_it {
                let sides = near.sides(half);
                report(&near, half, &sides, &near.signs(half, &sides), &mut each);
            } else if near.here.high[half] != 0 {
                let signs = [0, 0, 0, near.wide(half), 0, 0, 0, 0];
                report(&near, half, &Sides::NONE, &signs, &mut each);
            }
        }
        (before, here, after) = (here, after, before);
    }
}

/// A block with those beside it.
#[derive(Debug)]
struct Near<'a> {
    bytes: &'a [u8],
    /// Where the block begins.
    start: usize,
    before: &'a Marks,
    here: &'a Marks,
    after: &'a Marks,
}

/// A place with a sign, and what stands on both sides of it.
#[derive(Debug)]
pub(super) struct Place<'a> {
    sides: &'a Sides,
    signs: &'a Signs,
    /// Where it is in the text.
    pub at: usize,
    /// Where it is in the 64 bytes of the sides.
    bit: u32,
}

impl Place<'_> {
    /// Whether the place has this sign.
    pub(super) fn has(&self, sign: Sign) -> bool {
        self.signs.get(sign as usize).is_some_and(|places| places & (1 << self.bit) != 0)
    }

    /// How many digits stand from `skipped` bytes behind the place on, at most 64 less those.
    pub(super) fn digits(&self, skipped: usize) -> usize {
        (self.sides.digit.from(self.bit) >> skipped).trailing_ones() as usize
    }

    /// How many digits stand right before the place, at most 64.
    pub(super) fn digits_before(&self) -> usize {
        self.sides.digit.until(self.bit).leading_ones() as usize
    }

    /// How many letters and digits stand from `skipped` bytes behind the place on, at most 64 less those.
    pub(super) fn alnums(&self, skipped: usize) -> usize {
        (self.sides.alnum.from(self.bit) >> skipped).trailing_ones() as usize
    }

    /// The colons from the place on, the place the lowest bit.
    pub(super) fn colons(&self) -> u64 {
        self.sides.colon.from(self.bit)
    }
}

/// What detectors may ask about what is around a place.
#[derive(Debug, Clone, Copy)]
struct Sides {
    digit: Words,
    alnum: Words,
    colon: Words,
}

impl Sides {
    const NONE: Self = Self { digit: Words::NONE, alnum: Words::NONE, colon: Words::NONE };
}

/// The places of each sign in 64 bytes, in the order of [`Sign`].
type Signs = [u64; 8];

fn report(
    near: &Near<'_>,
    half: usize,
    sides: &Sides,
    signs: &Signs,
    each: &mut impl FnMut(&Place<'_>),
) {
    let mut left = signs.iter().fold(0, |all, places| all | places);
    while left != 0 {
        let bit = left.trailing_zeros();
        each(&Place { sides, signs, at: near.start + half * 64 + bit as usize, bit });
        left &= left - 1;
    }
}

impl Near<'_> {
    /// A word of bits with those beside it.
    fn words(&self, half: usize, of: impl Fn(&Marks) -> &Bits) -> Words {
        let (first, second) = (of(self.here)[0], of(self.here)[1]);
        if half == 0 {
            Words { before: of(self.before)[1], here: first, after: second }
        } else {
            Words { before: first, here: second, after: of(self.after)[0] }
        }
    }

    fn sides(&self, half: usize) -> Sides {
        Sides {
            digit: self.words(half, |marks| &marks.digit),
            alnum: self.words(half, |marks| &marks.alnum),
            colon: self.words(half, |marks| &marks.colon),
        }
    }

    /// Whether anything but `@`, a backslash or a full-width letter may have a sign, by the marks that are always there. Most blocks of prose and
    /// of code have none.
    fn may_have_signs(&self) -> bool {
        self.here.has_dashes || self.may_have_signs_in(0) || self.may_have_signs_in(1)
    }

    #[inline]
    fn may_have_signs_in(&self, half: usize) -> bool {
        let wordly = self.words(half, |marks| &marks.wordly);
        if wordly.here | (wordly.before >> 48) | (wordly.after << 48) == 0 {
            return false;
        }
        let mut may = 0;
        // A run of sixteen fills one of the eights at least.
        if has_full_byte(wordly.here) || wordly.after & 0xff == 0xff {
            may |= wordly.runs(1).runs(2).runs(4).runs(8).here;
        }
        let digit = self.words(half, |marks| &marks.digit);
        if digit.here | digit.after != 0 {
            let pairs = digit.runs(1);
            may |= pairs.here & pairs.later(2) & pairs.later(4);
            may |= digit.earlier() & !digit.here & digit.later(1);
        }
        let colon = self.words(half, |marks| &marks.colon);
        if colon.here != 0 {
            let is_many = has_three(colon.here) || has_three(colon.after);
            may |= if is_many || has_gap(colon) { colon.here } else { 0 };
        }
        let high = self.words(half, |marks| &marks.high);
        if high.here | (high.after & 1) != 0 {
            may |= high.here & wordly.later(1);
            if may == 0 {
                let before_high = !high.here & high.later(1);
                may = self.confirmed(half, before_high, |rest| {
                    rest.get(1).is_some_and(|byte| is_lead(*byte))
                });
            }
        }
        may != 0
    }

    #[inline]
    fn signs(&self, half: usize, sides: &Sides) -> Signs {
        let Sides { digit, alnum, colon } = *sides;
        let word = self.words(half, |marks| &marks.word);
        let dash = self.words(half, |marks| &marks.dash);
        let high = self.here.high[half];
        let (joint, at) = (self.here.joint[half], self.here.at[half]);
        let pairs = digit.runs(1);
        let mut odd = (word.here | joint | at) & self.words(half, |marks| &marks.lead).later(1);
        let slash = self.here.slash[half] & alnum.later(1);
        if slash != 0 {
            odd |= self.confirmed(half, slash, |rest| rest.starts_with(b"\\u"));
        }
        if high != 0 {
            odd |= self.wide(half);
        }
        [
            pairs.here & pairs.later(2) & pairs.later(4) & !digit.earlier(),
            joint & digit.earlier() & digit.later(1),
            word.runs(1).runs(2).runs(4).runs(8).here & !word.earlier(),
            odd,
            at & word.earlier() & word.later(1),
            address_colons(colon, word),
            // A letter is no digit.
            high & alnum.later(1) & !digit.later(1),
            dash.runs(1).runs(2).here & !dash.earlier(),
        ]
    }

    /// Those of some places of a half that the text itself confirms.
    fn confirmed(&self, half: usize, places: u64, is: impl Fn(&[u8]) -> bool) -> u64 {
        let (mut left, mut confirmed) = (places, 0);
        while left != 0 {
            let place = self.start + half * 64 + left.trailing_zeros() as usize;
            if self.bytes.get(place..).is_some_and(&is) {
                confirmed |= left & left.wrapping_neg();
            }
            left &= left - 1;
        }
        confirmed
    }

    /// Where full-width letters and digits begin, and full-width `@`: U+FF10 to U+FF19, U+FF20 to U+FF3A, U+FF41 to U+FF5A.
    #[inline]
    fn wide(&self, half: usize) -> u64 {
        self.confirmed(half, self.here.wide[half], |rest| {
            matches!(
                rest,
                [0xef, 0xbc, 0x90..=0x99 | 0xa0..=0xba, ..] | [0xef, 0xbd, 0x81..=0x9a, ..]
            )
        })
    }
}

/// Whether one of the bytes of a word has all its bits.
const fn has_full_byte(word: u64) -> bool {
    const ONES: u64 = 0x0101_0101_0101_0101;
    (!word).wrapping_sub(ONES) & word & (ONES * 0x80) != 0
}

/// Whether a word has three bits or more; the standard count is slow on the smallest processors.
const fn has_three(word: u64) -> bool {
    let rest = word & word.wrapping_sub(1);
    rest & rest.wrapping_sub(1) != 0
}

/// Colons behind a letter or digit and before one or another colon, if there are as many near one another as an address has:
/// two together, or six.
fn address_colons(colon: Words, word: Words) -> u64 {
    let here = colon.here & word.earlier() & (word.later(1) | colon.later(1));
    if here == 0 {
        return 0;
    }
    let after = colon.after & ((word.after << 1) | (word.here >> 63));
    if has_gap(colon) || here.count_ones() + after.count_ones() >= 6 { here } else { 0 }
}

/// Whether two colons stand together, here or near enough behind that colons from here may belong to the same address.
const fn has_gap(colon: Words) -> bool {
    (colon.here & colon.later(1)) | (colon.after & (colon.after >> 1)) != 0
}

/// The answers to one question for 64 bytes, and for as many before and after.
#[derive(Debug, Clone, Copy)]
struct Words {
    before: u64,
    here: u64,
    after: u64,
}

impl Words {
    const NONE: Self = Self { before: 0, here: 0, after: 0 };

    /// The answers for what stands `by` bytes behind each; `by` is 1 to 63.
    const fn later(self, by: u32) -> u64 {
        (self.here >> by) | (self.after << (64 - by))
    }

    /// The answers for what stands right before each.
    const fn earlier(self) -> u64 {
        (self.here << 1) | (self.before >> 63)
    }

    /// Whether both a byte and the one `by` behind it are so; what lies beyond the later word counts as not.
    const fn runs(self, by: u32) -> Self {
        Self { before: 0, here: self.here & self.later(by), after: self.after & (self.after >> by) }
    }

    /// The answers from `bit` on, the first lowest.
    const fn from(self, bit: u32) -> u64 {
        (self.here >> bit) | ((self.after << 1) << (63 - bit))
    }

    /// The answers before `bit`, the last highest.
    const fn until(self, bit: u32) -> u64 {
        (self.before >> bit) | ((self.here << 1) << (63 - bit))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn places(text: &str, sign: Sign) -> Vec<usize> {
        let mut places = Vec::new();
        sweep(text.as_bytes(), |place| {
            if place.has(sign) {
                places.push(place.at);
            }
        });
        places
    }

    #[test]
    fn a_sign_stands_where_it_should_wherever_blocks_end() {
        let table = [
            ("123456", Sign::Digits, 0),
            ("1 2", Sign::Joint, 1),
            ("1.2", Sign::Joint, 1),
            ("a::b", Sign::Colon, 1),
            ("a::", Sign::Colon, 1),
            ("abcdefgh12345_-x", Sign::Word, 0),
            ("a@b", Sign::At, 1),
            ("-----BEGIN", Sign::Dashes, 0),
            ("京A", Sign::Plate, 2),
            ("８", Sign::Odd, 0),
            ("ｚ", Sign::Odd, 0),
            ("＠", Sign::Odd, 0),
            ("1\u{200b}2", Sign::Odd, 0),
            ("1\u{a0}2", Sign::Odd, 0),
            ("\\u0031", Sign::Odd, 0),
        ];
        for (text, sign, place) in table {
            for before in 0..2 * BLOCK + 40 {
                for filler in [" ", "。"] {
                    let head = filler.repeat(before / filler.len());
                    let whole = format!("{head}{text} ");
                    let found = places(&whole, sign);
                    assert!(found.contains(&(head.len() + place)), "{text} at {before}");
                    assert!(sign == Sign::Odd || found.len() == 1, "{text} at {before}");
                }
            }
        }
    }

    #[test]
    fn colons_have_a_sign_where_an_address_has_as_many() {
        for before in 0..2 * BLOCK + 40 {
            let head = " ".repeat(before);
            let address = format!("{head}1:2:3:4:5:6:7:8");
            assert!(places(&address, Sign::Colon).contains(&(before + 1)), "{before}");
            let gapped = format!("{head}2001:db8::");
            assert!(places(&gapped, Sign::Colon).contains(&(before + 4)), "{before}");
            assert!(places(&format!("{head}10:45:12"), Sign::Colon).is_empty(), "{before}");
        }
    }

    /// The signs that can be said of a few bytes, by the letter of what they are.
    fn by_the_letter(bytes: &[u8], sign: Sign, at: usize) -> bool {
        let is = |back: isize, kind: fn(u8) -> bool| {
            let place = at.checked_add_signed(back).and_then(|at| bytes.get(at));
            place.is_some_and(|byte| kind(*byte))
        };
        let digit = |byte: u8| byte.is_ascii_digit();
        let word = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
        let dash = |byte: u8| byte == b'-';
        match sign {
            Sign::Digits => (0..6).all(|ahead| is(ahead, digit)) && !is(-1, digit),
            Sign::Joint => {
                is(0, |b| matches!(b, b' ' | b'-' | b'.')) && is(-1, digit) && is(1, digit)
            }
            Sign::Word => (0..16).all(|ahead| is(ahead, word)) && !is(-1, word),
            Sign::At => is(0, |byte| byte == b'@') && is(-1, word) && is(1, word),
            Sign::Plate => is(0, |b| b >= 0x80) && is(1, |b| b.is_ascii_alphabetic()),
            Sign::Dashes => (0..4).all(|ahead| is(ahead, dash)) && !is(-1, dash),
            Sign::Odd | Sign::Colon => false,
        }
    }

    proptest! {
        #[test]
        fn every_place_has_the_signs_that_its_bytes_say(
            // Mostly filler, so that blocks have one sign or none.
            pieces in proptest::collection::vec(
                prop_oneof![
                    4 => "( [a-f]{2}){0,90}",
                    1 => "[0-9]{1,8}",
                    1 => "[0-9][ .-][0-9]",
                    1 => "[a-z_-]{1,18}",
                    1 => "[a-z]@[a-z]",
                    1 => "-{1,6}|[,.-]{1,5}",
                    1 => "京[A-Z]",
                    1 => "[京。，\u{200b}]{1,3}",
                ],
                0..20,
            ),
        ) {
            let text = pieces.concat();
            let signs =
                [Sign::Digits, Sign::Joint, Sign::Word, Sign::At, Sign::Plate, Sign::Dashes];
            for sign in signs {
                let said = (0..text.len()).filter(|at| by_the_letter(text.as_bytes(), sign, *at));
                prop_assert_eq!(places(&text, sign), said.collect::<Vec<_>>(), "{:?}", sign);
            }
        }
    }

    #[test]
    fn short_runs_and_punctuation_have_no_sign() {
        let text = "12345 abcdefghijklmno 一，二：三？ --- a: b @x 1, 2";
        sweep(text.as_bytes(), |place| {
            assert!(place.has(Sign::Plate) || place.has(Sign::Odd), "{}", place.at);
        });
    }
}
