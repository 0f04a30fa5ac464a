//! Leases: what is made, what is counted, and that every end leaves what it should.

use std::fs::{self, File};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::time::{Duration, Instant};

use nix::sys::stat::Mode;
use plugdock_contracts::ByteSize;
use plugdock_contracts::workspace::{
    SeedFile, WorkspaceError, WorkspaceKind, WorkspaceManager, WorkspaceSpec,
};
use plugdock_execution_factory::workspace::LocalWorkspaceManager;

use super::fixture::{acquire, dig, id, names, only_host, root_in, temporary, temporary_in_memory};

fn mode(path: &Path) -> u32 {
    fs::symlink_metadata(path).unwrap().permissions().mode() & 0o7777
}

fn seeded(files: Vec<SeedFile>) -> WorkspaceSpec {
    let mut spec = WorkspaceSpec::default();
    spec.files = files;
    spec
}

fn seed(source: &Path, name: &str) -> SeedFile {
    SeedFile { source: source.to_owned(), name: name.to_owned() }
}

/// Asks for a workspace that cannot be had; returns the error after seeing that nothing was left.
async fn refused(manager: &LocalWorkspaceManager, root: &Path, spec: &WorkspaceSpec) -> WorkspaceError {
    let error = manager.acquire(&id("refused"), spec).await.err().expect("it was given");
    assert_eq!(names(&only_host(root).join("leases")), Vec::<String>::new());
    assert_eq!(names(&only_host(root).join("trash")), Vec::<String>::new());
    error
}

#[tokio::test]
async fn a_lease_is_three_directories_for_the_owner_alone_and_gone_when_released() {
    let dir = temporary();
    let root = root_in(&dir);
    let manager = LocalWorkspaceManager::open(&root).unwrap();
    let lease = acquire(&manager, "run-1").await;
    assert_eq!(lease.id().as_str(), "run-1");
    for path in [&root, lease.dir(), lease.artifacts_dir(), lease.temp_dir(), lease.dir().parent().unwrap()] {
        assert_eq!(mode(path), 0o700, "{}", path.display());
    }
    fs::write(lease.dir().join("file"), "x").unwrap();
    lease.release().await.unwrap();
    let host = only_host(&root);
    assert_eq!(names(&host.join("leases")), Vec::<String>::new());
    assert_eq!(names(&host.join("trash")), Vec::<String>::new());
    manager.close().await.unwrap();
    assert_eq!(names(&root), Vec::<String>::new());
}

#[tokio::test]
async fn a_live_id_is_not_leased_twice_and_a_released_one_is_free() {
    let dir = temporary();
    let manager = LocalWorkspaceManager::open(&root_in(&dir)).unwrap();
    let lease = acquire(&manager, "run").await;
    fs::write(lease.dir().join("file"), "x").unwrap();
    let error = manager.acquire(&id("run"), &WorkspaceSpec::default()).await.err().unwrap();
    assert!(matches!(error, WorkspaceError::AlreadyLeased { .. }), "{error:?}");
    assert!(lease.dir().join("file").exists());
    lease.release().await.unwrap();
    let lease = acquire(&manager, "run").await;
    assert_eq!(names(lease.dir()), Vec::<String>::new());
    lease.release().await.unwrap();
}

#[tokio::test]
async fn a_dropped_lease_is_removed_in_the_background() {
    let dir = temporary();
    let root = root_in(&dir);
    let manager = LocalWorkspaceManager::open(&root).unwrap();
    let lease = acquire(&manager, "run").await;
    fs::create_dir_all(lease.dir().join("a/b")).unwrap();
    drop(lease);
    assert_eq!(names(&only_host(&root).join("leases")), Vec::<String>::new(), "the id is free at once");
    let hung = Instant::now() + Duration::from_secs(30);
    while !names(&only_host(&root).join("trash")).is_empty() {
        assert!(Instant::now() < hung, "nobody removes it");
        std::thread::yield_now();
    }
}

#[tokio::test]
async fn a_release_that_is_not_waited_for_still_ends_the_lease() {
    let dir = temporary();
    let root = root_in(&dir);
    let manager = LocalWorkspaceManager::open(&root).unwrap();
    // Made and dropped without a poll.
    drop(acquire(&manager, "run").await.release());
    manager.reap().await.unwrap();
    assert_eq!(names(&only_host(&root).join("leases")), Vec::<String>::new());
    assert_eq!(names(&only_host(&root).join("trash")), Vec::<String>::new());
}

