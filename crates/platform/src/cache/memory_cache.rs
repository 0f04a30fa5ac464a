//! The cache in the host's memory, bounded by bytes, each entry with its own time to live.
//! All tenants and plugins share its room: one that writes much can displace what others wrote, never read it.

use std::fmt;
use std::time::{Duration, Instant};

use bytes::Bytes;
use moka::Expiry;
use moka::sync::Cache;
use plugdock_contracts::service::{CacheService, ServiceError, ServiceResult, ServiceScope};

use crate::cache::CacheConfig;
use crate::namespace::Namespace;
use crate::setting::{SettingErrors, as_len};

const SERVICE: &str = "cache";

/// What an entry costs beside its key and value: its ids, hash table slot, expiry and eviction nodes.
const ENTRY_OVERHEAD: usize = 512;

/// A cache in memory. What is displaced when it is full is chosen by frequency and age, so that a value that is read
/// often outlives a flood of values that are not.
pub struct MemoryCache {
    config: CacheConfig,
    entries: Cache<CacheKey, CacheEntry>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct CacheKey {
    owner: Namespace,
    key: Box<str>,
}

#[derive(Debug, Clone)]
struct CacheEntry {
    value: Bytes,
    ttl: Duration,
}

/// Each entry lives as long as it says, from the moment it was last written.
#[derive(Debug)]
struct OwnTtl;

impl Expiry<CacheKey, CacheEntry> for OwnTtl {
    fn expire_after_create(&self, _key: &CacheKey, entry: &CacheEntry, _now: Instant) -> Option<Duration> {
        Some(entry.ttl)
    }

    fn expire_after_update(
        &self,
        _key: &CacheKey,
        entry: &CacheEntry,
        _now: Instant,
        _left: Option<Duration>,
    ) -> Option<Duration> {
        Some(entry.ttl)
    }
}

impl MemoryCache {
    /// An empty cache.
    ///
    /// # Errors
    /// [`SettingErrors`] with every fault of the settings.
    pub fn new(config: CacheConfig) -> Result<Self, SettingErrors> {
        SettingErrors::check(config.faults())?;
        let entries = Cache::builder()
            .max_capacity(config.max_bytes.bytes())
            .weigher(|key: &CacheKey, entry: &CacheEntry| weight(key.key.len(), entry.value.len()))
            .expire_after(OwnTtl)
            .build();
        Ok(Self { config, entries })
    }

    /// What its entries weighed after the last write, in bytes.
    pub fn weight(&self) -> u64 {
        self.entries.weighted_size()
    }

    fn key(&self, scope: &ServiceScope, key: &str) -> Result<CacheKey, ServiceError> {
        if key.is_empty() || key.len() > self.config.max_key_bytes {
            let reason =
                format!("a key has 1 to {} bytes, this has {}", self.config.max_key_bytes, key.len());
            return Err(ServiceError::Invalid { service: SERVICE, reason });
        }
        Ok(CacheKey { owner: Namespace::of(scope), key: key.into() })
    }

    fn write(&self, key: CacheKey, value: &Bytes, ttl: Option<Duration>) -> Result<(), ServiceError> {
        if value.len() > as_len(self.config.max_value) {
            let limit = self.config.max_value.bytes();
            return Err(ServiceError::TooLarge { service: SERVICE, size: value.len() as u64, limit });
        }
        let ttl = ttl.unwrap_or(self.config.default_ttl).min(self.config.max_ttl);
        if ttl.is_zero() {
            self.entries.invalidate(&key);
            return Ok(());
        }
        // A value that is a slice of a larger buffer would keep all of it alive, unseen by the weight.
        let value = Bytes::copy_from_slice(value);
        self.entries.insert(key, CacheEntry { value, ttl });
        // Without this the bound would hold only at the next maintenance, up to hundreds of writes later.
        self.entries.run_pending_tasks();
        Ok(())
    }
}

/// The weight of an entry. The settings keep it far below `u32::MAX`.
fn weight(key: usize, value: usize) -> u32 {
    u32::try_from(key.saturating_add(value).saturating_add(ENTRY_OVERHEAD)).unwrap_or(u32::MAX)
}

impl CacheService for MemoryCache {
    fn get<'a>(&'a self, scope: &'a ServiceScope, key: &'a str) -> ServiceResult<'a, Option<Bytes>> {
        Box::pin(async move { Ok(self.entries.get(&self.key(scope, key)?).map(|entry| entry.value)) })
    }

    fn set<'a>(
        &'a self,
        scope: &'a ServiceScope,
        key: &'a str,
        value: Bytes,
        ttl: Option<Duration>,
    ) -> ServiceResult<'a, ()> {
        Box::pin(async move { self.write(self.key(scope, key)?, &value, ttl) })
    }

    fn delete<'a>(&'a self, scope: &'a ServiceScope, key: &'a str) -> ServiceResult<'a, bool> {
        Box::pin(async move { Ok(self.entries.remove(&self.key(scope, key)?).is_some()) })
    }
}

impl fmt::Debug for MemoryCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Never the entries: they are plugins' data.
        f.debug_struct("MemoryCache").field("config", &self.config).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use plugdock_contracts::{ExecutionId, PluginId};

    #[test]
    fn a_rewritten_entry_lives_as_long_as_its_last_writer_said() {
        let scope = ServiceScope::new(PluginId::new("a/b").unwrap(), None, ExecutionId::generate());
        let key = CacheKey { owner: Namespace::of(&scope), key: "k".into() };
        let entry = |secs| CacheEntry { value: Bytes::new(), ttl: Duration::from_secs(secs) };
        let now = Instant::now();
        assert_eq!(OwnTtl.expire_after_create(&key, &entry(5), now), Some(Duration::from_secs(5)));
        let left = Some(Duration::from_secs(1));
        assert_eq!(OwnTtl.expire_after_update(&key, &entry(9), now, left), Some(Duration::from_secs(9)));
        assert_eq!(OwnTtl.expire_after_read(&key, &entry(9), now, left, now), left);
    }
}
