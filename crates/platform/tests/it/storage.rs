//! File storage in a directory, with what somebody could plant in it.
//! Every test has a directory of its own.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use bytes::Bytes;
use plugdock_contracts::ByteSize;
use plugdock_contracts::service::{ServiceError, StorageService};
use plugdock_platform::{DirectoryStorage, Lifecycle, StorageConfig, StorageOpenError};
use tempfile::TempDir;

use crate::owner::{alike, plugin, plugin_of};

fn storage(config: StorageConfig) -> (DirectoryStorage, TempDir) {
    let dir = tempfile::tempdir().unwrap();
    (DirectoryStorage::open(dir.path().join("files"), config).unwrap(), dir)
}

fn text(text: &str) -> Bytes {
    Bytes::copy_from_slice(text.as_bytes())
}

/// Everything below a directory, as the host sees it.
fn everything(root: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut open = vec![root.to_path_buf()];
    while let Some(dir) = open.pop() {
        for entry in fs::read_dir(dir).unwrap().map(Result::unwrap) {
            found.push(entry.path().strip_prefix(root).unwrap().to_path_buf());
            if entry.file_type().unwrap().is_dir() {
                open.push(entry.path());
            }
        }
    }
    found.sort();
    found
}

#[tokio::test]
async fn a_file_is_written_read_listed_and_removed() {
    let (storage, _dir) = storage(StorageConfig::default());
    let scope = plugin("a/b");
    assert_eq!(storage.read(&scope, "x/y.txt").await.unwrap(), None);
    assert_eq!(storage.list(&scope, "").await.unwrap(), Vec::<String>::new());
    storage.write(&scope, "x/y.txt", text("old and longer")).await.unwrap();
    storage.write(&scope, "x/y.txt", text("new")).await.unwrap();
    storage.write(&scope, "x/z/deep.txt", text("")).await.unwrap();
    storage.write(&scope, "a", text("1")).await.unwrap();
    assert_eq!(storage.read(&scope, "x/y.txt").await.unwrap().unwrap(), "new");
    assert_eq!(storage.list(&scope, "").await.unwrap(), ["a", "x/y.txt", "x/z/deep.txt"]);
    assert_eq!(storage.list(&scope, "x/z").await.unwrap(), ["x/z/deep.txt"]);
    for none in ["x/y.txt", "nothing/here"] {
        assert_eq!(storage.list(&scope, none).await.unwrap(), Vec::<String>::new(), "{none}");
    }
    assert!(storage.delete(&scope, "x/z/deep.txt").await.unwrap());
    assert!(!storage.delete(&scope, "x/z/deep.txt").await.unwrap());
    assert_eq!(storage.list(&scope, "").await.unwrap(), ["a", "x/y.txt"]);
}

#[tokio::test]
async fn owners_that_look_alike_share_nothing() {
    let (storage, _dir) = storage(StorageConfig::default());
    for (at, scope) in alike().iter().enumerate() {
        assert_eq!(storage.read(scope, "f").await.unwrap(), None, "{at}");
        assert_eq!(storage.list(scope, "").await.unwrap(), Vec::<String>::new());
        storage.write(scope, "f", text(&at.to_string())).await.unwrap();
    }
    for (at, scope) in alike().iter().enumerate() {
        assert_eq!(storage.read(scope, "f").await.unwrap().unwrap(), at.to_string());
    }
}

#[tokio::test]
async fn paths_that_lead_elsewhere_are_refused_by_every_operation() {
    let (storage, dir) = storage(StorageConfig::default());
    let scope = plugin("a/b");
    storage.write(&scope, "f", text("v")).await.unwrap();
    let before = everything(dir.path());
    for path in ["../f", "/etc/passwd", "a/../../f", "a//b", "a\0", "./f", "..", "a/", "a\\..\\b"] {
        let invalid = |result: Result<(), ServiceError>| matches!(result, Err(ServiceError::Invalid { .. }));
        assert!(invalid(storage.read(&scope, path).await.map(drop)), "read {path:?}");
        assert!(invalid(storage.write(&scope, path, text("x")).await), "write {path:?}");
        assert!(invalid(storage.delete(&scope, path).await.map(drop)), "delete {path:?}");
        assert!(invalid(storage.list(&scope, path).await.map(drop)), "list {path:?}");
    }
    assert_eq!(everything(dir.path()), before);
}

#[tokio::test]
async fn directories_and_files_do_not_take_each_others_place() {
    let (storage, _dir) = storage(StorageConfig::default());
    let scope = plugin("a/b");
    storage.write(&scope, "d/f", text("v")).await.unwrap();
    let over_dir = storage.write(&scope, "d", text("x")).await.unwrap_err();
    assert_eq!(over_dir.to_string(), "storage: `d` is no file");
    let below_file = storage.write(&scope, "d/f/g", text("x")).await.unwrap_err();
    assert_eq!(below_file.to_string(), "storage: `d/f` is no directory");
    assert_eq!(storage.read(&scope, "d").await.unwrap(), None);
    assert_eq!(storage.read(&scope, "d/f/g").await.unwrap(), None);
    assert!(!storage.delete(&scope, "d").await.unwrap());
    assert_eq!(storage.list(&scope, "").await.unwrap(), ["d/f"]);
}

