//! Of what a text speaks before a value that has no check digit: words some way before it, in its list, or above its column.

use std::sync::LazyLock;

use aho_corasick::packed::Searcher;

use super::context::GOODS;
use super::reading::Text;

/// Subjects of which a text may speak before a value that has no check digit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Subject {
    Passport,
    Permit,
    /// The permit for residents of Taiwan.
    Taiwan,
    Macau,
    HongKong,
    Plate,
}

/// How far before a value its subject is looked for, in bytes.
const SUBJECT_BYTES: usize = 64;

/// The longest word, in bytes.
const WORD_MAX: usize = 32;

/// How many subjects there are.
const SUBJECTS: usize = 6;

/// Words of each subject; letters of ASCII in small.
const WORDS: [(Subject, &[&str]); SUBJECTS] = [
    (Subject::Passport, &["护照", "護照", "passport", "passeport"]),
    (
        Subject::Permit,
        &[
            "通行证",
            "通行證",
            "回乡证",
            "回鄉證",
            "台胞证",
            "臺胞證",
            "台胞證",
            "permit",
            "hrp",
            "home return",
            "来往内地",
            "来往大陆",
            "往来港澳",
            "往来台湾",
        ],
    ),
    (
        Subject::Taiwan,
        &["台胞证", "臺胞證", "台胞證", "台湾居民来往", "臺灣居民來往", "taiwan compatriot"],
    ),
    (Subject::Macau, &["澳门", "澳門", "macau", "macao", "mo id", "mo_id", "moid"]),
    (
        Subject::HongKong,
        &["香港", "hkid", "hong kong", "hk id", "hk_id", "hk-id", "身份证", "身份證"],
    ),
    (
        Subject::Plate,
        &["车牌", "车辆", "牌照", "車牌", "號牌", "号牌", "车号", "plate", "vehicle", "license"],
    ),
];

/// Stems of all words of Macau and Taiwan. There is no searcher on processors without vector instructions.
static STEMS: LazyLock<Option<Searcher>> = LazyLock::new(|| {
    Searcher::new([
        "澳门", "澳門", "台胞", "臺胞", "台湾", "臺灣", "acau", "acao", "ACAU", "ACAO", "mo id",
        "MO ID", "mo_id", "MO_ID", "moid", "MOID", "MoID", "aiwan", "AIWAN",
    ])
});

/// Whether a word may begin with these two bytes. Most places are settled by the first.
const fn may_begin(first: u8, second: u8) -> bool {
    match first {
        b'p' | b'P' => matches!(second | 0x20, b'a' | b'e' | b'l'),
        b'h' | b'H' => matches!(second | 0x20, b'r' | b'o' | b'k'),
        b'm' | b'M' => matches!(second | 0x20, b'a' | b'o' | b't'),
        b't' | b'T' => second | 0x20 == b'a',
        b'v' | b'V' => second | 0x20 == b'e',
        b'l' | b'L' => second | 0x20 == b'i',
        0xe5 => matches!(second, 0x8f | 0x9b | 0xbe),
        0xe6 => matches!(second, 0x8a | 0x9d | 0xbe),
        0xe7 => second == 0x89,
        0xe8 => matches!(second, 0x87 | 0x99 | 0xad | 0xba | 0xbb | 0xbd),
        0xe9 => matches!(second, 0x80 | 0xa6),
        _ => false,
    }
}

/// Where a text has last spoken of each subject. It reads on with the values that are asked about, so that no byte is
/// searched twice however many there are.
#[derive(Debug, Default)]
pub(super) struct Subjects {
    /// Whether the whole text has a stem of [`STEMS`], once that was asked.
    may_speak: Option<bool>,
    /// Up to here words have been looked for.
    until: usize,
    /// Behind the last word of each subject, in the order of [`WORDS`]; zero when there was none.
    last: [usize; SUBJECTS],
    /// The last value of each subject that stood in a row below its word; zero when there was none.
    cells: [usize; SUBJECTS],
}

impl Subjects {
    /// Whether the text speaks of the subject before `start`, with no other number between; in brackets behind `end`; or at the
    /// head of the column.
    pub(super) fn speak_of(
        &mut self,
        text: Text<'_>,
        start: usize,
        end: usize,
        subject: Subject,
    ) -> bool {
        if matches!(subject, Subject::Macau | Subject::Taiwan) && !self.may_speak(text) {
            return false;
        }
        self.read_to(text, start);
        let index = WORDS.iter().position(|(other, _)| *other == subject).unwrap_or_default();
        let last = self.last.get(index).copied().unwrap_or_default();
        let is_near = last > 0 && last <= start && start - last <= SUBJECT_BYTES;
        let between = text.slice(last, start);
        let is_spoken_of = is_near
            && (!has_number(between) || is_below(text, last, start))
            && !ends_sentence(between);
        let cell = self.cells.get(index).copied().unwrap_or_default();
        let is_named = (is_spoken_of || (cell > 0 && is_below(text, cell, start)))
            && !GOODS.stand_before(text, start);
        // Below a heading the next row may have another; the first value of a row says in which column.
        let is_next = start - cell > ROW_BYTES || text.slice(cell, start).contains(&b'\n');
        let is_row = is_next && (!is_spoken_of || between.contains(&b'\n'));
        if let Some(cell) = self.cells.get_mut(index).filter(|_| is_named && is_row) {
            *cell = start;
        }
        is_named || is_named_behind(text, end, index)
    }

