//! Number plates of vehicles of mainland China: a province, a letter, and five characters, or six for new energies.
//!
//! There is no check digit, but hardly anything else looks so. Place names that end with a province's character (北京, 更新)
//! need the text to speak of a vehicle.

use super::reading::{Text, is_word};
use super::subject::{Subject, Subjects};
use super::{Hit, Kind};

/// The characters of provinces, as they stand on plates.
pub(super) const PROVINCES: &str =
    "京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼使";

/// What may stand last on a plate instead of a digit.
const LAST: [&str; 5] = ["挂", "学", "警", "港", "澳"];

/// What may stand between the letter and the number.
const SEPARATORS: [&str; 7] = ["·", "•", "・", "‧", " ", "-", "."];

/// Provinces with the characters before them that make a word of both.
const WORDS: &str = "北京南京东京天津四川辽宁南宁西宁海宁更新最新全新创新刷新重新西藏";

/// The province's last byte stands at `place`, and a letter behind it.
pub(super) fn at(text: Text<'_>, subjects: &mut Subjects, place: usize) -> Option<Hit> {
    let start = place.checked_sub(2)?;
    let letter = place + 1;
    if !is_letter(text.at(letter)) || !is_province(text.slice(start, letter)) {
        return None;
    }
    let gap = if is_plate(text.at(letter + 1)) {
        0
    } else {
        SEPARATORS.into_iter().find(|gap| text.has(letter + 1, gap.as_bytes())).map_or(0, str::len)
    };
    let from = letter + 1 + gap;
    let mut end =
        from + text.slice(from, from + 7).iter().take_while(|byte| is_plate(**byte)).count();
    let tail = LAST.into_iter().find(|tail| end == from + 4 && text.has(end, tail.as_bytes()));
    end += tail.map_or(0, str::len);
    if end < from + 5 {
        return None;
    }
    let number = text.slice(from, end);
    let is_form = tail.is_some() || number.len() == 5 || is_new_energy(number);
    let digits = number.iter().filter(|byte| byte.is_ascii_digit()).count();
    if !is_form || digits == 0 || is_word(text.at(end)) || !text.open_after(end) {
        return None;
    }
    let tail = text.bytes.get(..letter).and_then(<[u8]>::last_chunk);
    let is_word = tail.is_some_and(|tail| WORDS.as_bytes().as_chunks::<6>().0.contains(tail));
    (!is_word || subjects.speak_of(text, start, end, Subject::Plate)).then_some(Hit {
        start,
        end,
        kind: Kind::CnPlate,
    })
}

fn is_province(character: &[u8]) -> bool {
    // All are in U+4E00 to U+9FFF.
    let [first @ 0xe4..=0xe9, second, third] = *character else { return false };
    PROVINCES.as_bytes().as_chunks().0.contains(&[first, second, third])
}

/// The authority's letter: no I.
const fn is_letter(byte: u8) -> bool {
    byte.is_ascii_uppercase() && byte != b'I'
}

/// A character of the number: no I and no O.
const fn is_plate(byte: u8) -> bool {
    byte.is_ascii_digit() || (byte.is_ascii_uppercase() && !matches!(byte, b'I' | b'O'))
}

/// Six characters of which the first or the last is a letter, and four at the other end are digits.
fn is_new_energy(number: &[u8]) -> bool {
    let digits = |from: usize, to: usize| {
        number.get(from..to).unwrap_or_default().iter().all(u8::is_ascii_digit)
    };
    number.len() == 6
        && ((number.first().is_some_and(u8::is_ascii_uppercase) && digits(2, 6))
            || (number.last().is_some_and(u8::is_ascii_uppercase) && digits(0, 5)))
}
