//! What can be said of a worker process from outside: for people and for monitoring, never to decide by.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::id::{PluginId, WorkerId};
use crate::span::as_millis;

/// What a worker does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum WorkerState {
    /// Its process is being started and introduced.
    Starting,
    /// Ready and without a call.
    Idle,
    /// With at least one call.
    Busy,
    /// It finishes what it has and takes nothing more.
    Draining,
    /// It is gone.
    Stopped,
}

impl WorkerState {
    /// The word that people read.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::Idle => "idle",
            Self::Busy => "busy",
            Self::Draining => "draining",
            Self::Stopped => "stopped",
        }
    }
}

impl fmt::Display for WorkerState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// One worker process at one moment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct WorkerStatus {
    /// The worker.
    pub worker: WorkerId,
    /// The plugin it serves.
    pub plugin: PluginId,
    /// Which program of that plugin: the start of its digest, or `linked`.
    pub generation: String,
    /// What it does.
    pub state: WorkerState,
    /// Its process id, for people: never signal by it. Absent while it is started.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pid: Option<u32>,
    /// How long ago it was asked for, in milliseconds.
    #[serde(rename = "age_ms", with = "as_millis")]
    pub age: Duration,
    /// Calls it has ended.
    pub calls: u64,
    /// Calls it runs now.
    pub running: usize,
    /// CPU time it used so far, in milliseconds, where it could be read.
    #[serde(rename = "cpu_ms", with = "as_millis::option", default, skip_serializing_if = "Option::is_none")]
    pub cpu: Option<Duration>,
    /// Its resident memory when it was last read, in bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resident_bytes: Option<u64>,
}

impl WorkerStatus {
    /// A worker that has done nothing yet.
    pub fn new(
        worker: WorkerId,
        plugin: PluginId,
        generation: impl Into<String>,
        state: WorkerState,
    ) -> Self {
        Self {
            worker,
            plugin,
            generation: generation.into(),
            state,
            pid: None,
            age: Duration::ZERO,
            calls: 0,
            running: 0,
            cpu: None,
            resident_bytes: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_survives_a_document() {
        let plugin = PluginId::new("acme/x").unwrap();
        let mut status = WorkerStatus::new(WorkerId::generate(), plugin, "linked", WorkerState::Busy);
        status.cpu = Some(Duration::from_millis(7));
        let document = serde_json::to_value(&status).unwrap();
        assert_eq!((&document["state"], &document["cpu_ms"]), (&"busy".into(), &7.into()));
        assert_eq!(serde_json::from_value::<WorkerStatus>(document).unwrap(), status);
    }
}
