//! The worker pool as the engine sees it: a seat is a worker, and a call on it is carried to its end, or taken to another.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use plugdock_contracts::describe::PluginDescription;
use plugdock_contracts::error::ExecutionError;
use plugdock_contracts::health::{HealthIssue, HealthLevel, HealthReport};
use plugdock_contracts::manifest::Isolation;
use plugdock_contracts::outcome::{Attempts, WorkerStart};
use plugdock_contracts::stats::BackendStats;
use plugdock_contracts::workspace::WorkspaceKind;
use plugdock_contracts::{BackendKind, BoxFuture, ExecutionRequest};

use super::clock;
use super::pool_core::PoolCore;
use super::refusal;
use super::scheduler::{AfterCall, Again, CallOver, Submission};
use super::seat::WorkerSeat;
use crate::engine::{Carried, Carrier, Claim, Job, NoSeat, cancelled_waiting};
use crate::limit;
use crate::plugin::ResolvedPlugin;
use crate::pool::executor::{Begun, Called, Sample, StartOrder, WorkerAfter};
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
        let max_payload =
            claim.limits.payload.map_or(limit::DEFAULT_MAX_PAYLOAD, plugdock_contracts::ByteSize::bytes);
        limit::check_payload("the input", claim.request.input.len(), max_payload)?;
        let order = StartOrder {
            plugin: Arc::clone(claim.plugin),
            limits: claim.limits.clone(),
            permissions: claim.permissions.clone(),
            max_payload,
            existing: existing_dir(claim.request),
            area: String::new(),
        };
        let (plugin, acquire) = (&claim.request.descriptor.plugin, claim.timeouts.acquire());
        let asked = clock::now();
        let obtain = async {
            let lane = self.pool.lane(order, ticket)?;
            let now = clock::now();
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
            self.pool.desk().obtain(now, submission).await.map_err(|refused| {
                self.pool.note_refused(plugin, &refused);
                refusal::refused(plugin, ticket, refused)
            })
        };
        let answered = tokio::select! {
            biased;
            // Before a lane is made for it, of which nothing else would be heard.
            reason = claim.cancelled.wait() => return Err(NoSeat::Failed(cancelled_waiting(&reason))),
            answered = obtain => answered?,
        };
        let handle = answered.map_err(|not| refusal::not_granted(plugin, ticket, acquire, not))?;
        Ok(WorkerSeat::new(Arc::clone(&self.pool), ticket, handle, asked))
    }

    async fn run(&self, job: &Job, mut seat: WorkerSeat) -> Carried {
        let (allowed, mut used) = (job.timeouts.call(), Duration::ZERO);
        let mut attempts = Attempts::default();
        let mut job = std::borrow::Cow::Borrowed(job);
        loop {
            seat.begin();
            let worker = Arc::clone(&seat.handle.worker);
            let begun = tokio::time::Instant::now();
            let called = worker.call(&job).await;
            // What it did not begin took nothing of its time.
            used += if called.begun == Begun::Perhaps { begun.elapsed() } else { Duration::ZERO };
            let is_idempotent = worker.traits_of(&job.descriptor.handler).idempotent;
            let sample =
                if self.is_worth_a_sample(&job, &called) { worker.sample() } else { Sample::default() };
            drop(worker);
            let remaining = allowed.saturating_sub(used);
            let again = if job.port.has_streamed() {
                // What passed of a stream is gone, or was seen: begun anew, the call would miss it or send it twice.
                Again::No
            } else {
                decide(&called, is_idempotent, attempts, remaining)
            };
            match (called.begun, again) {
                (Begun::No, Again::TakenBack) => attempts.taken_back += 1,
                (Begun::No, _) => {}
                (Begun::Perhaps, _) => attempts.started += 1,
            }
            let over = over(&called, sample, again);
            let mut carried = called.carried;
            carried.attempts = attempts;
            // The first call of a worker is the one that it was started for, unless it was ready before it was asked for.
            if carried.start == Some(WorkerStart::Cold) && seat.asked >= seat.handle.ready_at {
                carried.start = Some(WorkerStart::Warm);
            }
            carried.spawn = (carried.start == Some(WorkerStart::Cold)).then_some(seat.handle.spawn);
            if again == Again::No {
                seat.end(over);
                return carried;
            }
            if again == Again::Retried {
                // It is one execution with one time, however often it is tried.
                job.to_mut().timeouts.call = Some(remaining);
            }
            seat = match self.wait_again(&job, seat, over).await {
                Ok(seat) => seat,
                Err(instead) => {
                    carried.result = instead.map_or(carried.result, Err);
                    return carried;
                }
            };
        }
    }

    /// Waits for another worker. When none comes, answers with the error that the execution ends with instead of its own.
    async fn wait_again(
        &self,
        job: &Job,
        seat: WorkerSeat,
        over: CallOver,
    ) -> Result<WorkerSeat, Option<ExecutionError>> {
        let ticket = seat.ticket;
        let again = seat.again(&self.pool, over);
        tokio::select! {
            biased;
            reason = job.port.cancelled() => Err(Some(cancelled_waiting(&reason))),
            seat = again => seat.map_err(|not| {
                match refusal::not_granted(&job.descriptor.plugin, ticket, job.timeouts.acquire(), not) {
                    // Of what it began, how that ended says more than why it was not begun again.
                    NoSeat::Failed(error) if over.again == Again::TakenBack => Some(error),
                    // Its plugin was replaced meanwhile: it ends as it did.
                    NoSeat::Failed(_) | NoSeat::Stale { .. } => None,
                }
            }),
        }
    }

    /// Whether what a worker uses after a call can decide anything. Reading it takes some calls to the kernel.
    fn is_worth_a_sample(&self, job: &Job, called: &Called) -> bool {
        let has_bound = self.pool.parts.config.recycle_memory.is_some() || job.limits.cpu_time.is_some();
        has_bound && called.worker == WorkerAfter::Fine
    }
}

