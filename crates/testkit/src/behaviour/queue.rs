//! The queue: who waits, in what order, and for how long. What only a pool's queue does is in `sharing`.

use std::time::{Duration, Instant};

use plugdock_contracts::error::Step;
use plugdock_contracts::outcome::Attempts;
use plugdock_contracts::request::Target;
use plugdock_contracts::{ErrorCode, Execution};

use crate::harness::{CEILING, Harness, code, wait_for};

/// Far above what any wait here takes.
fn wait_patiently(h: &mut Harness) {
    h.configure(|config| config.timeouts.acquire = Some(CEILING));
}

pub(crate) async fn calls_wait_in_order_and_nobody_overtakes(h: &mut Harness) {
    h.run_at_a_time(1);
    wait_patiently(h);
    let first = h.gated("first").await;
    let mut waiting = Vec::new();
    for number in 0..6 {
        waiting.push(h.start_waiting(number + 1, h.turn(number)).await);
    }
    h.open("first").await;
    // One more comes while the others are served; it is the last.
    let newcomer = h.start(h.turn("newcomer")).await;
    assert!(h.end(first).await.is_ok());
    for execution in waiting.into_iter().chain([newcomer]) {
        let outcome = h.end(execution).await;
        assert!(outcome.is_ok(), "{:?}", outcome.error());
    }
    assert_eq!(h.turns(), ["0", "1", "2", "3", "4", "5", "newcomer"]);
}

pub(crate) async fn a_short_call_behind_a_long_one_succeeds(h: &mut Harness) {
    h.run_at_a_time(1);
    let long = h.ready(h.request("nap", &200)).await;
    let short = h.start_waiting(1, h.request("nap", &10)).await;
    assert!(h.end(long).await.is_ok());
    let outcome = h.end(short).await;
    assert!(outcome.is_ok(), "it had only to wait: {:?}", outcome.error());
    assert!(outcome.timings.queue.is_some_and(|queue| !queue.is_zero()), "{:?}", outcome.timings);
}

pub(crate) async fn fifty_short_calls_on_two_places_all_succeed(h: &mut Harness) {
    h.run_at_a_time(2);
    wait_patiently(h);
    let mut running = Vec::new();
    for _ in 0..50 {
        running.push(h.start(h.request("nap", &5)).await);
    }
    for execution in running {
        let outcome = h.end(execution).await;
        assert!(outcome.is_ok(), "{:?}", outcome.error());
    }
    let stats = h.backend().await.stats();
    assert_eq!((stats.succeeded, stats.failed), (50, 0), "{stats:?}");
}

pub(crate) async fn the_acquire_clock_stops_when_a_place_is_there(h: &mut Harness) {
    h.run_at_a_time(1);
    h.value::<i32>("echo", &1).await;
    let acquire = Duration::from_millis(800);
    let first = h.gated("first").await;
    let mut request = h.request("gated", "second");
    request.timeouts.acquire = Some(acquire);
    let submitted = Instant::now();
    let mut second = h.start_waiting(1, request).await;
    h.open("first").await;
    assert!(h.end(first).await.is_ok());
    h.until_log(&mut second, "ready").await;
    wait_for("it to run for longer than it might have waited", || {
        if submitted.elapsed() > acquire { Ok(()) } else { Err(format!("{:?}", submitted.elapsed())) }
    })
    .await;
    h.open("second").await;
    let outcome = h.end(second).await;
    assert!(outcome.is_ok(), "its wait was over: {:?}", outcome.error());
}

pub(crate) async fn events_of_a_call_that_waited_are_delivered(h: &mut Harness) {
    h.run_at_a_time(1);
    let first = h.gated("first").await;
    let waiting = h.start_waiting(1, h.request("log", &())).await;
    h.open("first").await;
    assert!(h.end(first).await.is_ok());
    let taken = h.take_rest(waiting, Vec::new()).await;
    assert!(taken.outcome.is_ok(), "{:?}", taken.outcome.error());
    assert_eq!(taken.messages(), ["one", "two", "three", "four", "five"]);
}

