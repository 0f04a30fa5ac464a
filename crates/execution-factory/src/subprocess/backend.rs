//! The subprocess backend, as its host sees it.

use std::sync::Arc;

use plugdock_contracts::backend::{BackendEvents, PluginRef, Shutdown, ShutdownReport};
use plugdock_contracts::describe::PluginDescription;
use plugdock_contracts::error::ExecutionError;
use plugdock_contracts::health::HealthReport;
use plugdock_contracts::stats::BackendStats;
use plugdock_contracts::{BackendKind, BoxFuture, Execution, ExecutionBackend, ExecutionRequest};

use super::carry::SubprocessCarrier;
use crate::create::Shared;
use crate::engine::{Announcer, Engine};
use crate::process::{SpawnerClient, SpawnerConfig};
use crate::worker::WorkerDefaults;

/// Runs each execution in a process of its own, started by a small spawner process.
///
/// A deadline or a cancellation is first a request, then, after the grace, the death of the whole process group. What
/// a handler prints becomes log lines of its execution. What was in force is in each outcome's sandbox report.
#[derive(Debug)]
pub struct SubprocessBackend {
    engine: Arc<Engine<SubprocessCarrier>>,
}

impl SubprocessBackend {
    pub(crate) async fn start(shared: Shared) -> Result<Self, ExecutionError> {
        let defaults = WorkerDefaults::of(&shared.config)?;
        let mut config = SpawnerConfig::default();
        config.program.clone_from(&shared.config.spawner_program);
        let spawner = SpawnerClient::start(config).await.map_err(|error| crate::worker::spawn(&error))?;
        let announcer = Announcer::new();
        let carrier = SubprocessCarrier::new(spawner, &shared.config, defaults, announcer.clone());
        Ok(Self { engine: Engine::new(shared.into_engine_parts(carrier, announcer)) })
    }
}

crate::create::delegate_to_engine!(SubprocessBackend);
