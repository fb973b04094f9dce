//! The script of an answer's body: which bytes, in which writes, with which waits, and where it breaks.
//! Faults become steps here; nothing here touches a socket.

#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "each pass over the faults acts on the few that are its own"
)]

use std::io::Write as _;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use flate2::Compression;
use flate2::write::GzEncoder;
use hyper::HeaderMap;
use hyper::header::{CONTENT_LENGTH, HeaderValue};

use super::{Stage, paced};
use crate::body::Step;
use crate::exchange::Payload;
use crate::fault::{Break, Fault, Point};
use crate::refusal::error_event;

/// The steps of a body, still to be shaped.
pub(super) struct Script {
    steps: Vec<Step>,
    /// Whether the steps are events of a stream.
    stream: bool,
}

pub(super) fn script(
    context: &Stage<'_>,
    payload: Payload,
    tokens: u64,
    headers: &mut HeaderMap,
) -> Script {
    match payload {
        Payload::Events(events) => Script { steps: paced(context, events), stream: true },
        Payload::Pieces(pieces) => {
            Script { steps: pieces.map(|bytes| Step::Data(bytes, 0)).collect(), stream: false }
        }
        Payload::Whole(bytes) => {
            let chunked =
                context.faults.iter().any(|fault| matches!(fault, Fault::Chunked | Fault::Gzip));
            if !chunked && !bytes.is_empty() {
                headers.insert(CONTENT_LENGTH, HeaderValue::from(bytes.len()));
            }
            // Two halves, so that a fault can strike after one "event".
            let half = bytes.len() / 2;
            let tokens = u32::try_from(tokens).unwrap_or(u32::MAX);
            let steps =
                vec![Step::Data(bytes.slice(..half), 0), Step::Data(bytes.slice(half..), tokens)];
            Script { steps, stream: false }
        }
    }
}

impl Script {
    /// Applies all faults, in the order in which a real path would: content, coding, breaks, writes.
    pub(super) fn play(mut self, context: &Stage<'_>, headers: &mut HeaderMap) -> Vec<Step> {
        self.shape(context, headers);
        self.strike(context);
        self.rechunk(context);
        self.steps
    }

    /// Faults that leave the answer whole: other line ends, more events, another coding.
    fn shape(&mut self, context: &Stage<'_>, headers: &mut HeaderMap) {
        for fault in context.faults {
            match fault {
                Fault::UnknownEvent { after } if self.stream => {
                    self.insert(*after, Bytes::from_static(UNKNOWN));
                }
                Fault::BigEvent { bytes } if self.stream => {
                    // The third place: inside the first block, where a delta may stand.
                    self.insert(3, big_event(*bytes));
                }
                Fault::Comments if self.stream => self.map(|bytes| {
                    let mut joined = BytesMut::from(&b": keep-alive\n\n"[..]);
                    joined.extend_from_slice(bytes);
                    joined.freeze()
                }),
                Fault::Crlf if self.stream => self.map(|bytes| {
                    let mut text = Vec::with_capacity(bytes.len() + 8);
                    for byte in bytes {
                        if *byte == b'\n' {
                            text.push(b'\r');
                        }
                        text.push(*byte);
                    }
                    Bytes::from(text)
                }),
                _ => {}
            }
        }
        self.error_event(context);
        if context.faults.contains(&Fault::Gzip) {
            headers.insert("content-encoding", HeaderValue::from_static("gzip"));
            self.gzip();
        }
    }

    /// Ends a stream in an error.
    fn error_event(&mut self, context: &Stage<'_>) {
        let error = context.faults.iter().find_map(|fault| match fault {
            Fault::ErrorEvent { after, kind } if self.stream => Some((*after, kind)),
            _ => None,
        });
        if let Some((after, kind)) = error {
            let at = self.place(Point::Events(after));
            self.steps.truncate(at);
            self.steps.push(Step::Data(error_event(kind, context.request_id), 0));
        }
    }

    /// Faults that stop the answer.
    fn strike(&mut self, context: &Stage<'_>) {
        for fault in context.faults {
            match fault {
                Fault::Stall { at, ms } if *at != Point::Head => {
                    let at = self.place(*at);
                    match ms {
                        Some(ms) => self.steps.insert(at, Step::Wait(Duration::from_millis(*ms))),
                        None => self.end(at, [Step::Hang]),
                    }
                }
                Fault::Cut { at, how } if *at != Point::Head => {
                    let at = self.place(*at);
                    self.end(at, [Step::Kill(*how)]);
                }
                Fault::StreamReset { at, code } if *at != Point::Head => {
                    let at = self.place(*at);
                    self.end(at, [Step::Flush, Step::ResetStream(*code)]);
                }
                Fault::End { after } if self.stream => {
                    let at = self.place(Point::Events(*after));
                    self.steps.truncate(at);
                }
                Fault::Half { bytes } => {
                    let half = self.len() / 2;
                    let at = self.place(Point::Bytes(bytes.unwrap_or(half)));
                    self.end(at, [Step::Kill(Break::Fin)]);
                }
                Fault::ChunkCut { after } => self.chunk_cut(*after, context.http2),
                _ => {}
            }
        }
    }

    fn chunk_cut(&mut self, after: usize, http2: bool) {
        let at = self.place(Point::Events(after));
        let rest = self.steps.split_off(at);
        let inside = rest.into_iter().find_map(|step| match step {
            Step::Data(bytes, _) => Some(bytes),
            _ => None,
        });
        self.steps.push(Step::Flush);
        match inside {
            Some(bytes) if !http2 => self.steps.push(Step::KillInside(bytes)),
            // HTTP/2 has no chunks: half a message, then the end.
            Some(bytes) => {
                self.steps.push(Step::Data(bytes.slice(..bytes.len() / 2), 0));
                self.steps.push(Step::Kill(Break::Fin));
            }
            None => self.steps.push(Step::Kill(Break::Fin)),
        }
    }

