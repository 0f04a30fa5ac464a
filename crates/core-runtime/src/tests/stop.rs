//! Stopping by signal: a drain first, everything at once on the second signal.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use plugdock_contracts::{BackendKind, ExecutionBackend, Shutdown};
use plugdock_platform::Platform;
use tokio::sync::mpsc;

use super::backend::{Diary, Idle};
use super::config;
use crate::core_runtime::CoreRuntime;
use crate::selection::BackendChoice;
use crate::signal::{StopSignal, StopSignals};

fn host(stuck: bool) -> (CoreRuntime, Diary) {
    let diary: Diary = Arc::new(Mutex::new(Vec::new()));
    let backend = Idle::new(BackendKind::Subprocess, &diary, stuck) as Arc<dyn ExecutionBackend>;
    let platform = Arc::new(Platform::builder().build());
    platform.init_execution_backend(Arc::clone(&backend)).unwrap();
    let config = config(|builder| builder.set("shutdown.drain", Duration::from_secs(3)));
    let mode = config.execution().mode;
    let choice = BackendChoice { kind: backend.kind(), mode, reason: "a test".into(), instead_of: None };
    (CoreRuntime::of_parts(config, platform, backend, choice), diary)
}

#[tokio::test]
async fn the_first_signal_drains_for_the_configured_time() {
    let (runtime, diary) = host(false);
    let (send, told) = mpsc::channel(2);
    send.send(StopSignal::Terminate).await.unwrap();
    let report = runtime.run_until(StopSignals::told(told)).await;
    assert_eq!(report.signal, Some(StopSignal::Terminate));
    assert!(!report.cut_short && report.is_clean());
    assert_eq!(*diary.lock().unwrap(), ["backend: Drain(3s)"]);
}

#[tokio::test]
async fn the_second_signal_cuts_the_drain_short() {
    let (runtime, diary) = host(true);
    let (send, told) = mpsc::channel(2);
    send.send(StopSignal::Interrupt).await.unwrap();
    send.send(StopSignal::Interrupt).await.unwrap();
    let report = runtime.run_until(StopSignals::told(told)).await;
    assert!(report.cut_short);
    assert_eq!(*diary.lock().unwrap(), ["backend: Drain(3s)", "backend: Now"]);
}

#[tokio::test]
async fn a_program_may_stop_without_a_signal() {
    let (runtime, diary) = host(false);
    let report = runtime.shutdown(Shutdown::Now).await;
    assert_eq!((report.signal, report.cut_short), (None, false));
    assert_eq!(*diary.lock().unwrap(), ["backend: Now"]);
}
