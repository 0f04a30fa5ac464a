//! State in memory, for tests and for hosts that keep none.
//! It follows the rules of the persistent state but for one: what it holds is gone with it.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::ops::Bound;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use bytes::Bytes;
use plugdock_contracts::permission::StateQuota;
use plugdock_contracts::service::{ServiceError, ServiceResult, ServiceScope, StateService};

use super::account::{Account, entry_bytes};
use super::meter::Meter;
use super::state_config::StateConfig;
use crate::namespace::Namespace;
use crate::setting::SettingErrors;

/// State in memory.
pub struct MemoryState {
    config: StateConfig,
    meter: Meter,
    shelves: Mutex<HashMap<Namespace, Shelf>>,
}

/// What one namespace holds.
#[derive(Default)]
struct Shelf {
    entries: BTreeMap<String, Bytes>,
    account: Account,
}

impl MemoryState {
    /// An empty state.
    ///
    /// # Errors
    /// [`SettingErrors`] with every fault of the settings.
    pub fn new(config: StateConfig) -> Result<Self, SettingErrors> {
        SettingErrors::check(config.faults())?;
        Ok(Self { config, meter: Meter::default(), shelves: Mutex::default() })
    }

    fn shelves(&self) -> MutexGuard<'_, HashMap<Namespace, Shelf>> {
        self.shelves.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The quota of host and grant together.
    fn quota(&self, scope: &ServiceScope) -> StateQuota {
        self.config.quota.tighter(scope.state_quota)
    }

    fn charge(&self, scope: &ServiceScope) -> Result<Namespace, ServiceError> {
        let owner = Namespace::of(scope);
        self.meter.count(&owner, Instant::now(), self.quota(scope).operations_per_minute)?;
        Ok(owner)
    }

    fn read(&self, scope: &ServiceScope, key: &str) -> Result<Option<Bytes>, ServiceError> {
        self.config.check_key(key)?;
        let owner = self.charge(scope)?;
        Ok(self.shelves().get(&owner).and_then(|shelf| shelf.entries.get(key).cloned()))
    }

    fn write(&self, scope: &ServiceScope, key: &str, value: &Bytes) -> Result<(), ServiceError> {
        self.config.check_key(key)?;
        self.config.check_value(value)?;
        let quota = self.quota(scope);
        let owner = self.charge(scope)?;
        let mut shelves = self.shelves();
        let held = shelves.get(&owner);
        let old = held.and_then(|shelf| shelf.entries.get(key)).map(|old| entry_bytes(key, old.len()));
        let account = held.map_or_else(Account::default, |shelf| shelf.account);
        let account = account.with_written(old, entry_bytes(key, value.len()), quota)?;
        let own = shelves.entry(owner).or_default();
        // A value that is a slice of a larger buffer would keep all of it alive.
        own.entries.insert(key.to_owned(), Bytes::copy_from_slice(value));
        own.account = account;
        Ok(())
    }

    fn remove(&self, scope: &ServiceScope, key: &str) -> Result<bool, ServiceError> {
        self.config.check_key(key)?;
        let owner = self.charge(scope)?;
        let mut shelves = self.shelves();
        let Some(own) = shelves.get_mut(&owner) else { return Ok(false) };
        let Some(old) = own.entries.remove(key) else { return Ok(false) };
        own.account = own.account.without(entry_bytes(key, old.len()));
        if own.entries.is_empty() {
            shelves.remove(&owner);
        }
        Ok(true)
    }

    fn list(&self, scope: &ServiceScope, prefix: &str, limit: u32) -> Result<Vec<String>, ServiceError> {
        self.config.check_prefix(prefix)?;
        let owner = self.charge(scope)?;
        let shelves = self.shelves();
        let Some(own) = shelves.get(&owner) else { return Ok(Vec::new()) };
        let from = own.entries.range::<str, _>((Bound::Included(prefix), Bound::Unbounded));
        let keys = from.map(|(key, _)| key).take_while(|key| key.starts_with(prefix));
        Ok(keys.take(usize::try_from(limit).unwrap_or(usize::MAX)).cloned().collect())
    }
}

impl StateService for MemoryState {
    fn get<'a>(&'a self, scope: &'a ServiceScope, key: &'a str) -> ServiceResult<'a, Option<Bytes>> {
        Box::pin(async move { self.read(scope, key) })
    }

    fn set<'a>(&'a self, scope: &'a ServiceScope, key: &'a str, value: Bytes) -> ServiceResult<'a, ()> {
        Box::pin(async move { self.write(scope, key, &value) })
    }

    fn delete<'a>(&'a self, scope: &'a ServiceScope, key: &'a str) -> ServiceResult<'a, bool> {
        Box::pin(async move { self.remove(scope, key) })
    }

    fn keys<'a>(
        &'a self,
        scope: &'a ServiceScope,
        prefix: &'a str,
        limit: u32,
    ) -> ServiceResult<'a, Vec<String>> {
        Box::pin(async move { self.list(scope, prefix, limit) })
    }
}

impl fmt::Debug for MemoryState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Never the entries: they are plugins' data.
        f.debug_struct("MemoryState").field("config", &self.config).finish_non_exhaustive()
    }
}
