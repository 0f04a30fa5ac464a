//! tmp
use std::sync::Arc;

use plugdock_contracts::backend::{BackendEvents, PluginRef, Shutdown, ShutdownReport};
use plugdock_contracts::describe::PluginDescription;
use plugdock_contracts::error::ExecutionError;
use plugdock_contracts::health::HealthReport;
use plugdock_contracts::stats::BackendStats;
use plugdock_contracts::{BackendKind, BoxFuture, Execution, ExecutionBackend, ExecutionRequest};
use crate::create::Shared;
use crate::engine::Engine;

/// tmp
#[derive(Debug)]
pub struct SubprocessBackend {
    engine: Arc<Engine>,
}

impl SubprocessBackend {
    pub(crate) async fn start(_shared: Shared) -> Result<Self, ExecutionError> {
        todo!()
    }
}

crate::create::delegate_to_engine!(SubprocessBackend);
