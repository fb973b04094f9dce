//! The form of a log line: `key=value` for people, a JSON object for machines, from one list of fields.
//!
//! Text from outside (a path, a model) is escaped and cut, so that nobody can forge a line, colour a
//! terminal or fill a disk through it. It adds no fact and reads no clock.

use std::fmt::{self, Write};
use std::time::{Duration, SystemTime};

use jiff::Timestamp;

use crate::telemetry::event::{NoticeEvent, RequestEvent, Tokens};
use crate::telemetry::settings::{LogFormat, LogLevel};

/// The longest value that came from outside, in bytes; real paths and models are far below.
const VALUE_BYTES_MAX: usize = 512;

/// Appends the line of a settled request, with its line end.
pub(super) fn request_line(out: &mut String, format: LogFormat, event: &RequestEvent) {
    let mut line = Line::begin(out, format, event.at, event.level(), "request");
    line.text("id", &event.request_id);
    line.text("tenant", &event.tenant);
    line.text("line", &event.line);
    line.text("method", event.method.as_str());
    line.text("family", event.family);
    line.text("path", &event.path);
    line.number("status", event.status.into());
    line.text("outcome", event.outcome.as_str());
    line.some_text("node", event.node.as_deref());
    line.number("attempts", event.attempts.into());
    if event.client_retry > 0 {
        line.number("client_retry", event.client_retry.into());
    }
    line.some_text("model", event.model.as_deref());
    line.truth("stream", event.stream);
    line.milliseconds("duration_ms", event.duration);
    if let Some(first_event) = event.first_event {
        line.milliseconds("first_event_ms", first_event);
    }
    line.some_text("upstream_request_id", event.upstream_request_id.as_deref());
    if let Some(tokens) = event.tokens {
        line.tokens(tokens);
    }
    line.number("bytes_in", event.bytes_in);
    line.number("bytes_out", event.bytes_out);
    line.some_text("code", event.code);
    line.bare_or_quoted("client", &event.client);
    line.end();
}

/// Appends the line of a change of state, with its line end.
pub(super) fn notice_line(out: &mut String, format: LogFormat, event: &NoticeEvent) {
    let mut line = Line::begin(out, format, event.at, event.level, event.name);
    for (key, value) in &event.fields {
        line.text(key, value);
    }
    line.end();
}

struct Line<'a> {
    format: LogFormat,
    out: &'a mut String,
}

impl<'a> Line<'a> {
    fn begin(
        out: &'a mut String,
        format: LogFormat,
        at: SystemTime,
        level: LogLevel,
        event: &str,
    ) -> Self {
        let mut line = Self { format, out };
        // A wall clock beyond the year 9999 is broken; the line still counts.
        let at = Timestamp::try_from(at).unwrap_or(Timestamp::UNIX_EPOCH);
        match format {
            LogFormat::Text => line.push(format_args!("{at:.3} {:<5} {event}", level_name(level))),
            LogFormat::Json => line.push(format_args!(
                "{{\"at\":\"{at:.3}\",\"level\":\"{}\",\"event\":\"{event}\"",
                level_name(level)
            )),
        }
        line
    }

    fn end(self) {
        if self.format == LogFormat::Json {
            self.out.push('}');
        }
        self.out.push('\n');
    }

    /// A number. Written without the formatting machinery, which costs more than the digits: a
    /// request's line has a dozen of them.
    fn number(&mut self, key: &str, value: u64) {
        self.key(key);
        self.out.push_str(itoa::Buffer::new().format(value));
    }

    fn truth(&mut self, key: &str, value: bool) {
        self.key(key);
        self.out.push_str(if value { "true" } else { "false" });
    }

    /// A value of our own making that needs no escape, quoted only where JSON wants it.
    fn bare_or_quoted(&mut self, key: &str, value: &impl fmt::Display) {
        self.key(key);
        match self.format {
            LogFormat::Text => self.push(format_args!("{value}")),
            LogFormat::Json => self.push(format_args!("\"{value}\"")),
        }
    }

