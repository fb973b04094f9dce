//! The one thread that writes log lines: it drains the queue and writes each batch at once.
//!
//! A destination that fails costs the batch, which is counted; the next batch tries again. It never
//! ends before its last sender, and never panics.

use std::io::Write;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::Receiver;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use prometheus_client::metrics::counter::Counter;

use super::open_append;

/// One write takes at most about this many bytes: what a pipe holds, so that a batch is one call.
const BATCH_BYTES: usize = 64 * 1024;

/// After a batch the writer lets lines gather for this long: nobody sees the delay, and under load it
/// is woken 50 times a second instead of once per request, which costs more than the line itself.
const PAUSE: Duration = Duration::from_millis(20);

/// What passes through the queue.
pub(super) enum Message {
    /// A formed line with its line end.
    Line(String),
    /// Nothing to write; look at the flags.
    Wake,
}

/// How far the writer is, and whether it should hurry. The lock guards no data: both are atomics, so
/// that a caller reads them for nothing; it only keeps a wake-up from falling between a look and a wait.
#[derive(Debug, Default)]
pub(super) struct Progress {
    done: AtomicU64,
    hurried: AtomicBool,
    lock: Mutex<()>,
    changed: Condvar,
}

impl Progress {
    /// Lines written or given up so far.
    pub(super) fn done(&self) -> u64 {
        self.done.load(Ordering::Acquire)
    }

    /// Waits until `lines` have been written or given up; `false` when `bound` ran out first.
    pub(super) fn wait_for(&self, lines: u64, bound: Duration) -> bool {
        self.hurry();
        self.wait_while(bound, || self.done() < lines);
        self.done() >= lines
    }

    /// Ends the pause between two batches at once.
    pub(super) fn hurry(&self) {
        if !self.hurried.swap(true, Ordering::AcqRel) {
            self.tell();
        }
    }

    fn advance(&self, lines: u64) {
        self.done.fetch_add(lines, Ordering::AcqRel);
        self.tell();
    }

    fn pause(&self) {
        self.wait_while(PAUSE, || !self.hurried.load(Ordering::Acquire));
        self.hurried.store(false, Ordering::Release);
    }

    fn tell(&self) {
        drop(self.lock.lock().unwrap_or_else(PoisonError::into_inner));
        self.changed.notify_all();
    }

    fn wait_while(&self, bound: Duration, pending: impl Fn() -> bool) {
        let guard = self.lock.lock().unwrap_or_else(PoisonError::into_inner);
        drop(self.changed.wait_timeout_while(guard, bound, |()| pending()));
    }
}

/// The receiving side.
pub(super) struct Writer {
    pub(super) lines: Receiver<Message>,
    pub(super) sink: Box<dyn Write + Send>,
    /// Where the sink can be opened again; none for standard error.
    pub(super) path: Option<PathBuf>,
    pub(super) reopen: Arc<AtomicBool>,
    pub(super) dropped: Counter,
    pub(super) progress: Arc<Progress>,
}

impl Writer {
    /// Runs until the last sender has gone and the queue is empty.
    pub(super) fn run(mut self) {
        let mut batch = String::new();
        while let Ok(first) = self.lines.recv() {
            let count = self.collect(first, &mut batch);
            self.reopen_if_asked();
            self.write(&batch, count);
            let drained = batch.len() < BATCH_BYTES;
            batch.clear();
            // One burst of long lines must not hold its memory for ever.
            batch.shrink_to(BATCH_BYTES);
            self.progress.advance(count);
            if drained {
                self.progress.pause();
            }
        }
    }

    /// Takes what waits, up to a batch; returns how many lines it holds.
    fn collect(&self, first: Message, batch: &mut String) -> u64 {
        let mut count = 0;
        let mut next = Some(first);
        while let Some(message) = next {
            if let Message::Line(line) = message {
                batch.push_str(&line);
                count += 1;
            }
            next = if batch.len() < BATCH_BYTES { self.lines.try_recv().ok() } else { None };
        }
        count
    }

    fn write(&mut self, batch: &str, count: u64) {
        let written = self.sink.write_all(batch.as_bytes()).and_then(|()| self.sink.flush());
        if written.is_err() {
            self.dropped.inc_by(count);
        }
    }

    fn reopen_if_asked(&mut self) {
        if !self.reopen.swap(false, Ordering::AcqRel) {
            return;
        }
        // When the new file cannot be opened, the old one is better than none.
        if let Some(file) = self.path.as_deref().and_then(|path| open_append(path).ok()) {
            self.sink = Box::new(file);
        }
    }
}
