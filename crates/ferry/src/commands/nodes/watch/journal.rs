//! The journal on disk: lines are added, never changed. A disk that is full costs nothing but the promise to survive a
//! restart: lines wait in memory until they can be written.

use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use super::round::{Line, read};

/// Of folders that are made here, the state folder perhaps among them.
const FOLDER_MODE: u32 = 0o700;
/// The file in its folder.
pub(super) const NAME: &str = "rounds.jsonl";

/// Why a folder cannot be used. Reads as a sentence after "failed to".
#[derive(Debug, thiserror::Error)]
pub(super) enum JournalFault {
    #[error("read {path}")]
    Read { path: PathBuf, source: io::Error },
    #[error("use {0}: another `ferry nodes test --for` writes there")]
    Busy(PathBuf),
}

/// Lines, kept in memory and as far as possible on disk.
#[derive(Debug)]
pub(super) struct Journal {
    pub(super) lines: Vec<Line>,
    /// Lines of the file that could not be read.
    pub(super) broken: usize,
    /// Absent when nothing can be written at all.
    file: Option<File>,
    /// Bytes of the file that are whole lines.
    good: u64,
    /// What waits to be written.
    backlog: Vec<u8>,
    /// The last write failed.
    pub(super) failing: bool,
}

impl Journal {
    /// Opens or begins the journal of a folder. One that cannot be written is kept in memory; the error says so.
    ///
    /// # Errors
    /// [`JournalFault`]: it is there and cannot be read, or another process writes it.
    pub(super) fn open(folder: &Path) -> Result<(Self, Option<io::Error>), JournalFault> {
        let path = folder.join(NAME);
        let made = DirBuilder::new().recursive(true).mode(FOLDER_MODE).create(folder);
        let opened =
            made.and_then(|()| OpenOptions::new().read(true).append(true).create(true).open(&path));
        let mut journal = Self {
            lines: Vec::new(),
            broken: 0,
            file: None,
            good: 0,
            backlog: Vec::new(),
            failing: false,
        };
        let mut file = match opened {
            Ok(file) => file,
            Err(error) => return Ok((journal, Some(error))),
        };
        match file.try_lock() {
            Err(TryLockError::WouldBlock) => return Err(JournalFault::Busy(folder.to_owned())),
            // A file system without locks leaves it to the user.
            Ok(()) | Err(TryLockError::Error(_)) => {}
        }
        let bytes = bytes(&mut file).map_err(|source| JournalFault::Read { path, source })?;
        (journal.lines, journal.broken) = read(&String::from_utf8_lossy(&bytes));
        let whole = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        journal.good = u64::try_from(whole).unwrap_or_default();
        // What a power cut left of a line goes, so that the next one begins at its beginning.
        let mended = if whole < bytes.len() { file.set_len(journal.good) } else { Ok(()) };
        journal.file = Some(file);
        Ok((journal, mended.err()))
    }

    /// Adds a line. It is kept in any case.
    ///
    /// # Errors
    /// It could not be written now; it is tried again with the next one.
    pub(super) fn add(&mut self, line: Line) -> io::Result<()> {
        let mut text = serde_json::to_vec(&line).map_err(io::Error::other)?;
        text.push(b'\n');
        self.backlog.append(&mut text);
        self.lines.push(line);
        let written = self.write();
        self.failing = written.is_err();
        written
    }

    fn write(&mut self) -> io::Result<()> {
        let Some(file) = &mut self.file else {
            self.backlog.clear();
            return Ok(());
        };
        match file.write_all(&self.backlog) {
            Ok(()) => {
                self.good += u64::try_from(self.backlog.len()).unwrap_or_default();
                self.backlog.clear();
                synced(file)
            }
            Err(error) => {
                // Half a line would swallow the next one. A full disk can still be cut.
                drop(file.set_len(self.good));
                Err(error)
            }
        }
    }
}

