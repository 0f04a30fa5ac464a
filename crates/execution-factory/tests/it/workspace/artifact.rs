//! The collection of artifacts that an enemy named and arranged.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use nix::fcntl::{AT_FDCWD, RenameFlags, renameat2};
use nix::sys::stat::Mode;
use nix::unistd::mkfifo;
use plugdock_contracts::ByteSize;
use plugdock_contracts::workspace::{CollectedArtifacts, WorkspaceError};
use plugdock_execution_factory::workspace::{ArtifactLimits, collect_artifacts};

use super::fixture::{again, child_dir, names, passes, temporary, temporary_in_memory};

fn collect(from: &Path) -> CollectedArtifacts {
    collect_artifacts(from, None, &ArtifactLimits::default()).unwrap()
}

fn taken(collected: &CollectedArtifacts) -> Vec<&str> {
    collected.taken.iter().map(|artifact| artifact.name.as_str()).collect()
}

/// Collects one entry and expects it to be skipped for a reason that holds `reason`.
fn check_skipped(collected: &CollectedArtifacts, name: &str, reason: &str) {
    let found = collected.skipped.iter().find(|skipped| skipped.name == name);
    assert!(found.is_some_and(|skipped| skipped.reason.contains(reason)), "{name}, {reason}: {collected:?}");
}

#[test]
fn files_are_listed_and_copied_with_their_directories() {
    let (dir, out) = (temporary(), temporary());
    fs::create_dir_all(dir.path().join("b/c")).unwrap();
    fs::create_dir(dir.path().join("empty")).unwrap();
    for (name, text) in [("z.txt", "last"), ("a.txt", "first"), ("b/c/deep.txt", "deep"), ("b/x.txt", "")] {
        fs::write(dir.path().join(name), text).unwrap();
    }
    let outdir = out.path().join("made/for/it");
    let collected = collect_artifacts(dir.path(), Some(&outdir), &ArtifactLimits::default()).unwrap();
    assert_eq!(taken(&collected), ["a.txt", "b/c/deep.txt", "b/x.txt", "z.txt"]);
    assert_eq!(collected.skipped, []);
    for artifact in &collected.taken {
        let copy = artifact.path.as_ref().unwrap();
        assert_eq!(copy, &outdir.join(&artifact.name));
        assert_eq!(fs::read(copy).unwrap(), fs::read(dir.path().join(&artifact.name)).unwrap());
        assert_eq!(fs::metadata(copy).unwrap().len(), artifact.size);
    }
    assert_eq!(
        names(&outdir),
        ["a.txt", "b", "z.txt"],
        "nothing else, no temporary file, no empty directory"
    );
    assert!(collect(dir.path()).taken.iter().all(|artifact| artifact.path.is_none()));
}

#[test]
fn what_is_no_plain_file_is_skipped_with_a_reason() {
    let dir = temporary();
    let path = |name: &str| dir.path().join(name);
    symlink("/etc/passwd", path("link")).unwrap();
    symlink("/etc", path("link-to-dir")).unwrap();
    mkfifo(&path("fifo"), Mode::S_IRWXU).unwrap();
    drop(UnixListener::bind(path("socket")).unwrap());
    fs::write(path("one-name"), "x").unwrap();
    fs::hard_link(path("one-name"), path("other-name")).unwrap();
    fs::write(path("fine"), "x").unwrap();
    let collected = collect(dir.path());
    assert_eq!(taken(&collected), ["fine"]);
    check_skipped(&collected, "link", "symbolic link");
    check_skipped(&collected, "link-to-dir", "symbolic link");
    check_skipped(&collected, "fifo", "FIFO");
    check_skipped(&collected, "socket", "socket");
    check_skipped(&collected, "one-name", "2 names");
    check_skipped(&collected, "other-name", "2 names");
}

