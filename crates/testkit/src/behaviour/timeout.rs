//! Time: the clock of the run, the clock of the queue, and what a handler sees of them.

use std::time::Duration;

use plugdock_contracts::error::Step;
use plugdock_contracts::{ErrorCode, ExecutionEvent, ExecutionRequest};

use super::cancel::hasty;
use crate::harness::{Harness, code};

/// A time that is over soon, and still long enough for a handler to begin.
const SOON: Duration = Duration::from_millis(700);

fn soon(request: ExecutionRequest) -> ExecutionRequest {
    hasty(request).with_call_timeout(SOON)
}

pub(crate) async fn beyond_its_time_is_a_timeout_with_step_and_limit(h: &mut Harness) {
    let error = h.error(soon(h.request("deaf", &()))).await;
    assert_eq!(
        (code(&error), error.step(), error.limit()),
        (ErrorCode::Timeout, Some(Step::Call), Some(SOON)),
        "{error:?}"
    );
}

pub(crate) async fn a_spinning_handler_times_out(h: &mut Harness) {
    times_out_deaf(h, "spin").await;
}

pub(crate) async fn a_deaf_blocking_handler_times_out(h: &mut Harness) {
    times_out_deaf(h, "deaf-blocking").await;
}

async fn times_out_deaf(h: &mut Harness, handler: &str) {
    let error = h.error(soon(h.request(handler, &()))).await;
    assert_eq!(
        (code(&error), error.step(), error.limit()),
        (ErrorCode::Timeout, Some(Step::Call), Some(SOON)),
        "{error:?}"
    );
    let stats = h.backend().await.stats();
    if h.in_processes() {
        assert_eq!((stats.abandoned, stats.workers), (0, 0), "it was killed");
    } else {
        h.abandons();
        assert_eq!(stats.abandoned, 1, "in-process it can only be left");
    }
    assert_eq!(h.value::<i32>("echo", &1).await, 1, "the next execution is unharmed");
}

pub(crate) async fn a_slow_execution_is_announced_and_goes_on(h: &mut Harness) {
    let mut request = h.request("gated", "slow");
    request.timeouts.slow_after = Some(Duration::from_millis(50));
    let mut execution = h.start(request).await;
    let mut events = Vec::new();
    while !events.iter().any(|event| matches!(event, ExecutionEvent::Slow { .. })) || !ready(&events) {
        events.push(execution.next_event().await.expect("it waits at its gate"));
    }
    h.open("slow").await;
    let taken = h.take_rest(execution, events).await;
    assert!(taken.outcome.is_ok(), "{:?}", taken.outcome.error());
    let slow: Vec<_> =
        taken.events.iter().filter(|event| matches!(event, ExecutionEvent::Slow { .. })).collect();
    assert!(
        matches!(slow[..], [ExecutionEvent::Slow { after }] if *after >= Duration::from_millis(50)),
        "{slow:?}"
    );
}

fn ready(events: &[ExecutionEvent]) -> bool {
    events.iter().any(|event| matches!(event, ExecutionEvent::Log(line) if line.message == "ready"))
}

pub(crate) async fn waiting_for_a_slot_is_another_clock(h: &mut Harness) {
    h.run_at_a_time(1);
    let first = h.gated("first").await;
    // The second waits at least as long as the first is held, which is longer than it may run itself.
    let second = h.start(soon(h.request("echo", &1))).await;
    let held = std::time::Instant::now();
    crate::harness::wait_for("the queue to hold the second for longer than its run time", || {
        if held.elapsed() > SOON { Ok(()) } else { Err(format!("{:?}", held.elapsed())) }
    })
    .await;
    assert_eq!(h.backend().await.stats().waiting, 1);
    h.open("first").await;
    assert!(h.take_rest(first, Vec::new()).await.outcome.is_ok());
    let outcome = h.take_rest(second, Vec::new()).await.outcome;
    assert!(outcome.is_ok(), "its wait was counted as run time: {:?}", outcome.error());
    assert!(outcome.timings.queue.unwrap() >= SOON, "{:?}", outcome.timings);
}

pub(crate) async fn waiting_too_long_for_a_slot_is_acquire_timeout(h: &mut Harness) {
    h.run_at_a_time(1);
    let first = h.gated("first").await;
    let mut request = h.request("echo", &1);
    let acquire = Duration::from_millis(50);
    request.timeouts.acquire = Some(acquire);
    let error = h.error(request).await;
    assert_eq!(
        (code(&error), error.step(), error.limit()),
        (ErrorCode::AcquireTimeout, Some(Step::Queue), Some(acquire))
    );
    assert!(error.is_retryable());
    h.open("first").await;
    assert!(h.take_rest(first, Vec::new()).await.outcome.is_ok());
}

pub(crate) async fn a_full_queue_refuses_at_once(h: &mut Harness) {
    h.run_at_a_time(1);
    h.wait_at_a_time(3);
    let first = h.gated("first").await;
    let mut waiting = Vec::new();
    for number in 0..3 {
        waiting.push(h.start(h.request("echo", &number)).await);
    }
    let backend = h.backend().await;
    crate::harness::wait_for("three to wait", || {
        let n_waiting = backend.stats().waiting;
        if n_waiting == 3 { Ok(()) } else { Err(n_waiting.to_string()) }
    })
    .await;
    let error = h.error(h.request("echo", &4)).await;
    assert_eq!((code(&error), error.is_retryable()), (ErrorCode::QueueFull, true));
    assert_eq!(error.details()["limit"], 3, "{error:?}");
    h.open("first").await;
    assert!(h.take_rest(first, Vec::new()).await.outcome.is_ok());
    for (number, execution) in waiting.into_iter().enumerate() {
        let outcome = h.take_rest(execution, Vec::new()).await.outcome;
        assert_eq!(outcome.into_value::<usize>().unwrap(), number);
    }
}

pub(crate) async fn the_deadline_is_visible_and_shrinks_through_a_nested_call(h: &mut Harness) {
    let request = h.request("invoke-remaining", &()).with_call_timeout(Duration::from_secs(20));
    let (own, nested): (Option<u64>, Option<u64>) = h.outcome(request).await.into_value().unwrap();
    let (own, nested) = (own.expect("there is a limit"), nested.expect("the limit is inherited"));
    assert!(own <= 20_000 && nested <= own && nested > 0, "{own} ms, then {nested} ms");
}

pub(crate) async fn a_nested_call_ends_with_its_callers_time(h: &mut Harness) {
    let execution = h.ready(soon(h.request("invoke-slow", &()))).await;
    h.until_host_log("callee waits").await;
    let error = h.take_rest(execution, Vec::new()).await.outcome.result.unwrap_err();
    assert_eq!((code(&error), error.limit()), (ErrorCode::Timeout, Some(SOON)), "{error:?}");
    // Its own time was over at the same moment: which of the two reasons it is told is open.
    h.until_host_log_starting("callee stopped: ").await;
}

pub(crate) async fn a_call_to_the_host_is_bounded_by_the_calls_time(h: &mut Harness) {
    // It waits for the host, which has nothing to tell for longer than the call may take.
    let error = h.error(soon(h.request("gated", "never.opened"))).await;
    assert_eq!((code(&error), error.step()), (ErrorCode::Timeout, Some(Step::Call)), "{error:?}");
    assert_eq!(h.value::<i32>("echo", &1).await, 1, "the next execution is unharmed");
}
