//! The tree remover against trees that were built to defeat it.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use nix::fcntl::{AT_FDCWD, RenameFlags, renameat2};
use nix::sys::stat::Mode;
use nix::unistd::mkfifo;
use plugdock_execution_factory::workspace::{RemoveError, TreeRemover};

use super::fixture::{
    again, again_unprivileged, child_dir, dig, names, passes, temporary, temporary_in_memory,
};

#[test]
fn a_tree_of_15000_levels_is_removed_with_few_descriptors() {
    if let Some(dir) = child_dir() {
        let removal = TreeRemover::new().remove(&dir.join("tree")).unwrap();
        assert_eq!((removal.files, removal.directories), (0, 15_001));
        return;
    }
    let dir = temporary_in_memory();
    let tree = dir.path().join("tree");
    fs::create_dir(&tree).unwrap();
    dig(&tree, 15_000, Mode::S_IRWXU);
    // 16 descriptors leave the remover the ten or so that the runtime does not use.
    passes(again(
        "workspace::tree_remover::a_tree_of_15000_levels_is_removed_with_few_descriptors",
        dir.path(),
        "ulimit -n 16;",
    ));
    assert_eq!(names(dir.path()), Vec::<String>::new());
}

#[test]
fn wide_and_branching_trees_are_removed() {
    let dir = temporary_in_memory();
    let tree = dir.path().join("tree");
    for branch in 0..20 {
        for twig in 0..20 {
            let twig = tree.join(format!("{branch}/{twig}"));
            fs::create_dir_all(&twig).unwrap();
            for leaf in 0..5 {
                fs::write(twig.join(leaf.to_string()), "x").unwrap();
            }
        }
    }
    for file in 0..5_000 {
        fs::write(tree.join(format!("file-{file}")), "").unwrap();
    }
    let removal = TreeRemover::new().remove(&tree).unwrap();
    assert_eq!((removal.files, removal.directories), (7_000, 421));
    assert!(!tree.exists());
}

#[test]
fn entries_of_every_kind_and_name_are_removed() {
    let dir = temporary();
    let tree = dir.path().join("tree");
    fs::create_dir_all(tree.join("below/.removing-1")).unwrap();
    fs::write(tree.join("below/.removing-1/file"), "x").unwrap();
    // The names that the remover itself gives may be taken, by files and by directories.
    fs::write(tree.join(".removing-1"), "x").unwrap();
    fs::create_dir_all(tree.join(".removing-2/full")).unwrap();
    fs::write(tree.join(OsStr::from_bytes(b"\xff\xfe\n")), "x").unwrap();
    fs::create_dir_all(tree.join(OsStr::from_bytes(b"dir-\x80")).join("deeper")).unwrap();
    fs::write(tree.join("n".repeat(255)), "x").unwrap();
    symlink("/nowhere", tree.join("dangling")).unwrap();
    symlink(".", tree.join("loop")).unwrap();
    mkfifo(&tree.join("fifo"), Mode::S_IRWXU).unwrap();
    drop(UnixListener::bind(tree.join("socket")).unwrap());
    TreeRemover::new().remove(&tree).unwrap();
    assert_eq!(names(dir.path()), Vec::<String>::new());
}

#[test]
fn what_links_point_to_is_left_alone() {
    let dir = temporary();
    let outside = dir.path().join("outside");
    fs::create_dir(&outside).unwrap();
    fs::write(outside.join("precious"), "x").unwrap();
    let tree = dir.path().join("tree");
    fs::create_dir_all(tree.join("below")).unwrap();
    symlink(&outside, tree.join("link")).unwrap();
    symlink(&outside, tree.join("below/link")).unwrap();
    fs::hard_link(outside.join("precious"), tree.join("precious")).unwrap();
    TreeRemover::new().remove(&tree).unwrap();
    assert_eq!(fs::read_to_string(outside.join("precious")).unwrap(), "x");

    symlink(&outside, dir.path().join("top")).unwrap();
    TreeRemover::new().remove(&dir.path().join("top")).unwrap();
    assert_eq!(names(dir.path()), ["outside"]);
    assert_eq!(names(&outside), ["precious"]);
}

