//! The order of starting, and what is undone when a step fails.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use plugdock_contracts::{BackendKind, BoxFuture, ErrorChain, ErrorCode, ExecutionBackend, ExecutionError};
use plugdock_platform::{Lifecycle, LifecycleError, PlatformBuilder, PlatformError};

use super::backend::{Diary, Idle};
use super::config;
use crate::selection::Offer;
use crate::start::{StartError, Started, start_in_order};

/// A service that writes down when it starts and stops.
struct Witness(Diary);

impl Lifecycle for Witness {
    fn start(&self) -> BoxFuture<'_, Result<(), LifecycleError>> {
        self.0.lock().unwrap().push("service: start".into());
        Box::pin(std::future::ready(Ok(())))
    }

    fn stop(&self, _within: Duration) -> BoxFuture<'_, Result<(), LifecycleError>> {
        self.0.lock().unwrap().push("service: stop".into());
        Box::pin(std::future::ready(Ok(())))
    }
}

/// Starts with a backend of each kind that is listed; another one cannot be made.
async fn start(
    mode: &str,
    linked: bool,
    working: &[BackendKind],
    diary: &Diary,
) -> Result<Started, StartError> {
    start_on(mode, Offer { processes: true, linked }, working, diary).await
}

/// The same on a system that offers this.
async fn start_on(
    mode: &str,
    offer: Offer,
    working: &[BackendKind],
    diary: &Diary,
) -> Result<Started, StartError> {
    let config = config(|builder| builder.set("execution.mode", mode));
    let witness = Arc::new(Witness(Arc::clone(diary)));
    let extend =
        |builder: PlatformBuilder| -> Result<_, PlatformError> { builder.manage("witness", witness) };
    start_in_order(&config, offer, extend, async |kind, _platform| {
        diary.lock().unwrap().push(format!("make {kind}"));
        if working.contains(&kind) {
            return Ok(Idle::new(kind, diary, false) as Arc<dyn ExecutionBackend>);
        }
        Err(ExecutionError::new(ErrorCode::SpawnFailed, "the spawner does not start"))
    })
    .await
}

fn diary() -> Diary {
    Arc::new(Mutex::new(Vec::new()))
}

#[tokio::test]
async fn services_start_before_the_backend_which_becomes_the_platforms() {
    let diary = diary();
    let started = start("auto", false, &[BackendKind::Subprocess], &diary).await.unwrap();
    assert_eq!(*diary.lock().unwrap(), ["service: start", "make subprocess"]);
    assert_eq!(started.platform.execution_backend().unwrap().kind(), BackendKind::Subprocess);
    assert_eq!(started.choice.kind, BackendKind::Subprocess);
    assert!(started.choice.instead_of.is_none());
}

#[tokio::test]
async fn a_backend_that_cannot_be_made_stops_the_services_again() {
    let diary = diary();
    let error = start("subprocess", true, &[BackendKind::InProcess], &diary).await.err().unwrap();
    assert_eq!(error.code(), ErrorCode::SpawnFailed);
    assert_eq!(
        ErrorChain(&error).to_string(),
        "failed to make the execution backend: SPAWN_FAILED: the spawner does not start"
    );
    assert_eq!(*diary.lock().unwrap(), ["service: start", "make subprocess", "service: stop"]);
}

#[tokio::test]
async fn auto_falls_back_to_the_hosts_process_for_linked_plugins_only_and_says_why() {
    let with_linked = diary();
    let started = start("auto", true, &[BackendKind::InProcess], &with_linked).await.unwrap();
    assert_eq!(started.choice.kind, BackendKind::InProcess);
    assert_eq!(started.choice.instead_of.unwrap().code(), &ErrorCode::SpawnFailed);
    let without = diary();
    let error = start("auto", false, &[BackendKind::InProcess], &without).await.err().unwrap();
    assert_eq!(error.code(), ErrorCode::SpawnFailed);
}

#[tokio::test]
async fn a_mode_that_cannot_be_here_is_refused_before_anything_starts() {
    let diary = diary();
    let offer = Offer { processes: false, linked: true };
    let error = start_on("worker-pool", offer, &[BackendKind::WorkerPool], &diary).await.err().unwrap();
    assert_eq!(error.code(), ErrorCode::Unsupported);
    assert!(diary.lock().unwrap().is_empty());
}

#[tokio::test]
async fn the_worker_pool_is_taken_when_it_is_named_and_never_replaced() {
    let working = diary();
    let started = start("worker-pool", true, &[BackendKind::WorkerPool], &working).await.unwrap();
    assert_eq!(started.choice.kind, BackendKind::WorkerPool);
    assert_eq!(*working.lock().unwrap(), ["service: start", "make worker-pool"]);
    let broken = diary();
    let others = [BackendKind::Subprocess, BackendKind::InProcess];
    let error = start("worker-pool", true, &others, &broken).await.err().unwrap();
    assert_eq!(error.code(), ErrorCode::SpawnFailed);
    assert_eq!(*broken.lock().unwrap(), ["service: start", "make worker-pool", "service: stop"]);
}
