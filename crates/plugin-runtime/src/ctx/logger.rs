//! The handler's logger: structured lines that reach the caller as they happen.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use plugdock_contracts::{LogLevel, LogLine, LogStream};
use serde::Serialize;
use serde_json::Value;

use crate::bridge::HostBridge;

/// Writes log lines. Clones write to the same execution.
#[derive(Clone)]
pub struct Logger {
    bridge: Arc<dyn HostBridge>,
    fields: BTreeMap<String, Value>,
}

impl Logger {
    pub(crate) fn new(bridge: Arc<dyn HostBridge>) -> Self {
        Self { bridge, fields: BTreeMap::new() }
    }

    /// The same logger with a field on every line. A value without a JSON form is `null`.
    #[must_use]
    pub fn with<T: Serialize + ?Sized>(&self, name: &str, value: &T) -> Self {
        let mut fields = self.fields.clone();
        fields.insert(name.to_owned(), serde_json::to_value(value).unwrap_or_default());
        Self { bridge: Arc::clone(&self.bridge), fields }
    }

    /// Writes a line.
    pub fn log(&self, level: LogLevel, message: impl Into<String>) {
        let mut line = LogLine::new(level, LogStream::Logger, message);
        line.fields.clone_from(&self.fields);
        self.bridge.log(line);
    }

    /// For whoever follows the code.
    pub fn trace(&self, message: impl Into<String>) {
        self.log(LogLevel::Trace, message);
    }

    /// For whoever looks for a defect.
    pub fn debug(&self, message: impl Into<String>) {
        self.log(LogLevel::Debug, message);
    }

    /// For whoever operates it.
    pub fn info(&self, message: impl Into<String>) {
        self.log(LogLevel::Info, message);
    }

    /// Something is odd, the work goes on.
    pub fn warn(&self, message: impl Into<String>) {
        self.log(LogLevel::Warn, message);
    }

    /// Something failed.
    pub fn error(&self, message: impl Into<String>) {
        self.log(LogLevel::Error, message);
    }
}

impl fmt::Debug for Logger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Logger").field("fields", &self.fields).finish_non_exhaustive()
    }
}
