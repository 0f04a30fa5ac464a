//! One record of the server's log: a line of an execution, or an event of the backend.

use plugdock_contracts::backend::BackendEvent;
use plugdock_contracts::{ExecutionId, HandlerId, LogLine, PluginId, WorkerId};
use serde::{Deserialize, Serialize};

/// A record with its place and time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct LogRecord {
    /// Its place among all records of this server, from 0. A gap means records that were let go or left out.
    pub(crate) seq: u64,
    /// Milliseconds since 1970-01-01 UTC, when the server took it.
    pub(crate) time_ms: u64,
    #[serde(flatten)]
    pub(crate) what: Recorded,
}

/// What was recorded.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Recorded {
    /// A log line of an execution that was made through the server.
    Execution {
        plugin: PluginId,
        handler: HandlerId,
        execution: ExecutionId,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        worker: Option<WorkerId>,
        line: LogLine,
    },
    /// Something that happened in the backend.
    Backend(BackendEvent),
    /// The backend told more than the server took: so many events were lost.
    EventsLost(u64),
}

impl Recorded {
    /// The plugin it is about.
    pub(crate) fn plugin(&self) -> Option<&PluginId> {
        match self {
            Self::Execution { plugin, .. } => Some(plugin),
            Self::Backend(event) => plugin_of(event),
            Self::EventsLost(_) => None,
        }
    }
}

fn plugin_of(event: &BackendEvent) -> Option<&PluginId> {
    match event {
        BackendEvent::Spawned { plugin, .. }
        | BackendEvent::Crashed { plugin, .. }
        | BackendEvent::Denied { plugin, .. }
        | BackendEvent::Recycled { plugin, .. }
        | BackendEvent::StartFailed { plugin, .. }
        | BackendEvent::Quarantined { plugin, .. }
        | BackendEvent::Released { plugin }
        | BackendEvent::QueueFull { plugin, .. }
        | BackendEvent::HealthFailed { plugin, .. }
        | BackendEvent::Reloaded { plugin } => Some(plugin),
        _ => None,
    }
}
