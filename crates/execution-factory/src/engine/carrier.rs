//! What differs between backends: carrying one prepared execution to its end.

use std::future::Future;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use plugdock_contracts::backend::BackendKind;
use plugdock_contracts::describe::PluginDescription;
use plugdock_contracts::error::{ErrorCode, ExecutionError, Step};
use plugdock_contracts::health::HealthReport;
use plugdock_contracts::manifest::Isolation;
use plugdock_contracts::outcome::{Attempts, SandboxReport, WorkerStart};
use plugdock_contracts::span::format_span;
use plugdock_contracts::stats::BackendStats;
use plugdock_contracts::{
    BoxFuture, CancelReason, ExecutionId, ExecutionRequest, Limits, Payload, Permissions, Timeouts, Usage,
    WorkerId,
};
use plugdock_plugin_runtime::CallDescriptor;
use tokio::time::Instant;

use crate::execution::{Cancelled, Port};
use crate::plugin::ResolvedPlugin;

/// An execution that is ready to be carried: everything is decided but its result.
#[derive(Debug, Clone)]
pub(crate) struct Job {
    pub(crate) request: Arc<ExecutionRequest>,
    pub(crate) plugin: Arc<ResolvedPlugin>,
    pub(crate) descriptor: CallDescriptor,
    pub(crate) limits: Limits,
    pub(crate) timeouts: Timeouts,
    pub(crate) temp_dir: std::path::PathBuf,
    pub(crate) port: Port,
}

/// An execution that wants to run: what is known before there is a place for it.
#[derive(Debug)]
pub(crate) struct Claim<'a> {
    pub(crate) request: &'a Arc<ExecutionRequest>,
    pub(crate) plugin: &'a Arc<ResolvedPlugin>,
    pub(crate) permissions: &'a Permissions,
    pub(crate) limits: &'a Limits,
    pub(crate) timeouts: &'a Timeouts,
    pub(crate) cancelled: &'a Cancelled,
    /// A handler that runs here invoked it. It never waits behind others: one of them could be the one that waits for it.
    pub(crate) nested: bool,
    /// Its place in the queue, when it was there before.
    pub(crate) place: Option<u64>,
}

/// Why there is no seat.
#[derive(Debug)]
pub(crate) enum NoSeat {
    /// It ends with this.
    Failed(ExecutionError),
    /// The plugin it was prepared with was replaced. It is prepared again, and keeps its place.
    Stale {
        /// See [`Claim::place`].
        place: u64,
    },
}

impl From<ExecutionError> for NoSeat {
    fn from(error: ExecutionError) -> Self {
        Self::Failed(error)
    }
}

impl Job {
    pub(crate) fn id(&self) -> &ExecutionId {
        &self.request.execution_id
    }
}

/// How a carried execution ended, with what was measured.
#[derive(Debug)]
pub(crate) struct Carried {
    pub(crate) result: Result<Payload, ExecutionError>,
    pub(crate) spawn: Option<Duration>,
    pub(crate) run: Option<Duration>,
    pub(crate) usage: Usage,
    pub(crate) worker: Option<WorkerId>,
    pub(crate) start: Option<WorkerStart>,
    pub(crate) attempts: Attempts,
    pub(crate) sandbox: SandboxReport,
    /// Its process was killed by us.
    pub(crate) killed: bool,
    /// It was left behind and may still run.
    pub(crate) abandoned: bool,
}

impl Carried {
    /// An end with nothing measured.
    pub(crate) fn new(result: Result<Payload, ExecutionError>) -> Self {
        Self {
            result,
            spawn: None,
            run: None,
            usage: Usage::default(),
            worker: None,
            start: None,
            attempts: Attempts::default(),
            sandbox: SandboxReport::default(),
            killed: false,
            abandoned: false,
        }
    }
}