#[tokio::test]
async fn removing_leaves_no_empty_directories() {
    let (storage, dir) = storage(StorageConfig::default());
    let scope = plugin("a/b");
    storage.write(&scope, "keep", text("v")).await.unwrap();
    let before = everything(dir.path());
    storage.write(&scope, "a/b/c/d", text("v")).await.unwrap();
    storage.delete(&scope, "a/b/c/d").await.unwrap();
    assert_eq!(everything(dir.path()), before);
}

#[tokio::test]
async fn bounds_are_exact_after_rewriting_and_removing() {
    let config = StorageConfig {
        max_file: ByteSize::from_bytes(8),
        max_total: ByteSize::from_bytes(10),
        max_files: 2,
        ..StorageConfig::default()
    };
    let (storage, _dir) = storage(config);
    let (scope, other) = (plugin("a/b"), plugin_of("t", "a/b"));
    let large = storage.write(&scope, "a", text("123456789")).await;
    assert!(matches!(large, Err(ServiceError::TooLarge { service: "storage", size: 9, limit: 8 })));
    storage.write(&scope, "a", text("12345")).await.unwrap();
    storage.write(&scope, "b", text("12345")).await.unwrap();
    let bytes = storage.write(&scope, "a", text("123456")).await.unwrap_err();
    assert_eq!(bytes.to_string(), "storage: max_total is 10, 10 are used and this write adds 1");
    let files = storage.write(&scope, "c", text("")).await.unwrap_err();
    assert_eq!(files.to_string(), "storage: max_files is 2, 2 are used");
    assert_eq!(storage.read(&scope, "a").await.unwrap().unwrap(), "12345", "a refused write changes nothing");
    storage.write(&scope, "a", text("1")).await.unwrap();
    storage.write(&scope, "b", text("12345678")).await.unwrap();
    assert!(storage.delete(&scope, "b").await.unwrap());
    storage.write(&scope, "c", text("12345678")).await.unwrap();
    assert!(storage.write(&scope, "c", text("123456789")).await.is_err());
    storage.write(&other, "a", text("12345678")).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn writers_at_once_keep_the_bounds_and_never_mix_their_contents() {
    let config = StorageConfig { max_files: 5, ..StorageConfig::default() };
    let (storage, _dir) = storage(config);
    let storage = std::sync::Arc::new(storage);
    let mut writers = tokio::task::JoinSet::new();
    for number in 0u8..20 {
        let storage = std::sync::Arc::clone(&storage);
        writers.spawn(async move {
            let contents = Bytes::from(vec![number; 4096]);
            storage.write(&plugin("a/b"), "shared", contents.clone()).await.unwrap();
            storage.write(&plugin("a/b"), &format!("d/{number}"), contents).await.is_ok()
        });
    }
    let accepted = writers.join_all().await.into_iter().filter(|accepted| *accepted).count();
    assert_eq!(accepted, 4, "one of five is the file they share");
    assert_eq!(storage.list(&plugin("a/b"), "").await.unwrap().len(), 5);
    let shared = storage.read(&plugin("a/b"), "shared").await.unwrap().unwrap();
    assert!(shared.len() == 4096 && shared.iter().all(|byte| *byte == shared[0]));
}

#[tokio::test]
async fn what_was_there_before_counts() {
    let dir = tempfile::tempdir().unwrap();
    let config = StorageConfig { max_files: 1, ..StorageConfig::default() };
    let scope = plugin("a/b");
    let storage = DirectoryStorage::open(dir.path(), config.clone()).unwrap();
    storage.write(&scope, "d/a", text("v")).await.unwrap();
    drop(storage);
    let storage = DirectoryStorage::open(dir.path(), config).unwrap();
    assert!(matches!(storage.write(&scope, "b", text("")).await, Err(ServiceError::Quota { .. })));
    storage.write(&scope, "d/a", text("longer")).await.unwrap();
    assert!(storage.delete(&scope, "d/a").await.unwrap());
    storage.write(&scope, "b", text("")).await.unwrap();
}

#[tokio::test]
async fn a_directory_is_open_once_until_it_is_stopped() {
    let dir = tempfile::tempdir().unwrap();
    let open = || DirectoryStorage::open(dir.path(), StorageConfig::default());
    let storage = open().unwrap();
    let error = open().unwrap_err();
    assert!(
        matches!(&error, StorageOpenError::InUse { .. }) && error.to_string().contains("stop the other host")
    );
    storage.stop(Duration::from_secs(5)).await.unwrap();
    assert!(matches!(storage.read(&plugin("a/b"), "f").await, Err(ServiceError::Failed { .. })));
    open().unwrap();
}

#[tokio::test]
async fn what_a_dead_host_left_half_written_is_removed_and_never_seen() {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir_all(dir.path().join("_tmp")).unwrap();
    fs::write(dir.path().join("_tmp/0"), "half").unwrap();
    let storage = DirectoryStorage::open(dir.path(), StorageConfig::default()).unwrap();
    assert_eq!(fs::read_dir(dir.path().join("_tmp")).unwrap().count(), 0);
    storage.write(&plugin("a/b"), "f", text("v")).await.unwrap();
    assert_eq!(fs::read_dir(dir.path().join("_tmp")).unwrap().count(), 0);
}

#[test]
fn a_file_in_the_directorys_place_is_an_error_with_its_path() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("file");
    fs::write(&path, "v").unwrap();
    let error = DirectoryStorage::open(&path, StorageConfig::default()).unwrap_err();
    assert!(
        matches!(&error, StorageOpenError::Io { .. }) && error.to_string().contains("/file"),
        "{error:?}"
    );
}

