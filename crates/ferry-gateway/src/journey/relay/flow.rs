//! A download or another answer that flows: bytes as they come. When the node breaks off, the client's
//! connection is aborted, never ended cleanly.

use std::collections::VecDeque;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::SizeHint;
use tokio::time::Sleep;

use super::{Broken, tell_attempt};
use crate::clock;
use crate::journey::flight::Flight;
use crate::journey::passage::Passage;
use crate::telemetry::{AttemptResult, Outcome};

/// An answer that flows.
#[derive(Debug)]
pub(super) struct Flow {
    first: VecDeque<Bytes>,
    flight: Flight,
    passage: Option<Box<Passage>>,
    /// Armed while the node is silent; a node silent for `event_gap` has broken off.
    silence: Option<Pin<Box<Sleep>>>,
}

impl Flow {
    pub(super) fn new(passage: Box<Passage>, flight: Flight, first: Vec<Bytes>) -> Self {
        Self { first: first.into(), flight, passage: Some(passage), silence: None }
    }

    pub(super) fn is_done(&self) -> bool {
        self.first.is_empty() && self.flight.landed()
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
            Poll::Ready(None) => {
                self.done();
                Poll::Ready(None)
            }
            Poll::Pending if self.silent(cx) => Poll::Ready(self.broken()),
            Poll::Pending => Poll::Pending,
        }
    }

    fn count(&mut self, chunk: Bytes) -> Bytes {
        if let Some(passage) = &mut self.passage {
            passage.facts.bytes_out += chunk.len() as u64;
        }
        if self.is_done() {
            self.done();
        }
        chunk
    }

    fn done(&mut self) {
        if let Some(passage) = self.passage.take() {
            tell_attempt(&passage, super::attempt_result(passage.facts.status));
        }
    }

    fn broken<T>(&mut self) -> Option<Result<T, Broken>> {
        let mut passage = self.passage.take()?;
        passage.facts.outcome = Outcome::Cut;
        passage.facts.code = Some("download-cut");
        tell_attempt(&passage, AttemptResult::Cut);
        Some(Err(Broken))
    }

    /// Arms the timer of silence, or finds it over.
    fn silent(&mut self, cx: &mut Context<'_>) -> bool {
        let Some(passage) = &self.passage else { return false };
        let gap = passage.snapshot.settings.timeouts.event_gap;
        let silence = self.silence.get_or_insert_with(|| {
            let until = (clock::now() + gap).min(passage.total_deadline());
            Box::pin(tokio::time::sleep_until(until.into()))
        });
        Future::poll(silence.as_mut(), cx).is_ready()
    }
}
