//! Keeps the last denied permissions in memory, for tests and for a command line that shows them.
//! It is no record of all: what it has no room for is dropped, oldest first, and counted.

use std::sync::{Mutex, PoisonError};

use plugdock_contracts::service::{AuditEvent, AuditSink, ServiceScope};
use plugdock_contracts::{ByteSize, ExecutionId, PluginId, TenantId};
use serde::Deserialize;

use crate::ring::BoundedRing;
use crate::setting::{SettingCheck, SettingError, SettingErrors, as_len};

/// How many denials are kept.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MemoryAuditConfig {
    /// Most denials. 10 000, as in the design this follows.
    pub max_events: usize,
    /// All denials together. 8 MiB, since a plugin chooses the length of what it asks for.
    pub max_bytes: ByteSize,
}

impl Default for MemoryAuditConfig {
    fn default() -> Self {
        Self { max_events: 10_000, max_bytes: ByteSize::from_mib(8) }
    }
}

impl MemoryAuditConfig {
    /// Everything that is wrong with it.
    pub fn faults(&self) -> Vec<SettingError> {
        let mut check = SettingCheck::default();
        check.some("audit.max_events", self.max_events);
        check.some_bytes("audit.max_bytes", self.max_bytes);
        check.into_faults()
    }
}

/// A denial and who asked.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct AuditEntry {
    /// The execution.
    pub execution: ExecutionId,
    /// The plugin.
    pub plugin: PluginId,
    /// The tenant.
    pub tenant: Option<TenantId>,
    /// What was denied.
    pub event: AuditEvent,
}

/// The last denials of all executions, oldest first.
#[derive(Debug)]
pub struct MemoryAudit {
    ring: Mutex<BoundedRing<AuditEntry>>,
}

impl MemoryAudit {
    /// An empty sink.
    ///
    /// # Errors
    /// [`SettingErrors`] with every fault of the settings.
    pub fn new(config: &MemoryAuditConfig) -> Result<Self, SettingErrors> {
        SettingErrors::check(config.faults())?;
        Ok(Self { ring: Mutex::new(BoundedRing::new(config.max_events, as_len(config.max_bytes))) })
    }

    /// The denials that are kept, in the order they came.
    pub fn entries(&self) -> Vec<AuditEntry> {
        self.ring.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }

    /// How many denials were dropped.
    pub fn dropped(&self) -> u64 {
        self.ring.lock().unwrap_or_else(PoisonError::into_inner).dropped()
    }
}

impl AuditSink for MemoryAudit {
    fn record(&self, scope: &ServiceScope, event: &AuditEvent) {
        let entry = AuditEntry {
            execution: scope.execution.clone(),
            plugin: scope.plugin.clone(),
            tenant: scope.tenant.clone(),
            event: event.clone(),
        };
        let texts = event.permission.len() + event.subject.len() + event.missing.len();
        let bytes = size_of::<AuditEntry>() + texts + event.rule.as_ref().map_or(0, String::len);
        self.ring.lock().unwrap_or_else(PoisonError::into_inner).push(entry, bytes);
    }
}
