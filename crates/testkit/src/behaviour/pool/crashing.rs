//! Workers that die: whose calls fail, whose do not, and what becomes of a plugin whose workers die too often.

use std::time::Duration;

use plugdock_contracts::backend::BackendEvent;
use plugdock_contracts::error::CrashCause;
use plugdock_contracts::{ErrorCode, ExecutionError, PluginId, WorkerState};

use crate::harness::{CEILING, Harness, code, signal, within_ceiling};
use crate::plugin::{CALLEE, CONFORMANCE};

const SIGKILL: i32 = 9;

/// No pause between starts that a test would feel.
fn start_again_at_once(h: &mut Harness) {
    h.configure(|config| config.pool.backoff_min = Duration::from_millis(1));
}

fn quarantine_after(h: &mut Harness, n: u32, quarantine: Duration) {
    start_again_at_once(h);
    h.configure(|config| {
        (config.pool.crash_limit, config.pool.backoff_max) = (n, Duration::from_millis(1));
        config.pool.quarantine = quarantine;
        config.timeouts.acquire = Some(CEILING);
    });
}

async fn dies(h: &Harness) -> ExecutionError {
    let error = h.error(h.request("die", "last words")).await;
    assert_eq!(code(&error), ErrorCode::WorkerCrashed, "{error:?}");
    error
}

pub(crate) async fn a_crash_fails_its_own_call_alone(h: &mut Harness) {
    start_again_at_once(h);
    let mut heard = h.heard().await;
    let held = h.gated("held").await;
    let error = dies(h).await;
    assert!(matches!(error.cause(), Some(CrashCause::Signal { signal: 6, .. })), "{error:?}");
    let crashed = heard.until("the crash", |event| matches!(event, BackendEvent::Crashed { .. })).await;
    let BackendEvent::Crashed { plugin, cause, .. } = crashed else { unreachable!("it was asked for") };
    assert_eq!((plugin.as_str(), Some(&cause)), (CONFORMANCE, error.cause()));
    h.open("held").await;
    assert!(h.end(held).await.is_ok(), "another worker's call is not concerned");
    assert_eq!(h.value::<i32>("echo", &1).await, 1);
}

pub(crate) async fn a_killed_worker_is_replaced(h: &mut Harness) {
    start_again_at_once(h);
    h.configure(|config| {
        (config.pool.min, config.pool.max) = (1, 1);
        config.pool.warm = vec![PluginId::new(CONFORMANCE).unwrap()];
    });
    let mut heard = h.heard().await;
    let killed = h.one_idle_worker().await;
    signal(killed.pid.unwrap(), "KILL");
    let crashed = heard.until("the crash", |event| matches!(event, BackendEvent::Crashed { .. })).await;
    let is_killed = matches!(&crashed, BackendEvent::Crashed { worker, cause: CrashCause::Signal { signal: SIGKILL, .. }, .. }
        if *worker == killed.worker);
    assert!(is_killed, "{crashed:?}");
    h.until_workers(
        "another one to be there without a call",
        |workers| matches!(workers, [new] if new.worker != killed.worker && new.state == WorkerState::Idle),
    )
    .await;
    assert_eq!(h.value::<i32>("echo", &1).await, 1);
}

pub(crate) async fn a_call_that_had_not_begun_is_taken_back(h: &mut Harness) {
    start_again_at_once(h);
    h.run_at_a_time(1);
    let stopped = h.one_idle_worker().await;
    signal(stopped.pid.unwrap(), "STOP");
    let execution = h.start(h.request("echo", &7)).await;
    h.until_workers("it to be given the call", |workers| workers.iter().any(|w| w.running == 1)).await;
    signal(stopped.pid.unwrap(), "KILL");
    let outcome = h.end(execution).await;
    assert_eq!((outcome.attempts.started, outcome.attempts.taken_back), (1, 1), "{:?}", outcome.error());
    assert_ne!(outcome.worker.as_ref(), Some(&stopped.worker));
    assert_eq!(outcome.into_value::<i32>().unwrap(), 7);
    assert_eq!(h.pool_stats().await.redispatched, 1);
}

pub(crate) async fn an_idempotent_call_is_tried_once_more(h: &mut Harness) {
    start_again_at_once(h);
    let outcome = h.outcome(h.request("die-once", "as before")).await;
    assert_eq!((outcome.attempts.started, outcome.attempts.taken_back), (2, 0), "{:?}", outcome.error());
    assert_eq!(outcome.into_value::<String>().unwrap(), "as before");
    let stats = h.backend().await.stats();
    assert_eq!(
        (stats.started, stats.succeeded, stats.crashed),
        (1, 1, 1),
        "one execution, one outcome: {stats:?}"
    );
    assert_eq!(h.pool_stats().await.retried, 1);
}

