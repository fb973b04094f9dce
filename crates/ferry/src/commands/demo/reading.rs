//! Reads answers as a client would: JSON, and the events of a stream put together again. It uses none of the gateway's
//! own parsers, so that a fault of theirs shows here.

use serde_json::Value;

/// Tokens of one answer, as the provider counts them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Usage {
    pub(super) input: u64,
    pub(super) output: u64,
}

/// A Messages answer, whichever way it came.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Message {
    pub(super) text: String,
    pub(super) thinking: String,
    /// Length of the signatures of all thinking blocks.
    pub(super) signature_bytes: usize,
    /// Name and input, as JSON text, of the tool that was called.
    pub(super) tool: Option<(String, String)>,
    pub(super) stop_reason: Option<String>,
    pub(super) usage: Usage,
    /// Events, where it was a stream.
    pub(super) events: usize,
    /// The stream said that it is over, or it was no stream.
    pub(super) whole: bool,
}

/// Reads a JSON answer; anything else reads as `null`, in which nothing is found.
pub(super) fn json(body: &[u8]) -> Value {
    serde_json::from_slice(body).unwrap_or(Value::Null)
}

/// A member that is text.
pub(super) fn text<'v>(value: &'v Value, name: &str) -> Option<&'v str> {
    value.get(name).and_then(Value::as_str)
}

/// The usage of a message or of an event.
pub(super) fn usage(value: &Value) -> Usage {
    let count =
        |name: &str| value.pointer(&format!("/usage/{name}")).and_then(Value::as_u64).unwrap_or(0);
    let input = ["input_tokens", "cache_read_input_tokens", "cache_creation_input_tokens"];
    Usage { input: input.into_iter().map(count).sum(), output: count("output_tokens") }
}

/// Reads a Messages answer in one piece.
pub(super) fn message(body: &[u8]) -> Message {
    let value = json(body);
    let mut message = Message {
        stop_reason: text(&value, "stop_reason").map(str::to_owned),
        usage: usage(&value),
        whole: text(&value, "type") == Some("message"),
        ..Message::default()
    };
    for block in value.get("content").and_then(Value::as_array).into_iter().flatten() {
        message.begin(block);
        if let Some(input) = block.get("input")
            && let Some((_, json)) = &mut message.tool
        {
            *json = input.to_string();
        }
    }
    message
}

/// Puts the events of a stream together.
pub(super) fn stream(body: &[u8]) -> Message {
    let mut message = Message::default();
    let lines = body.split(|byte| *byte == b'\n');
    for data in lines.filter_map(|line| line.strip_prefix(b"data: ")) {
        message.events += 1;
        message.take(&json(data));
    }
    message
}

impl Message {
    fn begin(&mut self, block: &Value) {
        self.text.push_str(text(block, "text").unwrap_or_default());
        self.thinking.push_str(text(block, "thinking").unwrap_or_default());
        self.signature_bytes += text(block, "signature").map_or(0, str::len);
        if text(block, "type") == Some("tool_use") {
            let name = text(block, "name").unwrap_or_default().to_owned();
            self.tool = Some((name, String::new()));
        }
    }

    fn take(&mut self, event: &Value) {
        match text(event, "type").unwrap_or_default() {
            "message_start" => {
                self.usage = event.get("message").map(usage).unwrap_or_default();
            }
            "content_block_start" => {
                if let Some(block) = event.get("content_block") {
                    self.begin(block);
                }
            }
            "content_block_delta" => {
                if let Some(delta) = event.get("delta") {
                    self.grow(delta);
                }
            }
            "message_delta" => {
                self.usage.output = usage(event).output;
                let stop = event.get("delta").and_then(|delta| text(delta, "stop_reason"));
                self.stop_reason = stop.map(str::to_owned);
            }
            "message_stop" => self.whole = true,
            _ => {}
        }
    }

    fn grow(&mut self, delta: &Value) {
        self.text.push_str(text(delta, "text").unwrap_or_default());
        self.thinking.push_str(text(delta, "thinking").unwrap_or_default());
        self.signature_bytes += text(delta, "signature").map_or(0, str::len);
        if let Some((_, input)) = &mut self.tool {
            input.push_str(text(delta, "partial_json").unwrap_or_default());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STREAM: &[u8] = br#"event: message_start
data: {"type":"message_start","message":{"usage":{"input_tokens":9,"cache_read_input_tokens":1,"output_tokens":1}}}

event: content_block_start
data: {"type":"content_block_start","index":0,"content_block":{"type":"tool_use","id":"t","name":"get_weather","input":{}}}

event: content_block_delta
data: {"type":"content_block_delta","index":0,"delta":{"type":"input_json_delta","partial_json":"{\"city\":"}}

event: content_block_delta
data: {"type":"content_block_delta","index":0,"delta":{"type":"input_json_delta","partial_json":"\"Lyon\"}"}}

event: message_delta
data: {"type":"message_delta","delta":{"stop_reason":"tool_use"},"usage":{"output_tokens":7}}

event: message_stop
data: {"type":"message_stop"}

"#;

    #[test]
    fn a_stream_is_put_together_again() {
        let message = stream(STREAM);
        assert!(message.whole);
        assert_eq!(message.events, 6);
        assert_eq!(message.usage, Usage { input: 10, output: 7 });
        assert_eq!(message.stop_reason.as_deref(), Some("tool_use"));
        assert_eq!(message.tool, Some(("get_weather".to_owned(), r#"{"city":"Lyon"}"#.to_owned())));
    }

    #[test]
    fn a_stream_without_its_last_event_is_not_whole() {
        let cut =
            STREAM.len() - b"event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n".len();
        let message = stream(&STREAM[..cut]);
        assert!(!message.whole);
        assert_eq!(message.usage.output, 7);
    }

    #[test]
    fn a_message_in_one_piece_reads_alike() {
        let body = br#"{"type":"message","content":[{"type":"thinking","thinking":"hm","signature":"abc"},
            {"type":"text","text":"yes"}],"stop_reason":"end_turn","usage":{"input_tokens":3,"output_tokens":4}}"#;
        let message = message(body);
        assert!(message.whole);
        assert_eq!((message.text.as_str(), message.thinking.as_str()), ("yes", "hm"));
        assert_eq!(message.signature_bytes, 3);
        assert_eq!(message.usage, Usage { input: 3, output: 4 });
    }

    #[test]
    fn what_is_no_json_reads_as_nothing() {
        assert!(!message(b"<html>").whole);
        assert_eq!(message(b"<html>").usage, Usage::default());
    }
}
