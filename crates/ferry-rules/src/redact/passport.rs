//! Passports of mainland China, and permits for travel between the mainland, Hong Kong, Macau and Taiwan.
//!
//! Letters and digits without a check digit: part numbers look the same. So the text must speak of passports or permits.

use super::reading::Text;
use super::subject::{Subject, Subjects};
use super::{Hit, Kind};

/// A permit whose `size` digits stand from `digits` on.
pub(super) fn permit(
    text: Text<'_>,
    subjects: &mut Subjects,
    digits: usize,
    size: usize,
) -> Option<Hit> {
    let (start, first) = head(text, digits, size)?;
    let is_form = match size {
        10 => matches!(first, b'H' | b'M'),
        8 => matches!(first, b'H' | b'M' | b'C' | b'L' | b'T' | b'W'),
        _ => matches!(first, b'C' | b'L'),
    };
    let end = digits + size;
    (is_form && subjects.speak_of(text, start, end, Subject::Permit)).then_some(Hit {
        start,
        end,
        kind: Kind::TravelPermit,
    })
}

/// A passport whose `size` digits stand from `digits` on.
pub(super) fn passport(
    text: Text<'_>,
    subjects: &mut Subjects,
    digits: usize,
    size: usize,
) -> Option<Hit> {
    let (start, first) = head(text, digits, size)?;
    let is_form =
        size < 10 && matches!(first, b'E' | b'G' | b'D' | b'S' | b'P' | b'H' | b'K' | b'M');
    let end = digits + size;
    (is_form && subjects.speak_of(text, start, end, Subject::Passport)).then_some(Hit {
        start,
        end,
        kind: Kind::CnPassport,
    })
}

/// The place and the first of the letters before digits: two before seven, else one.
fn head(text: Text<'_>, digits: usize, size: usize) -> Option<(usize, u8)> {
    let letters = match size {
        7 => 2,
        8 | 10 => 1,
        _ => return None,
    };
    let start = digits.checked_sub(letters)?;
    let head = text.slice(start, digits);
    let sound = head.iter().all(u8::is_ascii_alphabetic)
        && text.open_before(start)
        && text.open_after(digits + size);
    sound.then_some((start, head.first()?.to_ascii_uppercase()))
}

/// A run of `size` digits that may be the permit of a resident of Taiwan.
pub(super) fn digits(
    text: Text<'_>,
    subjects: &mut Subjects,
    start: usize,
    size: usize,
) -> Option<Hit> {
    let end = start + size;
    (size == 8
        && subjects.may_speak(text)
        && text.open_before(start)
        && text.open_after(end)
        && subjects.speak_of(text, start, end, Subject::Taiwan))
    .then_some(Hit { start, end, kind: Kind::TravelPermit })
}
