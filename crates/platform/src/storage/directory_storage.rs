//! File storage in a directory: `<tenant>/<plugin>/<path>`, each namespace confined to its own directory.
//! One host uses the directory at a time. It does not encrypt: whoever may read the directory may read the files.

use std::collections::HashMap;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use cap_std::ambient_authority;
use cap_std::fs::{Dir, OpenOptions};
use plugdock_contracts::BoxFuture;
use plugdock_contracts::service::{ServiceError, ServiceResult, ServiceScope, StorageService};
use tokio::sync::OwnedMutexGuard;

use super::SERVICE;
use super::storage_config::StorageConfig;
use super::storage_open_error::StorageOpenError;
use super::storage_path::StoragePath;
use super::tree::Tree;
use super::usage::Usage;
use crate::container::{Lifecycle, LifecycleError};
use crate::lane::{Lane, within};
use crate::namespace::Namespace;
use crate::setting::{SettingErrors, as_len};

/// Held locked while the directory is in use. No tenant's directory starts with `_`, but `_none`.
const LOCK: &str = "_lock";
/// Files that are being written. On the same file system as their places, so that renaming puts them there whole.
const SCRATCH: &str = "_tmp";

/// A namespace's usage, once it was counted; held while one of its files is written or removed.
type Ledger = Arc<tokio::sync::Mutex<Option<Usage>>>;

/// Files in a directory.
///
/// Dropping it frees the directory for another host; [`Lifecycle::stop`] also waits for what runs.
pub struct DirectoryStorage {
    path: PathBuf,
    lane: Lane,
    shelf: Arc<Shelf>,
    ledgers: Mutex<HashMap<Namespace, Ledger>>,
    lock: Mutex<Option<std::fs::File>>,
}

/// What jobs need, on whatever thread they run.
#[derive(Debug)]
struct Shelf {
    config: StorageConfig,
    root: Dir,
    scratch: Dir,
    n_written: AtomicU64,
}

impl DirectoryStorage {
    /// Opens the directory, or makes it (for its user alone), and removes what an earlier host left half written. Blocks.
    ///
    /// # Errors
    /// [`StorageOpenError`] says what is in the way and what to do.
    pub fn open(path: impl AsRef<Path>, config: StorageConfig) -> Result<Self, StorageOpenError> {
        SettingErrors::check(config.faults()).map_err(StorageOpenError::Settings)?;
        let path = path.as_ref().to_path_buf();
        let failed = |source| StorageOpenError::Io { path: path.clone(), source };
        let root = open_root(&path).map_err(failed)?;
        let lock =
            root.open_with(LOCK, OpenOptions::new().write(true).create(true)).map_err(failed)?.into_std();
        match lock.try_lock() {
            Ok(()) => {}
            Err(std::fs::TryLockError::WouldBlock) => return Err(StorageOpenError::InUse { path }),
            Err(std::fs::TryLockError::Error(source)) => return Err(failed(source)),
        }
        let scratch = open_scratch(&root).map_err(failed)?;
        let lane = Lane::new(SERVICE, config.max_parallel);
        let shelf = Arc::new(Shelf { config, root, scratch, n_written: AtomicU64::new(0) });
        Ok(Self { path, lane, shelf, ledgers: Mutex::default(), lock: Mutex::new(Some(lock)) })
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
        job: impl FnOnce(&Shelf, &[String; 2]) -> io::Result<Result<T, ServiceError>> + Send + 'static,
    ) -> Result<T, ServiceError> {
        let (shelf, components) = (Arc::clone(&self.shelf), Namespace::of(scope).to_components());
        let job = move || {
            job(&shelf, &components).unwrap_or_else(|source| {
                Err(ServiceError::Failed { service: SERVICE, action, source: source.into() })
            })
        };
        self.lane.run(scope, action, job).await
    }

    fn file(&self, path: &str) -> Result<StoragePath, ServiceError> {
        StoragePath::file(path, &self.shelf.config)
    }
}

impl Shelf {
    fn tree(&self, components: &[String; 2]) -> io::Result<Option<Tree>> {
        Tree::open(&self.root, components, self.config.max_depth)
    }

    fn read(
        &self,
        components: &[String; 2],
        path: &StoragePath,
    ) -> io::Result<Result<Option<Bytes>, ServiceError>> {
        let limit = self.config.max_file.bytes();
        let Some(tree) = self.tree(components)? else { return Ok(Ok(None)) };
        match tree.read(path, limit.saturating_add(1))? {
            // Bounds can be lowered after a file was written; it is refused, never cut.
            Some(contents) if contents.len() > as_len(self.config.max_file) => {
                let size = tree.file_size(path)?.unwrap_or(contents.len() as u64);
                Ok(Err(ServiceError::TooLarge { service: SERVICE, size, limit }))
            }
            contents => Ok(Ok(contents)),
        }
    }

