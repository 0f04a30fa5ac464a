//! Where a line of a worker's output goes: to the one execution that it is of, or to the host's own log.

use plugdock_contracts::{LogLevel, LogLine, LogStream, PluginId, WorkerId};

use crate::execution::Port;
use crate::process::OutputLine;

/// Whose output a worker's is, for the host's log.
#[derive(Debug, Clone)]
pub(crate) struct Origin {
    pub(crate) worker: WorkerId,
    pub(crate) plugin: PluginId,
}

/// Whose the lines are that are read now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Route {
    /// No call's: none runs.
    Nobody,
    /// This call's: no other runs.
    Call(u64),
    /// One of several calls', and nothing says which.
    Several,
}

/// Gives lines to an execution.
pub(super) fn to_port(port: &Port, lines: Vec<OutputLine>, stream: LogStream) {
    for line in lines {
        let mut made = LogLine::new(level(stream), stream, line.text);
        made.truncated = line.truncated;
        port.log(made);
    }
}

/// Gives lines to the host's log.
pub(super) fn to_host(origin: &Origin, lines: &[OutputLine], stream: LogStream) {
    let Origin { worker, plugin } = origin;
    for line in lines {
        let text = line.text.as_str();
        if level(stream) == LogLevel::Warn {
            tracing::warn!(target: "plugdock::worker", %worker, %plugin, stream = "stderr", "{text}");
        } else {
            tracing::info!(target: "plugdock::worker", %worker, %plugin, stream = "stdout", "{text}");
        }
    }
}

fn level(stream: LogStream) -> LogLevel {
    if stream == LogStream::Stdout { LogLevel::Info } else { LogLevel::Warn }
}
