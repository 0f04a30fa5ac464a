//! Removing the directories of a group, with groups that a worker may have made inside.
//! It kills nothing: a group with a process in it stays, and that is an error.

use std::path::{Path, PathBuf};

use nix::errno::Errno;

use super::place::GroupPlace;
use crate::sys::errno_of;

/// The most groups that are looked for inside one. A worker that may make groups at all could make more; then they stay,
/// and removing fails.
const MOST_GROUPS: usize = 4096;

/// The groups in a directory and itself, the innermost first. The walk keeps a list and does not recurse.
pub(super) fn groups_below(top: &Path) -> Vec<PathBuf> {
    let mut found = vec![top.to_owned()];
    let mut next = 0;
    while next < found.len() && found.len() < MOST_GROUPS {
        let Ok(entries) = std::fs::read_dir(&found[next]) else {
            // Gone, or not to be read; whoever needs it will see.
            next += 1;
            continue;
        };
        let inside =
            entries.filter_map(Result::ok).filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
        found.extend(inside.map(|entry| entry.path()));
        next += 1;
    }
    found.reverse();
    found
}

/// Tries to remove every directory of the group, once. What is gone already is as good.
pub(super) fn remove(place: &GroupPlace) -> Result<(), Errno> {
    let mut first = Ok(());
    for directory in &place.directories {
        // One hierarchy that is still busy does not keep the others.
        first = first.and(remove_tree(&directory.path));
    }
    first
}

fn remove_tree(top: &Path) -> Result<(), Errno> {
    match remove_one(top) {
        // Busy with processes or with groups inside, which the kernel does not tell apart.
        Err(Errno::EBUSY | Errno::ENOTEMPTY) => {
            groups_below(top).iter().try_for_each(|path| remove_one(path))
        }
        other => other,
    }
}

fn remove_one(path: &Path) -> Result<(), Errno> {
    match std::fs::remove_dir(path).map_err(|error| errno_of(&error)) {
        Ok(()) | Err(Errno::ENOENT) => Ok(()),
        Err(errno) => Err(errno),
    }
}

/// Whether trying again can help.
pub(super) const fn may_pass(errno: Errno) -> bool {
    matches!(errno, Errno::EBUSY | Errno::ENOTEMPTY)
}
