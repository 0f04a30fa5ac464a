//! A backend that only stops, or does not.
//! It runs no executions: what a real one does is `testkit`'s to check.

use std::future::{pending, ready};
use std::sync::{Arc, Mutex};

use plugdock_contracts::backend::{BackendEvents, PluginRef};
use plugdock_contracts::describe::PluginDescription;
use plugdock_contracts::health::HealthReport;
use plugdock_contracts::stats::BackendStats;
use plugdock_contracts::{
    BackendKind, BoxFuture, Execution, ExecutionBackend, ExecutionError, ExecutionRequest, Shutdown,
    ShutdownReport,
};

/// What was done, in order.
pub(crate) type Journal = Arc<Mutex<Vec<String>>>;

/// What a fake does when it is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Gate {
    Ok,
    Err,
    Never,
    Panic,
}

pub(crate) struct FakeBackend {
    pub(crate) journal: Journal,
    pub(crate) gate: Gate,
}

impl ExecutionBackend for FakeBackend {
    fn kind(&self) -> BackendKind {
        BackendKind::Custom
    }

    fn start(&self, _request: ExecutionRequest) -> Execution {
        unreachable!("the platform starts no executions")
    }

    fn ready(&self) -> BoxFuture<'_, ()> {
        Box::pin(ready(()))
    }

    fn describe<'a>(
        &'a self,
        _plugin: &'a PluginRef,
    ) -> BoxFuture<'a, Result<PluginDescription, ExecutionError>> {
        unreachable!("the platform asks for no description")
    }

    fn stats(&self) -> BackendStats {
        BackendStats::default()
    }

    fn health(&self) -> BoxFuture<'_, HealthReport> {
        Box::pin(ready(HealthReport::of(Vec::new())))
    }

    fn subscribe(&self) -> BackendEvents {
        unreachable!("the platform subscribes to no events")
    }

    fn shutdown(&self, how: Shutdown) -> BoxFuture<'_, ShutdownReport> {
        self.journal.lock().unwrap().push(format!("stop backend {how:?}"));
        assert!(self.gate != Gate::Panic, "backend broke");
        Box::pin(async move {
            if self.gate == Gate::Never {
                pending::<()>().await;
            }
            ShutdownReport::default()
        })
    }
}
