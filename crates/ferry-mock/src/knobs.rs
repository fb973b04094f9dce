//! Knobs of one request: how many events, how fast, which kind of answer. They come from the mock's settings, from
//! `x-mock-NAME` headers and from a marker in the prompt, `[mock name=value name]`, each over the one before.
//! Unknown names are ignored here, so that a prompt that speaks of the mock does not fail.
//!
//! | knob | meaning |
//! |---|---|
//! | `chunks=N` | deltas of the text block (the text grows to fit) |
//! | `tokens=N` | tokens of the text |
//! | `size=N` | bytes of the text |
//! | `delay_ms=X` | between deltas, instead of the mock's pace |
//! | `ttfb_ms=X` | before the first event of a stream |
//! | `latency_ms=X` | before the head |
//! | `flush` | a write of its own for every event |
//! | `stamp` | every text delta begins with `~tNANOSECONDS;` of the machine's monotonic clock, 20 digits |
//! | `tool` | answer with a tool call, if the request has tools |
//! | `refusal` | stop with `refusal` |
//! | `pause` | stop with `pause_turn` |
//! | `stop` | end at the first of the request's stop sequences |
//! | `pings=N` | a ping before each Nth delta |
//! | `echo` | say what the last message says, in text and in the strings of a tool's input |
//! | `unique` | another id and text for each generation, though the request is the same |
//! | `result=R` | in a batch item: `errored`, `canceled` or `expired` |
//! | `status=N` | the same as `fault=N` |
//! | `fault=SPEC` | faults for this request (see [`crate::fault`]) |

use std::time::Duration;

use hyper::HeaderMap;
use memchr::memmem;

use crate::fault::{Fault, FaultError, parse_faults};

/// How far from each end of a body a marker is looked for: it stands in a message, not in the middle of an image.
const SEARCHED_BYTES: usize = 64 * 1024;

/// A longer marker is none: the `]` is missing.
const MARKER_BYTES_MAX: usize = 1024;

/// The knobs of one request; `None` and `false` leave the mock's own ways.
#[derive(Clone, Debug, Default)]
pub(crate) struct Knobs {
    pub(crate) chunks: Option<usize>,
    pub(crate) tokens: Option<usize>,
    pub(crate) size: Option<usize>,
    pub(crate) delay: Option<Duration>,
    pub(crate) ttfb: Option<Duration>,
    pub(crate) latency: Option<Duration>,
    pub(crate) pings: Option<usize>,
    pub(crate) result: Option<String>,
    pub(crate) switches: Switches,
    pub(crate) faults: Vec<Fault>,
}

/// The knobs that are on or off.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Switches(u8);

/// One switch.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Switch {
    /// Every event its own write.
    Flush = 1,
    /// Times in deltas.
    Stamp = 2,
    /// A tool call.
    Tool = 4,
    /// A refusal.
    Refusal = 8,
    /// `pause_turn`.
    Pause = 16,
    /// `stop_sequence`.
    Stop = 32,
    /// Another answer each time.
    Unique = 64,
    /// The last message's words.
    Echo = 128,
}

impl Switches {
    /// Whether a switch is on.
    pub(crate) const fn has(self, switch: Switch) -> bool {
        self.0 & switch as u8 != 0
    }

    fn set(&mut self, switch: Switch, value: &str) {
        if matches!(value, "" | "1" | "true") {
            self.0 |= switch as u8;
        }
    }
}

impl Knobs {
    /// Reads headers and body.
    ///
    /// # Errors
    /// A fault spec that cannot be read.
    pub(crate) fn read(headers: &HeaderMap, body: &[u8]) -> Result<Self, FaultError> {
        let mut knobs = Self::default();
        for (name, value) in headers {
            if let Some(name) = name.as_str().strip_prefix("x-mock-") {
                knobs.set(&name.replace('-', "_"), value.to_str().unwrap_or_default())?;
            }
        }
        if let Some(marker) = marker(body) {
            for word in marker.split_whitespace() {
                let (name, value) = word.split_once('=').unwrap_or((word, ""));
                knobs.set(name, value)?;
            }
        }
        Ok(knobs)
    }