/// The lines of a folder, for who only looks.
///
/// # Errors
/// There is no journal, or it cannot be read.
pub(super) fn look(folder: &Path) -> Result<(Vec<Line>, usize), JournalFault> {
    let path = folder.join(NAME);
    let bytes = File::open(&path).and_then(|mut file| bytes(&mut file));
    let read = bytes.map(|bytes| read(&String::from_utf8_lossy(&bytes)));
    read.map_err(|source| JournalFault::Read { path, source })
}

/// What a power cut must not take. Where there is no disk behind a file there is nothing to wait for.
fn synced(file: &File) -> io::Result<()> {
    match file.sync_data() {
        Err(error)
            if matches!(error.kind(), io::ErrorKind::InvalidInput | io::ErrorKind::Unsupported) =>
        {
            Ok(())
        }
        done => done,
    }
}

fn bytes(file: &mut File) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    file.seek(SeekFrom::Start(0))?;
    file.read_to_end(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::super::round::Round;
    use super::*;

    fn round(at_ms: i64) -> Line {
        Line::Round(Round { at_ms, ..Round::default() })
    }

    #[test]
    fn a_journal_goes_on_where_it_was_left() {
        let folder = tempfile::tempdir().unwrap();
        let inside = folder.path().join("new");
        let (mut journal, error) = Journal::open(&inside).unwrap();
        assert!(error.is_none());
        journal.add(round(1)).unwrap();
        assert!(matches!(Journal::open(&inside), Err(JournalFault::Busy(_))));
        drop(journal);
        // A power cut in the middle of a line.
        let path = inside.join(NAME);
        let mut text = std::fs::read_to_string(&path).unwrap();
        text.push_str("{\"type\":\"rou");
        std::fs::write(&path, text).unwrap();
        let (mut journal, _) = Journal::open(&inside).unwrap();
        assert_eq!((journal.lines.len(), journal.broken), (1, 1));
        journal.add(round(2)).unwrap();
        assert_eq!(look(&inside).unwrap(), (vec![round(1), round(2)], 0));
    }

    #[test]
    fn bytes_that_are_no_text_do_not_move_the_end_of_the_last_line() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(NAME);
        let whole = [&serde_json::to_vec(&round(1)).unwrap()[..], b"\n\xff\xff\xff\n"].concat();
        std::fs::write(&path, [&whole[..], b"{\"type\":\"round\",\"at_ms\":12"].concat()).unwrap();
        let (mut journal, _) = Journal::open(folder.path()).unwrap();
        assert_eq!((journal.lines.len(), journal.broken), (1, 2));
        assert_eq!(std::fs::read(&path).unwrap(), whole);
        journal.add(round(2)).unwrap();
        assert_eq!(look(folder.path()).unwrap(), (vec![round(1), round(2)], 1));
    }

    #[test]
    fn what_cannot_be_written_is_kept_in_memory() {
        let folder = tempfile::tempdir().unwrap();
        let blocked = folder.path().join("file");
        std::fs::write(&blocked, "").unwrap();
        let (mut journal, error) = Journal::open(&blocked).unwrap();
        assert!(error.is_some());
        journal.add(round(1)).unwrap();
        assert_eq!(journal.lines, [round(1)]);
        assert!(look(&blocked).is_err());
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_full_disk_is_said_and_lines_wait() {
        let (mut journal, _) = Journal::open(tempfile::tempdir().unwrap().path()).unwrap();
        journal.file = Some(OpenOptions::new().append(true).open("/dev/full").unwrap());
        let error = journal.add(round(1)).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::StorageFull);
        assert!(journal.failing);
        let space = tempfile::tempfile().unwrap();
        journal.file = Some(space.try_clone().unwrap());
        journal.add(round(2)).unwrap();
        assert!(!journal.failing);
        let mut space = space;
        let text = String::from_utf8(bytes(&mut space).unwrap()).unwrap();
        assert_eq!(read(&text), (vec![round(1), round(2)], 0));
    }
}
