//! A text as detectors read it: bytes anywhere, runs of digits, and what may stand beside a value.
//!
//! The neighbours are judged here and nowhere else, since `\b` of regular expressions is wrong beside Chinese characters and
//! beside `_`. Nothing here reads further than it is told.

/// More digits than any value has: a run is not measured beyond.
pub(super) const RUN_MAX: usize = 40;

/// The longest list of parameters that a terminal's colour has: two colours of three numbers.
const PARAMETERS_MAX: usize = 40;

/// The last byte of U+009B, which begins a control sequence as `ESC [` does.
pub(super) const C1_LAST: u8 = 0x9b;

/// The bytes of a text.
#[derive(Debug, Clone, Copy)]
pub(super) struct Text<'a> {
    pub bytes: &'a [u8],
}

impl<'a> Text<'a> {
    /// The byte at a place, or zero where the text has none.
    pub(super) fn at(self, place: usize) -> u8 {
        self.bytes.get(place).copied().unwrap_or_default()
    }

    /// The byte `back` places before, or zero where the text has none.
    pub(super) fn before(self, place: usize, back: usize) -> u8 {
        place.checked_sub(back).map_or(0, |place| self.at(place))
    }

    /// A piece of the text, as far as the text goes.
    pub(super) fn slice(self, start: usize, end: usize) -> &'a [u8] {
        self.bytes.get(start..end.min(self.bytes.len())).unwrap_or_default()
    }

    /// Whether the text goes on with `literal`.
    pub(super) fn has(self, place: usize, literal: &[u8]) -> bool {
        self.bytes.get(place..).is_some_and(|rest| rest.starts_with(literal))
    }

    /// Whether the text before a place ends with `literal`.
    pub(super) fn ends(self, place: usize, literal: &[u8]) -> bool {
        self.bytes.get(..place).is_some_and(|head| head.ends_with(literal))
    }

    /// How many digits stand from a place on, at most `max`.
    pub(super) fn digits(self, place: usize, max: usize) -> usize {
        self.slice(place, place.saturating_add(max))
            .iter()
            .take_while(|b| b.is_ascii_digit())
            .count()
    }

    /// How many digits stand before a place, at most `max`, without those of an escape.
    #[inline]
    pub(super) fn digits_before(self, place: usize, max: usize) -> usize {
        let from = place.saturating_sub(max);
        let head = self.slice(from, place);
        let count = head.iter().rev().take_while(|b| b.is_ascii_digit()).count();
        match self.before(place - count, 1) {
            b'0'..=b'9' | b'%' | b'\\' | b'A'..=b'F' | b'a'..=b'f' | b'x' => {
                self.digits_behind_escape(place, count).min(max)
            }
            _ => count,
        }
    }

    /// The same where the `count` digits may begin in an escape, or more of them stand before.
    #[inline(never)]
    fn digits_behind_escape(self, place: usize, count: usize) -> usize {
        const ESCAPE_MAX: usize = 3;
        let from = place - count;
        let head = self.slice(from.saturating_sub(ESCAPE_MAX), from);
        let more = head.iter().rev().take_while(|b| b.is_ascii_digit()).count();
        place.saturating_sub(self.skip_digits(from - more))
    }

    /// Whether a value may begin here: no letter, digit or `_` touches, nor the decimal point of a number.
    pub(super) fn open_before(self, start: usize) -> bool {
        match self.before(start, 1) {
            b'.' => !self.before(start, 2).is_ascii_digit(),
            byte if is_word(byte) => self.behind_escape(start),
            _ => true,
        }
    }

    /// Whether the letter before this place belongs to an escape: `\n` that is still literal, `\x0a`, `%3A` of a URL, or a
    /// terminal's colour.
    #[inline]
    pub(super) fn behind_escape(self, start: usize) -> bool {
        // Hardly a letter has one of these before it.
        let (third, second) = (self.before(start, 3), self.before(start, 2));
        let may_be = matches!(second, b'\\' | b'[' | b';' | b'0'..=b'9' | C1_LAST)
            || matches!(third, b'%' | b'x');
        may_be && self.ends_escape(start)
    }

    /// The same where it is not settled by two letters.
    #[inline(never)]
    fn ends_escape(self, start: usize) -> bool {
        let (last, second) = (self.before(start, 1), self.before(start, 2));
        match (self.before(start, 4), self.before(start, 3), second) {
            (_, _, b'\\') if matches!(last, b'n' | b't' | b'r' | b'b' | b'f' | b'0') => true,
            (_, b'%', _) | (b'\\', b'x', _) if second.is_ascii_hexdigit() => {
                last.is_ascii_hexdigit()
            }
            (b'\\', b'0', _) => is_octal(self.slice(start - 3, start)),
            _ => last.is_ascii_alphabetic() && self.is_behind_colour(start),
        }
    }

    /// Behind an escape of which the last letters begin a word at `start`: the `n` of `\n`, the `0A` of `%0A`, the `31m` of a
    /// terminal's colour.
    #[inline]
    pub(super) fn skip_escape(self, start: usize) -> usize {
        match self.before(start, 1) {
            b'\\' | b'%' | b'x' | b'[' | b';' | b':' | b'?' | C1_LAST => self.behind_tail(start),
            _ => start,
        }
    }

    /// The same where an escape may have begun before.
    #[inline(never)]
    fn behind_tail(self, start: usize) -> usize {
        let is_hex =
            |place| self.at(place).is_ascii_hexdigit() && self.at(place + 1).is_ascii_hexdigit();
        let size = match self.before(start, 1) {
            b'\\' => match self.at(start) {
                b'n' | b't' | b'r' | b'b' | b'f' => 1,
                b'x' if is_hex(start + 1) => 3,
                b'0' if is_octal(self.slice(start, start + 3)) => 3,
                _ => 0,
            },
            b'%' if is_hex(start) => 2,
            b'x' if self.before(start, 2) == b'\\' && is_hex(start) => 2,
            b'[' | b';' | b':' | b'?' | C1_LAST => {
                let end = start + self.digits(start, PARAMETERS_MAX) + 1;
                if self.is_behind_colour(end) { end - start } else { 0 }
            }
            _ => 0,
        };
        start + size
    }

    /// Behind the hyphens at `start`: they are letters of long words, and no letters of a value.
    #[inline]
    pub(super) fn skip_hyphens(self, start: usize) -> usize {
        if self.at(start) != b'-' {
            return start;
        }
        let rest = self.bytes.get(start..).unwrap_or_default();
        start + rest.iter().take_while(|byte| **byte == b'-').count()
    }

    /// Where the digits at `place`, the first of their run, begin a number: those of `%20`, `\x20` and `\012` belong to none.
    #[inline]
    pub(super) fn skip_digits(self, place: usize) -> usize {
        let size = match self.before(place, 1) {
            b'%' => 2,
            b'x' if self.before(place, 2) == b'\\' => 2,
            b'A'..=b'F' | b'a'..=b'f' => match self.before(place, 2) {
                b'%' => 1,
                b'x' if self.before(place, 3) == b'\\' => 1,
                _ => 0,
            },
            b'\\' if is_octal(self.slice(place, place + 3)) => 3,
            b'\\' if self.at(place) == b'0' => 1,
            _ => 0,
        };
        place + size
    }

    /// Whether a control sequence of a terminal (ECMA-48) ends before `end`: `ESC [ 31 m`, with a real escape character or
    /// one of its spellings, or without any, as logs have it.
    #[inline(never)]
    fn is_behind_colour(self, end: usize) -> bool {
        const SPELLED: [&[u8]; 10] = [
            b"\\x1b", b"\\x1B", b"\\033", b"\\e", b"\\E", b"u001b", b"u001B", b"%1b", b"%1B", b"^[",
        ];
        let last = self.before(end, 1);
        if !last.is_ascii_alphabetic() {
            return false;
        }
        let head = self.slice(end.saturating_sub(PARAMETERS_MAX + 1), end - 1);
        let is_parameter =
            |byte: &&u8| byte.is_ascii_digit() || matches!(**byte, b';' | b':' | b'?');
        let size = head.iter().rev().take_while(is_parameter).count();
        let from = end - 1 - size;
        if self.before(from, 1) != b'[' {
            return self.ends(from, "\u{9b}".as_bytes());
        }
        (last == b'm' && size > 0)
            || self.before(from, 2) == 0x1b
            || SPELLED.iter().any(|spelled| self.ends(from - 1, spelled))
    }

    /// Whether a value may end here: no letter, digit or `_` touches, nor a decimal point, nor the next group of a UUID.
    pub(super) fn open_after(self, end: usize) -> bool {
        match self.at(end) {
            b'.' => !self.at(end + 1).is_ascii_digit(),
            b'-' => !self.is_uuid_group(end),
            byte => !is_word(byte),
        }
    }

    /// `-9111-`: a hyphen, four letters or digits, and another hyphen.
    fn is_uuid_group(self, hyphen: usize) -> bool {
        let group = self.slice(hyphen + 1, hyphen + 5);
        group.len() == 4
            && group.iter().all(u8::is_ascii_hexdigit)
            && self.at(hyphen + 5) == b'-'
            && self.at(hyphen + 6).is_ascii_alphanumeric()
    }

    /// The number that the digits of a piece say; other bytes are passed over.
    pub(super) fn number(self, start: usize, end: usize) -> u64 {
        let digits = self.slice(start, end).iter().filter(|b| b.is_ascii_digit());
        digits.fold(0, |sum, byte| sum.wrapping_mul(10).wrapping_add(u64::from(byte - b'0')))
    }
}