#[tokio::test]
async fn the_last_lease_removes_the_host_directory_of_a_manager_that_is_gone() {
    let dir = temporary();
    let root = root_in(&dir);
    let manager = LocalWorkspaceManager::open(&root).unwrap();
    let lease = acquire(&manager, "run").await;
    manager.close().await.unwrap();
    assert!(lease.dir().exists());
    lease.release().await.unwrap();
    // The reaper thread ends on its own time; whoever opens the root next finds nothing, or does what is left.
    let next = LocalWorkspaceManager::open(&root).unwrap();
    assert_eq!(next.sweep_report().hosts_failed, 0);
    next.close().await.unwrap();
}

#[tokio::test]
async fn a_kept_workspace_stays_without_its_temporary_files() {
    let dir = temporary();
    let root = root_in(&dir);
    let manager = LocalWorkspaceManager::open(&root).unwrap();
    let mut asked = WorkspaceSpec::default();
    asked.keep = true;
    let from_spec = manager.acquire(&id("from-spec"), &asked).await.unwrap();
    let mut later = acquire(&manager, "later").await;
    later.keep();
    let mut dropped = acquire(&manager, "dropped").await;
    dropped.keep();
    let leases = only_host(&root).join("leases");
    for lease in [&from_spec, &later, &dropped] {
        fs::write(lease.dir().join("result"), "x").unwrap();
        fs::write(lease.temp_dir().join("scratch"), "x").unwrap();
    }
    from_spec.release().await.unwrap();
    later.release().await.unwrap();
    drop(dropped);
    manager.close().await.unwrap();
    assert_eq!(names(&leases), ["dropped", "from-spec", "later"]);
    for name in names(&leases) {
        assert_eq!(names(&leases.join(&name)), ["artifacts", "work"]);
        assert_eq!(names(&leases.join(&name).join("work")), ["result"]);
    }
}

#[tokio::test]
async fn seed_files_are_copied_into_the_workspace() {
    let dir = temporary();
    let manager = LocalWorkspaceManager::open(&root_in(&dir)).unwrap();
    let source = dir.path().join("source");
    fs::write(&source, "seed").unwrap();
    symlink(&source, dir.path().join("by-link")).unwrap();
    let files = vec![seed(&source, "a.txt"), seed(&dir.path().join("by-link"), "sub/dir/b.txt")];
    let lease = manager.acquire(&id("run"), &seeded(files)).await.unwrap();
    for name in ["a.txt", "sub/dir/b.txt"] {
        assert_eq!(fs::read_to_string(lease.dir().join(name)).unwrap(), "seed");
        assert!(!fs::symlink_metadata(lease.dir().join(name)).unwrap().is_symlink());
    }
    lease.release().await.unwrap();
    assert!(source.exists());
}

#[tokio::test]
async fn seed_files_that_cannot_be_are_refused_and_leave_nothing() {
    let dir = temporary();
    let root = root_in(&dir);
    let manager = LocalWorkspaceManager::open(&root).unwrap();
    let source = dir.path().join("source");
    fs::write(&source, "seed").unwrap();
    for name in ["", "/abs", "../out", "a/../../out", "a//b", "./a", "a\0b", ".."] {
        let error = refused(&manager, &root, &seeded(vec![seed(&source, name)])).await;
        assert!(matches!(error, WorkspaceError::Invalid { .. }), "{name:?}: {error:?}");
    }
    let fifo = dir.path().join("fifo");
    nix::unistd::mkfifo(&fifo, Mode::S_IRWXU).unwrap();
    for bad in [&fifo, dir.path()] {
        let error = refused(&manager, &root, &seeded(vec![seed(bad, "x")])).await;
        assert!(matches!(error, WorkspaceError::Invalid { .. }), "{error:?}");
    }
    for files in [
        vec![seed(&dir.path().join("absent"), "x")],
        vec![seed(&source, "twice"), seed(&source, "twice")],
        vec![seed(&source, "file"), seed(&source, "file/below")],
    ] {
        let error = refused(&manager, &root, &seeded(files)).await;
        assert!(matches!(error, WorkspaceError::Io { .. }), "{error:?}");
    }
    let mut limited = seeded(vec![seed(&source, "a"), seed(&source, "b")]);
    limited.storage_limit = Some(ByteSize::from_bytes(7));
    let error = refused(&manager, &root, &limited).await;
    assert!(matches!(error, WorkspaceError::OverLimit { .. }), "{error:?}");
    limited.storage_limit = Some(ByteSize::from_bytes(8));
    manager.acquire(&id("fits"), &limited).await.unwrap().release().await.unwrap();
}

