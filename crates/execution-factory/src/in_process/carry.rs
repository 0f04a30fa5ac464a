//! Carries an execution in the host's own process: a task of its own, watched by the clock, abandoned when it is deaf.

use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use plugdock_contracts::backend::BackendKind;
use plugdock_contracts::describe::PluginDescription;
use plugdock_contracts::error::{ErrorCode, ExecutionError};
use plugdock_contracts::health::{HealthIssue, HealthLevel, HealthReport};
use plugdock_contracts::manifest::Isolation;
use plugdock_contracts::outcome::{Mechanism, MechanismState};
use plugdock_contracts::span::format_span;
use plugdock_contracts::stats::BackendStats;
use plugdock_contracts::{BoxFuture, ExecutionEvent, Payload};
use plugdock_plugin_runtime::HostBridge;
use plugdock_plugin_runtime::runner::{self, Call, CallHandle};
use tokio::sync::OwnedSemaphorePermit;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::bridge::DirectBridge;
use crate::config::BackendConfig;
use crate::engine::{Carried, Carrier, Claim, Job, NoSeat, Slots, StopClock, StopDecision};
use crate::limit;
use crate::plugin::{Program, ResolvedPlugin};

/// Carries executions in the host's own process.
#[derive(Debug)]
pub(super) struct InProcessCarrier {
    slots: Slots,
    abandoned: Mutex<Abandoned>,
}

/// Handlers that did not stop and are left to end whenever they do.
#[derive(Debug, Default)]
struct Abandoned {
    tasks: JoinSet<Result<Payload, ExecutionError>>,
    /// Calls whose threads still ran when they were last looked at.
    threads: Vec<CallHandle>,
}

impl InProcessCarrier {
    pub(super) fn new(config: &BackendConfig) -> Self {
        Self { slots: Slots::new(config.max_concurrent, config.max_waiting), abandoned: Mutex::default() }
    }

    /// What was abandoned, without what has ended since.
    fn abandoned(&self) -> MutexGuard<'_, Abandoned> {
        let mut abandoned = self.abandoned.lock().unwrap_or_else(PoisonError::into_inner);
        while abandoned.tasks.try_join_next().is_some() {}
        abandoned.threads.retain(|call| call.threads_running() > 0);
        abandoned
    }

    fn n_abandoned(&self) -> usize {
        let abandoned = self.abandoned();
        abandoned.tasks.len() + abandoned.threads.len()
    }

    async fn run(&self, job: &Job, call: Call) -> Carried {
        job.port.event(ExecutionEvent::Started { worker: None });
        let start = Instant::now();
        let mut clock = StopClock::start(job, start);
        let (handle, future) = runner::run(call);
        // A task of its own: a handler that spins takes a thread of the runtime, but not this supervisor's.
        let mut task = JoinSet::new();
        task.spawn(future);
        let ended = tokio::select! {
            biased;
            stop = clock.stop() => Err(stop),
            ended = task.join_next() => Ok(ended),
        };
        let mut carried = match ended {
            Ok(Some(Ok(result))) => Carried::new(result),
            Ok(Some(Err(_)) | None) => {
                let message = "the task of the handler ended without an answer";
                Carried::new(Err(ExecutionError::new(ErrorCode::UnknownError, message)))
            }
            Err(stop) => {
                let grace = job.timeouts.grace();
                handle.cancel(stop.reason.clone(), grace);
                self.after_stop(job, &stop, task, handle).await
            }
        };
        carried.run = Some(start.elapsed());
        carried.attempts.started = 1;
        carried.sandbox.mechanisms.push(Mechanism::new(
            "boundary",
            MechanismState::NotEnforced,
            "in-process: the handler shares the host's memory and rights; only host calls are checked",
        ));
        carried
    }

    /// Waits for the end of the grace, then leaves behind what still runs.
    async fn after_stop(
        &self,
        job: &Job,
        stop: &StopDecision,
        mut task: JoinSet<Result<Payload, ExecutionError>>,
        handle: CallHandle,
    ) -> Carried {
        let grace = job.timeouts.grace();
        let stopped = tokio::time::timeout(grace + limit::ANSWER_MARGIN, task.join_next()).await.is_ok();
        if stopped && handle.threads_running() == 0 {
            return Carried::new(Err(stop.error(job, "it stopped when asked")));
        }
        self.leave(task, handle);
        let grace = format_span(grace);
        let how = format!("it did not stop within {grace} and still runs: in-process it cannot be killed");
        let mut carried = Carried::new(Err(stop.error(job, &how)));
        carried.abandoned = true;
        carried
    }

    fn leave(&self, mut task: JoinSet<Result<Payload, ExecutionError>>, handle: CallHandle) {
        task.abort_all();
        let mut abandoned = self.abandoned();
        if handle.threads_running() > 0 {
            abandoned.threads.push(handle);
        }
        if task.is_empty() {
            return;
        }
        // Its own set is awaited by a task of the common one, which so counts it until it really ends.
        abandoned.tasks.spawn(async move {
            match task.join_next().await {
                Some(Ok(result)) => result,
                Some(Err(_)) | None => Err(ExecutionError::new(ErrorCode::Aborted, "abandoned")),
            }
        });
    }
}

