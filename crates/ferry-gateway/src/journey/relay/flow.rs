//! A download or another answer that flows: bytes as they come. When the node breaks off, the client's
//! connection is aborted, never ended cleanly; coded events that end without their last one count as
//! broken off, too.

use std::collections::VecDeque;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::SizeHint;
use tokio::time::Sleep;

use super::{Broken, tell_attempt};
use crate::clock;
use crate::journey::attempt::CodedEvents;
use crate::journey::flight::Flight;
use crate::journey::passage::{HeldBytes, Passage};
use crate::telemetry::{AttemptResult, Outcome};
use crate::upstream::PathFault;

/// An answer that flows.
#[derive(Debug)]
pub(super) struct Flow {
    first: VecDeque<Bytes>,
    /// The memory of what is in `first`.
    _set_aside: Option<HeldBytes>,
    flight: Flight,
    watch: Option<Box<CodedEvents>>,
    passage: Option<Box<Passage>>,
    /// Armed while the node is silent; a node silent for `event_gap` has broken off. There is no bound on
    /// the whole: a large file over a slow line takes as long as it takes.
    silence: Option<Pin<Box<Sleep>>>,
    /// The drain is over.
    closing: bool,
}

impl Flow {
    pub(super) fn new(
        passage: Box<Passage>,
        flight: Flight,
        first: Vec<Bytes>,
        watch: Option<Box<CodedEvents>>,
        set_aside: Option<HeldBytes>,
    ) -> Self {
        let (first, passage) = (first.into(), Some(passage));
        Self { first, _set_aside: set_aside, flight, watch, passage, silence: None, closing: false }
    }

    /// The drain is over: nothing more is read.
    pub(super) fn close(&mut self) {
        self.closing = true;
    }

    pub(super) fn is_done(&self) -> bool {
        self.first.is_empty() && self.flight.landed() && self.passage.is_none()
    }

    pub(super) fn size_hint(&self) -> SizeHint {
        let first: u64 = self.first.iter().map(|chunk| chunk.len() as u64).sum();
        self.flight
            .length()
            .map_or_else(SizeHint::default, |rest| SizeHint::with_exact(first + rest))
    }

    pub(super) fn poll_bytes(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Broken>>> {
        if let Some(chunk) = self.first.pop_front() {
            return Poll::Ready(Some(Ok(self.count(chunk))));
        }
        match self.flight.poll_data(cx) {
            Poll::Ready(Some(Ok(chunk))) => {
                self.silence = None;
                Poll::Ready(Some(Ok(self.count(chunk))))
            }
            Poll::Ready(Some(Err(_))) => Poll::Ready(self.broken()),
            Poll::Ready(None) if self.watch.as_ref().is_some_and(|watch| !watch.is_whole()) => {
                Poll::Ready(self.broken())
            }
            Poll::Ready(None) => {
                self.done();
                Poll::Ready(None)
            }
            Poll::Pending if self.closing || self.silent(cx) => Poll::Ready(self.broken()),
            Poll::Pending => Poll::Pending,
        }
    }

    fn count(&mut self, chunk: Bytes) -> Bytes {
        if let Some(watch) = &mut self.watch {
            watch.push(&chunk);
        }
        if let Some(passage) = &mut self.passage {
            passage.facts.bytes_out += chunk.len() as u64;
        }
        // What is watched is only whole when its end has been seen.
        if self.first.is_empty() && self.flight.landed() && self.watch.is_none() {
            self.done();
        }
        chunk
    }

    fn done(&mut self) {
        self.learn();
        if let Some(passage) = self.passage.take() {
            self.flight.held();
            tell_attempt(&passage, AttemptResult::of(passage.facts.status));
        }
    }

    fn learn(&mut self) {
        if let (Some(watch), Some(passage)) = (&self.watch, &mut self.passage) {
            passage.facts.usage = watch.facts().usage;
            passage.facts.usage_is_lower_bound = !watch.is_whole();
        }
    }

    fn broken<T>(&mut self) -> Option<Result<T, Broken>> {
        self.learn();
        let mut passage = self.passage.take()?;
        self.flight.failed(PathFault::Cut);
        passage.facts.outcome = Outcome::Cut;
        // That Ferry stops is not the node's doing.
        let (code, result) = if self.closing {
            ("drain-over", AttemptResult::Cancelled)
        } else {
            ("download-cut", AttemptResult::Cut)
        };
        passage.facts.code = Some(code);
        tell_attempt(&passage, result);
        Some(Err(Broken))
    }

    /// Arms the timer of silence, or finds it over.
    fn silent(&mut self, cx: &mut Context<'_>) -> bool {
        let Some(passage) = &self.passage else { return false };
        let gap = passage.snapshot.settings.timeouts.event_gap;
        let silence = self
            .silence
            .get_or_insert_with(|| Box::pin(tokio::time::sleep_until((clock::now() + gap).into())));
        Future::poll(silence.as_mut(), cx).is_ready()
    }
}

/// A client that left in the middle.
impl Drop for Flow {
    fn drop(&mut self) {
        self.learn();
        if let Some(passage) = &mut self.passage {
            passage.facts.outcome = Outcome::HangUp;
            tell_attempt(passage, AttemptResult::Cancelled);
        }
    }
}
