//! International bank account numbers (ISO 13616): a country with its length, and the remainder 1 modulo 97.

use super::reading::Text;
use super::{Hit, Kind};

/// Countries and the lengths of their numbers, from the SWIFT registry.
const COUNTRIES: [(&[u8; 2], u8); 88] = [
    (b"AD", 24),
    (b"AE", 23),
    (b"AL", 28),
    (b"AT", 20),
    (b"AZ", 28),
    (b"BA", 20),
    (b"BE", 16),
    (b"BG", 22),
    (b"BH", 22),
    (b"BI", 27),
    (b"BR", 29),
    (b"BY", 28),
    (b"CH", 21),
    (b"CR", 22),
    (b"CY", 28),
    (b"CZ", 24),
    (b"DE", 22),
    (b"DJ", 27),
    (b"DK", 18),
    (b"DO", 28),
    (b"EE", 20),
    (b"EG", 29),
    (b"ES", 24),
    (b"FI", 18),
    (b"FK", 18),
    (b"FO", 18),
    (b"FR", 27),
    (b"GB", 22),
    (b"GE", 22),
    (b"GI", 23),
    (b"GL", 18),
    (b"GR", 27),
    (b"GT", 28),
    (b"HR", 21),
    (b"HU", 28),
    (b"IE", 22),
    (b"IL", 23),
    (b"IQ", 23),
    (b"IS", 26),
    (b"IT", 27),
    (b"JO", 30),
    (b"KW", 30),
    (b"KZ", 20),
    (b"LB", 28),
    (b"LC", 32),
    (b"LI", 21),
    (b"LT", 20),
    (b"LU", 20),
    (b"LV", 21),
    (b"LY", 25),
    (b"MC", 27),
    (b"MD", 24),
    (b"ME", 22),
    (b"MK", 19),
    (b"MN", 20),
    (b"MR", 27),
    (b"MT", 31),
    (b"MU", 30),
    (b"NI", 28),
    (b"NL", 18),
    (b"NO", 15),
    (b"OM", 23),
    (b"PK", 24),
    (b"PL", 28),
    (b"PS", 29),
    (b"PT", 25),
    (b"QA", 29),
    (b"RO", 24),
    (b"RS", 22),
    (b"RU", 33),
    (b"SA", 24),
    (b"SC", 31),
    (b"SD", 18),
    (b"SE", 24),
    (b"SI", 19),
    (b"SK", 24),
    (b"SM", 27),
    (b"SO", 23),
    (b"ST", 25),
    (b"SV", 28),
    (b"TL", 23),
    (b"TN", 24),
    (b"TR", 26),
    (b"UA", 29),
    (b"VA", 22),
    (b"VG", 24),
    (b"XK", 20),
    (b"YE", 30),
];

/// The longest number with a space or hyphen between its groups.
const SPELLED_MAX: usize = 33 + 33 / 4;

/// The length for the first letter and the second, zero where there is no such country.
static SIZES: [[u8; 26]; 26] = {
    let (mut sizes, mut index) = ([[0; 26]; 26], 0);
    while index < COUNTRIES.len() {
        let ([first, second], size) = COUNTRIES[index];
        sizes[(*first - b'A') as usize][(*second - b'A') as usize] = size;
        index += 1;
    }
    sizes
};

/// How long a number is that begins at `start` with a country and two digits.
fn size(text: Text<'_>, start: usize) -> Option<usize> {
    let &[first, second, third, fourth] = text.slice(start, start + 4) else { return None };
    if !third.is_ascii_digit() || !fourth.is_ascii_digit() {
        return None;
    }
    let row = SIZES.get(usize::from(first.wrapping_sub(b'A')))?;
    let size = *row.get(usize::from(second.wrapping_sub(b'A')))?;
    (size > 0).then_some(usize::from(size))
}

/// The number that begins at `start`.
pub(super) fn at(text: Text<'_>, start: usize) -> Option<Hit> {
    let size = size(text, start)?;
    if !text.open_before(start) {
        return None;
    }
    let (mut end, mut read, mut rest, mut checksum) = (start, 0, 0_u64, 0);
    let mut may_part = false;
    for byte in text.slice(start, start + SPELLED_MAX) {
        end += 1;
        let value = match byte {
            digit @ b'0'..=b'9' => digit - b'0',
            letter @ (b'A'..=b'Z' | b'a'..=b'z') => (letter | 0x20) - b'a' + 10,
            b' ' | b'-' if may_part => {
                may_part = false;
                continue;
            }
            _ => return None,
        };
        // The first four characters count last.
        if read < 4 {
            checksum = push(checksum, value);
        } else {
            rest = push(rest, value);
        }
        read += 1;
        if read == size {
            break;
        }
        may_part = read % 4 == 0;
    }
    if read < size {
        return None;
    }
    (((rest % 97) * (1_000_000 % 97) + checksum) % 97 == 1 && text.open_after(end)).then_some(Hit {
        start,
        end,
        kind: Kind::Iban,
    })
}

/// Appends a digit, or the two digits that a letter stands for, to a number of which only the remainder modulo 97 counts.
const fn push(sum: u64, value: u8) -> u64 {
    // A division for every few digits is enough.
    let sum = if sum < 1 << 50 { sum } else { sum % 97 };
    sum * if value < 10 { 10 } else { 100 } + value as u64
}

/// The number in groups of four of which the space at `joint` is the first between two digits.
pub(super) fn grouped(text: Text<'_>, joint: usize) -> Option<Hit> {
    const GROUPS_BEFORE: usize = 7;
    let mut start = joint.checked_sub(4)?;
    // Between two groups of digits there has been a joint before.
    let has_letters = text.slice(start, joint).iter().any(u8::is_ascii_alphabetic);
    let is_behind_letter =
        text.before(start, 1) == b' ' && text.before(start, 2).is_ascii_alphabetic();
    if !has_letters && !is_behind_letter {
        return None;
    }
    for _ in 0..GROUPS_BEFORE {
        // No bank has a code that looks like the beginning of a number.
        if size(text, start).is_some() {
            return at(text, start);
        }
        if text.before(start, 1) != text.at(joint) || start < 5 {
            return None;
        }
        start -= 5;
        if !text.slice(start, start + 4).iter().all(u8::is_ascii_alphanumeric) {
            return None;
        }
    }
    None
}