    fn set(&mut self, name: &str, value: &str) -> Result<(), FaultError> {
        match name {
            "chunks" => self.chunks = value.parse().ok(),
            "tokens" => self.tokens = value.parse().ok(),
            "size" => self.size = value.parse().ok(),
            "delay_ms" => self.delay = millis(value),
            "ttfb_ms" => self.ttfb = millis(value),
            "latency_ms" => self.latency = millis(value),
            "pings" => self.pings = value.parse().ok(),
            "result" => self.result = Some(value.to_owned()),
            "flush" => self.switches.set(Switch::Flush, value),
            "stamp" => self.switches.set(Switch::Stamp, value),
            "tool" => self.switches.set(Switch::Tool, value),
            "refusal" => self.switches.set(Switch::Refusal, value),
            "pause" => self.switches.set(Switch::Pause, value),
            "stop" => self.switches.set(Switch::Stop, value),
            "echo" => self.switches.set(Switch::Echo, value),
            "unique" => self.switches.set(Switch::Unique, value),
            // `status=529` is short for `fault=529`.
            "status" | "fault" => self.faults.extend(parse_faults(value)?),
            _ => {}
        }
        Ok(())
    }
}

/// The text of the last marker: in a conversation the newest message decides.
pub(crate) fn marker(body: &[u8]) -> Option<&str> {
    let tail = body.get(body.len().saturating_sub(SEARCHED_BYTES)..).unwrap_or(body);
    let head = body.get(..SEARCHED_BYTES.min(body.len())).unwrap_or(body);
    let (part, at) = match memmem::rfind(tail, b"[mock ") {
        Some(at) => (tail, at),
        None => (head, memmem::rfind(head, b"[mock ")?),
    };
    let text = part.get(at + b"[mock ".len()..)?;
    let text = text.get(..MARKER_BYTES_MAX.min(text.len()))?;
    let end = memchr::memchr(b']', text)?;
    std::str::from_utf8(text.get(..end)?).ok()
}

/// Milliseconds, fractions allowed, at most an hour.
fn millis(value: &str) -> Option<Duration> {
    let ms: f64 = value.parse().ok()?;
    Duration::try_from_secs_f64(ms.clamp(0.0, 3_600_000.0) / 1000.0).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_marker_decides() {
        let body = br#"{"messages":[{"content":"[mock chunks=3]"},{"content":"[mock chunks=5 delay_ms=1.5 tool]"}]}"#;
        let knobs = Knobs::read(&HeaderMap::new(), body).unwrap();
        assert_eq!(knobs.chunks, Some(5));
        assert_eq!(knobs.delay, Some(Duration::from_micros(1500)));
        assert!(knobs.switches.has(Switch::Tool));
    }

    #[test]
    fn a_marker_goes_over_a_header() {
        let mut headers = HeaderMap::new();
        headers.insert("x-mock-chunks", hyper::header::HeaderValue::from_static("7"));
        headers
            .insert("x-mock-fault", hyper::header::HeaderValue::from_static("delay:ms=1 + close"));
        assert_eq!(Knobs::read(&headers, b"").unwrap().chunks, Some(7));
        assert_eq!(Knobs::read(&headers, b"").unwrap().faults.len(), 2);
        assert_eq!(Knobs::read(&headers, b"[mock chunks=8]").unwrap().chunks, Some(8));
    }

    #[test]
    fn an_open_bracket_is_no_marker_and_a_wrong_fault_is_an_error() {
        assert_eq!(marker(b"[mock chunks=3"), None);
        assert!(Knobs::read(&HeaderMap::new(), b"[mock fault=nonsense]").is_err());
    }

    #[test]
    fn a_marker_before_an_image_is_found() {
        let mut body = b"[mock tokens=2]".to_vec();
        body.resize(300_000, b'A');
        assert_eq!(Knobs::read(&HeaderMap::new(), &body).unwrap().tokens, Some(2));
    }
}
