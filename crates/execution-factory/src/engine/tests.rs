//! The engine over a carrier that does what each test says, with real workspaces and no process.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use plugdock_contracts::backend::{BackendEvent, BackendKind, PluginRef, Shutdown};
use plugdock_contracts::describe::PluginDescription;
use plugdock_contracts::error::{ErrorCode, ExecutionError};
use plugdock_contracts::health::{HealthLevel, HealthReport};
use plugdock_contracts::manifest::Isolation;
use plugdock_contracts::stats::BackendStats;
use plugdock_contracts::{BoxFuture, ExecutionEvent, ExecutionRequest, Outcome, Payload, PluginId};
use plugdock_platform::Platform;
use plugdock_plugin_runtime::{Ctx, HandlerError, Plugin, Registry};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::shutdown::Origin;
use super::{
    Announcer, Carried, Carrier, Claim, Engine, EngineConfig, EngineParts, Job, NoSeat, Slots, StopClock,
};
use crate::plugin::{PluginSource, ResolvedPlugin};
use crate::workspace::LocalWorkspaceManager;

/// Runs until it is released or stopped; a handler called `panic` panics.
struct Gated {
    slots: Slots,
    release: Arc<Semaphore>,
}

impl Carrier for Gated {
    type Seat = OwnedSemaphorePermit;

    async fn reserve<'a>(&'a self, claim: Claim<'a>) -> Result<OwnedSemaphorePermit, NoSeat> {
        self.slots.reserve(claim).await
    }

    async fn ready(&self) {
        self.slots.ready().await;
    }

    fn kind(&self) -> BackendKind {
        BackendKind::InProcess
    }

    fn isolation(&self) -> Isolation {
        Isolation::InProcess
    }

    async fn carry<'a>(&'a self, job: &'a Job, _slot: &'a mut OwnedSemaphorePermit) -> Carried {
        assert_ne!(job.descriptor.handler.as_str(), "panic", "the carrier has a defect");
        job.port.event(ExecutionEvent::Started { worker: None });
        let mut clock = StopClock::start(job, tokio::time::Instant::now());
        tokio::select! {
            released = self.release.acquire() => {
                released.unwrap().forget();
                Carried::new(Ok(Payload::json("done").unwrap()))
            }
            stop = clock.stop() => Carried::new(Err(stop.error(job, "it stopped"))),
        }
    }

    fn describe<'a>(
        &'a self,
        _plugin: &'a ResolvedPlugin,
        _dir: &'a Path,
    ) -> BoxFuture<'a, Result<PluginDescription, ExecutionError>> {
        Box::pin(async { Err(ExecutionError::new(ErrorCode::Unsupported, "nothing to describe")) })
    }

    fn health(&self) -> BoxFuture<'_, HealthReport> {
        Box::pin(async { HealthReport::of(Vec::new()) })
    }

    fn fill(&self, stats: &mut BackendStats) {
        self.slots.fill(stats);
    }

    fn shutdown(&self) -> BoxFuture<'_, ()> {
        Box::pin(async {})
    }
}

struct Bench {
    engine: Arc<Engine<Gated>>,
    release: Arc<Semaphore>,
    root: tempfile::TempDir,
}

fn bench(max_concurrent: usize, max_waiting: usize) -> Bench {
    let root = tempfile::tempdir().unwrap();
    let plugin =
        Plugin::new("acme/x", "1.0.0").handler("go", async |_ctx: Ctx, (): ()| Ok::<_, HandlerError>(()));
    let release = Arc::new(Semaphore::new(0));
    let engine = Engine::new(EngineParts {
        config: EngineConfig::default(),
        carrier: Gated { slots: Slots::new(max_concurrent, max_waiting), release: Arc::clone(&release) },
        platform: Arc::new(Platform::builder().build()),
        workspaces: Arc::new(LocalWorkspaceManager::open(root.path()).unwrap()),
        plugins: Arc::new(PluginSource {
            registry: Registry::new().with(plugin).unwrap(),
            ..PluginSource::default()
        }),
        announcer: Announcer::new(),
    });
    Bench { engine, release, root }
}

