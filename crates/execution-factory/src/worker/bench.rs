//! An execution without an engine, for tests: its job, and what it was told.

use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use plugdock_contracts::error::{ErrorCode, ExecutionError};
use plugdock_contracts::{
    BoxFuture, ExecutionEvent, ExecutionRequest, Limits, Payload, Permissions, PluginId, Timeouts,
};
use plugdock_platform::Platform;
use plugdock_plugin_runtime::{CallDescriptor, Ctx, HandlerError, Plugin, Registry};
use tokio::sync::mpsc;

use crate::engine::{Announcer, Job};
use crate::execution::{CancelSignal, EventQueue, InputPiece, Port};
use crate::governance::{Gate, GateParts, Invoke, Invoker};
use crate::plugin::{PluginSource, ResolvedPlugin};

/// A caller that is there, and the job it waits for.
pub(crate) struct BenchedJob {
    pub(crate) job: Job,
    pub(crate) cancel: CancelSignal,
    queue: Arc<EventQueue>,
    _input: mpsc::Sender<InputPiece>,
}

struct NoInvoker;

impl Invoker for NoInvoker {
    fn invoke(&self, _invoke: Invoke) -> BoxFuture<'static, Result<Payload, ExecutionError>> {
        Box::pin(async { Err(ExecutionError::new(ErrorCode::Unsupported, "nothing is invoked here")) })
    }
}

/// The plugin `acme/x`, linked, with a handler `go`.
pub(crate) fn linked_plugin() -> Arc<ResolvedPlugin> {
    let plugin =
        Plugin::new("acme/x", "1.0.0").handler("go", async |_ctx: Ctx, (): ()| Ok::<_, HandlerError>(()));
    let source = PluginSource { registry: Registry::new().with(plugin).unwrap(), ..PluginSource::default() };
    Arc::new(source.find(Some(&PluginId::new("acme/x").unwrap()), None).unwrap())
}

impl BenchedJob {
    /// A job for a handler of `acme/x`.
    pub(crate) fn new(handler: &str, input: &serde_json::Value) -> Self {
        Self::of(linked_plugin(), handler, input)
    }

    /// A job for a handler of a plugin with the id `acme/x`.
    pub(crate) fn of(plugin: Arc<ResolvedPlugin>, handler: &str, input: &serde_json::Value) -> Self {
        let request = ExecutionRequest::new("acme/x", handler).unwrap().with_input(input).unwrap();
        let request = Arc::new(request);
        let gate = Gate::new(GateParts {
            request: Arc::clone(&request),
            permissions: Permissions::deny_all(),
            platform: Arc::new(Platform::builder().build()),
            invoker: Arc::new(NoInvoker),
            announcer: Announcer::new(),
        });
        let (cancel, cancelled) = CancelSignal::new();
        let (sender, input) = mpsc::channel(1);
        let queue = Arc::new(EventQueue::default());
        let from = &request.descriptor;
        let job = Job {
            descriptor: CallDescriptor::new(
                request.execution_id.clone(),
                from.plugin.clone(),
                from.handler.clone(),
            ),
            port: Port::new(Arc::clone(&queue), input, cancelled, Arc::new(gate)),
            plugin,
            limits: Limits::default(),
            timeouts: Timeouts::default(),
            temp_dir: std::env::temp_dir(),
            request,
        };
        Self { job, cancel, queue, _input: sender }
    }

    pub(crate) fn port(&self) -> Port {
        self.job.port.clone()
    }

    /// What it was told since it was asked last.
    pub(crate) fn told(&self) -> Vec<ExecutionEvent> {
        let mut events = Vec::new();
        while let Poll::Ready(Some(event)) = self.queue.poll_next(&mut Context::from_waker(Waker::noop())) {
            events.push(event);
        }
        events
    }

    /// The log lines among them.
    pub(crate) fn lines(&self) -> Vec<String> {
        let line = |event| match event {
            ExecutionEvent::Log(line) => Some(line.message),
            _ => None,
        };
        self.told().into_iter().filter_map(line).collect()
    }
}
