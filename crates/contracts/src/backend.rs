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
    /// An in-process execution did not stop when asked and was left behind.
    Abandoned {
        /// The execution.
        execution: ExecutionId,
    },
    /// The backend stops.
    ShuttingDown,
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
