//! The worker pool as the engine sees it: a seat is a worker, and a call on it is carried to its end, or taken to another.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use plugdock_contracts::describe::PluginDescription;
use plugdock_contracts::error::ExecutionError;
use plugdock_contracts::health::{HealthIssue, HealthLevel, HealthReport};
use plugdock_contracts::manifest::Isolation;
use plugdock_contracts::outcome::{Attempts, WorkerStart};
use plugdock_contracts::stats::BackendStats;
use plugdock_contracts::{BackendKind, BoxFuture};

use super::pool_core::PoolCore;
use super::refusal;
use super::scheduler::{AfterCall, Again, CallOver, Submission};
use super::seat::WorkerSeat;
use crate::engine::{Carried, Carrier, Claim, Job, NoSeat, cancelled_waiting};
use crate::limit;
use crate::plugin::ResolvedPlugin;
use crate::pool::executor::{Begun, Called, StartOrder, WorkerAfter};
use crate::pool::queue::Ticket;
use crate::process::Spawn;
use crate::worker::{self, WorkerDefaults};

/// Times a call is taken back from workers that died before they began it. More than that is no bad luck.
const MAX_TAKEN_BACK: u32 = 3;

/// Carries executions on pooled workers.
pub(crate) struct PoolCarrier {
    pub(super) pool: Arc<PoolCore>,
    pub(super) spawner: Arc<dyn Spawn>,
    pub(super) defaults: Arc<WorkerDefaults>,
    /// Ends the spawner, when everything else has ended.
    pub(super) end: Box<dyn Fn() -> BoxFuture<'static, ()> + Send + Sync>,
}

impl PoolCarrier {
    async fn obtain(&self, claim: Claim<'_>) -> Result<WorkerSeat, NoSeat> {
        let ticket = claim.place.map_or_else(|| self.pool.desk().ticket(), Ticket);
        let max_payload = claim.limits.payload.map_or(limit::DEFAULT_MAX_PAYLOAD, plugdock_contracts::ByteSize::bytes);
        limit::check_payload("the input", claim.request.input.len(), max_payload)?;
        let order = StartOrder {
            plugin: Arc::clone(claim.plugin),
            limits: claim.limits.clone(),
            permissions: claim.permissions.clone(),
            max_payload,
        };
        let lane = self.pool.lane(order, ticket)?;
        let (plugin, acquire) = (&claim.request.descriptor.plugin, claim.timeouts.acquire());
        let now = Instant::now();
        let submission = Submission {
            ticket,
            lane,
            handler: claim.request.descriptor.handler.clone(),
            tenant: claim.request.descriptor.tenant.clone(),
            priority: claim.request.priority,
            bytes: claim.request.input.len() as u64,
            deadline: now.checked_add(acquire),
            nested: claim.nested,
            again: claim.place.is_some(),
        };
        let obtained = tokio::select! {
            biased;
            reason = claim.cancelled.wait() => return Err(NoSeat::Failed(cancelled_waiting(&reason))),
            obtained = self.pool.desk().obtain(now, submission) => obtained,
        };
        let answered = obtained.map_err(|refused| {
            self.pool.note_refused(plugin, &refused);
            refusal::refused(plugin, ticket, refused)
        })?;
        let granted = answered.map_err(|not| refusal::not_granted(plugin, ticket, acquire, not))?;
        Ok(WorkerSeat::new(Arc::clone(&self.pool), ticket, granted))
    }

    async fn run(&self, job: &Job, mut seat: WorkerSeat) -> Carried {
        let begun = tokio::time::Instant::now();
        let mut attempts = Attempts::default();
        let mut job = std::borrow::Cow::Borrowed(job);
        loop {
            seat.begin();
            let worker = Arc::clone(&seat.granted.handle.worker);
            let called = worker.call(&job).await;
            let is_idempotent = worker.traits_of(&job.descriptor.handler).idempotent;
            drop(worker);
            let remaining = job.timeouts.call().saturating_sub(begun.elapsed());
            let again = decide(&called, is_idempotent, attempts, remaining);
            match (called.begun, again) {
                (Begun::No, Again::TakenBack) => attempts.taken_back += 1,
                (Begun::No, _) => {}
                (Begun::Perhaps, _) => attempts.started += 1,
            }
            let over = over(&called, again);
            let mut carried = called.carried;
            carried.attempts = attempts;
            // The first call of a worker is the one that it was started for.
            carried.spawn = (carried.start == Some(WorkerStart::Cold)).then_some(seat.granted.handle.spawn);
            if again == Again::No {
                seat.end(over);
                return carried;
            }
            if again == Again::Retried {
                // It is one execution with one time, however often it is tried.
                job.to_mut().timeouts.call = Some(remaining);
            }
            seat = match wait_again(&job, seat, over).await {
                Ok(seat) => seat,
                Err(NoSeat::Failed(error)) => {
                    carried.result = Err(error);
                    return carried;
                }
                // Its plugin was replaced meanwhile: it ends as it did.
                Err(NoSeat::Stale { .. }) => return carried,
            };
        }
    }
}

