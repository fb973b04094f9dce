//! One content block: as `content_block_start` gave it, with what its deltas add.
//!
//! A delta is told by its own type and not by the block's, so that a new kind of block that grows
//! by known deltas needs no change here.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::AssembleError;
use super::members::Members;
use crate::json::object;

const MALFORMED: AssembleError = AssembleError::Malformed { event: "content_block_delta" };

#[derive(Debug)]
pub(super) struct Block {
    members: Members,
    /// The fragments of a tool's input, put together.
    input: String,
}

#[derive(Deserialize)]
struct Delta<'a> {
    #[serde(borrow, rename = "type")]
    kind: Cow<'a, str>,
    #[serde(borrow, default)]
    text: Option<&'a RawValue>,
    #[serde(borrow, default)]
    thinking: Option<&'a RawValue>,
    #[serde(borrow, default)]
    signature: Option<&'a RawValue>,
    #[serde(borrow, default)]
    citation: Option<&'a RawValue>,
    #[serde(borrow, default)]
    partial_json: Option<Cow<'a, str>>,
}

impl Block {
    /// A block as its first event gives it; nothing when that is no object.
    pub(super) fn start(raw: &[u8]) -> Option<Self> {
        Some(Self { members: Members::read(raw)?, input: String::new() })
    }

    /// Adds what a delta brings. Its further members are hints for a display
    /// (`estimated_tokens`), which the answer without a stream does not have.
    pub(super) fn delta(&mut self, raw: &str) -> Result<(), AssembleError> {
        let delta: Delta<'_> = object(raw.as_bytes()).ok_or(MALFORMED)?;
        let members = &mut self.members;
        let added = match &*delta.kind {
            "text_delta" => letters(delta.text).and_then(|raw| members.append_string("text", raw)),
            "thinking_delta" => {
                letters(delta.thinking).and_then(|raw| members.append_string("thinking", raw))
            }
            "signature_delta" => {
                // It comes whole.
                letters(delta.signature).map(|raw| members.set("signature", raw.to_vec()))
            }
            "citations_delta" => {
                letters(delta.citation).and_then(|raw| members.append_entry("citations", raw))
            }
            "input_json_delta" => {
                delta.partial_json.as_deref().map(|fragment| self.input.push_str(fragment))
            }
            "compaction_delta" => set_compaction(members, raw.as_bytes()),
            _ => return Err(AssembleError::UnknownDelta),
        };
        added.ok_or(MALFORMED)
    }

    /// Writes the block; its input as it was put together, or as it began when nothing came.
    pub(super) fn write(mut self, out: &mut Vec<u8>) -> Result<(), AssembleError> {
        let input = self.input.trim_ascii();
        if !input.is_empty() {
            let sound = serde_json::from_str::<&RawValue>(input).ok();
            let sound = sound.ok_or(AssembleError::ToolInput)?;
            self.members.set("input", sound.get().as_bytes().to_vec());
        }
        self.members.write(out, |_, _| false);
        Ok(())
    }
}

fn letters(raw: Option<&RawValue>) -> Option<&[u8]> {
    raw.map(|raw| raw.get().as_bytes())
}

/// The summary of a compaction comes whole, in members of the block's own names.
fn set_compaction(members: &mut Members, raw: &[u8]) -> Option<()> {
    let delta = Members::read(raw)?;
    for name in ["content", "encrypted_content"] {
        if let Some(value) = delta.get(name) {
            members.set(name, value.to_vec());
        }
    }
    Some(())
}
