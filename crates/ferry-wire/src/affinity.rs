//! What keeps requests of one conversation together: a hash of what its turns share.
//!
//! The API caches a prompt from its beginning and per workspace, so a conversation does best where
//! it began; and it keeps the redaction rules that it began with. The hash may be the same for two prompts, by chance or
//! because a client wants it so: two conversations of that tenant are then taken for one, which harms nobody else. So
//! it is XXH3, a fifth of the time of a cryptographic hash, and made only when it is asked for. The walk over the
//! envelope notes the places; nothing else of a body is touched.

use bytes::Bytes;
use xxhash_rust::xxh3::Xxh3;

use crate::json::string_end;

mod stored;

pub use stored::names_stored_object;

/// Most that is hashed of one part, in bytes.
///
/// 64 KiB tell conversations apart; an image may be megabytes.
const HASHED_BYTES_MAX: usize = 64 * 1024;

/// Most that is walked over in one part, in bytes, for a body of hardly any strings.
const WALKED_BYTES_MAX: usize = 1024 * 1024;

/// Longest string that is compared with [`UNHASHED`].
const SHORT_BYTES_MAX: usize = 16;

/// Strings that come and go with a mark of the cache, or with the short form of a text.
///
/// Clients move the mark from turn to turn, and write `"content":"x"` once without and then, with
/// it, as a block of text.
const UNHASHED: [&[u8]; 7] =
    [b"type", b"text", b"cache_control", b"ephemeral", b"ttl", b"5m", b"1h"];

/// A top-level member that the API caches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    Tools,
    System,
    Messages,
}

/// Where the cached parts of a body stand.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Prefix {
    tools: Option<u64>,
    system: Option<u64>,
    messages: Option<u64>,
}

impl Prefix {
    pub(crate) const fn new() -> Self {
        Self { tools: None, system: None, messages: None }
    }

    /// Notes the offset of a part's first byte; of a part given twice the last one counts.
    pub(crate) const fn note(&mut self, part: Part, at: u64) {
        match part {
            Part::Tools => self.tools = Some(at),
            Part::System => self.system = Some(at),
            Part::Messages => self.messages = Some(at),
        }
    }

    /// A hash of `tools`, `system` and the first of `messages`: the same for every turn of a
    /// conversation, in every release, and however the body is cut.
    ///
    /// Only strings count, at most 64 KiB of each part, and none of a `cache_control`. Nothing
    /// when there are none. `body` must be the one whose envelope this came from.
    pub fn hash(self, body: &[Bytes]) -> Option<u64> {
        let mut hasher = Xxh3::new();
        let mut has_any = false;
        let parts = [(self.tools, 0), (self.system, 0), (self.messages, 1)];
        for (number, (at, floor)) in (0_u8..).zip(parts) {
            let Some(at) = at.and_then(|at| usize::try_from(at).ok()) else { continue };
            hasher.update(&[number]);
            let mut strings = Strings::new(&mut hasher, floor);
            strings.walk(body, at);
            has_any |= strings.left < HASHED_BYTES_MAX;
        }
        has_any.then(|| hasher.digest())
    }
}

/// Hashes the strings of one value.
struct Strings<'a> {
    hasher: &'a mut Xxh3,
    /// Bytes that may still be hashed.
    left: usize,
    depth: usize,
    /// The depth at which the value is over: 1 takes the first element of a list.
    floor: usize,
    in_string: bool,
    escaped: bool,
    /// The string in work, until it grows too long.
    short: [u8; SHORT_BYTES_MAX],
    short_len: usize,
    is_long: bool,
}

impl<'a> Strings<'a> {
    const fn new(hasher: &'a mut Xxh3, floor: usize) -> Self {
        Self {
            hasher,
            left: HASHED_BYTES_MAX,
            depth: 0,
            floor,
            in_string: false,
            escaped: false,
            short: [0; SHORT_BYTES_MAX],
            short_len: 0,
            is_long: false,
        }
    }

    /// Walks over the value that begins at the offset `at` of the body.
    fn walk(&mut self, body: &[Bytes], at: usize) {
        let mut before = at;
        let mut walkable = WALKED_BYTES_MAX;
        for piece in body {
            let Some(rest) = piece.get(before..) else {
                before -= piece.len();
                continue;
            };
            before = 0;
            let rest = &rest[..rest.len().min(walkable)];
            walkable -= rest.len();
            if self.piece(rest).is_none() || walkable == 0 {
                return;
            }
        }
    }

    /// Walks over a piece of the value; nothing once the value is over, or enough is hashed.
    fn piece(&mut self, piece: &[u8]) -> Option<()> {
        let mut at = 0;
        while let Some(&byte) = piece.get(at) {
            if self.in_string {
                let rest = &piece[at..];
                let end = string_end(rest, &mut self.escaped);
                self.take(&rest[..end.unwrap_or(rest.len())]);
                let Some(end) = end else { break };
                at += end + 1;
                self.end_string();
            } else {
                at += 1;
                match byte {
                    b'"' => {
                        self.in_string = true;
                        self.escaped = false;
                        continue;
                    }
                    b'{' | b'[' => {
                        self.depth += 1;
                        continue;
                    }
                    b'}' | b']' => self.depth = self.depth.saturating_sub(1),
                    b',' => {}
                    _ if self.depth > 0 => continue,
                    // A number or a word is the whole value.
                    _ => return None,
                }
            }
            if self.depth <= self.floor || self.left == 0 {
                return None;
            }
        }
        (self.left > 0).then_some(())
    }

    fn take(&mut self, bytes: &[u8]) {
        if !self.is_long {
            if let Some(room) = self.short.get_mut(self.short_len..self.short_len + bytes.len()) {
                room.copy_from_slice(bytes);
                self.short_len += bytes.len();
                return;
            }
            self.is_long = true;
            self.hash_short();
        }
        self.hash(bytes);
    }

    fn end_string(&mut self) {
        self.in_string = false;
        let is_hashed = self.is_long || !UNHASHED.contains(&&self.short[..self.short_len]);
        if is_hashed {
            self.hash_short();
            // No string has a bare quote, so that two strings are not one.
            self.hash(b"\"");
        }
        self.short_len = 0;
        self.is_long = false;
    }

    fn hash_short(&mut self) {
        let (short, len) = (self.short, std::mem::take(&mut self.short_len));
        self.hash(&short[..len]);
    }

    fn hash(&mut self, bytes: &[u8]) {
        let bytes = &bytes[..bytes.len().min(self.left)];
        self.left -= bytes.len();
        self.hasher.update(bytes);
    }
}

#[cfg(test)]
mod tests;
