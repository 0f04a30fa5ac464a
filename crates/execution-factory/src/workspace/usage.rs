//! How much a lease's directories occupy: disk blocks and entries, counted without following links or leaving the tree.
//! It only looks: modes stay as they are, and what cannot be read is counted as such.

use std::collections::HashSet;
use std::ffi::{CStr, CString};

use nix::errno::Errno;
use nix::sys::stat::{FileStat, SFlag};

use crate::workspace::directory::{Directory, Identity, kind_of};

/// `st_blocks` counts in units of 512 bytes, whatever the file system's block size is.
const BLOCK_BYTES: u64 = 512;

/// What a walk found.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Measured {
    /// Disk blocks in use: a sparse file counts what it occupies, a file with several links counts once.
    pub(crate) bytes: u64,
    /// Files, links and directories below the measured ones.
    pub(crate) entries: u64,
    /// False when there was more than the walk may look at, or something could not be read or moved meanwhile.
    pub(crate) complete: bool,
}

/// Measures together what lies below the named sub-directories of `top`, looking at no more than `max_entries`.
///
/// The walk holds three descriptors at a time, however deep the tree is: it goes back up through `..` and stops with an incomplete
/// count when that does not lead to the directory it came from. That is enough here, where nothing is changed.
pub(crate) fn measure(top: &Directory, parts: &[&str], max_entries: u64) -> nix::Result<Measured> {
    let found = Measured { complete: true, ..Measured::default() };
    let mut walk = Walk { left: max_entries, linked: HashSet::new(), found };
    for part in parts {
        let went_through = match top.child(*part) {
            Ok(dir) => walk.tree(dir)?,
            // Not made for this lease.
            Err(Errno::ENOENT) => true,
            Err(Errno::ENOTDIR | Errno::ELOOP | Errno::EXDEV | Errno::EACCES) => false,
            Err(errno) => return Err(errno),
        };
        walk.found.complete &= went_through;
    }
    Ok(walk.found)
}

struct Walk {
    left: u64,
    linked: HashSet<Identity>,
    found: Measured,
}

/// A directory on the way down, with the sub-directories still to visit.
struct Level {
    identity: Identity,
    pending: Vec<CString>,
}

/// What became of going down one directory.
enum Descent {
    /// It is gone, or closed to us.
    Closed,
    /// The entries that may be looked at are used up.
    Full,
    /// Its own sub-directories are still to visit.
    Below(Directory, Vec<CString>),
}

impl Walk {
    /// Counts one tree; false when the walk had to stop.
    fn tree(&mut self, mut here: Directory) -> nix::Result<bool> {
        let Some(pending) = self.level(&here)? else { return Ok(false) };
        let mut levels = vec![Level { identity: here.identity(), pending }];
        while let Some(level) = levels.last_mut() {
            if let Some(name) = level.pending.pop() {
                match self.descend(&here, &name)? {
                    Descent::Closed => {}
                    Descent::Full => return Ok(false),
                    Descent::Below(below, pending) => {
                        levels.push(Level { identity: below.identity(), pending });
                        here = below;
                    }
                }
                continue;
            }
            levels.pop();
            let Some(above) = levels.last() else { break };
            match here.above() {
                Ok(dir) if dir.identity() == above.identity => here = dir,
                _ => return Ok(false),
            }
        }
        Ok(true)
    }

    /// Opens and lists a sub-directory.
    fn descend(&mut self, here: &Directory, name: &CStr) -> nix::Result<Descent> {
        let listed = here.child(name).and_then(|below| Ok((self.level(&below)?, below)));
        match listed {
            Ok((Some(pending), below)) => Ok(Descent::Below(below, pending)),
            Ok((None, _)) => Ok(Descent::Full),
            Err(Errno::ENOENT | Errno::ENOTDIR | Errno::ELOOP) => Ok(Descent::Closed),
            // Its mode keeps us out (without search permission `..` would not lead back either), or it is a mount point.
            Err(Errno::EACCES | Errno::EXDEV) => {
                self.found.complete = false;
                Ok(Descent::Closed)
            }
            Err(errno) => Err(errno),
        }
    }

    /// Counts the entries of one directory and returns its sub-directories; `None` when too many were seen.
    fn level(&mut self, dir: &Directory) -> nix::Result<Option<Vec<CString>>> {
        let mut pending = Vec::new();
        for entry in dir.entries()? {
            let entry = entry?;
            let Some(left) = self.left.checked_sub(1) else { return Ok(None) };
            self.left = left;
            match dir.status(&*entry.name) {
                Ok(status) => {
                    self.count(&status);
                    if kind_of(&status) == SFlag::S_IFDIR {
                        pending.push(entry.name);
                    }
                }
                Err(Errno::ENOENT) => {}
                Err(errno) => return Err(errno),
            }
        }
        Ok(Some(pending))
    }

    fn count(&mut self, status: &FileStat) {
        self.found.entries += 1;
        let shared = kind_of(status) != SFlag::S_IFDIR && status.st_nlink > 1;
        if !shared || self.linked.insert(Identity::of(status)) {
            let blocks = u64::try_from(status.st_blocks).unwrap_or(0);
            self.found.bytes = self.found.bytes.saturating_add(blocks.saturating_mul(BLOCK_BYTES));
        }
    }
}
