//! Plans an answer: which blocks, which words, which stop reason, which usage, all from seed and request.
//! It writes no bytes for the wire.

use std::borrow::Cow;
use std::fmt::Write as _;

use serde_json::{Value, json};

use super::cache::Input;
use super::envelope::Envelope;
use super::sample::sample;
use crate::dice::{self, Dice};
use crate::knobs::{Knobs, Switch};
use crate::prose::{Prose, Tongue, tongue_of};

/// An answer that is decided and not yet written.
#[derive(Debug)]
pub(crate) struct Plan {
    /// `msg_...`.
    pub(crate) id: String,
    /// The model that was asked.
    pub(crate) model: String,
    /// Content in order.
    pub(crate) blocks: Vec<Block>,
    /// `stop_reason`.
    pub(crate) stop: &'static str,
    /// `stop_sequence`.
    pub(crate) sequence: Option<String>,
    /// The input side of the usage.
    pub(crate) input: Input,
    /// Output tokens, thinking included.
    pub(crate) output: u64,
    /// Thinking tokens.
    pub(crate) thinking: u64,
    /// Thinking tokens that are billed and not shown.
    hidden: u64,
    /// Deltas of each text block.
    pub(crate) chunks: usize,
}

/// A content block.
#[derive(Debug)]
pub(crate) enum Block {
    /// Thinking, and what signs it.
    Thinking(Prose, String),
    /// Text.
    Text(Prose),
    /// A tool call: id, name, input as JSON.
    Tool(String, String, Prose),
}

impl Block {
    fn tokens(&self) -> usize {
        match self {
            Self::Thinking(prose, _) | Self::Text(prose) | Self::Tool(_, _, prose) => {
                prose.ends.len()
            }
        }
    }
}

/// What plans are made from.
#[derive(Debug)]
pub(crate) struct Planner<'a> {
    /// The mock's seed.
    pub(crate) seed: u64,
    /// The request.
    pub(crate) envelope: &'a Envelope<'a>,
    /// Its knobs.
    pub(crate) knobs: &'a Knobs,
    /// The number of the request, for answers that should differ.
    pub(crate) number: u64,
}

/// Tokens in a delta unless `chunks` says otherwise: about what the API sends.
const TOKENS_PER_DELTA: usize = 4;