fn request(handler: &str) -> ExecutionRequest {
    ExecutionRequest::new("acme/x", handler).unwrap()
}

fn code(outcome: &Outcome) -> Option<&ErrorCode> {
    outcome.error().map(ExecutionError::code)
}

#[tokio::test]
async fn a_defect_of_the_carrier_still_gives_an_outcome_and_frees_its_slot() {
    let bench = bench(1, 0);
    let mut execution = bench.engine.start(request("panic"));
    assert_eq!(execution.next_event().await, None, "nobody waits for events that cannot come");
    assert_eq!(code(&execution.wait().await), Some(&ErrorCode::UnknownError));
    bench.release.add_permits(1);
    assert!(bench.engine.start(request("go")).wait().await.is_ok());
    assert_eq!(bench.engine.stats().running, 0);
}

#[tokio::test]
async fn who_comes_when_the_queue_is_full_is_refused_at_once() {
    let bench = bench(1, 1);
    let mut running = bench.engine.start(request("go"));
    assert!(matches!(running.next_event().await, Some(ExecutionEvent::Started { .. })));
    let waiting = bench.engine.start(request("go"));
    // The waiting one has its place before the third is started, because both supervisors are polled in order.
    while bench.engine.stats().waiting == 0 {
        tokio::task::yield_now().await;
    }
    assert_eq!(code(&bench.engine.start(request("go")).wait().await), Some(&ErrorCode::QueueFull));
    bench.release.add_permits(2);
    assert!(running.wait().await.is_ok());
    let outcome = waiting.wait().await;
    assert!(outcome.is_ok());
    assert!(outcome.timings.queue.unwrap() <= outcome.timings.total);
}

#[tokio::test(start_paused = true)]
async fn waiting_has_a_clock_of_its_own() {
    let bench = bench(1, 9);
    let mut running = bench.engine.start(request("go"));
    assert!(matches!(running.next_event().await, Some(ExecutionEvent::Started { .. })));
    let mut late = request("go");
    late.timeouts.acquire = Some(Duration::from_secs(1));
    assert_eq!(code(&bench.engine.start(late).wait().await), Some(&ErrorCode::AcquireTimeout));
    bench.release.add_permits(1);
    assert!(running.wait().await.is_ok(), "its own clock had not run out");
}

#[tokio::test]
async fn two_live_executions_never_share_an_id() {
    let bench = bench(2, 2);
    let first = request("go");
    let mut second = request("go");
    second.execution_id = first.execution_id.clone();
    let running = bench.engine.start(first);
    let outcome = bench.engine.start(second.clone()).wait().await;
    assert_eq!(code(&outcome), Some(&ErrorCode::ValidationError));
    bench.release.add_permits(2);
    assert!(running.wait().await.is_ok());
    assert!(bench.engine.start(second).wait().await.is_ok(), "the id is free again");
}

#[tokio::test]
async fn a_drain_lets_finish_what_runs_and_takes_nothing_new() {
    let bench = bench(2, 2);
    let mut events = bench.engine.subscribe();
    let mut running = bench.engine.start(request("go"));
    assert!(matches!(running.next_event().await, Some(ExecutionEvent::Started { .. })));
    let id = running.id().clone();
    let drain = bench.engine.shutdown(Shutdown::Drain(Duration::from_secs(30)));
    let finish = async {
        assert_eq!(events.next().await, Some(BackendEvent::ShuttingDown));
        let refused = bench.engine.start(request("go")).wait().await;
        assert_eq!(code(&refused), Some(&ErrorCode::ShuttingDown));
        bench.release.add_permits(1);
        assert!(running.wait().await.is_ok());
    };
    let (report, ()) = tokio::join!(drain, finish);
    assert_eq!(report.finished, [id]);
    assert_eq!(bench.engine.shutdown(Shutdown::Now).await, report, "a second call gets the same answer");
    assert_eq!(bench.engine.health().await.level, HealthLevel::Unhealthy);
}

