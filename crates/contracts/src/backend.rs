//! The one interface to run a plugin's handler. It is object safe and open: a host may bring its own backend.
//! What a backend must do beyond the signatures is the conformance suite in `testkit`.

use std::fmt;
use std::str::FromStr;
use std::task::{Context, Poll};
use std::time::Duration;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::BoxFuture;
use crate::describe::PluginDescription;
use crate::error::{CrashCause, ErrorCode, ExecutionError};
use crate::execution::Execution;
use crate::health::HealthReport;
use crate::id::{ExecutionId, PluginId, WorkerId};
use crate::outcome::Outcome;
use crate::request::ExecutionRequest;
use crate::stats::BackendStats;
use crate::worker::WorkerStatus;

/// Which backend.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum BackendKind {
    /// Handlers run in the host's own process. No boundary.
    InProcess,
    /// A fresh process for each execution.
    Subprocess,
    /// Long-lived worker processes.
    WorkerPool,
    /// A backend that a host brought.
    Custom,
}

impl BackendKind {
    /// `in-process`, `subprocess`, `worker-pool` or `custom`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::InProcess => "in-process",
            Self::Subprocess => "subprocess",
            Self::WorkerPool => "worker-pool",
            Self::Custom => "custom",
        }
    }
}

impl fmt::Display for BackendKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for BackendKind {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        [Self::InProcess, Self::Subprocess, Self::WorkerPool]
            .into_iter()
            .find(|kind| kind.as_str() == text)
            .ok_or("a backend is one of in-process, subprocess, worker-pool")
    }
}

/// Runs executions.
pub trait ExecutionBackend: Send + Sync + 'static {
    /// Which backend it is.
    fn kind(&self) -> BackendKind;

    /// Starts an execution. Never fails and never panics: what is wrong with the request is in the outcome.
    /// Must be called within the runtime that the backend was made in.
    fn start(&self, request: ExecutionRequest) -> Execution;

    /// Resolves when a further execution would start at once: back-pressure for producers. Cancel safe.
    fn ready(&self) -> BoxFuture<'_, ()>;

    /// What a plugin says of itself, asked of the plugin's program.
    fn describe<'a>(
        &'a self,
        plugin: &'a PluginRef,
    ) -> BoxFuture<'a, Result<PluginDescription, ExecutionError>>;

    /// Numbers since the backend was made. Cheap; the numbers are read one after another, not in one instant.
    fn stats(&self) -> BackendStats;

    /// Whether it can work, and what hinders it.
    fn health(&self) -> BoxFuture<'_, HealthReport>;

    /// What happens from now on. A subscriber that does not keep up loses events, and sees how many.
    fn subscribe(&self) -> BackendEvents;

    /// The worker processes that live now. Empty for a backend that keeps none between executions.
    fn workers(&self) -> Vec<WorkerStatus> {
        Vec::new()
    }

    /// Changes how many workers are kept and how many there may be. What is over ends when it has no call.
    ///
    /// # Errors
    /// `UNSUPPORTED` where there is no pool, `VALIDATION_ERROR` for bounds that cannot be, `SHUTTING_DOWN`.
    fn resize(&self, min: usize, max: usize) -> Result<(), ExecutionError> {
        let message = format!("the `{}` backend keeps no workers: {min} to {max} cannot be set", self.kind());
        Err(ExecutionError::new(ErrorCode::Unsupported, message).with_help("use the `worker-pool` backend"))
    }

    /// Reads a plugin's files again, or those of all known plugins. If a program was replaced, new workers run it and
    /// old ones finish what they have. The answer is the plugins whose program was replaced.
    ///
    /// The future fails with `UNSUPPORTED` where every execution reads them anyway, and as finding the plugin fails.
    fn reload<'a>(
        &'a self,
        plugin: Option<&'a PluginId>,
    ) -> BoxFuture<'a, Result<Vec<PluginId>, ExecutionError>> {
        let message = match plugin {
            Some(plugin) => format!("the `{}` backend keeps nothing of `{plugin}` loaded", self.kind()),
            None => format!("the `{}` backend keeps no plugin loaded", self.kind()),
        };
        let error = ExecutionError::new(ErrorCode::Unsupported, message)
            .with_help("each execution reads the plugin's files anyway");
        Box::pin(std::future::ready(Err(error)))
    }

    /// Stops: takes no more executions, ends what runs, and leaves nothing behind. A second call gets the same answer.
    fn shutdown(&self, how: Shutdown) -> BoxFuture<'_, ShutdownReport>;
}

