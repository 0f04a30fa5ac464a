//! The directory an execution may write to: what is asked for, and the lease that is given.
//! The traits are implemented by a host's storage; nothing here touches a file.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::BoxFuture;
use crate::id::{ExecutionId, WorkspaceId};
use crate::size::ByteSize;

/// What directory an execution wants.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct WorkspaceSpec {
    /// Where it is.
    pub kind: WorkspaceKind,
    /// Most bytes on disk, artifacts included.
    pub storage_limit: Option<ByteSize>,
    /// Files that are copied in before the handler starts.
    pub files: Vec<SeedFile>,
    /// Leave the directory when the execution is over.
    pub keep: bool,
    /// Workspaces of one area lie in one directory, apart from all others, so that a long-lived worker can be given
    /// exactly these. A host names areas for itself; the field does not travel. ASCII letters, digits and `-`.
    #[serde(skip)]
    pub area: Option<String>,
}

/// Where a workspace is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum WorkspaceKind {
    /// A fresh directory that ends with the execution.
    #[default]
    Ephemeral,
    /// A directory that exists and stays. Its contents are the caller's; nothing in it is cleaned up.
    Existing {
        /// Absolute path.
        dir: PathBuf,
    },
}

/// A file that is copied into a workspace.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeedFile {
    /// A regular file on the host.
    pub source: PathBuf,
    /// Its name in the workspace: relative, with `/`, without `..`.
    pub name: String,
}

impl WorkspaceSpec {
    /// What is wrong with the specification, as far as it can be seen without a machine.
    pub(crate) fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        if let WorkspaceKind::Existing { dir } = &self.kind
            && !dir.is_absolute()
        {
            faults.push(format!("workspace directory `{}` is not absolute", dir.display()));
        }
        for file in &self.files {
            let parts_ok = file.name.split('/').all(|part| !part.is_empty() && part != "." && part != "..");
            if !parts_ok || file.name.contains(['\0', '\n']) {
                let name = file.name.escape_debug();
                faults.push(format!("workspace file name `{name}` is not relative and free of `.` and `..`"));
            }
        }
        faults
    }
}

/// Gives directories to executions.
pub trait WorkspaceManager: Send + Sync {
    /// Makes the directory and leases it. A second lease for a live execution id is an error.
    ///
    /// Cancel safe: a dropped call leaves nothing behind.
    fn acquire<'a>(
        &'a self,
        id: &'a ExecutionId,
        spec: &'a WorkspaceSpec,
    ) -> BoxFuture<'a, Result<Box<dyn WorkspaceLease>, WorkspaceError>>;

    /// Ends the manager when no execution runs any more: what it keeps for itself on disk is removed. Later acquires may
    /// fail. A manager that keeps nothing for itself has nothing to do.
    fn close(&self) -> BoxFuture<'_, Result<(), WorkspaceError>> {
        Box::pin(std::future::ready(Ok(())))
    }
}

/// A directory that is an execution's until it is released. Dropping it releases it in the background.
pub trait WorkspaceLease: Send + Sync {
    /// The lease's id.
    fn id(&self) -> &WorkspaceId;

    /// The directory the handler may write to: its working directory.
    fn dir(&self) -> &Path;

    /// The directory of its area, in which this lease and all others of the area lie. `None` without an area, and from a
    /// manager that knows none.
    fn area_dir(&self) -> Option<&Path> {
        None
    }

    /// The directory of its artifacts, apart from the workspace.
    fn artifacts_dir(&self) -> &Path;

    /// The directory for temporary files, gone with the lease even where the workspace is kept.
    fn temp_dir(&self) -> &Path;

    /// Leaves the directory when the lease ends.
    fn keep(&mut self);

    /// Bytes and entries in it now. May touch the disk for each entry.
    ///
    /// # Errors
    /// When the directory cannot be read.
    fn usage(&self) -> Result<WorkspaceUsage, WorkspaceError>;

    /// Collects the artifacts: copies them to `outdir` if there is one, and lists them. Call it when every process is dead.
    fn collect<'a>(
        &'a self,
        outdir: Option<&'a Path>,
    ) -> BoxFuture<'a, Result<CollectedArtifacts, WorkspaceError>>;

    /// Removes the directory, unless it is kept.
    fn release(self: Box<Self>) -> BoxFuture<'static, Result<(), WorkspaceError>>;
}

/// What a workspace holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorkspaceUsage {
    /// Bytes on disk: blocks, not lengths; a file with several names counts once.
    pub bytes: u64,
    /// Files and directories.
    pub entries: u64,
    /// Whether counting stopped at a bound, so that both numbers are lower limits.
    pub partial: bool,
}

/// The artifacts of an execution.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct CollectedArtifacts {
    /// Those that were taken.
    pub taken: Vec<Artifact>,
    /// Those that were not, each with the reason.
    pub skipped: Vec<SkippedArtifact>,
}

/// One artifact: a regular file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Artifact {
    /// Its name below the artifact directory, with `/`.
    pub name: String,
    /// Its length in bytes.
    pub size: u64,
    /// Where it was copied to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<PathBuf>,
}

/// An artifact that was not taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SkippedArtifact {
    /// Its name, escaped where it is no text.
    pub name: String,
    /// Why: a link, a pipe, a device, too large, a name that is no text, …
    pub reason: String,
}

/// A workspace could not be made, used or removed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WorkspaceError {
    /// The specification asks for what cannot be.
    #[error("workspace specification is not acceptable: {reason}")]
    Invalid {
        /// What is wrong and what would be right.
        reason: String,
    },
    /// The execution holds a workspace already.
    #[error("execution `{id}` holds a workspace already")]
    AlreadyLeased {
        /// Which execution.
        id: ExecutionId,
    },
    /// The manager was closed.
    #[error("the workspace manager was closed")]
    Closed,
    /// More bytes than the limit.
    #[error("workspace is over its storage limit of {limit}")]
    OverLimit {
        /// The limit.
        limit: ByteSize,
    },
    /// A step of file work failed.
    #[error("failed to {action} `{}`", path.display())]
    Io {
        /// What was tried, as a verb: "create", "copy", …
        action: &'static str,
        /// On which path.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
}
