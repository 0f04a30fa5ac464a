//! Removal of what dead hosts left below the root, at the start of a host.
//! A host is dead when its lock can be taken; nothing is concluded from process numbers or ages.

use std::collections::HashSet;
use std::ffi::{CStr, CString};
use std::fs::File;

use nix::errno::Errno;
use nix::fcntl::Flock;

use crate::workspace::directory::{Directory, shown};
use crate::workspace::host_directory::{
    AREA_PREFIX, HOST_PREFIX, KEPT, LEASES, LOCK_SUFFIX, TRASH, try_lock,
};
use crate::workspace::lease_directory::TEMP;
use crate::workspace::removal::RemoveError;
use crate::workspace::tree_remover::TreeRemover;

/// Entries of the root looked at by one sweep; what is over waits for the next start.
const MAX_ROOT_ENTRIES: usize = 100_000;

/// Leases kept by one dead host that a sweep remembers. A host with more is left alone entirely.
const MAX_KEPT: usize = 100_000;

/// What a start-up sweep found and did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct SweepReport {
    /// Hosts that hold their lock.
    pub hosts_alive: u64,
    /// Dead hosts of which nothing is left.
    pub hosts_removed: u64,
    /// Dead hosts of which kept workspaces remain, and nothing else.
    pub hosts_with_kept: u64,
    /// Dead hosts of which something could not be removed; the next start tries again.
    pub hosts_failed: u64,
    /// Entries that were no directories.
    pub files_removed: u64,
    /// Directories.
    pub directories_removed: u64,
    /// False when the root held more than one sweep looks at.
    pub complete: bool,
}

/// What became of one dead host.
enum Swept {
    Removed,
    WithKept,
}

/// Removes what dead hosts left, apart from kept workspaces. `own` is the directory of the host that sweeps.
pub(crate) fn sweep(root: &Directory, own: &str) -> nix::Result<SweepReport> {
    let mut sweep = Sweep {
        remover: TreeRemover::new(),
        report: SweepReport { complete: true, ..SweepReport::default() },
    };
    let mut entries = root.entries()?;
    for entry in entries.by_ref().take(MAX_ROOT_ENTRIES) {
        let name = entry?.name;
        if let Some(host) = host_of_lock(&name).filter(|host| *host != own) {
            sweep.host(root, host, &name);
        }
    }
    sweep.report.complete = entries.next().is_none();
    Ok(sweep.report)
}

/// The host a lock file belongs to, by its name.
fn host_of_lock(name: &CStr) -> Option<&str> {
    name.to_str().ok()?.strip_suffix(LOCK_SUFFIX).filter(|host| host.starts_with(HOST_PREFIX))
}

struct Sweep {
    remover: TreeRemover,
    report: SweepReport,
}

impl Sweep {
    fn host(&mut self, root: &Directory, host: &str, lock_name: &CStr) {
        let lock = match lock_if_dead(root, lock_name) {
            Ok(Some(lock)) => lock,
            Ok(None) => {
                self.report.hosts_alive += 1;
                return;
            }
            // Another host sweeps too, and was faster.
            Err(Errno::ENOENT) => return,
            Err(errno) => {
                tracing::warn!(host, error = %errno, "the lock of a workspace host cannot be examined");
                self.report.hosts_failed += 1;
                return;
            }
        };
        match self.dead_host(root, host, lock_name) {
            Ok(Swept::Removed) => self.report.hosts_removed += 1,
            Ok(Swept::WithKept) => self.report.hosts_with_kept += 1,
            Err(error) => {
                tracing::warn!(
                    host,
                    error = &error as &dyn std::error::Error,
                    "workspaces of a dead host stay for now"
                );
                self.report.hosts_failed += 1;
            }
        }
        // Held until here, so that of several hosts starting at once one does the work.
        drop(lock);
    }

