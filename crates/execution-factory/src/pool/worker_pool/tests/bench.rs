//! A whole pool behind its engine, with workers of no process: what a host sees, and what is left inside afterwards.

use std::path::PathBuf;
use std::sync::{Arc, Weak};
use std::time::Duration;

use plugdock_contracts::error::{ErrorCode, ExecutionError};
use plugdock_contracts::stats::BackendStats;
use plugdock_contracts::{
    BoxFuture, Execution, ExecutionRequest, Limits, Outcome, PluginId, Timeouts, WorkerStatus,
};
use plugdock_platform::Platform;
use plugdock_plugin_runtime::{Ctx, HandlerError, Plugin, Registry};

use super::super::carrier::PoolCarrier;
use super::super::pool_core::{PoolCore, PoolParts, lock};
use super::places::NoPlaces;
use crate::engine::{Announcer, Engine, EngineConfig, EngineParts};
use crate::plugin::{PluginMemory, PluginSource};
use crate::pool::PoolConfig;
use crate::pool::executor::mock::{Gates, MockStarter};
use crate::process::{Spawn, SpawnError, SpawnSpec, WorkerProcess};
use crate::worker::WorkerDefaults;

/// Longer than anything here may take, on the test's clock.
pub(super) const PATIENCE: Duration = Duration::from_hours(1);

/// From the order of a worker until it is given up, when a test says nothing else.
pub(super) const START_WITHIN: Duration = Duration::from_millis(250);

struct NoSpawner;

impl Spawn for NoSpawner {
    fn spawn(&self, spec: SpawnSpec) -> BoxFuture<'_, Result<WorkerProcess, SpawnError>> {
        Box::pin(async { Err(SpawnError::NotAbsolute { path: spec.program }) })
    }
}

pub(super) struct Bench {
    pub(super) engine: Arc<Engine<PoolCarrier>>,
    pub(super) pool: Arc<PoolCore>,
    pub(super) mock: MockStarter,
}

/// What differs from test to test.
pub(super) struct Setup {
    pub(super) gates: Gates,
    pub(super) pool: PoolConfig,
    pub(super) timeouts: Timeouts,
    /// The program of the plugins, by whose content it is told whether they were replaced.
    pub(super) program: Option<PathBuf>,
}

impl Setup {
    pub(super) fn new(min: usize, max: usize) -> Self {
        let mut pool = PoolConfig::default();
        (pool.min, pool.max) = (min, max);
        (pool.recycle_calls, pool.recycle_age) = (None, None);
        // Tests that are about checks make them come.
        pool.health_every = PATIENCE;
        pool.idle_after = PATIENCE;
        pool.retire_within = Duration::from_millis(150);
        pool.reload_check = PATIENCE;
        let (gates, timeouts, program) = (Gates::default(), Timeouts::default(), None);
        Self { gates, pool, timeouts, program }
    }

    pub(super) fn gates(mut self, change: impl FnOnce(&mut Gates)) -> Self {
        change(&mut self.gates);
        self
    }

    pub(super) fn pool(mut self, change: impl FnOnce(&mut PoolConfig)) -> Self {
        change(&mut self.pool);
        self
    }

    pub(super) fn start(self) -> Bench {
        let faults = self.pool.faults();
        assert!(faults.is_empty(), "{faults:?}");
        let mock = MockStarter::new(self.gates);
        let announcer = Announcer::new();
        let memory = Some(PluginMemory::new(self.pool.reload_check, self.program));
        let registry = Registry::new().with(plugin("acme/x")).unwrap().with(plugin("acme/y")).unwrap();
        let plugins = Arc::new(PluginSource { registry, memory, ..PluginSource::default() });
        // Looked up in advance, so that requests come to the queue in the order in which they are started.
        for plugin in ["acme/x", "acme/y"] {
            plugins.look_for(&id(plugin)).unwrap();
        }
        let pool = PoolCore::new(PoolParts {
            config: self.pool,
            starter: Box::new(mock.clone()),
            announcer: announcer.clone(),
            plugins: Arc::clone(&plugins),
            defaults: Arc::new(WorkerDefaults::plain(START_WITHIN)),
            limits: Limits::default(),
            start_within: START_WITHIN,
        });
        let carrier = carrier(&pool);
        let engine = Engine::new(EngineParts {
            config: EngineConfig { limits: Limits::default(), timeouts: self.timeouts },
            carrier,
            platform: Arc::new(Platform::builder().build()),
            workspaces: Arc::new(NoPlaces),
            plugins,
            announcer,
        });
        Bench { engine, pool, mock }
    }
}

fn carrier(pool: &Arc<PoolCore>) -> PoolCarrier {
    PoolCarrier {
        pool: Arc::clone(pool),
        spawner: Arc::new(NoSpawner),
        defaults: Arc::clone(&pool.parts.defaults),
        end: Box::new(|| Box::pin(async {})),
    }
}

fn plugin(id: &str) -> Plugin {
    Plugin::new(id, "1.0.0").handler("go", async |_ctx: Ctx, (): ()| Ok::<_, HandlerError>(()))
}

pub(super) fn id(plugin: &str) -> PluginId {
    PluginId::new(plugin).unwrap()
}

pub(super) fn request(plugin: &str) -> ExecutionRequest {
    ExecutionRequest::new(plugin, "go").unwrap()
}

/// The word for how an execution ended.
pub(super) fn word(outcome: &Outcome) -> &str {
    outcome.error().map_or("OK", |error: &ExecutionError| ErrorCode::as_str(error.code()))
}

/// Bounds a wait on the test's clock.
pub(super) async fn soon<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, future).await.expect("it ends")
}

pub(super) async fn after_ms(ms: u64) {
    tokio::time::sleep(Duration::from_millis(ms)).await;
}

impl Bench {
    /// Starts an execution and lets it come as far as it comes in no time.
    pub(super) async fn go(&self) -> Execution {
        let execution = self.engine.start(request("acme/x"));
        after_ms(1).await;
        execution
    }

    pub(super) async fn outcome(&self) -> Outcome {
        soon(self.engine.start(request("acme/x")).wait()).await
    }

    /// A second carrier of the same pool, to be used without an engine.
    pub(super) fn carrier(&self) -> PoolCarrier {
        carrier(&self.pool)
    }

    pub(super) fn stats(&self) -> BackendStats {
        self.engine.stats()
    }

    pub(super) fn workers(&self) -> Vec<WorkerStatus> {
        self.pool.workers()
    }

    /// Nothing of any worker, request or task is left in a pool that was stopped.
    pub(super) fn assert_empty(&self, context: &str) {
        let stats = self.stats();
        assert_eq!((stats.running, stats.waiting, stats.workers), (0, 0, 0), "{context}");
        assert_eq!(stats.started, stats.succeeded + stats.failed, "one outcome each: {context}");
        assert_eq!(self.mock.alive(), 0, "{context}");
        assert_eq!(self.workers(), [], "{context}");
        assert!(lock(&self.pool.tended).is_empty(), "{context}");
        assert!(lock(&self.pool.book).is_empty(), "{:?}: {context}", lock(&self.pool.book));
        assert!(lock(&self.pool.tasks).is_empty(), "{context}");
        self.pool.desk().look(|state| {
            assert!(state.handles.is_empty() && state.errors.is_empty(), "{context}");
            assert_eq!((state.n_waiting(), state.scheduler.next_tick()), (0, None), "{context}");
        });
    }

    /// Lets go of everything, and answers whether somebody still holds the pool.
    pub(super) fn let_go(self) -> Weak<PoolCore> {
        Arc::downgrade(&self.pool)
    }
}
