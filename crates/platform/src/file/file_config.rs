//! The bounds of the host's files.
//! They hold for one call; how much a workspace may hold in all is its lease's to bound.

use plugdock_contracts::ByteSize;
use serde::Deserialize;

use crate::setting::{SettingCheck, SettingError};

/// How much one call may take.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FileConfig {
    /// Largest file. 16 MiB: a file is read and written whole, in memory.
    pub max_file: ByteSize,
    /// Most names that a list answers. 10 000; a larger directory is refused, never cut.
    pub max_listed: usize,
    /// Operations at one time, each on a thread of its own. 8.
    pub max_parallel: u32,
}

impl Default for FileConfig {
    fn default() -> Self {
        Self { max_file: ByteSize::from_mib(16), max_listed: 10_000, max_parallel: 8 }
    }
}

impl FileConfig {
    /// Everything that is wrong with it.
    pub fn faults(&self) -> Vec<SettingError> {
        let mut check = SettingCheck::default();
        check.some_bytes("fs.max_file", self.max_file);
        check.some("fs.max_listed", self.max_listed);
        let parallel = (1..=256).contains(&self.max_parallel);
        let reason = "it must be from 1 to 256: each takes a thread";
        check.require(parallel, "fs.max_parallel", self.max_parallel, reason);
        check.into_faults()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_are_sound_and_faults_are_named() {
        assert_eq!(FileConfig::default().faults(), []);
        let config = FileConfig { max_file: ByteSize::from_bytes(0), max_listed: 0, max_parallel: 257 };
        let fields: Vec<_> = config.faults().iter().map(|fault| fault.setting).collect();
        assert_eq!(fields, ["fs.max_file", "fs.max_listed", "fs.max_parallel"]);
    }
}
