//! The bounds of the state, and the checks of keys and values against them.
//! They hold for each tenant and plugin; a grant may tighten the quota, never widen it.

use bytes::Bytes;
use plugdock_contracts::ByteSize;
use plugdock_contracts::permission::StateQuota;
use plugdock_contracts::service::ServiceError;
use serde::Deserialize;

use super::SERVICE;
use crate::setting::{SettingCheck, SettingError, as_len};

/// How much state each tenant and plugin may keep.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct StateConfig {
    /// The host's own quota. What it leaves open is bounded by a grant alone, or not at all. By default 10 000 entries
    /// and 16 MiB, and 6 000 operations in a minute: each write waits for the disk, which other plugins need too.
    pub quota: StateQuota,
    /// Longest key, in bytes. 1024, as permissions allow.
    pub max_key_bytes: usize,
    /// Largest value. 1 MiB; what is larger belongs into `storage`.
    pub max_value: ByteSize,
    /// Memory for cached pages of the database. 16 MiB; not used by the state in memory.
    pub page_cache: ByteSize,
    /// Reads at one time, each on a thread of its own. 4; not used by the state in memory. Writes are one at a time.
    pub max_readers: u32,
}

impl Default for StateConfig {
    fn default() -> Self {
        let quota = StateQuota {
            max_entries: Some(10_000),
            max_bytes: Some(ByteSize::from_mib(16).bytes()),
            operations_per_minute: Some(6_000),
        };
        let (max_value, page_cache) = (ByteSize::from_mib(1), ByteSize::from_mib(16));
        Self { quota, max_key_bytes: 1024, max_value, page_cache, max_readers: 4 }
    }
}

impl StateConfig {
    /// Everything that is wrong with it.
    pub fn faults(&self) -> Vec<SettingError> {
        let mut check = SettingCheck::default();
        check.some("state.max_key_bytes", self.max_key_bytes);
        let key_fits = self.max_key_bytes <= 64 << 10;
        check.require(
            key_fits,
            "state.max_key_bytes",
            self.max_key_bytes,
            "it must be at most 65536: keys are an index",
        );
        check.some_bytes("state.max_value", self.max_value);
        let value_fits = self.max_value <= ByteSize::from_mib(1024);
        check.require(
            value_fits,
            "state.max_value",
            self.max_value,
            "it must be at most 1GiB: values are held in memory",
        );
        let cache_fits = self.page_cache >= ByteSize::from_mib(1);
        check.require(
            cache_fits,
            "state.page_cache",
            self.page_cache,
            "it must be at least 1MiB: a write needs its pages",
        );
        let readers = (1..=256).contains(&self.max_readers);
        check.require(
            readers,
            "state.max_readers",
            self.max_readers,
            "it must be from 1 to 256: each takes a thread",
        );
        check.into_faults()
    }

    /// Refuses a key that no store takes.
    pub(super) fn check_key(&self, key: &str) -> Result<(), ServiceError> {
        let refuse = |reason| Err(ServiceError::Invalid { service: SERVICE, reason });
        if key.is_empty() || key.len() > self.max_key_bytes {
            return refuse(format!("a key has 1 to {} bytes, this has {}", self.max_key_bytes, key.len()));
        }
        if key.contains(char::is_control) {
            return refuse("a key holds no control characters".to_owned());
        }
        Ok(())
    }

    /// Refuses a prefix that no key can have.
    pub(super) fn check_prefix(&self, prefix: &str) -> Result<(), ServiceError> {
        if prefix.is_empty() { Ok(()) } else { self.check_key(prefix) }
    }

    /// Refuses a value that is larger than the bound.
    pub(super) fn check_value(&self, value: &Bytes) -> Result<(), ServiceError> {
        if value.len() <= as_len(self.max_value) {
            return Ok(());
        }
        Err(ServiceError::TooLarge {
            service: SERVICE,
            size: value.len() as u64,
            limit: self.max_value.bytes(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_are_sound_and_faults_are_named() {
        assert_eq!(StateConfig::default().faults(), []);
        let config = StateConfig {
            quota: StateQuota::default(),
            max_key_bytes: 1 << 20,
            max_value: ByteSize::from_bytes(0),
            page_cache: ByteSize::default(),
            max_readers: 0,
        };
        let fields: Vec<_> = config.faults().iter().map(|fault| fault.setting).collect();
        assert_eq!(
            fields,
            ["state.max_key_bytes", "state.max_value", "state.page_cache", "state.max_readers"]
        );
    }
}
