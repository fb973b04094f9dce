//! A file that takes the place of another in one step: whatever goes wrong, what was there before stays whole. A
//! configuration, a ranking and a report are written like this.

use std::fs::{self, File, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, fchown};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

/// A whole new file beside the old one. It goes by itself unless it takes the old one's place.
#[derive(Debug)]
pub(super) struct Draft {
    file: NamedTempFile,
    /// Where the file itself lies, links followed.
    place: PathBuf,
}

impl Draft {
    /// Writes it, with the owner and the mode of the file before. Nobody else can read it until it has them.
    ///
    /// # Errors
    /// It could not be written whole, or what is there is no file.
    pub(super) fn new(path: &Path, content: &[u8]) -> io::Result<Self> {
        let place = fs::canonicalize(path).unwrap_or_else(|_new| path.to_owned());
        let before = fs::metadata(&place).ok();
        if let Some(before) = before.as_ref().filter(|before| !before.is_file()) {
            let kind = if before.is_dir() {
                io::ErrorKind::IsADirectory
            } else {
                io::ErrorKind::InvalidInput
            };
            return Err(kind.into());
        }
        let folder = place.parent().filter(|folder| !folder.as_os_str().is_empty());
        let mut builder = tempfile::Builder::new();
        builder.prefix(".ferry-");
        if before.is_none() {
            // As readable as the user's other files.
            builder.permissions(Permissions::from_mode(0o666));
        }
        let mut file =
            builder.tempfile_in(folder.unwrap_or_else(|| Path::new("."))).map_err(bare)?;
        file.as_file_mut().write_all(content)?;
        if let Some(before) = before {
            let new = file.as_file().metadata()?;
            if (before.uid(), before.gid()) != (new.uid(), new.gid()) {
                fchown(file.as_file(), Some(before.uid()), Some(before.gid()))?;
            }
            file.as_file().set_permissions(before.permissions())?;
        }
        Ok(Self { file, place })
    }

    /// Where it lies until it is put in place.
    pub(super) fn path(&self) -> &Path {
        self.file.path()
    }

    /// Puts it in the place of the old file.
    ///
    /// # Errors
    /// It is not in place, and the old file is as it was.
    pub(super) fn put(self) -> io::Result<()> {
        // Some disks say only now that they are full.
        self.file.as_file().sync_all()?;
        self.file.persist(&self.place).map_err(|error| error.error)?;
        // A power cut before its folder is on the disk as well brings the old file back, whole; so a file system that
        // cannot do that is no fault.
        if let Some(folder) = self.place.parent() {
            drop(File::open(folder).and_then(|folder| folder.sync_all()));
        }
        Ok(())
    }
}

/// Puts a file there. A link is followed; what is no file, as a pipe, is written to.
///
/// # Errors
/// It could not be written whole, and the file is as it was.
pub(super) fn replace(path: &Path, content: &[u8]) -> io::Result<()> {
    if is_pipe(path) { fs::write(path, content) } else { Draft::new(path, content)?.put() }
}

/// Whether a file could be put there now, so that nobody finds out only after hours.
///
/// # Errors
/// Why not.
pub(super) fn check(path: &Path) -> io::Result<()> {
    if is_pipe(path) { Ok(()) } else { Draft::new(path, b"").map(drop) }
}

/// A pipe, a terminal or another thing that is written to and never replaced.
fn is_pipe(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|there| !there.is_file() && !there.is_dir())
}

/// Without the name of the draft, which says nothing to who named the file.
fn bare(error: io::Error) -> io::Error {
    let said = error.to_string();
    match said.split_once(" at path ") {
        Some((said, _draft)) => io::Error::new(error.kind(), said.to_owned()),
        None => error,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_replaced_where_it_lies_and_keeps_its_mode() {
        let folder = tempfile::tempdir().unwrap();
        let [file, link] = ["file", "link"].map(|name| folder.path().join(name));
        replace(&file, b"one").unwrap();
        // Wider than a usual mask lets a new file be.
        fs::set_permissions(&file, Permissions::from_mode(0o662)).unwrap();
        std::os::unix::fs::symlink("file", &link).unwrap();
        replace(&link, b"two").unwrap();
        assert_eq!(fs::read(&file).unwrap(), b"two");
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o662);
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert!(replace(Path::new("/dev/null"), b"three").is_ok());
        assert!(replace(folder.path(), b"four").is_err());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2, "no draft is left");
    }

    #[test]
    fn a_place_is_checked_without_a_trace_and_a_fault_names_no_draft() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        fs::write(&file, "before").unwrap();
        assert!(check(&file).is_ok() && check(&folder.path().join("new")).is_ok());
        assert!(check(Path::new("/dev/null")).is_ok());
        assert_eq!(check(folder.path()).unwrap_err().kind(), io::ErrorKind::IsADirectory);
        for fault in
            [check(&folder.path().join("no/such")), replace(&folder.path().join("no/such"), b"")]
        {
            assert_eq!(fault.unwrap_err().to_string(), "No such file or directory (os error 2)");
        }
        assert_eq!(fs::read(&file).unwrap(), b"before");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
