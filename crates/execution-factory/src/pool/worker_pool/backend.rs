//! The worker pool, as its host sees it.

use std::sync::Arc;

use plugdock_contracts::backend::{BackendEvents, PluginRef, Shutdown, ShutdownReport};
use plugdock_contracts::describe::PluginDescription;
use plugdock_contracts::error::{ErrorCode, ExecutionError};
use plugdock_contracts::health::HealthReport;
use plugdock_contracts::stats::BackendStats;
use plugdock_contracts::{
    BackendKind, BoxFuture, Execution, ExecutionBackend, ExecutionRequest, PluginId, WorkerStatus,
};

use super::carrier::PoolCarrier;
use super::pool_core::{PoolCore, PoolParts};
use crate::create::Shared;
use crate::engine::{Announcer, Engine};
use crate::pool::config::size_faults;
use crate::pool::executor::Starter;
use crate::process::{Spawn, SpawnerClient, SpawnerConfig};
use crate::worker::WorkerDefaults;

/// Runs executions in long-lived worker processes.
///
/// A worker serves one plugin, one program and one sandbox plan for its whole life. Requests wait in a bounded queue that
/// is fair between plugins; a worker that becomes free is handed to the next in the same step. A worker that overran,
/// crashed or grew too large is replaced; the calls that it had begun fail with the true cause, and those that it
/// provably had not run on another. What a handler prints becomes log lines of its execution, as long as its worker runs
/// no other call beside it.
#[derive(Debug)]
pub struct WorkerPoolBackend {
    engine: Arc<Engine<PoolCarrier>>,
    pool: Arc<PoolCore>,
}

impl WorkerPoolBackend {
    pub(crate) async fn start(shared: Shared) -> Result<Self, ExecutionError> {
        let defaults = Arc::new(WorkerDefaults::of(&shared.config)?);
        let mut config = SpawnerConfig::default();
        config.program.clone_from(&shared.config.spawner_program);
        let spawner = SpawnerClient::start(config).await.map_err(|error| crate::worker::spawn(&error))?;
        let spawner = Arc::new(spawner);
        let announcer = Announcer::new();
        let starter =
            Starter::new(Arc::clone(&spawner) as Arc<dyn Spawn>, Arc::clone(&defaults), shared.workspaces());
        let handshake = shared.config.handshake;
        let pool = PoolCore::new(PoolParts {
            config: shared.config.pool.clone(),
            starter: Box::new(starter),
            announcer: announcer.clone(),
            plugins: shared.plugins(),
            defaults: Arc::clone(&defaults),
            limits: shared.config.limits.clone(),
            // The process has that time to be set up, and once more to introduce itself.
            start_within: handshake.saturating_mul(2),
        });
        let end = {
            let spawner = Arc::clone(&spawner);
            move || -> BoxFuture<'static, ()> {
                let spawner = Arc::clone(&spawner);
                Box::pin(async move { spawner.shutdown().await })
            }
        };
        let carrier = PoolCarrier { pool: Arc::clone(&pool), spawner, defaults, end: Box::new(end) };
        let limits = shared.config.limits.clone();
        let backend = Self { engine: Engine::new(shared.into_engine_parts(carrier, announcer)), pool };
        if let Err(error) = backend.pool.warm_up(&limits).await {
            backend.engine.shutdown(Shutdown::Now).await;
            return Err(error);
        }
        Ok(backend)
    }
}

crate::create::delegate_to_engine!(WorkerPoolBackend {
    fn workers(&self) -> Vec<WorkerStatus> {
        self.pool.workers()
    }

    fn resize(&self, min: usize, max: usize) -> Result<(), ExecutionError> {
        self.engine.check_open()?;
        let faults = size_faults(min, max);
        if let Some(first) = faults.first() {
            return Err(ExecutionError::new(ErrorCode::ValidationError, first.clone()).with_chain(faults));
        }
        self.pool.resize(min, max);
        Ok(())
    }

    fn reload<'a>(
        &'a self,
        plugin: Option<&'a PluginId>,
    ) -> BoxFuture<'a, Result<Vec<PluginId>, ExecutionError>> {
        Box::pin(async move {
            self.engine.check_open()?;
            self.pool.reload(plugin).await
        })
    }
});
