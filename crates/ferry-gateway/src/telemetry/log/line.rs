//! The form of a log line: `key=value` for people, a JSON object for machines, from one list of fields.
//!
//! Text from outside (a path, a model) is escaped and cut, so that nobody can forge a line, colour a
//! terminal or fill a disk through it. It adds no fact and reads no clock.

use std::fmt::{self, Write};
use std::net::IpAddr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use jiff::Timestamp;

use crate::telemetry::event::{NoticeEvent, RequestEvent, Tokens};
use crate::telemetry::settings::{LogFormat, LogLevel};

/// The longest value that came from outside, in bytes; real paths and models are far below.
const VALUE_BYTES_MAX: usize = 512;

/// Appends the line of a settled request, with its line end.
pub(super) fn request_line(
    out: &mut String,
    format: LogFormat,
    stamp: &mut Stamp,
    event: &RequestEvent,
) {
    let mut line = Line::begin(out, format, stamp.of(event.at), event.level(), "request");
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
    if event.redactions > 0 {
        line.number("redactions", event.redactions);
    }
    line.some_text("code", event.code);
    line.address("client", event.client);
    line.end();
}

/// Appends the line of a change of state, with its line end.
pub(super) fn notice_line(
    out: &mut String,
    format: LogFormat,
    stamp: &mut Stamp,
    event: &NoticeEvent,
) {
    let mut line = Line::begin(out, format, stamp.of(event.at), event.level, event.name);
    for (key, value) in &event.fields {
        line.text(key, value);
    }
    line.end();
}

/// The moment of a line in UTC, to the millisecond. Its calendar part is kept from line to line, since lines of one
/// second share it and working it out costs as much as a third of the line.
#[derive(Debug)]
pub(super) struct Stamp {
    second: u64,
    /// `2026-11-26T13:29:25.820Z`; the milliseconds are written anew for every line.
    text: String,
}

impl Stamp {
    pub(super) const fn new() -> Self {
        Self { second: u64::MAX, text: String::new() }
    }

    fn of(&mut self, at: SystemTime) -> &str {
        // A wall clock before 1970 or beyond the year 9999 is broken; the line still counts.
        let since = at.duration_since(UNIX_EPOCH).unwrap_or_default();
        if since.as_secs() != self.second {
            let at = Timestamp::try_from(UNIX_EPOCH + Duration::from_secs(since.as_secs()));
            self.text = format!("{:.0}", at.unwrap_or(Timestamp::UNIX_EPOCH));
            self.text.truncate(self.text.len().saturating_sub(1));
            self.second = since.as_secs();
        }
        let calendar = self.text.len().min(CALENDAR_BYTES);
        self.text.truncate(calendar);
        self.text.push('.');
        self.text.push_str(three_digits(since.subsec_millis().into(), &mut itoa::Buffer::new()));
        self.text.push('Z');
        &self.text
    }
}

/// `2026-11-26T13:29:25`.
const CALENDAR_BYTES: usize = 19;

/// A number below 1000 with the zeros in front that `itoa` leaves out.
fn three_digits(value: u64, digits: &mut itoa::Buffer) -> &str {
    digits.format(1000 + value % 1000).get(1..).unwrap_or_default()
}

struct Line<'a> {
    format: LogFormat,
    out: &'a mut String,
}

impl<'a> Line<'a> {
    fn begin(
        out: &'a mut String,
        format: LogFormat,
        at: &str,
        level: LogLevel,
        event: &str,
    ) -> Self {
        let parts = match format {
            LogFormat::Text => ["", at, " ", padded_level_name(level), " ", event, ""],
            LogFormat::Json => [
                "{\"at\":\"",
                at,
                "\",\"level\":\"",
                level_name(level),
                "\",\"event\":\"",
                event,
                "\"",
            ],
        };
        for part in parts {
            out.push_str(part);
        }
        Self { format, out }
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

    /// An address, quoted only where JSON wants it.
    fn address(&mut self, key: &str, value: IpAddr) {
        self.key(key);
        let quote = if self.format == LogFormat::Json { "\"" } else { "" };
        self.out.push_str(quote);
        match value {
            IpAddr::V4(address) => {
                let mut dot = "";
                for octet in address.octets() {
                    self.out.push_str(dot);
                    self.out.push_str(itoa::Buffer::new().format(octet));
                    dot = ".";
                }
            }
            IpAddr::V6(address) => self.push(format_args!("{address}")),
        }
        self.out.push_str(quote);
    }

    fn milliseconds(&mut self, key: &str, value: Duration) {
        let micros = value.as_micros();
        self.key(key);
        let micros = u64::try_from(micros).unwrap_or(u64::MAX);
        self.out.push_str(itoa::Buffer::new().format(micros / 1000));
        self.out.push('.');
        self.out.push_str(three_digits(micros, &mut itoa::Buffer::new()));
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

fn padded_level_name(level: LogLevel) -> &'static str {
    match level {
        LogLevel::Info => "info ",
        LogLevel::Warn => "warn ",
        LogLevel::Debug | LogLevel::Error => level_name(level),
    }
}

/// May stand in a text line without quotation marks.
#[expect(clippy::needless_bitwise_bool, reason = "without branches it becomes vector instructions")]
fn is_plain(value: &str) -> bool {
    // Nearly every value is plain ASCII: one look at its bytes is enough.
    let is_plain_byte = |byte: u8| {
        (byte > b' ') & (byte <= b'~') & (byte != b'"') & (byte != b'=') & (byte != b'\\')
    };
    if !value.is_empty() && value.bytes().fold(true, |plain, byte| plain & is_plain_byte(byte)) {
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
