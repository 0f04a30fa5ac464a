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
use redb::{Database, ReadableDatabase, ReadableTable, StorageError, TableDefinition};

use super::SERVICE;
use super::account::{Account, entry_bytes};
use super::meter::Meter;
use super::state_config::StateConfig;
use super::state_open_error::StateOpenError;
use crate::container::{Lifecycle, LifecycleError};
use crate::lane::Lane;
use crate::namespace::Namespace;
use crate::setting::{SettingErrors, as_len};

/// Values by namespace and key.
const ENTRIES: TableDefinition<'_, (&str, &str), &[u8]> = TableDefinition::new("entries");
/// Entries and bytes by namespace.
const ACCOUNTS: TableDefinition<'_, &str, (u64, u64)> = TableDefinition::new("accounts");
/// One row: the layout of the other tables.
const LAYOUT: TableDefinition<'_, &str, u64> = TableDefinition::new("layout");
const LAYOUT_ROW: &str = "state";
/// Grows when a table changes its meaning, so that an older host refuses instead of guessing.
const KNOWN_LAYOUT: u64 = 1;

/// Persistent state. Dropping it closes the file when the last running operation ends; [`Lifecycle::stop`] waits for that.
pub struct RedbState {
    path: PathBuf,
    config: StateConfig,
    meter: Meter,
    /// `None` after it was stopped.
    database: Mutex<Option<Arc<Database>>>,
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
        let found = prepare(&database).map_err(|error| open_error(&path, error))?;
        if found != KNOWN_LAYOUT {
            return Err(StateOpenError::Layout { path, found, known: KNOWN_LAYOUT });
        }
        let readers = Lane::new(SERVICE, config.max_readers);
        let database = Mutex::new(Some(Arc::new(database)));
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
        let database = self.database.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let failed = move |source| ServiceError::Failed { service: SERVICE, action, source };
        let job = move || {
            // A stopped lane refuses before this could be.
            let database = database.ok_or_else(|| failed("the service was stopped".into()))?;
            job(&database, &owner.to_text()).unwrap_or_else(|error| Err(failed(error.into())))
        };
        lane.run(scope, action, job).await
    }

    fn reads(&self) -> Option<u64> {
        self.config.quota.operations_per_minute
    }
}

impl StateService for RedbState {
    fn get<'a>(&'a self, scope: &'a ServiceScope, key: &'a str) -> ServiceResult<'a, Option<Bytes>> {
        Box::pin(async move {
            self.config.check_key(key)?;
            let key = key.to_owned();
            self.run(&self.readers, scope, "read a value", self.reads(), move |database, owner| {
                let entries = database.begin_read()?.open_table(ENTRIES)?;
                Ok(Ok(entries.get((owner, key.as_str()))?.map(|value| Bytes::copy_from_slice(value.value()))))
            })
            .await
        })
    }

    fn set<'a>(
        &'a self,
        scope: &'a ServiceScope,
        key: &'a str,
        value: Bytes,
        quota: &'a StateQuota,
    ) -> ServiceResult<'a, ()> {
        Box::pin(async move {
            self.config.check_key(key)?;
            self.config.check_value(&value)?;
            let quota = self.config.quota.tighter(*quota);
            let key = key.to_owned();
            self.run(
                &self.writer,
                scope,
                "write a value",
                quota.operations_per_minute,
                move |database, owner| write(database, owner, &key, &value, quota),
            )
            .await
        })
    }

    fn delete<'a>(&'a self, scope: &'a ServiceScope, key: &'a str) -> ServiceResult<'a, bool> {
        Box::pin(async move {
            self.config.check_key(key)?;
            let key = key.to_owned();
            self.run(&self.writer, scope, "remove a value", self.reads(), move |database, owner| {
                remove(database, owner, &key).map(Ok)
            })
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
            self.run(&self.readers, scope, "list keys", self.reads(), move |database, owner| {
                list(database, owner, &prefix, limit).map(Ok)
            })
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

/// Writes an entry and its account together. Dropping a transaction that was not committed undoes it.
fn write(
    database: &Database,
    owner: &str,
    key: &str,
    value: &[u8],
    quota: StateQuota,
) -> Result<Result<(), ServiceError>, redb::Error> {
    let transaction = database.begin_write()?;
    {
        let mut entries = transaction.open_table(ENTRIES)?;
        let mut accounts = transaction.open_table(ACCOUNTS)?;
        let old = entries.get((owner, key))?.map(|old| entry_bytes(key, old.value().len()));
        match account(&accounts, owner)?.with_written(old, entry_bytes(key, value.len()), quota) {
            Err(refused) => return Ok(Err(refused)),
            Ok(next) => accounts.insert(owner, (next.entries, next.bytes))?,
        };
        entries.insert((owner, key), value)?;
    }
    transaction.commit()?;
    Ok(Ok(()))
}

fn remove(database: &Database, owner: &str, key: &str) -> Result<bool, redb::Error> {
    let transaction = database.begin_write()?;
    {
        let mut entries = transaction.open_table(ENTRIES)?;
        let mut accounts = transaction.open_table(ACCOUNTS)?;
        let Some(old) = entries.remove((owner, key))?.map(|old| entry_bytes(key, old.value().len())) else {
            return Ok(false);
        };
        let next = account(&accounts, owner)?.without(old);
        if next.entries == 0 {
            accounts.remove(owner)?;
        } else {
            accounts.insert(owner, (next.entries, next.bytes))?;
        }
    }
    transaction.commit()?;
    Ok(true)
}

fn list(database: &Database, owner: &str, prefix: &str, limit: u32) -> Result<Vec<String>, redb::Error> {
    let entries = database.begin_read()?.open_table(ENTRIES)?;
    let mut keys = Vec::new();
    for entry in entries.range((owner, prefix)..)?.take(usize::try_from(limit).unwrap_or(usize::MAX)) {
        let (at, _value) = entry?;
        let (holder, key) = at.value();
        if holder != owner || !key.starts_with(prefix) {
            break;
        }
        keys.push(key.to_owned());
    }
    Ok(keys)
}

fn account(
    accounts: &impl ReadableTable<&'static str, (u64, u64)>,
    owner: &str,
) -> Result<Account, StorageError> {
    let row = accounts.get(owner)?.map(|row| row.value());
    Ok(row.map_or_else(Account::default, |(entries, bytes)| Account { entries, bytes }))
}

/// Makes the tables if they are not there; answers the layout of the file.
fn prepare(database: &Database) -> Result<u64, redb::Error> {
    let transaction = database.begin_write()?;
    let found = {
        let mut layout = transaction.open_table(LAYOUT)?;
        let found = layout.get(LAYOUT_ROW)?.map(|row| row.value());
        if found.is_none() {
            layout.insert(LAYOUT_ROW, KNOWN_LAYOUT)?;
        }
        found.unwrap_or(KNOWN_LAYOUT)
    };
    if found == KNOWN_LAYOUT {
        transaction.open_table(ENTRIES)?;
        transaction.open_table(ACCOUNTS)?;
        transaction.commit()?;
    }
    Ok(found)
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
