//! A backend that runs nothing, remembers how it was stopped, and drains for as long as it is not told `Now`.

use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use plugdock_contracts::backend::{BackendEvent, BackendEventSource, BackendEvents, PluginRef};
use plugdock_contracts::describe::PluginDescription;
use plugdock_contracts::health::HealthReport;
use plugdock_contracts::stats::BackendStats;
use plugdock_contracts::{
    BackendKind, BoxFuture, ErrorCode, Execution, ExecutionBackend, ExecutionError, ExecutionRequest,
    Outcome, Shutdown, ShutdownReport,
};
use tokio::sync::watch;

/// What happened, in order.
pub(super) type Diary = Arc<Mutex<Vec<String>>>;

#[derive(Debug)]
pub(super) struct Idle {
    kind: BackendKind,
    diary: Diary,
    /// Whether a drain waits for `Now`.
    stuck: bool,
    now: watch::Sender<bool>,
}

impl Idle {
    pub(super) fn new(kind: BackendKind, diary: &Diary, stuck: bool) -> Arc<Self> {
        Arc::new(Self { kind, diary: Arc::clone(diary), stuck, now: watch::Sender::new(false) })
    }
}

struct NoEvents;

impl BackendEventSource for NoEvents {
    fn poll_event(&mut self, _cx: &mut Context<'_>) -> Poll<Option<BackendEvent>> {
        Poll::Ready(None)
    }

    fn dropped(&self) -> u64 {
        0
    }
}

impl ExecutionBackend for Idle {
    fn kind(&self) -> BackendKind {
        self.kind
    }

    fn start(&self, request: ExecutionRequest) -> Execution {
        let error = ExecutionError::new(ErrorCode::Unsupported, "it runs nothing");
        Execution::finished(Outcome::new(request.execution_id, self.kind, Err(error)))
    }

    fn ready(&self) -> BoxFuture<'_, ()> {
        Box::pin(std::future::ready(()))
    }

    fn describe<'a>(
        &'a self,
        _plugin: &'a PluginRef,
    ) -> BoxFuture<'a, Result<PluginDescription, ExecutionError>> {
        Box::pin(std::future::ready(Err(ExecutionError::new(ErrorCode::Unsupported, "it knows nothing"))))
    }

    fn stats(&self) -> BackendStats {
        BackendStats::default()
    }

    fn health(&self) -> BoxFuture<'_, HealthReport> {
        Box::pin(std::future::ready(HealthReport::of(Vec::new())))
    }

    fn subscribe(&self) -> BackendEvents {
        BackendEvents::new(Box::new(NoEvents))
    }

    fn shutdown(&self, how: Shutdown) -> BoxFuture<'_, ShutdownReport> {
        self.diary.lock().unwrap().push(format!("backend: {how:?}"));
        if how == Shutdown::Now {
            self.now.send_replace(true);
        }
        let mut now = self.now.subscribe();
        Box::pin(async move {
            if self.stuck {
                now.wait_for(|now| *now).await.expect("the sender is this backend's own");
            }
            ShutdownReport::default()
        })
    }
}