#[cfg(unix)]
mod planted {
    use std::os::unix::fs::symlink;

    use super::*;

    #[tokio::test]
    async fn a_link_out_of_the_directory_is_never_followed() {
        let (storage, dir) = storage(StorageConfig::default());
        let scope = plugin("a/b");
        let outside = dir.path().join("outside");
        fs::create_dir(&outside).unwrap();
        fs::write(outside.join("secret"), "secret").unwrap();
        storage.write(&scope, "f", text("v")).await.unwrap();
        let own = dir.path().join("files/_none/a+b");
        symlink(outside.join("secret"), own.join("file-link")).unwrap();
        symlink(&outside, own.join("dir-link")).unwrap();
        symlink("../../../outside", own.join("relative-link")).unwrap();

        assert_eq!(storage.read(&scope, "file-link").await.unwrap(), None);
        assert!(storage.write(&scope, "file-link", text("x")).await.is_err());
        assert!(!storage.delete(&scope, "file-link").await.unwrap());
        for link in ["dir-link", "relative-link"] {
            let file = format!("{link}/secret");
            assert!(!matches!(storage.read(&scope, &file).await, Ok(Some(_))), "read {file}");
            assert!(storage.write(&scope, &file, text("x")).await.is_err(), "write {file}");
            assert!(
                storage.write(&scope, &format!("{link}/new"), text("x")).await.is_err(),
                "write {link}/new"
            );
            assert!(!matches!(storage.delete(&scope, &file).await, Ok(true)), "delete {file}");
            assert_eq!(storage.list(&scope, link).await.unwrap(), Vec::<String>::new(), "list {link}");
        }
        assert_eq!(storage.list(&scope, "").await.unwrap(), ["f"]);
        assert_eq!(everything(&outside), [PathBuf::from("secret")]);
        assert_eq!(fs::read_to_string(outside.join("secret")).unwrap(), "secret");
    }

    #[tokio::test]
    async fn a_link_in_place_of_an_owners_directory_is_not_followed() {
        let (storage, dir) = storage(StorageConfig::default());
        storage.write(&plugin_of("victim", "a/b"), "f", text("secret")).await.unwrap();
        let root = dir.path().join("files");
        symlink("victim", root.join("thief")).unwrap();
        fs::create_dir(root.join("other")).unwrap();
        symlink("../victim/a+b", root.join("other/a+b")).unwrap();
        for tenant in ["thief", "other"] {
            let scope = plugin_of(tenant, "a/b");
            assert!(!matches!(storage.read(&scope, "f").await, Ok(Some(_))), "{tenant}");
            assert!(storage.write(&scope, "g", text("x")).await.is_err(), "{tenant}");
            assert_eq!(storage.list(&scope, "").await.unwrap(), Vec::<String>::new(), "{tenant}");
        }
        assert_eq!(storage.list(&plugin_of("victim", "a/b"), "").await.unwrap(), ["f"]);
    }

    #[tokio::test]
    async fn a_file_larger_than_the_bound_is_refused_and_not_cut() {
        let config = StorageConfig { max_file: ByteSize::from_bytes(4), ..StorageConfig::default() };
        let (storage, dir) = storage(config);
        let scope = plugin("a/b");
        storage.write(&scope, "f", text("four")).await.unwrap();
        fs::write(dir.path().join("files/_none/a+b/f"), "longer").unwrap();
        let read = storage.read(&scope, "f").await;
        assert!(
            matches!(read, Err(ServiceError::TooLarge { service: "storage", size: 6, limit: 4 })),
            "{read:?}"
        );
    }

    #[tokio::test]
    async fn nobody_else_may_look_into_the_directory() {
        use std::os::unix::fs::PermissionsExt;
        let (_storage, dir) = storage(StorageConfig::default());
        assert_eq!(fs::metadata(dir.path().join("files")).unwrap().permissions().mode() & 0o077, 0);
    }
}
