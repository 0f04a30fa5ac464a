//! The gate of one execution: checks, audits and does what its handler asks the host for, until the execution is over.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use plugdock_contracts::backend::BackendEvent;
use plugdock_contracts::error::{ErrorCode, ExecutionError};
use plugdock_contracts::host_call::{HostCall, HostReply, InvokeCall};
use plugdock_contracts::permission::{Denial, Permissions};
use plugdock_contracts::service::{AuditEvent, ServiceScope};
use plugdock_contracts::workspace::WorkspaceKind;
use plugdock_contracts::{BoxFuture, ExecutionRequest, LogLine, Payload};
use plugdock_platform::Platform;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::check::decide;
use super::dispatch::Subscriptions;
use crate::engine::Announcer;

/// A nested invocation that was granted.
#[derive(Debug)]
pub(crate) struct Invoke {
    /// The execution that invokes.
    pub(crate) parent: Arc<ExecutionRequest>,
    /// What it may, which bounds what the invoked handler may.
    pub(crate) permissions: Permissions,
    /// What it calls.
    pub(crate) call: InvokeCall,
    /// The input.
    pub(crate) input: Payload,
    /// What is left of its time.
    pub(crate) remaining: Option<Duration>,
}

/// Runs nested invocations.
pub(crate) trait Invoker: Send + Sync {
    /// Runs one to its result. Dropping the future cancels it.
    fn invoke(&self, invoke: Invoke) -> BoxFuture<'static, Result<Payload, ExecutionError>>;
}

/// What a gate is made of.
pub(crate) struct GateParts {
    pub(crate) request: Arc<ExecutionRequest>,
    pub(crate) permissions: Permissions,
    pub(crate) platform: Arc<Platform>,
    pub(crate) invoker: Arc<dyn Invoker>,
    pub(crate) announcer: Announcer,
}

/// What an execution's own directories are, once they were leased.
struct Places {
    workspace: PathBuf,
    artifacts: PathBuf,
    plugin: Option<PathBuf>,
}

/// The gate of one execution.
pub(crate) struct Gate {
    pub(super) scope: ServiceScope,
    pub(super) parts: GateParts,
    pub(super) subscriptions: Subscriptions,
    deadline: Mutex<Option<Instant>>,
    places: OnceLock<Places>,
    closed: AtomicBool,
}

impl Gate {
    pub(crate) fn new(parts: GateParts) -> Self {
        let descriptor = &parts.request.descriptor;
        let mut scope = ServiceScope::new(
            descriptor.plugin.clone(),
            descriptor.tenant.clone(),
            parts.request.execution_id.clone(),
        );
        scope.trace.clone_from(&descriptor.trace);
        scope.state_quota = parts.permissions.state_quota();
        if let WorkspaceKind::Existing { dir } = &parts.request.workspace.kind {
            scope.workspace = Some(dir.clone());
        }
        Self {
            scope,
            parts,
            subscriptions: Subscriptions::default(),
            deadline: Mutex::new(None),
            places: OnceLock::new(),
            closed: AtomicBool::new(false),
        }
    }

    /// What the execution may.
    pub(crate) fn permissions(&self) -> &Permissions {
        &self.parts.permissions
    }

    /// Starts the clock that bounds every call.
    pub(crate) fn set_deadline(&self, deadline: Instant) {
        *self.deadline.lock().unwrap_or_else(PoisonError::into_inner) = Some(deadline);
    }

    /// Says what `workspace` and `artifacts` mean in the paths of its calls. Only the first time counts: neither moves while
    /// an execution runs.
    pub(crate) fn set_places(&self, workspace: &Path, artifacts: &Path, plugin: Option<&Path>) {
        let places = Places {
            workspace: workspace.to_owned(),
            artifacts: artifacts.to_owned(),
            plugin: plugin.map(Path::to_owned),
        };
        let _first_counts = self.places.set(places);
    }

    fn deadline(&self) -> Option<Instant> {
        *self.deadline.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends the gate: no later call of this execution is served.
    pub(crate) fn close(&self) {
        self.closed.store(true, Ordering::Release);
        self.subscriptions.clear();
    }

    /// Passes a log line to the host's log.
    pub(crate) fn log(&self, line: &LogLine) {
        if let Ok(log) = self.parts.platform.log() {
            log.write(&self.scope, line);
        }
    }

    /// Checks a call and does it. The answer never comes after the execution's deadline.
    pub(crate) async fn call(
        self: Arc<Self>,
        call: HostCall,
        body: Bytes,
    ) -> Result<HostReply, ExecutionError> {
        if self.closed.load(Ordering::Acquire) {
            return Err(ExecutionError::new(ErrorCode::Aborted, "the execution is over"));
        }
        if let Some(decision) = decide(&self.parts.permissions, &call)? {
            decision.into_result().map_err(|denial| self.denied(&denial))?;
        }
        let deadline = self.deadline();
        let remaining = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
        let mut scope = self.scope.clone();
        scope.remaining = remaining;
        if let Some(places) = self.places.get() {
            scope.workspace = Some(places.workspace.clone());
            scope.artifacts = Some(places.artifacts.clone());
            scope.plugin_root.clone_from(&places.plugin);
        }
        // A task of its own: a service that panics answers an error and takes nobody with it.
        let mut task = JoinSet::new();
        let gate = Arc::clone(&self);
        task.spawn(async move { gate.dispatch(&scope, call, body).await });
        let done = async {
            match task.join_next().await {
                Some(Ok(reply)) => reply,
                Some(Err(_)) | None => {
                    Err(ExecutionError::new(ErrorCode::UnknownError, "a service of the host panicked"))
                }
            }
        };
        match deadline {
            Some(deadline) => tokio::time::timeout_at(deadline, done).await.unwrap_or_else(|_elapsed| {
                Err(ExecutionError::new(
                    ErrorCode::Timeout,
                    "the execution's time was over before the host could answer",
                ))
            }),
            None => done.await,
        }
    }

    /// Audits a denial and makes the error of it.
    pub(super) fn denied(&self, denial: &Denial) -> ExecutionError {
        let missing = denial.missing();
        let permission = denial.kind.to_string();
        let event = AuditEvent::denied(
            permission.clone(),
            denial.subject.clone(),
            denial.rule.clone(),
            missing.clone().unwrap_or_default(),
        );
        if let Ok(audit) = self.parts.platform.audit() {
            audit.record(&self.scope, &event);
        }
        self.parts.announcer.announce(BackendEvent::Denied {
            execution: self.scope.execution.clone(),
            plugin: self.scope.plugin.clone(),
            permission,
            subject: denial.subject.clone(),
        });
        let error = ExecutionError::new(ErrorCode::PermissionDenied, denial.to_string()).with_details(
            serde_json::json!({ "permission": event.permission, "subject": event.subject, "missing": missing }),
        );
        match missing {
            Some(missing) => error.with_help(format!("grant it in the manifest: {missing}")),
            None => error,
        }
    }
}

impl fmt::Debug for Gate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gate").field("execution", &self.scope.execution).finish_non_exhaustive()
    }
}
