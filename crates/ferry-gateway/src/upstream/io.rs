//! One socket towards a node, cleartext or TLS, as hyper wants it. Never touches the bytes.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

use super::pulse::Pulse;
use super::transport::Wire;

/// A connected socket.
#[derive(Debug)]
pub(super) struct NodeIo {
    way: Way,
    /// The node has closed its receiving side. Nothing more is written, and that is no error: a node
    /// that refuses an upload early answers and closes at once, and its answer still waits to be
    /// read. Without one, the read ends the connection.
    closed: bool,
    /// When bytes moved; only kept where streams share the connection.
    pulse: Option<Arc<Pulse>>,
}

/// How the bytes travel.
#[derive(Debug)]
enum Way {
    /// Cleartext.
    Plain(Wire),
    /// TLS; boxed, since its state is a hundred times the size of a socket.
    Tls(Box<TlsStream<TcpStream>>),
}

impl NodeIo {
    /// Over cleartext.
    pub(super) fn plain(wire: Wire) -> Self {
        Self { way: Way::Plain(wire), closed: false, pulse: None }
    }

    /// Over TLS.
    pub(super) fn tls(stream: TlsStream<TcpStream>) -> Self {
        Self { way: Way::Tls(Box::new(stream)), closed: false, pulse: None }
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
        let polled = match &mut this.way {
            Way::Plain(Wire::Tcp(io)) => Pin::new(io).poll_read(cx, buf),
            #[cfg(test)]
            Way::Plain(Wire::Pipe(io)) => Pin::new(io).poll_read(cx, buf),
            Way::Tls(io) => Pin::new(io).poll_read(cx, buf),
        };
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
        let written = match &mut this.way {
            Way::Plain(Wire::Tcp(io)) => Pin::new(io).poll_write(cx, buf),
            #[cfg(test)]
            Way::Plain(Wire::Pipe(io)) => Pin::new(io).poll_write(cx, buf),
            Way::Tls(io) => Pin::new(io).poll_write(cx, buf),
        };
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
        let written = match &mut this.way {
            Way::Plain(Wire::Tcp(io)) => Pin::new(io).poll_write_vectored(cx, bufs),
            #[cfg(test)]
            Way::Plain(Wire::Pipe(io)) => Pin::new(io).poll_write_vectored(cx, bufs),
            Way::Tls(io) => Pin::new(io).poll_write_vectored(cx, bufs),
        };
        this.wrote(written)
    }

    fn is_write_vectored(&self) -> bool {
        match &self.way {
            Way::Plain(Wire::Tcp(io)) => io.is_write_vectored(),
            #[cfg(test)]
            Way::Plain(Wire::Pipe(io)) => io.is_write_vectored(),
            Way::Tls(io) => io.is_write_vectored(),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.closed {
            return Poll::Pending;
        }
        let flushed = match &mut this.way {
            Way::Plain(Wire::Tcp(io)) => Pin::new(io).poll_flush(cx),
            #[cfg(test)]
            Way::Plain(Wire::Pipe(io)) => Pin::new(io).poll_flush(cx),
            Way::Tls(io) => Pin::new(io).poll_flush(cx),
        };
        this.hushed(flushed)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.get_mut().way {
            Way::Plain(Wire::Tcp(io)) => Pin::new(io).poll_shutdown(cx),
            #[cfg(test)]
            Way::Plain(Wire::Pipe(io)) => Pin::new(io).poll_shutdown(cx),
            Way::Tls(io) => Pin::new(io).poll_shutdown(cx),
        }
    }
}
