//! Makes a backend by its configuration: the one place that knows all of them.

use std::path::PathBuf;
use std::sync::Arc;

use plugdock_contracts::error::{ErrorChain, ErrorCode, ExecutionError};
use plugdock_contracts::workspace::WorkspaceManager;
use plugdock_contracts::{BackendKind, ExecutionBackend};
use plugdock_platform::Platform;
use plugdock_plugin_runtime::Registry;

use crate::config::BackendConfig;
use crate::engine::{Announcer, Carrier, EngineConfig, EngineParts};
use crate::in_process::InProcessBackend;
use crate::plugin::{Catalog, PluginMemory, PluginSource};
use crate::pool::WorkerPoolBackend;
use crate::subprocess::SubprocessBackend;
use crate::workspace::LocalWorkspaceManager;

/// What every backend is made of.
pub(crate) struct Shared {
    pub(crate) config: BackendConfig,
    platform: Arc<Platform>,
    workspaces: Arc<dyn WorkspaceManager>,
    plugins: Arc<PluginSource>,
}

impl Shared {
    pub(crate) fn workspaces(&self) -> Arc<dyn WorkspaceManager> {
        Arc::clone(&self.workspaces)
    }

    pub(crate) fn plugins(&self) -> Arc<PluginSource> {
        Arc::clone(&self.plugins)
    }

    pub(crate) fn into_engine_parts<C: Carrier>(self, carrier: C, announcer: Announcer) -> EngineParts<C> {
        let config = EngineConfig { limits: self.config.limits, timeouts: self.config.timeouts };
        EngineParts {
            config,
            carrier,
            platform: self.platform,
            workspaces: self.workspaces,
            plugins: self.plugins,
            announcer,
        }
    }
}

/// Makes a backend in the current tokio runtime.
///
/// # Errors
/// `VALIDATION_ERROR` with every fault of the configuration, or when a plugin directory cannot be used;
/// `WORKSPACE_ERROR` when the workspace root cannot be used; `SPAWN_FAILED` when the spawner does not start;
/// `UNSUPPORTED` for a backend that does not exist yet.
pub async fn create_execution_backend(
    config: BackendConfig,
    registry: Registry,
    platform: Arc<Platform>,
) -> Result<Arc<dyn ExecutionBackend>, ExecutionError> {
    let faults = config.faults();
    if !faults.is_empty() {
        let message = format!("the backend's configuration is faulty: {}", faults.join("; "));
        return Err(ExecutionError::new(ErrorCode::ValidationError, message).with_chain(faults));
    }
    let kind = config.kind;
    let shared = share(config, registry, platform).await?;
    match kind {
        BackendKind::InProcess => Ok(Arc::new(InProcessBackend::new(shared))),
        BackendKind::Subprocess => Ok(Arc::new(SubprocessBackend::start(shared).await?)),
        BackendKind::WorkerPool => Ok(Arc::new(WorkerPoolBackend::start(shared).await?)),
        other => Err(ExecutionError::new(
            ErrorCode::Unsupported,
            format!("there is no `{other}` backend in this version"),
        )
        .with_help("use `in-process` or `subprocess`")),
    }
}

async fn share(
    config: BackendConfig,
    registry: Registry,
    platform: Arc<Platform>,
) -> Result<Shared, ExecutionError> {
    let catalog = Catalog::open(&config.plugin_dirs).map_err(|error| {
        ExecutionError::new(ErrorCode::ValidationError, error.to_string())
            .with_chain(ErrorChain(&error).sources())
    })?;
    let root: PathBuf = config.workspace_root.clone();
    let opened = tokio::task::spawn_blocking(move || LocalWorkspaceManager::open(&root)).await;
    let opened = opened.map_err(|error| ExecutionError::from_error(ErrorCode::WorkspaceError, &error))?;
    let workspaces = opened.map_err(|error| {
        ExecutionError::new(ErrorCode::WorkspaceError, error.to_string())
            .with_chain(ErrorChain(&error).sources())
    })?;
    // Only a pool runs so many short executions that reading the same files for each is felt.
    let memory = (config.kind == BackendKind::WorkerPool)
        .then(|| PluginMemory::new(config.pool.reload_check, config.worker_program.clone()));
    Ok(Shared {
        config,
        platform,
        workspaces: Arc::new(workspaces),
        plugins: Arc::new(PluginSource { registry, catalog, memory }),
    })
}

/// Implements [`ExecutionBackend`] for a type with an `engine`.
macro_rules! delegate_to_engine {
    ($backend:ty $({ $($own:item)* })?) => {
        impl ExecutionBackend for $backend {
            $($($own)*)?

            fn kind(&self) -> BackendKind {
                self.engine.kind()
            }

            fn start(&self, request: ExecutionRequest) -> Execution {
                self.engine.start(request)
            }

            fn ready(&self) -> BoxFuture<'_, ()> {
                Box::pin(self.engine.ready())
            }

            fn describe<'a>(
                &'a self,
                plugin: &'a PluginRef,
            ) -> BoxFuture<'a, Result<PluginDescription, ExecutionError>> {
                Box::pin(self.engine.describe(plugin))
            }

            fn stats(&self) -> BackendStats {
                self.engine.stats()
            }

            fn health(&self) -> BoxFuture<'_, HealthReport> {
                Box::pin(self.engine.health())
            }

            fn subscribe(&self) -> BackendEvents {
                self.engine.subscribe()
            }

            fn shutdown(&self, how: Shutdown) -> BoxFuture<'_, ShutdownReport> {
                Box::pin(self.engine.shutdown(how))
            }
        }
    };
}

pub(crate) use delegate_to_engine;
