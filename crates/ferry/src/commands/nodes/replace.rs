//! A file that is handed on, written in one step: whatever goes wrong, what was there before stays whole.

use std::fs::{self, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

/// Puts it there, with the mode of the file before. A link is followed; what is no file, as a pipe, is written to.
///
/// # Errors
/// It could not be written whole, and the file is as it was.
pub(super) fn replace(path: &Path, content: &[u8]) -> io::Result<()> {
    let path = &fs::canonicalize(path).unwrap_or_else(|_new| path.to_owned());
    let before = fs::metadata(path).ok();
    if before.as_ref().is_some_and(|before| !before.is_file()) {
        return fs::write(path, content);
    }
    // As readable as the user's other files.
    let mode = before.map_or_else(|| Permissions::from_mode(0o666), |before| before.permissions());
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or_else(|| Path::new("."));
    let mut draft = tempfile::Builder::new().permissions(mode).tempfile_in(folder)?;
    draft.write_all(content)?;
    // Some disks say only now that they are full.
    draft.as_file().sync_all()?;
    draft.persist(path)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_replaced_where_it_lies_and_keeps_its_mode() {
        let folder = tempfile::tempdir().unwrap();
        let [file, link] = ["file", "link"].map(|name| folder.path().join(name));
        replace(&file, b"one").unwrap();
        fs::set_permissions(&file, Permissions::from_mode(0o640)).unwrap();
        std::os::unix::fs::symlink("file", &link).unwrap();
        replace(&link, b"two").unwrap();
        assert_eq!(fs::read(&file).unwrap(), b"two");
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o640);
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert!(replace(Path::new("/dev/null"), b"three").is_ok());
        assert!(replace(folder.path(), b"four").is_err());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2, "no draft is left");
    }
}
