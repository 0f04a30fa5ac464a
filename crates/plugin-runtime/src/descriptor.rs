//! What a handler is told about its execution. It crosses a process boundary as JSON.
//! It grants nothing: the host decides from its own records, never from what comes back.

use std::path::PathBuf;
use std::time::Duration;

use plugdock_contracts::{ExecutionId, HandlerId, HostContext, PluginId, RequestId, TenantId, TraceContext};
use serde::{Deserialize, Serialize};

/// What a handler is told about its execution.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct CallDescriptor {
    /// The execution.
    pub execution_id: ExecutionId,
    /// The plugin.
    pub plugin: PluginId,
    /// The handler.
    pub handler: HandlerId,
    /// Where the request came from.
    #[serde(default)]
    pub host: HostContext,
    /// The host's request.
    #[serde(default)]
    pub request_id: Option<RequestId>,
    /// On whose behalf it runs.
    #[serde(default)]
    pub tenant: Option<TenantId>,
    /// Position in a trace.
    #[serde(default)]
    pub trace: Option<TraceContext>,
    /// The plugin's configuration: the manifest's defaults under the host's and the request's values.
    #[serde(default)]
    pub config: serde_json::Value,
    /// The directory it may write to.
    #[serde(default)]
    pub workspace: Option<PathBuf>,
    /// The directory of its artifacts.
    #[serde(default)]
    pub artifacts: Option<PathBuf>,
    /// Time it has, from the moment it is called. Relative, because clocks of processes are not compared.
    #[serde(default)]
    pub time_limit_us: Option<u64>,
    /// How many invocations led here; 0 for one that a host started.
    #[serde(default)]
    pub depth: u32,
    /// Whether the caller wants the backtrace of a panic.
    #[serde(default)]
    pub backtrace: bool,
}

impl CallDescriptor {
    /// A descriptor without anything optional.
    pub fn new(execution_id: ExecutionId, plugin: PluginId, handler: HandlerId) -> Self {
        Self {
            execution_id,
            plugin,
            handler,
            host: HostContext::default(),
            request_id: None,
            tenant: None,
            trace: None,
            config: serde_json::Value::Null,
            workspace: None,
            artifacts: None,
            time_limit_us: None,
            depth: 0,
            backtrace: false,
        }
    }

    /// Time it has, from the moment it is called.
    pub fn time_limit(&self) -> Option<Duration> {
        self.time_limit_us.map(Duration::from_micros)
    }
}