    fn write(
        &self,
        components: &[String; 2],
        path: &StoragePath,
        contents: &[u8],
        ledger: &mut Option<Usage>,
    ) -> io::Result<Result<(), ServiceError>> {
        let tree = Tree::make(&self.root, components, self.config.max_depth)?;
        if let Some(reason) = tree.obstacle(path)? {
            return Ok(Err(ServiceError::Invalid { service: SERVICE, reason }));
        }
        let held = ledger.map_or_else(|| tree.usage(), Ok)?;
        let next = match held.with_written(tree.file_size(path)?, contents.len() as u64, &self.config) {
            Ok(next) => next,
            Err(refused) => {
                *ledger = Some(held);
                return Ok(Err(refused));
            }
        };
        let name = self.n_written.fetch_add(1, Ordering::Relaxed).to_string();
        // Unknown until it worked: after a failure the files are counted anew.
        *ledger = None;
        tree.write(path, contents, &self.scratch, &name)?;
        *ledger = Some(next);
        Ok(Ok(()))
    }

    fn remove(
        &self,
        components: &[String; 2],
        path: &StoragePath,
        ledger: &mut Option<Usage>,
    ) -> io::Result<bool> {
        let Some(tree) = self.tree(components)? else { return Ok(false) };
        let Some(old) = tree.file_size(path)? else { return Ok(false) };
        let held = ledger.take();
        tree.remove(path)?;
        *ledger = held.map(|held| held.without(old));
        Ok(true)
    }
}

impl StorageService for DirectoryStorage {
    fn read<'a>(&'a self, scope: &'a ServiceScope, path: &'a str) -> ServiceResult<'a, Option<Bytes>> {
        Box::pin(async move {
            let path = self.file(path)?;
            self.run(scope, "read a file", move |shelf, owner| shelf.read(owner, &path)).await
        })
    }

    fn write<'a>(&'a self, scope: &'a ServiceScope, path: &'a str, contents: Bytes) -> ServiceResult<'a, ()> {
        Box::pin(async move {
            let path = self.file(path)?;
            let limit = self.shelf.config.max_file;
            if contents.len() > as_len(limit) {
                let size = contents.len() as u64;
                return Err(ServiceError::TooLarge { service: SERVICE, size, limit: limit.bytes() });
            }
            let action = "write a file";
            let mut ledger = self.ledger(scope, action).await?;
            self.run(scope, action, move |shelf, owner| shelf.write(owner, &path, &contents, &mut ledger))
                .await
        })
    }

    fn delete<'a>(&'a self, scope: &'a ServiceScope, path: &'a str) -> ServiceResult<'a, bool> {
        Box::pin(async move {
            let path = self.file(path)?;
            let action = "remove a file";
            let mut ledger = self.ledger(scope, action).await?;
            self.run(scope, action, move |shelf, owner| shelf.remove(owner, &path, &mut ledger).map(Ok)).await
        })
    }

    /// Paths from the top of the plugin's storage, as they can be read again; of a file, none.
    fn list<'a>(&'a self, scope: &'a ServiceScope, path: &'a str) -> ServiceResult<'a, Vec<String>> {
        Box::pin(async move {
            let below = StoragePath::directory(path, &self.shelf.config)?;
            self.run(scope, "list files", move |shelf, owner| match shelf.tree(owner)? {
                Some(tree) => tree.list(below.as_ref()).map(Ok),
                None => Ok(Ok(Vec::new())),
            })
            .await
        })
    }
}

impl Lifecycle for DirectoryStorage {
    /// Waits for running operations, then frees the directory for another host.
    fn stop(&self, _within: Duration) -> BoxFuture<'_, Result<(), LifecycleError>> {
        Box::pin(async move {
            self.lane.stop().await;
            drop(self.lock.lock().unwrap_or_else(PoisonError::into_inner).take());
            Ok(())
        })
    }
}

impl fmt::Debug for DirectoryStorage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let config = &self.shelf.config;
        f.debug_struct("DirectoryStorage")
            .field("path", &self.path)
            .field("config", config)
            .finish_non_exhaustive()
    }
}

fn open_root(path: &Path) -> io::Result<Dir> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)?;
    Dir::open_ambient_dir(path, ambient_authority())
}

/// Opens the place of half-written files and removes those of a host that died.
fn open_scratch(root: &Dir) -> io::Result<Dir> {
    root.create_dir_all(SCRATCH)?;
    let scratch = root.open_dir(SCRATCH)?;
    for entry in scratch.entries()? {
        let entry = entry?;
        if !entry.file_type()?.is_dir() {
            entry.remove_file()?;
        }
    }
    Ok(scratch)
}
