//! How answers end: one document for each operation that has something to say.

use plugdock_contracts::payload::JSON;
use plugdock_contracts::stats::BackendStats;
use plugdock_contracts::{BackendKind, Outcome, Payload, PluginId, WorkerStatus};
use plugdock_core_runtime::BackendChoice;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::reply::done_line;

/// The end of `call`. The outcome may be an error: then the handler ran, or could not be run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct CallDone {
    pub(crate) outcome: Outcome,
    /// What ran it, and why that.
    pub(crate) backend: BackendChoice,
}

impl CallDone {
    /// The line that says it.
    pub(crate) fn to_line(&self) -> Vec<u8> {
        if self.outcome.result.as_ref().ok() != Some(&Payload::null()) {
            return done_line(self);
        }
        // The contracts read `"json":null` as a payload without contents; as text the same bytes are read back.
        let mut done = serde_json::to_value(self).expect("an outcome has a JSON form");
        done["outcome"]["result"]["Ok"] = json!({ "content_type": JSON, "text": "null" });
        done_line(&done)
    }
}

/// The end of `ps`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct PsDone {
    pub(crate) workers: Vec<WorkerStatus>,
}

/// The end of `stats`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct StatsDone {
    pub(crate) server: ServerFacts,
    pub(crate) backend: BackendKind,
    pub(crate) stats: BackendStats,
    pub(crate) workers: Vec<WorkerStatus>,
}

/// Which server answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ServerFacts {
    pub(crate) pid: u32,
    pub(crate) version: String,
    pub(crate) uptime_ms: u64,
    /// Connections that are open, this one included.
    pub(crate) connections: usize,
    /// Whether it finishes what runs and takes nothing new.
    pub(crate) draining: bool,
    /// Log records that it holds, and that it let go to make room.
    pub(crate) log_records: usize,
    pub(crate) log_records_dropped: u64,
}

/// The end of `resize`: the bounds that hold now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ResizeDone {
    pub(crate) min: usize,
    pub(crate) max: usize,
}

/// The end of `reload`: the plugins whose program was replaced.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ReloadDone {
    pub(crate) reloaded: Vec<PluginId>,
}

/// The end of `logs`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct LogsDone {
    /// Records that were sent.
    pub(crate) sent: u64,
    /// Records that were let go before this client took them.
    pub(crate) missed: u64,
}
