//! Health checks: a worker that does not answer or is not well is replaced, and one that is only busy is not.

use std::time::Duration;

use plugdock_contracts::backend::{BackendEvent, RecycleReason};
use plugdock_contracts::error::{CrashCause, KillReason};
use plugdock_contracts::health::HealthLevel;
use plugdock_contracts::{ErrorCode, WorkerId};

use crate::behaviour::cancel::hasty;
use crate::harness::{Harness, Heard, code, signal, within_ceiling};

/// Checks as often as a test can wait for; an answer may take as long as a busy machine needs.
fn check_often(h: &mut Harness, within: Duration) {
    h.configure(|config| {
        (config.pool.health_every, config.pool.health_within) = (Duration::from_millis(50), within);
    });
}

/// Waits until a worker failed its check, was sent away for it and is gone; what was wrong with it.
async fn until_unhealthy(heard: &mut Heard, wanted: &WorkerId) -> String {
    let is_failed =
        |event: &BackendEvent| matches!(event, BackendEvent::HealthFailed { worker, .. } if worker == wanted);
    let failed = heard.until("the check to fail", is_failed).await;
    let is_recycled = |event: &BackendEvent| matches!(event, BackendEvent::Recycled { worker, why: RecycleReason::Unhealthy, .. } if worker == wanted);
    heard.until("it to be sent away", is_recycled).await;
    heard
        .until("its end", |event| matches!(event, BackendEvent::Exited { worker } if worker == wanted))
        .await;
    let BackendEvent::HealthFailed { detail, .. } = failed else { unreachable!("it was asked for") };
    detail
}

pub(crate) async fn a_worker_that_stands_still_is_replaced(h: &mut Harness) {
    h.run_at_a_time(1);
    check_often(h, Duration::from_millis(500));
    let mut heard = h.heard().await;
    let idle = h.one_idle_worker().await;
    signal(idle.pid.unwrap(), "STOP");
    let detail = until_unhealthy(&mut heard, &idle.worker).await;
    assert!(detail.contains("500ms"), "{detail}");
    let next = h.outcome(h.request("echo", &1)).await;
    assert!(next.is_ok() && next.worker != Some(idle.worker), "{:?}", next.error());
    assert!(h.pool_stats().await.health_failed >= 1);
    assert_eq!(h.backend().await.stats().crashed, 0, "it was killed on purpose");
}

pub(crate) async fn a_busy_worker_that_stands_still_fails_its_call(h: &mut Harness) {
    h.run_at_a_time(1);
    check_often(h, Duration::from_millis(500));
    let mut heard = h.heard().await;
    let held = h.gated("held").await;
    let busy = h.backend().await.workers().remove(0);
    signal(busy.pid.unwrap(), "STOP");
    let outcome = h.end(held).await;
    let error = outcome.error().expect("its worker was replaced");
    assert_eq!(code(error), ErrorCode::WorkerUnhealthy, "{error:?}");
    assert_eq!(error.cause(), Some(&CrashCause::Killed { reason: KillReason::Unhealthy }));
    let detail = until_unhealthy(&mut heard, &busy.worker).await;
    assert!(detail.contains("while it had a call"), "{detail}");
    assert_eq!(h.value::<i32>("echo", &1).await, 1);
}

pub(crate) async fn a_worker_that_says_it_is_unhealthy_is_replaced(h: &mut Harness) {
    h.run_at_a_time(1);
    check_often(h, Duration::from_secs(10));
    let mut heard = h.heard().await;
    let sick = h.outcome(h.request("sicken", &())).await.worker.expect("a worker ran it");
    let detail = until_unhealthy(&mut heard, &sick).await;
    assert!(detail.contains("it was made sick"), "{detail}");
    let next = h.outcome(h.request("echo", &1)).await;
    assert!(next.is_ok() && next.worker != Some(sick), "{:?}", next.error());
}

pub(crate) async fn a_busy_worker_is_not_taken_for_dead(h: &mut Harness) {
    check_often(h, Duration::from_secs(10));
    for handler in ["spin", "deaf-blocking"] {
        let request = hasty(h.request(handler, &())).with_call_timeout(Duration::from_millis(300));
        let error = h.error(request).await;
        assert_eq!(code(&error), ErrorCode::Timeout, "{handler}: {error:?}");
    }
    assert_eq!(h.pool_stats().await.health_failed, 0);
}

pub(crate) async fn health_tells_of_a_quarantine(h: &mut Harness) {
    h.configure(|config| (config.pool.crash_limit, config.pool.quarantine) = (1, Duration::from_mins(1)));
    assert_eq!(code(&h.error(h.request("die", "last words")).await), ErrorCode::WorkerCrashed);
    let is_quarantined = |pool: &plugdock_contracts::stats::PoolStats| !pool.quarantined.is_empty();
    h.until_stats("the quarantine", |stats| stats.pool.as_ref().is_some_and(is_quarantined)).await;
    let report = within_ceiling("the health", h.backend().await.health()).await;
    assert_eq!(report.level, HealthLevel::Degraded, "the other plugins still work: {report:?}");
    assert!(report.issues.iter().any(|issue| issue.code == "quarantined"), "{report:?}");
}
