//! Identity cards of Hong Kong, Macau and Taiwan.
//!
//! Hong Kong and Taiwan have check digits. Macau has none that is public, so that its form counts only where the text speaks
//! of Macau; so does a Hong Kong number without its brackets.

use super::context;
use super::reading::Text;
use super::subject::{Subject, Subjects};
use super::{Hit, Kind};

/// Brackets as they are written: ASCII, and full-width.
const BRACKETS: [(&[u8], &[u8]); 2] = [(b"(", b")"), ("（".as_bytes(), "）".as_bytes())];

/// A run of `size` digits behind one letter or two: six digits, and a check digit 0 to 9 or A.
pub(super) fn hong_kong(
    text: Text<'_>,
    subjects: &mut Subjects,
    digits: usize,
    size: usize,
) -> Option<Hit> {
    if !matches!(size, 6 | 7) {
        return None;
    }
    let start = first_letter(text, digits)?;
    let number_end = digits + 6;
    let (check, end, is_bracketed) = match bracketed(text, number_end) {
        Some((check, end)) if size == 6 => (check, end, true),
        _ if size == 7 => (text.at(number_end), digits + 7, false),
        _ if matches!(text.at(number_end), b'A') => (b'A', number_end + 1, false),
        _ => return None,
    };
    if hong_kong_check(text.slice(start, number_end)) != check || !text.open_after(end) {
        return None;
    }
    let mut named = || subjects.speak_of(text, start, end, Subject::HongKong);
    (is_bracketed || named()).then_some(Hit { start, end, kind: Kind::HkId })
}

/// The place of the first of one or two capitals before the digits, if a value may begin there.
fn first_letter(text: Text<'_>, digits: usize) -> Option<usize> {
    [1, 2]
        .into_iter()
        .filter_map(|letters| digits.checked_sub(letters))
        .find(|start| text.open_before(*start))
        .filter(|start| text.slice(*start, digits).iter().all(u8::is_ascii_uppercase))
}

/// A check character in brackets, perhaps behind a space; with the place behind it.
fn bracketed(text: Text<'_>, place: usize) -> Option<(u8, usize)> {
    let place = if text.at(place) == b' ' { place + 1 } else { place };
    let (open, close) = BRACKETS.into_iter().find(|(open, _)| text.has(place, open))?;
    let at = place + open.len();
    let check = text.at(at).to_ascii_uppercase();
    (check.is_ascii_alphanumeric() && text.has(at + 1, close))
        .then_some((check, at + 1 + close.len()))
}

/// Letters count 10 to 35, a missing first one 36; weights 9 to 2; modulo 11.
fn hong_kong_check(number: &[u8]) -> u8 {
    let missing = if number.len() == 7 { 36 * 9 } else { 0 };
    // From the right, the last digit weighs 2.
    let sum: u32 = number.iter().rev().zip(2..).map(|(byte, weight)| value(*byte) * weight).sum();
    match 11 - (sum + missing) % 11 {
        10 => b'A',
        11 => b'0',
        digit => b'0' + u8::try_from(digit).unwrap_or_default(),
    }
}

/// 0 to 9, and 10 to 35 for letters.
fn value(byte: u8) -> u32 {
    char::from(byte).to_digit(36).unwrap_or_default()
}

/// A run of `size` digits: two letters and eight digits of old residence permits; or a letter, 1, 2, 8 or 9, and eight digits.
pub(super) fn taiwan(text: Text<'_>, digits: usize, size: usize) -> Option<Hit> {
    if !matches!(size, 8 | 9) {
        return None;
    }
    let letters = if size == 9 { 1 } else { 2 };
    let (start, end) = (digits.checked_sub(letters)?, digits + size);
    let number = text.slice(start, end);
    let second = number.get(1).copied()?;
    let is_form = match size {
        9 => matches!(second, b'1' | b'2' | b'8' | b'9'),
        // `ID12345678` is a word and a number.
        _ => matches!(second, b'A'..=b'D') && !number.starts_with(b"ID"),
    };
    let valid =
        is_form && number.first()?.is_ascii_uppercase() && taiwan_sum(number)?.is_multiple_of(10);
    (valid && text.open_before(start) && text.open_after(end)).then_some(Hit {
        start,
        end,
        kind: Kind::TwId,
    })
}

/// Letters in the order of their numbers, which begin with 10.
const TAIWAN_LETTERS: &[u8; 26] = b"ABCDEFGHJKLMNPQRSTUVXYWZIO";

fn taiwan_sum(number: &[u8]) -> Option<u32> {
    const WEIGHTS: [u32; 8] = [8, 7, 6, 5, 4, 3, 2, 1];
    let letter = |byte: u8| {
        let place = TAIWAN_LETTERS.iter().position(|letter| *letter == byte)?;
        u32::try_from(place + 10).ok()
    };
    let (first, rest) = number.split_first()?;
    let (second, rest) = rest.split_first()?;
    let code = letter(*first)?;
    // The second letter counts by the last digit of its number.
    let second = if second.is_ascii_digit() { value(*second) } else { letter(*second)? % 10 };
    let digits = std::iter::once(second).chain(rest.iter().map(|byte| value(*byte)));
    let (mut sum, mut last) = (code / 10 + (code % 10) * 9, 0);
    for (index, digit) in digits.enumerate() {
        match WEIGHTS.get(index) {
            Some(weight) => sum += digit * weight,
            None => last = digit,
        }
    }
    Some(sum + last)
}

/// A run of `size` digits that may be a number of Macau: `1234567(8)`, `1/234567/8`, or eight digits.
pub(super) fn macau(
    text: Text<'_>,
    subjects: &mut Subjects,
    digits: usize,
    size: usize,
) -> Option<Hit> {
    let (start, end) = match size {
        7 => (digits, bracketed(text, digits + 7).filter(|found| found.0.is_ascii_digit())?.1),
        6 if text.before(digits, 1) == b'/' && text.at(digits + 6) == b'/' => {
            (text.at(digits + 7).is_ascii_digit().then(|| digits.checked_sub(2))??, digits + 8)
        }
        8 => (digits, digits + 8),
        _ => return None,
    };
    // What is cheap is asked first.
    let sound = matches!(text.at(start), b'1' | b'5' | b'7')
        && subjects.may_speak(text)
        && text.open_before(start)
        && text.open_after(end);
    // Eight digits are hardly a form at all: the label must say that it is an identity number.
    let is_named = || size != 8 || context::is_labelled_id(text, digits);
    (sound && is_named() && subjects.speak_of(text, start, end, Subject::Macau)).then_some(Hit {
        start,
        end,
        kind: Kind::MoId,
    })
}
