//! Makes a backend from the configuration: the one file that knows how the factory is called.

use std::sync::Arc;

use plugdock_contracts::{BackendKind, ExecutionBackend, ExecutionError};
use plugdock_execution_factory::{BackendConfig, create_execution_backend};
use plugdock_platform::Platform;
use plugdock_plugin_runtime::Registry;

use crate::config::RuntimeConfig;

/// Whether any plugin is linked into the program.
pub(crate) fn has_plugins(registry: &Registry) -> bool {
    registry.iter().next().is_some()
}

/// Makes a backend of this kind.
pub(crate) async fn backend(
    kind: BackendKind,
    config: &RuntimeConfig,
    registry: Registry,
    platform: Arc<Platform>,
) -> Result<Arc<dyn ExecutionBackend>, ExecutionError> {
    create_execution_backend(backend_config(kind, config), registry, platform).await
}

fn backend_config(kind: BackendKind, config: &RuntimeConfig) -> BackendConfig {
    let section = config.execution();
    let mut wanted = BackendConfig::new(kind);
    wanted.limits = config.limits().clone();
    wanted.timeouts = config.timeouts().clone();
    wanted.max_concurrent = section.max_concurrent;
    wanted.max_waiting = section.max_waiting;
    wanted.workspace_root.clone_from(&section.workspace_root);
    wanted.plugin_dirs.clone_from(&section.plugin_dirs);
    wanted.spawner_program.clone_from(&section.spawner_program);
    wanted.worker_program.clone_from(&section.worker_program);
    wanted.handshake = section.handshake;
    wanted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_defaults_are_the_factorys_own() {
        let config = RuntimeConfig::builder().base("/").set("platform.data_dir", "/data").build().unwrap();
        let mut ours = backend_config(BackendKind::Subprocess, &config);
        let mut theirs = BackendConfig::new(BackendKind::Subprocess);
        // Ours lies with the host's other data: a name in the folder for temporary files can be taken by anyone first.
        assert_eq!(ours.workspace_root.to_str(), Some("/data/workspaces"));
        theirs.workspace_root.clone_from(&ours.workspace_root);
        // The defaults of the times are said here and applied there.
        let filled = theirs.timeouts.clone();
        assert_eq!(
            (ours.timeouts.call(), ours.timeouts.acquire(), ours.timeouts.grace()),
            (filled.call(), filled.acquire(), filled.grace())
        );
        ours.timeouts = filled;
        assert_eq!(ours, theirs);
    }
}
