//! The engine: takes requests in, keeps the list of what is alive, and shuts down once.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use plugdock_contracts::backend::{BackendEvents, PluginRef, ShutdownReport};
use plugdock_contracts::describe::PluginDescription;
use plugdock_contracts::error::{ErrorChain, ErrorCode, ExecutionError};
use plugdock_contracts::health::{HealthIssue, HealthLevel, HealthReport};
use plugdock_contracts::stats::BackendStats;
use plugdock_contracts::workspace::{WorkspaceManager, WorkspaceSpec};
use plugdock_contracts::{Execution, ExecutionId, ExecutionRequest, Outcome};
use plugdock_platform::Platform;
use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinSet;

use super::recorder::Recorder;
use super::shutdown::{Origin, Stop};
use super::supervise::workspace_error;
use super::{Announcer, Carrier, EngineConfig};
use crate::execution::{CancelSignal, Cancelled, EventQueue, InputPiece, LiveExecution};
use crate::plugin::PluginSource;

/// Pieces of input that wait for the handler: one being sent, one ready.
const INPUT_PIECES: usize = 2;

/// What an engine is made of.
pub(crate) struct EngineParts<C> {
    pub(crate) config: EngineConfig,
    pub(crate) carrier: C,
    pub(crate) platform: Arc<Platform>,
    pub(crate) workspaces: Arc<dyn WorkspaceManager>,
    pub(crate) plugins: Arc<PluginSource>,
    pub(crate) announcer: Announcer,
}

/// Runs executions with a carrier.
pub(crate) struct Engine<C> {
    pub(super) parts: EngineParts<C>,
    pub(super) recorder: Recorder,
    pub(super) myself: Weak<Engine<C>>,
    live: Mutex<HashMap<ExecutionId, CancelSignal>>,
    /// How many are alive, to wait for none.
    pub(super) n_live: watch::Sender<usize>,
    pub(super) tasks: Mutex<JoinSet<()>>,
    pub(super) runtime: Handle,
    pub(super) stop: Stop,
    pub(super) ends: Mutex<ShutdownReport>,
}

/// What the supervising task of an execution holds of its caller.
pub(super) struct CallerEnds {
    pub(super) queue: Arc<EventQueue>,
    pub(super) input: mpsc::Receiver<InputPiece>,
    pub(super) cancelled: Cancelled,
    pub(super) outcome: oneshot::Sender<Outcome>,
}

impl<C: Carrier> Engine<C> {
    /// Makes an engine in the current runtime.
    pub(crate) fn new(parts: EngineParts<C>) -> Arc<Self> {
        plugdock_plugin_runtime::runner::install_panic_hook();
        Arc::new_cyclic(|myself| Self {
            parts,
            recorder: Recorder::new(),
            myself: Weak::clone(myself),
            live: Mutex::default(),
            n_live: watch::Sender::new(0),
            tasks: Mutex::default(),
            runtime: Handle::current(),
            stop: Stop::default(),
            ends: Mutex::default(),
        })
    }

    pub(super) fn live(&self) -> MutexGuard<'_, HashMap<ExecutionId, CancelSignal>> {
        self.live.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a caller's request in.
    pub(crate) fn start(self: &Arc<Self>, request: ExecutionRequest) -> Execution {
        self.begin(request, Origin::Caller)
    }

    /// Takes a request in.
    pub(super) fn begin(self: &Arc<Self>, request: ExecutionRequest, origin: Origin) -> Execution {
        self.recorder.started();
        let id = request.execution_id.clone();
        let (cancel, cancelled) = CancelSignal::new();
        if let Err(error) = self.admit(&request, origin, &cancel) {
            let outcome = Outcome::new(id, self.parts.carrier.kind(), Err(error));
            self.recorder.ended(&request.descriptor.plugin, &outcome);
            return Execution::finished(outcome);
        }
        let queue = Arc::new(EventQueue::default());
        let (input_in, input_out) = mpsc::channel(INPUT_PIECES);
        let (outcome_in, outcome_out) = oneshot::channel();
        let ends = CallerEnds { queue: Arc::clone(&queue), input: input_out, cancelled, outcome: outcome_in };
        let engine = Arc::clone(self);
        let mut tasks = self.tasks.lock().unwrap_or_else(PoisonError::into_inner);
        // Finished tasks are taken out here, so that the set stays as small as what is alive.
        while tasks.try_join_next().is_some() {}
        tasks.spawn_on(async move { engine.supervise(request, origin, ends).await }, &self.runtime);
        drop(tasks);
        let kind = self.parts.carrier.kind();
        let control = LiveExecution {
            id: id.clone(),
            kind,
            queue,
            outcome: outcome_out,
            cancel,
            input: Some(input_in),
        };
        Execution::new(id, Box::new(control))
    }

