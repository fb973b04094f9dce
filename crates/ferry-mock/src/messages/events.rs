//! Writes a plan as server-sent events, in the API's order. It sends nothing.

use std::fmt::Write as _;

use bytes::{Bytes, BytesMut};
use serde_json::Value;

use super::plan::{Block, Plan};
use crate::body::STAMP;
use crate::prose::Prose;

/// One event, ready for the wire.
#[derive(Clone, Debug)]
pub(crate) struct Event {
    /// Name, data and the empty line behind.
    pub(crate) bytes: Bytes,
    /// Output tokens it carries; what paces the stream.
    pub(crate) tokens: u32,
}

/// The events of a plan. With `stamp` each text delta begins with a place for the time; a ping goes before each
/// `pings`th delta besides the usual one at the start.
pub(crate) fn events(plan: &Plan, stamp: bool, pings: Option<usize>) -> Vec<Event> {
    let mut writer = Writer {
        buffer: BytesMut::with_capacity(2048),
        text: String::with_capacity(1024),
        events: Vec::with_capacity(16),
        pings,
        stamp,
        deltas: 0,
    };
    let message = plan.message(false);
    writer.event("message_start", 0, |text| write!(text, ",\"message\":{message}"));
    for (index, block) in plan.blocks.iter().enumerate() {
        writer.block(plan, index, block);
    }
    if plan.blocks.is_empty() {
        writer.ping();
    }
    writer.event("message_delta", 0, |text| {
        text.push_str(",\"delta\":{");
        plan.write_stop(text);
        text.push_str("},\"usage\":");
        plan.write_final_usage(text);
        Ok(())
    });
    writer.event("message_stop", 0, |_| Ok(()));
    writer.events
}

struct Writer {
    buffer: BytesMut,
    text: String,
    events: Vec<Event>,
    pings: Option<usize>,
    stamp: bool,
    deltas: usize,
}

impl Writer {
    fn event(
        &mut self,
        name: &str,
        tokens: u32,
        members: impl FnOnce(&mut String) -> std::fmt::Result,
    ) {
        self.text.clear();
        // Writing to a String cannot fail.
        write!(self.text, "event: {name}\ndata: {{\"type\":\"{name}\"").ok();
        members(&mut self.text).ok();
        self.text.push_str("}\n\n");
        self.buffer.extend_from_slice(self.text.as_bytes());
        self.events.push(Event { bytes: self.buffer.split().freeze(), tokens });
    }

    fn ping(&mut self) {
        self.events.push(Event {
            bytes: Bytes::from_static(b"event: ping\ndata: {\"type\": \"ping\"}\n\n"),
            tokens: 0,
        });
    }

    fn block(&mut self, plan: &Plan, index: usize, block: &Block) {
        self.event("content_block_start", 0, |text| {
            write!(text, ",\"index\":{index},\"content_block\":")?;
            match block {
                Block::Thinking(..) => {
                    text.push_str("{\"type\":\"thinking\",\"thinking\":\"\",\"signature\":\"\"}");
                    Ok(())
                }
                Block::Text(_) => {
                    text.push_str("{\"type\":\"text\",\"text\":\"\"}");
                    Ok(())
                }
                Block::Tool(id, name, _) => {
                    let name = Value::from(name.as_str());
                    write!(
                        text,
                        "{{\"type\":\"tool_use\",\"id\":\"{id}\",\"name\":{name},\"input\":{{}}}}"
                    )
                }
            }
        });
        if index == 0 {
            self.ping();
        }
        match block {
            Block::Thinking(prose, signature) => {
                self.deltas(plan, index, prose, "thinking_delta\",\"thinking");
                self.delta(index, "signature_delta\",\"signature", signature, 0);
            }
            Block::Text(prose) => self.deltas(plan, index, prose, "text_delta\",\"text"),
            Block::Tool(_, _, prose) => {
                // The API opens a tool's input with an empty fragment.
                self.delta(index, "input_json_delta\",\"partial_json", "", 0);
                self.deltas(plan, index, prose, "input_json_delta\",\"partial_json");
            }
        }
        self.event("content_block_stop", 0, |text| write!(text, ",\"index\":{index}"));
    }

    fn deltas(&mut self, plan: &Plan, index: usize, prose: &Prose, form: &str) {
        let mut from = 0;
        for ends in prose.ends.chunks(plan.tokens_per_delta(prose.ends.len())) {
            let to = ends.last().copied().unwrap_or(from);
            let part = prose.text.get(from..to).unwrap_or_default();
            from = to;
            let tokens = u32::try_from(ends.len()).unwrap_or(u32::MAX);
            self.deltas += 1;
            if self.pings.is_some_and(|every| every > 0 && self.deltas.is_multiple_of(every)) {
                self.ping();
            }
            self.delta(index, form, part, tokens);
        }
    }

    fn delta(&mut self, index: usize, form: &str, part: &str, tokens: u32) {
        let stamp = if self.stamp && form.starts_with("text") { STAMP } else { "" };
        let json = form.starts_with("input_json");
        self.event("content_block_delta", tokens, |text| {
            write!(text, ",\"index\":{index},\"delta\":{{\"type\":\"{form}\":")?;
            if json {
                write!(text, "{}}}", Value::from(part))
            } else {
                write!(text, "\"{stamp}{part}\"}}")
            }
        });
    }
}
