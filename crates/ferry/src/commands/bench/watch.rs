//! Looks at an answer while it comes, in pieces cut anywhere: the events of a stream, or the one member that a JSON answer
//! must have. It keeps a few bytes, never the answer. It uses none of the gateway's parsers, so that a fault of theirs
//! shows here.

use memchr::{memchr, memmem};

use super::verdict::Kind;

/// The longest line that matters is shorter: `event: content_block_delta`.
const LINE_BYTES: usize = 48;

/// What is known of one answer.
#[derive(Debug)]
pub(super) enum Watch {
    Events(Events),
    Whole(Whole),
}

/// The events of a stream.
#[derive(Debug, Default)]
pub(super) struct Events {
    /// Complete events of any kind.
    pub(super) seen: u64,
    /// `message_stop` came, whole.
    pub(super) stopped: bool,
    /// `error` came.
    pub(super) failed: bool,
    /// The beginning of the line that is under way.
    line: Vec<u8>,
    event: Event,
}

/// The event that is under way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Event {
    #[default]
    None,
    Other,
    Delta,
    Stop,
    Error,
}

/// A JSON answer.
#[derive(Debug)]
pub(super) struct Whole {
    /// The member came.
    pub(super) found: bool,
    /// The member, as compact JSON and with a space.
    needles: &'static [&'static [u8]],
    /// The end of the bytes before, as long as they may hold the beginning of the needle.
    tail: Vec<u8>,
}

impl Watch {
    pub(super) fn new(kind: Kind) -> Self {
        let whole = |needles| Self::Whole(Whole { found: false, needles, tail: Vec::new() });
        match kind {
            Kind::Message => whole(&[b"\"type\":\"message\"", b"\"type\": \"message\""]),
            Kind::Stream => Self::Events(Events::default()),
            Kind::Tokens => whole(&[b"\"input_tokens\""]),
        }
    }

    /// Takes the next piece; gives the number of deltas of a stream that ended in it.
    pub(super) fn feed(&mut self, piece: &[u8]) -> u64 {
        match self {
            Self::Events(events) => events.feed(piece),
            Self::Whole(whole) => {
                whole.feed(piece);
                0
            }
        }
    }
}

impl Events {
    fn feed(&mut self, mut piece: &[u8]) -> u64 {
        let mut deltas = 0;
        while let Some(at) = memchr(b'\n', piece) {
            let (line, rest) = piece.split_at(at);
            self.grow(line);
            deltas += u64::from(self.end_line());
            piece = rest.get(1..).unwrap_or_default();
        }
        self.grow(piece);
        deltas
    }

    fn grow(&mut self, bytes: &[u8]) {
        let room = LINE_BYTES.saturating_sub(self.line.len()).min(bytes.len());
        self.line.extend_from_slice(bytes.get(..room).unwrap_or_default());
    }

    /// Says whether the line ended a delta.
    fn end_line(&mut self) -> bool {
        let line = self.line.strip_suffix(b"\r").unwrap_or(&self.line);
        let ended = match line {
            b"" => std::mem::take(&mut self.event),
            line => {
                if let Some(name) = line.strip_prefix(b"event:") {
                    self.event = Event::of(name.trim_ascii());
                } else if self.event == Event::None {
                    self.event = Event::Other;
                }
                Event::None
            }
        };
        self.line.clear();
        self.seen += u64::from(ended != Event::None);
        self.stopped |= ended == Event::Stop;
        self.failed |= ended == Event::Error;
        ended == Event::Delta
    }
}

impl Event {
    fn of(name: &[u8]) -> Self {
        match name {
            b"content_block_delta" => Self::Delta,
            b"message_stop" => Self::Stop,
            b"error" => Self::Error,
            _ => Self::Other,
        }
    }
}

impl Whole {
    fn feed(&mut self, piece: &[u8]) {
        if self.found {
            return;
        }
        let longest = self.needles.iter().map(|needle| needle.len()).max().unwrap_or_default();
        let keep = longest.saturating_sub(1);
        // The needle may stand across two pieces; within one, nothing is copied but its end.
        let (head, _) = piece.split_at(piece.len().min(keep));
        self.tail.extend_from_slice(head);
        self.found = self.needles.iter().any(|needle| {
            memmem::find(&self.tail, needle).is_some() || memmem::find(piece, needle).is_some()
        });
        if piece.len() >= keep {
            self.tail.clear();
            self.tail.extend_from_slice(piece.get(piece.len() - keep..).unwrap_or_default());
        } else {
            let spare = self.tail.len().saturating_sub(keep);
            self.tail.drain(..spare);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STREAM: &str = "event: message_start\r\ndata: {\"x\":1}\r\n\r\nevent: ping\ndata: {}\n\n\
        event:content_block_delta\ndata: {\"text\":\"event: message_stop\"}\n\n\
        event: content_block_delta\ndata: {}\n\nevent: message_stop\ndata: {}\n\n";

    #[test]
    fn a_stream_reads_alike_however_it_is_cut() {
        for size in 1..STREAM.len() {
            let mut watch = Watch::new(Kind::Stream);
            let deltas: u64 = STREAM.as_bytes().chunks(size).map(|piece| watch.feed(piece)).sum();
            let Watch::Events(events) = &watch else { panic!() };
            assert_eq!((deltas, events.seen), (2, 5), "pieces of {size}");
            assert!(events.stopped && !events.failed);
        }
    }

    #[test]
    fn a_last_event_that_is_cut_does_not_count() {
        for cut in 1.."\ndata: {}\n\n".len() {
            let mut watch = Watch::new(Kind::Stream);
            watch.feed(&STREAM.as_bytes()[..STREAM.len() - cut]);
            let Watch::Events(events) = &watch else { panic!() };
            assert!(!events.stopped, "without its last {cut} bytes");
        }
    }

    #[test]
    fn a_line_of_any_length_takes_no_room() {
        let mut watch = Watch::new(Kind::Stream);
        for _ in 0..100 {
            watch.feed(&[b'x'; 10_000]);
        }
        let Watch::Events(events) = &watch else { panic!() };
        assert!(events.line.capacity() <= 2 * LINE_BYTES);
    }

    #[test]
    fn a_member_is_found_across_pieces() {
        let bodies = [
            r#"{"id":"msg_1","type":"message","content":[]}"#,
            r#"{"id": "msg_1", "type": "message", "content": []}"#,
        ];
        for (body, size) in bodies.iter().flat_map(|body| (1..body.len()).map(move |n| (body, n))) {
            let mut watch = Watch::new(Kind::Message);
            for piece in body.as_bytes().chunks(size) {
                watch.feed(piece);
            }
            let Watch::Whole(whole) = &watch else { panic!() };
            assert!(whole.found, "{body} in pieces of {size}");
        }
    }
}