    fn admit(
        &self,
        request: &ExecutionRequest,
        origin: Origin,
        cancel: &CancelSignal,
    ) -> Result<(), ExecutionError> {
        request.validate()?;
        if request.target.is_some() {
            let message = "this backend runs executions here and takes no target";
            return Err(ExecutionError::new(ErrorCode::TargetInvalid, message));
        }
        let mut live = self.live();
        // Under the lock, so that a shutdown that has begun sees every execution that was admitted.
        self.stop.check(origin)?;
        let id = &request.execution_id;
        if live.contains_key(id) {
            let message = format!("an execution `{id}` is alive already");
            return Err(ExecutionError::new(ErrorCode::ValidationError, message)
                .with_help("give each attempt an id of its own"));
        }
        live.insert(id.clone(), cancel.clone());
        self.n_live.send_modify(|n| *n += 1);
        Ok(())
    }

    /// Takes an execution off the list. Its id may be used again.
    pub(super) fn retire(&self, id: &ExecutionId) {
        if self.live().remove(id).is_some() {
            self.n_live.send_modify(|n| *n -= 1);
        }
    }

    pub(crate) fn kind(&self) -> plugdock_contracts::BackendKind {
        self.parts.carrier.kind()
    }

    pub(crate) async fn ready(&self) {
        self.parts.carrier.ready().await;
    }

    /// Whether it still takes callers' executions.
    pub(crate) fn check_open(&self) -> Result<(), ExecutionError> {
        self.stop.check(Origin::Caller)
    }

    pub(crate) fn subscribe(&self) -> BackendEvents {
        self.parts.announcer.subscribe()
    }

    pub(crate) fn stats(&self) -> BackendStats {
        let mut stats = self.recorder.snapshot();
        self.parts.carrier.fill(&mut stats);
        stats
    }

    pub(crate) async fn health(&self) -> HealthReport {
        let mut issues = self.parts.carrier.health().await.issues;
        if self.stop.has_begun() {
            issues.push(HealthIssue::new(HealthLevel::Unhealthy, "shutting-down", "the backend is stopping"));
        }
        HealthReport::of(issues)
    }

    pub(crate) async fn describe(&self, plugin: &PluginRef) -> Result<PluginDescription, ExecutionError> {
        self.stop.check(Origin::Caller)?;
        let (id, root) = match plugin {
            PluginRef::Id(id) => (Some(id.clone()), None),
            PluginRef::Root(root) => (None, Some(root.clone())),
            other => {
                let message = format!("this backend does not know plugins by {other:?}");
                return Err(ExecutionError::new(ErrorCode::Unsupported, message));
            }
        };
        let found = self.look_up(move |plugins| plugins.find(id.as_ref(), root.as_deref())).await?;
        // A program that has to be started gets a directory like any other, and it goes like any other.
        let id = ExecutionId::generate();
        let lease = self.parts.workspaces.acquire(&id, &WorkspaceSpec::default()).await;
        let lease = lease.map_err(|error| workspace_error(&error))?;
        let described = self.parts.carrier.describe(&found, lease.dir()).await;
        if let Err(error) = lease.release().await {
            tracing::warn!(error = %ErrorChain(&error), "a workspace was not released");
        }
        described
    }

    /// Finds a plugin. Looking reads files, so it is done apart from the runtime's threads.
    pub(super) async fn look_up<T: Send + 'static>(
        &self,
        find: impl FnOnce(&PluginSource) -> Result<T, ExecutionError> + Send + 'static,
    ) -> Result<T, ExecutionError> {
        let plugins = Arc::clone(&self.parts.plugins);
        let found = tokio::task::spawn_blocking(move || find(&plugins)).await;
        found.unwrap_or_else(|error| Err(ExecutionError::from_error(ErrorCode::UnknownError, &error)))
    }
}

impl<C: Carrier> fmt::Debug for Engine<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Engine").field("kind", &self.parts.carrier.kind()).finish_non_exhaustive()
    }
}
