//! Tells when the files of a configuration may have changed: the file itself, secrets, certificates.
//!
//! Watches the *folders*: editors replace files by renaming, and Kubernetes swaps a link beside them;
//! a watch on the file would then stay with the old one. Contents are compared, so that touching a
//! file or writing a log beside it reloads nothing. Reads no meaning into any content.

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use notify::{RecommendedWatcher, RecursiveMode, Watcher as _};
use thiserror::Error;
use tokio::io::AsyncReadExt as _;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::tasks::Tasks;

/// From the first event to the look at the files: a save is several events within milliseconds.
/// Counted from the first one, so that a busy folder delays a reload and never starves it.
const DEBOUNCE: Duration = Duration::from_millis(200);

/// Far above any configuration or certificate bundle; the rest of a larger file is not compared.
const FILE_BYTES_MAX: u64 = 16 * 1024 * 1024;

/// Watching could not begin. Ferry runs without it; SIGHUP still reloads.
#[derive(Debug, Error)]
#[error("watch {folder}")]
pub struct WatchError {
    folder: String,
    source: notify::Error,
}

/// Keeps the watch alive; dropping it ends it.
#[derive(Debug)]
pub struct Watch {
    _watcher: RecommendedWatcher,
    task: JoinHandle<()>,
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Starts to watch. A message says "the content of one of them differs from when you last asked";
/// several changes before the receiver looks are one message. Call it again with the new list of
/// files after a reload.
///
/// # Errors
/// [`WatchError`] when the system refuses: the folder is gone, or no watches are left.
pub async fn watch(
    files: Vec<PathBuf>,
    tasks: &Tasks,
) -> Result<(Watch, mpsc::Receiver<()>), WatchError> {
    // One place: a second event while the first waits adds nothing.
    let (wake, mut woken) = mpsc::channel::<()>(1);
    let (changed, receiver) = mpsc::channel::<()>(1);
    let handler = move |event: notify::Result<notify::Event>| {
        // Looking at the files is an access too, and would wake this for ever. An error may hide a change.
        if event.map_or(true, |event| !event.kind.is_access()) {
            wake.try_send(()).ok();
        }
    };
    let failed =
        |folder: &Path, source| WatchError { folder: folder.display().to_string(), source };
    let mut watcher = notify::recommended_watcher(handler)
        .map_err(|source| failed(Path::new("folders"), source))?;
    for folder in folders(&files) {
        let watched = watcher.watch(&folder, RecursiveMode::NonRecursive);
        watched.map_err(|source| failed(&folder, source))?;
    }
    // Taken after the watch began, so that no change falls between the two.
    let mut contents = Contents::of(files).await;
    let task = tasks.spawn(async move {
        while woken.recv().await.is_some() {
            tokio::time::sleep(DEBOUNCE).await;
            woken.try_recv().ok();
            if contents.changed().await {
                changed.try_send(()).ok();
            }
        }
    });
    Ok((Watch { _watcher: watcher, task }, receiver))
}

fn folders(files: &[PathBuf]) -> BTreeSet<PathBuf> {
    let folder = |file: &PathBuf| file.parent().map(Path::to_owned);
    let here = |folder: PathBuf| if folder.as_os_str().is_empty() { ".".into() } else { folder };
    files.iter().filter_map(folder).map(here).collect()
}

/// The files and a digest of what they held.
struct Contents {
    files: Vec<PathBuf>,
    digest: blake3::Hash,
}

impl Contents {
    async fn of(files: Vec<PathBuf>) -> Self {
        let digest = digest(&files).await;
        Self { files, digest }
    }

    /// Whether anything differs from the last time this was asked.
    async fn changed(&mut self) -> bool {
        let digest = digest(&self.files).await;
        let before = std::mem::replace(&mut self.digest, digest);
        before != digest
    }
}

/// A file that is missing or no plain file counts as such: its coming and going are changes too.
async fn digest(files: &[PathBuf]) -> blake3::Hash {
    let mut hasher = blake3::Hasher::new();
    for file in files {
        match read(file).await {
            Ok(content) => {
                hasher.update(&[1]);
                hasher.update(blake3::hash(&content).as_bytes());
            }
            Err(_) => {
                hasher.update(&[0]);
            }
        }
    }
    hasher.finalize()
}

async fn read(file: &Path) -> std::io::Result<Vec<u8>> {
    // A pipe would never end, or wait for a writer.
    if !tokio::fs::metadata(file).await?.is_file() {
        return Err(std::io::ErrorKind::InvalidInput.into());
    }
    let mut content = Vec::new();
    let open = tokio::fs::File::open(file).await?;
    open.take(FILE_BYTES_MAX).read_to_end(&mut content).await?;
    Ok(content)
}
