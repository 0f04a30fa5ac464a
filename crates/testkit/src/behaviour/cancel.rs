//! Cancellation: before it runs, while it runs, of handlers that listen and of those that do not.

use std::time::Duration;

use plugdock_contracts::backend::BackendEvent;
use plugdock_contracts::error::CrashCause;
use plugdock_contracts::error::Step;
use plugdock_contracts::{ErrorCode, ExecutionRequest};

use crate::harness::{Harness, code, wait_for, within_ceiling};

/// A grace that is over soon, for handlers that use it up.
const SHORT: Duration = Duration::from_millis(200);

/// The request with a short grace.
pub(super) fn hasty(mut request: ExecutionRequest) -> ExecutionRequest {
    request.timeouts.grace = Some(SHORT);
    request
}

pub(crate) async fn cancelled_at_once_is_aborted(h: &mut Harness) {
    let execution = h.start(h.request("deaf", &())).await;
    execution.cancel("never mind");
    let error = h.take_rest(execution, Vec::new()).await.outcome.result.unwrap_err();
    assert_eq!(code(&error), ErrorCode::Aborted);
    assert!(error.message().contains("never mind"), "{error}");
}

pub(crate) async fn cancelled_while_it_waits_is_aborted(h: &mut Harness) {
    h.run_at_a_time(1);
    let first = h.gated("first").await;
    let second = h.start(h.request("echo", &1)).await;
    second.cancel("too slow");
    let error = h.take_rest(second, Vec::new()).await.outcome.result.unwrap_err();
    assert_eq!((code(&error), error.step()), (ErrorCode::Aborted, Some(Step::Queue)));
    h.open("first").await;
    assert!(h.take_rest(first, Vec::new()).await.outcome.is_ok());
}

pub(crate) async fn a_polite_handler_is_told_why_and_ends_in_time(h: &mut Harness) {
    let execution = h.ready(h.request("polite", &())).await;
    execution.cancel("enough");
    let taken = h.take_rest(execution, Vec::new()).await;
    assert_eq!(taken.messages(), ["stopped: enough"]);
    let error = taken.outcome.error().unwrap();
    assert_eq!(code(error), ErrorCode::Aborted, "the handler's own error does not count any more");
    assert!(error.cause().is_none(), "nobody had to kill it: {error:?}");
}

pub(crate) async fn a_deaf_async_handler_is_dropped(h: &mut Harness) {
    let execution = h.ready(hasty(h.request("deaf", &()))).await;
    execution.cancel("enough");
    let taken = h.take_rest(execution, Vec::new()).await;
    assert_eq!(code(taken.outcome.error().unwrap()), ErrorCode::Aborted);
    assert_eq!(taken.messages(), ["dropped"], "what it holds is dropped in order");
    assert_eq!(h.backend().await.stats().abandoned, 0);
}

pub(crate) async fn a_deaf_blocking_handler_is_killed_or_left(h: &mut Harness) {
    let mut events = h.backend().await.subscribe();
    let execution = h.ready(hasty(h.request("deaf-blocking", &()))).await;
    let id = execution.id().clone();
    execution.cancel("enough");
    let error = h.take_rest(execution, Vec::new()).await.outcome.result.unwrap_err();
    assert_eq!(code(&error), ErrorCode::Aborted);
    if h.in_processes() {
        assert_eq!(h.backend().await.stats().abandoned, 0, "a process can be killed");
        assert!(matches!(error.cause(), Some(CrashCause::Killed { .. })), "and it was: {error:?}");
        return;
    }
    h.abandons();
    assert_eq!(h.backend().await.stats().abandoned, 1);
    within_ceiling("the announcement", async {
        while events.next().await.expect("the backend is there")
            != (BackendEvent::Abandoned { execution: id.clone() })
        {}
    })
    .await;
}

pub(crate) async fn dropping_the_handle_cancels(h: &mut Harness) {
    let execution = h.ready(h.request("polite", &())).await;
    drop(execution);
    h.until_host_log("stopped: the caller went away").await;
    let backend = h.backend().await;
    wait_for("the aborted execution to be counted", || {
        let stats = backend.stats();
        if stats.failed_by_code.get("ABORTED") == Some(&1) { Ok(()) } else { Err(format!("{stats:?}")) }
    })
    .await;
}

pub(crate) async fn a_detached_execution_goes_on(h: &mut Harness) {
    h.gated("detached").await.detach();
    h.open("detached").await;
    let backend = h.backend().await;
    wait_for("the detached execution to succeed", || {
        let stats = backend.stats();
        if stats.succeeded == 1 { Ok(()) } else { Err(format!("{stats:?}")) }
    })
    .await;
}
