//! The state folder: the tenant secret today, the database next.
//!
//! It exists so that a caller with a key of its own has the same short id after a restart, and nobody
//! can compute that id from a key without this machine's secret. It never holds a body or a key of an
//! upstream, and the secret cannot be printed.

mod secret;
#[cfg(test)]
mod tests;

use std::fs::DirBuilder;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::PathBuf;

use ferry_rules::redact::pseudonym::Secret;
use thiserror::Error;
use zeroize::Zeroizing;

/// Hex digits of a tenant's id: 64 bits, so that a million tenants collide with a chance of 1 in 36 million.
const TENANT_DIGITS: usize = 16;

/// Resolved settings of the state folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Created with mode 0700 when absent.
    pub dir: PathBuf,
}

/// The folder, opened.
pub struct State {
    dir: PathBuf,
    tenant_secret: Zeroizing<[u8; secret::BYTES]>,
}

/// Never prints the secret.
impl std::fmt::Debug for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("State").field("dir", &self.dir).finish_non_exhaustive()
    }
}

/// Why the state folder cannot be used. Each text names the path; [`StateError::hint`] the mend.
#[derive(Debug, Error)]
pub enum StateError {
    /// The folder is not there and cannot be made, or is no folder.
    #[error("create the state folder {}", .path.display())]
    Folder {
        /// As configured.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The secret's file cannot be written.
    #[error("create the tenant secret {}", .path.display())]
    Create {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The secret's file cannot be read.
    #[error("read the tenant secret {}", .path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The system gives no random bytes.
    #[error("get random bytes for the tenant secret: {0}")]
    Random(getrandom::Error),
    /// Others on this machine may read or write it.
    #[error("trust the tenant secret {}: its mode is {mode:04o}, so others can read it", .path.display())]
    TooOpen {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// It does not hold 64 hex digits.
    #[error("use the tenant secret {}: it does not hold 64 hex digits", .path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
    },
}

impl StateError {
    /// The next action.
    pub fn hint(&self) -> String {
        match self {
            Self::Folder { .. } | Self::Create { .. } => {
                "set state.dir to a folder that this user can write".to_owned()
            }
            Self::Read { path, .. } => {
                format!("make {} a file that this user owns and can read", path.display())
            }
            Self::Random(_) => "start again; the system's random source gave nothing".to_owned(),
            Self::TooOpen { path, .. } => {
                format!(
                    "run: chmod 600 {} (and remove it first when others may have read it)",
                    path.display()
                )
            }
            Self::Malformed { path } => format!(
                "restore {} from a backup, or remove it to have a new one made (tenant ids then change)",
                path.display()
            ),
        }
    }
}

/// Opens the folder; makes it and the secret when they are absent. Two processes that start at once
/// end with the same secret.
///
/// # Errors
/// [`StateError`] when folder or secret cannot be made, read or trusted.
pub fn open(settings: Settings) -> Result<State, StateError> {
    let Settings { dir } = settings;
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(&dir)
        .map_err(|source| StateError::Folder { path: dir.clone(), source })?;
    let tenant_secret = secret::load_or_create(&dir)?;
    Ok(State { dir, tenant_secret })
}

/// The keys of redaction of the folder with these settings, and whether they are: where there is no secret that can be
/// read, they serve for a trial and for nothing else. Makes no folder.
pub fn redaction_secret(settings: &Settings) -> (Secret, bool) {
    let found = secret::load(&settings.dir).ok();
    (Secret::new(found.as_deref().unwrap_or(&[0; secret::BYTES])), found.is_some())
}

impl State {
    /// The id of the tenant "whoever has this credential": `t_` and 16 hex digits, the same on every
    /// start with the same secret, and no way back.
    pub fn tenant_id(&self, credential: &str) -> Box<str> {
        let hash = blake3::keyed_hash(&self.tenant_secret, credential.as_bytes()).to_hex();
        let digits = hash.get(..TENANT_DIGITS).unwrap_or_default();
        ["t_", digits].concat().into_boxed_str()
    }

    /// The secret itself, for what else must be the same after a restart.
    pub(crate) fn tenant_secret(&self) -> &[u8; secret::BYTES] {
        &self.tenant_secret
    }

    /// The folder.
    pub fn dir(&self) -> &std::path::Path {
        &self.dir
    }
}