#[test]
fn names_that_would_disturb_a_listing_are_refused() {
    let dir = temporary();
    for name in [&b"new\nline"[..], b"esc\x1b[31m", b"\xff\xfe", "rtl\u{202e}txt.exe".as_bytes()] {
        fs::write(dir.path().join(OsStr::from_bytes(name)), "x").unwrap();
    }
    let longest = "n".repeat(255);
    fs::write(dir.path().join(&longest), "x").unwrap();
    fs::write(dir.path().join("naïve – 名前.txt"), "x").unwrap();
    let collected = collect(dir.path());
    assert_eq!(taken(&collected), ["naïve – 名前.txt", &longest]);
    check_skipped(&collected, "new\\nline", "not printable");
    check_skipped(&collected, "esc\\u{1b}[31m", "not printable");
    check_skipped(&collected, "rtl\\u{202e}txt.exe", "not printable");
    assert!(collected.skipped.iter().any(|skipped| skipped.reason.contains("UTF-8")), "{collected:?}");
}

#[test]
fn limits_bound_size_count_and_depth() {
    let (dir, out) = (temporary(), temporary());
    File::create(dir.path().join("sparse")).unwrap().set_len(1 << 40).unwrap();
    fs::create_dir_all(dir.path().join("1/2/3")).unwrap();
    fs::write(dir.path().join("1/2/3/deep"), "x").unwrap();
    for name in ["a", "b", "c", "d"] {
        fs::write(dir.path().join(name), [0; 100]).unwrap();
    }
    let limits = ArtifactLimits {
        max_files: 3,
        max_file_size: ByteSize::from_bytes(1000),
        max_total_size: ByteSize::from_bytes(250),
        max_depth: 2,
    };
    let collected = collect_artifacts(dir.path(), Some(out.path()), &limits).unwrap();
    assert_eq!(taken(&collected), ["a", "b"]);
    check_skipped(&collected, "c", "together");
    check_skipped(&collected, "sparse", "1TiB");
    check_skipped(&collected, "1/2/3", "2 directories deep");
    assert_eq!(names(out.path()), ["a", "b"]);

    let collected = collect_artifacts(dir.path(), None, &ArtifactLimits { max_files: 1, ..limits }).unwrap();
    assert_eq!(taken(&collected), ["a"]);
    check_skipped(&collected, "b", "limit of 1 artifacts");
}

#[test]
fn many_skipped_entries_are_counted_not_listed() {
    let dir = temporary();
    for number in 0..150 {
        symlink("x", dir.path().join(format!("link-{number:03}"))).unwrap();
    }
    let collected = collect(dir.path());
    assert_eq!(collected.skipped.len(), 101);
    assert_eq!(collected.skipped[100].reason, "50 more entries were skipped");
}

#[test]
fn a_directory_deeper_than_any_path_is_only_looked_at_to_the_limit() {
    let dir = temporary_in_memory();
    super::fixture::dig(dir.path(), 3_000, Mode::S_IRWXU);
    let collected = collect(dir.path());
    assert_eq!(collected.skipped.len(), 1);
    // What dropping the fixture would do with such a tree is not our concern here.
    plugdock_execution_factory::workspace::TreeRemover::new().remove(&dir.path().join("d")).unwrap();
}

#[test]
fn an_existing_file_or_link_at_the_target_is_replaced_not_written_through() {
    let (dir, out) = (temporary(), temporary());
    fs::write(dir.path().join("page"), "new").unwrap();
    fs::write(dir.path().join("link"), "new").unwrap();
    fs::create_dir(dir.path().join("sub")).unwrap();
    fs::write(dir.path().join("sub/file"), "new").unwrap();
    let precious = out.path().join("precious");
    fs::write(&precious, "old").unwrap();
    let outdir = out.path().join("out");
    fs::create_dir(&outdir).unwrap();
    fs::write(outdir.join("page"), "old").unwrap();
    symlink(&precious, outdir.join("link")).unwrap();
    collect_artifacts(dir.path(), Some(&outdir), &ArtifactLimits::default()).unwrap();
    assert_eq!(fs::read_to_string(outdir.join("page")).unwrap(), "new");
    assert_eq!(fs::read_to_string(outdir.join("link")).unwrap(), "new");
    assert_eq!(fs::read_to_string(&precious).unwrap(), "old");

    fs::remove_file(outdir.join("sub/file")).unwrap();
    fs::remove_dir(outdir.join("sub")).unwrap();
    symlink(out.path(), outdir.join("sub")).unwrap();
    let error = collect_artifacts(dir.path(), Some(&outdir), &ArtifactLimits::default()).unwrap_err();
    assert!(matches!(error, WorkspaceError::Io { .. }), "{error:?}");
    assert!(!out.path().join("file").exists(), "a linked directory of the target was followed");
}

