//! What a namespace of the state holds, and whether a write stays within its quota. Pure arithmetic.
//! It stores nothing; a store keeps the account in the same transaction as the entries.

use plugdock_contracts::permission::StateQuota;
use plugdock_contracts::service::ServiceError;

use super::SERVICE;

/// Entries and bytes of a namespace.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Account {
    /// How many keys.
    pub(super) entries: u64,
    /// Keys and values together.
    pub(super) bytes: u64,
}

/// The size of an entry as it is counted.
pub(super) fn entry_bytes(key: &str, value_len: usize) -> u64 {
    key.len() as u64 + value_len as u64
}

impl Account {
    /// The account after an entry of `new` bytes takes the place of one of `old` bytes, or is added.
    ///
    /// A write that makes neither number grow is always allowed, so that a namespace over a quota that was lowered can shrink.
    pub(super) fn with_written(
        self,
        old: Option<u64>,
        new: u64,
        quota: StateQuota,
    ) -> Result<Self, ServiceError> {
        let next = Self {
            entries: self.entries + u64::from(old.is_none()),
            bytes: self.bytes.saturating_sub(old.unwrap_or(0)).saturating_add(new),
        };
        let over =
            |now: u64, then: u64, limit: Option<u64>| limit.filter(|limit| then > now && then > *limit);
        let refuse = |reason| Err(ServiceError::Quota { service: SERVICE, reason });
        if let Some(limit) = over(self.entries, next.entries, quota.max_entries) {
            return refuse(format!("max_entries is {limit}, {} are used", self.entries));
        }
        if let Some(limit) = over(self.bytes, next.bytes, quota.max_bytes) {
            let grows = next.bytes - self.bytes;
            return refuse(format!(
                "max_bytes is {limit}, {} are used and this write adds {grows}",
                self.bytes
            ));
        }
        Ok(next)
    }

    /// The account after an entry is gone.
    pub(super) fn without(self, old: u64) -> Self {
        Self { entries: self.entries.saturating_sub(1), bytes: self.bytes.saturating_sub(old) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn quota(max_entries: u64, max_bytes: u64) -> StateQuota {
        StateQuota { max_entries: Some(max_entries), max_bytes: Some(max_bytes), operations_per_minute: None }
    }

    #[test]
    fn writes_up_to_the_quota_and_not_beyond() {
        let held = Account { entries: 1, bytes: 10 };
        // old, new, quota, accepted.
        let rows = [
            (None, 5, quota(2, 15), true),
            (None, 6, quota(2, 15), false),
            (None, 1, quota(1, 15), false),
            (Some(10), 15, quota(1, 15), true),
            (Some(10), 16, quota(1, 15), false),
            (Some(10), 10, quota(0, 0), true),
            (Some(10), 3, quota(0, 0), true),
            (Some(10), 11, quota(1, 5), false),
        ];
        for (old, new, quota, accepted) in rows {
            assert_eq!(held.with_written(old, new, quota).is_ok(), accepted, "{old:?} {new} {quota:?}");
        }
    }

    #[test]
    fn a_refusal_says_what_is_used_and_what_there_is() {
        let error = Account { entries: 1, bytes: 10 }.with_written(None, 6, quota(2, 15)).unwrap_err();
        assert_eq!(error.to_string(), "state: max_bytes is 15, 10 are used and this write adds 6");
    }

    #[test]
    fn what_is_added_can_be_taken_away() {
        let held = Account { entries: 1, bytes: 10 };
        let more = held.with_written(None, 7, StateQuota::default()).unwrap();
        assert_eq!(more, Account { entries: 2, bytes: 17 });
        assert_eq!(more.without(7), held);
    }
}
