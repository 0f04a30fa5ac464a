//! The part of the root that one manager owns while its lock file is locked.
//! What lies below the directory of a free lock belongs to nobody; removing that is the sweep's part.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg};
use nix::sys::stat::{Mode, fstat};
use plugdock_contracts::workspace::WorkspaceError;

use crate::workspace::directory::{Directory, OWNER_FILE};
use crate::workspace::failure::io_failure;

/// What the name of every host's directory starts with.
pub(crate) const HOST_PREFIX: &str = "host-";
/// What is appended to it for the lock file.
pub(crate) const LOCK_SUFFIX: &str = ".lock";
pub(crate) const LEASES: &str = "leases";
/// What the name of an area's directory starts with; no execution's id does.
pub(crate) const AREA_PREFIX: char = '@';
pub(crate) const KEPT: &str = "kept";
pub(crate) const TRASH: &str = "trash";

/// Names tried before giving up. One fails only when a sweep took the new lock file before we locked it.
const MAX_CLAIMS: u32 = 64;

/// A claimed directory. Dropping it frees the claim and removes nothing.
#[derive(Debug)]
pub(crate) struct HostDirectory {
    root: Directory,
    name: String,
    path: PathBuf,
    pub(crate) leases: Directory,
    pub(crate) kept: Directory,
    pub(crate) trash: Directory,
    /// Held, not used: the lock is free when it is dropped, or when the process ends in whatever way.
    _lock: Flock<File>,
}

impl HostDirectory {
    /// Claims a new directory below the root.
    pub(crate) fn claim(root: Directory, root_path: &Path) -> Result<Self, WorkspaceError> {
        let (name, lock) =
            new_lock(&root).map_err(|errno| io_failure("claim a directory in", root_path, errno))?;
        let path = root_path.join(&name);
        // A claim that fails from here on leaves a free lock, which the next sweep finds.
        let made = root
            .make(name.as_str())
            .and_then(|dir| Ok((dir.make(LEASES)?, dir.make(KEPT)?, dir.make(TRASH)?)));
        let (leases, kept, trash) = made.map_err(|errno| io_failure("create", &path, errno))?;
        Ok(Self { root, name, path, leases, kept, trash, _lock: lock })
    }

    pub(crate) fn root(&self) -> &Directory {
        &self.root
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Where the leases lie.
    pub(crate) fn leases_path(&self) -> PathBuf {
        self.path.join(LEASES)
    }

    /// Opens the directory of an area among the leases, made when it is not there. Its name is that of no execution.
    pub(crate) fn area(&self, area: &str) -> nix::Result<(Directory, PathBuf)> {
        let name = format!("{AREA_PREFIX}{area}");
        let directory = self.leases.child_or_make(name.as_str(), Mode::S_IRWXU)?;
        Ok((directory, self.leases_path().join(name)))
    }

    /// Removes the directory of an area if nothing lies in it.
    pub(crate) fn remove_area_if_empty(&self, area: &str) {
        match self.leases.remove_empty(format!("{AREA_PREFIX}{area}").as_str()) {
            Ok(()) | Err(Errno::ENOTEMPTY | Errno::EEXIST | Errno::ENOENT) => {}
            Err(errno) => tracing::warn!(area, error = %errno, "the directory of a workspace area stays"),
        }
    }

    /// Where ended leases are moved to.
    pub(crate) fn trash_path(&self) -> PathBuf {
        self.path.join(TRASH)
    }

    /// Removes the directory and its lock file if nothing is left in it; otherwise leaves both to the next sweep.
    pub(crate) fn remove_if_empty(&self) -> nix::Result<()> {
        let dir = self.root.child(self.name.as_str())?;
        for part in [LEASES, KEPT, TRASH] {
            dir.remove_empty(part)?;
        }
        self.root.remove_empty(self.name.as_str())?;
        self.root.unlink(format!("{}{LOCK_SUFFIX}", self.name).as_str())
    }
}

/// Makes a lock file under a name nobody has, and locks it.
fn new_lock(root: &Directory) -> nix::Result<(String, Flock<File>)> {
    for _ in 0..MAX_CLAIMS {
        let name = unique_name();
        let mut file = match root.create(format!("{name}{LOCK_SUFFIX}").as_str(), OWNER_FILE) {
            Err(Errno::EEXIST) => continue,
            opened => opened?,
        };
        // For people who look; nothing reads it back, since a process number says nothing about who has it now.
        if let Err(error) = writeln!(file, "process {}", std::process::id()) {
            tracing::debug!(%error, "the lock file names no process");
        }
        if let Some(lock) = try_lock(file)? {
            return Ok((name, lock));
        }
    }
    Err(Errno::EAGAIN)
}

/// Locks a lock file; `None` when somebody else holds it, or removed it before we got it.
pub(crate) fn try_lock(file: File) -> nix::Result<Option<Flock<File>>> {
    match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
        Err((_file, Errno::EWOULDBLOCK)) => Ok(None),
        Err((_file, errno)) => Err(errno),
        Ok(lock) => {
            let named = fstat(&*lock)?.st_nlink > 0;
            Ok(named.then_some(lock))
        }
    }
}

/// A name that differs between managers of a process, between processes and between boots.
fn unique_name() -> String {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let counter = NEXT.fetch_add(1, Ordering::Relaxed);
    // A clock before 1970 costs nothing but a number that says less: the name is taken exclusively.
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_nanos());
    format!("{HOST_PREFIX}{}-{now:x}-{counter}", std::process::id())
}
