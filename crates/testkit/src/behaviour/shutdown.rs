//! The end of a backend: what runs finishes or is stopped, and the report says which.

use std::time::Duration;

use plugdock_contracts::{ErrorCode, Shutdown};

use super::cancel::hasty;
use crate::harness::{Harness, code, within_ceiling};

const LONG: Shutdown = Shutdown::Drain(Duration::from_secs(20));

pub(crate) async fn a_drain_lets_what_runs_finish(h: &mut Harness) {
    let execution = h.gated("drain").await;
    let id = execution.id().clone();
    let backend = h.backend().await;
    let finishing = async {
        // The handler is let go only after the backend refuses new work, so that the drain was waiting for it.
        h.until_stopping().await;
        h.open("drain").await;
        h.take_rest(execution, Vec::new()).await.outcome
    };
    let both = async { tokio::join!(backend.shutdown(LONG), finishing) };
    let (report, outcome) = within_ceiling("the drain", both).await;
    assert!(outcome.is_ok(), "{:?}", outcome.error());
    assert_eq!(report.finished, [id]);
    assert!(
        report.cancelled.is_empty() && report.killed.is_empty() && report.abandoned.is_empty(),
        "{report:?}"
    );
}

pub(crate) async fn a_drain_that_takes_too_long_stops_what_is_left(h: &mut Harness) {
    let execution = h.ready(h.request("polite", &())).await;
    let id = execution.id().clone();
    let backend = h.backend().await;
    let drain = Shutdown::Drain(Duration::from_millis(50));
    let both = async { tokio::join!(backend.shutdown(drain), h.take_rest(execution, Vec::new())) };
    let (report, taken) = within_ceiling("the shutdown", both).await;
    assert_eq!(code(taken.outcome.error().unwrap()), ErrorCode::ShuttingDown);
    assert_eq!(report.cancelled, [id], "{report:?}");
}

pub(crate) async fn now_stops_what_runs(h: &mut Harness) {
    h.run_at_a_time(2);
    let one = h.ready(h.request("polite", &())).await;
    let other = h.ready(h.request("deaf", &())).await;
    let waiting = h.start_waiting(1, h.request("echo", &1)).await;
    let mut ids = vec![one.id().clone(), other.id().clone(), waiting.id().clone()];
    ids.sort();
    let backend = h.backend().await;
    let mut report = within_ceiling("the shutdown", backend.shutdown(Shutdown::Now)).await;
    for execution in [one, other, waiting] {
        let outcome = h.take_rest(execution, Vec::new()).await.outcome;
        assert_eq!(outcome.error().map(code), Some(ErrorCode::ShuttingDown));
    }
    report.cancelled.sort();
    assert_eq!(report.cancelled, ids, "{report:?}");
}

pub(crate) async fn after_a_shutdown_nothing_is_taken(h: &mut Harness) {
    let backend = h.backend().await;
    within_ceiling("the shutdown", backend.shutdown(LONG)).await;
    assert_eq!(code(&h.error(h.request("echo", &1)).await), ErrorCode::ShuttingDown);
}

pub(crate) async fn a_second_shutdown_gets_the_same_report(h: &mut Harness) {
    let execution = h.ready(h.request("polite", &())).await;
    let backend = h.backend().await;
    let both = async { tokio::join!(backend.shutdown(Shutdown::Now), backend.shutdown(LONG)) };
    let (first, second) = within_ceiling("both shutdowns", both).await;
    assert_eq!(first, second);
    assert_eq!(first, within_ceiling("a third", backend.shutdown(Shutdown::Now)).await);
    assert_eq!(first.cancelled, [execution.id().clone()]);
}

pub(crate) async fn a_deaf_handler_does_not_stop_a_shutdown(h: &mut Harness) {
    let execution = h.ready(hasty(h.request("deaf-blocking", &()))).await;
    let id = execution.id().clone();
    let backend = h.backend().await;
    let report = within_ceiling("the shutdown", backend.shutdown(Shutdown::Now)).await;
    if h.in_processes() {
        assert_eq!(report.killed, [id], "its runtime does not say that it stopped");
        assert!(report.abandoned.is_empty());
    } else {
        assert_eq!(report.abandoned, [id], "{report:?}");
        h.abandons();
    }
}

