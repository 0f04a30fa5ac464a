//! The lease of a local workspace: its directories on disk, and their end in one of three ways - released, kept or dropped.
//! Made by the manager only.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use plugdock_contracts::workspace::{
    CollectedArtifacts, WorkspaceError, WorkspaceKind, WorkspaceLease, WorkspaceSpec, WorkspaceUsage,
};
use plugdock_contracts::{BoxFuture, ExecutionId, WorkspaceId};

use crate::workspace::artifact::ArtifactLimits;
use crate::workspace::artifact_collector::collect_from;
use crate::workspace::directory::Directory;
use crate::workspace::failure::{io_failure, task_failure};
use crate::workspace::lease_directory::{LeaseDirectory, TEMP};
use crate::workspace::local_manager::Shared;
use crate::workspace::seed::copy_seeds;
use crate::workspace::usage::measure;

const WORK: &str = "work";
const ARTIFACTS: &str = "artifacts";

/// Entries looked at by one `usage` call: about a fifth of a second at one microsecond each. What is over makes the answer partial.
const MAX_USAGE_ENTRIES: u64 = 200_000;

/// A leased directory of the local disk.
#[derive(Debug)]
pub(crate) struct LocalLease {
    id: WorkspaceId,
    /// What the handler works in: `work` of the lease, or the caller's own directory.
    dir: PathBuf,
    artifacts_dir: PathBuf,
    temp_dir: PathBuf,
    area_dir: Option<PathBuf>,
    /// The storage limit bounds the artifacts too, by length: a sparse file may be long and occupy nothing.
    limits: ArtifactLimits,
    own: LeaseDirectory,
}

impl LocalLease {
    /// Makes the directories of a lease. On failure nothing of it is left.
    pub(crate) fn make(
        shared: &Arc<Shared>,
        execution: &ExecutionId,
        spec: &WorkspaceSpec,
    ) -> Result<Self, WorkspaceError> {
        let existing = existing_dir(spec)?;
        let mut own = LeaseDirectory::make(shared, execution, spec.area.as_deref())?;
        let path = own.path();
        match Self::fill(&mut own, &path, spec, existing.is_none()) {
            Ok(()) => {}
            Err(error) => {
                if let Err(removal) = own.remove() {
                    tracing::warn!(
                        error = &removal as &dyn std::error::Error,
                        "a workspace that could not be made stays in the trash"
                    );
                }
                return Err(error);
            }
        }
        let mut limits = shared.limits.clone();
        if let Some(limit) = spec.storage_limit {
            limits.max_total_size = limits.max_total_size.min(limit);
        }
        Ok(Self {
            id: WorkspaceId::new(execution.as_str()).expect("both kinds of id follow the same rule"),
            dir: existing.unwrap_or_else(|| path.join(WORK)),
            artifacts_dir: path.join(ARTIFACTS),
            temp_dir: path.join(TEMP),
            area_dir: own.area_path(),
            limits,
            own,
        })
    }

    fn fill(
        own: &mut LeaseDirectory,
        path: &Path,
        spec: &WorkspaceSpec,
        with_work: bool,
    ) -> Result<(), WorkspaceError> {
        let make =
            |name: &str| own.held.make(name).map_err(|errno| io_failure("create", &path.join(name), errno));
        make(ARTIFACTS)?;
        make(TEMP)?;
        if with_work {
            copy_seeds(&make(WORK)?, &path.join(WORK), &spec.files, spec.storage_limit)?;
        }
        if spec.keep {
            own.keep();
        }
        Ok(())
    }
}

/// The caller's own directory, when the specification names one that can be used.
fn existing_dir(spec: &WorkspaceSpec) -> Result<Option<PathBuf>, WorkspaceError> {
    let invalid = |reason: String| Err(WorkspaceError::Invalid { reason });
    match &spec.kind {
        WorkspaceKind::Ephemeral => Ok(None),
        WorkspaceKind::Existing { dir } if !dir.is_absolute() => {
            invalid(format!("workspace directory `{}` is not absolute", dir.display()))
        }
        WorkspaceKind::Existing { .. } if !spec.files.is_empty() => {
            invalid("files are copied into a fresh workspace only, since nothing in an existing directory is cleaned up".to_owned())
        }
        WorkspaceKind::Existing { dir } => {
            // The caller may have named it through a link; the handler gets the directory itself.
            let real = dir.canonicalize().map_err(|source| io_failure("find", dir, source))?;
            Directory::open(&real).map_err(|errno| io_failure("open", dir, errno))?;
            Ok(Some(real))
        }
        other => invalid(format!("this host cannot make the kind of workspace asked for ({other:?})")),
    }
}

impl WorkspaceLease for LocalLease {
    fn id(&self) -> &WorkspaceId {
        &self.id
    }

    fn dir(&self) -> &Path {
        &self.dir
    }

    fn area_dir(&self) -> Option<&Path> {
        self.area_dir.as_deref()
    }

    fn artifacts_dir(&self) -> &Path {
        &self.artifacts_dir
    }

    fn temp_dir(&self) -> &Path {
        &self.temp_dir
    }

    fn keep(&mut self) {
        self.own.keep();
    }

    /// Counts what the lease made: an existing directory named by the caller is not walked.
    fn usage(&self) -> Result<WorkspaceUsage, WorkspaceError> {
        let measured = measure(&self.own.held, &[WORK, ARTIFACTS, TEMP], MAX_USAGE_ENTRIES)
            .map_err(|errno| io_failure("measure", &self.dir, errno))?;
        Ok(WorkspaceUsage { bytes: measured.bytes, entries: measured.entries, partial: !measured.complete })
    }

    fn collect<'a>(
        &'a self,
        outdir: Option<&'a Path>,
    ) -> BoxFuture<'a, Result<CollectedArtifacts, WorkspaceError>> {
        let (held, limits) = (Arc::clone(&self.own.held), self.limits.clone());
        let (artifacts_dir, outdir) = (self.artifacts_dir.clone(), outdir.map(Path::to_owned));
        Box::pin(async move {
            let path = artifacts_dir.clone();
            let collection = tokio::task::spawn_blocking(move || {
                let source =
                    held.child(ARTIFACTS).map_err(|errno| io_failure("open", &artifacts_dir, errno))?;
                collect_from(source, &artifacts_dir, outdir.as_deref(), &limits)
            });
            collection.await.unwrap_or_else(|error| Err(task_failure("collect from", &path, error)))
        })
    }

    fn release(self: Box<Self>) -> BoxFuture<'static, Result<(), WorkspaceError>> {
        Box::pin(async move {
            let path = self.dir.clone();
            let mut own = self.own;
            // A task that never starts drops what it holds, which moves the directory to the trash.
            let removal = tokio::task::spawn_blocking(move || own.end());
            removal.await.unwrap_or_else(|error| Err(task_failure("remove", &path, error)))
        })
    }
}
