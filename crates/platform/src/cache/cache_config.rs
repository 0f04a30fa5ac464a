//! The bounds of the cache.
//! They hold for the whole cache, whose tenants and plugins share its room.

use std::time::Duration;

use plugdock_contracts::{ByteSize, span};
use serde::Deserialize;

use crate::setting::{SettingCheck, SettingError};

/// How much the cache keeps and how long.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CacheConfig {
    /// All entries together, keys and bookkeeping included. 64 MiB: a small share of a host's memory.
    pub max_bytes: ByteSize,
    /// Longest key, in bytes. 1024, as permissions allow.
    pub max_key_bytes: usize,
    /// Largest value. 1 MiB, so that no single value takes a notable share of the room.
    pub max_value: ByteSize,
    /// How long a value is kept when its writer does not say. 5 minutes.
    #[serde(with = "span::as_text")]
    pub default_ttl: Duration,
    /// How long a value is kept at most, whatever its writer says. One day.
    #[serde(with = "span::as_text")]
    pub max_ttl: Duration,
}

impl Default for CacheConfig {
    fn default() -> Self {
        Self {
            max_bytes: ByteSize::from_mib(64),
            max_key_bytes: 1024,
            max_value: ByteSize::from_mib(1),
            default_ttl: Duration::from_mins(5),
            max_ttl: Duration::from_hours(24),
        }
    }
}

impl CacheConfig {
    /// Everything that is wrong with it.
    pub fn faults(&self) -> Vec<SettingError> {
        let mut check = SettingCheck::default();
        check.some_bytes("cache.max_bytes", self.max_bytes);
        check.some("cache.max_key_bytes", self.max_key_bytes);
        // A value must fit with its key and bookkeeping, or the cache would refuse it without a word.
        let fits = self.max_value.bytes() <= self.max_bytes.bytes() / 2
            && self.max_value.bytes() <= u64::from(u32::MAX) / 2;
        check.require(
            fits,
            "cache.max_value",
            self.max_value,
            "it must be at most half of `cache.max_bytes` and 2 GiB",
        );
        let key_fits = self.max_key_bytes as u64 <= self.max_bytes.bytes() / 4;
        check.require(
            key_fits,
            "cache.max_key_bytes",
            self.max_key_bytes,
            "it must be at most a quarter of `cache.max_bytes`",
        );
        let ttl = |ttl: Duration| span::format_span(ttl);
        check.require(
            !self.default_ttl.is_zero(),
            "cache.default_ttl",
            ttl(self.default_ttl),
            "it must be longer than 0s",
        );
        let reason = "it must be at least `cache.default_ttl` and at most 100 years";
        let holds = self.max_ttl >= self.default_ttl && self.max_ttl <= span::MAX_SPAN;
        check.require(holds, "cache.max_ttl", ttl(self.max_ttl), reason);
        check.into_faults()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_are_sound_and_faults_are_named() {
        assert_eq!(CacheConfig::default().faults(), []);
        let config = CacheConfig {
            max_bytes: ByteSize::from_bytes(0),
            max_key_bytes: 0,
            max_value: ByteSize::from_bytes(1),
            default_ttl: Duration::ZERO,
            max_ttl: Duration::MAX,
        };
        let fields: Vec<_> = config.faults().iter().map(|fault| fault.setting).collect();
        assert_eq!(
            fields,
            [
                "cache.max_bytes",
                "cache.max_key_bytes",
                "cache.max_value",
                "cache.default_ttl",
                "cache.max_ttl"
            ]
        );
    }
}
