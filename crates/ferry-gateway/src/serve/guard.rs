//! Stands between the socket and hyper: sees every byte first, and speaks for the connection when no request can.
//!
//! Bytes that break the framing rules never reach hyper; the handler's refusal is written once the answers before it
//! have left, then the sending side is shut, what the client still sends is read for a moment (unread bytes would turn
//! the close into a reset and take the refusal with them), and hyper is told that the connection ended.
//! Never copies what passes, and never looks at HTTP/2.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Buf, Bytes};
use ferry_wire::framing::{HeadGuard, Verdict};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Sleep;

use super::exchange::Traffic;
use super::stream::Stream;
use super::{Cut, FramingError, Handler};

/// What a client has in flight behind a refused head: socket buffers of a first round trip.
const LINGER_BYTES: usize = 64 * 1024;

/// A client that has not closed by then has had its answer for several round trips.
const LINGER_TIME: Duration = Duration::from_secs(1);

/// The watched socket of one connection.
pub(super) struct Guard<H: Handler> {
    stream: Stream,
    traffic: Arc<Traffic>,
    handler: Arc<H>,
    /// `None` once HTTP/2 is spoken.
    head: Option<HeadGuard>,
    state: State,
    received: u64,
    sent: u64,
}

enum State {
    /// Bytes pass.
    Open,
    /// No more bytes pass; the refusal waits for the answers before it.
    Held { why: FramingError, woken: bool },
    /// Our own answer is on its way; from here on hyper's bytes are swallowed.
    Answering(Bytes),
    /// Ours has left; the client's last bytes are dropped.
    Lingering { left: usize, until: Pin<Box<Sleep>> },
    /// The client has been told all; hyper sees the end.
    Ended,
    /// Hyper sees the end of the client's bytes, and finishes the answer that it has begun.
    EndedMidAnswer,
}

impl<H: Handler> Guard<H> {
    /// Watches a fresh connection; without `head` it speaks HTTP/2 from its first byte.
    pub(super) fn new(
        stream: Stream,
        head: Option<HeadGuard>,
        handler: Arc<H>,
        traffic: Traffic,
    ) -> Self {
        let traffic = Arc::new(traffic);
        if head.is_none() {
            traffic.set_http2();
        }
        Self { stream, traffic, handler, head, state: State::Open, received: 0, sent: 0 }
    }

    /// HTTP/2 is spoken from the first byte on.
    pub(super) fn http2(&self) -> bool {
        self.head.is_none()
    }

    pub(super) fn traffic(&self) -> &Arc<Traffic> {
        &self.traffic
    }

    /// Passes bytes on, up to the first that breaks the rules.
    fn poll_open(
        &mut self,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<Passed>> {
        if self.head.is_some() && self.traffic.overdue() {
            return Poll::Ready(Ok(self.cut(Cut::SlowHead)));
        }
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(context, buffer))?;
        let Some(new) = buffer.filled().get(before..).filter(|new| !new.is_empty()) else {
            // A request has come in and not a byte of an answer has gone out: a client that only shut its sending side
            // hears why it gets none; one that has left hears nothing anyway.
            if self.head.is_some() && self.traffic.in_flight() > 0 && !self.traffic.answered() {
                return Poll::Ready(Ok(self.cut(Cut::HalfClosed)));
            }
            return Poll::Ready(Ok(Passed::Bytes));
        };
        self.received += new.len() as u64;
        self.traffic.received();
        let Some(head) = &mut self.head else { return Poll::Ready(Ok(Passed::Bytes)) };
        match head.check(new) {
            Verdict::Pass => {}
            Verdict::Http2 => {
                self.head = None;
                self.traffic.set_http2();
            }
            Verdict::Refuse { at, why } => {
                buffer.set_filled(before + at);
                self.state = State::Held { why, woken: false };
                if at == 0 {
                    return Poll::Ready(Ok(Passed::Nothing));
                }
            }
        }
        Poll::Ready(Ok(Passed::Bytes))
    }

    fn cut(&mut self, why: Cut) -> Passed {
        self.state = State::Answering(self.handler.cut_bytes(why));
        Passed::Nothing
    }

    /// Waits for the moment in which a refusal can be told apart from the answers before it.
    fn poll_held(&mut self, why: FramingError) -> Poll<()> {
        if self.head.as_ref().is_some_and(HeadGuard::is_refused_in_body)
            && self.traffic.in_flight() > 0
        {
            // Hyper asks for bytes only when it has used up those before: the request in flight is the broken one.
            self.state = if self.traffic.answered() {
                State::EndedMidAnswer
            } else {
                State::Answering(self.handler.refuse_bytes(&why))
            };
        } else if self.traffic.quiet() {
            self.state = State::Answering(self.handler.refuse_bytes(&why));
        } else {
            // `poll_flush` wakes the task when the last answer has left.
            return Poll::Pending;
        }
        Poll::Ready(())
    }

