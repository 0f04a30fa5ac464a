//! Workspaces without directories, for executions whose handlers are no code. It keeps nothing and measures nothing.

use std::path::Path;

use plugdock_contracts::workspace::{
    CollectedArtifacts, WorkspaceError, WorkspaceLease, WorkspaceManager, WorkspaceSpec, WorkspaceUsage,
};
use plugdock_contracts::{BoxFuture, ExecutionId, WorkspaceId};

/// Leases the directory of nobody.
pub(super) struct NoPlaces;

struct NoPlace(WorkspaceId);

impl WorkspaceManager for NoPlaces {
    fn acquire<'a>(
        &'a self,
        id: &'a ExecutionId,
        _spec: &'a WorkspaceSpec,
    ) -> BoxFuture<'a, Result<Box<dyn WorkspaceLease>, WorkspaceError>> {
        let id = WorkspaceId::new(id.as_str()).unwrap();
        Box::pin(async move { Ok(Box::new(NoPlace(id)) as Box<dyn WorkspaceLease>) })
    }
}

impl WorkspaceLease for NoPlace {
    fn id(&self) -> &WorkspaceId {
        &self.0
    }

    fn dir(&self) -> &Path {
        Path::new("/nowhere")
    }

    fn artifacts_dir(&self) -> &Path {
        Path::new("/nowhere")
    }

    fn temp_dir(&self) -> &Path {
        Path::new("/nowhere")
    }

    fn keep(&mut self) {}

    fn usage(&self) -> Result<WorkspaceUsage, WorkspaceError> {
        Ok(WorkspaceUsage::default())
    }

    fn collect<'a>(
        &'a self,
        _outdir: Option<&'a Path>,
    ) -> BoxFuture<'a, Result<CollectedArtifacts, WorkspaceError>> {
        Box::pin(async { Ok(CollectedArtifacts::default()) })
    }

    fn release(self: Box<Self>) -> BoxFuture<'static, Result<(), WorkspaceError>> {
        Box::pin(async { Ok(()) })
    }
}
