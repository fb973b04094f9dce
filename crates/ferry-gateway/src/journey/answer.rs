//! The texts of an answer on their way out: what the model wrote by itself is looked through, and then the pseudonyms of
//! the request become values again, in this order. Several rooms bring answers; this stands apart from them.

use bytes::Bytes;
use ferry_wire::restore::Counts;

use super::passage::Passage;
use super::pieces::join;
use crate::redaction::Seen;
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

impl Passage {
    /// Tells what was met of pseudonyms in the answer.
    pub(super) fn restored(&self, counts: Counts) {
        let Counts { restored, unknown, .. } = counts;
        self.shared.telemetry.restored(&self.line, RestoreResult::Restored, restored);
        self.shared.telemetry.restored(&self.line, RestoreResult::Unknown, unknown);
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
