//! The directory of one lease among those of its host, and how it ends: removed, kept, or moved to the trash when dropped.
//! It knows nothing of what lies inside but the temporary part, which ends in any case.

use std::path::PathBuf;
use std::sync::Arc;

use nix::errno::Errno;
use plugdock_contracts::ExecutionId;
use plugdock_contracts::workspace::WorkspaceError;

use crate::workspace::directory::{Directory, OWNER_FILE};
use crate::workspace::failure::{io_failure, removal_failure};
use crate::workspace::local_manager::Shared;
use crate::workspace::reaper::DROPPED_PREFIX;
use crate::workspace::tree_remover::TreeRemover;

/// The sub-directory for temporary files.
pub(crate) const TEMP: &str = "tmp";

/// The directory `leases/<id>`, moved to the trash when this is dropped before it was ended otherwise.
#[derive(Debug)]
pub(crate) struct LeaseDirectory {
    shared: Arc<Shared>,
    /// Where it lies: `leases`, or an area there.
    home: Home,
    /// The name at home, and of the marker in `kept`.
    pub(crate) name: String,
    pub(crate) held: Arc<Directory>,
    keep: bool,
    ended: bool,
}

/// The directory that leases lie in.
#[derive(Debug)]
struct Home {
    /// An area; `leases` itself without one.
    area: Option<(String, Directory)>,
    path: PathBuf,
}

/// How often an area is opened again that somebody else removes at the same moment, empty as it is.
const MAX_AREA_ATTEMPTS: u32 = 16;

impl Home {
    fn open(shared: &Shared, area: Option<&str>) -> nix::Result<Self> {
        let path = shared.host.leases_path();
        let Some(area) = area else { return Ok(Self { area: None, path }) };
        let (directory, path) = shared.host.area(area)?;
        Ok(Self { area: Some((area.to_owned(), directory)), path })
    }

    fn directory<'a>(&'a self, shared: &'a Shared) -> &'a Directory {
        self.area.as_ref().map_or(&shared.host.leases, |(_name, directory)| directory)
    }

    /// Opens the home of a lease and makes the lease's directory there.
    fn make(shared: &Shared, area: Option<&str>, name: &str) -> nix::Result<(Self, Directory)> {
        for _ in 0..MAX_AREA_ATTEMPTS {
            let home = Self::open(shared, area);
            let made = home.and_then(|home| home.directory(shared).make(name).map(|held| (home, held)));
            match made {
                // The last lease of the area ended just now, and its directory with it.
                Err(Errno::ENOENT) if area.is_some() => {}
                other => return other,
            }
        }
        Err(Errno::EAGAIN)
    }
}

/// An area's name is one component, and no other's prefix games: letters, digits and `-`.
fn check_area(area: &str) -> Result<(), WorkspaceError> {
    let fits =
        !area.is_empty() && area.len() <= 64 && area.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
    if fits {
        return Ok(());
    }
    let shown = area.escape_debug();
    Err(WorkspaceError::Invalid {
        reason: format!("`{shown}` names no area: write 1 to 64 ASCII letters, digits and `-`"),
    })
}

impl LeaseDirectory {
    pub(crate) fn make(
        shared: &Arc<Shared>,
        execution: &ExecutionId,
        area: Option<&str>,
    ) -> Result<Self, WorkspaceError> {
        area.map_or(Ok(()), check_area)?;
        let (leases, path) = (&shared.host.leases, shared.host.leases_path());
        if !leases.is_at(&path) {
            // What the descriptors still reach is not what the paths given to a handler would lead to.
            return Err(io_failure("find", &path, Errno::ESTALE));
        }
        let (home, held) = match Home::make(shared, area, execution.as_str()) {
            Err(Errno::EEXIST) => return Err(WorkspaceError::AlreadyLeased { id: execution.clone() }),
            made => made.map_err(|errno| io_failure("create", &path.join(execution.as_str()), errno))?,
        };
        // A lease of the same id may have been kept before, and its directory taken away by whoever wanted it.
        match shared.host.kept.unlink(execution.as_str()) {
            Ok(()) | Err(Errno::ENOENT) => {}
            Err(errno) => {
                tracing::warn!(workspace = execution.as_str(), error = %errno, "this workspace outlives a host that dies");
            }
        }
        let (shared, name) = (Arc::clone(shared), execution.as_str().to_owned());
        Ok(Self { shared, home, name, held: Arc::new(held), keep: false, ended: false })
    }

