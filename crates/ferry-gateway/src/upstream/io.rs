//! One connection towards a node, as hyper wants it. Never touches the bytes.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::pulse::Pulse;
use super::wire::Wire;

/// A connected stream whose far end is the node.
#[derive(Debug)]
pub(super) struct NodeIo {
    wire: Wire,
    /// The node has closed its receiving side. Nothing more is written, and that is no error: a node
    /// that refuses an upload early answers and closes at once, and its answer still waits to be
    /// read. Without one, the read ends the connection.
    closed: bool,
    /// When bytes moved; only kept where streams share the connection.
    pulse: Option<Arc<Pulse>>,
}

impl NodeIo {
    pub(super) fn new(wire: Wire) -> Self {
        Self { wire, closed: false, pulse: None }
    }

    /// Notes from now on when bytes move.
    pub(super) fn with_pulse(mut self, pulse: Arc<Pulse>) -> Self {
        self.pulse = Some(pulse);
        self
    }

    fn wrote(&mut self, written: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        if let (Some(pulse), Poll::Ready(Ok(_))) = (&self.pulse, &written) {
            pulse.wrote();
        }
        self.hushed(written)
    }

    fn hushed<T>(&mut self, written: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        use io::ErrorKind::{BrokenPipe, ConnectionReset};
        match written {
            Poll::Ready(Err(error)) if matches!(error.kind(), BrokenPipe | ConnectionReset) => {
                self.closed = true;
                Poll::Pending
            }
            written @ (Poll::Ready(_) | Poll::Pending) => written,
        }
    }
}

impl AsyncRead for NodeIo {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let polled = Pin::new(&mut this.wire).poll_read(cx, buf);
        if let (Some(pulse), Poll::Ready(Ok(()))) = (&this.pulse, &polled) {
            pulse.read();
        }
        polled
    }
}

impl AsyncWrite for NodeIo {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        if this.closed {
            return Poll::Pending;
        }
        let written = Pin::new(&mut this.wire).poll_write(cx, buf);
        this.wrote(written)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        if this.closed {
            return Poll::Pending;
        }
        let written = Pin::new(&mut this.wire).poll_write_vectored(cx, bufs);
        this.wrote(written)
    }

    fn is_write_vectored(&self) -> bool {
        self.wire.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.closed {
            return Poll::Pending;
        }
        let flushed = Pin::new(&mut this.wire).poll_flush(cx);
        this.hushed(flushed)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().wire).poll_shutdown(cx)
    }
}