async fn wait_again(job: &Job, seat: WorkerSeat, over: CallOver) -> Result<WorkerSeat, NoSeat> {
    let ticket = seat.ticket;
    tokio::select! {
        biased;
        reason = job.port.cancelled() => Err(NoSeat::Failed(cancelled_waiting(&reason))),
        seat = seat.again(over) => seat.map_err(|not| {
            refusal::not_granted(&job.descriptor.plugin, ticket, job.timeouts.acquire(), not)
        }),
    }
}

/// Whether a call runs once more: when it provably had not begun, or its handler is idempotent and its worker died.
fn decide(called: &Called, is_idempotent: bool, attempts: Attempts, remaining: Duration) -> Again {
    let lost = called.worker == WorkerAfter::Gone
        && called.carried.result.as_ref().err().is_some_and(|error| error.cause().is_some() && !is_stop(error));
    match called.begun {
        _ if !lost => Again::No,
        Begun::No if attempts.taken_back < MAX_TAKEN_BACK => Again::TakenBack,
        Begun::Perhaps if is_idempotent && attempts.started == 0 && !remaining.is_zero() => Again::Retried,
        Begun::No | Begun::Perhaps => Again::No,
    }
}

/// Whether an execution ended because it was stopped, whatever became of its worker.
fn is_stop(error: &ExecutionError) -> bool {
    use plugdock_contracts::ErrorCode::{Aborted, ShuttingDown, Timeout};
    matches!(error.code(), Timeout | Aborted | ShuttingDown)
}

fn over(called: &Called, again: Again) -> CallOver {
    let ran = called.begun == Begun::Perhaps;
    CallOver {
        worker: match called.worker {
            WorkerAfter::Fine => AfterCall::Fine,
            WorkerAfter::Tainted => AfterCall::Tainted,
            WorkerAfter::Gone => AfterCall::Gone,
        },
        ran,
        proved: ran && called.worker == WorkerAfter::Fine,
        again,
        ..CallOver::UNUSED
    }
}

impl Carrier for PoolCarrier {
    type Seat = Option<WorkerSeat>;

    fn kind(&self) -> BackendKind {
        BackendKind::WorkerPool
    }

    fn isolation(&self) -> Isolation {
        Isolation::WorkerPool
    }

    async fn reserve<'a>(&'a self, claim: Claim<'a>) -> Result<Option<WorkerSeat>, NoSeat> {
        self.obtain(claim).await.map(Some)
    }

    async fn carry<'a>(&'a self, job: &'a Job, seat: &'a mut Option<WorkerSeat>) -> Carried {
        match seat.take() {
            // The worker goes back with the end of the call, before files are collected.
            Some(seat) => self.run(job, seat).await,
            None => unreachable!("an execution is carried once"),
        }
    }

    async fn ready(&self) {
        self.pool.desk().room().await;
    }

    fn describe<'a>(
        &'a self,
        plugin: &'a ResolvedPlugin,
        dir: &'a Path,
    ) -> BoxFuture<'a, Result<PluginDescription, ExecutionError>> {
        Box::pin(worker::ask(&*self.spawner, &self.defaults, plugin, dir))
    }

    fn health(&self) -> BoxFuture<'_, HealthReport> {
        let mut stats = BackendStats::default();
        self.fill(&mut stats);
        let quarantined = stats.pool.map(|pool| pool.quarantined).unwrap_or_default();
        let issue = |plugin: &String| {
            let message = format!("`{plugin}` is quarantined: its workers ended unexpectedly too often");
            HealthIssue::new(HealthLevel::Degraded, "quarantined", message)
        };
        Box::pin(std::future::ready(HealthReport::of(quarantined.iter().map(issue).collect())))
    }

    fn fill(&self, stats: &mut BackendStats) {
        let now = Instant::now();
        self.pool.desk().look(|state| state.scheduler.fill(now, stats));
    }

    fn shutdown(&self) -> BoxFuture<'_, ()> {
        Box::pin(async {
            self.pool.stop().await;
            (self.end)().await;
        })
    }
}
