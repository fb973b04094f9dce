//! Unified social credit codes of organisations (GB 32100): eighteen digits and capitals.
//!
//! Department and kind, the digits of an area, and the check character modulo 31. Of random words of that length one in 31
//! has a fitting check character, so that the others must fit, too. Numbers of orders have digits alone; in those the code of
//! the organisation within has to have its own check digit (GB 11714), which leaves one in 341.

use super::reading::Text;
use super::resident_id::is_province;
use super::{Hit, Kind};

const SIZE: usize = 18;

/// The characters in the order of their values: without I, O, S, V and Z.
const ALPHABET: &[u8; 31] = b"0123456789ABCDEFGHJKLMNPQRTUWXY";

/// Powers of 3 modulo 31; the check character counts once.
const WEIGHTS: [usize; SIZE] = [1, 3, 9, 27, 19, 26, 16, 17, 20, 29, 25, 13, 8, 24, 10, 30, 28, 1];

/// A run of digits from `digits` on; the code may begin with a letter before it.
pub(super) fn run(text: Text<'_>, digits: usize) -> Option<Hit> {
    let is_lettered = text.before(digits, 1).is_ascii_uppercase() && !text.behind_escape(digits);
    let start = digits - usize::from(is_lettered);
    let code = text.slice(start, start + SIZE);
    let is_kind = matches!(
        code.first_chunk(),
        Some(
            [b'1' | b'5' | b'N', b'1'..=b'3' | b'9']
                | [b'2' | b'3' | b'4' | b'6' | b'7' | b'8', b'1' | b'9']
                | [b'9', b'1'..=b'3']
                | [b'A' | b'Y', b'1']
        )
    );
    if code.len() != SIZE || !is_kind || !has_area(code) || !is_checked(code) {
        return None;
    }
    if code.iter().all(u8::is_ascii_digit) && !has_organisation(code) {
        return None;
    }
    let end = start + SIZE;
    (text.open_before(start) && text.open_after(end)).then_some(Hit {
        start,
        end,
        kind: Kind::CnUscc,
    })
}

/// Six digits of GB/T 2260, or 100000 for the state itself.
fn has_area(code: &[u8]) -> bool {
    let area = code.get(2..8).unwrap_or_default();
    area.iter().all(u8::is_ascii_digit) && (is_province(area) || area == b"100000")
}

fn is_checked(code: &[u8]) -> bool {
    let mut sum = 0;
    for (byte, weight) in code.iter().zip(WEIGHTS) {
        let Some(value) = ALPHABET.iter().position(|letter| letter == byte) else { return false };
        sum += value * weight;
    }
    sum.is_multiple_of(31)
}

/// Eight digits and their check digit modulo 11, from the ninth on. Ten would be `X`.
fn has_organisation(code: &[u8]) -> bool {
    const WEIGHTS: [u32; 9] = [3, 7, 9, 10, 5, 8, 4, 2, 1];
    let digits = code.iter().skip(8).map(|byte| u32::from(byte - b'0'));
    digits.zip(WEIGHTS).map(|(digit, weight)| digit * weight).sum::<u32>().is_multiple_of(11)
}