pub(crate) async fn a_drain_finishes_what_waits_too(h: &mut Harness) {
    h.run_at_a_time(1);
    let first = h.gated("first").await;
    let waiting = h.start_waiting(1, h.turn("waiting")).await;
    let mut ids = vec![first.id().clone(), waiting.id().clone()];
    ids.sort();
    let backend = h.backend().await;
    let finishing = async {
        h.until_stopping().await;
        h.open("first").await;
        (h.end(first).await, h.end(waiting).await)
    };
    let both = async { tokio::join!(backend.shutdown(LONG), finishing) };
    let (mut report, (first, waiting)) = within_ceiling("the drain", both).await;
    assert!(first.is_ok() && waiting.is_ok(), "{:?}, {:?}", first.error(), waiting.error());
    report.finished.sort();
    assert_eq!(report.finished, ids, "{report:?}");
}

pub(crate) async fn a_drain_that_takes_too_long_cancels_what_waits(h: &mut Harness) {
    h.run_at_a_time(1);
    let running = h.ready(h.request("polite", &())).await;
    let waiting = h.start_waiting(1, h.turn("waiting")).await;
    let mut ids = vec![running.id().clone(), waiting.id().clone()];
    ids.sort();
    let drain = h.backend().await.shutdown(Shutdown::Drain(Duration::from_millis(50)));
    let mut report = within_ceiling("the shutdown", drain).await;
    for execution in [running, waiting] {
        assert_eq!(h.end(execution).await.error().map(code), Some(ErrorCode::ShuttingDown));
    }
    report.cancelled.sort();
    assert_eq!(report.cancelled, ids, "{report:?}");
    assert_eq!(h.turns(), [""; 0], "what waited never ran");
}

pub(crate) async fn somebody_in_a_hurry_ends_a_drain(h: &mut Harness) {
    let execution = h.ready(h.request("polite", &())).await;
    let id = execution.id().clone();
    let backend = h.backend().await;
    let hurrying = async {
        h.until_stopping().await;
        backend.shutdown(Shutdown::Now).await
    };
    let both = async { tokio::join!(backend.shutdown(LONG), hurrying) };
    let (first, second) = within_ceiling("both shutdowns", both).await;
    assert_eq!(first, second);
    assert_eq!(first.cancelled, [id]);
    assert_eq!(h.end(execution).await.error().map(code), Some(ErrorCode::ShuttingDown));
}

pub(crate) async fn a_shutdown_goes_on_without_its_caller(h: &mut Harness) {
    let execution = h.ready(h.request("polite", &())).await;
    let backend = h.backend().await;
    let mut shutdown = backend.shutdown(Shutdown::Now);
    // Once, so that it has begun; then nobody waits for it.
    std::future::poll_fn(|cx| std::task::Poll::Ready(shutdown.as_mut().poll(cx).is_ready())).await;
    drop(shutdown);
    assert_eq!(h.end(execution).await.error().map(code), Some(ErrorCode::ShuttingDown));
    h.until_stats("nothing to be left", |stats| (stats.running, stats.workers) == (0, 0)).await;
}

pub(crate) async fn after_a_shutdown_nothing_is_started_again(h: &mut Harness) {
    h.value::<i32>("echo", &1).await;
    let backend = h.backend().await;
    within_ceiling("the shutdown", backend.shutdown(LONG)).await;
    let before = backend.stats();
    for _ in 0..3 {
        assert_eq!(code(&h.error(h.request("echo", &1)).await), ErrorCode::ShuttingDown);
    }
    let after = backend.stats();
    assert_eq!((after.spawned, after.workers), (before.spawned, 0), "{after:?}");
    assert_eq!(after.started, before.started + 3, "refused ones are counted");
    assert!(backend.workers().is_empty());
}

pub(crate) async fn a_backend_that_ran_nothing_stops_with_an_empty_report(h: &mut Harness) {
    let report = within_ceiling("the shutdown", h.backend().await.shutdown(Shutdown::Now)).await;
    assert_eq!(report, plugdock_contracts::ShutdownReport::default());
    assert_eq!(code(&h.error(h.request("echo", &1)).await), ErrorCode::ShuttingDown);
}