#[tokio::test]
async fn an_existing_directory_is_used_and_never_cleaned() {
    let dir = temporary();
    let root = root_in(&dir);
    let manager = LocalWorkspaceManager::open(&root).unwrap();
    let mine = dir.path().canonicalize().unwrap().join("mine");
    fs::create_dir(&mine).unwrap();
    fs::write(mine.join("file"), "x").unwrap();
    let mut spec = WorkspaceSpec::default();
    spec.kind = WorkspaceKind::Existing { dir: mine.clone() };
    let lease = manager.acquire(&id("run"), &spec).await.unwrap();
    assert_eq!(lease.dir(), mine);
    assert!(!lease.artifacts_dir().starts_with(&mine));
    assert_eq!(lease.usage().unwrap().entries, 0);
    lease.release().await.unwrap();
    drop(manager.acquire(&id("run"), &spec).await.unwrap());
    manager.reap().await.unwrap();
    assert_eq!(names(&mine), ["file"]);

    for bad in [dir.path().join("absent"), mine.join("file"), "relative".into()] {
        spec.kind = WorkspaceKind::Existing { dir: bad };
        refused(&manager, &root, &spec).await;
    }
    spec.kind = WorkspaceKind::Existing { dir: mine.clone() };
    spec.files = vec![seed(&mine.join("file"), "copy")];
    refused(&manager, &root, &spec).await;
    assert_eq!(names(&mine), ["file"]);
}

#[tokio::test]
async fn usage_counts_blocks_and_entries_and_nothing_outside() {
    let dir = temporary();
    let manager = LocalWorkspaceManager::open(&root_in(&dir)).unwrap();
    let lease = acquire(&manager, "run").await;
    assert_eq!(lease.usage().unwrap().entries, 0);
    let empty = lease.usage().unwrap().bytes;

    File::create(lease.dir().join("sparse")).unwrap().set_len(1 << 40).unwrap();
    symlink("/usr", lease.dir().join("link")).unwrap();
    let usage = lease.usage().unwrap();
    assert_eq!(usage.entries, 2);
    assert!(usage.bytes - empty < 1 << 16, "{usage:?}");

    let written = File::create(lease.artifacts_dir().join("large")).unwrap();
    std::io::copy(&mut std::io::Read::take(std::io::repeat(1), 1 << 20), &mut &written).unwrap();
    written.sync_all().unwrap();
    let once = lease.usage().unwrap();
    assert!(once.bytes >= 1 << 20, "{once:?}");
    fs::hard_link(lease.artifacts_dir().join("large"), lease.dir().join("same")).unwrap();
    let twice = lease.usage().unwrap();
    assert_eq!((twice.entries, twice.partial), (once.entries + 1, false));
    assert!(twice.bytes - once.bytes < 1 << 16, "a second name counted again: {once:?}, {twice:?}");
    lease.release().await.unwrap();
}

#[tokio::test]
async fn usage_and_release_cope_with_a_tree_of_15000_levels() {
    let dir = temporary_in_memory();
    let manager = LocalWorkspaceManager::open(&root_in(&dir)).unwrap();
    let lease = acquire(&manager, "run").await;
    dig(lease.dir(), 15_000, Mode::S_IRWXU);
    let usage = lease.usage().unwrap();
    assert_eq!((usage.entries, usage.partial), (15_000, false));
    lease.release().await.unwrap();
    manager.close().await.unwrap();
    assert_eq!(names(&root_in(&dir)), Vec::<String>::new());
}

