//! The log: one line per event, formed by the caller, written by one thread behind a bounded queue.
//!
//! It exists so that a full disk or a stopped pipe costs log lines and never a request: a line that
//! finds the queue full is dropped and counted. No request ever writes or waits here.

mod line;
#[cfg(test)]
mod tests;
mod writer;

use std::fs::OpenOptions;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::time::Duration;

use prometheus_client::metrics::counter::Counter;

use super::TelemetryError;
use super::event::{NoticeEvent, RequestEvent};
use super::settings::{LogFormat, LogLevel, Settings};
use line::{notice_line, request_line};
use writer::{Message, Progress, Writer};

/// The sending side. Formatting happens on the caller, in memory.
#[derive(Debug)]
pub struct Log {
    format: LogFormat,
    level: LogLevel,
    queue: SyncSender<Message>,
    /// Lines that the queue took; compared with the writer's progress.
    taken: AtomicU64,
    /// With so many lines waiting, the writer's pause ends: half the queue is left for what comes meanwhile.
    crowded: u64,
    dropped: Counter,
    reopen: Arc<AtomicBool>,
    progress: Arc<Progress>,
}

impl Log {
    /// Opens the destination and starts the writer.
    ///
    /// # Errors
    /// [`TelemetryError`] when the file cannot be opened for appending or no thread started.
    pub fn open(settings: Settings) -> Result<Self, TelemetryError> {
        let sink: Box<dyn io::Write + Send> = match &settings.file {
            Some(path) => match open_append(path) {
                Ok(file) => Box::new(file),
                Err(source) => return Err(TelemetryError::LogFile { path: path.clone(), source }),
            },
            None => Box::new(io::stderr()),
        };
        Self::start(settings, sink)
    }

    /// Starts the writer over a destination that is open.
    fn start(settings: Settings, sink: Box<dyn io::Write + Send>) -> Result<Self, TelemetryError> {
        // A queue of 0 would be a rendezvous, in which a line passes only while the writer waits.
        let queue_lines = settings.queue_lines.max(1);
        let (queue, lines) = sync_channel(queue_lines);
        let dropped = Counter::default();
        let reopen = Arc::new(AtomicBool::new(false));
        let progress = Arc::new(Progress::default());
        let writer = Writer {
            lines,
            sink,
            path: settings.file,
            reopen: Arc::clone(&reopen),
            dropped: dropped.clone(),
            progress: Arc::clone(&progress),
        };
        // A thread and not a task: writing blocks, and must go on while the runtime shuts down.
        std::thread::Builder::new()
            .name("ferry-log".to_owned())
            .spawn(move || writer.run())
            .map_err(TelemetryError::Writer)?;
        Ok(Self {
            format: settings.format,
            level: settings.level,
            queue,
            taken: AtomicU64::new(0),
            crowded: u64::try_from(queue_lines.div_ceil(2)).unwrap_or(u64::MAX),
            dropped,
            reopen,
            progress,
        })
    }

    /// One line for a settled request.
    pub fn request(&self, event: &RequestEvent) {
        if event.level() >= self.level {
            self.send(request_line(self.format, event));
        }
    }

    /// One line for a change of state.
    pub fn notice(&self, event: &NoticeEvent) {
        if event.level >= self.level {
            self.send(notice_line(self.format, event));
        }
    }

    /// Lines that were not written.
    pub fn dropped(&self) -> Counter {
        self.dropped.clone()
    }

    /// Has the writer open its file again before the next line.
    pub fn reopen(&self) {
        self.reopen.store(true, Ordering::Release);
        // A full queue means that the writer is awake and will see the flag by itself.
        drop(self.queue.try_send(Message::Wake));
        self.progress.hurry();
    }

    /// Waits until every line taken so far has been written or given up, at most `bound`.
    pub fn flush(&self, bound: Duration) -> bool {
        self.progress.wait_for(self.taken.load(Ordering::Acquire), bound)
    }

    fn send(&self, line: String) {
        match self.queue.try_send(Message::Line(line)) {
            Ok(()) => {
                let taken = self.taken.fetch_add(1, Ordering::AcqRel) + 1;
                if taken.saturating_sub(self.progress.done()) >= self.crowded {
                    self.progress.hurry();
                }
            }
            Err(_full_or_writer_gone) => {
                self.dropped.inc();
            }
        }
    }
}

fn open_append(path: &Path) -> io::Result<std::fs::File> {
    OpenOptions::new().create(true).append(true).open(path)
}

/// The line alone, for tests of its form.
#[cfg(test)]
pub(super) fn one_line(format: LogFormat, event: &RequestEvent) -> String {
    request_line(format, event)
}
