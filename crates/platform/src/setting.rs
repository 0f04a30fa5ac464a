//! What is wrong with a service's settings: every fault at once, each with its field.
//! It reads no configuration file; the values come from whoever builds the service.

use std::fmt;

use plugdock_contracts::ByteSize;

/// A setting that cannot be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{setting}` is {value}: {reason}")]
#[non_exhaustive]
pub struct SettingError {
    /// The service and the field, for example `cache.max_bytes`.
    pub setting: &'static str,
    /// The refused value.
    pub value: String,
    /// What would be right.
    pub reason: &'static str,
}

/// Every fault of a service's settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SettingErrors(Vec<SettingError>);

impl SettingErrors {
    /// The faults; at least one.
    pub fn faults(&self) -> &[SettingError] {
        &self.0
    }

    /// Nothing wrong, or all of it.
    pub(crate) fn check(faults: Vec<SettingError>) -> Result<(), Self> {
        if faults.is_empty() { Ok(()) } else { Err(Self(faults)) }
    }
}

impl fmt::Display for SettingErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, fault) in self.0.iter().enumerate() {
            write!(f, "{}{fault}", if at == 0 { "" } else { "; " })?;
        }
        Ok(())
    }
}

impl std::error::Error for SettingErrors {}

/// Collects the faults of one service's settings.
#[derive(Debug, Default)]
pub(crate) struct SettingCheck(Vec<SettingError>);

impl SettingCheck {
    /// Refuses with a reason unless it holds.
    pub(crate) fn require(
        &mut self,
        holds: bool,
        setting: &'static str,
        value: impl fmt::Display,
        reason: &'static str,
    ) {
        if !holds {
            self.0.push(SettingError { setting, value: value.to_string(), reason });
        }
    }

    /// Refuses zero, with which the service could hold nothing.
    pub(crate) fn some(&mut self, setting: &'static str, value: usize) {
        self.require(value > 0, setting, value, "it must be at least 1");
    }

    /// Refuses zero bytes.
    pub(crate) fn some_bytes(&mut self, setting: &'static str, value: ByteSize) {
        self.require(value.bytes() > 0, setting, value, "it must be at least 1B");
    }

    pub(crate) fn into_faults(self) -> Vec<SettingError> {
        self.0
    }
}

/// A size as what can be addressed; more than that is no bound at all.
pub(crate) fn as_len(size: ByteSize) -> usize {
    usize::try_from(size.bytes()).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fault_is_listed_with_its_field() {
        let mut check = SettingCheck::default();
        check.some("cache.a", 0);
        check.some("cache.b", 1);
        check.some_bytes("cache.c", ByteSize::from_bytes(0));
        let errors = SettingErrors::check(check.into_faults()).unwrap_err();
        assert_eq!(
            errors.to_string(),
            "`cache.a` is 0: it must be at least 1; `cache.c` is 0B: it must be at least 1B"
        );
        assert_eq!(errors.faults().len(), 2);
    }
}
