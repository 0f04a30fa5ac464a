//! File storage in a directory: `<tenant>/<plugin>/<path>`, each namespace confined to its own directory.
//! One host uses the directory at a time. It does not encrypt: whoever may read the directory may read the files.

use std::collections::HashMap;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use plugdock_contracts::BoxFuture;
use plugdock_contracts::service::{ServiceError, ServiceResult, ServiceScope, StorageService};
use tokio::sync::OwnedMutexGuard;

use super::SERVICE;
use super::storage_config::StorageConfig;
use super::storage_open_error::StorageOpenError;
use super::storage_path::StoragePath;
use super::storage_root::StorageRoot;
use super::usage::Usage;
use crate::container::{Lifecycle, LifecycleError};
use crate::lane::{Lane, within};
use crate::namespace::Namespace;
use crate::setting::{SettingErrors, as_len};

/// A namespace's usage, once it was counted; held while one of its files is written or removed.
type Ledger = Arc<tokio::sync::Mutex<Option<Usage>>>;

/// Files in a directory.
///
/// Dropping it frees the directory for another host when the last running operation ends; [`Lifecycle::stop`] waits for that.
pub struct DirectoryStorage {
    path: PathBuf,
    lane: Lane,
    root: Arc<StorageRoot>,
    ledgers: Mutex<HashMap<Namespace, Ledger>>,
}

impl DirectoryStorage {
    /// Opens the directory, or makes it (for its user alone), and removes what an earlier host left half written. Blocks.
    ///
    /// # Errors
    /// [`StorageOpenError`] says what is in the way and what to do.
    pub fn open(path: impl AsRef<Path>, config: StorageConfig) -> Result<Self, StorageOpenError> {
        SettingErrors::check(config.faults()).map_err(StorageOpenError::Settings)?;
        let path = path.as_ref().to_path_buf();
        let lane = Lane::new(SERVICE, config.max_parallel);
        let root = Arc::new(StorageRoot::open(&path, config)?);
        Ok(Self { path, lane, root, ledgers: Mutex::default() })
    }

    /// The directory.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Takes the namespace's ledger for a change.
    async fn ledger(
        &self,
        scope: &ServiceScope,
        action: &'static str,
    ) -> Result<OwnedMutexGuard<Option<Usage>>, ServiceError> {
        let ledger = {
            let mut ledgers = self.ledgers.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(ledgers.entry(Namespace::of(scope)).or_default())
        };
        within(SERVICE, scope, action, ledger.lock_owned()).await
    }

    async fn run<T: Send + 'static>(
        &self,
        scope: &ServiceScope,
        action: &'static str,
        job: impl FnOnce(&StorageRoot, &[String; 2]) -> io::Result<Result<T, ServiceError>> + Send + 'static,
    ) -> Result<T, ServiceError> {
        let (root, components) = (Arc::clone(&self.root), Namespace::of(scope).to_components());
        let job = move || {
            job(&root, &components).unwrap_or_else(|source| {
                Err(ServiceError::Failed { service: SERVICE, action, source: source.into() })
            })
        };
        self.lane.run(scope, action, job).await
    }

    fn file(&self, path: &str) -> Result<StoragePath, ServiceError> {
        StoragePath::file(path, &self.root.config)
    }
}

impl StorageService for DirectoryStorage {
    fn read<'a>(&'a self, scope: &'a ServiceScope, path: &'a str) -> ServiceResult<'a, Option<Bytes>> {
        Box::pin(async move {
            let path = self.file(path)?;
            self.run(scope, "read a file", move |root, owner| root.read(owner, &path)).await
        })
    }

    fn write<'a>(&'a self, scope: &'a ServiceScope, path: &'a str, contents: Bytes) -> ServiceResult<'a, ()> {
        Box::pin(async move {
            let path = self.file(path)?;
            let limit = self.root.config.max_file;
            if contents.len() > as_len(limit) {
                let size = contents.len() as u64;
                return Err(ServiceError::TooLarge { service: SERVICE, size, limit: limit.bytes() });
            }
            let action = "write a file";
            let mut ledger = self.ledger(scope, action).await?;
            self.run(scope, action, move |root, owner| root.write(owner, &path, &contents, &mut ledger)).await
        })
    }

    fn delete<'a>(&'a self, scope: &'a ServiceScope, path: &'a str) -> ServiceResult<'a, bool> {
        Box::pin(async move {
            let path = self.file(path)?;
            let action = "remove a file";
            let mut ledger = self.ledger(scope, action).await?;
            self.run(scope, action, move |root, owner| root.remove(owner, &path, &mut ledger).map(Ok)).await
        })
    }

    /// Paths from the top of the plugin's storage, as they can be read again; of a file, none.
    fn list<'a>(&'a self, scope: &'a ServiceScope, path: &'a str) -> ServiceResult<'a, Vec<String>> {
        Box::pin(async move {
            let below = StoragePath::directory(path, &self.root.config)?;
            self.run(scope, "list files", move |root, owner| root.list(owner, below.as_ref()).map(Ok)).await
        })
    }
}

impl Lifecycle for DirectoryStorage {
    /// Waits for running operations, then frees the directory for another host.
    fn stop(&self, _within: Duration) -> BoxFuture<'_, Result<(), LifecycleError>> {
        Box::pin(async move {
            self.lane.stop().await;
            self.root.unlock();
            Ok(())
        })
    }
}

impl fmt::Debug for DirectoryStorage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let config = &self.root.config;
        f.debug_struct("DirectoryStorage")
            .field("path", &self.path)
            .field("config", config)
            .finish_non_exhaustive()
    }
}
