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
    h.configure(|config| config.max_concurrent = 2);
    let one = h.ready(h.request("polite", &())).await;
    let other = h.ready(h.request("deaf", &())).await;
    let waiting = h.start(h.request("echo", &1)).await;
    let mut ids = vec![one.id().clone(), other.id().clone()];
    ids.sort();
    let backend = h.backend().await;
    let mut report = within_ceiling("the shutdown", backend.shutdown(Shutdown::Now)).await;
    for execution in [one, other, waiting] {
        let outcome = h.take_rest(execution, Vec::new()).await.outcome;
        assert_eq!(outcome.error().map(code), Some(ErrorCode::ShuttingDown));
    }
    report.cancelled.retain(|id| ids.contains(id));
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