    /// Faults of the writes: their size and their pace.
    fn rechunk(&mut self, context: &Stage<'_>) {
        for fault in context.faults {
            match fault {
                Fault::Join => self.join(),
                Fault::Split { bytes } => self.split(*bytes, None),
                Fault::Drip { bytes, ms } => self.split(*bytes, Some(Duration::from_millis(*ms))),
                _ => {}
            }
        }
    }

    /// Where a fault at this point belongs in the list of steps.
    fn place(&mut self, point: Point) -> usize {
        match point {
            Point::Head => 0,
            Point::Events(events) => self.after_events(events),
            Point::Bytes(bytes) => self.after_bytes(bytes),
        }
    }

    fn after_events(&self, events: usize) -> usize {
        if events == 0 {
            return 0;
        }
        let data = |step: &Step| matches!(step, Step::Data(..));
        let mut places = self.steps.iter().enumerate().filter(|(_, step)| data(step));
        places.nth(events - 1).map_or(self.steps.len(), |(place, _)| place + 1)
    }

    fn after_bytes(&mut self, bytes: usize) -> usize {
        let mut left = bytes;
        for place in 0..self.steps.len() {
            let Step::Data(data, tokens) = &mut self.steps[place] else { continue };
            if left >= data.len() {
                left -= data.len();
                continue;
            }
            if left == 0 {
                return place;
            }
            let rest = data.split_off(left);
            let tokens = std::mem::take(tokens);
            self.steps.insert(place + 1, Step::Data(rest, tokens));
            return place + 1;
        }
        self.steps.len()
    }

    fn end<const N: usize>(&mut self, at: usize, last: [Step; N]) {
        self.steps.truncate(at);
        self.steps.extend(last);
    }

    fn insert(&mut self, after: usize, bytes: Bytes) {
        let at = self.after_events(after);
        self.steps.insert(at, Step::Data(bytes, 0));
    }

    fn len(&self) -> usize {
        let length = |step: &Step| if let Step::Data(bytes, _) = step { bytes.len() } else { 0 };
        self.steps.iter().map(length).sum()
    }

    fn map(&mut self, mut change: impl FnMut(&Bytes) -> Bytes) {
        for step in &mut self.steps {
            if let Step::Data(bytes, _) = step {
                *bytes = change(bytes);
            }
        }
    }

    /// Codes the body; every step can be decoded as soon as it has come.
    fn gzip(&mut self) {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        self.map(|bytes| {
            // Writing to a Vec cannot fail.
            encoder.write_all(bytes).ok();
            encoder.flush().ok();
            Bytes::from(std::mem::take(encoder.get_mut()))
        });
        if let Ok(tail) = encoder.finish() {
            self.steps.push(Step::Data(Bytes::from(tail), 0));
        }
    }

    fn join(&mut self) {
        let mut joined = BytesMut::with_capacity(self.len());
        let mut tokens = 0_u32;
        let mut rest = Vec::new();
        for step in self.steps.drain(..) {
            match step {
                Step::Data(bytes, part) => {
                    joined.extend_from_slice(&bytes);
                    tokens = tokens.saturating_add(part);
                }
                Step::Flush => {}
                other => rest.push(other),
            }
        }
        // Waits go in front, ends behind.
        let (waits, ends): (Vec<_>, Vec<_>) =
            rest.into_iter().partition(|step| matches!(step, Step::Wait(_)));
        self.steps.extend(waits);
        self.steps.push(Step::Data(joined.freeze(), tokens));
        self.steps.extend(ends);
    }

    fn split(&mut self, bytes: usize, pace: Option<Duration>) {
        let mut out = Vec::new();
        let mut carry = BytesMut::new();
        let push = |out: &mut Vec<Step>, data: Bytes, tokens: u32| {
            out.push(Step::Data(data, tokens));
            out.push(pace.map_or(Step::Flush, Step::Wait));
        };
        for step in self.steps.drain(..) {
            match step {
                Step::Data(data, mut tokens) => {
                    carry.extend_from_slice(&data);
                    while carry.len() >= bytes {
                        push(&mut out, carry.split_to(bytes).freeze(), std::mem::take(&mut tokens));
                    }
                    if tokens > 0 && !carry.is_empty() {
                        push(&mut out, carry.split().freeze(), tokens);
                    }
                }
                other => {
                    if !carry.is_empty() {
                        push(&mut out, carry.split().freeze(), 0);
                    }
                    out.push(other);
                }
            }
        }
        if !carry.is_empty() {
            push(&mut out, carry.freeze(), 0);
        }
        self.steps = out;
    }
}

/// An event of a name and a form that no client knows.
const UNKNOWN: &[u8] =
    b"event: weather_report\ndata: {\"type\":\"weather_report\",\"sky\":\"clear\",\"nested\":{\"a\":[1,2.0,3e2]}}\n\n";

/// One text delta of so many letters.
fn big_event(bytes: usize) -> Bytes {
    let text = "x".repeat(bytes);
    Bytes::from(format!(
        "event: content_block_delta\ndata: {{\"type\":\"content_block_delta\",\"index\":0,\
         \"delta\":{{\"type\":\"text_delta\",\"text\":\"{text}\"}}}}\n\n"
    ))
}
