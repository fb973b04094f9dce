//! A text as detectors read it: bytes anywhere, runs of digits, and what may stand beside a value.
//!
//! The neighbours are judged here and nowhere else, since `\b` of regular expressions is wrong beside Chinese characters and
//! beside `_`. Nothing here reads further than it is told.

/// More digits than any value has: a run is not measured beyond.
pub(super) const RUN_MAX: usize = 40;

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

    /// How many digits stand before a place, at most `max`.
    pub(super) fn digits_before(self, place: usize, max: usize) -> usize {
        let from = place.saturating_sub(max);
        self.slice(from, place).iter().rev().take_while(|b| b.is_ascii_digit()).count()
    }

    /// Whether a value may begin here: no letter, digit or `_` touches, nor the decimal point of a number.
    pub(super) fn open_before(self, start: usize) -> bool {
        match self.before(start, 1) {
            b'.' => !self.before(start, 2).is_ascii_digit(),
            byte if is_word(byte) => self.behind_escape(start),
            _ => true,
        }
    }

    /// Whether the letter before this place belongs to an escape that is still literal: `\n`, or `%3A` of a URL.
    pub(super) fn behind_escape(self, start: usize) -> bool {
        let (last, second) = (self.before(start, 1), self.before(start, 2));
        (second == b'\\' && matches!(last, b'n' | b't' | b'r' | b'b' | b'f'))
            || (self.before(start, 3) == b'%'
                && second.is_ascii_hexdigit()
                && last.is_ascii_hexdigit())
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

    /// Where a group ends.
    pub(super) fn end(&self, index: usize) -> usize {
        self.list.get(index).map_or(0, |group| group.0 + group.1)
    }
}
