//! The bounds of the file storage.
//! They hold for each tenant and plugin; the disk as a whole is the host's to watch.

use plugdock_contracts::ByteSize;
use serde::Deserialize;

use crate::setting::{SettingCheck, SettingError};

/// How much each tenant and plugin may store.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct StorageConfig {
    /// Largest file. 16 MiB: a file is read and written whole, in memory.
    pub max_file: ByteSize,
    /// All files together, by their contents. 256 MiB.
    pub max_total: ByteSize,
    /// Most files. 10 000, which a list still answers at once.
    pub max_files: u64,
    /// Longest path, in bytes. 1024, as permissions allow.
    pub max_path_bytes: usize,
    /// Most parts of a path. 16: deeper trees are rarely meant.
    pub max_depth: usize,
    /// Operations at one time, each on a thread of its own. 8.
    pub max_parallel: u32,
}

impl Default for StorageConfig {
    fn default() -> Self {
        Self {
            max_file: ByteSize::from_mib(16),
            max_total: ByteSize::from_mib(256),
            max_files: 10_000,
            max_path_bytes: 1024,
            max_depth: 16,
            max_parallel: 8,
        }
    }
}

impl StorageConfig {
    /// Everything that is wrong with it.
    pub fn faults(&self) -> Vec<SettingError> {
        let mut check = SettingCheck::default();
        check.some_bytes("storage.max_file", self.max_file);
        let fits = self.max_file <= self.max_total;
        check.require(fits, "storage.max_total", self.max_total, "it must be at least `storage.max_file`");
        check.require(self.max_files > 0, "storage.max_files", self.max_files, "it must be at least 1");
        // Systems take paths of 4096 bytes, and the storage's own directory needs some of them.
        let path = (1..=3072).contains(&self.max_path_bytes);
        check.require(path, "storage.max_path_bytes", self.max_path_bytes, "it must be from 1 to 3072");
        check.require(
            (1..=128).contains(&self.max_depth),
            "storage.max_depth",
            self.max_depth,
            "it must be from 1 to 128",
        );
        let parallel = (1..=256).contains(&self.max_parallel);
        check.require(
            parallel,
            "storage.max_parallel",
            self.max_parallel,
            "it must be from 1 to 256: each takes a thread",
        );
        check.into_faults()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_are_sound_and_faults_are_named() {
        assert_eq!(StorageConfig::default().faults(), []);
        let config = StorageConfig {
            max_file: ByteSize::from_bytes(2),
            max_total: ByteSize::from_bytes(1),
            max_files: 0,
            max_path_bytes: 5000,
            max_depth: 0,
            max_parallel: 0,
        };
        let fields: Vec<_> = config.faults().iter().map(|fault| fault.setting).collect();
        let expected = ["max_total", "max_files", "max_path_bytes", "max_depth", "max_parallel"];
        assert_eq!(fields, expected.map(|field| format!("storage.{field}")));
    }
}