    fn dead_host(&mut self, root: &Directory, host: &str, lock_name: &CStr) -> Result<Swept, RemoveError> {
        match root.child(host) {
            Ok(dir) => {
                let kept = kept_leases(&dir)?;
                if !kept.is_empty() && self.spare(&dir, &kept)? {
                    return Ok(Swept::WithKept);
                }
                self.remove(root, host)?;
            }
            // It died before it made the directory, or after removing it.
            Err(Errno::ENOENT) => {}
            Err(errno) => return Err(RemoveError::Parent(errno.into())),
        }
        match root.unlink(lock_name) {
            Ok(()) | Err(Errno::ENOENT) => Ok(Swept::Removed),
            Err(errno) => Err(RemoveError::Entry { entry: shown(lock_name), source: errno.into() }),
        }
    }

    /// Removes all but the kept leases; false when none of these is there any more, taken away by whoever wanted it.
    fn spare(&mut self, dir: &Directory, kept: &HashSet<CString>) -> Result<bool, RemoveError> {
        let leases = dir.child(LEASES).map_err(|errno| RemoveError::Parent(errno.into()))?;
        let mut present = false;
        for name in names(&leases)? {
            if !is_area(&name) {
                present |= self.spare_one(&leases, &name, kept)?;
                continue;
            }
            let mut in_area = false;
            if let Ok(area) = leases.child(&*name) {
                for name in self::names(&area)? {
                    in_area |= self.spare_one(&area, &name, kept)?;
                }
            }
            if !in_area {
                self.remove(&leases, &*name)?;
            }
            present |= in_area;
        }
        if let Ok(trash) = dir.child(TRASH) {
            for name in names(&trash)? {
                self.remove(&trash, &*name)?;
            }
        }
        Ok(present)
    }

    /// Removes a lease, or its temporary part when it is kept; answers whether it is kept and there.
    fn spare_one(
        &mut self,
        home: &Directory,
        name: &CStr,
        kept: &HashSet<CString>,
    ) -> Result<bool, RemoveError> {
        if !kept.contains(name) {
            self.remove(home, name)?;
            return Ok(false);
        }
        let Ok(lease) = home.child(name) else { return Ok(false) };
        self.remove(&lease, TEMP)?;
        Ok(true)
    }

    fn remove<N: nix::NixPath + ?Sized>(&mut self, parent: &Directory, name: &N) -> Result<(), RemoveError> {
        let removal = self.remover.remove_entry(parent, name)?;
        self.report.files_removed += removal.files;
        self.report.directories_removed += removal.directories;
        Ok(())
    }
}

/// The names in a directory, read before anything in it is removed.
fn names(directory: &Directory) -> Result<Vec<CString>, RemoveError> {
    let entries = directory.entries().map_err(|errno| RemoveError::Parent(errno.into()))?;
    entries.map(|entry| Ok(entry.map_err(|errno| RemoveError::Parent(errno.into()))?.name)).collect()
}

fn is_area(name: &CStr) -> bool {
    name.to_bytes().first().is_some_and(|first| char::from(*first) == AREA_PREFIX)
}

/// Takes the lock of a host if it is free.
fn lock_if_dead(root: &Directory, lock_name: &CStr) -> nix::Result<Option<Flock<File>>> {
    try_lock(root.read(lock_name)?)
}

/// The names of the leases that a dead host was told to keep.
fn kept_leases(dir: &Directory) -> Result<HashSet<CString>, RemoveError> {
    let unreadable = |errno: Errno| RemoveError::Parent(errno.into());
    let kept = match dir.child(KEPT) {
        // It died while it made its directories, before any lease.
        Err(Errno::ENOENT) => return Ok(HashSet::new()),
        opened => opened.map_err(unreadable)?,
    };
    let mut names = HashSet::new();
    for entry in kept.entries().map_err(unreadable)? {
        if names.len() == MAX_KEPT {
            return Err(RemoveError::Exhausted { operations: MAX_KEPT as u64 });
        }
        names.insert(entry.map_err(unreadable)?.name);
    }
    Ok(names)
}
