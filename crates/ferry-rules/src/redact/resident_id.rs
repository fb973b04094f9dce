//! Resident identity cards of mainland China, and residence permits of the same form.
//!
//! A province, a real day of birth, and the check character of GB 11643 (MOD 11-2); 18 characters together or in groups. The
//! county is not asked for, since codes have come and gone. A number with a wrong check character, or one of the old 15
//! digits, is taken where its label says what it is.

use super::context;
use super::reading::Text;
use super::{Hit, Kind};

/// Characters of a number, the check character with them.
const SIZE: usize = 18;

/// How the seventeen digits weigh.
const WEIGHTS: [u32; SIZE - 1] = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];

/// Check characters by the weighted sum modulo 11.
const CHECKS: &[u8; 11] = b"10X98765432";

/// A run of `size` digits from `start` on.
pub(super) fn run(text: Text<'_>, start: usize, size: usize) -> Option<Hit> {
    let end = match size {
        18 => start + SIZE,
        17 if matches!(text.at(start + 17), b'X' | b'x') => start + SIZE,
        15 => start + 15,
        _ => return None,
    };
    let number = text.slice(start, end);
    let born = if size == 15 { is_old(number) } else { is_born(number) };
    if !is_province(number) || !born || !text.open_before(start) || !text.open_after(end) {
        return None;
    }
    let checked = size != 15 && is_checked(number);
    (checked || context::is_labelled_id(text, start)).then_some(Hit {
        start,
        end,
        kind: Kind::CnId,
    })
}

/// Groups of digits around the separator at `joint`, if that is the first.
pub(super) fn grouped(text: Text<'_>, joint: usize) -> Option<Hit> {
    let first = text.digits_before(joint, SIZE);
    let start = joint - first;
    let is_later = first == 4
        && text.before(start, 2).is_ascii_digit()
        && matches!(text.before(start, 1), b' ' | b'-');
    if !(4..SIZE).contains(&first) || is_later || !is_province(text.slice(start, joint)) {
        return None;
    }
    let mut number = [0; SIZE];
    let mut place = start;
    for (index, slot) in number.iter_mut().enumerate() {
        if matches!(text.at(place), b' ' | b'-') {
            // Groups of a number have two characters or more.
            if !text.at(place + 1).is_ascii_digit()
                || !text.at(place.saturating_sub(2)).is_ascii_digit()
            {
                return None;
            }
            place += 1;
        }
        *slot = match text.at(place) {
            byte if byte.is_ascii_digit() => byte,
            b'X' | b'x' if index == SIZE - 1 => b'X',
            _ => return None,
        };
        place += 1;
    }
    let valid = is_born(&number) && is_checked(&number);
    (valid && text.open_before(start) && text.open_after(place)).then_some(Hit {
        start,
        end: place,
        kind: Kind::CnId,
    })
}

/// The first two digits of GB/T 2260, with Taiwan (71, 83), Hong Kong (81) and Macau (82) as residence permits have them.
pub(super) fn is_province(number: &[u8]) -> bool {
    let Some(&[tens, ones]) = number.first_chunk() else { return false };
    match tens {
        b'1' | b'6' => matches!(ones, b'1'..=b'5'),
        b'2' | b'8' => matches!(ones, b'1'..=b'3'),
        b'3' => matches!(ones, b'1'..=b'7'),
        b'4' => matches!(ones, b'1'..=b'6'),
        b'5' => matches!(ones, b'0'..=b'4'),
        b'7' => ones == b'1',
        _ => false,
    }
}

fn is_born(number: &[u8]) -> bool {
    let part = |from, to| Text { bytes: number }.number(from, to);
    (1900..=2099).contains(&part(6, 10)) && is_day(part(6, 10), part(10, 12), part(12, 14))
}

/// The 15 digits of before 1999: the year has two digits, and there is no check character.
fn is_old(number: &[u8]) -> bool {
    let part = |from, to| Text { bytes: number }.number(from, to);
    is_day(1900 + part(6, 8), part(8, 10), part(10, 12))
}

const fn is_day(year: u64, month: u64, day: u64) -> bool {
    let is_leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let last = match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 if is_leap => 29,
        2 => 28,
        _ => 0,
    };
    day >= 1 && day <= last
}

fn is_checked(number: &[u8]) -> bool {
    let digits = number.iter().zip(WEIGHTS);
    let sum: u32 = digits.map(|(byte, weight)| u32::from(byte.wrapping_sub(b'0')) * weight).sum();
    let check = number.get(SIZE - 1).map(u8::to_ascii_uppercase);
    check == CHECKS.get(sum as usize % 11).copied()
}
