//! The texts of a request: one walk over a body that hands out what people and models read.
//!
//! Redaction needs every text with its place in the original bytes, so that an edit is a splice, and needs to be
//! kept from everything that must not change: thinking and its signatures, encrypted contents, base64, ids, names.
//! Which is which stands in `text/place.rs`. The walk builds no tree and copies nothing but strings with escapes,
//! which are decoded into a buffer that is used again.
//!
//! # Why not a library
//! jiter gives offsets, but its decoder keeps no map from decoded to original bytes, so that strings with escapes would
//! be decoded twice; and it has to be told ahead whether a string is wanted, which the type behind it may decide. It is
//! also slower: it takes 80 to 90 us for 200 KB of Chinese, this walk 20 to 60. So the walk is ours, on the same steps
//! (`json::string_end`) as the envelope's, and a body is checked as UTF-8 once, by `simdutf8` in 9 us, so that none of
//! its strings has to be.
//!
//! # What is refused
//! A body that two readers might read in two ways must not pass a filter: not UTF-8, not one JSON object by the
//! letter of RFC 8259, a name twice in one object, nested deeper than [`DEPTH_MAX`], or half a surrogate pair in a
//! name or a text that is handed out.

use std::ops::Range;

mod decode;
mod error;
mod names;
mod opaque;
mod path;
mod place;
mod prompt;
mod reader;
mod tag;
mod walker;

pub use error::WalkError;

use decode::{Decoded, Mark};
use names::Names;
use path::Steps;
use walker::Walker;

/// Deepest nesting that is walked, the outermost object included.
///
/// Tool schemas inside a batch stay below 45; the walk recurses, so that the bound is also that of its stack.
pub const DEPTH_MAX: usize = 64;

/// Capacity that a [`Scratch`] keeps from one body to the next, in bytes of each buffer.
const KEPT_BYTES_MAX: usize = 512 * 1024;

/// What a body is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// `/v1/messages`.
    Messages,
    /// `/v1/messages/count_tokens`: the same members.
    CountTokens,
    /// `/v1/complete`, with its `prompt`.
    Complete,
    /// `/v1/messages/batches`: each of `requests[].params` is one of Messages.
    Batch,
    /// An answer to one of Messages or a legacy completion: what the model wrote, and nothing else.
    Answer,
}

/// Whose text a span is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Of `system`, or of a message with that role.
    System,
    /// Of a user's message.
    User,
    /// Of an assistant's message, inputs of tools included.
    Assistant,
    /// What a tool answered, on either side.
    Tool,
    /// About a tool: its description, those of its schema, its examples.
    Description,
    /// `prompt` of a legacy completion.
    Prompt,
    /// Anything else, such as `metadata.user_id`, stop sequences or members that are new.
    Other,
}

/// One text of a body.
#[derive(Clone, Copy)]
pub struct Span<'a> {
    body: &'a str,
    text: &'a str,
    /// Where it stands in the body, without quotes.
    place: &'a Range<usize>,
    /// For a text that was decoded.
    marks: Option<&'a [Mark]>,
    role: Role,
    is_number: bool,
    steps: &'a Steps,
}

/// Never prints a text.
impl std::fmt::Debug for Span<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Span").field("role", &self.role).finish_non_exhaustive()
    }
}

impl<'a> Span<'a> {
    /// The text, JSON-decoded and never empty; of a number its literal.
    pub const fn text(&self) -> &'a str {
        self.text
    }

    /// Whose text it is.
    pub const fn role(&self) -> Role {
        self.role
    }

    /// Whether it is a number: then it has no quotes in the body. What replaces it has to take all of it, and brings quotes
    /// of its own ([`crate::splice::Edits::put_string`]).
    pub const fn is_number(&self) -> bool {
        self.is_number
    }

    /// Where it stands, as in `messages[3].content[0].text`; made anew by each call.
    ///
    /// A name that is none of the API's may itself be sensitive: one that does not look like a name is given as `*`.
    pub fn path(&self) -> String {
        self.steps.render(self.body)
    }

    /// The bytes of the body that a range of the text stands for, escapes whole.
    ///
    /// A bound inside a character is moved outwards, one past the end to the end.
    pub fn raw(&self, decoded: Range<usize>) -> Range<usize> {
        let mut start = decoded.start.min(self.text.len());
        while !self.text.is_char_boundary(start) {
            start -= 1;
        }
        let mut end = decoded.end.clamp(start, self.text.len());
        while !self.text.is_char_boundary(end) {
            end += 1;
        }
        self.raw_offset(start)..self.raw_offset(end)
    }

    fn raw_offset(&self, decoded: usize) -> usize {
        let Some(marks) = self.marks else { return self.place.start + decoded };
        let raw = self.body.as_bytes().get(self.place.start..self.place.end);
        self.place.start + decode::raw_offset(raw.unwrap_or_default(), marks, decoded)
    }
}

/// The buffers of a walk, to be used for one body after another.
#[derive(Debug, Default)]
pub struct Scratch {
    decoded: Decoded,
    names: Names,
    steps: Steps,
}

impl Scratch {
    /// Empty buffers.
    pub fn new() -> Self {
        Self::default()
    }

    /// Gives back what one large body has made the buffers grow to.
    fn shrink(&mut self) {
        self.decoded.shrink(KEPT_BYTES_MAX);
        self.names.shrink(KEPT_BYTES_MAX);
    }

    #[cfg(test)]
    fn capacity(&self) -> usize {
        self.decoded.capacity() + self.names.capacity()
    }
}

/// Hands every text of a body to `each`, in the order of its bytes, and every number of four digits or more where a client
/// may write what it likes.
///
/// Time grows with the body, but for the names of a large object, which are sorted. Memory is that of the longest
/// string with escapes and of the names of open objects: a few KiB for a real body, below three times the body at worst
/// (see `text/names.rs`).
///
/// # Errors
/// [`WalkError`] as soon as the body cannot be walked. What was handed out before is then worth nothing.
pub fn walk(
    body: &[u8],
    shape: Shape,
    scratch: &mut Scratch,
    mut each: impl FnMut(&Span<'_>),
) -> Result<(), WalkError> {
    let text = checked(body)?;
    let walked = Walker::new(text, scratch, &mut each).body(shape);
    scratch.shrink();
    walked
}

/// The same texts in the order in which a model is given them, whatever the order of their bytes: `tools`, `system`, what
/// else stands beside them, `messages`. So in each of a batch's `params`.
///
/// It takes one look more over the body, by its quotes and brackets. The memory is the same.
///
/// # Errors
/// Those of [`walk`], in whose order a body that cannot be walked is told.
pub fn walk_by_prompt(
    body: &[u8],
    shape: Shape,
    scratch: &mut Scratch,
    mut each: impl FnMut(&Span<'_>),
) -> Result<(), WalkError> {
    let text = checked(body)?;
    let walked = Walker::new(text, scratch, &mut each).by_prompt().body(shape);
    scratch.shrink();
    // What was put off may not be the first fault.
    walked.map_err(|error| walk(body, shape, scratch, |_| {}).err().unwrap_or(error))
}

fn checked(body: &[u8]) -> Result<&str, WalkError> {
    let text = simdutf8::basic::from_utf8(body).map_err(|_invalid| WalkError::not_utf8(body))?;
    // Names keep one bit of their offsets for themselves.
    if i32::try_from(body.len()).is_err() {
        return Err(WalkError::TooLong);
    }
    Ok(text)
}

#[cfg(test)]
mod tests;
