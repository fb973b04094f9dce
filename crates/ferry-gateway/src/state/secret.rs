//! The file `tenant.secret`: 32 random bytes in hex, mode 0600, made once.
//!
//! It is written beside its place and then linked into it, so that a reader never sees half a secret
//! and of two starting processes the slower one takes the other's. It never overwrites a secret.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;

use zeroize::Zeroizing;

use super::StateError;

/// Length of the secret: the key of a keyed BLAKE3 hash.
pub(super) const BYTES: usize = 32;

/// The file's name in the state folder.
pub(super) const FILE: &str = "tenant.secret";

/// Enough to tell a secret with a line end from a file that is something else.
const READ_BYTES_MAX: u64 = 256;

/// The permission bits of everyone but the owner.
const OTHERS: u32 = 0o077;

/// Reads the secret, making it first when there is none.
pub(super) fn load_or_create(dir: &Path) -> Result<Zeroizing<[u8; BYTES]>, StateError> {
    let path = dir.join(FILE);
    match read(&path) {
        Err(StateError::Read { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
            create(dir, &path)?;
            read(&path)
        }
        result => result,
    }
}

/// Reads the secret that is there.
pub(super) fn load(dir: &Path) -> Result<Zeroizing<[u8; BYTES]>, StateError> {
    read(&dir.join(FILE))
}

fn read(path: &Path) -> Result<Zeroizing<[u8; BYTES]>, StateError> {
    let unreadable = |source| StateError::Read { path: path.to_owned(), source };
    let file = File::open(path).map_err(unreadable)?;
    // Asked of the open file, so that it cannot be exchanged between the question and the reading.
    let metadata = file.metadata().map_err(unreadable)?;
    if !metadata.is_file() {
        return Err(unreadable(io::Error::other("it is not a regular file")));
    }
    let mode = metadata.mode() & 0o7777;
    if mode & OTHERS != 0 {
        return Err(StateError::TooOpen { path: path.to_owned(), mode });
    }
    let mut text = Zeroizing::new(Vec::with_capacity(BYTES * 2 + 1));
    file.take(READ_BYTES_MAX).read_to_end(&mut text).map_err(unreadable)?;
    from_hex(text.trim_ascii()).ok_or_else(|| StateError::Malformed { path: path.to_owned() })
}

fn create(dir: &Path, path: &Path) -> Result<(), StateError> {
    let mut bytes = Zeroizing::new([0_u8; BYTES]);
    getrandom::fill(&mut *bytes).map_err(StateError::Random)?;
    let mut suffix = [0_u8; 8];
    getrandom::fill(&mut suffix).map_err(StateError::Random)?;
    // A name of its own, so that two processes never write into one file.
    let draft = dir.join(format!("{FILE}.{}.new", *to_hex(&suffix)));
    let result = write_new(&draft, &bytes).and_then(|()| link_once(&draft, path));
    // The draft may not exist; nothing depends on it any more.
    drop(fs::remove_file(&draft));
    result
        .and_then(|()| File::open(dir)?.sync_all())
        .map_err(|source| StateError::Create { path: path.to_owned(), source })
}

fn write_new(path: &Path, bytes: &[u8; BYTES]) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(to_hex(bytes).as_bytes())?;
    file.write_all(b"\n")?;
    file.sync_all()
}

/// Gives the draft its name, unless another process was faster: then that one's secret stands.
fn link_once(draft: &Path, path: &Path) -> io::Result<()> {
    match fs::hard_link(draft, path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        result => result,
    }
}

fn to_hex(bytes: &[u8]) -> Zeroizing<String> {
    let digit = |nibble: u8| char::from_digit(u32::from(nibble), 16).unwrap_or('0');
    let mut text = Zeroizing::new(String::with_capacity(bytes.len() * 2));
    for byte in bytes {
        text.push(digit(byte >> 4));
        text.push(digit(byte & 0x0f));
    }
    text
}

fn from_hex(text: &[u8]) -> Option<Zeroizing<[u8; BYTES]>> {
    if text.len() != BYTES * 2 {
        return None;
    }
    let nibble = |digit: &u8| char::from(*digit).to_digit(16).and_then(|n| u8::try_from(n).ok());
    let mut bytes = Zeroizing::new([0_u8; BYTES]);
    let (pairs, _) = text.as_chunks::<2>();
    for (byte, [high, low]) in bytes.iter_mut().zip(pairs) {
        *byte = nibble(high)? << 4 | nibble(low)?;
    }
    Some(bytes)
}
