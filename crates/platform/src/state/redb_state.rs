//! Persistent state in one file, with redb: a write is on disk when it returns, and its account in the same transaction.
//! One host has the file at a time. It does not encrypt: whoever may read the file may read the values.

use std::fmt;
use std::fs::{File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use plugdock_contracts::BoxFuture;
use plugdock_contracts::permission::StateQuota;
use plugdock_contracts::service::{ServiceError, ServiceResult, ServiceScope, StateService};
use redb::Database;

use super::SERVICE;
use super::meter::Meter;
use super::redb_tables::{self, KNOWN_LAYOUT};
use super::state_config::StateConfig;
use super::state_open_error::StateOpenError;
use crate::container::{Lifecycle, LifecycleError};
use crate::lane::Lane;
use crate::namespace::Namespace;
use crate::setting::{SettingErrors, as_len};

type DatabaseSlot = Arc<Mutex<Option<Arc<Database>>>>;

/// Persistent state. Dropping it closes the file when the last running operation ends; [`Lifecycle::stop`] waits for that.
pub struct RedbState {
    path: PathBuf,
    config: StateConfig,
    meter: Meter,
    /// `None` after it was stopped. Only running jobs hold more than the slot.
    database: DatabaseSlot,
    readers: Lane,
    /// redb takes one writer at a time: others wait here, not on threads.
    writer: Lane,
}

impl RedbState {
    /// Opens the file, or makes it (readable by its user alone) with the directories it is in. Blocks: after a crash the
    /// file is repaired first, which takes longer the larger it is.
    ///
    /// # Errors
    /// [`StateOpenError`] says what is in the way and what to do.
    pub fn open(path: impl AsRef<Path>, config: StateConfig) -> Result<Self, StateOpenError> {
        SettingErrors::check(config.faults()).map_err(StateOpenError::Settings)?;
        let path = path.as_ref().to_path_buf();
        let file = open_file(&path).map_err(|source| StateOpenError::Io { path: path.clone(), source })?;
        let mut builder = Database::builder();
        builder.set_cache_size(as_len(config.page_cache));
        let database = builder.create_file(file).map_err(|error| open_error(&path, error.into()))?;
        let found = redb_tables::prepare(&database).map_err(|error| open_error(&path, error))?;
        if found != KNOWN_LAYOUT {
            return Err(StateOpenError::Layout { path, found, known: KNOWN_LAYOUT });
        }
        let readers = Lane::new(SERVICE, config.max_readers);
        let database = Arc::new(Mutex::new(Some(Arc::new(database))));
        Ok(Self { path, config, meter: Meter::default(), database, readers, writer: Lane::new(SERVICE, 1) })
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Runs a job on the database in a lane, after counting it.
    async fn run<T, F>(
        &self,
        lane: &Lane,
        scope: &ServiceScope,
        action: &'static str,
        limit: Option<u64>,
        job: F,
    ) -> Result<T, ServiceError>
    where
        T: Send + 'static,
        F: FnOnce(&Database, &str) -> Result<Result<T, ServiceError>, redb::Error> + Send + 'static,
    {
        let owner = Namespace::of(scope);
        self.meter.count(&owner, Instant::now(), limit)?;
        let slot = Arc::clone(&self.database);
        let failed = move |source| ServiceError::Failed { service: SERVICE, action, source };
        let job = move || {
            let database = slot.lock().unwrap_or_else(PoisonError::into_inner).clone();
            // A stopped lane refuses before this could be.
            let database = database.ok_or_else(|| failed("the service was stopped".into()))?;
            job(&database, &owner.to_text()).unwrap_or_else(|error| Err(failed(error.into())))
        };
        lane.run(scope, action, job).await
    }

    /// The quota of host and grant together.
    fn quota(&self, scope: &ServiceScope) -> StateQuota {
        self.config.quota.tighter(scope.state_quota)
    }
}

impl StateService for RedbState {
    fn get<'a>(&'a self, scope: &'a ServiceScope, key: &'a str) -> ServiceResult<'a, Option<Bytes>> {
        Box::pin(async move {
            self.config.check_key(key)?;
            let key = key.to_owned();
            self.run(
                &self.readers,
                scope,
                "read a value",
                self.quota(scope).operations_per_minute,
                move |database, owner| redb_tables::read(database, owner, &key).map(Ok),
            )
            .await
        })
    }

    fn set<'a>(&'a self, scope: &'a ServiceScope, key: &'a str, value: Bytes) -> ServiceResult<'a, ()> {
        Box::pin(async move {
            self.config.check_key(key)?;
            self.config.check_value(&value)?;
            let quota = self.quota(scope);
            let key = key.to_owned();
            self.run(
                &self.writer,
                scope,
                "write a value",
                quota.operations_per_minute,
                move |database, owner| redb_tables::write(database, owner, &key, &value, quota),
            )
            .await
        })
    }

    fn delete<'a>(&'a self, scope: &'a ServiceScope, key: &'a str) -> ServiceResult<'a, bool> {
        Box::pin(async move {
            self.config.check_key(key)?;
            let key = key.to_owned();
            self.run(
                &self.writer,
                scope,
                "remove a value",
                self.quota(scope).operations_per_minute,
                move |database, owner| redb_tables::remove(database, owner, &key).map(Ok),
            )
            .await
        })
    }

    fn keys<'a>(
        &'a self,
        scope: &'a ServiceScope,
        prefix: &'a str,
        limit: u32,
    ) -> ServiceResult<'a, Vec<String>> {
        Box::pin(async move {
            self.config.check_prefix(prefix)?;
            let prefix = prefix.to_owned();
            self.run(
                &self.readers,
                scope,
                "list keys",
                self.quota(scope).operations_per_minute,
                move |database, owner| redb_tables::list(database, owner, &prefix, limit).map(Ok),
            )
            .await
        })
    }
}

impl Lifecycle for RedbState {
    /// Waits for running operations, then closes the file, so that another host can open it.
    fn stop(&self, _within: Duration) -> BoxFuture<'_, Result<(), LifecycleError>> {
        Box::pin(async move {
            self.readers.stop().await;
            self.writer.stop().await;
            let database = self.database.lock().unwrap_or_else(PoisonError::into_inner).take();
            // Closing writes and syncs.
            Ok(tokio::task::spawn_blocking(move || drop(database)).await?)
        })
    }
}

impl fmt::Debug for RedbState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedbState")
            .field("path", &self.path)
            .field("config", &self.config)
            .finish_non_exhaustive()
    }
}

fn open_file(path: &Path) -> io::Result<File> {
    let directory = path.parent().filter(|directory| !directory.as_os_str().is_empty());
    if let Some(directory) = directory {
        std::fs::create_dir_all(directory)?;
    }
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let file = options.open(path)?;
    // A new file is durable only when its name is.
    #[cfg(unix)]
    File::open(directory.unwrap_or(Path::new(".")))?.sync_all()?;
    Ok(file)
}

fn open_error(path: &Path, error: redb::Error) -> StateOpenError {
    let path = path.to_path_buf();
    match error {
        redb::Error::DatabaseAlreadyOpen => StateOpenError::InUse { path },
        redb::Error::Io(source) if !says_damaged(&source) => StateOpenError::Io { path, source },
        error => StateOpenError::Damaged { path, source: Box::new(error) },
    }
}

/// Whether the file was read and does not hold what it should, and not: could not be read.
fn says_damaged(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof)
}
