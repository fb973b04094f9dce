//! One socket towards a node, cleartext or TLS, as hyper wants it. Never touches the bytes.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

/// A connected socket.
#[derive(Debug)]
pub(super) struct NodeIo {
    way: Way,
    /// The node has closed its receiving side. Nothing more is written, and that is no error: a node
    /// that refuses an upload early answers and closes at once, and its answer still waits to be
    /// read. Without one, the read ends the connection.
    closed: bool,
}

/// How the bytes travel.
#[derive(Debug)]
enum Way {
    /// Cleartext.
    Tcp(TcpStream),
    /// TLS; boxed, since its state is a hundred times the size of a socket.
    Tls(Box<TlsStream<TcpStream>>),
}

impl NodeIo {
    /// Over cleartext.
    pub(super) fn tcp(stream: TcpStream) -> Self {
        Self { way: Way::Tcp(stream), closed: false }
    }

    /// Over TLS.
    pub(super) fn tls(stream: TlsStream<TcpStream>) -> Self {
        Self { way: Way::Tls(Box::new(stream)), closed: false }
    }

    fn wrote<T>(&mut self, written: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
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
        match &mut self.get_mut().way {
            Way::Tcp(io) => Pin::new(io).poll_read(cx, buf),
            Way::Tls(io) => Pin::new(io).poll_read(cx, buf),
        }
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
            Way::Tcp(io) => Pin::new(io).poll_write(cx, buf),
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
            Way::Tcp(io) => Pin::new(io).poll_write_vectored(cx, bufs),
            Way::Tls(io) => Pin::new(io).poll_write_vectored(cx, bufs),
        };
        this.wrote(written)
    }

    fn is_write_vectored(&self) -> bool {
        match &self.way {
            Way::Tcp(io) => io.is_write_vectored(),
            Way::Tls(io) => io.is_write_vectored(),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.closed {
            return Poll::Pending;
        }
        let written = match &mut this.way {
            Way::Tcp(io) => Pin::new(io).poll_flush(cx),
            Way::Tls(io) => Pin::new(io).poll_flush(cx),
        };
        this.wrote(written)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.get_mut().way {
            Way::Tcp(io) => Pin::new(io).poll_shutdown(cx),
            Way::Tls(io) => Pin::new(io).poll_shutdown(cx),
        }
    }
}
