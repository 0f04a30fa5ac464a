//! Workspaces on the local disk: opens the root, sweeps what dead hosts left, and gives leases.
//! It waits for the file system on blocking tasks only, and keeps no list of leases: the directories are the list.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use plugdock_contracts::workspace::{WorkspaceError, WorkspaceLease, WorkspaceManager, WorkspaceSpec};
use plugdock_contracts::{BoxFuture, ExecutionId};

use crate::workspace::artifact::ArtifactLimits;
use crate::workspace::failure::{io_failure, task_failure};
use crate::workspace::host_directory::HostDirectory;
use crate::workspace::lease::LocalLease;
use crate::workspace::reaper::Reaper;
use crate::workspace::root::open_root;
use crate::workspace::sweep::{SweepReport, sweep};

/// Gives each execution a directory below a root that any number of hosts of one user may share.
///
/// When the manager and its leases are gone, so is everything it made, kept workspaces aside. What a killed host leaves is removed
/// by the next one that opens the root.
#[derive(Debug)]
pub struct LocalWorkspaceManager {
    /// None once the manager was closed.
    shared: Mutex<Option<Arc<Shared>>>,
    sweep_report: SweepReport,
}

/// What a manager and its leases have in common.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) host: Arc<HostDirectory>,
    pub(crate) reaper: Reaper,
    pub(crate) limits: ArtifactLimits,
    next: AtomicU64,
}

impl Shared {
    /// A number this manager did not give before, for names in its trash.
    pub(crate) fn next(&self) -> u64 {
        self.next.fetch_add(1, Ordering::Relaxed)
    }
}

impl LocalWorkspaceManager {
    /// Opens a root with the default limits on artifacts. See [`Self::open_with_limits`].
    ///
    /// # Errors
    /// As [`Self::open_with_limits`].
    pub fn open(root: &Path) -> Result<Self, WorkspaceError> {
        Self::open_with_limits(root, ArtifactLimits::default())
    }

    /// Opens a root, made when it is not there, and removes what dead hosts left in it.
    ///
    /// This blocks on the file system, for as long as there is something to remove; it belongs to a host's start.
    ///
    /// # Errors
    /// [`WorkspaceError::Invalid`] when the root is a link, belongs to another user or may be written by others, and
    /// [`WorkspaceError::Io`] when it cannot be made, opened or claimed. A failed sweep is reported, not an error.
    pub fn open_with_limits(root: &Path, limits: ArtifactLimits) -> Result<Self, WorkspaceError> {
        let (path, directory) = open_root(root)?;
        let host = Arc::new(HostDirectory::claim(directory, &path)?);
        let sweep_report =
            sweep(host.root(), host.name()).map_err(|errno| io_failure("list", &path, errno))?;
        tracing::info!(root = %path.display(), host = host.name(), report = ?sweep_report, "workspace root is open");
        let reaper = Reaper::start(Arc::clone(&host))
            .map_err(|source| io_failure("start the reaper of", &path, source))?;
        let shared = Arc::new(Shared { host, reaper, limits, next: AtomicU64::new(0) });
        Ok(Self { shared: Mutex::new(Some(shared)), sweep_report })
    }

    /// What the sweep at the start found.
    pub fn sweep_report(&self) -> SweepReport {
        self.sweep_report
    }

    /// Waits until the leases dropped before this call are removed, as far as they can be.
    ///
    /// Cancel safe: the removal goes on without a waiter.
    ///
    /// # Errors
    /// [`WorkspaceError::Io`] when the runtime is shutting down.
    pub async fn reap(&self) -> Result<(), WorkspaceError> {
        let shared = self.shared()?;
        let path = shared.host.leases_path();
        let waited = tokio::task::spawn_blocking(move || shared.reaper.flush());
        waited.await.map_err(|error| task_failure("clean up", &path, error))
    }

    fn shared(&self) -> Result<Arc<Shared>, WorkspaceError> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner).clone().ok_or(WorkspaceError::Closed)
    }
}

impl WorkspaceManager for LocalWorkspaceManager {
    fn acquire<'a>(
        &'a self,
        id: &'a ExecutionId,
        spec: &'a WorkspaceSpec,
    ) -> BoxFuture<'a, Result<Box<dyn WorkspaceLease>, WorkspaceError>> {
        let (shared, execution, spec) = (self.shared(), id.clone(), spec.clone());
        Box::pin(async move {
            let shared = shared?;
            let path = shared.host.leases_path();
            // A caller that goes away drops the finished lease, which then removes itself.
            let lease = tokio::task::spawn_blocking(move || LocalLease::make(&shared, &execution, &spec));
            let lease = lease.await.unwrap_or_else(|error| Err(task_failure("lease from", &path, error)))?;
            Ok(Box::new(lease) as Box<dyn WorkspaceLease>)
        })
    }

    /// Removes the manager's directory and waits for that. While leases live, it happens when the last one ends.
    fn close(&self) -> BoxFuture<'_, Result<(), WorkspaceError>> {
        let shared = self.shared.lock().unwrap_or_else(PoisonError::into_inner).take();
        Box::pin(async move {
            let Some(shared) = shared.and_then(Arc::into_inner) else { return Ok(()) };
            let path = shared.host.leases_path();
            let finished = tokio::task::spawn_blocking(move || shared.reaper.finish());
            finished.await.map_err(|error| task_failure("clean up", &path, error))
        })
    }
}
