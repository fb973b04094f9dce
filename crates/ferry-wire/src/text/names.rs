//! No name twice in one object, without a tree and without a hash map.
//!
//! The names of all objects that stand open lie in one list, 16 bytes each, and an object's go when it closes. A
//! member takes five bytes of body at least (`"":1,`) and soon more, since names must differ, so that the list stays
//! below three times the body. Up to [`FEW`] names are compared as they come; a larger object is sorted when it
//! closes, by hash and then by letters: a million names cost one sort, and names made to share a hash no more.

use std::cmp::Ordering;

use super::decode::decode_each;
use super::error::{Fault, FaultKind};

/// Names of an object that are compared one by one; blocks and schemas have fewer.
const FEW: usize = 24;

/// Marks a name whose letters lie in the list's own text, since they were written with escapes.
const DECODED: u32 = 1 << 31;

#[derive(Clone, Copy, Debug)]
struct Name {
    /// Of the decoded letters.
    hash: u32,
    /// Offset in the body of the raw name.
    at: u32,
    /// Where the letters begin: in the body, or in the list's own text.
    start: u32,
    /// How many there are, and [`DECODED`].
    len: u32,
}

/// Where an object's names begin.
#[derive(Clone, Copy, Debug)]
pub(super) struct Mark {
    names: usize,
    text: usize,
}

/// The names of all open objects.
#[derive(Debug, Default)]
pub(super) struct Names {
    names: Vec<Name>,
    text: Vec<u8>,
}

impl Names {
    pub(super) fn clear(&mut self) {
        self.names.clear();
        self.text.clear();
    }

    pub(super) fn shrink(&mut self, bytes_max: usize) {
        self.clear();
        self.names.shrink_to(bytes_max / size_of::<Name>());
        self.text.shrink_to(bytes_max);
    }

    #[cfg(test)]
    pub(super) fn capacity(&self) -> usize {
        self.names.capacity() * size_of::<Name>() + self.text.capacity()
    }

    /// Opens an object.
    pub(super) const fn open(&self) -> Mark {
        Mark { names: self.names.len(), text: self.text.len() }
    }

    /// Decodes a name with escapes; answers where its letters begin.
    pub(super) fn decode(&mut self, raw: &[u8]) -> Result<usize, Fault> {
        let start = self.text.len();
        decode_each(raw, |piece| self.text.extend_from_slice(piece))?;
        Ok(start)
    }

    /// The letters of the name that was decoded last.
    pub(super) fn decoded(&self, start: usize) -> &[u8] {
        self.text.get(start..).unwrap_or_default()
    }

    /// Notes a name of the object that was opened last; answers whether it is new, as far as that is known yet.
    ///
    /// `at` is the offset of the raw name, `len` the number of its letters, `decoded` where [`Names::decode`] put them.
    pub(super) fn note(
        &mut self,
        body: &[u8],
        mark: Mark,
        (at, len): (usize, usize),
        decoded: Option<usize>,
    ) -> bool {
        let short = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
        let flag = if decoded.is_some() { DECODED } else { 0 };
        let mut name = Name {
            hash: 0,
            at: short(at),
            start: short(decoded.unwrap_or(at)),
            len: short(len) | flag,
        };
        let letters = letters(body, &self.text, name);
        name.hash = hash(letters);
        let siblings = self.names.get(mark.names..).unwrap_or_default();
        let is_new = siblings.len() >= FEW
            || !siblings.iter().any(|sibling| {
                sibling.hash == name.hash && self::letters(body, &self.text, *sibling) == letters
            });
        self.names.push(name);
        is_new
    }

    /// Closes an object.
    pub(super) fn close(&mut self, body: &[u8], mark: Mark) -> Result<(), Fault> {
        let text = &self.text;
        let own = self.names.get_mut(mark.names..).unwrap_or_default();
        let mut twice = None;
        if own.len() > FEW {
            let by_letters = |one: &Name, other: &Name| {
                letters(body, text, *one).cmp(letters(body, text, *other))
            };
            own.sort_unstable_by(|one, other| {
                let by_hash = one.hash.cmp(&other.hash);
                let order = by_hash.then_with(|| by_letters(one, other));
                order.then(one.at.cmp(&other.at))
            });
            let is_twice = |pair: &&[Name; 2]| {
                pair[0].hash == pair[1].hash && by_letters(&pair[0], &pair[1]) == Ordering::Equal
            };
            twice = own.array_windows().find(is_twice).map(|[_, second]| second.at as usize);
        }
        self.names.truncate(mark.names);
        self.text.truncate(mark.text);
        twice.map_or(Ok(()), |at| Err(FaultKind::DuplicateKey.at(at)))
    }
}

fn letters<'a>(body: &'a [u8], text: &'a [u8], name: Name) -> &'a [u8] {
    let from = if name.len & DECODED == 0 { body } else { text };
    let start = name.start as usize;
    from.get(start..start + (name.len & !DECODED) as usize).unwrap_or_default()
}

/// Spreads ordinary names; that others can be made to collide costs only the comparison of letters.
fn hash(letters: &[u8]) -> u32 {
    const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;
    let mix = |mixed: u64, word: u64| (mixed.rotate_left(23) ^ word).wrapping_mul(FACTOR);
    let (words, rest) = letters.as_chunks::<8>();
    let mixed = words
        .iter()
        .fold(letters.len() as u64, |mixed, word| mix(mixed, u64::from_le_bytes(*word)));
    // The rest in two halves that may overlap, so that there is no loop: 4 to 7 letters, or 1 to 3 by three of them.
    let last = match (rest.first_chunk::<4>(), rest.last_chunk::<4>()) {
        (Some(head), Some(tail)) => {
            u64::from(u32::from_le_bytes(*head)) << 32 | u64::from(u32::from_le_bytes(*tail))
        }
        _ => match (rest.first(), rest.get(rest.len() / 2), rest.last()) {
            (Some(head), Some(middle), Some(tail)) => {
                u64::from(*head) << 16 | u64::from(*middle) << 8 | u64::from(*tail)
            }
            _ => 0,
        },
    };
    u32::try_from(mix(mixed, last) >> 32).unwrap_or_default()
}
