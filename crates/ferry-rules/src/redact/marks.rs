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

/// What the bytes of a block are.
#[derive(Debug, Clone, Copy)]
pub(super) struct Marks {
    pub digit: Bits,
    /// A letter or digit of ASCII.
    pub alnum: Bits,
    /// Letter, digit, `_` or `-`.
    pub word: Bits,
    /// Space, hyphen or dot.
    pub joint: Bits,
    pub dash: Bits,
    pub colon: Bits,
    pub at: Bits,
    pub slash: Bits,
    /// A byte of a character beyond ASCII.
    pub high: Bits,
    /// The first byte of a character that may be written between the letters of a value and does not belong to it.
    pub lead: Bits,
    /// The first byte of full-width characters, the second byte of small ones, and the last byte of others that matter.
    pub wide: [Bits; 3],
    /// Letters and digits are known to be absent, and nothing but `high` and `wide` is known beside.
    is_light: bool,
}

impl Marks {
    /// Those of no text.
    pub(super) const NOTHING: Self = Self {
        digit: NONE,
        alnum: NONE,
        word: NONE,
        joint: NONE,
        dash: NONE,
        colon: NONE,
        at: NONE,
        slash: NONE,
        high: NONE,
        lead: NONE,
        wide: [NONE; 3],
        is_light: false,
    };

    /// Marks a block; one without a letter or digit of ASCII lightly.
    #[inline(never)]
    pub(super) fn read(&mut self, block: &Block) {
        let (mut high, mut some) = (0, 0);
        for byte in block {
            high |= byte;
            some |= mark(byte.cast_signed() >= 0x30);
        }
        (self.high, self.wide) = (NONE, [NONE; 3]);
        if high >= 0x80 {
            let rows = rows(block);
            let mut sums = [
                sum(&rows, |byte| mark(byte >= 0x80)),
                sum(&rows, |byte| mark(byte == 0xef)),
                sum(&rows, |byte| mark(byte == 0xbd)),
                sum(&rows, |byte| mark(byte.wrapping_sub(0x90) <= 0xba - 0x90)),
            ];
            turn(&mut sums);
            let [high, first, second, third] = sums;
            (self.high, self.wide) = (high, [first, second, third]);
        }
        self.is_light = some == 0;
        (self.digit, self.alnum) = (NONE, NONE);
        if !self.is_light {
            self.read_all(block);
        }
    }

    /// Adds the marks that were left out.
    pub(super) fn complete(&mut self, block: &Block) {
        if self.is_light {
            self.is_light = false;
            self.read_all(block);
        }
    }

    #[inline(never)]
    fn read_all(&mut self, block: &Block) {
        let rows = rows(block);
        let mut sums = [
            sum(&rows, |byte| mark(byte.wrapping_sub(b'0') < 10)),
            sum(&rows, |byte| mark((byte | 0x20).wrapping_sub(b'a') < 26)),
            sum(&rows, |byte| mark(byte == b'_')),
            sum(&rows, |byte| mark(byte == b' ') | mark(byte == b'.')),
            sum(&rows, |byte| mark(byte == b'-')),
            sum(&rows, |byte| mark(byte == b':')),
            sum(&rows, |byte| mark(byte == b'@')),
            sum(&rows, |byte| mark(byte == b'\\')),
        ];
        turn(&mut sums);
        let [digit, letter, line, gap, dash, colon, at, slash] = sums;
        (self.digit, self.dash, self.colon, self.at, self.slash) = (digit, dash, colon, at, slash);
        self.alnum = or(digit, letter);
        self.word = or(or(self.alnum, line), dash);
        self.joint = or(gap, dash);
        self.lead = NONE;
        if self.high != NONE {
            let is_lead = |byte: u8| {
                let three_bytes =
                    mark(byte.wrapping_sub(0xe1) < 3) | mark(byte.wrapping_sub(0xef) < 2);
                let two_bytes = mark(byte == 0xc2) | mark(byte == 0xcd) | mark(byte == 0xd8);
                three_bytes | two_bytes | mark(byte == 0xf3)
            };
            let mut sums = [sum(&rows, is_lead)];
            turn(&mut sums);
            [self.lead] = sums;
        }
    }
}

/// Eight rows of sixteen bytes: eight bytes of the one half of a block and eight of the other.
type Rows = [[u8; 16]; 8];

#[inline]
fn rows(block: &Block) -> Rows {
    let mut rows = [[0; 16]; 8];
    let (first, second) = block.split_at(BLOCK / 2);
    let eights = first.as_chunks::<8>().0.iter().zip(second.as_chunks::<8>().0);
    for (row, (first, second)) in rows.iter_mut().zip(eights) {
        let (left, right) = row.split_at_mut(8);
        left.copy_from_slice(first);
        right.copy_from_slice(second);
    }
    rows
}

/// The answers to a question, 0 or 0xff for each byte: bit `r` of byte `c` of a half is the answer for byte `c` of row `r`.
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

/// Makes rows of the columns of each word, as of a matrix of eight by eight bits (Hacker's Delight, 7-3).
#[inline]
fn turn<const COUNT: usize>(sums: &mut [Bits; COUNT]) {
    for word in sums.as_flattened_mut() {
        let mut left = *word;
        for (by, kept) in
            [(7, 0x00aa_00aa_00aa_00aa), (14, 0x0000_cccc_0000_cccc), (28, 0x0000_0000_f0f0_f0f0)]
        {
            let swapped = (left ^ (left >> by)) & kept;
            left ^= swapped ^ (swapped << by);
        }
        *word = left;
    }
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