pub(crate) async fn an_id_that_waits_is_not_used_twice(h: &mut Harness) {
    h.run_at_a_time(1);
    let first = h.gated("first").await;
    let waiting = h.start_waiting(1, h.turn("one")).await;
    let mut again = h.turn("two");
    again.execution_id = waiting.id().clone();
    let error = h.error(again).await;
    assert_eq!(code(&error), ErrorCode::ValidationError);
    assert_eq!(h.backend().await.stats().waiting, 1, "the one that waits still does");
    h.open("first").await;
    assert!(h.end(first).await.is_ok());
    assert!(h.end(waiting).await.is_ok());
    assert_eq!(h.turns(), ["one"]);
}

pub(crate) async fn a_cancelled_waiter_frees_its_place_at_once(h: &mut Harness) {
    h.run_at_a_time(1);
    h.wait_at_a_time(1);
    let first = h.gated("first").await;
    let second = h.start_waiting(1, h.turn("second")).await;
    assert_eq!(code(&h.error(h.turn("third")).await), ErrorCode::QueueFull);
    second.cancel("never mind");
    let outcome = h.end(second).await;
    assert_eq!(outcome.error().map(code), Some(ErrorCode::Aborted));
    assert_eq!(outcome.attempts, Attempts::default(), "it was never started");
    let fourth = h.start_waiting(1, h.turn("fourth")).await;
    finish(h, first, fourth).await;
    assert_eq!(h.turns(), ["fourth"]);
}

/// Lets the one that runs go, and then the one that waits.
async fn finish(h: &Harness, first: Execution, next: Execution) {
    h.open("first").await;
    for execution in [first, next] {
        let outcome = h.end(execution).await;
        assert!(outcome.is_ok(), "{:?}", outcome.error());
    }
}

pub(crate) async fn a_waiter_that_nobody_holds_frees_its_place(h: &mut Harness) {
    h.run_at_a_time(1);
    h.wait_at_a_time(1);
    let first = h.gated("first").await;
    drop(h.start_waiting(1, h.turn("dropped")).await);
    let stats = h.until_stats("the dropped one to be counted", |stats| stats.failed == 1).await;
    assert_eq!((stats.waiting, stats.failed_by_code["ABORTED"]), (0, 1), "{stats:?}");
    let next = h.start_waiting(1, h.turn("next")).await;
    finish(h, first, next).await;
    assert_eq!(h.turns(), ["next"], "who was dropped never ran");
}

pub(crate) async fn a_waiter_that_expired_frees_its_place(h: &mut Harness) {
    h.run_at_a_time(1);
    h.wait_at_a_time(1);
    let first = h.gated("first").await;
    let mut hurried = h.turn("hurried");
    hurried.timeouts.acquire = Some(Duration::from_millis(50));
    let error = h.error(hurried).await;
    assert_eq!((code(&error), error.step()), (ErrorCode::AcquireTimeout, Some(Step::Queue)));
    let next = h.start_waiting(1, h.turn("next")).await;
    finish(h, first, next).await;
    assert_eq!(h.turns(), ["next"], "who expired never ran");
}

pub(crate) async fn a_queue_without_places_still_runs_what_finds_a_slot(h: &mut Harness) {
    h.run_at_a_time(1);
    h.wait_at_a_time(0);
    assert_eq!(h.value::<i32>("echo", &1).await, 1);
    let first = h.gated("first").await;
    assert_eq!(code(&h.error(h.turn("second")).await), ErrorCode::QueueFull);
    h.open("first").await;
    assert!(h.end(first).await.is_ok());
}

pub(crate) async fn a_target_without_meaning_is_an_outcome(h: &mut Harness) {
    let mut request = h.request("echo", &1);
    request.target = Some(Target::default());
    let error = h.error(request.clone()).await;
    assert_eq!(code(&error), ErrorCode::TargetInvalid);
    request.target = None;
    assert!(h.outcome(request).await.is_ok(), "its id is free again");
}

pub(crate) async fn a_handler_that_timed_out_does_not_run_beside_the_next(h: &mut Harness) {
    h.run_at_a_time(1);
    let request = h.request("deaf", &()).with_call_timeout(Duration::from_millis(500));
    let taken = h.take(request).await;
    assert_eq!(taken.outcome.error().map(code), Some(ErrorCode::Timeout));
    assert_eq!(taken.messages(), ["ready", "dropped"], "it was gone before its outcome was told");
    let next = h.outcome(h.request("echo", &1)).await;
    assert!(next.is_ok(), "{:?}", next.error());
    assert!(
        next.worker.is_none() || next.worker != taken.outcome.worker,
        "a worker that overran is not used again"
    );
}
