//! What a member of an object says about its siblings, wherever it stands among them.
//!
//! `{"data":"...","type":"redacted_thinking"}` is what the Python SDK writes of an answer it got. So an object whose type
//! matters is looked through for it before its members are read; where the type comes first that costs nothing, and
//! where it comes last strings are passed over twice. The alternative, to gather the spans of a block until its type is
//! known, costs memory that grows with the body, and the paths to keep.

use super::Role;
use super::place::Place;
use super::reader::Reader;
use crate::json::{key_is, unescape};

/// How many objects, one inside the other, are looked through; the message and the sources of its blocks count.
///
/// The API's own nest five deep (a text in the content of a document in the result of a tool). Deeper ones are read by the
/// names of their members alone, wherever the type stands, so that no body is passed over more than this often.
pub(super) const LOOKS_MAX: u32 = 10;

/// What is known of an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tag {
    /// Nothing that matters.
    None,
    /// Thinking and what else is the model's own: nothing in it may change.
    Sealed,
    /// A tool is called or named: `name` is an identifier.
    Tool,
    /// A tool has answered.
    ToolResult,
    /// A source of plain text.
    Text,
    /// A source of base64.
    Base64,
    /// Who speaks.
    Speaker(Role),
}

impl Tag {
    /// Looks through the object behind whose opening bracket `ahead` stands.
    ///
    /// What is no JSON has no tag; the walk will say so.
    pub(super) fn look(mut ahead: Reader<'_>, place: Place) -> Self {
        let is_message = place == Place::Message;
        let wanted = if is_message { "role" } else { "type" };
        while let Some(name) = ahead.skip_string() {
            if !ahead.take(b':') {
                break;
            }
            if key_is(ahead.slice(&name), wanted) {
                let said = ahead.skip_string().and_then(|range| unescape(ahead.slice(&range)));
                let Some(said) = said else { break };
                return if is_message { Self::of_role(&said) } else { Self::of_type(&said) };
            }
            if ahead.skip_value().is_none() || !ahead.take(b',') {
                break;
            }
        }
        Self::None
    }

    fn of_role(role: &[u8]) -> Self {
        match role {
            b"user" => Self::Speaker(Role::User),
            b"assistant" => Self::Speaker(Role::Assistant),
            b"system" => Self::Speaker(Role::System),
            _ => Self::None,
        }
    }

    /// New types are told by the words in them, as the API has named its types so far.
    fn of_type(said: &[u8]) -> Self {
        let has = |word: &str| memchr::memmem::find(said, word.as_bytes()).is_some();
        match said {
            b"text" => Self::Text,
            b"base64" => Self::Base64,
            _ if has("thinking") || has("compaction") || has("redacted") => Self::Sealed,
            _ if has("tool_result") => Self::ToolResult,
            _ if has("tool") => Self::Tool,
            _ => Self::None,
        }
    }
}
