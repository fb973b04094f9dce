//! Which strings of a request are text: the one list of what is handed out and what is not.
//!
//! Three rules, in this order:
//!
//! 1. What must not change is told by type or name and never handed out: blocks of thinking and compaction whole,
//!    signatures, `encrypted_*`, base64, ids, names of tools, types, models, marks of the cache, credentials.
//! 2. In JSON of the client's own (inputs of tools, examples, defaults) names mean nothing: every string and number is
//!    handed out, whatever its name.
//! 3. Anything else is text, members and types included that are newer than this list. A secret that passes in a member
//!    nobody knew of is worse than a look at a string that turns out to be none; and what a new member might carry that
//!    must not change is base64, which is told by its letters (`text/opaque.rs`), or has a name as in rule 1.
//!
//! Object keys are never handed out: the API's are fixed, and those of an input are its tool's.

use super::tag::Tag;
use super::{Role, Shape};

/// What the walk does with a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// Nothing but checking it.
    Passed,
    /// A string is text; an object is a block; an array holds more of the same.
    Text(Role),
    /// The same, but a string may turn out to be base64.
    Open(Role),
    /// The same, and a string may be base64 of either alphabet.
    Data(Role),
    /// A string that ought to be base64, in one line or several.
    Base64(Role),
    /// JSON of the client's own.
    Free(Role),
    /// The source of an image or a document.
    Source(Role),
    /// The text of a block that may be Claude Code's attribution.
    Attribution,
    /// A schema of JSON: its descriptions are text.
    Schema,
    /// A description in a schema, or a schema of that name.
    Described,
    /// Schemas by name.
    Schemas,
    /// The outermost object.
    Top(Shape),
    /// One of a batch's `requests`.
    Request,
    /// A block of an answer.
    Said,
    /// A citation in one.
    Cited,
    /// `system`.
    System,
    /// The first of its blocks.
    FirstSystem,
    /// One of `messages`.
    Message,
    /// One of `tools`.
    Tool,
    /// `metadata`.
    Metadata,
    /// One of `mcp_servers`.
    Server,
    /// `container`, or one of its skills.
    Container,
}

/// What the walk does with a string.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    No,
    /// Unless it is a `data:` URL.
    Text,
    /// Nor base64.
    Open,
    /// Nor base64 of either alphabet.
    Data,
    /// Nor that in lines.
    Base64,
    /// Unless it is the attribution.
    Attribution,
}

impl Place {
    /// The place of an array's element.
    pub(super) fn element(self, is_first: bool) -> Self {
        if is_first && self == Self::System { Self::FirstSystem } else { self }
    }

    /// Whether an object here has to be looked through for its type or its speaker.
    pub(super) const fn has_tag(self) -> bool {
        match self {
            Self::Text(_)
            | Self::Open(_)
            | Self::Data(_)
            | Self::Base64(_)
            | Self::Source(_)
            | Self::System
            | Self::FirstSystem
            | Self::Said
            | Self::Message => true,
            Self::Passed
            | Self::Free(_)
            | Self::Attribution
            | Self::Schema
            | Self::Described
            | Self::Schemas
            | Self::Top(_)
            | Self::Request
            | Self::Cited
            | Self::Tool
            | Self::Metadata
            | Self::Server
            | Self::Container => false,
        }
    }

    /// Whether an object here is what a model is asked: `tools`, `system` and `messages`.
    pub(super) const fn is_prompt(self) -> bool {
        matches!(self, Self::Top(Shape::Messages | Shape::CountTokens))
    }

    /// Whose the text is that stands here.
    pub(super) const fn role(self) -> Role {
        match self {
            Self::Text(role)
            | Self::Open(role)
            | Self::Data(role)
            | Self::Base64(role)
            | Self::Free(role)
            | Self::Source(role) => role,
            Self::System | Self::FirstSystem | Self::Attribution => Role::System,
            Self::Said | Self::Cited => Role::Assistant,
            Self::Schema | Self::Described | Self::Schemas | Self::Tool => Role::Description,
            Self::Passed
            | Self::Top(_)
            | Self::Request
            | Self::Message
            | Self::Metadata
            | Self::Server
            | Self::Container => Role::Other,
        }
    }

    pub(super) const fn string(self) -> Wanted {
        match self {
            // As a string a container is an id.
            Self::Passed
            | Self::Schema
            | Self::Schemas
            | Self::Said
            | Self::Cited
            | Self::Container => Wanted::No,
            Self::Text(_)
            | Self::Source(_)
            | Self::Described
            | Self::System
            | Self::FirstSystem => Wanted::Text,
            Self::Data(_) => Wanted::Data,
            Self::Base64(_) => Wanted::Base64,
            Self::Attribution => Wanted::Attribution,
            Self::Open(_)
            | Self::Free(_)
            | Self::Top(_)
            | Self::Request
            | Self::Message
            | Self::Tool
            | Self::Metadata
            | Self::Server => Wanted::Open,
        }
    }

    /// Whether a number that stands here is handed out: a card may be written as one.
    pub(super) fn wants_number(self) -> bool {
        self.string() != Wanted::No
    }

