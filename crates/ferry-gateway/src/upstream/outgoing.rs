//! The body of one attempt: held bytes that can be sent again, or a client's stream that cannot.
//! Never copies a byte: held chunks are shared, flowing frames are handed on.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::task::{Context, Poll};
use std::time::Instant;

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;

use crate::clock;

/// How much of an attempt's body has been handed to the connection, for the write-stall deadline.
#[derive(Debug, Default)]
pub struct Sent {
    bytes: AtomicU64,
    whole_at: OnceLock<Instant>,
    waits_for_client: AtomicBool,
}

impl Sent {
    /// Bytes handed over so far.
    pub fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    /// When the last byte was handed over.
    pub fn whole_at(&self) -> Option<Instant> {
        self.whole_at.get().copied()
    }

    /// True while the node would take more and the client has not sent it.
    pub fn waits_for_client(&self) -> bool {
        self.waits_for_client.load(Ordering::Relaxed)
    }

    fn moved(&self, bytes: usize, whole: bool) {
        self.bytes.fetch_add(bytes as u64, Ordering::Relaxed);
        self.waits_for_client.store(false, Ordering::Relaxed);
        if whole {
            self.whole_at.get_or_init(clock::now);
        }
    }
}

/// What is sent.
#[derive(Debug)]
enum Source {
    /// Chunks as the client sent them, shared with later attempts.
    Held { chunks: Arc<[Bytes]>, next: usize, left: u64 },
    /// The client's own body, as it comes, behind what was read of it before; its trailers stay here.
    Flowing { ahead: VecDeque<Bytes>, body: Incoming },
}

/// A client's body that an attempt did not take whole: it comes back here when the attempt is over, so
/// that the rest can be drained and the client sees the answer and not a reset.
#[derive(Debug, Clone, Default)]
pub struct Leftover(Arc<Mutex<Option<Incoming>>>);

impl Leftover {
    /// The rest of the body, once.
    pub fn take(&self) -> Option<Incoming> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// The request body of one attempt.
#[derive(Debug)]
pub struct Outgoing {
    source: Source,
    sent: Arc<Sent>,
    /// Of a flowing body; a held one has no rest.
    leftover: Option<Leftover>,
}

impl Outgoing {
    /// A body whose chunks stay shared: another attempt may send them again.
    pub fn held(chunks: Arc<[Bytes]>) -> Self {
        let left = chunks.iter().map(|chunk| chunk.len() as u64).sum();
        let sent = Sent::default();
        sent.moved(0, left == 0);
        let source = Source::Held { chunks, next: 0, left };
        Self { source, sent: Arc::new(sent), leftover: None }
    }

    /// A client's body that passes through and is gone.
    pub fn flowing(body: Incoming) -> Self {
        Self::flowing_behind(Vec::new(), body)
    }

    /// The same for a body that has been read from: `ahead` is what came.
    pub fn flowing_behind(ahead: Vec<Bytes>, body: Incoming) -> Self {
        let sent = Sent::default();
        sent.moved(0, ahead.is_empty() && body.is_end_stream());
        let source = Source::Flowing { ahead: ahead.into(), body };
        Self { source, sent: Arc::new(sent), leftover: Some(Leftover::default()) }
    }

    /// Where the rest of a flowing body comes back to.
    pub fn leftover(&self) -> Leftover {
        self.leftover.clone().unwrap_or_default()
    }

    /// True for a body that is here, and can be sent again.
    pub fn is_held(&self) -> bool {
        matches!(self.source, Source::Held { .. })
    }

    /// The progress of this attempt, readable while the body is being sent.
    pub fn sent(&self) -> Arc<Sent> {
        Arc::clone(&self.sent)
    }
}

impl Drop for Outgoing {
    fn drop(&mut self) {
        if !matches!(&self.source, Source::Flowing { body, .. } if !body.is_end_stream()) {
            return;
        }
        let none = Source::Held { chunks: Arc::new([]), next: 0, left: 0 };
        if let (Source::Flowing { body, .. }, Some(leftover)) =
            (std::mem::replace(&mut self.source, none), &self.leftover)
        {
            *leftover.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(body);
        }
    }
}

impl Body for Outgoing {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let this = self.get_mut();
        match &mut this.source {
            Source::Held { chunks, next, left } => {
                let Some(chunk) = chunks.get(*next) else { return Poll::Ready(None) };
                *next += 1;
                *left -= chunk.len() as u64;
                this.sent.moved(chunk.len(), *left == 0);
                Poll::Ready(Some(Ok(Frame::data(chunk.clone()))))
            }
            Source::Flowing { ahead, body } => {
                if let Some(chunk) = ahead.pop_front() {
                    this.sent.moved(chunk.len(), ahead.is_empty() && body.is_end_stream());
                    return Poll::Ready(Some(Ok(Frame::data(chunk))));
                }
                let polled = Pin::new(&mut *body).poll_frame(cx);
                match &polled {
                    Poll::Ready(Some(Ok(frame))) => {
                        let Some(data) = frame.data_ref() else {
                            this.sent.moved(0, true);
                            return Poll::Ready(None);
                        };
                        this.sent.moved(data.len(), body.is_end_stream());
                    }
                    Poll::Ready(None) => this.sent.moved(0, true),
                    Poll::Pending => this.sent.waits_for_client.store(true, Ordering::Relaxed),
                    Poll::Ready(Some(Err(_))) => {}
                }
                polled
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.source {
            Source::Held { left, .. } => *left == 0,
            Source::Flowing { ahead, body } => ahead.is_empty() && body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.source {
            Source::Held { left, .. } => SizeHint::with_exact(*left),
            Source::Flowing { ahead, body } => behind(ahead, &body.size_hint()),
        }
    }
}

/// How much there is of a body with what was read of it before.
fn behind(ahead: &VecDeque<Bytes>, rest: &SizeHint) -> SizeHint {
    let ahead: u64 = ahead.iter().map(|chunk| chunk.len() as u64).sum();
    let mut size = SizeHint::new();
    size.set_lower(rest.lower() + ahead);
    if let Some(upper) = rest.upper() {
        size.set_upper(upper + ahead);
    }
    size
}
