//! The suite can fail: a backend that answers `null` to everything passes next to nothing of it.
//! A behaviour that it passes shows nothing, and is named here.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;
use std::task::{Context, Poll};

use plugdock_contracts::backend::{BackendEvent, BackendEventSource, BackendEvents, PluginRef};
use plugdock_contracts::describe::PluginDescription;
use plugdock_contracts::health::HealthReport;
use plugdock_contracts::stats::BackendStats;
use plugdock_contracts::{
    BackendKind, BoxFuture, ErrorCode, Execution, ExecutionBackend, ExecutionError, ExecutionRequest,
    Outcome, Payload, Shutdown, ShutdownReport,
};
use plugdock_execution_factory::BackendConfig;
use plugdock_testkit::harness::Subject;
use plugdock_testkit::suite::{names, run};

use crate::conformance::{HOST, PLUGIN};

/// They wait for a state that never comes, up to the ceiling, and fail then: too slow to be shown here.
const SLOW: [&str; 4] = [
    "lines_that_nobody_takes_are_dropped_and_counted",
    "a_sender_waits_for_its_reader",
    "a_stream_that_nobody_reads_does_not_stop_a_cancellation",
    "a_drain_lets_what_runs_finish",
];

/// `null` is right here; or the behaviour is one of linked plugins alone, which this backend does not claim to run.
const PASSED: [&str; 2] =
    ["a_handler_without_a_result_answers_null", "a_context_that_outlives_its_execution_reaches_nothing"];

/// Answers `null` to everything.
struct Mute;

struct NoEvents;

impl BackendEventSource for NoEvents {
    fn poll_event(&mut self, _cx: &mut Context<'_>) -> Poll<Option<BackendEvent>> {
        Poll::Ready(None)
    }

    fn dropped(&self) -> u64 {
        0
    }
}

impl ExecutionBackend for Mute {
    fn kind(&self) -> BackendKind {
        BackendKind::Custom
    }

    fn start(&self, request: ExecutionRequest) -> Execution {
        Execution::finished(Outcome::new(request.execution_id, BackendKind::Custom, Ok(Payload::null())))
    }

    fn ready(&self) -> BoxFuture<'_, ()> {
        Box::pin(std::future::ready(()))
    }

    fn describe<'a>(
        &'a self,
        _plugin: &'a PluginRef,
    ) -> BoxFuture<'a, Result<PluginDescription, ExecutionError>> {
        Box::pin(std::future::ready(Err(ExecutionError::new(ErrorCode::Unsupported, "it says nothing"))))
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

    fn shutdown(&self, _how: Shutdown) -> BoxFuture<'_, ShutdownReport> {
        Box::pin(std::future::ready(ShutdownReport::default()))
    }
}

#[test]
fn a_backend_that_answers_null_to_everything_fails_every_behaviour() {
    let subject = Subject::programs(BackendConfig::subprocess(), Path::new(PLUGIN), Path::new(HOST)).made_by(
        |_config, _registry, _platform| Box::pin(async { Ok(Arc::new(Mute) as Arc<dyn ExecutionBackend>) }),
    );
    let is_passed = |name: &&str| catch_unwind(AssertUnwindSafe(|| run(name, &subject))).is_ok();
    let passed: Vec<_> = names().filter(|name| !SLOW.contains(name)).filter(is_passed).collect();
    assert_eq!(passed, PASSED);
}