/// Carries executions.
pub(crate) trait Carrier: Send + Sync + 'static {
    /// A place to run. Dropping it gives it back.
    type Seat: Send;

    /// Where the workspace of an execution on this seat must lie, see [`WorkspaceSpec::area`].
    ///
    /// [`WorkspaceSpec::area`]: plugdock_contracts::workspace::WorkspaceSpec::area
    fn area(&self, _seat: &Self::Seat) -> Option<String> {
        None
    }

    /// Which backend it is.
    fn kind(&self) -> BackendKind;

    /// How far from the host it runs handlers.
    fn isolation(&self) -> Isolation;

    /// Waits for a place to run, at most the claim's time, and not when it is cancelled. Dropping the future gives up.
    fn reserve<'a>(
        &'a self,
        claim: Claim<'a>,
    ) -> impl Future<Output = Result<Self::Seat, NoSeat>> + Send + 'a;

    /// Carries one to its end. Must end by itself soon after the execution's clock, or a cancellation, and the grace.
    /// It may give the seat back before the execution is concluded; what is left of it goes then.
    fn carry<'a>(
        &'a self,
        job: &'a Job,
        seat: &'a mut Self::Seat,
    ) -> impl Future<Output = Carried> + Send + 'a;

    /// Resolves when a further execution would have a place at once. Cancel safe.
    fn ready(&self) -> impl Future<Output = ()> + Send + '_;

    /// Asks a plugin what it is. A program that has to be started for it works in `dir`.
    fn describe<'a>(
        &'a self,
        plugin: &'a ResolvedPlugin,
        dir: &'a Path,
    ) -> BoxFuture<'a, Result<PluginDescription, ExecutionError>>;

    /// How it is.
    fn health(&self) -> BoxFuture<'_, HealthReport>;

    /// Fills in what runs and waits, and the numbers of its worker processes.
    fn fill(&self, stats: &mut BackendStats);

    /// Ends everything it holds. Called once, when no execution runs any more.
    fn shutdown(&self) -> BoxFuture<'_, ()>;
}

/// Why a running execution is stopped, decided once by the host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct StopDecision {
    pub(crate) reason: CancelReason,
}

impl StopDecision {
    /// The error of an execution that was stopped. `how` says what it took.
    pub(crate) fn error(&self, job: &Job, how: &str) -> ExecutionError {
        let handler = job.request.handler_ref();
        match &self.reason {
            CancelReason::Timeout => {
                let limit = job.timeouts.call();
                let message = format!("{handler} ran longer than {}; {how}", format_span(limit));
                ExecutionError::new(ErrorCode::Timeout, message).with_step(Step::Call).with_limit(limit)
            }
            CancelReason::Shutdown => {
                let message = format!("{handler} was stopped: the backend is stopping; {how}");
                ExecutionError::new(ErrorCode::ShuttingDown, message)
            }
            other => {
                ExecutionError::new(ErrorCode::Aborted, format!("{handler} was cancelled: {other}; {how}"))
            }
        }
    }
}

/// The clock of a running execution: when it is slow, and when it is stopped.
#[derive(Debug)]
pub(crate) struct StopClock<'a> {
    port: &'a Port,
    start: Instant,
    slow_after: Option<Duration>,
    deadline: Instant,
}

impl<'a> StopClock<'a> {
    /// Starts the clock, for the gate too.
    pub(crate) fn start(job: &'a Job, now: Instant) -> Self {
        let deadline = now + job.timeouts.call();
        job.port.gate().set_deadline(deadline);
        Self { port: &job.port, start: now, slow_after: job.timeouts.slow_after, deadline }
    }

    /// Resolves when the execution is to be stopped; tells the caller on the way when it is slow. Cancel safe.
    pub(crate) async fn stop(&mut self) -> StopDecision {
        if let Some(after) = self.slow_after {
            let decision = tokio::select! {
                biased;
                reason = self.port.cancelled() => Some(reason),
                () = tokio::time::sleep_until(self.deadline) => Some(CancelReason::Timeout),
                () = reached(self.start.checked_add(after)) => None,
            };
            if let Some(reason) = decision {
                return StopDecision { reason };
            }
            self.slow_after = None;
            self.port.event(plugdock_contracts::ExecutionEvent::Slow { after: self.start.elapsed() });
        }
        let reason = tokio::select! {
            biased;
            reason = self.port.cancelled() => reason,
            () = tokio::time::sleep_until(self.deadline) => CancelReason::Timeout,
        };
        StopDecision { reason }
    }
}

/// Waits for a moment; one beyond the clock's range never comes.
async fn reached(moment: Option<Instant>) {
    match moment {
        Some(moment) => tokio::time::sleep_until(moment).await,
        None => std::future::pending().await,
    }
}
