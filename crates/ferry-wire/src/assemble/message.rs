//! The answer so far: the members around its content, its usage, and its blocks.

use bytes::Bytes;

use super::AssembleError;
use super::block::Block;
use super::members::Members;
use crate::json::key_is;

#[derive(Debug)]
pub(super) struct Message {
    base: Members,
    usage: Option<Members>,
    pub(super) blocks: Vec<Block>,
    /// Whether the answer has content blocks at all; a completion has not.
    has_content: bool,
}

impl Message {
    /// The message inside `message_start`; nothing when it is no object or has content already.
    pub(super) fn start(raw: &[u8]) -> Option<Self> {
        let mut base = Members::read(raw)?;
        let content = base.get("content").unwrap_or(b"[]");
        let inside = content.strip_prefix(b"[")?.strip_suffix(b"]")?;
        if !inside.trim_ascii().is_empty() {
            return None;
        }
        if base.get("content").is_none() {
            base.set("content", b"[]".to_vec());
        }
        let usage = match base.get("usage") {
            Some(usage) if usage != b"null" => Some(Members::read(usage)?),
            _ => None,
        };
        Some(Self { base, usage, blocks: Vec::new(), has_content: true })
    }

    /// An answer without content blocks.
    pub(super) const fn of(base: Members) -> Self {
        Self { base, usage: None, blocks: Vec::new(), has_content: false }
    }

    /// Merges a `message_delta`: what stands in `delta` or beside it goes on top, usage member by
    /// member.
    pub(super) fn merge_delta(&mut self, data: &[u8]) -> Result<(), AssembleError> {
        self.try_merge_delta(data).ok_or(AssembleError::Malformed { event: "message_delta" })
    }

    fn try_merge_delta(&mut self, data: &[u8]) -> Option<()> {
        for (name, value) in Members::read(data)?.into_each() {
            let is_null = value == b"null";
            if key_is(&name, "delta") && !is_null {
                for (name, value) in Members::read(&value)?.into_each() {
                    self.base.set_raw(&name, value)?;
                }
            } else if key_is(&name, "usage") && !is_null {
                self.merge_usage(Members::read(&value)?)?;
            } else if !["delta", "usage", "type"].iter().any(|own| key_is(&name, own)) {
                self.base.set_raw(&name, value)?;
            }
        }
        Some(())
    }

    /// Counts are cumulative, so the later replaces; a null says nothing about what is known.
    fn merge_usage(&mut self, delta: Members) -> Option<()> {
        if self.base.get("usage").is_none() {
            self.base.set("usage", b"null".to_vec());
        }
        let usage = self.usage.get_or_insert_default();
        for (name, value) in delta.into_each() {
            if value != b"null" || !usage.has_raw(&name)? {
                usage.set_raw(&name, value)?;
            }
        }
        Some(())
    }

    /// Merges the next event of a completion.
    pub(super) fn append_completion(&mut self, next: Members) -> Option<()> {
        for (name, value) in next.into_each() {
            if key_is(&name, "completion") {
                self.base.append_string("completion", &value)?;
            } else {
                self.base.set_raw(&name, value)?;
            }
        }
        Some(())
    }

    /// Whether a stop reason is known, which ends a completion.
    pub(super) fn has_stopped(&self) -> bool {
        self.base.has_value("stop_reason")
    }

    /// The answer as JSON.
    pub(super) fn into_json(self) -> Result<Bytes, AssembleError> {
        let mut content = vec![b'['];
        for (index, block) in self.blocks.into_iter().enumerate() {
            if index > 0 {
                content.push(b',');
            }
            block.write(&mut content)?;
        }
        content.push(b']');
        let mut out = Vec::with_capacity(content.len() + 1024);
        self.base.write(&mut out, |name, out| {
            if self.has_content && key_is(name, "content") {
                out.extend_from_slice(&content);
                return true;
            }
            let usage = self.usage.as_ref().filter(|_| key_is(name, "usage"));
            if let Some(usage) = usage {
                usage.write(out, |_, _| false);
            }
            usage.is_some()
        });
        Ok(Bytes::from(out))
    }
}