#[test]
fn a_failed_copy_is_an_error_and_leaves_no_part() {
    if let Some(dir) = child_dir() {
        let error = collect_artifacts(&dir.join("from"), Some(&dir.join("to")), &ArtifactLimits::default())
            .unwrap_err();
        assert!(matches!(error, WorkspaceError::Io { action: "write", .. }), "{error:?}");
        return;
    }
    let dir = temporary();
    fs::create_dir(dir.path().join("from")).unwrap();
    fs::write(dir.path().join("from/1-small"), "x").unwrap();
    fs::write(dir.path().join("from/2-large"), vec![1; 1 << 20]).unwrap();
    // The limit (512-byte blocks) makes writing fail half way, as a full disk does.
    let name = "workspace::artifact::a_failed_copy_is_an_error_and_leaves_no_part";
    passes(again(name, dir.path(), "trap '' XFSZ; ulimit -f 64;"));
    assert_eq!(names(&dir.path().join("to")), ["1-small"]);
}

#[test]
fn a_target_that_cannot_be_replaced_leaves_no_part() {
    let (dir, out) = (temporary(), temporary());
    fs::write(dir.path().join("page"), "new").unwrap();
    fs::create_dir(out.path().join("page")).unwrap();
    let error = collect_artifacts(dir.path(), Some(out.path()), &ArtifactLimits::default()).unwrap_err();
    assert!(matches!(error, WorkspaceError::Io { action: "write", .. }), "{error:?}");
    assert_eq!(names(out.path()), ["page"]);
}

#[test]
fn a_link_as_artifact_directory_is_refused() {
    let dir = temporary();
    symlink("/etc", dir.path().join("artifacts")).unwrap();
    assert!(collect_artifacts(&dir.path().join("artifacts"), None, &ArtifactLimits::default()).is_err());
}

/// Exchanges two entries at once, so that neither is ever missing.
fn exchange(victim: &Path, link: &Path) -> bool {
    renameat2(AT_FDCWD, victim, AT_FDCWD, link, RenameFlags::RENAME_EXCHANGE).is_ok()
}

#[test]
fn a_link_swapped_in_during_collection_is_never_read() {
    let (dir, out) = (temporary_in_memory(), temporary_in_memory());
    let path = |name: &str| dir.path().join(name);
    fs::create_dir_all(path("from/sub")).unwrap();
    fs::create_dir(path("secret")).unwrap();
    for (name, text) in [("secret/file", "secret"), ("from/file", "mine"), ("from/sub/file", "mine")] {
        fs::write(path(name), text).unwrap();
    }
    symlink(path("secret/file"), path("file-link")).unwrap();
    symlink(path("secret"), path("sub-link")).unwrap();
    let stop = AtomicBool::new(false);
    let seen = std::thread::scope(|scope| {
        for (victim, link) in [("from/file", "file-link"), ("from/sub", "sub-link")] {
            let (victim, link, stop) = (path(victim), path(link), &stop);
            scope.spawn(move || while exchange(&victim, &link) && !stop.load(Ordering::Relaxed) {});
        }
        let rounds = (0..2_000)
            .map(|_| collect_artifacts(&path("from"), Some(out.path()), &ArtifactLimits::default()));
        let seen: Vec<_> = rounds.collect();
        stop.store(true, Ordering::Relaxed);
        seen
    });
    let taken: Vec<_> = seen.into_iter().flat_map(|collected| collected.unwrap().taken).collect();
    assert!(!taken.is_empty(), "the attacker hid everything, which shows nothing");
    assert_eq!(taken.iter().find(|artifact| artifact.size != 4), None);
    assert_eq!(fs::read_to_string(out.path().join("file")).unwrap(), "mine");
}