#[tokio::test]
async fn artifacts_are_collected_through_the_lease_within_its_storage_limit() {
    let (dir, out) = (temporary(), temporary());
    let manager = LocalWorkspaceManager::open(&root_in(&dir)).unwrap();
    let mut spec = WorkspaceSpec::default();
    spec.storage_limit = Some(ByteSize::from_bytes(100));
    let lease = manager.acquire(&id("run"), &spec).await.unwrap();
    fs::write(lease.artifacts_dir().join("page.html"), "<p>").unwrap();
    File::create(lease.artifacts_dir().join("sparse")).unwrap().set_len(1 << 20).unwrap();
    let collected = lease.collect(Some(out.path())).await.unwrap();
    lease.release().await.unwrap();
    assert_eq!(collected.taken.len(), 1);
    assert_eq!(collected.skipped.len(), 1);
    assert_eq!(names(out.path()), ["page.html"]);
}

#[tokio::test]
async fn a_plugin_that_replaces_its_own_directories_redirects_nothing() {
    let dir = temporary();
    let manager = LocalWorkspaceManager::open(&root_in(&dir)).unwrap();
    let outside = dir.path().join("outside");
    fs::create_dir(&outside).unwrap();
    fs::write(outside.join("precious"), "x").unwrap();
    let lease = acquire(&manager, "run").await;
    for path in [lease.dir(), lease.artifacts_dir(), lease.temp_dir()] {
        fs::remove_dir(path).unwrap();
        symlink(&outside, path).unwrap();
    }
    let usage = lease.usage().unwrap();
    assert_eq!((usage.entries, usage.partial), (0, true));
    assert!(lease.collect(None).await.is_err());
    lease.release().await.unwrap();
    assert_eq!(names(&outside), ["precious"]);
}

#[tokio::test]
async fn a_removed_or_replaced_root_fails_clearly() {
    let dir = temporary();
    let root = root_in(&dir);
    let manager = LocalWorkspaceManager::open(&root).unwrap();
    let lease = acquire(&manager, "run").await;
    let elsewhere = dir.path().join("elsewhere");
    fs::rename(&root, dir.path().join("moved")).unwrap();
    fs::create_dir(&elsewhere).unwrap();
    symlink(&elsewhere, &root).unwrap();
    let error = manager.acquire(&id("next"), &WorkspaceSpec::default()).await.err().unwrap();
    assert!(matches!(error, WorkspaceError::Io { .. }), "{error:?}");
    lease.release().await.unwrap();
    manager.close().await.unwrap();
    assert_eq!(names(&elsewhere), Vec::<String>::new());
    assert_eq!(
        names(&dir.path().join("moved")),
        Vec::<String>::new(),
        "what was leased is removed where it is now"
    );
}

#[tokio::test]
async fn a_deleted_root_is_not_made_again_behind_the_operators_back() {
    let dir = temporary();
    let root = root_in(&dir);
    let manager = LocalWorkspaceManager::open(&root).unwrap();
    let lease = acquire(&manager, "run").await;
    plugdock_execution_factory::workspace::TreeRemover::new().remove(&root).unwrap();
    assert!(manager.acquire(&id("next"), &WorkspaceSpec::default()).await.is_err());
    lease.release().await.unwrap();
    manager.close().await.unwrap();
    assert!(!root.exists());
}

#[test]
fn a_root_that_others_control_is_refused() {
    let dir = temporary();
    let real = dir.path().join("real");
    drop(LocalWorkspaceManager::open(&real).unwrap());
    symlink(&real, dir.path().join("link")).unwrap();
    let open = |path: &Path| LocalWorkspaceManager::open(path).err();
    assert!(matches!(open(&dir.path().join("link")), Some(WorkspaceError::Invalid { .. })));
    for bits in [0o770, 0o707, 0o722] {
        fs::set_permissions(&real, fs::Permissions::from_mode(bits)).unwrap();
        assert!(matches!(open(&real), Some(WorkspaceError::Invalid { .. })), "{bits:o}");
    }
    fs::set_permissions(&real, fs::Permissions::from_mode(0o755)).unwrap();
    assert!(open(&real).is_none());
    fs::write(dir.path().join("file"), "").unwrap();
    assert!(open(&dir.path().join("file")).is_some());
    if nix::unistd::geteuid().is_root() {
        std::os::unix::fs::chown(&real, Some(super::fixture::NOBODY), None).unwrap();
        assert!(matches!(open(&real), Some(WorkspaceError::Invalid { .. })));
    }
}