#[test]
fn modes_that_lock_the_owner_out_are_overcome() {
    let Some(dir) = child_dir() else {
        let dir = temporary_in_memory();
        again_unprivileged("workspace::tree_remover::modes_that_lock_the_owner_out_are_overcome", dir.path());
        return;
    };
    for mode in [0o000, 0o100, 0o300, 0o400, 0o500, 0o600] {
        let tree = dir.join("tree");
        fs::create_dir_all(tree.join("a/b/c")).unwrap();
        for part in ["a/b/c/file", "a/b/file", "a/file", "file"] {
            fs::write(tree.join(part), "x").unwrap();
            fs::set_permissions(tree.join(part), fs::Permissions::from_mode(0o000)).unwrap();
        }
        dig(&tree.join("a/b/c"), 20, Mode::from_bits_truncate(mode));
        for part in ["a/b", "a", ""] {
            fs::set_permissions(tree.join(part), fs::Permissions::from_mode(mode)).unwrap();
        }
        TreeRemover::new().remove(&tree).unwrap_or_else(|error| panic!("{mode:o}: {error:?}"));
        assert_eq!(names(&dir), Vec::<String>::new(), "{mode:o}");
    }
}

#[test]
fn what_others_own_stays_and_is_named() {
    let Some(dir) = child_dir() else {
        let dir = temporary();
        again_unprivileged("workspace::tree_remover::what_others_own_stays_and_is_named", dir.path());
        return;
    };
    // Nobody but root can empty this one.
    let error = TreeRemover::new().remove(Path::new("/proc/self/task")).unwrap_err();
    assert!(matches!(error, RemoveError::Entry { .. }), "{error:?}");
    assert!(dir.exists());
}

#[test]
fn nothing_there_counts_as_removed() {
    let dir = temporary();
    let removal = TreeRemover::new().remove(&dir.path().join("absent")).unwrap();
    assert_eq!((removal.files, removal.directories), (0, 0));
}

#[test]
fn an_exhausted_removal_says_so_and_can_be_continued() {
    let dir = temporary_in_memory();
    let tree = dir.path().join("tree");
    fs::create_dir(&tree).unwrap();
    dig(&tree, 200, Mode::S_IRWXU);
    let few = TreeRemover::new().max_operations(100);
    assert!(matches!(few.remove(&tree), Err(RemoveError::Exhausted { operations: 100 })));
    let mut rounds = 1;
    while few.remove(&tree).is_err() {
        rounds += 1;
        assert!(rounds < 100, "no progress");
    }
    assert!(!tree.exists());
}

/// Exchanges a directory of the tree with a link to outside, as fast as it can, until told to stop.
fn exchange(victim: &Path, link: &Path, stop: &AtomicBool) -> u64 {
    let mut exchanges = 0;
    while !stop.load(Ordering::Relaxed) {
        // Fails whenever the remover was faster, or the tree is being built again.
        exchanges +=
            u64::from(renameat2(AT_FDCWD, victim, AT_FDCWD, link, RenameFlags::RENAME_EXCHANGE).is_ok());
    }
    exchanges
}

#[test]
fn a_link_swapped_in_during_removal_leads_nowhere() {
    let dir = temporary_in_memory();
    let outside = dir.path().join("outside");
    fs::create_dir_all(outside.join("inner")).unwrap();
    fs::write(outside.join("precious"), "x").unwrap();
    fs::write(outside.join("inner/precious"), "x").unwrap();
    let (tree, link) = (dir.path().join("tree"), dir.path().join("link"));
    let (victim, stop) = (tree.join("victim"), AtomicBool::new(false));
    let exchanges = std::thread::scope(|scope| {
        let attacker = scope.spawn(|| exchange(&victim, &link, &stop));
        for _ in 0..2_000 {
            // What the attacker left in the place of the link is its own directory by now.
            drop(TreeRemover::new().remove(&link));
            // These race with the attacker as the remover does, and may fail for it.
            drop(fs::create_dir_all(victim.join("inner")));
            drop(symlink(&outside, &link));
            // A contended round is allowed to give up; it is not allowed to touch anything else.
            drop(TreeRemover::new().remove(&tree));
        }
        stop.store(true, Ordering::Relaxed);
        attacker.join().unwrap()
    });
    assert!(exchanges > 0, "the attacker never got its turn");
    assert_eq!(names(&outside), ["inner", "precious"]);
    assert_eq!(names(&outside.join("inner")), ["precious"]);
    TreeRemover::new().remove(&tree).unwrap();
    assert!(!tree.exists());
}
