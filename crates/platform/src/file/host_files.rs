//! The host's files as a service: each call finds its place beneath a held directory and is done in a lane.
//! It keeps nothing between calls.

use std::path::PathBuf;
use std::sync::LazyLock;

use bytes::Bytes;
use plugdock_contracts::file::{DirEntry, FileStat, FsService, GrantedPath};
use plugdock_contracts::permission::{Grant, NormalPath, PathRoot, PermissionKind, Permissions};
use plugdock_contracts::service::{ServiceError, ServiceResult, ServiceScope};

use super::SERVICE;
use super::file_config::FileConfig;
use super::file_fault::FileFault;
use super::place::Place;
use crate::lane::Lane;
use crate::setting::{SettingErrors, as_len};

/// All that can be granted: what even this refuses is never opened.
static EVERYTHING: LazyLock<Permissions> = LazyLock::new(|| {
    let roots = ["/", "workspace", "artifacts", "plugin"];
    let grants = [PermissionKind::FsRead, PermissionKind::FsWrite].map(|kind| Grant::new(kind, roots));
    Permissions::from_grants(grants).expect("each root is a pattern")
});

/// Files of the host's file system, for grants that were checked before.
///
/// A path is resolved by the kernel beneath the directory that its root means, or beneath the place where an absolute grant
/// begins. Symbolic links are refused everywhere in it, and mounts below that place; only regular files are read and written.
/// An absolute grant must therefore name a place by its real path.
#[derive(Debug)]
pub struct HostFiles {
    config: FileConfig,
    lane: Lane,
}

impl HostFiles {
    /// With these bounds.
    ///
    /// # Errors
    /// Every bound that cannot be.
    pub fn new(config: FileConfig) -> Result<Self, SettingErrors> {
        SettingErrors::check(config.faults())?;
        Ok(Self { lane: Lane::new(SERVICE, config.max_parallel), config })
    }

    async fn run<T: Send + 'static>(
        &self,
        scope: &ServiceScope,
        action: &'static str,
        kind: PermissionKind,
        path: &GrantedPath,
        job: impl FnOnce(&Place) -> Result<T, FileFault> + Send + 'static,
    ) -> Result<T, ServiceError> {
        check(&kind, path.path())?;
        let (path, root) = (path.clone(), root_of(scope, path.path().root()));
        let job = move || {
            let done = Place::open(&path, root).and_then(|place| job(&place));
            done.map_err(|fault| fault.into_error(kind, path.path(), action))
        };
        self.lane.run(scope, action, job).await
    }
}

/// Refuses what is never opened once more, whoever called.
fn check(kind: &PermissionKind, path: &NormalPath) -> Result<(), ServiceError> {
    let decision = match kind {
        PermissionKind::FsRead => EVERYTHING.fs_read(path),
        _ => EVERYTHING.fs_write(path),
    };
    decision.into_result().map(drop).map_err(ServiceError::Denied)
}

/// The directory that a root means for an execution.
fn root_of(scope: &ServiceScope, root: PathRoot) -> Option<PathBuf> {
    match root {
        PathRoot::Workspace => scope.workspace.clone(),
        PathRoot::Artifacts => scope.artifacts.clone(),
        PathRoot::Plugin => scope.plugin_root.clone(),
        _ => None,
    }
}

impl FsService for HostFiles {
    fn read<'a>(&'a self, scope: &'a ServiceScope, path: &'a GrantedPath) -> ServiceResult<'a, Bytes> {
        let limit = self.config.max_file.bytes();
        Box::pin(self.run(scope, "read a file", PermissionKind::FsRead, path, move |place| place.read(limit)))
    }

    fn write<'a>(
        &'a self,
        scope: &'a ServiceScope,
        path: &'a GrantedPath,
        contents: Bytes,
    ) -> ServiceResult<'a, ()> {
        Box::pin(async move {
            let limit = self.config.max_file;
            if contents.len() > as_len(limit) {
                let size = contents.len() as u64;
                return Err(ServiceError::TooLarge { service: SERVICE, size, limit: limit.bytes() });
            }
            // What ends with the execution need not survive a loss of power.
            let synced = !matches!(path.path().root(), PathRoot::Workspace | PathRoot::Artifacts);
            let job = move |place: &Place| place.write(&contents, synced);
            self.run(scope, "write a file", PermissionKind::FsWrite, path, job).await
        })
    }

    fn list<'a>(
        &'a self,
        scope: &'a ServiceScope,
        path: &'a GrantedPath,
    ) -> ServiceResult<'a, Vec<DirEntry>> {
        let limit = self.config.max_listed;
        let job = move |place: &Place| place.list(limit);
        Box::pin(self.run(scope, "list a directory", PermissionKind::FsRead, path, job))
    }

    fn stat<'a>(
        &'a self,
        scope: &'a ServiceScope,
        path: &'a GrantedPath,
    ) -> ServiceResult<'a, Option<FileStat>> {
        Box::pin(self.run(scope, "look at a file", PermissionKind::FsRead, path, Place::stat))
    }

    fn create_dir<'a>(&'a self, scope: &'a ServiceScope, path: &'a GrantedPath) -> ServiceResult<'a, bool> {
        Box::pin(self.run(scope, "make a directory", PermissionKind::FsWrite, path, Place::create_dir))
    }

    fn remove<'a>(&'a self, scope: &'a ServiceScope, path: &'a GrantedPath) -> ServiceResult<'a, bool> {
        Box::pin(self.run(scope, "remove a file", PermissionKind::FsWrite, path, Place::remove))
    }

    fn rename<'a>(
        &'a self,
        scope: &'a ServiceScope,
        from: &'a GrantedPath,
        to: &'a GrantedPath,
    ) -> ServiceResult<'a, ()> {
        Box::pin(async move {
            check(&PermissionKind::FsWrite, to.path())?;
            let (to, root) = (to.clone(), root_of(scope, to.path().root()));
            let job = move |place: &Place| place.rename(&Place::open(&to, root)?);
            self.run(scope, "rename a file", PermissionKind::FsWrite, from, job).await
        })
    }
}