impl Carrier for InProcessCarrier {
    type Seat = OwnedSemaphorePermit;

    fn kind(&self) -> BackendKind {
        BackendKind::InProcess
    }

    fn isolation(&self) -> Isolation {
        Isolation::InProcess
    }

    async fn reserve<'a>(&'a self, claim: Claim<'a>) -> Result<OwnedSemaphorePermit, NoSeat> {
        self.slots.reserve(claim).await
    }

    async fn ready(&self) {
        self.slots.ready().await;
    }

    async fn carry<'a>(&'a self, job: &'a Job, _slot: &'a mut OwnedSemaphorePermit) -> Carried {
        let plugin = match &job.plugin.program {
            Program::Linked(plugin) => Arc::clone(plugin),
            Program::Entry { .. } => return Carried::new(Err(not_linked(&job.plugin))),
        };
        let max = job.limits.payload.map_or(limit::DEFAULT_MAX_PAYLOAD, plugdock_contracts::ByteSize::bytes);
        if let Err(error) = limit::check_payload("the input", job.request.input.len(), max) {
            return Carried::new(Err(error));
        }
        let max_piece = usize::try_from(max).unwrap_or(usize::MAX);
        let bridge: Arc<dyn HostBridge> =
            Arc::new(DirectBridge::new(job.port.clone(), limit::STREAM_WINDOW, max_piece));
        let call = Call::new(plugin, job.descriptor.clone(), job.request.input.clone(), bridge);
        let mut carried = self.run(job, call).await;
        if let Ok(payload) = &carried.result
            && let Err(error) = limit::check_payload("the result", payload.len(), max)
        {
            carried.result = Err(error);
        }
        carried
    }

    fn describe<'a>(
        &'a self,
        plugin: &'a ResolvedPlugin,
        _dir: &'a Path,
    ) -> BoxFuture<'a, Result<PluginDescription, ExecutionError>> {
        Box::pin(std::future::ready(match &plugin.program {
            Program::Linked(linked) => Ok(linked.description().clone()),
            Program::Entry { .. } => Err(not_linked(plugin)),
        }))
    }

    fn health(&self) -> BoxFuture<'_, HealthReport> {
        let abandoned = self.n_abandoned();
        let issues = if abandoned == 0 {
            Vec::new()
        } else {
            let message = format!("{abandoned} handlers did not stop when asked and still run");
            vec![HealthIssue::new(HealthLevel::Degraded, "abandoned-handlers", message)]
        };
        Box::pin(std::future::ready(HealthReport::of(issues)))
    }

    fn fill(&self, stats: &mut BackendStats) {
        self.slots.fill(stats);
    }

    fn shutdown(&self) -> BoxFuture<'_, ()> {
        // What was abandoned cannot be stopped; it was counted when it was left.
        self.abandoned().tasks.detach_all();
        Box::pin(std::future::ready(()))
    }
}

fn not_linked(plugin: &ResolvedPlugin) -> ExecutionError {
    let message = format!(
        "plugin `{}` is a program of its own, and in-process runs only linked plugins",
        plugin.manifest.id
    );
    ExecutionError::new(ErrorCode::Unsupported, message)
        .with_help("use the subprocess backend, or link the plugin into the host and register it")
}
