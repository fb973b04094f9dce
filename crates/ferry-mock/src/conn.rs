//! One connection under control: what hyper reads and writes passes here, so that a fault can break it at a chosen
//! byte and a test can see the request head exactly as it came.
//! It never looks into bodies and never decides when to strike.

use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use memchr::memmem;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use crate::fault::Break;

/// Bytes of a request head kept for tests: more than the largest head that the server takes.
const TAPPED_BYTES_MAX: usize = 256 * 1024;

/// No limit on writes.
const UNLIMITED: u64 = u64::MAX;

/// The controls of a connection, shared by its transport and its requests.
#[derive(Debug)]
pub(crate) struct Conn {
    socket: Arc<TcpStream>,
    /// Whether the client speaks TLS: the scheme of absolute addresses in answers.
    pub(crate) tls: bool,
    /// 0 alive, 1 to be closed, 2 to be reset, 3 to be finished gracefully.
    fate: AtomicU8,
    waker: Mutex<Option<Waker>>,
    tapping: AtomicBool,
    tapped: Mutex<Vec<u8>>,
    /// Bytes that may still be written before the connection breaks.
    allowance: AtomicU64,
    last_words: Mutex<Option<Vec<u8>>>,
}

/// What the connection's task should do now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// Go on.
    Alive,
    /// Drop everything.
    Dead,
    /// Take no more requests.
    Graceful,
}

impl Conn {
    /// Takes control of a socket; `tap` keeps request heads.
    pub(crate) fn new(socket: Arc<TcpStream>, tls: bool, tap: bool) -> Arc<Self> {
        Arc::new(Self {
            socket,
            tls,
            fate: AtomicU8::new(0),
            waker: Mutex::new(None),
            tapping: AtomicBool::new(tap),
            tapped: Mutex::new(Vec::new()),
            allowance: AtomicU64::new(UNLIMITED),
            last_words: Mutex::new(None),
        })
    }

    /// Ends the connection once what was handed to hyper is written.
    pub(crate) fn kill(&self, how: Break) {
        if how == Break::Rst {
            // With a linger of zero, closing sends RST instead of FIN. A failure here leaves a FIN.
            socket2::SockRef::from(&*self.socket).set_linger(Some(std::time::Duration::ZERO)).ok();
        }
        self.decide(if how == Break::Rst { 2 } else { 1 });
    }

    /// Says goodbye in the protocol's own way: `connection: close`, or `GOAWAY`.
    pub(crate) fn retire(&self) {
        self.decide(3);
    }

    /// Lets `bytes` more bytes out, then closes.
    pub(crate) fn limit(&self, bytes: u64) {
        self.allowance.store(bytes, Ordering::Relaxed);
    }

    /// Writes raw bytes behind everything that is under way, then closes.
    pub(crate) fn kill_with(&self, words: Vec<u8>) {
        if let Ok(mut last) = self.last_words.lock() {
            *last = Some(words);
        }
        self.kill(Break::Fin);
    }

    /// What to do; leaves the task's waker for the next decision.
    pub(crate) fn fate(&self, waker: &Waker) -> Fate {
        if let Ok(mut slot) = self.waker.lock()
            && !slot.as_ref().is_some_and(|known| known.will_wake(waker))
        {
            *slot = Some(waker.clone());
        }
        match self.fate.load(Ordering::Acquire) {
            0 => Fate::Alive,
            3 => Fate::Graceful,
            _ => Fate::Dead,
        }
    }

    /// The head of the request being served as it came, when it could be told apart: HTTP/1.1 without pipelining.
    pub(crate) fn take_head(&self) -> Option<Bytes> {
        let mut tapped = self.tapped.lock().ok()?;
        let end = memmem::find(&tapped, b"\r\n\r\n")? + 4;
        let head = Bytes::copy_from_slice(tapped.get(..end)?);
        tapped.clear();
        self.tapping.store(false, Ordering::Relaxed);
        Some(head)
    }

    /// Listens for the next head: the body of this request has come.
    pub(crate) fn expect_head(&self) {
        self.tapping.store(true, Ordering::Relaxed);
    }

