//! What is tested: how a backend is made, and how the plugins reach it.
//! A backend of one's own is made by a closure; it passes the same behaviours as the others.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use plugdock_contracts::{BackendKind, BoxFuture, ExecutionBackend, ExecutionError};
use plugdock_execution_factory::platform::Platform;
use plugdock_execution_factory::{BackendConfig, Registry, create_execution_backend};

use super::package::Package;
use crate::plugin::{BROKERED, BROKERED_ARGUMENT, CALLEE, CALLEE_ARGUMENT, CONFORMANCE, VERSION, registry};

/// Makes a backend of a configuration, linked plugins and a platform.
type Make = dyn Fn(
        BackendConfig,
        Registry,
        Arc<Platform>,
    ) -> BoxFuture<'static, Result<Arc<dyn ExecutionBackend>, ExecutionError>>
    + Send
    + Sync;

/// A backend under test.
#[derive(Clone)]
pub struct Subject {
    pub(super) config: BackendConfig,
    make: Arc<Make>,
    /// The program that serves the plugins; none when they are linked.
    program: Option<PathBuf>,
    pub(super) in_processes: bool,
    keeps_workers: bool,
}

impl Subject {
    /// A backend of the factory that runs linked plugins in the test's own process.
    pub fn linked(config: BackendConfig) -> Self {
        Self { config, make: Arc::new(factory), program: None, in_processes: false, keeps_workers: false }
    }

    /// A backend of the factory that runs plugins that are programs, in processes of their own. `spawner` is a program that
    /// becomes a spawner when asked.
    pub fn programs(mut config: BackendConfig, program: &Path, spawner: &Path) -> Self {
        config.spawner_program = Some(spawner.to_owned());
        let keeps_workers = config.kind == BackendKind::WorkerPool;
        let program = Some(program.to_owned());
        Self { config, make: Arc::new(factory), program, in_processes: true, keeps_workers }
    }

    /// A backend of the factory that runs linked plugins in processes of their own, by starting a program that has them linked.
    pub fn linked_in_processes(mut config: BackendConfig, host: &Path) -> Self {
        config.spawner_program = Some(host.to_owned());
        config.worker_program = Some(host.to_owned());
        let keeps_workers = config.kind == BackendKind::WorkerPool;
        Self { config, make: Arc::new(factory), program: None, in_processes: true, keeps_workers }
    }

    /// The same, made otherwise than by the factory.
    #[must_use]
    pub fn made_by<F>(mut self, make: F) -> Self
    where
        F: Fn(
                BackendConfig,
                Registry,
                Arc<Platform>,
            ) -> BoxFuture<'static, Result<Arc<dyn ExecutionBackend>, ExecutionError>>
            + Send
            + Sync
            + 'static,
    {
        self.make = Arc::new(make);
        self
    }

    /// The backend's processes serve one execution after the other.
    #[must_use]
    pub fn keeping_workers(mut self) -> Self {
        self.keeps_workers = true;
        self
    }

    /// Whether the backend's processes serve one execution after the other.
    pub fn keeps_workers(&self) -> bool {
        self.keeps_workers
    }

    pub(super) fn make(
        &self,
        config: BackendConfig,
        platform: Arc<Platform>,
    ) -> BoxFuture<'static, Result<Arc<dyn ExecutionBackend>, ExecutionError>> {
        (self.make)(config, registry(), platform)
    }

    /// Writes the plugins into a directory of plugins.
    pub(super) fn install(&self, dir: &Path) {
        let packages = [
            ("conformance", Package::new(CONFORMANCE, VERSION), &[][..]),
            ("callee", Package::new(CALLEE, VERSION), &[CALLEE_ARGUMENT]),
            ("brokered", Package::new(BROKERED, VERSION).with_the_machine(), &[BROKERED_ARGUMENT]),
        ];
        for (name, mut package, args) in packages {
            if let Some(program) = &self.program {
                package = package.with_entry(program, args);
            }
            package.write(&dir.join(name));
        }
    }
}

fn factory(
    config: BackendConfig,
    registry: Registry,
    platform: Arc<Platform>,
) -> BoxFuture<'static, Result<Arc<dyn ExecutionBackend>, ExecutionError>> {
    Box::pin(create_execution_backend(config, registry, platform))
}

impl std::fmt::Debug for Subject {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Subject").field("kind", &self.config.kind).finish_non_exhaustive()
    }
}