#[tokio::test]
async fn a_shutdown_at_once_cancels_and_says_whom() {
    let bench = bench(2, 2);
    let mut running = bench.engine.start(request("go"));
    assert!(matches!(running.next_event().await, Some(ExecutionEvent::Started { .. })));
    let id = running.id().clone();
    let report = bench.engine.shutdown(Shutdown::Now).await;
    assert_eq!(report.cancelled, [id]);
    assert_eq!(code(&running.wait().await), Some(&ErrorCode::ShuttingDown));
}

#[tokio::test]
async fn a_dropped_handle_frees_everything() {
    let bench = bench(1, 0);
    let mut execution = bench.engine.start(request("go"));
    assert!(matches!(execution.next_event().await, Some(ExecutionEvent::Started { .. })));
    drop(execution);
    bench.engine.ready().await;
    bench.release.add_permits(1);
    assert!(bench.engine.start(request("go")).wait().await.is_ok());
    assert_eq!(bench.engine.stats().failed_by_code["ABORTED"], 1);
    bench.engine.shutdown(Shutdown::Now).await;
    assert_eq!(walk(bench.root.path()), Vec::<String>::new(), "the shutdown left nothing below the root");
}

/// Everything below a directory.
fn walk(root: &std::path::Path) -> Vec<String> {
    let mut names = Vec::new();
    let mut open = vec![root.to_owned()];
    while let Some(dir) = open.pop() {
        for entry in std::fs::read_dir(dir).unwrap().flatten() {
            names.push(entry.path().display().to_string());
            if entry.file_type().unwrap().is_dir() {
                open.push(entry.path());
            }
        }
    }
    names
}

#[tokio::test]
async fn an_unknown_plugin_is_an_outcome_and_not_a_panic() {
    let bench = bench(1, 0);
    let outcome = bench.engine.start(ExecutionRequest::new("acme/missing", "go").unwrap()).wait().await;
    assert_eq!(code(&outcome), Some(&ErrorCode::HandlerNotFound));
    let missing = PluginRef::Id(PluginId::new("acme/missing").unwrap());
    assert_eq!(bench.engine.describe(&missing).await.unwrap_err().code(), &ErrorCode::HandlerNotFound);
}

#[tokio::test]
async fn a_shutdown_goes_on_without_its_caller_and_a_second_one_may_hurry_it() {
    let bench = bench(2, 2);
    let mut running = bench.engine.start(request("go"));
    assert!(matches!(running.next_event().await, Some(ExecutionEvent::Started { .. })));
    let id = running.id().clone();
    let patient = bench.engine.shutdown(Shutdown::Drain(Duration::from_hours(1)));
    // Polled once and dropped: it has begun.
    assert!(tokio::time::timeout(Duration::ZERO, patient).await.is_err());
    assert_eq!(code(&bench.engine.start(request("go")).wait().await), Some(&ErrorCode::ShuttingDown));
    let report = bench.engine.shutdown(Shutdown::Now).await;
    assert_eq!(report.cancelled, [id]);
    assert_eq!(code(&running.wait().await), Some(&ErrorCode::ShuttingDown));
}

#[tokio::test]
async fn a_drain_still_takes_what_a_running_handler_invokes() {
    let bench = bench(1, 0);
    let mut running = bench.engine.start(request("go"));
    assert!(matches!(running.next_event().await, Some(ExecutionEvent::Started { .. })));
    let drain = bench.engine.shutdown(Shutdown::Drain(Duration::from_secs(30)));
    let finish = async {
        let nested = bench.engine.begin(request("go"), Origin::Nested);
        bench.release.add_permits(2);
        assert!(nested.wait().await.is_ok());
        assert!(running.wait().await.is_ok());
    };
    let (report, ()) = tokio::join!(drain, finish);
    assert_eq!(report.finished.len(), 2);
}

#[tokio::test]
async fn never_slow_is_no_number_that_breaks_the_clock() {
    let bench = bench(1, 0);
    let mut absurd = request("go");
    absurd.timeouts.slow_after = Some(Duration::MAX);
    assert_eq!(code(&bench.engine.start(absurd).wait().await), Some(&ErrorCode::ValidationError));
}
