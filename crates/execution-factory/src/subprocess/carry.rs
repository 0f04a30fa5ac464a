//! Carries an execution in a process of its own: started, introduced, called, ended.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use plugdock_contracts::backend::{BackendEvent, BackendKind};
use plugdock_contracts::describe::PluginDescription;
use plugdock_contracts::error::ExecutionError;
use plugdock_contracts::health::HealthReport;
use plugdock_contracts::manifest::Isolation;
use plugdock_contracts::outcome::WorkerStart;
use plugdock_contracts::stats::BackendStats;
use plugdock_contracts::{BoxFuture, Payload, Usage, WorkerId};
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::Instant;

use crate::config::BackendConfig;
use crate::engine::{Announcer, Carried, Carrier, Claim, Job, NoSeat, Slots, StopClock};
use crate::limit;
use crate::plugin::ResolvedPlugin;
use crate::process::SpawnerClient;
use crate::worker::{
    self, AttachError, AttachSpec, Attached, Death, Drove, Origin, Places, WorkerDefaults, attach, drive,
    output_limits, payload_limit, takes_input,
};

/// Carries executions in fresh processes.
#[derive(Debug)]
pub(super) struct SubprocessCarrier {
    slots: Slots,
    spawner: SpawnerClient,
    defaults: WorkerDefaults,
    announcer: Announcer,
    spawned: AtomicU64,
    crashed: AtomicU64,
    alive: AtomicU64,
}

/// Counts a worker as alive until it is dropped.
struct Alive<'a>(&'a AtomicU64);

impl Drop for Alive<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

impl SubprocessCarrier {
    pub(super) fn new(
        spawner: SpawnerClient,
        config: &BackendConfig,
        defaults: WorkerDefaults,
        announcer: Announcer,
    ) -> Self {
        Self {
            slots: Slots::new(config.max_concurrent, config.max_waiting),
            spawner,
            defaults,
            announcer,
            spawned: AtomicU64::new(0),
            crashed: AtomicU64::new(0),
            alive: AtomicU64::new(0),
        }
    }

    fn count_alive(&self) -> Alive<'_> {
        self.spawned.fetch_add(1, Ordering::AcqRel);
        self.alive.fetch_add(1, Ordering::AcqRel);
        Alive(&self.alive)
    }

    async fn attach(&self, job: &Job, id: &WorkerId) -> Result<Attached, ExecutionError> {
        let work = job.descriptor.workspace.as_deref().unwrap_or(&job.temp_dir);
        let artifacts = job.descriptor.artifacts.as_deref();
        let places = Places { work, temporary: &job.temp_dir, more: artifacts };
        let permissions = job.port.gate().permissions();
        let spawn = self.defaults.spec(&job.plugin, &job.limits, permissions, places).await?;
        let manifest = &job.plugin.manifest;
        let spec = AttachSpec {
            spawn,
            handshake: self.defaults.handshake,
            max_payload: payload_limit(job),
            only_for: Some((job.port.clone(), output_limits(job))),
            origin: Origin { worker: id.clone(), plugin: manifest.id.clone() },
            expected: (manifest.id.to_string(), manifest.version.to_string()),
        };
        attach(&self.spawner, spec).await.map_err(|error| match error {
            AttachError::Failed { error, .. } => error,
            AttachError::Cancelled(reason) => {
                crate::engine::StopDecision { reason }.error(job, "its worker was being started")
            }
        })
    }

    async fn run(&self, job: &Job, id: WorkerId, attached: Attached, spawn: Duration) -> Carried {
        let start = Instant::now();
        let mut clock = StopClock::start(job, start);
        let takes_input = takes_input(&attached.hello, job);
        let Drove { end, unbegun } =
            drive(job, &attached.worker, &id, &attached.end, takes_input, &mut clock).await;
        let run = start.elapsed();
        let sandbox = attached.sandbox.clone();
        let crashed = end.is_crash();
        // A worker whose channel closed may be on its way out by itself, and how it ends is the cause.
        let (exit, killed, tail) = attached.end(end.may_leave()).await;
        let death = Death { exit: Some(exit), forced: killed, reason: None, tail };
        let result = end.into_result(job, death);
        if crashed {
            self.note_crash(job, &id, &result);
        }
        let mut carried = Carried::new(result);
        carried.spawn = Some(spawn);
        carried.run = Some(run);
        carried.usage = Usage::from(&exit);
        carried.worker = Some(id.clone());
        carried.start = Some(WorkerStart::Cold);
        carried.sandbox = sandbox;
        carried.killed = killed;
        carried.attempts.started = u32::from(!unbegun);
        self.announcer.announce(BackendEvent::Exited { worker: id });
        carried
    }

    fn note_crash(&self, job: &Job, id: &WorkerId, result: &Result<Payload, ExecutionError>) {
        self.crashed.fetch_add(1, Ordering::AcqRel);
        if let Some(cause) = result.as_ref().err().and_then(ExecutionError::cause) {
            let (worker, plugin, cause) = (id.clone(), job.plugin.manifest.id.clone(), cause.clone());
            self.announcer.announce(BackendEvent::Crashed { worker, plugin, cause });
        }
    }
}

impl Carrier for SubprocessCarrier {
    type Seat = OwnedSemaphorePermit;

    fn kind(&self) -> BackendKind {
        BackendKind::Subprocess
    }

    fn isolation(&self) -> Isolation {
        self.defaults.isolation(BackendKind::Subprocess)
    }

    async fn reserve<'a>(&'a self, claim: Claim<'a>) -> Result<OwnedSemaphorePermit, NoSeat> {
        self.slots.reserve(claim).await
    }

    async fn ready(&self) {
        self.slots.ready().await;
    }

    async fn carry<'a>(&'a self, job: &'a Job, _slot: &'a mut OwnedSemaphorePermit) -> Carried {
        if let Err(error) = limit::check_payload("the input", job.request.input.len(), payload_limit(job)) {
            return Carried::new(Err(error));
        }
        let start = Instant::now();
        let id = WorkerId::generate();
        let attached = match self.attach(job, &id).await {
            Ok(attached) => attached,
            Err(error) => return Carried::new(Err(error)),
        };
        let spawn = start.elapsed();
        let _alive = self.count_alive();
        let pid = u32::try_from(attached.worker.pid()).unwrap_or(0);
        let plugin = job.plugin.manifest.id.clone();
        self.announcer.announce(BackendEvent::Spawned { worker: id.clone(), plugin, pid });
        self.announcer.announce(BackendEvent::Ready { worker: id.clone() });
        self.run(job, id, attached, spawn).await
    }

    fn describe<'a>(
        &'a self,
        plugin: &'a ResolvedPlugin,
        dir: &'a Path,
    ) -> BoxFuture<'a, Result<PluginDescription, ExecutionError>> {
        Box::pin(worker::ask(&self.spawner, &self.defaults, plugin, dir))
    }

    fn health(&self) -> BoxFuture<'_, HealthReport> {
        // A spawner that was lost is started again by the next execution.
        Box::pin(std::future::ready(HealthReport::of(Vec::new())))
    }

    fn fill(&self, stats: &mut BackendStats) {
        let read = |counter: &AtomicU64| counter.load(Ordering::Acquire);
        self.slots.fill(stats);
        (stats.spawned, stats.crashed, stats.workers) =
            (read(&self.spawned), read(&self.crashed), read(&self.alive));
    }

    fn shutdown(&self) -> BoxFuture<'_, ()> {
        Box::pin(self.spawner.shutdown())
    }
}