impl Planner<'_> {
    /// Makes the plan.
    pub(crate) fn plan(&self, input: Input) -> Plan {
        let messages = self.envelope.messages.map_or("", |raw| raw.get());
        let unique = if self.knobs.switches.has(Switch::Unique) { self.number } else { 0 };
        let root = dice::hash(self.seed ^ dice::mix(unique), messages.as_bytes());
        let mut dice = Dice::new(root);
        let tongue = tongue_of(messages.as_bytes());
        let model = self.envelope.model.as_deref().unwrap_or_default().to_owned();
        let mut plan = Plan {
            id: dice::id("msg_", dice.bits()),
            model,
            blocks: Vec::with_capacity(2),
            stop: "end_turn",
            sequence: None,
            input,
            output: 0,
            thinking: 0,
            hidden: 0,
            chunks: 0,
        };
        if self.knobs.switches.has(Switch::Refusal) {
            plan.stop = "refusal";
            return plan;
        }
        if self.knobs.switches.has(Switch::Pause) {
            plan.stop = "pause_turn";
        }
        self.think(&mut plan, &mut dice, tongue);
        let tool = self.tool();
        if tool.as_ref().is_none_or(|(_, forced)| !forced) {
            plan.blocks.push(Block::Text(self.text(&mut dice, tongue)));
        }
        if let Some((tool, _)) = tool {
            let name = tool.get("name").and_then(Value::as_str).unwrap_or("tool").to_owned();
            let schema = tool.get("input_schema").unwrap_or(&Value::Null);
            let given = match self.echo() {
                Some(words) => json!({ "text": words, "\"quoted\"": { "list": [words] } }),
                None => sample(schema, &mut dice, 0),
            };
            let id = dice::id("toolu_", dice.bits());
            plan.blocks.push(Block::Tool(id, name, Prose::of(given.to_string())));
            plan.stop = "tool_use";
        }
        self.stop_at_sequence(&mut plan);
        self.stop_at_limit(&mut plan);
        plan.count_output();
        plan.chunks = self.knobs.chunks.unwrap_or(0);
        plan
    }

    fn think(&self, plan: &mut Plan, dice: &mut Dice, tongue: Tongue) {
        let Some(thinking) = &self.envelope.thinking else { return };
        if !matches!(thinking.kind.as_str(), "enabled" | "adaptive") {
            return;
        }
        let length = 24 + dice.below(24);
        let mut prose = Prose::write(dice, tongue, length);
        if thinking.display.as_deref() == Some("omitted") {
            // Billed though not shown.
            plan.hidden = count(prose.ends.len());
            prose = Prose::default();
        }
        let signature = signature(dice);
        plan.blocks.push(Block::Thinking(prose, signature));
    }

    fn text(&self, dice: &mut Dice, tongue: Tongue) -> Prose {
        if let Some(words) = self.echo() {
            return Prose::of(words);
        }
        if let Some(size) = self.knobs.size {
            let mut prose = Prose::write(dice, Tongue::English, size / 3 + 1);
            prose.truncate_bytes(size);
            return prose;
        }
        let usual = 32 + dice.below(48);
        let chunks = self.knobs.chunks.map(|chunks| chunks.saturating_mul(TOKENS_PER_DELTA));
        Prose::write(dice, tongue, self.knobs.tokens.or(chunks).unwrap_or(usual))
    }

    /// What the last message says, when it is to be said again; without what JSON would escape.
    fn echo(&self) -> Option<String> {
        if !self.knobs.switches.has(Switch::Echo) {
            return None;
        }
        let messages: Vec<Value> = serde_json::from_str(self.envelope.messages?.get()).ok()?;
        let content = messages.last()?.get("content")?;
        let of_block = |block: &Value| block.get("text").and_then(Value::as_str).map(str::to_owned);
        let words = match content.as_array() {
            Some(blocks) => blocks.iter().filter_map(of_block).collect(),
            None => content.as_str()?.to_owned(),
        };
        Some(words.chars().filter(|c| !c.is_control() && !matches!(c, '"' | '\\')).collect())
    }

    /// The tool to call, and whether nothing but the call was asked for.
    fn tool(&self) -> Option<(Value, bool)> {
        let tools = self.envelope.tools?;
        let choice = self.envelope.tool_choice.as_ref();
        let kind = choice.map_or("auto", |choice| choice.kind.as_str());
        let forced = matches!(kind, "any" | "tool");
        let asked = self.knobs.switches.has(Switch::Tool) && kind != "none" && !self.answers_tool();
        if !forced && !asked {
            return None;
        }
        let tools: Vec<Value> = serde_json::from_str(tools.get()).ok()?;
        let wanted = choice.and_then(|choice| choice.name.as_deref());
        let fits = |tool: &Value| {
            let name = tool.get("name").and_then(Value::as_str);
            wanted.is_none_or(|wanted| name == Some(wanted))
        };
        let tool = tools.into_iter().find(fits)?;
        Some((tool, forced))
    }

    /// Whether the last message brings the result of a tool: then the answer is text.
    fn answers_tool(&self) -> bool {
        let Some(messages) = self.envelope.messages else { return false };
        let Ok(messages) = serde_json::from_str::<Vec<Value>>(messages.get()) else { return false };
        let last = messages.last().and_then(|message| message.get("content"));
        let blocks = last.and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        blocks.iter().any(|block| block.get("type").and_then(Value::as_str) == Some("tool_result"))
    }

    fn stop_at_sequence(&self, plan: &mut Plan) {
        let Some(sequences) = &self.envelope.stop_sequences else { return };
        let Some(Block::Text(prose)) = plan.blocks.last_mut() else { return };
        let found = sequences
            .iter()
            .filter(|sequence| !sequence.is_empty())
            .filter_map(|sequence| prose.text.find(sequence.as_ref()).map(|at| (at, sequence)))
            .min_by_key(|(at, _)| *at);
        let asked = self.knobs.switches.has(Switch::Stop);
        let first = || sequences.first().filter(|_| asked).map(|first| (prose.text.len(), first));
        if let Some((at, sequence)) = found.or_else(first) {
            prose.truncate_bytes(at);
            plan.stop = "stop_sequence";
            plan.sequence = Some(Cow::clone(sequence).into_owned());
        }
    }

    /// Honours `max_tokens` over all blocks; a tool call is kept whole or left out.
    fn stop_at_limit(&self, plan: &mut Plan) {
        let limit = self.envelope.max_tokens.unwrap_or(u64::MAX);
        let mut left = usize::try_from(limit).unwrap_or(usize::MAX);
        let mut kept = 0;
        let mut cut = false;
        for block in &mut plan.blocks {
            let tokens = block.tokens();
            if tokens > left {
                cut = true;
                match block {
                    Block::Thinking(prose, _) | Block::Text(prose) if left > 0 => {
                        prose.truncate_tokens(left);
                        kept += 1;
                    }
                    Block::Thinking(..) | Block::Text(_) | Block::Tool(..) => {}
                }
                break;
            }
            left -= tokens;
            kept += 1;
        }
        if cut {
            plan.blocks.truncate(kept);
            plan.stop = "max_tokens";
            plan.sequence = None;
        }
    }
}

