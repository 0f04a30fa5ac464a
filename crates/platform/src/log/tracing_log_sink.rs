//! Passes log lines on to the host's `tracing`, with who wrote them.
//! It installs no subscriber and filters nothing; levels and targets are the subscriber's to choose.

use plugdock_contracts::service::{LogSink, ServiceScope};
use plugdock_contracts::{LogLevel, LogLine, LogStream};
use tracing::Level;

/// Writes each line as an event of the target `plugdock::handler`.
///
/// Fields: `execution`, `plugin`, `tenant` and `trace` if there are any, `stream` (`logger`, `stdout` or `stderr`), `seq`,
/// `truncated`, and the line's own fields as one JSON text in `fields` if it has any.
#[derive(Debug, Clone, Copy, Default)]
#[non_exhaustive]
pub struct TracingLogSink;

impl TracingLogSink {
    /// A sink. It has no state.
    pub fn new() -> Self {
        Self
    }
}

/// `tracing` makes one call site for each level, so the level cannot be a variable.
macro_rules! line_event {
    ($level:expr, $scope:ident, $line:ident) => {
        tracing::event!(
            target: "plugdock::handler",
            $level,
            execution = $scope.execution.as_str(),
            plugin = $scope.plugin.as_str(),
            tenant = $scope.tenant.as_ref().map(plugdock_contracts::TenantId::as_str),
            trace = $scope.trace.as_ref().map(plugdock_contracts::TraceContext::trace_id),
            stream = stream_name($line.stream),
            seq = $line.seq,
            truncated = $line.truncated,
            fields = own_fields($line),
            "{}",
            $line.message
        )
    };
}

impl LogSink for TracingLogSink {
    fn write(&self, scope: &ServiceScope, line: &LogLine) {
        match line.level {
            LogLevel::Trace => line_event!(Level::TRACE, scope, line),
            LogLevel::Debug => line_event!(Level::DEBUG, scope, line),
            LogLevel::Info => line_event!(Level::INFO, scope, line),
            LogLevel::Warn => line_event!(Level::WARN, scope, line),
            LogLevel::Error => line_event!(Level::ERROR, scope, line),
        }
    }
}

fn stream_name(stream: LogStream) -> &'static str {
    match stream {
        LogStream::Logger => "logger",
        LogStream::Stdout => "stdout",
        LogStream::Stderr => "stderr",
        _ => "other",
    }
}

fn own_fields(line: &LogLine) -> Option<String> {
    // A map of JSON values with text keys always has a JSON form; if that ever changes the line goes without them.
    (!line.fields.is_empty()).then(|| serde_json::to_string(&line.fields).unwrap_or_default())
}
