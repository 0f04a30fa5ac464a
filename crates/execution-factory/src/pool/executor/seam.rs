//! What a pool asks of a worker: the seam behind which tests put one that fails, stalls or dies at any step.
//! It says nothing of queues; whoever calls has decided that this worker runs this job.

use std::collections::BTreeSet;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use plugdock_contracts::error::{ExecutionError, KillReason};
use plugdock_contracts::{BoxFuture, HandlerId, Limits, Permissions, WorkerId};

use crate::engine::{Carried, Job};
use crate::plugin::ResolvedPlugin;

/// What a worker is started for. Workers of equal orders are interchangeable.
#[derive(Debug, Clone)]
pub(crate) struct StartOrder {
    /// The plugin and its program.
    pub(crate) plugin: Arc<ResolvedPlugin>,
    /// What the sandbox plan is computed from.
    pub(crate) limits: Limits,
    /// What of the host's environment it sees.
    pub(crate) permissions: Permissions,
    /// Largest input or result of its connection, in bytes.
    pub(crate) max_payload: u64,
    /// A directory of the caller that its calls work in.
    pub(crate) existing: Option<PathBuf>,
    /// The area in which its own directory and the workspaces of its calls lie. Empty until a lane is made for it.
    pub(crate) area: String,
}

/// A worker that did not become ready. Nothing of it runs any more.
#[derive(Debug, Clone)]
pub(crate) struct StartError {
    /// What the execution that waited for it is told.
    pub(crate) error: ExecutionError,
    /// Starting again would fail in the same way: the program is missing, is another plugin, speaks another protocol.
    pub(crate) permanent: bool,
}

/// Starts workers.
pub(crate) trait StartWorker: Send + Sync + 'static {
    /// Starts one and introduces it. Dropping the future ends whatever was started.
    fn start(
        &self,
        id: WorkerId,
        order: Arc<StartOrder>,
    ) -> BoxFuture<'static, Result<Arc<dyn PoolWorker>, StartError>>;
}

/// A worker that is ready for calls. Dropping the last reference kills it.
pub(crate) trait PoolWorker: fmt::Debug + Send + Sync + 'static {
    /// Its process id, for display only.
    fn pid(&self) -> u32;

    /// What the program says of a handler; nothing for one it does not have.
    fn traits_of(&self, handler: &HandlerId) -> HandlerTraits;

    /// Its handlers that may run beside other calls.
    fn concurrent(&self) -> Arc<BTreeSet<HandlerId>>;

    /// Runs one call to its end. Ends by itself soon after the job's clock, or a cancellation, and the grace.
    /// Dropping the future cancels the call; the worker must then not be used again.
    fn call<'a>(&'a self, job: &'a Job) -> BoxFuture<'a, Called>;

    /// The area in which the workspaces of its calls must lie; `None` when it may use them wherever they are.
    fn area(&self) -> Option<String> {
        None
    }

    /// Asks whether it works: its connection alone when `busy`, the plugin's own check too when not. Waits for ever.
    fn check(&self, busy: bool) -> BoxFuture<'static, CheckAnswer>;

    /// What it uses now. Reads a few files of the kernel.
    fn sample(&self) -> Sample;

    /// Says goodbye, and kills it if it is not gone within the time. Returns at once; may be called again.
    fn retire(&self, within: Duration);

    /// Kills it with everything in its group. Returns at once. The first reason is the one that its calls are told.
    fn kill(&self, reason: KillReason);

    /// Waits for its end: its processes are dead, its output is read, its directory is removed.
    fn ended(&self) -> BoxFuture<'static, WorkerEnd>;
}

/// What a program says of one of its handlers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct HandlerTraits {
    /// It may run beside other calls in one process.
    pub(crate) concurrent: bool,
    /// It may be started once more when its worker died.
    pub(crate) idempotent: bool,
}

/// How a call on a worker ended.
#[derive(Debug)]
pub(crate) struct Called {
    /// What its execution is told.
    pub(crate) carried: Carried,
    /// What became of the worker.
    pub(crate) worker: WorkerAfter,
    /// Whether the handler began.
    pub(crate) begun: Begun,
}

/// What became of a worker by a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum WorkerAfter {
    /// It can take the next.
    Fine,
    /// It must not be used again: it overran, or may hold what is left of the call.
    Tainted,
    /// It is dead or being killed.
    Gone,
}

/// Whether a handler began.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Begun {
    /// It did, or it may have.
    Perhaps,
    /// It provably did not: everything the worker sent was read to the end, and it had not said that it starts.
    No,
}

/// The answer to a health check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum CheckAnswer {
    /// It works.
    Healthy,
    /// It works with less than it should have; the text says what.
    Degraded(String),
    /// It says that it does not work.
    Unhealthy(String),
    /// Its connection is gone.
    Gone,
}

/// What a worker uses at one moment. What could not be read is absent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Sample {
    /// Resident memory in bytes.
    pub(crate) resident: Option<u64>,
    /// CPU time so far.
    pub(crate) cpu: Option<Duration>,
    /// Its CPU limit, which holds for its whole life, is half used up.
    pub(crate) cpu_spent: bool,
}

/// How a worker ended.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct WorkerEnd {
    /// Its cause, as an error says it.
    pub(crate) cause: plugdock_contracts::error::CrashCause,
    /// It was asked to go, or killed, by us.
    pub(crate) expected: bool,
    /// The last lines of its standard error.
    pub(crate) tail: Vec<String>,
}
