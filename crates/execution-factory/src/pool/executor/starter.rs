//! Starts worker processes for the pool, each with a directory of its own.
//! It starts what it is told to; when to start, and what a failure means for the next, is decided elsewhere.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use plugdock_contracts::error::{ErrorCode, ExecutionError, Step};
use plugdock_contracts::workspace::{WorkspaceLease, WorkspaceManager, WorkspaceSpec};
use plugdock_contracts::{BoxFuture, ExecutionId, WorkerId};
use plugdock_sandbox::{FileAccess, FileRule, RlimitKind, RuleOrigin, SandboxPlan};

use super::live_worker::LiveWorker;
use super::{PoolWorker, StartError, StartOrder, StartWorker};
use crate::plugin::FileStamp;
use crate::process::{Spawn, SpawnSpec};
use crate::worker::{AttachError, AttachSpec, Attached, Origin, Places, WorkerDefaults, attach};

/// Starts workers with a spawner. Clones share everything.
#[derive(Clone)]
pub(crate) struct Starter(Arc<Parts>);

struct Parts {
    spawner: Arc<dyn Spawn>,
    defaults: Arc<WorkerDefaults>,
    workspaces: Arc<dyn WorkspaceManager>,
}

impl Starter {
    pub(crate) fn new(
        spawner: Arc<dyn Spawn>,
        defaults: Arc<WorkerDefaults>,
        workspaces: Arc<dyn WorkspaceManager>,
    ) -> Self {
        Self(Arc::new(Parts { spawner, defaults, workspaces }))
    }
}

impl fmt::Debug for Starter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Starter").field("defaults", &self.0.defaults).finish_non_exhaustive()
    }
}

impl StartWorker for Starter {
    fn start(
        &self,
        id: WorkerId,
        order: Arc<StartOrder>,
    ) -> BoxFuture<'static, Result<Arc<dyn PoolWorker>, StartError>> {
        let parts = Arc::clone(&self.0);
        Box::pin(async move {
            let worker = parts.start(id, &order).await?;
            Ok(Arc::new(worker) as Arc<dyn PoolWorker>)
        })
    }
}

impl Parts {
    async fn start(&self, id: WorkerId, order: &StartOrder) -> Result<LiveWorker, StartError> {
        let as_execution = ExecutionId::new(id.as_str()).expect("what names a worker may name an execution");
        let mut spec = WorkspaceSpec::default();
        spec.area = Some(order.area.clone());
        let lease = self.workspaces.acquire(&as_execution, &spec).await.map_err(|error| {
            passing(ExecutionError::from_error(ErrorCode::WorkspaceError, &error).with_step(Step::Spawn))
        })?;
        let started = self.start_in(&*lease, &id, order).await;
        match started {
            Ok((attached, cpu_limit)) => {
                Ok(LiveWorker::new(id, attached, lease, cpu_limit, order.area.clone()))
            }
            Err(error) => {
                if let Err(error) = lease.release().await {
                    tracing::warn!(%error, "the directory of a worker that did not start was not removed");
                }
                Err(error)
            }
        }
    }

    async fn start_in(
        &self,
        lease: &dyn WorkspaceLease,
        id: &WorkerId,
        order: &StartOrder,
    ) -> Result<(Attached, Option<Duration>), StartError> {
        let StartOrder { plugin, limits, permissions, max_payload, existing, area: _ } = order;
        let places = Places { work: lease.dir(), temporary: lease.temp_dir(), more: lease.area_dir() };
        let mut spawn = self.defaults.spec(plugin, limits, permissions, places).await.map_err(passing)?;
        if let Some(existing) = existing {
            spawn.plan.allow(FileRule::new(existing, FileAccess::Write, RuleOrigin::Own));
        }
        if spawn.plan.domain.is_some() && lease.area_dir().is_none() {
            let message = "the host's workspace manager keeps no areas, so that a confined worker could not use the workspaces of its calls";
            return Err(passing(
                ExecutionError::new(ErrorCode::InsufficientIsolation, message).with_step(Step::Spawn),
            ));
        }
        let (program, cpu_limit) = (spawn.program.clone(), cpu_limit(&spawn.plan));
        let before = stamp(program.clone()).await;
        let started = self.attach(id, order, spawn, *max_payload).await;
        let after = stamp(program.clone()).await;
        let is_same = before.zip(after).is_some_and(|(before, after)| before.is_same_file(&after));
        if is_same || before.is_none() && after.is_none() {
            return started.map(|attached| (attached, cpu_limit));
        }
        // Which of the two programs runs, or failed, nobody can tell.
        if let Ok(attached) = started {
            attached.end(false).await;
        }
        let message = format!("the program `{}` was replaced while it was started", program.display());
        Err(passing(
            ExecutionError::new(ErrorCode::SpawnFailed, message).with_step(Step::Spawn).with_retryable(true),
        ))
    }

    async fn attach(
        &self,
        id: &WorkerId,
        order: &StartOrder,
        spawn: SpawnSpec,
        max_payload: u64,
    ) -> Result<Attached, StartError> {
        let manifest = &order.plugin.manifest;
        let spec = AttachSpec {
            spawn,
            handshake: self.defaults.handshake,
            max_payload,
            only_for: None,
            origin: Origin { worker: id.clone(), plugin: manifest.id.clone() },
            expected: (manifest.id.to_string(), manifest.version.to_string()),
        };
        attach(&*self.spawner, spec).await.map_err(|error| match error {
            AttachError::Failed { error, permanent } => StartError { error, permanent },
            AttachError::Cancelled(reason) => {
                passing(ExecutionError::new(ErrorCode::Aborted, reason.to_string()))
            }
        })
    }
}

/// A failure that may not happen again.
fn passing(error: ExecutionError) -> StartError {
    StartError { error, permanent: false }
}

/// Looks at the program's file, beside the runtime: it may be on a slow disk.
async fn stamp(program: PathBuf) -> Option<FileStamp> {
    tokio::task::spawn_blocking(move || FileStamp::of(&program)).await.ok().flatten()
}

/// The processor time after which the kernel tells a worker to end.
fn cpu_limit(plan: &SandboxPlan) -> Option<Duration> {
    let cpu = plan.rlimits.iter().find(|limit| limit.kind == RlimitKind::Cpu)?;
    Some(Duration::from_secs(cpu.soft))
}
