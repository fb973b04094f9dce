//! The log: one line per event, formed by the caller, written by one thread behind a bounded queue.
//!
//! It exists so that a full disk or a stopped pipe costs log lines and never a request: a line that
//! finds the queue full is dropped and counted. No request ever writes or waits here.

mod line;
#[cfg(test)]
mod tests;
mod writer;

use std::cell::RefCell;
use std::fs::OpenOptions;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use prometheus_client::metrics::counter::Counter;

use super::TelemetryError;
use super::event::{NoticeEvent, RequestEvent};
use super::settings::{LogFormat, LogLevel, Settings};
use line::{Stamp, notice_line, request_line};
use writer::{Queue, Writer};

thread_local! {
    /// Where a line is formed before it is queued: kept by each thread, so that a line allocates nothing.
    static SCRATCH: RefCell<(String, Stamp)> = const { RefCell::new((String::new(), Stamp::new())) };
}

/// The sending side. Formatting happens on the caller, in memory.
#[derive(Debug)]
pub struct Log {
    format: LogFormat,
    level: LogLevel,
    queue: Arc<Queue>,
    dropped: Counter,
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
        Self::start(settings, sink, Box::new(io::stderr()))
    }

    /// Starts the writer over a destination that is open.
    fn start(
        settings: Settings,
        sink: Box<dyn io::Write + Send>,
        complaints: Box<dyn io::Write + Send>,
    ) -> Result<Self, TelemetryError> {
        let queue = Arc::new(Queue::new(settings.queue_lines));
        let dropped = Counter::default();
        let writer = Writer {
            queue: Arc::clone(&queue),
            sink,
            path: settings.file,
            dropped: dropped.clone(),
            complaints,
            failing: false,
        };
        // A thread and not a task: writing blocks, and must go on while the runtime shuts down.
        std::thread::Builder::new()
            .name("ferry-log".to_owned())
            .spawn(move || writer.run())
            .map_err(TelemetryError::Writer)?;
        Ok(Self { format: settings.format, level: settings.level, queue, dropped })
    }

    /// One line for a settled request.
    pub fn request(&self, event: &RequestEvent) {
        if event.level() >= self.level {
            self.send(|line, stamp| request_line(line, self.format, stamp, event));
        }
    }

    /// One line for a change of state.
    pub fn notice(&self, event: &NoticeEvent) {
        if event.level >= self.level {
            self.send(|line, stamp| notice_line(line, self.format, stamp, event));
        }
    }

    /// Lines that were not written.
    pub fn dropped(&self) -> Counter {
        self.dropped.clone()
    }

    /// Has the writer open its file again before the next line.
    pub fn reopen(&self) {
        self.queue.reopen();
    }

    /// Waits until every line taken so far has been written or given up, at most `bound`.
    pub fn flush(&self, bound: Duration) -> bool {
        self.queue.flush(bound)
    }

    fn send(&self, form: impl Fn(&mut String, &mut Stamp)) {
        let send = |(line, stamp): &mut (String, Stamp)| {
            line.clear();
            form(line, stamp);
            if !self.queue.push(line) {
                self.dropped.inc();
            }
        };
        let formed = SCRATCH.try_with(|scratch| send(&mut scratch.borrow_mut()));
        if formed.is_err() {
            // A thread that is ending has no scratch any more; its last line counts as much.
            send(&mut (String::new(), Stamp::new()));
        }
    }
}

/// The writer ends when it has written what was said.
impl Drop for Log {
    fn drop(&mut self) {
        self.queue.close();
    }
}

fn open_append(path: &Path) -> io::Result<std::fs::File> {
    OpenOptions::new().create(true).append(true).open(path)
}

/// The line alone, for tests of its form.
#[cfg(test)]
pub(super) fn one_line(format: LogFormat, event: &RequestEvent) -> String {
    let mut line = String::new();
    request_line(&mut line, format, &mut Stamp::new(), event);
    line
}
