//! The form of a pseudonym on the wire: `PII_`, four letters of its kind, `_` and twenty letters.
//!
//! One length for all, so that none is the beginning of another, and letters alone behind the first
//! mark: no detector of numbers finds one, JSON never escapes one, and a tokenizer has nothing to
//! re-group. What the twenty letters say is not decided here.

use std::fmt;

/// The last letters are consonants: no word comes of them, and `PII_` cannot begin among them.
const LETTERS: &[u8; 20] = b"BCDFGHJKLMNPQRSTVWXZ";

const TAG_BYTES: usize = 4;

const BYTES: usize = Token::PREFIX.len() + TAG_BYTES + 1 + 20;

/// Where the twenty letters begin.
const LETTERS_AT: usize = Token::PREFIX.len() + TAG_BYTES + 1;

/// A pseudonym: what stands in a request in the place of a value.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Token([u8; BYTES]);

impl Token {
    /// What every one begins with.
    pub const PREFIX: &'static str = "PII_";

    /// Length of every one, in bytes.
    pub const BYTES: usize = BYTES;

    /// The token of a tag and of `number`, of which 86 bits count: 20 letters of 20 kinds.
    ///
    /// A byte of `tag` that is no capital becomes `X`.
    pub fn new(tag: [u8; 4], mut number: u128) -> Self {
        let mut bytes = [b'_'; Self::BYTES];
        let tag = tag.map(|byte| if byte.is_ascii_uppercase() { byte } else { b'X' });
        for (slot, byte) in bytes.iter_mut().zip(Self::PREFIX.bytes().chain(tag)) {
            *slot = byte;
        }
        for slot in bytes.iter_mut().skip(LETTERS_AT) {
            // The rest of a division by 20 fits any index.
            *slot = LETTERS[usize::try_from(number % 20).unwrap_or_default()];
            number /= 20;
        }
        Self(bytes)
    }

    /// The token that stands at the start of `bytes`, known or not.
    pub fn at_start(bytes: &[u8]) -> Option<Self> {
        let bytes = bytes.first_chunk::<{ Self::BYTES }>()?;
        is_beginning(bytes).then_some(Self(*bytes))
    }

    /// Its letters, all of them ASCII.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }

    pub(super) const fn as_bytes(&self) -> &[u8; Self::BYTES] {
        &self.0
    }
}

impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Whether more letters could make a token of `bytes`, or whether they are one.
pub(super) fn is_beginning(bytes: &[u8]) -> bool {
    bytes.len() <= Token::BYTES
        && bytes.iter().enumerate().all(|(at, byte)| match Token::PREFIX.as_bytes().get(at) {
            Some(expected) => byte == expected,
            None if at == LETTERS_AT - 1 => *byte == b'_',
            None if at < LETTERS_AT => byte.is_ascii_uppercase(),
            None => LETTERS.contains(byte),
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_reads_back_and_so_does_each_beginning() {
        let token = Token::new(*b"CARD", 0x0123_4567_89ab_cdef_0123_4567_89ab_cdef);
        let text = token.to_string();
        assert_eq!(text.len(), Token::BYTES);
        assert!(text.starts_with("PII_CARD_"));
        assert_eq!(Token::at_start(format!("{text}S").as_bytes()), Some(token));
        for (end, _) in text.char_indices() {
            assert!(is_beginning(&text.as_bytes()[..end]), "{end}");
            assert_eq!(Token::at_start(&text.as_bytes()[..end]), None);
        }
        assert!(!is_beginning(format!("{text}S").as_bytes()));
    }

    #[test]
    fn the_edges_of_the_number_give_letters_too() {
        for number in [0, 1, 19, 20, u128::MAX] {
            let token = Token::new(*b"a1_Z", number);
            assert!(token.as_str().starts_with("PII_XXXZ_"), "{token}");
            assert_eq!(Token::at_start(token.as_str().as_bytes()), Some(token));
        }
        assert_eq!(Token::new(*b"CARD", 0).as_str(), "PII_CARD_BBBBBBBBBBBBBBBBBBBB");
    }
}
