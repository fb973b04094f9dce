//! The texts of an answer on their way out: what the model wrote by itself is looked through, and then the pseudonyms of
//! the request become values again, in this order. Several rooms bring answers; this stands apart from them.

use std::sync::Arc;

use bytes::Bytes;
use ferry_wire::restore::{Counts, RestoreStream};

use super::passage::Passage;
use super::pieces::join;
use crate::redaction::{ScreenStream, Seen};
use crate::telemetry::{RedactEvent, RestoreResult};

/// A whole answer as its client gets it; nothing when it goes out as it came.
pub(super) fn finished(passage: &Passage, answer: &Bytes) -> Option<Vec<Bytes>> {
    let Some(screened) = screened(passage, answer) else { return restored(passage, answer) };
    let whole = join(screened);
    restored(passage, &whole).or_else(|| Some(vec![whole]))
}

fn screened(passage: &Passage, answer: &Bytes) -> Option<Vec<Bytes>> {
    let screen = passage.screen.as_ref()?;
    let mut seen = Seen::default();
    let pieces = screen.answer(answer, &mut seen);
    passage.screened(&seen);
    pieces
}

fn restored(passage: &Passage, answer: &Bytes) -> Option<Vec<Bytes>> {
    let mut counts = Counts::default();
    let pieces = passage.restorer.as_ref()?.answer(answer, &mut counts);
    passage.restored(counts);
    pieces
}

/// The texts of a stream on their way out. Without anything to do it is never made.
#[derive(Debug)]
pub(super) struct Texts {
    screen: Option<ScreenStream>,
    restore: Option<RestoreStream>,
    /// What came through the screen, on its way to the other.
    between: Vec<Bytes>,
}

impl Texts {
    /// What the stream of a passage goes through; nothing when its events go out as they come.
    pub(super) fn of(passage: &Passage) -> Option<Box<Self>> {
        let screen = passage.screen.as_ref().map(|screen| screen.stream());
        let restore = passage.restorer.as_ref().map(|pairs| RestoreStream::new(Arc::clone(pairs)));
        if screen.is_none() && restore.is_none() {
            return None;
        }
        Some(Box::new(Self { screen, restore, between: Vec::new() }))
    }

    /// Takes what has been ready since `from` through.
    pub(super) fn pass(&mut self, ready: &mut Vec<Bytes>, from: usize) {
        for chunk in ready.split_off(from) {
            match &mut self.screen {
                Some(screen) => screen.push(chunk, &mut self.between),
                None => self.between.push(chunk),
            }
        }
        self.hand_on(ready);
    }

    /// The stream is over: what was held back of a text leaves now, and what was met is told.
    pub(super) fn end(&mut self, as_it_should: bool, ready: &mut Vec<Bytes>, passage: &Passage) {
        match &mut self.screen {
            Some(screen) if as_it_should => screen.end(&mut self.between),
            Some(screen) => screen.cut(&mut self.between),
            None => {}
        }
        self.hand_on(ready);
        match &mut self.restore {
            Some(restore) if as_it_should => restore.end(ready),
            Some(restore) => restore.cut(ready),
            None => {}
        }
        self.tell(passage);
    }

    /// Tells what was met.
    pub(super) fn tell(&self, passage: &Passage) {
        if let Some(screen) = &self.screen {
            passage.screened(screen.seen());
        }
        if let Some(restore) = &self.restore {
            passage.restored(restore.counts());
        }
    }

    /// Whether the client has part of an event; nothing where only the bytes that came can say so.
    pub(super) fn mid_event(&self) -> Option<bool> {
        let restore = self.restore.as_ref().map(RestoreStream::mid_event);
        restore.or_else(|| self.screen.as_ref().and_then(ScreenStream::mid_event))
    }

    fn hand_on(&mut self, ready: &mut Vec<Bytes>) {
        for chunk in self.between.drain(..) {
            match &mut self.restore {
                Some(restore) => restore.push(chunk, ready),
                None => ready.push(chunk),
            }
        }
    }
}

impl Passage {
    /// Tells what was met of pseudonyms in the answer.
    pub(super) fn restored(&self, counts: Counts) {
        let Counts { restored, unknown, .. } = counts;
        self.shared.telemetry.restored(&self.line, RestoreResult::Restored, restored);
        self.shared.telemetry.restored(&self.line, RestoreResult::Unknown, unknown);
    }

    /// The answer flows on unread, although what its model wrote was to be looked through.
    pub(super) fn not_screened(&self) {
        if self.screen.is_some() {
            self.shared.telemetry.answers_unread(&self.line, 1);
        }
    }

    /// Tells what the model wrote by itself.
    pub(super) fn screened(&self, seen: &Seen) {
        let Some(screen) = &self.screen else { return };
        for (kind, action, count) in seen.counts(screen) {
            let event = RedactEvent { kind: kind.into(), action, count };
            self.shared.telemetry.answer_redacted(&self.line, &event);
        }
        self.shared.telemetry.answers_unread(&self.line, seen.unread);
    }
}
