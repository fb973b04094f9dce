//! The body of one attempt: held bytes that can be sent again, or a client's stream that cannot.
//! Never copies a byte: held chunks are shared, flowing frames are handed on.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;

/// How much of an attempt's body has been handed to the connection, for the write-stall deadline.
#[derive(Debug, Default)]
pub struct Sent {
    bytes: AtomicU64,
    whole: AtomicBool,
}

impl Sent {
    /// Bytes handed over so far.
    pub fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    /// True once the last byte was handed over.
    pub fn whole(&self) -> bool {
        self.whole.load(Ordering::Relaxed)
    }
}

/// What is sent.
#[derive(Debug)]
enum Source {
    /// Chunks as the client sent them, shared with later attempts.
    Held { chunks: Arc<[Bytes]>, next: usize, left: u64 },
    /// The client's own body, as it comes; its trailers stay here.
    Flowing { body: Incoming },
}

/// The request body of one attempt.
#[derive(Debug)]
pub struct Outgoing {
    source: Source,
    sent: Arc<Sent>,
}

impl Outgoing {
    /// A body whose chunks stay shared: another attempt may send them again.
    pub fn held(chunks: Arc<[Bytes]>) -> Self {
        let left = chunks.iter().map(|chunk| chunk.len() as u64).sum();
        let sent = Arc::new(Sent { bytes: AtomicU64::new(0), whole: AtomicBool::new(left == 0) });
        Self { source: Source::Held { chunks, next: 0, left }, sent }
    }

    /// A client's body that passes through and is gone.
    pub fn flowing(body: Incoming) -> Self {
        let whole = body.is_end_stream();
        let sent = Arc::new(Sent { bytes: AtomicU64::new(0), whole: AtomicBool::new(whole) });
        Self { source: Source::Flowing { body }, sent }
    }

    /// The progress of this attempt, readable while the body is being sent.
    pub fn sent(&self) -> Arc<Sent> {
        Arc::clone(&self.sent)
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
                this.sent.bytes.fetch_add(chunk.len() as u64, Ordering::Relaxed);
                if *left == 0 {
                    this.sent.whole.store(true, Ordering::Relaxed);
                }
                Poll::Ready(Some(Ok(Frame::data(chunk.clone()))))
            }
            Source::Flowing { body } => {
                let polled = Pin::new(&mut *body).poll_frame(cx);
                match &polled {
                    Poll::Ready(Some(Ok(frame))) => {
                        let length = frame.data_ref().map_or(0, |data| data.len() as u64);
                        this.sent.bytes.fetch_add(length, Ordering::Relaxed);
                        if frame.is_trailers() {
                            this.sent.whole.store(true, Ordering::Relaxed);
                            return Poll::Ready(None);
                        }
                        this.sent.whole.store(body.is_end_stream(), Ordering::Relaxed);
                    }
                    Poll::Ready(None) => this.sent.whole.store(true, Ordering::Relaxed),
                    Poll::Ready(Some(Err(_))) | Poll::Pending => {}
                }
                polled
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.source {
            Source::Held { left, .. } => *left == 0,
            Source::Flowing { body } => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.source {
            Source::Held { left, .. } => SizeHint::with_exact(*left),
            Source::Flowing { body } => body.size_hint(),
        }
    }
}
