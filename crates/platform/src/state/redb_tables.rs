//! The tables of the state's file, and one transaction for each operation.
//! It knows no scope and no limit of rate; who a namespace is and whether it may is decided before.

use bytes::Bytes;
use plugdock_contracts::permission::StateQuota;
use plugdock_contracts::service::ServiceError;
use redb::{Database, ReadableDatabase, ReadableTable, StorageError, TableDefinition};

use super::account::{Account, entry_bytes};

/// Values by namespace and key.
const ENTRIES: TableDefinition<'_, (&str, &str), &[u8]> = TableDefinition::new("entries");
/// Entries and bytes by namespace.
const ACCOUNTS: TableDefinition<'_, &str, (u64, u64)> = TableDefinition::new("accounts");
/// One row: the layout of the other tables.
const LAYOUT: TableDefinition<'_, &str, u64> = TableDefinition::new("layout");
const LAYOUT_ROW: &str = "state";
/// Grows when a table changes its meaning, so that an older host refuses instead of guessing.
pub(super) const KNOWN_LAYOUT: u64 = 1;

/// Reads a value.
pub(super) fn read(database: &Database, owner: &str, key: &str) -> Result<Option<Bytes>, redb::Error> {
    let entries = database.begin_read()?.open_table(ENTRIES)?;
    Ok(entries.get((owner, key))?.map(|value| Bytes::copy_from_slice(value.value())))
}

/// Writes an entry and its account together. Dropping a transaction that was not committed undoes it.
pub(super) fn write(
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

/// Removes an entry and its account's share; whether it was there.
pub(super) fn remove(database: &Database, owner: &str, key: &str) -> Result<bool, redb::Error> {
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

/// Keys of a namespace that start with a prefix, in order.
pub(super) fn list(
    database: &Database,
    owner: &str,
    prefix: &str,
    limit: u32,
) -> Result<Vec<String>, redb::Error> {
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

/// Makes the tables if they are not there; answers the layout of the file, which is not touched if it is another.
pub(super) fn prepare(database: &Database) -> Result<u64, redb::Error> {
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