    /// Its path.
    pub(crate) fn path(&self) -> PathBuf {
        self.home.path.join(&self.name)
    }

    /// The directory of its area, if it lies in one.
    pub(crate) fn area_path(&self) -> Option<PathBuf> {
        self.home.area.is_some().then(|| self.home.path.clone())
    }

    /// Notes that the directory stays, on disk too, so that it outlives a host that dies.
    pub(crate) fn keep(&mut self) {
        if !self.keep
            && let Err(errno) = self.shared.host.kept.create(self.name.as_str(), OWNER_FILE)
        {
            tracing::warn!(workspace = self.name, error = %errno, "a workspace to be kept is kept only if the host ends properly");
        }
        self.keep = true;
    }

    /// Ends the lease: removes the directory, or its temporary part when it is kept.
    pub(crate) fn end(&mut self) -> Result<(), WorkspaceError> {
        if !self.keep {
            return self.remove();
        }
        self.ended = true;
        let path = self.path();
        tracing::info!(workspace = self.name, path = %path.display(), "workspace is kept");
        match TreeRemover::new().remove_entry(&self.held, TEMP) {
            Ok(_removal) => Ok(()),
            Err(error) => Err(removal_failure(&path.join(TEMP), error)),
        }
    }

    /// Moves the directory away, which frees its id at once, and removes it.
    pub(crate) fn remove(&mut self) -> Result<(), WorkspaceError> {
        self.ended = true;
        let host = &self.shared.host;
        let name = format!("released-{}", self.shared.next());
        let moved = self.move_to_trash(self.home.directory(&self.shared), &self.name, &name);
        self.leave_area();
        if !moved? {
            return Ok(());
        }
        match TreeRemover::new().remove_entry(&host.trash, name.as_str()) {
            Ok(_removal) => Ok(()),
            Err(error) => {
                let dropped = format!("{DROPPED_PREFIX}{}", self.shared.next());
                // Under that name it is tried again; under the old one the next start would find it.
                if host.trash.rename(name.as_str(), &host.trash, dropped.as_str()).is_ok() {
                    self.shared.reaper.wake();
                }
                Err(removal_failure(&host.trash_path().join(dropped), error))
            }
        }
    }

    /// Takes the area's directory away with its last lease.
    fn leave_area(&self) {
        if let Some((area, _directory)) = &self.home.area {
            self.shared.host.remove_area_if_empty(area);
        }
    }

    /// Renames an entry of the lease into the trash; false when somebody else took it away before.
    fn move_to_trash(&self, from: &Directory, entry: &str, name: &str) -> Result<bool, WorkspaceError> {
        let host = &self.shared.host;
        let mut moved = from.rename(entry, &host.trash, name);
        if moved == Err(Errno::EACCES) {
            // Moving a directory rewrites its `..`, for which its owner needs write access to it.
            moved = from.child_made_accessible(entry).and_then(|_dir| from.rename(entry, &host.trash, name));
        }
        match moved {
            Ok(()) => Ok(true),
            Err(Errno::ENOENT) => {
                tracing::warn!(
                    workspace = self.name,
                    entry,
                    "a workspace directory was gone before its lease ended"
                );
                Ok(false)
            }
            Err(errno) => Err(io_failure("move away", &self.path(), errno)),
        }
    }
}

impl Drop for LeaseDirectory {
    /// One rename, then the reaper's turn: nothing here waits for the size of the tree.
    fn drop(&mut self) {
        if self.ended {
            return;
        }
        tracing::warn!(
            workspace = self.name,
            "a workspace lease was dropped, not released; removing it in the background"
        );
        let name = format!("{DROPPED_PREFIX}{}", self.shared.next());
        let moved = if self.keep {
            self.move_to_trash(&self.held, TEMP, &name)
        } else {
            self.move_to_trash(self.home.directory(&self.shared), &self.name, &name)
        };
        self.leave_area();
        match moved {
            Ok(_moved) => self.shared.reaper.wake(),
            Err(error) => {
                tracing::warn!(
                    workspace = self.name,
                    error = &error as &dyn std::error::Error,
                    "it stays until the next start"
                );
            }
        }
    }
}
