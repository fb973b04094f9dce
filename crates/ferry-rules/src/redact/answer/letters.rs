//! What one letter means for a text that comes in parts: whether it may belong to a value, and whether one may end before it.
//!
//! The signs are those of the detectors (`sweep.rs`), read from the other side: a letter without any of them is no part of
//! a value that they find.

use super::super::normalise::is_spelled_otherwise;
use super::super::plate::PROVINCES;

/// From so many letters on a word may be a key or a token, as for the detectors.
const LONG_WORD: usize = 16;

/// A letter behind what came before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Letter {
    /// It makes that a value may stand here.
    pub(super) is_hot: bool,
    /// No value goes on over it.
    pub(super) is_border: bool,
    /// A bracket opens, in which a value may be named.
    pub(super) is_bracket: bool,
    /// How long the word in work is with it.
    pub(super) word: usize,
}

impl Letter {
    /// Reads the letter that stands behind `before`, where a word of `word` letters is in work.
    pub(super) fn read(letter: char, before: &str, word: usize) -> Self {
        let last = before.chars().next_back().unwrap_or(' ');
        let is_bracket = matches!(letter, '(' | '（');
        let of = |is_hot, is_border, word| Self { is_hot, is_border, is_bracket, word };
        match letter {
            '0'..='9' => of(true, false, word + 1),
            // The letter of an escape, which is a line's end as a rule.
            'n' | 'r' | 't' | 'b' | 'f' if last == '\\' => of(false, true, 0),
            'u' if last == '\\' => of(true, false, 0),
            'a'..='z' | 'A'..='Z' | '_' | '-' => {
                let word = word + 1;
                let is_plate = letter.is_ascii_uppercase() && PROVINCES.contains(last);
                let is_dashes = letter == '-' && before.ends_with("---");
                let is_address = last == ':' && before.trim_end_matches(':').ends_with(is_word);
                of(word >= LONG_WORD || is_plate || is_dashes || is_address, false, word)
            }
            '@' => of(true, false, 0),
            ':' => of(last == ':', false, 0),
            '.' | '+' | '/' | '=' | '%' | '~' | '*' | '#' | '&' | '\\' => of(false, false, 0),
            _ if letter.is_ascii() => of(false, true, 0),
            // Full-width letters, digits and `@`.
            '\u{ff10}'..='\u{ff19}' | '\u{ff20}'..='\u{ff3a}' | '\u{ff41}'..='\u{ff5a}' => {
                of(true, false, 0)
            }
            _ if is_spelled_otherwise(letter) => {
                let joins = is_word(last) || is_spelled_otherwise(last) || last == '@';
                of(joins && !is_bracket, !joins || is_bracket, 0)
            }
            _ => of(false, !PROVINCES.contains(letter), 0),
        }
    }
}

/// Whether a sentence or a line ends with this letter.
pub(super) fn is_sentence_end(letter: char, before: &str) -> bool {
    let last = before.chars().next_back().unwrap_or(' ');
    match letter {
        '\n' | '。' | '！' | '？' | '；' => true,
        'n' => last == '\\',
        _ => letter.is_whitespace() && matches!(last, '.' | '!' | '?' | ';'),
    }
}

const fn is_word(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || letter == '_'
}
