//! Mobile numbers of mainland China: eleven digits that begin with 13 to 19, together or as 3-4-4.
//!
//! The country code (+86, 0086, 86) may stand before and is not part of the hit, so that both spellings are one value.

use super::context;
use super::reading::{Groups, Text};
use super::{Hit, Kind};

/// A run of `size` digits from `start` on.
pub(super) fn run(text: Text<'_>, start: usize, size: usize) -> Option<Hit> {
    let code = match size {
        11 => 0,
        13 if text.has(start, b"86") => 2,
        15 if text.has(start, b"0086") => 4,
        _ => return None,
    };
    let (number, end) = (start + code, start + size);
    let valid = is_mobile(text, number) && text.open_before(start) && text.open_after(end);
    (valid && !context::is_amount(text, start, end)).then_some(Hit {
        start: number,
        end,
        kind: Kind::CnPhone,
    })
}

/// Groups of digits around the separator at `joint`, if that is the first.
pub(super) fn grouped(text: Text<'_>, joint: usize) -> Option<Hit> {
    let separator = text.at(joint);
    let first = text.digits_before(joint, 8);
    let code = match first {
        3 => 0,
        5 if text.has(joint - 5, b"86") => 2,
        7 if text.has(joint - 7, b"0086") => 4,
        _ => return None,
    };
    let start = joint - first + code;
    let groups = Groups::read(text, start, 3);
    if !is_mobile(text, start) || groups.size(1) != 4 || groups.size(2) != 4 {
        return None;
    }
    let end = groups.end(2);
    let before = text.before(start, 1) == separator && text.before(start, 2).is_ascii_digit();
    let is_longer = separator == b'-' && before && !text.ends(start - 1, b"86");
    let is_row = groups.size(3) == 4 && separator == b'-';
    (!is_longer && !is_row && text.open_before(start - code) && text.open_after(end))
        .then_some(Hit { start, end, kind: Kind::CnPhone })
}

fn is_mobile(text: Text<'_>, start: usize) -> bool {
    text.at(start) == b'1' && matches!(text.at(start + 1), b'3'..=b'9')
}