pub(crate) async fn an_idempotent_call_that_dies_twice_has_failed(h: &mut Harness) {
    start_again_at_once(h);
    let outcome = h.outcome(h.request("die-always", "last words")).await;
    let error = outcome.error().expect("it dies each time");
    assert_eq!((code(error), outcome.attempts.started), (ErrorCode::WorkerCrashed, 2));
    assert!(error.stderr_tail().iter().any(|line| line.contains("last words")), "{error:?}");
}

pub(crate) async fn a_call_is_tried_once_when_nothing_says_otherwise(h: &mut Harness) {
    start_again_at_once(h);
    let outcome = h.outcome(h.request("die", "last words")).await;
    assert_eq!((outcome.error().map(code), outcome.attempts.started), (Some(ErrorCode::WorkerCrashed), 1));
    assert_eq!(h.pool_stats().await.retried, 0);
}

pub(crate) async fn too_many_crashes_quarantine_the_plugin(h: &mut Harness) {
    quarantine_after(h, 2, Duration::from_mins(1));
    let mut heard = h.heard().await;
    dies(h).await;
    dies(h).await;
    let told = heard.until("the quarantine", |event| matches!(event, BackendEvent::Quarantined { .. })).await;
    let BackendEvent::Quarantined { plugin, exits, .. } = told else { unreachable!("it was asked for") };
    assert_eq!((plugin.as_str(), exits.len()), (CONFORMANCE, 2));
    assert!(exits.iter().all(|exit| exit.contains("last words")), "{exits:?}");
    let before = h.backend().await.stats().spawned;
    let error = h.error(h.request("echo", &1)).await;
    assert_eq!(code(&error), ErrorCode::Quarantined);
    assert!(error.retry_after().is_some_and(|after| after <= Duration::from_mins(1)), "{error:?}");
    assert_eq!(error.chain().len(), 2, "the last ends, the latest first: {:?}", error.chain());
    assert!(error.help().is_some());
    let stats = h.backend().await.stats();
    assert_eq!((stats.spawned, h.pool_stats().await.quarantined), (before, vec![CONFORMANCE.to_owned()]));
}

pub(crate) async fn a_quarantine_is_the_plugins_alone(h: &mut Harness) {
    quarantine_after(h, 1, Duration::from_mins(1));
    dies(h).await;
    h.until_stats("the quarantine", |stats| {
        stats.pool.as_ref().is_some_and(|pool| !pool.quarantined.is_empty())
    })
    .await;
    assert_eq!(code(&h.error(h.request("echo", &1)).await), ErrorCode::Quarantined);
    let other = h.outcome(h.request_of(CALLEE, "double", &2)).await;
    assert_eq!(other.into_value::<i64>().unwrap(), 4);
}

pub(crate) async fn a_quarantined_plugin_is_tried_again_and_released(h: &mut Harness) {
    quarantine_after(h, 1, Duration::from_millis(200));
    let mut heard = h.heard().await;
    dies(h).await;
    heard.until("the quarantine", |event| matches!(event, BackendEvent::Quarantined { .. })).await;
    within_ceiling("a call that succeeds", async {
        loop {
            let outcome = h.outcome(h.request("echo", &1)).await;
            match outcome.error() {
                None => return,
                Some(error) => assert_eq!(code(error), ErrorCode::Quarantined),
            }
        }
    })
    .await;
    heard.until("the release", |event| matches!(event, BackendEvent::Released { .. })).await;
    assert_eq!(h.pool_stats().await.quarantined, [""; 0]);
}

pub(crate) async fn a_program_that_does_not_start_is_told_and_not_tried_over_and_over(h: &mut Harness) {
    quarantine_after(h, 3, Duration::from_mins(1));
    h.break_program();
    let mut heard = h.heard().await;
    for _ in 0..3 {
        assert_eq!(code(&h.error(h.request("echo", &1)).await), ErrorCode::SpawnFailed);
    }
    let told =
        heard.until("the failed start", |event| matches!(event, BackendEvent::StartFailed { .. })).await;
    let BackendEvent::StartFailed { plugin, error } = told else { unreachable!("it was asked for") };
    assert_eq!((plugin.as_str(), code(&error)), (CONFORMANCE, ErrorCode::SpawnFailed));
    assert_eq!(code(&h.error(h.request("echo", &1)).await), ErrorCode::Quarantined);
    assert_eq!(h.pool_stats().await.start_failed, 3, "one for each call, and none of its own accord");
}
