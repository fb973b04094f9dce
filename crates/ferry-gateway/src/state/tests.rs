//! The folder and the secret: made once, by whoever is first, for its owner alone.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Barrier;

use super::*;

fn open_at(dir: &Path) -> Result<State, StateError> {
    open(Settings { dir: dir.to_owned() })
}

fn mode_of(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

/// Writes a secret's file by hand and opens the folder.
fn with_secret(text: &[u8], mode: u32) -> Result<State, StateError> {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join(secret::FILE);
    fs::write(&file, text).unwrap();
    fs::set_permissions(&file, Permissions::from_mode(mode)).unwrap();
    open_at(dir.path())
}

#[test]
fn a_fresh_folder_gets_a_secret_for_its_owner_alone() {
    let root = tempfile::tempdir().unwrap();
    let dir = root.path().join("a/b");
    let state = open_at(&dir).unwrap();
    let file = dir.join(secret::FILE);
    assert_eq!(state.dir(), dir);
    assert_eq!((mode_of(&dir), mode_of(&file)), (0o700, 0o600));
    let text = fs::read_to_string(&file).unwrap();
    assert_eq!(text.trim_end().len(), 64);
    assert_eq!(fs::read_dir(&dir).unwrap().count(), 1, "no draft stays behind");
    assert!(!format!("{state:?}").contains(text.trim_end()));
}

#[test]
fn a_tenant_keeps_its_id_over_a_restart_and_not_over_a_new_secret() {
    let first = tempfile::tempdir().unwrap();
    let second = tempfile::tempdir().unwrap();
    let id = open_at(first.path()).unwrap().tenant_id("sk-ant-api03-abc");
    assert_eq!(open_at(first.path()).unwrap().tenant_id("sk-ant-api03-abc"), id);
    assert_ne!(open_at(first.path()).unwrap().tenant_id("sk-ant-api03-abd"), id);
    assert_ne!(open_at(second.path()).unwrap().tenant_id("sk-ant-api03-abc"), id);
}

#[test]
fn an_id_is_the_keyed_hash_cut_short() {
    let secret = "00".repeat(32);
    for text in [secret.clone(), format!("{secret}\n"), format!("{secret}\r\n")] {
        let state = with_secret(text.as_bytes(), 0o600).unwrap();
        let whole = format!("t_{}", blake3::keyed_hash(&[0; 32], b"key").to_hex());
        let id = state.tenant_id("key");
        assert!(whole.starts_with(&*id) && id.len() == 18, "{id} of {whole}");
    }
    assert!(with_secret("AbCdEf01".repeat(8).as_bytes(), 0o400).is_ok());
}

#[test]
fn a_secret_that_others_can_read_is_refused_with_the_mend() {
    let secret = "00".repeat(32);
    for mode in [0o644, 0o640, 0o604, 0o620, 0o601] {
        let error = with_secret(secret.as_bytes(), mode).unwrap_err();
        assert!(error.to_string().contains(&format!("{mode:04o}")), "{error}");
        assert!(error.hint().contains("chmod 600"), "{}", error.hint());
    }
}

#[test]
fn a_secret_of_another_form_is_refused_and_stays() {
    for text in
        ["", "\n", "00", &"00".repeat(33), &"0g".repeat(32), &"é".repeat(32), &"0".repeat(63)]
    {
        let error = with_secret(text.as_bytes(), 0o600).unwrap_err();
        assert!(matches!(error, StateError::Malformed { .. }), "{text:?}: {error}");
        assert!(error.hint().contains("backup"), "{}", error.hint());
    }
}

#[test]
fn a_folder_that_cannot_be_is_named() {
    let root = tempfile::tempdir().unwrap();
    let file = root.path().join("file");
    fs::write(&file, "").unwrap();
    let error = open_at(&file).unwrap_err();
    assert!(matches!(error, StateError::Folder { .. }), "{error}");
    assert!(error.to_string().contains("file") && error.hint().contains("state.dir"));
    fs::create_dir(root.path().join(secret::FILE)).unwrap();
    let error = open_at(root.path()).unwrap_err();
    assert!(matches!(error, StateError::Read { .. }), "{error}");
}

#[test]
fn processes_that_start_at_once_end_with_one_secret() {
    const STARTERS: usize = 16;
    let root = tempfile::tempdir().unwrap();
    let dir = root.path().join("state");
    let barrier = Barrier::new(STARTERS);
    let ids: Vec<Box<str>> = std::thread::scope(|scope| {
        let starters: Vec<_> = (0..STARTERS)
            .map(|_| {
                scope.spawn(|| {
                    barrier.wait();
                    open_at(&dir).unwrap().tenant_id("key")
                })
            })
            .collect();
        starters.into_iter().map(|starter| starter.join().unwrap()).collect()
    });
    assert!(ids.iter().all(|id| id == &ids[0]), "{ids:?}");
    assert_eq!(fs::read_dir(&dir).unwrap().count(), 1, "no draft stays behind");
}
