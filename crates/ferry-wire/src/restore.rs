//! Puts the values back into an answer in the place of the pseudonyms that the request carried.
//!
//! The pairs are those of one request, in memory as long as its answer. Restoring is a splice into the
//! bytes of texts, tool inputs and cited texts; thinking, signatures, ids, names and keys of objects
//! are never touched, and a pseudonym that this request did not carry stays as it is and is counted.
//! Only letters as they stand count: a pseudonym that a model writes with escapes is left alone.

use std::cmp::Ordering;

use bytes::Bytes;
use memchr::memmem::Finder;

use crate::json::escaped;

mod answer;
pub(crate) mod event;
pub(crate) mod lane;
mod scan;
pub(crate) mod slice;
mod stream;
pub(crate) mod strings;
mod token;

pub use stream::{EVENT_BYTES_MAX, RestoreStream};
pub use token::Token;

/// What was met in an answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Pseudonyms that became values again.
    pub restored: u64,
    /// Texts of the form of a pseudonym that this request did not carry: a model made them up, or
    /// changed a letter.
    pub unknown: u64,
    /// Events of a stream that were too long to be read ([`EVENT_BYTES_MAX`]) and went on as they came.
    pub unread: u64,
}

/// The pairs of one request. Shared by whatever carries its answer.
pub struct Restorer {
    /// Sorted by token.
    pairs: Vec<(Token, Value)>,
    prefix: Finder<'static>,
    tool_input: Finder<'static>,
}

/// A value as it stands between the quotes of a JSON string.
struct Value {
    once: Bytes,
    /// Inside a JSON text that itself stands in a string.
    twice: Bytes,
}

/// Never prints a value.
impl std::fmt::Debug for Restorer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Restorer").field("pairs", &self.pairs.len()).finish_non_exhaustive()
    }
}

impl Restorer {
    /// A restorer of these pairs; of a token given twice the first value counts. Nothing when there
    /// are none: an answer then needs no look.
    pub fn new<V: AsRef<str>>(pairs: impl IntoIterator<Item = (Token, V)>) -> Option<Self> {
        let mut pairs: Vec<_> =
            pairs.into_iter().map(|(token, value)| (token, Value::of(value.as_ref()))).collect();
        // The sort is stable, and of equals the first is kept.
        pairs.sort_by_key(|(token, _)| *token);
        pairs.dedup_by_key(|(token, _)| *token);
        if pairs.is_empty() {
            return None;
        }
        Some(Self {
            pairs,
            prefix: Finder::new(Token::PREFIX),
            tool_input: Finder::new("input_json_delta"),
        })
    }

    /// How many pseudonyms it knows.
    pub const fn len(&self) -> usize {
        self.pairs.len()
    }

    /// Never true; see [`Restorer::new`].
    pub const fn is_empty(&self) -> bool {
        self.pairs.is_empty()
    }

    /// The place of a token among the pairs.
    fn place(&self, token: Token) -> Option<usize> {
        self.pairs.binary_search_by_key(&token, |(known, _)| *known).ok()
    }

    /// Whether a pseudonym of this request begins with `bytes`.
    fn has_beginning(&self, bytes: &[u8]) -> bool {
        let of_known =
            |known: &Token| known.as_bytes().get(..bytes.len()).map(|known| known.cmp(bytes));
        self.pairs.binary_search_by(|(known, _)| of_known(known).unwrap_or(Ordering::Less)).is_ok()
    }

    /// The value of a place as it is written at a level of escapes.
    fn value(&self, place: usize, escapes: Escapes) -> Bytes {
        self.pairs.get(place).map_or_else(Bytes::new, |(_, value)| match escapes {
            Escapes::Once => value.once.clone(),
            Escapes::Twice => value.twice.clone(),
        })
    }
}

/// How deep a text stands in JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Escapes {
    /// In a string.
    Once,
    /// In a string of a JSON text that stands in a string.
    Twice,
}

impl Value {
    fn of(value: &str) -> Self {
        let once = escaped(value);
        let twice = std::str::from_utf8(&once).map_or_else(|_| Bytes::new(), escaped);
        // Nearly all values need no escape, and then share their bytes.
        if once == twice { Self { twice: once.clone(), once } } else { Self { once, twice } }
    }
}

#[cfg(test)]
mod tests;
