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
use plugdock_testkit::suite::{Verdict, names, pool_names, run};

use crate::conformance::{HOST, PLUGIN};

/// They wait for a state that never comes, up to the ceiling, and fail then: too slow to be shown here.
const SLOW: [&str; 4] = [
    "lines_that_nobody_takes_are_dropped_and_counted",
    "a_sender_waits_for_its_reader",
    "a_stream_that_nobody_reads_does_not_stop_a_cancellation",
    "a_drain_lets_what_runs_finish",
];

/// `null` is right here.
const PASSED: [&str; 1] = ["a_handler_without_a_result_answers_null"];

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

fn mute(config: BackendConfig) -> Subject {
    Subject::programs(config, Path::new(PLUGIN), Path::new(HOST)).made_by(|_config, _registry, _platform| {
        Box::pin(async { Ok(Arc::new(Mute) as Arc<dyn ExecutionBackend>) })
    })
}

/// Those that it passes, of those that have a meaning and are not slow.
fn passed_of(
    names: impl Iterator<Item = (&'static str, &'static str)>,
    subject: &Subject,
) -> Vec<&'static str> {
    let verdict = |topic, name| catch_unwind(AssertUnwindSafe(|| run(topic, name, subject)));
    names
        .filter(|(_, name)| !SLOW.contains(name))
        .filter(|(topic, name)| matches!(verdict(topic, name), Ok(Verdict::Passed)))
        .map(|(_, name)| name)
        .collect()
}

#[test]
fn a_backend_that_answers_null_to_everything_fails_every_behaviour() {
    assert_eq!(passed_of(names(), &mute(BackendConfig::subprocess())), PASSED);
}

#[test]
fn a_pool_that_answers_null_to_everything_fails_every_behaviour() {
    assert_eq!(passed_of(pool_names(), &mute(BackendConfig::worker_pool())), [""; 0]);
}
