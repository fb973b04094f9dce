//! Bytes as bits: for 128 bytes of a text, one bit a byte for each question that the sweep asks.
//!
//! The questions are loops without branches over bytes, which compilers turn into vector instructions. In the words of bits
//! that come out, runs and neighbours are a few shifts, whatever stands in the text.

/// Bytes that are marked in one go.
pub(super) const BLOCK: usize = 128;

/// The bytes of a block.
pub(super) type Block = [u8; BLOCK];

/// Bits of a block, one word for each half; the lowest bit is the first byte.
pub(super) type Bits = [u64; 2];

const NONE: Bits = [0; 2];

/// From here on ASCII has letters and digits, `_` and `-`, below only marks that part words.
const FIRST_WORDLY: i8 = 0x2d;

/// What the bytes of a block are.
#[derive(Debug, Clone, Copy)]
pub(super) struct Marks {
    pub digit: Bits,
    pub colon: Bits,
    /// Whether four hyphens may begin here: the place of one of them has the remainder three by four, as the last of a block.
    pub has_dashes: bool,
    /// Letters, digits, `_`, `-` and some marks: whatever of ASCII stands from `-` on.
    pub wordly: Bits,
    /// A byte of a character beyond ASCII.
    pub high: Bits,
    /// The first byte of full-width characters and of some others.
    pub wide: Bits,
    /// A letter or digit of ASCII. This one and those below are there once the marks are complete.
    pub alnum: Bits,
    /// Letter, digit, `_` or `-`.
    pub word: Bits,
    /// Space, hyphen or dot.
    pub joint: Bits,
    pub dash: Bits,
    pub at: Bits,
    pub slash: Bits,
    /// A byte for which [`is_lead`] holds.
    pub lead: Bits,
    is_complete: bool,
    rows: Rows,
}

impl Marks {
    /// Those of no text.
    pub(super) const NOTHING: Self = Self {
        digit: NONE,
        colon: NONE,
        has_dashes: false,
        wordly: NONE,
        high: NONE,
        wide: NONE,
        alnum: NONE,
        word: NONE,
        joint: NONE,
        dash: NONE,
        at: NONE,
        slash: NONE,
        lead: NONE,
        is_complete: false,
        rows: [[0; 16]; 8],
    };

    /// Marks a block, as far as most need it.
    #[inline(never)]
    pub(super) fn read(&mut self, block: &Block) {
        self.is_complete = false;
        self.rows = rows(block);
        let rows = &self.rows;
        (self.high, self.wide) = (NONE, NONE);
        if block.iter().fold(0, |all, byte| all | byte) >= 0x80 {
            self.high = sum(rows, |byte| mark(byte >= 0x80));
            self.wide = sum(rows, |byte| mark(byte == 0xef));
        }
        self.wordly = sum(rows, |byte| mark(byte.cast_signed() >= FIRST_WORDLY));
        (self.digit, self.colon, self.has_dashes) = (NONE, NONE, false);
        if self.wordly != NONE {
            self.digit = sum(rows, digit_mark);
            self.colon = sum(rows, |byte| mark(byte == b':'));
            let [_, _, _, fourth, _, _, _, eighth] = rows;
            let dashes = fourth.iter().zip(eighth);
            self.has_dashes = dashes.fold(0, |has, (fourth, eighth)| {
                has | mark(*fourth == b'-') | mark(*eighth == b'-')
            }) != 0;
        }
    }

    /// Adds the marks that were left out.
    #[inline(never)]
    pub(super) fn complete(&mut self) {
        if self.is_complete {
            return;
        }
        let rows = &self.rows;
        let letter = sum(rows, |byte| mark((byte | 0x20).wrapping_sub(b'a') < 26));
        let line = sum(rows, |byte| mark(byte == b'_'));
        self.dash = sum(rows, |byte| mark(byte == b'-'));
        let gap = sum(rows, |byte| mark(byte == b' ') | mark(byte == b'.'));
        self.alnum = or(self.digit, letter);
        self.word = or(or(self.alnum, line), self.dash);
        self.joint = or(gap, self.dash);
        self.at = sum(rows, |byte| mark(byte == b'@'));
        self.slash = sum(rows, |byte| mark(byte == b'\\'));
        self.lead = NONE;
        if self.high != NONE {
            self.lead = sum(rows, is_lead_mark);
        }
        self.is_complete = true;
    }
}

/// Whether a byte is the first of a character that may be written between the letters of a value and does not belong to it.
pub(super) fn is_lead(byte: u8) -> bool {
    is_lead_mark(byte) != 0
}

/// A digit, as one comparison of signed bytes: `0` becomes the least of them.
#[inline]
fn digit_mark(byte: u8) -> u8 {
    mark(byte.wrapping_add(0x80 - b'0').cast_signed() < i8::MIN + 10)
}

#[inline]
fn is_lead_mark(byte: u8) -> u8 {
    let three_bytes = mark(byte.wrapping_sub(0xe1) < 3) | mark(byte.wrapping_sub(0xef) < 2);
    let two_bytes = mark(byte == 0xc2) | mark(byte == 0xcd) | mark(byte == 0xd8);
    three_bytes | two_bytes | mark(byte == 0xf3)
}

/// The bytes of a block in eight rows: row `r` has the bytes whose place has the remainder `r` by eight.
type Rows = [[u8; 16]; 8];

/// Four times each byte of the one half is put before that of the other half, as cards are shuffled.
#[inline]
fn rows(block: &Block) -> Rows {
    let mut rows = *block;
    for _ in 0..4 {
        let mut shuffled = [0; BLOCK];
        let (first, second) = rows.split_at(BLOCK / 2);
        for (pair, (left, right)) in
            shuffled.as_chunks_mut::<2>().0.iter_mut().zip(first.iter().zip(second))
        {
            *pair = [*left, *right];
        }
        rows = shuffled;
    }
    let mut eight = [[0; 16]; 8];
    eight.copy_from_slice(rows.as_chunks().0);
    eight
}

/// The answers to a question, 0 or 0xff for each byte: bit `r` of byte `c` is the answer for byte `c` of row `r`, so that
/// the bits stand in the order of the text.
#[inline]
fn sum(rows: &Rows, is: impl Fn(u8) -> u8) -> Bits {
    let [first, second, third, fourth, fifth, sixth, seventh, eighth] = rows;
    let mut sums = [0; 16];
    for (column, sum) in sums.iter_mut().enumerate() {
        *sum = (is(first[column]) & 1)
            | (is(second[column]) & 2)
            | (is(third[column]) & 4)
            | (is(fourth[column]) & 8)
            | (is(fifth[column]) & 16)
            | (is(sixth[column]) & 32)
            | (is(seventh[column]) & 64)
            | (is(eighth[column]) & 128);
    }
    let whole = u128::from_le_bytes(sums);
    [low_half(whole), low_half(whole >> 64)]
}

#[expect(clippy::cast_possible_truncation, reason = "the other half is asked for by itself")]
const fn low_half(whole: u128) -> u64 {
    whole as u64
}

fn or(one: Bits, other: Bits) -> Bits {
    [one[0] | other[0], one[1] | other[1]]
}

/// 0xff for true, so that marks combine without shifts.
const fn mark(is: bool) -> u8 {
    if is { 0xff } else { 0 }
}
