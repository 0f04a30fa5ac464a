//! The state on disk as a file: it stays, it is one host's at a time, and what is no state file is refused.
//! What every state does is in `state`.

use std::time::Duration;

use bytes::Bytes;
use plugdock_contracts::permission::StateQuota;
use plugdock_contracts::service::{ServiceError, StateService};
use plugdock_platform::{Lifecycle, RedbState, StateConfig, StateOpenError};

use crate::owner::{plugin, within};

fn open(path: &std::path::Path) -> Result<RedbState, StateOpenError> {
    RedbState::open(path, StateConfig::default())
}

#[tokio::test]
async fn values_and_their_account_survive_reopening() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("made/when/needed/state.redb");
    let (scope, quota) = (plugin("a/b"), StateQuota { max_entries: Some(1), ..StateQuota::default() });
    {
        let state = open(&path).unwrap();
        state.set(&within(&scope, quota), "k", Bytes::from_static(b"v")).await.unwrap();
    }
    let state = open(&path).unwrap();
    assert_eq!(state.get(&scope, "k").await.unwrap().unwrap(), "v");
    assert!(matches!(
        state.set(&within(&scope, quota), "l", Bytes::new()).await,
        Err(ServiceError::Quota { .. })
    ));
    assert!(state.delete(&scope, "k").await.unwrap());
    drop(state);
    open(&path).unwrap().set(&within(&scope, quota), "l", Bytes::new()).await.unwrap();
}

#[tokio::test]
async fn a_file_is_open_once_until_it_is_stopped() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("state.redb");
    let state = open(&path).unwrap();
    let error = open(&path).unwrap_err();
    assert!(matches!(&error, StateOpenError::InUse { .. }), "{error:?}");
    let message = error.to_string();
    assert!(
        message.contains(&path.display().to_string()) && message.contains("stop the other host"),
        "{message}"
    );

    let (scope, quota) = (plugin("a/b"), StateQuota::default());
    state.set(&within(&scope, quota), "k", Bytes::from_static(b"v")).await.unwrap();
    state.stop(Duration::from_secs(5)).await.unwrap();
    state.stop(Duration::from_secs(5)).await.unwrap();
    assert!(matches!(state.get(&scope, "k").await, Err(ServiceError::Failed { .. })));
    assert!(matches!(
        state.set(&within(&scope, quota), "k", Bytes::new()).await,
        Err(ServiceError::Failed { .. })
    ));
    // It was stopped, not dropped: the file is free all the same.
    assert_eq!(open(&path).unwrap().get(&scope, "k").await.unwrap().unwrap(), "v");
}

#[test]
fn what_is_no_state_file_is_refused_and_left_as_it_is() {
    let dir = tempfile::tempdir().unwrap();
    let garbage = [b"{}".to_vec(), vec![0; 100], vec![0xff; 4096], vec![7; 70_000]];
    for (number, garbage) in garbage.iter().enumerate() {
        let path = dir.path().join(format!("{number}.redb"));
        std::fs::write(&path, garbage).unwrap();
        let error = open(&path).unwrap_err();
        assert!(matches!(&error, StateOpenError::Damaged { .. }), "{number}: {error:?}");
        assert_eq!(&std::fs::read(&path).unwrap(), garbage, "{number}");
    }
}

#[tokio::test]
async fn a_file_that_lost_its_end_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("state.redb");
    let state = open(&path).unwrap();
    state.set(&plugin("a/b"), "k", Bytes::from(vec![1; 100_000])).await.unwrap();
    drop(state);
    let whole = std::fs::read(&path).unwrap();
    std::fs::write(&path, &whole[..whole.len() / 2]).unwrap();
    let error = open(&path).unwrap_err();
    assert!(matches!(&error, StateOpenError::Damaged { .. }), "{error:?}");
}

#[test]
fn a_place_that_cannot_be_written_is_an_error_with_its_path() {
    let dir = tempfile::tempdir().unwrap();
    let error = open(dir.path()).unwrap_err();
    assert!(
        matches!(&error, StateOpenError::Io { .. }) && error.to_string().contains("must be a file"),
        "{error:?}"
    );
}

#[test]
fn another_layout_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("state.redb");
    let database = redb::Database::create(&path).unwrap();
    let write = database.begin_write().unwrap();
    let layout = redb::TableDefinition::<&str, u64>::new("layout");
    write.open_table(layout).unwrap().insert("state", 7).unwrap();
    write.commit().unwrap();
    drop(database);
    assert!(matches!(open(&path).unwrap_err(), StateOpenError::Layout { found: 7, known: 1, .. }));
}

#[test]
fn another_programs_database_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("state.redb");
    let database = redb::Database::create(&path).unwrap();
    let write = database.begin_write().unwrap();
    let entries = redb::TableDefinition::<u64, u64>::new("entries");
    write.open_table(entries).unwrap().insert(1, 1).unwrap();
    write.commit().unwrap();
    drop(database);
    assert!(matches!(open(&path).unwrap_err(), StateOpenError::Damaged { .. }));
}

#[cfg(unix)]
#[test]
fn only_its_user_can_read_the_file() {
    use std::os::unix::fs::PermissionsExt;
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("state.redb");
    let _state = open(&path).unwrap();
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o077, 0);
}