impl Plan {
    fn count_output(&mut self) {
        let shown = |block: &Block| match block {
            Block::Thinking(prose, _) => prose.ends.len(),
            Block::Text(_) | Block::Tool(..) => 0,
        };
        self.thinking = self.hidden + count(self.blocks.iter().map(shown).sum());
        self.output = self.hidden + count(self.blocks.iter().map(Block::tokens).sum());
    }

    /// Writes the message object; `done` with content and final usage, else as `message_start` has it.
    pub(crate) fn message(&self, done: bool) -> String {
        let mut out = String::with_capacity(1024);
        let model = Value::from(self.model.as_str());
        let id = &self.id;
        out.push_str("{\"model\":");
        write!(
            out,
            "{model},\"id\":\"{id}\",\"type\":\"message\",\"role\":\"assistant\",\"content\":["
        )
        .ok();
        if done {
            for (at, block) in self.blocks.iter().enumerate() {
                if at > 0 {
                    out.push(',');
                }
                block.write(&mut out);
            }
        }
        out.push_str("],");
        if done {
            self.write_stop(&mut out);
        } else {
            out.push_str("\"stop_reason\":null,\"stop_sequence\":null");
        }
        out.push_str(",\"usage\":");
        self.write_usage(&mut out, done);
        out.push('}');
        out
    }

    /// Writes `stop_reason`, `stop_sequence` and, for a refusal, `stop_details`.
    pub(crate) fn write_stop(&self, out: &mut String) {
        let sequence = self.sequence.as_deref().map_or(Value::Null, Value::from);
        write!(out, "\"stop_reason\":\"{}\",\"stop_sequence\":{sequence}", self.stop).ok();
        if self.stop == "refusal" {
            out.push_str(
                ",\"stop_details\":{\"type\":\"refusal\",\"category\":null,\"explanation\":null}",
            );
        }
    }

    /// Output tokens at the start of a stream: the API reports the first few with `message_start`.
    fn first_tokens(&self) -> u64 {
        self.output.min(1)
    }

    fn write_usage(&self, out: &mut String, done: bool) {
        let Input { fresh, read, written_5m, written_1h } = self.input;
        let written = written_5m + written_1h;
        let output = if done { self.output } else { self.first_tokens() };
        write!(
            out,
            "{{\"input_tokens\":{fresh},\"cache_creation_input_tokens\":{written},\
             \"cache_read_input_tokens\":{read},\"cache_creation\":{{\"ephemeral_5m_input_tokens\":{written_5m},\
             \"ephemeral_1h_input_tokens\":{written_1h}}},\"output_tokens\":{output},\
             \"service_tier\":\"standard\",\"inference_geo\":\"not_available\""
        )
        .ok();
        if done {
            self.write_thinking(out);
        }
        out.push('}');
    }

    /// Writes the usage of `message_delta`: cumulative, without the split of cache writes.
    pub(crate) fn write_final_usage(&self, out: &mut String) {
        let Input { fresh, read, written_5m, written_1h } = self.input;
        let written = written_5m + written_1h;
        write!(
            out,
            "{{\"input_tokens\":{fresh},\"cache_creation_input_tokens\":{written},\
             \"cache_read_input_tokens\":{read},\"output_tokens\":{}",
            self.output
        )
        .ok();
        self.write_thinking(out);
        out.push('}');
    }

    fn write_thinking(&self, out: &mut String) {
        if self.thinking > 0 {
            write!(out, ",\"output_tokens_details\":{{\"thinking_tokens\":{}}}", self.thinking)
                .ok();
        }
    }

    /// Tokens in each delta of a block.
    pub(crate) fn tokens_per_delta(&self, tokens: usize) -> usize {
        if self.chunks == 0 { TOKENS_PER_DELTA } else { tokens.div_ceil(self.chunks).max(1) }
    }
}

impl Block {
    fn write(&self, out: &mut String) {
        // The mock's prose and signatures need no escapes; a tool's input is JSON already.
        match self {
            Self::Thinking(prose, signature) => write!(
                out,
                "{{\"type\":\"thinking\",\"thinking\":\"{}\",\"signature\":\"{signature}\"}}",
                prose.text
            ),
            Self::Text(prose) => write!(out, "{{\"type\":\"text\",\"text\":\"{}\"}}", prose.text),
            Self::Tool(id, name, input) => write!(
                out,
                "{{\"type\":\"tool_use\",\"id\":\"{id}\",\"name\":{},\"input\":{}}}",
                Value::from(name.as_str()),
                input.text
            ),
        }
        .ok();
    }
}

/// Base64 letters without meaning, as long as a short real signature.
fn signature(dice: &mut Dice) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::from("EqQB");
    for _ in 0..132 {
        text.push(char::from(LETTERS[dice.below(LETTERS.len())]));
    }
    text
}

fn count(tokens: usize) -> u64 {
    u64::try_from(tokens).unwrap_or(u64::MAX)
}
