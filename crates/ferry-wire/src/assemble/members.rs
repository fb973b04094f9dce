//! The members of a JSON object in order, each value as it was written.
//!
//! It is what lets an answer be put together without a tree: numbers, escapes and unknown members
//! never leave their letters.

use serde_json::value::RawValue;

use crate::json::cursor::Cursor;
use crate::json::{key_is, unescape};

/// What a member takes beside its letters: two vectors and their allocations.
pub(super) const MEMBER_BYTES: usize = size_of::<Member>() + 32;

/// Members of one object; the API's largest, a message, has some twelve. A search goes through all.
const MEMBERS_MAX: usize = 256;

/// An object's members; of a name given twice the last value counts.
#[derive(Debug, Default)]
pub(super) struct Members(Vec<Member>);

#[derive(Debug)]
struct Member {
    /// Raw, between its quotes.
    name: Vec<u8>,
    value: Vec<u8>,
}

/// Walks over the members of an object that is sound JSON; nothing when it is not.
fn each<'a>(raw: &'a [u8], mut take: impl FnMut(&'a [u8], &'a [u8]) -> Option<()>) -> Option<()> {
    // The cursor checks no scalars and no escapes.
    serde_json::from_slice::<&RawValue>(raw).ok()?;
    let mut cursor = Cursor::new(raw);
    cursor.expect(b'{').ok()?;
    let mut is_first = true;
    while let Some(name) = cursor.member(is_first).ok()? {
        is_first = false;
        take(name, cursor.value().ok()?)?;
    }
    cursor.end().ok()
}

/// How many members an object has; nothing when it is no sound object.
pub(super) fn count(raw: &[u8]) -> Option<usize> {
    let mut count = 0;
    each(raw, |_, _| {
        count += 1;
        Some(())
    })?;
    Some(count)
}

impl Members {
    /// The members of an object; nothing when it is no sound object, or one
    /// that no API sends.
    pub(super) fn read(raw: &[u8]) -> Option<Self> {
        let mut members = Self::default();
        each(raw, |name, value| members.set_raw(name, value.to_vec()))?;
        Some(members)
    }

    pub(super) fn get(&self, name: &str) -> Option<&[u8]> {
        let member = self.0.iter().find(|member| key_is(&member.name, name))?;
        Some(&member.value)
    }

    fn get_mut(&mut self, name: &str) -> Option<&mut Vec<u8>> {
        let member = self.0.iter_mut().find(|member| key_is(&member.name, name))?;
        Some(&mut member.value)
    }

    /// Replaces a value in its place, or adds it at the end; for names of our own, which are few.
    pub(super) fn set(&mut self, name: &str, value: Vec<u8>) {
        match self.get_mut(name) {
            Some(known) => *known = value,
            None => self.0.push(Member { name: name.as_bytes().to_vec(), value }),
        }
    }

    /// The same with a name as it was written; nothing when its escapes are broken, or when the
    /// object has grown out of its bound.
    pub(super) fn set_raw(&mut self, name: &[u8], value: Vec<u8>) -> Option<()> {
        let decoded = unescape(name)?;
        let decoded = std::str::from_utf8(&decoded).ok()?;
        let is_full = self.0.len() == MEMBERS_MAX;
        match self.get_mut(decoded) {
            Some(known) => *known = value,
            None if is_full => return None,
            None => self.0.push(Member { name: name.to_vec(), value }),
        }
        Some(())
    }

    /// Hands every member over, with its raw name.
    pub(super) fn into_each(self) -> impl Iterator<Item = (Vec<u8>, Vec<u8>)> {
        self.0.into_iter().map(|member| (member.name, member.value))
    }

    /// Whether a name as it was written is there; nothing when its escapes are broken.
    pub(super) fn has_raw(&self, name: &[u8]) -> Option<bool> {
        let decoded = unescape(name)?;
        Some(self.get(std::str::from_utf8(&decoded).ok()?).is_some())
    }

    /// Whether `name` is there and not null.
    pub(super) fn has_value(&self, name: &str) -> bool {
        self.get(name).is_some_and(|value| value != b"null")
    }

    /// Appends the letters of a string to a string; a value that is missing or null counts as
    /// empty. Nothing when either is no string.
    pub(super) fn append_string(&mut self, name: &str, more: &[u8]) -> Option<()> {
        if more.len() < 2 || more.first() != Some(&b'"') {
            return None;
        }
        if !self.has_value(name) {
            self.set(name, more.to_vec());
            return Some(());
        }
        let known = self.get_mut(name)?;
        if known.first() != Some(&b'"') {
            return None;
        }
        known.pop();
        known.extend_from_slice(more.get(1..)?);
        Some(())
    }

    /// Appends an entry to a list; a value that is missing or null counts as empty. Nothing when
    /// it is no list.
    pub(super) fn append_entry(&mut self, name: &str, entry: &[u8]) -> Option<()> {
        if !self.has_value(name) {
            self.set(name, b"[]".to_vec());
        }
        let known = self.get_mut(name)?;
        let inside = known.strip_prefix(b"[")?.strip_suffix(b"]")?;
        let is_empty = inside.trim_ascii().is_empty();
        known.pop();
        if !is_empty {
            known.push(b',');
        }
        known.extend_from_slice(entry);
        known.push(b']');
        Some(())
    }

    /// Writes the object; `instead` may write the value of a member itself and then says so.
    pub(super) fn write(
        &self,
        out: &mut Vec<u8>,
        mut instead: impl FnMut(&[u8], &mut Vec<u8>) -> bool,
    ) {
        out.push(b'{');
        for (index, member) in self.0.iter().enumerate() {
            if index > 0 {
                out.push(b',');
            }
            out.push(b'"');
            out.extend_from_slice(&member.name);
            out.extend_from_slice(b"\":");
            if !instead(&member.name, out) {
                out.extend_from_slice(&member.value);
            }
        }
        out.push(b'}');
    }
}