/// Calls that every backend has by what it provides.
pub trait ExecutionBackendExt: ExecutionBackend {
    /// Starts an execution and waits for its outcome. Dropping the future cancels the execution.
    fn execute(&self, request: ExecutionRequest) -> impl Future<Output = Outcome> + Send {
        self.start(request).wait()
    }

    /// Calls a handler with a value and reads its result as a value. The value is encoded at once and not held.
    ///
    /// Dropping the future cancels the execution. The future fails with `VALIDATION_ERROR` when an id or the input is
    /// not acceptable, with `HANDLER_CONTRACT_ERROR` when the result has another shape, and as the execution failed.
    fn call<I, O>(
        &self,
        plugin: &str,
        handler: &str,
        input: &I,
    ) -> impl Future<Output = Result<O, ExecutionError>> + Send + use<Self, I, O>
    where
        I: Serialize + ?Sized,
        O: DeserializeOwned,
    {
        let started = ExecutionRequest::new(plugin, handler)
            .map_err(|error| ExecutionError::from_error(ErrorCode::ValidationError, &error))
            .and_then(|request| {
                request
                    .with_input(input)
                    .map_err(|error| ExecutionError::from_error(ErrorCode::ValidationError, &error))
            })
            .map(|request| self.start(request));
        async move { started?.wait().await.into_value() }
    }
}

impl<B: ExecutionBackend + ?Sized> ExecutionBackendExt for B {}

/// Which plugin: one that the backend knows by its id, or one in a directory.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum PluginRef {
    /// Known to the backend.
    Id(PluginId),
    /// In a directory that holds its manifest.
    Root(std::path::PathBuf),
}

/// How to stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Shutdown {
    /// Let what runs finish within this time, then cancel and kill.
    Drain(Duration),
    /// Cancel and kill.
    Now,
}

/// What a shutdown met.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct ShutdownReport {
    /// Executions that finished by themselves meanwhile.
    pub finished: Vec<ExecutionId>,
    /// Executions that were cancelled and stopped.
    pub cancelled: Vec<ExecutionId>,
    /// Executions whose process was killed.
    pub killed: Vec<ExecutionId>,
    /// In-process executions that did not stop and were left behind: a thread or task of them may still run.
    pub abandoned: Vec<ExecutionId>,
}

