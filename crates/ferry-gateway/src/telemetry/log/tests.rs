//! The writer behind its queue: blocked, failing, reopened, flushed. No test waits for time to pass
//! where the code is right; a bound only ends a test that hangs.

use std::io::Write;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::UNIX_EPOCH;

use super::*;

/// Ends a test that hangs; never reached otherwise.
const HANG: Duration = Duration::from_mins(1);

/// A destination that says when it is written to, and goes on only when told how.
struct Gate {
    entered: Sender<String>,
    verdicts: Receiver<io::Result<()>>,
}

impl Write for Gate {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.entered.send(String::from_utf8_lossy(bytes).into_owned()).map_err(io::Error::other)?;
        self.verdicts.recv().map_err(io::Error::other)?.map(|()| bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The other side of a [`Gate`].
struct Operator {
    entered: Receiver<String>,
    verdicts: Sender<io::Result<()>>,
}

impl Operator {
    fn sees(&self) -> String {
        self.entered.recv_timeout(HANG).unwrap()
    }

    fn lets(&self, verdict: io::Result<()>) {
        self.verdicts.send(verdict).unwrap();
    }
}

fn settings(file: Option<&Path>, queue_lines: usize) -> Settings {
    Settings {
        format: LogFormat::Text,
        file: file.map(Path::to_owned),
        level: LogLevel::Info,
        queue_lines,
    }
}

fn gated(queue_lines: usize) -> (Log, Operator) {
    let (entered_here, entered) = channel();
    let (verdicts, verdicts_there) = channel();
    let gate = Gate { entered: entered_here, verdicts: verdicts_there };
    let log =
        Log::start(settings(None, queue_lines), Box::new(gate), Box::new(io::sink())).unwrap();
    (log, Operator { entered, verdicts })
}

fn say(log: &Log, name: &'static str) {
    log.notice(&NoticeEvent::new(UNIX_EPOCH, LogLevel::Info, name));
}

#[test]
fn a_blocked_destination_costs_lines_and_nobody_waits() {
    let (log, operator) = gated(2);
    say(&log, "first");
    assert_eq!(operator.sees(), "1970-01-01T00:00:00.000Z info  first\n");
    // The writer is inside its write and stays there: two lines fit the queue, the rest is counted.
    for _ in 0..10 {
        say(&log, "more");
    }
    assert_eq!(log.dropped().get(), 8);
    operator.lets(Ok(()));
    assert_eq!(operator.sees().lines().count(), 2, "what waited leaves in one write");
    operator.lets(Ok(()));
    assert!(log.flush(HANG));
    assert_eq!(log.dropped().get(), 8);
}

#[test]
fn a_failing_destination_is_counted_and_tried_again() {
    let (log, operator) = gated(8);
    say(&log, "lost");
    operator.sees();
    operator.lets(Err(io::Error::from(io::ErrorKind::StorageFull)));
    assert!(log.flush(HANG));
    assert_eq!(log.dropped().get(), 1);
    say(&log, "kept");
    assert!(operator.sees().ends_with("kept\n"));
    operator.lets(Ok(()));
    assert!(log.flush(HANG));
    assert_eq!(log.dropped().get(), 1);
}

/// Hands on what is written to it.
struct Heard(Sender<String>);

impl Write for Heard {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.send(String::from_utf8_lossy(bytes).into_owned()).map_err(io::Error::other)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_file_that_fails_is_complained_of_once_an_episode() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("gone/ferry.log");
    let (entered_here, entered) = channel();
    let (verdicts, verdicts_there) = channel();
    let gate = Gate { entered: entered_here, verdicts: verdicts_there };
    let (complaints, heard) = channel();
    let sink = Box::new(gate);
    let log = Log::start(settings(Some(&file), 8), sink, Box::new(Heard(complaints))).unwrap();
    let complained = || heard.try_iter().collect::<String>();
    for (verdict, lines) in [(false, 1), (false, 0), (true, 0), (false, 1)] {
        say(&log, "line");
        entered.recv_timeout(HANG).unwrap();
        let full = || io::Error::from(io::ErrorKind::StorageFull);
        verdicts.send(if verdict { Ok(()) } else { Err(full()) }).unwrap();
        assert!(log.flush(HANG));
        let text = complained();
        assert_eq!(text.matches("failed to write the log").count(), lines, "{text}");
        assert_eq!(text.contains("gone/ferry.log"), lines == 1, "{text}");
    }
    log.reopen();
    say(&log, "written on");
    entered.recv_timeout(HANG).unwrap();
    verdicts.send(Ok(())).unwrap();
    assert!(log.flush(HANG));
    assert!(complained().contains("failed to open the log again"));
}

#[test]
fn a_flush_has_a_bound() {
    let (log, operator) = gated(8);
    assert!(log.flush(Duration::ZERO), "nothing was said");
    say(&log, "stuck");
    operator.sees();
    assert!(!log.flush(Duration::ZERO));
    operator.lets(Ok(()));
    assert!(log.flush(HANG));
}

#[test]
fn a_quiet_level_writes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("ferry.log");
    let log = Log::open(Settings { level: LogLevel::Warn, ..settings(Some(&file), 8) }).unwrap();
    say(&log, "unheard");
    log.notice(&NoticeEvent::new(UNIX_EPOCH, LogLevel::Warn, "heard"));
    assert!(log.flush(HANG));
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "1970-01-01T00:00:00.000Z warn  heard\n");
}

#[test]
fn a_rotated_file_is_opened_again() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("ferry.log");
    let rotated = dir.path().join("ferry.log.1");
    let log = Log::open(settings(Some(&file), 8)).unwrap();
    say(&log, "before");
    assert!(log.flush(HANG));
    std::fs::rename(&file, &rotated).unwrap();
    say(&log, "between");
    assert!(log.flush(HANG));
    log.reopen();
    say(&log, "after");
    assert!(log.flush(HANG));
    assert!(std::fs::read_to_string(&rotated).unwrap().ends_with("between\n"));
    assert!(std::fs::read_to_string(&file).unwrap().ends_with("after\n"));
}

#[test]
fn a_file_is_appended_to() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("ferry.log");
    std::fs::write(&file, "old\n").unwrap();
    let log = Log::open(settings(Some(&file), 8)).unwrap();
    say(&log, "new");
    assert!(log.flush(HANG));
    let text = std::fs::read_to_string(&file).unwrap();
    assert!(text.starts_with("old\n") && text.ends_with("new\n"), "{text}");
}

#[test]
fn a_file_that_cannot_be_opened_is_named() {
    let missing = Path::new("/nonexistent-folder/ferry.log");
    let error = Log::open(settings(Some(missing), 8)).unwrap_err();
    assert_eq!(error.to_string(), "open the log file /nonexistent-folder/ferry.log");
}

#[test]
fn what_was_said_is_written_after_the_last_sender_has_gone() {
    let (log, operator) = gated(8);
    say(&log, "first");
    operator.sees();
    say(&log, "second");
    drop(log);
    operator.lets(Ok(()));
    assert!(operator.sees().ends_with("second\n"));
    operator.lets(Ok(()));
}