    /// Hyper writes an answer that nobody gave: it has refused a head that keeps the framing rules but breaks one of its
    /// own (too many fields, a target that is no URI). Its bare status line is replaced by the handler's words.
    fn overhear(&mut self, bytes: &[u8]) {
        if let Some(head) = &self.head
            && matches!(self.state, State::Open)
            && self.traffic.quiet()
        {
            let why = if bytes.starts_with(b"HTTP/1.1 431") {
                FramingError::HeadTooLarge
            } else {
                head.suspect()
            };
            self.state = State::Answering(self.handler.refuse_bytes(&why));
        }
    }

    /// Tells the client what there is to tell, and lingers; what hyper then sees is the end.
    fn poll_farewell(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_answer(context))?;
        ready!(self.poll_linger(context));
        Poll::Ready(Ok(()))
    }

    fn poll_answer(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let State::Answering(bytes) = &mut self.state else { return Poll::Ready(Ok(())) };
        while bytes.has_remaining() {
            let written = ready!(Pin::new(&mut self.stream).poll_write(context, bytes))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            bytes.advance(written);
        }
        ready!(Pin::new(&mut self.stream).poll_flush(context))?;
        // Fails when the client has left, and then there is nothing to linger for.
        ready!(Pin::new(&mut self.stream).poll_shutdown(context))?;
        let until = Box::pin(tokio::time::sleep(LINGER_TIME));
        self.state = State::Lingering { left: LINGER_BYTES, until };
        Poll::Ready(Ok(()))
    }

    fn poll_linger(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let State::Lingering { left, until } = &mut self.state else { return Poll::Ready(()) };
        let mut scratch = [0; 4096];
        while *left > 0 && until.as_mut().poll(context).is_pending() {
            let mut buffer = ReadBuf::new(&mut scratch);
            match ready!(Pin::new(&mut self.stream).poll_read(context, &mut buffer)) {
                Ok(()) if !buffer.filled().is_empty() => {
                    *left = left.saturating_sub(buffer.filled().len());
                }
                _ => break,
            }
        }
        self.state = State::Ended;
        Poll::Ready(())
    }

    /// Our own answer has begun, so hyper's bytes no longer matter.
    fn mute(&self) -> bool {
        match self.state {
            State::Open | State::Held { .. } | State::EndedMidAnswer => false,
            State::Answering(_) | State::Lingering { .. } | State::Ended => true,
        }
    }

    fn wrote(&mut self, written: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        match &written {
            Poll::Pending => self.traffic.stalled(),
            Poll::Ready(Ok(count)) => {
                self.sent += *count as u64;
                self.traffic.sent();
            }
            Poll::Ready(Err(_)) => {}
        }
        written
    }
}

/// What came of an attempt to pass bytes.
enum Passed {
    /// Some, or the end.
    Bytes,
    /// None; the state has moved.
    Nothing,
}

impl<H: Handler> AsyncRead for Guard<H> {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        loop {
            match &this.state {
                State::Open => match ready!(this.poll_open(context, buffer))? {
                    Passed::Bytes => return Poll::Ready(Ok(())),
                    Passed::Nothing => {}
                },
                State::Held { why, .. } => {
                    let why = *why;
                    ready!(this.poll_held(why));
                }
                State::Answering(_)
                | State::Lingering { .. }
                | State::Ended
                | State::EndedMidAnswer => return this.poll_farewell(context),
            }
        }
    }
}

impl<H: Handler> AsyncWrite for Guard<H> {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        this.overhear(bytes);
        if this.mute() {
            return Poll::Ready(Ok(bytes.len()));
        }
        let written = Pin::new(&mut this.stream).poll_write(context, bytes);
        this.wrote(written)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        this.overhear(slices.first().map_or(&[], |slice| slice));
        if this.mute() {
            return Poll::Ready(Ok(slices.iter().map(|slice| slice.len()).sum()));
        }
        let written = Pin::new(&mut this.stream).poll_write_vectored(context, slices);
        this.wrote(written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.mute() {
            return Poll::Ready(Ok(()));
        }
        let flushed = Pin::new(&mut this.stream).poll_flush(context);
        match &flushed {
            Poll::Pending => this.traffic.stalled(),
            Poll::Ready(Ok(())) => {
                this.traffic.sent();
                // Hyper flushes the socket only when none of its own buffers holds a byte.
                this.traffic.flushed();
                if let State::Held { woken, .. } = &mut this.state
                    && !*woken
                    && this.traffic.quiet()
                {
                    *woken = true;
                    context.waker().wake_by_ref();
                }
            }
            Poll::Ready(Err(_)) => {}
        }
        flushed
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.mute() {
            return this.poll_farewell(context);
        }
        Pin::new(&mut this.stream).poll_shutdown(context)
    }
}

impl<H: Handler> Drop for Guard<H> {
    fn drop(&mut self) {
        self.handler.traffic(self.received, self.sent);
    }
}