    /// Whether the text has a stem of Macau or Taiwan anywhere. Bare numbers of that length are common, and this is faster
    /// than to read before each of them.
    pub(super) fn may_speak(&mut self, text: Text<'_>) -> bool {
        *self.may_speak.get_or_insert_with(|| {
            STEMS.as_ref().is_none_or(|stems| stems.find(text.bytes).is_some())
        })
    }

    fn read_to(&mut self, text: Text<'_>, start: usize) {
        let from = self.until.max(start.saturating_sub(SUBJECT_BYTES + WORD_MAX));
        for place in from..start {
            if may_begin(text.at(place), text.at(place + 1)) {
                for ((_, words), last) in WORDS.iter().zip(&mut self.last) {
                    if let Some(size) = word_at(text, place, words) {
                        *last = place + size;
                    }
                }
            }
        }
        self.until = self.until.max(start);
    }
}

fn word_at(text: Text<'_>, place: usize, words: &[&str]) -> Option<usize> {
    let first = text.at(place).to_ascii_lowercase();
    let mut fitting = words.iter().filter(|word| word.as_bytes().first() == Some(&first));
    let found = fitting
        .find(|word| text.slice(place, place + word.len()).eq_ignore_ascii_case(word.as_bytes()));
    found.map(|word| word.len())
}

/// Whether a sentence ends in between.
fn ends_sentence(between: &[u8]) -> bool {
    between.windows(3).any(|end| ["。", "！", "？"].iter().any(|mark| end == mark.as_bytes()))
}

/// What may stand between a value and the word that says what it is: `E12345678（护照）`, `E12345678 是我的护照号`.
const BEHIND: [&str; 11] = [
    "(",
    "（",
    "是我的",
    "这个是我的",
    "这是我的",
    "是",
    "這是我的",
    "是他的",
    "是她的",
    "is my ",
    "is a ",
];

/// Whether the word stands right behind the value.
fn is_named_behind(text: Text<'_>, end: usize, index: usize) -> bool {
    let end = if text.at(end) == b' ' { end + 1 } else { end };
    if !matches!(text.at(end), b'(' | b'i' | 0xe6 | 0xe8 | 0xef) {
        return false;
    }
    let Some((_, words)) = WORDS.get(index) else { return false };
    BEHIND.into_iter().any(|head| {
        text.has(end, head.as_bytes()) && word_at(text, end + head.len(), words).is_some()
    })
}

/// Whether another number stands between a word and the value: five digits together. In a list the word speaks of all.
fn has_number(between: &[u8]) -> bool {
    let mut run = 0;
    let mut rest = between.iter().enumerate();
    let end = rest.find_map(|(index, byte)| {
        run = if byte.is_ascii_digit() { run + 1 } else { 0 };
        (run == 5).then_some(index + 1)
    });
    let Some(end) = end else { return false };
    // The last number, and what joins it to the value.
    let tail = between.get(end..).unwrap_or_default();
    let joined = tail
        .iter()
        .rposition(u8::is_ascii_digit)
        .map_or(tail, |last| tail.get(last + 1..).unwrap_or_default());
    // `1234567(8)` ends with its bracket.
    let joined = joined
        .strip_prefix(b")")
        .or_else(|| joined.strip_prefix("）".as_bytes()))
        .unwrap_or(joined)
        .trim_ascii();
    !matches!(joined, b"," | b"/" | b";" | b"and" | b"&")
        && !["、", "，", "和", "及", "；", "或"].iter().any(|word| joined == word.as_bytes())
}

/// How much of a row is read, in bytes.
const ROW_BYTES: usize = 128;

/// Whether the value at `start` stands in the row below `above`, and in the same column.
fn is_below(text: Text<'_>, above: usize, start: usize) -> bool {
    let between = text.slice(above, start);
    if between.len() > ROW_BYTES {
        return false;
    }
    let mut lines = between.rsplitn(2, |byte| *byte == b'\n');
    let (Some(row), Some(above_row)) = (lines.next(), lines.next()) else { return false };
    // Nothing but `|---|---|` may stand between.
    let mut rules = above_row.iter().skip_while(|byte| **byte != b'\n');
    if !rules.all(|byte| b"|-: \r\n".contains(byte)) {
        return false;
    }
    let head = text.slice(above.saturating_sub(ROW_BYTES), above);
    let head = match head.iter().rposition(|byte| *byte == b'\n') {
        Some(end) => head.get(end + 1..).unwrap_or_default(),
        None if above <= ROW_BYTES => head,
        None => return false,
    };
    let cell = row.iter().rfind(|byte| !matches!(byte, b' ' | b'"' | b'\''));
    let border = cell.copied().filter(|byte| matches!(byte, b',' | b'|' | b'\t' | b';'));
    if let Some(border) = border {
        let column = |row: &[u8]| row.split(|byte| *byte == border).count();
        return column(head) == column(row);
    }
    // Without borders, rows of a numbered list, whose names have one word or more, or of as many words.
    let is_numbered = |row: &[u8]| row.trim_ascii_start().first().is_some_and(u8::is_ascii_digit);
    let words =
        |row: &[u8]| row.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty()).count();
    row.ends_with(b" ") && (is_numbered(head) && is_numbered(row) || words(head) == words(row))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_may_begin_as_it_begins_and_has_room() {
        for (_, words) in WORDS {
            for word in words {
                let bytes = word.as_bytes();
                assert!(may_begin(bytes[0], bytes[1]) && bytes.len() <= WORD_MAX, "{word}");
            }
        }
    }
}
