//! What a namespace of the storage holds, and whether a write stays within its bounds. Pure arithmetic.
//! It counts contents; what a file system takes for names and blocks is not in it.

use plugdock_contracts::service::ServiceError;

use super::SERVICE;
use super::storage_config::StorageConfig;

/// Files and bytes of a namespace.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Usage {
    pub(super) files: u64,
    pub(super) bytes: u64,
}

impl Usage {
    /// The usage after a file of `new` bytes takes the place of one of `old` bytes, or is added. A write that makes neither
    /// number grow is always allowed.
    pub(super) fn with_written(
        self,
        old: Option<u64>,
        new: u64,
        config: &StorageConfig,
    ) -> Result<Self, ServiceError> {
        let next = Self {
            files: self.files + u64::from(old.is_none()),
            bytes: self.bytes.saturating_sub(old.unwrap_or(0)).saturating_add(new),
        };
        let refuse = |reason| Err(ServiceError::Quota { service: SERVICE, reason });
        if next.files > self.files && next.files > config.max_files {
            return refuse(format!("max_files is {}, {} are used", config.max_files, self.files));
        }
        let total = config.max_total.bytes();
        if next.bytes > self.bytes && next.bytes > total {
            let grows = next.bytes - self.bytes;
            return refuse(format!(
                "max_total is {total}, {} are used and this write adds {grows}",
                self.bytes
            ));
        }
        Ok(next)
    }

    /// The usage after a file is gone.
    pub(super) fn without(self, old: u64) -> Self {
        Self { files: self.files.saturating_sub(1), bytes: self.bytes.saturating_sub(old) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use plugdock_contracts::ByteSize;

    #[test]
    fn writes_up_to_the_bounds_and_not_beyond() {
        let config =
            StorageConfig { max_total: ByteSize::from_bytes(15), max_files: 2, ..StorageConfig::default() };
        let held = Usage { files: 1, bytes: 10 };
        for (old, new, accepted) in
            [(None, 5, true), (None, 6, false), (Some(10), 15, true), (Some(10), 16, false)]
        {
            assert_eq!(held.with_written(old, new, &config).is_ok(), accepted, "{old:?} {new}");
        }
        let over = Usage { files: 9, bytes: 90 };
        assert!(over.with_written(None, 0, &config).is_err());
        assert_eq!(over.with_written(Some(10), 9, &config).unwrap(), Usage { files: 9, bytes: 89 });
        assert_eq!(over.without(10), Usage { files: 8, bytes: 80 });
    }
}