/// What happens in a backend.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
#[non_exhaustive]
pub enum BackendEvent {
    /// A worker's process was started.
    Spawned {
        /// The worker.
        worker: WorkerId,
        /// The plugin it serves.
        plugin: PluginId,
        /// Its process id, for people: never signal by it.
        pid: u32,
    },
    /// A worker is ready for calls.
    Ready {
        /// The worker.
        worker: WorkerId,
    },
    /// A worker died unexpectedly.
    Crashed {
        /// The worker.
        worker: WorkerId,
        /// The plugin it served.
        plugin: PluginId,
        /// Why it died.
        cause: CrashCause,
    },
    /// A worker's process is gone and reaped.
    Exited {
        /// The worker.
        worker: WorkerId,
    },
    /// An execution was refused a permission.
    Denied {
        /// The execution.
        execution: ExecutionId,
        /// The plugin.
        plugin: PluginId,
        /// What it wanted.
        permission: String,
        /// On what.
        subject: String,
    },
    /// A worker was sent away on purpose.
    Recycled {
        /// The worker.
        worker: WorkerId,
        /// The plugin it served.
        plugin: PluginId,
        /// Why.
        why: RecycleReason,
    },
    /// A worker did not become ready.
    StartFailed {
        /// The plugin it was for.
        plugin: PluginId,
        /// Why, as the execution that waited for it was told.
        error: Box<ExecutionError>,
    },
    /// A plugin's workers died too often: it is not started for a while.
    Quarantined {
        /// The plugin.
        plugin: PluginId,
        /// How its last workers ended, the latest last.
        exits: Vec<String>,
        /// When it is tried again.
        retry_after: Duration,
    },
    /// A plugin that was quarantined works again.
    Released {
        /// The plugin.
        plugin: PluginId,
    },
    /// A request was refused because too many wait.
    QueueFull {
        /// The plugin it was for.
        plugin: PluginId,
        /// Requests that waited, in the part of the queue that was full.
        waiting: u64,
        /// How many may wait there.
        limit: u64,
    },
    /// A worker did not answer a health check, or said that it is unhealthy.
    HealthFailed {
        /// The worker.
        worker: WorkerId,
        /// The plugin it served.
        plugin: PluginId,
        /// What was wrong.
        detail: String,
    },
    /// The pool's bounds were changed.
    Resized {
        /// Workers it keeps.
        min: usize,
        /// Workers it has at most.
        max: usize,
    },
    /// A plugin's program was replaced: new workers run it, old ones finish what they have.
    Reloaded {
        /// The plugin.
        plugin: PluginId,
    },
    /// An in-process execution did not stop when asked and was left behind.
    Abandoned {
        /// The execution.
        execution: ExecutionId,
    },
    /// The backend stops.
    ShuttingDown,
}

/// Why a worker was sent away.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum RecycleReason {
    /// It served as many calls as one may.
    Calls,
    /// It is as old as one may be.
    Age,
    /// Its resident memory grew as far as it may.
    Memory,
    /// It had nothing to do for long enough.
    Idle,
    /// Its place was needed for another plugin.
    Displaced,
    /// The pool became smaller.
    Resized,
    /// The plugin's program was replaced.
    Reloaded,
    /// A call on it was stopped and did not end as asked, or it broke the protocol.
    Tainted,
    /// It was started for a nested execution only.
    Surplus,
    /// It failed a health check.
    Unhealthy,
    /// The backend stops.
    Shutdown,
}

impl RecycleReason {
    /// The word that statistics count it under.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Calls => "calls",
            Self::Age => "age",
            Self::Memory => "memory",
            Self::Idle => "idle",
            Self::Displaced => "displaced",
            Self::Resized => "resized",
            Self::Reloaded => "reloaded",
            Self::Tainted => "tainted",
            Self::Surplus => "surplus",
            Self::Unhealthy => "unhealthy",
            Self::Shutdown => "shutdown",
        }
    }
}

impl fmt::Display for RecycleReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// Where a subscriber's events come from.
pub trait BackendEventSource: Send {
    /// The next event; `None` when the backend is gone.
    fn poll_event(&mut self, cx: &mut Context<'_>) -> Poll<Option<BackendEvent>>;

    /// How many events this subscriber lost because it did not keep up.
    fn dropped(&self) -> u64;
}

/// A subscription to a backend's events.
pub struct BackendEvents(Box<dyn BackendEventSource>);

impl BackendEvents {
    /// Wraps a backend's source.
    pub fn new(source: Box<dyn BackendEventSource>) -> Self {
        Self(source)
    }

    /// The next event; `None` when the backend is gone. Cancel safe.
    pub async fn next(&mut self) -> Option<BackendEvent> {
        std::future::poll_fn(|cx| self.0.poll_event(cx)).await
    }

    /// How many events this subscriber lost because it did not keep up.
    pub fn dropped(&self) -> u64 {
        self.0.dropped()
    }
}

impl fmt::Debug for BackendEvents {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BackendEvents").field("dropped", &self.dropped()).finish_non_exhaustive()
    }
}
