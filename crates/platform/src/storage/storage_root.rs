//! The storage's directory itself: locked for one host, with a namespace's files below and a place for half-written ones.
//! Everything here blocks, and is called in a lane; one change at a time in a namespace is its caller's to hold.

use std::fs::{File, TryLockError};
use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use bytes::Bytes;
use cap_std::ambient_authority;
use cap_std::fs::{Dir, OpenOptions};
use plugdock_contracts::service::ServiceError;

use super::SERVICE;
use super::storage_config::StorageConfig;
use super::storage_open_error::StorageOpenError;
use super::storage_path::StoragePath;
use super::tree::Tree;
use super::usage::Usage;
use crate::setting::as_len;

/// Held locked while the directory is in use. No tenant's directory starts with `_`, but `_none`.
const LOCK: &str = "_lock";
/// Files that are being written. On the same file system as their places, so that renaming puts them there whole.
const SCRATCH: &str = "_tmp";

/// The directory, its lock and its bounds.
#[derive(Debug)]
pub(super) struct StorageRoot {
    pub(super) config: StorageConfig,
    root: Dir,
    scratch: Dir,
    n_written: AtomicU64,
    /// Locked while it is there. Running jobs share the root, so that none outlives the lock.
    lock: Mutex<Option<File>>,
}

impl StorageRoot {
    /// Opens the directory or makes it, locks it, and removes what an earlier host left half written.
    pub(super) fn open(path: &Path, config: StorageConfig) -> Result<Self, StorageOpenError> {
        let failed = |source| StorageOpenError::Io { path: path.to_path_buf(), source };
        let root = open_root(path).map_err(failed)?;
        let lock =
            root.open_with(LOCK, OpenOptions::new().write(true).create(true)).map_err(failed)?.into_std();
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(StorageOpenError::InUse { path: path.to_path_buf() });
            }
            Err(TryLockError::Error(source)) => return Err(failed(source)),
        }
        let scratch = open_scratch(&root).map_err(failed)?;
        Ok(Self { config, root, scratch, n_written: AtomicU64::new(0), lock: Mutex::new(Some(lock)) })
    }

    /// Frees the directory for another host. No job may follow.
    pub(super) fn unlock(&self) {
        drop(self.lock.lock().unwrap_or_else(PoisonError::into_inner).take());
    }

    /// Paths of the files below a directory, in order.
    pub(super) fn list(
        &self,
        components: &[String; 2],
        below: Option<&StoragePath>,
    ) -> io::Result<Vec<String>> {
        self.tree(components)?.map_or(Ok(Vec::new()), |tree| tree.list(below))
    }

    /// Reads a file, or refuses one that is larger than the bound.
    pub(super) fn read(
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

    /// Writes a file within the bounds of its namespace, and brings its ledger up to date.
    pub(super) fn write(
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

    /// Removes a file; whether it was there.
    pub(super) fn remove(
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

    fn tree(&self, components: &[String; 2]) -> io::Result<Option<Tree>> {
        Tree::open(&self.root, components, self.config.max_depth)
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
