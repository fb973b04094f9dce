//! Numbers of payment cards: an issuer's range, the lengths that this issuer has, and Luhn's sum (ISO/IEC 7812).
//!
//! Together, in groups of four, or six and the rest. Luhn alone lets one number in ten pass, so that a range without its
//! length is no card, and a number that is called an order is none either.

use super::context;
use super::reading::{Groups, Text};
use super::{Hit, Kind};

/// The longest number.
const SIZE_MAX: usize = 19;

/// A run of `size` digits from `start` on.
pub(super) fn run(text: Text<'_>, start: usize, size: usize) -> Option<Hit> {
    let end = start + size;
    let number = text.slice(start, end);
    if !is_issued(number, size)
        || !is_luhn(number)
        || !text.open_before(start)
        || !text.open_after(end)
    {
        return None;
    }
    accept(text, start, end, size)
}

/// A text that is nothing but a number, as tools give them in JSON: `4111111111111111.0`, `4.111111111111111e15`.
pub(super) fn literal(text: Text<'_>) -> Option<Hit> {
    const LITERAL_MAX: usize = 64;
    let start =
        text.slice(0, LITERAL_MAX).iter().take_while(|byte| byte.is_ascii_whitespace()).count();
    let literal =
        text.bytes.get(start..).filter(|rest| rest.len() <= LITERAL_MAX)?.trim_ascii_end();
    let (digits, exponent) = match literal.iter().position(|byte| matches!(byte, b'e' | b'E')) {
        Some(place) => (literal.get(..place)?, literal.get(place + 1..)?),
        None => (literal, b"0".as_slice()),
    };
    let exponent: i32 = std::str::from_utf8(exponent).ok()?.parse().ok()?;
    let point = digits.iter().position(|byte| *byte == b'.').unwrap_or(digits.len());
    // How many digits the number has before its decimal point.
    let size = usize::try_from(i32::try_from(point).ok()?.checked_add(exponent)?).ok()?;
    let mut number = [b'0'; SIZE_MAX];
    let number = number.get_mut(..size)?;
    let all = digits.iter().enumerate().filter(|(place, _)| *place != point).map(|(_, byte)| *byte);
    for (place, byte) in all.enumerate() {
        match number.get_mut(place) {
            _ if !byte.is_ascii_digit() => return None,
            Some(slot) => *slot = byte,
            None if byte == b'0' => {}
            None => return None,
        }
    }
    let is_bare = digits.len() == literal.len() && point == digits.len();
    (!is_bare
        && is_issued(number, size)
        && is_luhn(number)
        && !is_rare(literal.first().copied()?, size))
    .then_some(Hit { start, end: start + literal.len(), kind: Kind::BankCard })
}

/// Groups of digits around the separator at `joint`, if that is the first: `first` digits stand before it. `behind` is where
/// the last value ended.
pub(super) fn grouped(text: Text<'_>, joint: usize, first: usize, behind: usize) -> Option<Hit> {
    let start = joint.checked_sub(first)?;
    if !may_be_issued(text.slice(start, joint)) {
        return None;
    }
    let separator = text.at(joint);
    // One more group of four before or after: these are columns of numbers.
    let before =
        if text.before(start, 1) == separator { text.digits_before(start - 1, 5) } else { 0 };
    let is_column = before == 4 && start != behind + 1 && !is_year(text, start - 5);
    if is_column || (before > 0 && separator == b'-') {
        return None;
    }
    let groups = Groups::read(text, start, first);
    let last = ends(&groups)
        .into_iter()
        .flatten()
        // Most are ruled out by their first digits, before the rest is read.
        .find(|last| {
            is_issued(text.slice(start, start + first), groups.digits(*last))
                && is_luhn_grouped(text.slice(start, groups.end(*last)))
        })?;
    if !text.open_before(start) || !text.open_after(groups.end(last)) {
        return None;
    }
    let is_row = groups.size(last + 1) == 4 && !is_year(text, groups.end(last) + 1);
    if is_row && last < 4 {
        return None;
    }
    accept(text, start, groups.end(last), groups.digits(last))
}

/// The groups with which a number may end, the longest first.
fn ends(groups: &Groups) -> [Option<usize>; 2] {
    let size = |index| groups.size(index);
    match (size(0), size(1), size(2), size(3), size(4)) {
        (4, 4, 4, 4, 1..=3) => [Some(4), Some(3)],
        (4, 4, 4, 1..=4, _) => [Some(3), None],
        (4, 6, 4 | 5, _, _) => [Some(2), None],
        (6, 7..=13, _, _, _) => [Some(1), None],
        _ => [None, None],
    }
}

fn is_year(text: Text<'_>, start: usize) -> bool {
    text.has(start, b"19") || text.has(start, b"20")
}

/// The last word: what the number is called.
fn accept(text: Text<'_>, start: usize, end: usize, digits: usize) -> Option<Hit> {
    if context::is_labelled_order(text, start) {
        return None;
    }
    let is_rare = is_rare(text.at(start), digits) && (digits == 13 || end - start == digits);
    if is_rare && !context::is_labelled_card(text, start) {
        return None;
    }
    Some(Hit { start, end, kind: Kind::BankCard })
}

/// Visa has hardly issued thirteen digits for decades, nor nineteen yet; barcodes and numbers of orders have as many.
const fn is_rare(first: u8, digits: usize) -> bool {
    digits == 13 || (digits == 19 && first == b'4')
}

/// The first digit of any range below.
fn may_be_issued(head: &[u8]) -> bool {
    matches!(head.first(), Some(b'2'..=b'6' | b'9'))
}

/// Whether the issuer of the range that a number begins with has numbers of this length.
fn is_issued(number: &[u8], size: usize) -> bool {
    if !may_be_issued(number) {
        return false;
    }
    let Some(head) = number.first_chunk::<4>() else { return false };
    let head = Text { bytes: head }.number(0, 4);
    match size {
        13 => head / 1000 == 4,
        14 => matches!(head / 10, 300..=305 | 360..=369 | 380..=399) || head == 3095,
        15 => matches!(head / 100, 34 | 37),
        16 => {
            matches!(head, 2221..=2720 | 3528..=3589 | 6011)
                || matches!(head / 10, 644..=649)
                || matches!(head / 100, 51..=55 | 62 | 65)
                || head / 1000 == 4
        }
        17 | 18 => head / 100 == 62,
        19 => head / 100 == 62 || head / 1000 == 4 || head == 9558,
        _ => false,
    }
}

/// Luhn's sum: every second digit from the right is doubled.
fn is_luhn(number: &[u8]) -> bool {
    luhn(number.iter().rev())
}

/// The same of a number with separators.
fn is_luhn_grouped(number: &[u8]) -> bool {
    luhn(number.iter().rev().filter(|byte| byte.is_ascii_digit()))
}

fn luhn<'a>(from_right: impl Iterator<Item = &'a u8>) -> bool {
    const DOUBLED: [u32; 10] = [0, 2, 4, 6, 8, 1, 3, 5, 7, 9];
    let mut sum = 0;
    for (index, byte) in from_right.enumerate() {
        let digit = usize::from(byte.wrapping_sub(b'0'));
        let plain = u32::try_from(digit).unwrap_or_default();
        sum += if index % 2 == 1 { DOUBLED.get(digit).copied().unwrap_or_default() } else { plain };
    }
    sum.is_multiple_of(10)
}