/// The digits of a line end, a tab, a space or an escape character in octal.
fn is_octal(digits: &[u8]) -> bool {
    matches!(digits, b"011" | b"012" | b"015" | b"033" | b"040")
}

/// A letter, digit or `_` of ASCII: what makes two values one word.
pub(super) const fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

/// Groups of digits with one space or hyphen between each two.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Groups {
    /// Begin and length of each.
    list: [(usize, usize); Self::MAX],
    count: usize,
}

impl Groups {
    /// More groups than any value has.
    pub(super) const MAX: usize = 6;

    /// Reads the groups from `start` on. All have the separator of the first two, and no group is longer than a run may be.
    pub(super) fn read(text: Text<'_>, start: usize, first: usize) -> Self {
        let mut groups = Self::default();
        let separator = text.at(start + first);
        let (mut place, mut size) = (start, first);
        for slot in &mut groups.list {
            *slot = (place, size);
            groups.count += 1;
            let end = place + size;
            size = if text.at(end) == separator { text.digits(end + 1, RUN_MAX) } else { 0 };
            if size == 0 {
                break;
            }
            place = end + 1;
        }
        groups
    }

    /// The length of a group, zero where there is none.
    pub(super) fn size(&self, index: usize) -> usize {
        if index < self.count { self.list.get(index).map_or(0, |group| group.1) } else { 0 }
    }

    /// How many digits the groups up to this one have together.
    pub(super) fn digits(&self, last: usize) -> usize {
        (0..=last).map(|index| self.size(index)).sum()
    }

    /// Where a group ends.
    pub(super) fn end(&self, index: usize) -> usize {
        self.list.get(index).map_or(0, |group| group.0 + group.1)
    }
}