/// Whether a call runs once more: when it provably had not begun, or its handler is idempotent and its worker died.
fn decide(called: &Called, is_idempotent: bool, attempts: Attempts, remaining: Duration) -> Again {
    let lost = called.worker == WorkerAfter::Gone
        && called
            .carried
            .result
            .as_ref()
            .err()
            .is_some_and(|error| error.cause().is_some() && !is_stop(error));
    match called.begun {
        _ if !lost => Again::No,
        Begun::No if attempts.taken_back < MAX_TAKEN_BACK => Again::TakenBack,
        Begun::Perhaps if is_idempotent && attempts.started == 0 && !remaining.is_zero() => Again::Retried,
        Begun::No | Begun::Perhaps => Again::No,
    }
}

/// The caller's own directory that a request works in. A worker that was started without it cannot use it.
fn existing_dir(request: &ExecutionRequest) -> Option<PathBuf> {
    match &request.workspace.kind {
        WorkspaceKind::Existing { dir } => Some(dir.clone()),
        _ => None,
    }
}

/// Whether an execution ended because it was stopped, whatever became of its worker.
fn is_stop(error: &ExecutionError) -> bool {
    use plugdock_contracts::ErrorCode::{Aborted, ShuttingDown, Timeout};
    matches!(error.code(), Timeout | Aborted | ShuttingDown)
}

fn over(called: &Called, sample: Sample, again: Again) -> CallOver {
    let ran = called.begun == Begun::Perhaps;
    CallOver {
        worker: match called.worker {
            // The next call could be the one that its processor time ends in, and would be blamed for it.
            WorkerAfter::Fine if sample.cpu_spent => AfterCall::Tainted,
            WorkerAfter::Fine => AfterCall::Fine,
            WorkerAfter::Tainted => AfterCall::Tainted,
            WorkerAfter::Gone => AfterCall::Gone,
        },
        ran,
        proved: ran && called.worker == WorkerAfter::Fine,
        resident: sample.resident,
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
        self.defaults.isolation(BackendKind::WorkerPool)
    }

    fn area(&self, seat: &Option<WorkerSeat>) -> Option<String> {
        seat.as_ref().and_then(|seat| seat.handle.worker.area())
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
        let now = clock::now();
        self.pool.desk().look(|state| state.scheduler.fill(now, stats));
    }

    fn shutdown(&self) -> BoxFuture<'_, ()> {
        Box::pin(async {
            self.pool.stop().await;
            (self.end)().await;
        })
    }
}