    fn decide(&self, fate: u8) {
        self.fate.store(fate, Ordering::Release);
        let waker = self.waker.lock().ok().and_then(|slot| slot.clone());
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    fn tap(&self, bytes: &[u8]) {
        if !self.tapping.load(Ordering::Relaxed) {
            return;
        }
        let Ok(mut tapped) = self.tapped.lock() else { return };
        if tapped.len() + bytes.len() > TAPPED_BYTES_MAX || bytes.starts_with(b"PRI * HTTP/2.0") {
            tapped.clear();
            self.tapping.store(false, Ordering::Relaxed);
            return;
        }
        tapped.extend_from_slice(bytes);
    }

    /// How many of `wanted` bytes may be written; zero breaks the connection.
    fn allow(&self, wanted: usize) -> usize {
        let allowed = self.allowance.load(Ordering::Relaxed);
        if allowed == UNLIMITED {
            return wanted;
        }
        usize::try_from(allowed).unwrap_or(usize::MAX).min(wanted)
    }

    fn written(&self, bytes: usize) {
        let allowed = self.allowance.load(Ordering::Relaxed);
        if allowed != UNLIMITED {
            let left = allowed.saturating_sub(u64::try_from(bytes).unwrap_or(u64::MAX));
            self.allowance.store(left, Ordering::Relaxed);
        }
    }
}

/// A socket that others may hold too: reads and writes go through a shared reference.
#[derive(Debug)]
pub(crate) struct Socket(pub(crate) Arc<TcpStream>);

impl AsyncRead for Socket {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        loop {
            std::task::ready!(self.0.poll_read_ready(context))?;
            match self.0.try_read(buffer.initialize_unfilled()) {
                Ok(count) => {
                    buffer.advance(count);
                    return Poll::Ready(Ok(()));
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
    }
}

impl AsyncWrite for Socket {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.poll_write_vectored(context, &[io::IoSlice::new(bytes)])
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        loop {
            std::task::ready!(self.0.poll_write_ready(context))?;
            match self.0.try_write_vectored(slices) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                result => return Poll::Ready(result),
            }
        }
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, _context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _context: &mut Context<'_>) -> Poll<io::Result<()>> {
        // A socket whose peer has gone cannot be shut down; that is no news to anybody.
        socket2::SockRef::from(&*self.0).shutdown(std::net::Shutdown::Write).ok();
        Poll::Ready(Ok(()))
    }
}

/// The transport that hyper sees, cleartext or decrypted.
#[derive(Debug)]
pub(crate) struct Gate<S> {
    inner: S,
    conn: Arc<Conn>,
}

impl<S> Gate<S> {
    /// Puts a transport under a connection's controls.
    pub(crate) fn new(inner: S, conn: Arc<Conn>) -> Self {
        Self { inner, conn }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Gate<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        std::task::ready!(Pin::new(&mut self.inner).poll_read(context, buffer))?;
        if let Some(fresh) = buffer.filled().get(before..) {
            self.conn.tap(fresh);
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Gate<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let allowed = self.conn.allow(bytes.len());
        if allowed == 0 && !bytes.is_empty() {
            self.conn.kill(Break::Fin);
            return Poll::Pending;
        }
        let part = bytes.get(..allowed).unwrap_or(bytes);
        let count = std::task::ready!(Pin::new(&mut self.inner).poll_write(context, part))?;
        self.conn.written(count);
        Poll::Ready(Ok(count))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if self.conn.allowance.load(Ordering::Relaxed) == UNLIMITED {
            return Pin::new(&mut self.inner).poll_write_vectored(context, slices);
        }
        let first = slices.iter().find(|slice| !slice.is_empty());
        self.poll_write(context, first.map_or(&[], |slice| slice))
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let words = self.conn.last_words.lock().ok().and_then(|mut last| last.take());
        if let Some(words) = words {
            // Everything before is written by now. A full socket swallows the words; the close behind says enough.
            drop(Pin::new(&mut self.inner).poll_write(context, &words));
        }
        Pin::new(&mut self.inner).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(context)
    }
}
