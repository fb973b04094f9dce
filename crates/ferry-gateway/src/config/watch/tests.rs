//! The watch against a real folder, changed as editors and Kubernetes change it.

use std::path::PathBuf;

use super::{Contents, folders, watch};
use crate::tasks::Tasks;

#[tokio::test]
async fn a_file_replaced_by_rename_is_a_change() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ferry.toml");
    std::fs::write(&file, "a = 1").unwrap();
    let tasks = Tasks::default();
    let (watch, mut changed) = watch(vec![file.clone()], &tasks).await.unwrap();
    let fresh = folder.path().join("ferry.toml.new");
    std::fs::write(&fresh, "a = 2").unwrap();
    std::fs::rename(&fresh, &file).unwrap();
    assert_eq!(changed.recv().await, Some(()));
    drop(watch);
    assert_eq!(changed.recv().await, None);
}

#[cfg(unix)]
#[tokio::test]
async fn a_swapped_link_beside_the_file_is_a_change() {
    use std::os::unix::fs::symlink;
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    for (version, text) in [("v1", "a = 1"), ("v2", "a = 2")] {
        std::fs::create_dir(at(version)).unwrap();
        std::fs::write(at(version).join("ferry.toml"), text).unwrap();
    }
    symlink("v1", at("..data")).unwrap();
    symlink("..data/ferry.toml", at("ferry.toml")).unwrap();
    let tasks = Tasks::default();
    let (_watch, mut changed) = watch(vec![at("ferry.toml")], &tasks).await.unwrap();
    symlink("v2", at("..data_tmp")).unwrap();
    std::fs::rename(at("..data_tmp"), at("..data")).unwrap();
    assert_eq!(changed.recv().await, Some(()));
}

#[tokio::test]
async fn only_other_content_is_a_change() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("key.txt");
    let mut contents = Contents::of(vec![file.clone()]).await;
    assert!(!contents.changed().await, "missing, and still missing");
    std::fs::write(&file, "one").unwrap();
    assert!(contents.changed().await, "came");
    std::fs::write(&file, "one").unwrap();
    assert!(!contents.changed().await, "written again, unchanged");
    std::fs::write(&file, "two").unwrap();
    assert!(contents.changed().await, "changed");
    std::fs::remove_file(&file).unwrap();
    assert!(contents.changed().await, "gone");
}

#[tokio::test]
async fn a_folder_that_is_gone_cannot_be_watched() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("gone/ferry.toml");
    let error = watch(vec![file], &Tasks::default()).await.err().unwrap();
    assert!(error.to_string().starts_with("watch "));
}

#[test]
fn each_folder_is_watched_once() {
    let files = ["a/x", "a/y", "b/z", "w"].map(PathBuf::from);
    let expected: Vec<PathBuf> = [".", "a", "b"].map(PathBuf::from).to_vec();
    assert_eq!(folders(&files).into_iter().collect::<Vec<_>>(), expected);
}
