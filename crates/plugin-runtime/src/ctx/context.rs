//! The context of one execution. Clones speak of the same execution and may outlive it: their calls then fail.

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use plugdock_contracts::error::{ErrorCode, ExecutionError};
use plugdock_contracts::host_call::{HostCall, HostReply, InvokeCall};
use plugdock_contracts::{
    BoxFuture, CancelReason, ExecutionId, HandlerId, HostContext, Payload, PluginId, Progress, RequestId,
    TenantId, TraceContext,
};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::time::Instant;

use super::{
    Artifacts, Cache, Cancellation, CleanupStack, Env, Events, Fs, Http, Logger, Service, Shell, State,
    Storage,
};
use crate::bridge::HostBridge;
use crate::descriptor::CallDescriptor;

/// The context of one execution.
#[derive(Clone)]
pub struct Ctx(Arc<CtxParts>);

/// What a context is made of.
pub(crate) struct CtxParts {
    pub(crate) descriptor: CallDescriptor,
    pub(crate) deadline: Option<Instant>,
    pub(crate) cancellation: Cancellation,
    pub(crate) cleanup: Arc<CleanupStack>,
    pub(crate) bridge: Arc<dyn HostBridge>,
    pub(crate) threads: Arc<AtomicUsize>,
}

/// Counts a thread that runs a blocking handler until it is dropped.
pub(crate) struct ThreadMark(Arc<AtomicUsize>);

impl Drop for ThreadMark {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

/// The plugin's configuration has another shape than the handler wants.
#[derive(Debug, thiserror::Error)]
#[error("the configuration of `{plugin}` has another shape")]
pub struct ConfigError {
    /// The plugin.
    pub plugin: PluginId,
    /// Where it differs.
    #[source]
    pub source: serde_json::Error,
}

impl Ctx {
    pub(crate) fn new(parts: CtxParts) -> Self {
        Self(Arc::new(parts))
    }

    /// The execution.
    pub fn execution_id(&self) -> &ExecutionId {
        &self.0.descriptor.execution_id
    }

    /// The plugin.
    pub fn plugin(&self) -> &PluginId {
        &self.0.descriptor.plugin
    }

    /// The handler.
    pub fn handler(&self) -> &HandlerId {
        &self.0.descriptor.handler
    }

    /// Where the request came from.
    pub fn host_context(&self) -> &HostContext {
        &self.0.descriptor.host
    }

    /// The host's request, for correlation.
    pub fn request_id(&self) -> Option<&RequestId> {
        self.0.descriptor.request_id.as_ref()
    }

    /// On whose behalf it runs.
    pub fn tenant(&self) -> Option<&TenantId> {
        self.0.descriptor.tenant.as_ref()
    }

    /// Position in a distributed trace.
    pub fn trace(&self) -> Option<&TraceContext> {
        self.0.descriptor.trace.as_ref()
    }

    /// When the execution's time is over; `None` when it has no limit.
    pub fn deadline(&self) -> Option<Instant> {
        self.0.deadline
    }