    /// The place of an object's member.
    pub(super) fn member(self, tag: Tag, name: &[u8]) -> Self {
        match self {
            Self::Passed | Self::Free(_) => self,
            _ if tag == Tag::Sealed => Self::Passed,
            Self::Top(shape) => top(shape, name),
            Self::Request => match name {
                b"params" => Self::Top(Shape::Messages),
                b"custom_id" => Self::Text(Role::Other),
                _ => named(Role::Other, tag, name),
            },
            Self::Message => message(tag, name),
            Self::Said => said(tag, name),
            Self::Cited => match name {
                b"cited_text" => Self::Text(Role::Assistant),
                _ => Self::Passed,
            },
            Self::Tool => tool(name),
            Self::Metadata => match name {
                b"user_id" => Self::Text(Role::Other),
                _ => Self::Open(Role::Other),
            },
            Self::Server => match name {
                b"name" | b"tool_configuration" => Self::Passed,
                _ => named(Role::Other, tag, name),
            },
            Self::Container => match name {
                b"skills" => self,
                b"version" => Self::Passed,
                _ => named(Role::Other, tag, name),
            },
            Self::Schema | Self::Described => schema(name),
            Self::Schemas => Self::Schema,
            Self::Source(role) => match (name, tag) {
                (b"data", Tag::Text) => Self::Text(role),
                // Whatever it is said to be: nothing but base64 is left unseen.
                (b"data", _) => Self::Base64(role),
                _ => named(role, tag, name),
            },
            Self::FirstSystem if name == b"text" => Self::Attribution,
            Self::Text(_)
            | Self::Open(_)
            | Self::Data(_)
            | Self::Base64(_)
            | Self::Attribution
            | Self::System
            | Self::FirstSystem => {
                let role = if tag == Tag::ToolResult { Role::Tool } else { self.role() };
                named(role, tag, name)
            }
        }
    }
}

/// A top-level member.
fn top(shape: Shape, name: &[u8]) -> Place {
    if shape == Shape::Answer {
        return match name {
            b"content" => Place::Said,
            b"completion" => Place::Text(Role::Assistant),
            _ => Place::Passed,
        };
    }
    match name {
        b"system" => Place::System,
        b"messages" => Place::Message,
        b"tools" => Place::Tool,
        b"requests" if shape == Shape::Batch => Place::Request,
        b"prompt" if shape == Shape::Complete => Place::Text(Role::Prompt),
        b"stop_sequences" => Place::Text(Role::Other),
        b"metadata" => Place::Metadata,
        b"mcp_servers" => Place::Server,
        b"container" => Place::Container,
        b"max_tokens"
        | b"max_tokens_to_sample"
        | b"stream"
        | b"temperature"
        | b"top_p"
        | b"top_k"
        | b"thinking"
        | b"service_tier"
        | b"tool_choice"
        | b"speed"
        | b"inference_geo"
        | b"betas"
        | b"anthropic_beta"
        | b"anthropic_version" => Place::Passed,
        _ => named(Role::Other, Tag::None, name),
    }
}

fn message(tag: Tag, name: &[u8]) -> Place {
    let role = if let Tag::Speaker(role) = tag { role } else { Role::Other };
    match name {
        b"role" => Place::Passed,
        b"content" => Place::Text(role),
        _ => named(role, Tag::None, name),
    }
}

/// A member of an answer's block. What tools of the server found is not the model's, and goes back to the API as it came.
fn said(tag: Tag, name: &[u8]) -> Place {
    match (tag, name) {
        (Tag::Text, b"text") => Place::Text(Role::Assistant),
        (Tag::Text, b"citations") => Place::Cited,
        (Tag::Tool, b"input") => Place::Free(Role::Assistant),
        _ => Place::Passed,
    }
}

fn tool(name: &[u8]) -> Place {
    match name {
        // Domains lead somewhere: another text would lead elsewhere.
        b"name" | b"allowed_domains" | b"blocked_domains" => Place::Passed,
        b"description" => Place::Text(Role::Description),
        _ => named(Role::Description, Tag::Tool, name),
    }
}

/// A member of a block, or of anything that this list does not know.
fn named(role: Role, tag: Tag, name: &[u8]) -> Place {
    match name {
        b"type"
        | b"id"
        | b"signature"
        | b"thinking"
        | b"cache_control"
        | b"model"
        | b"media_type"
        | b"tool_name"
        | b"server_name"
        | b"mcp_server_name"
        | b"authorization_token"
        | b"fallback_credit_token" => Place::Passed,
        b"name" if tag == Tag::Tool => Place::Passed,
        b"data" => match tag {
            Tag::Base64 => Place::Base64(role),
            Tag::Text => Place::Text(role),
            Tag::None | Tag::Sealed | Tag::Tool | Tag::ToolResult | Tag::Speaker(_) => {
                Place::Data(role)
            }
        },
        b"source" => Place::Source(role),
        b"input" | b"input_examples" => Place::Free(role),
        b"input_schema" | b"schema" => Place::Schema,
        b"text" | b"content" | b"title" | b"context" | b"url" | b"stdout" | b"stderr"
        | b"cited_text" | b"document_title" | b"description" => Place::Text(role),
        _ if name.starts_with(b"encrypted_") => Place::Passed,
        _ if name.ends_with(b"_id") || name.ends_with(b"_ids") => Place::Passed,
        _ => Place::Open(role),
    }
}

/// A member of a schema. Its names, and the values that it allows, are the tool's and stay as they are.
fn schema(name: &[u8]) -> Place {
    match name {
        b"description" | b"title" | b"$comment" => Place::Described,
        b"default" | b"example" | b"examples" => Place::Free(Role::Description),
        b"properties" | b"patternProperties" | b"$defs" | b"definitions" | b"dependentSchemas" => {
            Place::Schemas
        }
        b"enum" | b"const" | b"required" | b"dependentRequired" => Place::Passed,
        _ => Place::Schema,
    }
}