    fn milliseconds(&mut self, key: &str, value: Duration) {
        let micros = value.as_micros();
        self.key(key);
        let micros = u64::try_from(micros).unwrap_or(u64::MAX);
        self.out.push_str(itoa::Buffer::new().format(micros / 1000));
        // Three digits, with the zeros in front that a number would leave out.
        let mut digits = itoa::Buffer::new();
        let thousandths = digits.format(1000 + micros % 1000);
        self.out.push('.');
        self.out.push_str(thousandths.get(1..).unwrap_or_default());
    }

    fn some_text(&mut self, key: &str, value: Option<&str>) {
        if let Some(value) = value {
            self.text(key, value);
        }
    }

    fn text(&mut self, key: &str, value: &str) {
        let shown = value.get(..value.floor_char_boundary(VALUE_BYTES_MAX)).unwrap_or_default();
        self.key(key);
        if self.format == LogFormat::Text && is_plain(shown) && shown.len() == value.len() {
            self.out.push_str(shown);
            return;
        }
        self.out.push('"');
        for character in shown.chars() {
            self.escape(character);
        }
        if shown.len() < value.len() {
            self.push(format_args!("... ({} bytes)", value.len()));
        }
        self.out.push('"');
    }

    fn tokens(&mut self, tokens: Tokens) {
        self.number("tokens_input", tokens.input);
        self.number("tokens_output", tokens.output);
        self.number("tokens_cache_read", tokens.cache_read);
        self.number("tokens_cache_write_5m", tokens.cache_write_5m);
        self.number("tokens_cache_write_1h", tokens.cache_write_1h);
        if tokens.lower_bound {
            self.truth("tokens_lower_bound", true);
        }
    }

    fn key(&mut self, key: &str) {
        match self.format {
            LogFormat::Text => {
                self.out.push(' ');
                self.out.push_str(key);
                self.out.push('=');
            }
            LogFormat::Json => {
                self.out.push_str(",\"");
                self.out.push_str(key);
                self.out.push_str("\":");
            }
        }
    }

    /// JSON's escapes (RFC 8259 section 7) in both forms, and the unseen characters besides.
    fn escape(&mut self, character: char) {
        match character {
            '"' => self.out.push_str("\\\""),
            '\\' => self.out.push_str("\\\\"),
            '\n' => self.out.push_str("\\n"),
            '\r' => self.out.push_str("\\r"),
            '\t' => self.out.push_str("\\t"),
            // All of these lie in the basic plane, so four digits are enough.
            unseen if is_unseen(unseen) => self.push(format_args!("\\u{:04x}", u32::from(unseen))),
            seen => self.out.push(seen),
        }
    }

    fn push(&mut self, arguments: fmt::Arguments<'_>) {
        // Writing to a string cannot fail.
        self.out.write_fmt(arguments).unwrap_or_default();
    }
}

fn level_name(level: LogLevel) -> &'static str {
    match level {
        LogLevel::Debug => "debug",
        LogLevel::Info => "info",
        LogLevel::Warn => "warn",
        LogLevel::Error => "error",
    }
}

/// May stand in a text line without quotation marks.
fn is_plain(value: &str) -> bool {
    // Nearly every value is plain ASCII: one look at its bytes is enough.
    let is_plain_byte = |byte| matches!(byte, b'!'..=b'~') && !matches!(byte, b'"' | b'=' | b'\\');
    if !value.is_empty() && value.bytes().all(is_plain_byte) {
        return true;
    }
    !value.is_empty()
        && !value.chars().any(|character| {
            character == ' '
                || character == '"'
                || character == '='
                || character == '\\'
                || is_unseen(character)
        })
}

/// Control characters (ESC and the C1 set too), line separators, and those that turn or hide text.
fn is_unseen(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}'
        )
}
