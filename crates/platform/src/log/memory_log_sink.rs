//! Keeps the last log lines in memory, for tests and for a command line that shows them.
//! It is no log: what it has no room for is dropped, oldest first, and counted.

use std::sync::{Mutex, PoisonError};

use plugdock_contracts::service::{LogSink, ServiceScope};
use plugdock_contracts::{ByteSize, ExecutionId, LogLine, PluginId, TenantId};
use serde::Deserialize;

use crate::ring::BoundedRing;
use crate::setting::{SettingCheck, SettingError, SettingErrors, as_len};

/// How many lines are kept.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MemoryLogConfig {
    /// Most lines. 10 000, what a person still scrolls through.
    pub max_lines: usize,
    /// All lines together, texts and fields. 8 MiB.
    pub max_bytes: ByteSize,
}

impl Default for MemoryLogConfig {
    fn default() -> Self {
        Self { max_lines: 10_000, max_bytes: ByteSize::from_mib(8) }
    }
}

impl MemoryLogConfig {
    /// Everything that is wrong with it.
    pub fn faults(&self) -> Vec<SettingError> {
        let mut check = SettingCheck::default();
        check.some("log.max_lines", self.max_lines);
        check.some_bytes("log.max_bytes", self.max_bytes);
        check.into_faults()
    }
}

/// A line and who wrote it.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct LogEntry {
    /// The execution.
    pub execution: ExecutionId,
    /// The plugin.
    pub plugin: PluginId,
    /// The tenant.
    pub tenant: Option<TenantId>,
    /// The line.
    pub line: LogLine,
}

/// The last lines of all executions, oldest first.
#[derive(Debug)]
pub struct MemoryLogSink {
    ring: Mutex<BoundedRing<LogEntry>>,
}

impl MemoryLogSink {
    /// An empty sink.
    ///
    /// # Errors
    /// [`SettingErrors`] with every fault of the settings.
    pub fn new(config: &MemoryLogConfig) -> Result<Self, SettingErrors> {
        SettingErrors::check(config.faults())?;
        Ok(Self { ring: Mutex::new(BoundedRing::new(config.max_lines, as_len(config.max_bytes))) })
    }

    /// The lines that are kept, in the order they came.
    pub fn entries(&self) -> Vec<LogEntry> {
        self.ring.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }

    /// How many lines were dropped.
    pub fn dropped(&self) -> u64 {
        self.ring.lock().unwrap_or_else(PoisonError::into_inner).dropped()
    }
}

impl LogSink for MemoryLogSink {
    fn write(&self, scope: &ServiceScope, line: &LogLine) {
        let entry = LogEntry {
            execution: scope.execution.clone(),
            plugin: scope.plugin.clone(),
            tenant: scope.tenant.clone(),
            line: line.clone(),
        };
        let fields: usize = line.fields.iter().map(|(name, value)| name.len() + json_bytes(value)).sum();
        let bytes = size_of::<LogEntry>() + line.message.len() + fields;
        self.ring.lock().unwrap_or_else(PoisonError::into_inner).push(entry, bytes);
    }
}

/// About what a value takes in memory. Recursion is bounded by the depth that was parsed.
fn json_bytes(value: &serde_json::Value) -> usize {
    use serde_json::Value;
    let inner = match value {
        Value::String(text) => text.len(),
        Value::Array(items) => items.iter().map(json_bytes).sum(),
        Value::Object(fields) => fields.iter().map(|(name, value)| name.len() + json_bytes(value)).sum(),
        Value::Null | Value::Bool(_) | Value::Number(_) => 0,
    };
    size_of::<Value>() + inner
}