    /// What is left of its time: zero when it is over, `None` when it has no limit.
    pub fn remaining(&self) -> Option<Duration> {
        self.0.deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()))
    }

    /// Whether the execution should stop.
    pub fn is_cancelled(&self) -> bool {
        self.0.cancellation.is_cancelled()
    }

    /// Resolves when the execution should stop: then return soon, or be dropped after half of the grace. Cancel safe.
    pub async fn cancelled(&self) -> CancelReason {
        self.0.cancellation.clone().cancelled().await
    }

    /// The directory it may write to. Without a workspace it is the current directory.
    pub fn workspace(&self) -> &Path {
        self.0.descriptor.workspace.as_deref().unwrap_or(Path::new("."))
    }

    /// The artifacts it leaves.
    pub fn artifacts(&self) -> Artifacts {
        Artifacts::new(self.0.descriptor.artifacts.clone())
    }

    /// The plugin's configuration.
    ///
    /// # Errors
    /// [`ConfigError`] when it has another shape.
    pub fn config<T: DeserializeOwned>(&self) -> Result<T, ConfigError> {
        serde_json::from_value(self.0.descriptor.config.clone())
            .map_err(|source| ConfigError { plugin: self.plugin().clone(), source })
    }

    /// The logger. Its lines reach the caller as they happen.
    pub fn log(&self) -> Logger {
        Logger::new(Arc::clone(&self.0.bridge))
    }

    /// Tells the caller how far it is, from 0 to 1, and what it does now.
    pub fn progress(&self, fraction: f32, note: &str) {
        self.0.bridge.progress(Progress::new(Some(fraction), note));
    }

    /// Tells the caller what it does now, without a fraction.
    pub fn status(&self, note: &str) {
        self.0.bridge.progress(Progress::new(None, note));
    }

    /// Adds something that is done when the execution ends, however it ends: the newest first, each at most five
    /// seconds, going on after failures. After a cancellation or time-out all of them share what is left of the grace.
    pub fn on_cleanup(&self, cleanup: impl Future<Output = ()> + Send + 'static) {
        self.0.cleanup.push(Box::pin(cleanup));
    }

    /// Calls another plugin's handler. It inherits what is left of this execution's time, and ends with it.
    ///
    /// # Errors
    /// `PERMISSION_DENIED` without a grant, `VALIDATION_ERROR` when the chain of invocations closes a cycle,
    /// `RESOURCE_EXHAUSTED` when it is too deep, and as the other handler fails.
    pub async fn invoke<I, O>(&self, plugin: &str, handler: &str, input: &I) -> Result<O, ExecutionError>
    where
        I: Serialize + ?Sized,
        O: DeserializeOwned,
    {
        let invalid =
            |error: &dyn std::error::Error| ExecutionError::from_error(ErrorCode::ValidationError, error);
        let input = Payload::json(input).map_err(|error| invalid(&error))?;
        let call = InvokeCall {
            plugin: PluginId::new(plugin).map_err(|error| invalid(&error))?,
            handler: HandlerId::new(handler).map_err(|error| invalid(&error))?,
            timeout_ms: None,
            content_type: None,
        };
        let reply = self.host(HostCall::Invoke(call), input.into_bytes()).await?;
        Payload::from_json_bytes(reply.body)
            .to_value()
            .map_err(|error| ExecutionError::from_error(ErrorCode::HandlerContractError, &error))
    }

    /// The host's cache.
    pub fn cache(&self) -> Cache {
        Cache::new(self.clone())
    }

    /// The plugin's persistent state.
    pub fn state(&self) -> State {
        State::new(self.clone())
    }

    /// The plugin's files that outlive executions.
    pub fn storage(&self) -> Storage {
        Storage::new(self.clone())
    }

    /// Topics.
    pub fn events(&self) -> Events {
        Events::new(self.clone())
    }

    /// Files of the host's file system.
    pub fn fs(&self) -> Fs {
        Fs::new(self.clone())
    }

    /// Requests over HTTP.
    pub fn http(&self) -> Http {
        Http::new(self.clone())
    }

    /// The host's environment.
    pub fn env(&self) -> Env {
        Env::new(self.clone())
    }

    /// Programs of the host.
    pub fn shell(&self) -> Shell {
        Shell::new(self.clone())
    }

    /// A service that the host registered by name.
    pub fn service(&self, name: &str) -> Service {
        Service::new(self.clone(), name)
    }

    /// Whether the caller wants the stack of a panic.
    pub(crate) fn wants_backtrace(&self) -> bool {
        self.0.descriptor.backtrace
    }

    /// Counts a thread from before it starts, so that one that waits for its turn counts too.
    pub(crate) fn mark_thread(&self) -> ThreadMark {
        self.0.threads.fetch_add(1, Ordering::AcqRel);
        ThreadMark(Arc::clone(&self.0.threads))
    }

    /// The question itself, for whoever keeps it.
    pub(super) fn ask_host(
        &self,
        call: HostCall,
        body: Bytes,
    ) -> BoxFuture<'static, Result<HostReply, ExecutionError>> {
        self.0.bridge.call(call, body)
    }

    pub(super) async fn host(&self, call: HostCall, body: Bytes) -> Result<HostReply, ExecutionError> {
        self.0.bridge.call(call, body).await
    }
}

impl fmt::Debug for Ctx {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ctx").field("descriptor", &self.0.descriptor).finish_non_exhaustive()
    }
}
