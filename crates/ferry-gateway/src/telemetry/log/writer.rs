//! The queue of log lines, and the one thread that writes them, a batch at a time.
//!
//! Lines gather as text in one buffer: a line costs its sender a short lock and a copy, no allocation
//! and, but for the first after a pause, no wake-up. A destination that fails costs the batch, which is
//! counted; the next batch tries again. The writer never ends before its last line, and never panics.

use std::io::Write;
use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use prometheus_client::metrics::counter::Counter;

use super::open_append;

/// After a batch the writer lets lines gather for this long: nobody sees the delay, and under load it
/// is woken 50 times a second instead of once per request, which costs more than the line itself.
const PAUSE: Duration = Duration::from_millis(20);

/// One burst of long lines must not hold its memory for ever.
const KEPT_BYTES: usize = 256 * 1024;

/// Lines on their way to the writer.
#[derive(Debug)]
pub(super) struct Queue {
    lines_max: u64,
    waiting: Mutex<Waiting>,
    /// For the writer: there is something to do.
    more: Condvar,
    /// For who flushes: the writer has come further.
    further: Condvar,
}

#[derive(Debug, Default)]
struct Waiting {
    /// Formed lines with their line ends.
    text: String,
    lines: u64,
    /// Lines ever taken, and those of them that were written or given up.
    taken: u64,
    done: u64,
    /// The writer waits for a first line, and not for its pause to end.
    idle: bool,
    /// The pause between two batches is to end at once.
    hurried: bool,
    reopen: bool,
    closed: bool,
}

impl Queue {
    /// An empty queue for at most so many lines; at least one.
    pub(super) fn new(lines_max: usize) -> Self {
        Self {
            lines_max: u64::try_from(lines_max).unwrap_or(u64::MAX).max(1),
            waiting: Mutex::default(),
            more: Condvar::new(),
            further: Condvar::new(),
        }
    }

    /// Takes a line; `false` when the queue is full. Never waits for the writer.
    pub(super) fn push(&self, line: &str) -> bool {
        let mut waiting = self.lock();
        if waiting.lines >= self.lines_max {
            return false;
        }
        waiting.text.push_str(line);
        waiting.lines += 1;
        waiting.taken += 1;
        // Half the queue is left for what comes while the writer wakes.
        let crowded = waiting.lines > self.lines_max / 2 && !waiting.hurried;
        waiting.hurried |= crowded;
        let wake = crowded || std::mem::take(&mut waiting.idle);
        drop(waiting);
        if wake {
            self.more.notify_one();
        }
        true
    }

    /// Has the file opened again before the next line.
    pub(super) fn reopen(&self) {
        let mut waiting = self.lock();
        waiting.reopen = true;
        self.hurry(waiting);
    }

    /// No more lines will come.
    pub(super) fn close(&self) {
        let mut waiting = self.lock();
        waiting.closed = true;
        self.hurry(waiting);
    }

    /// Waits until what was taken has been written or given up; `false` when `bound` ran out first.
    pub(super) fn flush(&self, bound: Duration) -> bool {
        let mut waiting = self.lock();
        let goal = waiting.taken;
        waiting.hurried = true;
        self.more.notify_one();
        let waited = self.further.wait_timeout_while(waiting, bound, |now| now.done < goal);
        waited.unwrap_or_else(PoisonError::into_inner).0.done >= goal
    }

    fn hurry(&self, mut waiting: MutexGuard<'_, Waiting>) {
        waiting.hurried = true;
        drop(waiting);
        self.more.notify_one();
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for lines and takes them all into `batch`, which is empty. `None`: closed and done.
    fn take(&self, batch: &mut String) -> Option<Taken> {
        let mut waiting = self.lock();
        while waiting.text.is_empty() && !waiting.reopen && !waiting.closed {
            waiting.idle = true;
            waiting = self.more.wait(waiting).unwrap_or_else(PoisonError::into_inner);
        }
        waiting.idle = false;
        if waiting.text.is_empty() && !waiting.reopen {
            return None;
        }
        std::mem::swap(&mut waiting.text, batch);
        let lines = std::mem::take(&mut waiting.lines);
        Some(Taken { lines, reopen: std::mem::take(&mut waiting.reopen) })
    }

    /// Notes that lines are done, and lets the next ones gather.
    fn rest(&self, lines: u64) {
        let mut waiting = self.lock();
        waiting.done += lines;
        self.further.notify_all();
        let rested = self.more.wait_timeout_while(waiting, PAUSE, |now| !now.hurried);
        rested.unwrap_or_else(PoisonError::into_inner).0.hurried = false;
    }
}

/// What the writer took.
struct Taken {
    lines: u64,
    reopen: bool,
}

/// The receiving side.
pub(super) struct Writer {
    pub(super) queue: Arc<Queue>,
    pub(super) sink: Box<dyn Write + Send>,
    /// Where the sink can be opened again; none for standard error.
    pub(super) path: Option<PathBuf>,
    pub(super) dropped: Counter,
    /// Who is told when a file fails: standard error, which is then not the log itself.
    pub(super) complaints: Box<dyn Write + Send>,
    /// It fails, and that has been said.
    pub(super) failing: bool,
}

impl Writer {
    /// Runs until the log is closed and the queue is empty.
    pub(super) fn run(mut self) {
        let mut batch = String::new();
        while let Some(taken) = self.queue.take(&mut batch) {
            if taken.reopen {
                self.reopen();
            }
            self.write(&batch, taken.lines);
            batch.clear();
            batch.shrink_to(KEPT_BYTES);
            self.queue.rest(taken.lines);
        }
    }

    fn write(&mut self, batch: &str, lines: u64) {
        let written = self.sink.write_all(batch.as_bytes()).and_then(|()| self.sink.flush());
        match written {
            Ok(()) => self.failing = false,
            Err(error) => {
                self.dropped.inc_by(lines);
                if !std::mem::replace(&mut self.failing, true) {
                    self.complain(&format!(
                        "write the log: {error}; lines are lost until it can be (ferry_log_lines_dropped_total)"
                    ));
                }
            }
        }
    }

    fn complain(&mut self, what: &str) {
        if let Some(path) = &self.path {
            // Nobody is left to tell when this fails too.
            drop(writeln!(self.complaints, "warning: {}: failed to {what}", path.display()));
        }
    }

    /// When the new file cannot be opened, the old one is better than none.
    fn reopen(&mut self) {
        let Some(path) = self.path.as_deref() else { return };
        match open_append(path) {
            Ok(file) => self.sink = Box::new(file),
            Err(error) => {
                self.complain(&format!("open the log again: {error}; the old file is written on"));
            }
        }
    }
}
