//! More than one call on a worker, for handlers that say they can be run so.

use plugdock_contracts::error::CrashCause;
use plugdock_contracts::{ErrorCode, Execution};

use crate::harness::{Harness, code};

/// One worker with so many calls at a time.
fn one_worker(h: &mut Harness, depth: usize) {
    h.run_at_a_time(1);
    h.configure(|config| config.pool.depth = depth);
}

async fn shared(h: &Harness, gate: &str) -> Execution {
    h.ready(h.request("gated-shared", gate)).await
}

pub(crate) async fn concurrent_calls_share_a_worker(h: &mut Harness) {
    one_worker(h, 3);
    let gates = ["one", "two", "three"];
    let mut running = Vec::new();
    for gate in gates {
        running.push(shared(h, gate).await);
    }
    let fourth = h.start_waiting(1, h.request("gated-shared", "four")).await;
    let workers = h.backend().await.workers();
    assert!(matches!(&workers[..], [worker] if worker.running == 3), "{workers:?}");
    // Backwards: their ends need not come in the order of their starts.
    let mut served_by = Vec::new();
    for (gate, execution) in gates.into_iter().zip(running).rev() {
        h.open(gate).await;
        let outcome = h.end(execution).await;
        served_by.push(outcome.worker.clone());
        assert_eq!(outcome.into_value::<String>().unwrap(), "open");
    }
    let fourth = opened(h, fourth, "four").await;
    served_by.push(fourth.worker);
    served_by.dedup();
    assert_eq!(served_by.len(), 1, "{served_by:?}");
}

/// Opens the gate of one that waited, when it is there.
async fn opened(h: &Harness, mut execution: Execution, gate: &str) -> plugdock_contracts::Outcome {
    h.until_log(&mut execution, "ready").await;
    h.open(gate).await;
    let outcome = h.end(execution).await;
    assert!(outcome.is_ok(), "{:?}", outcome.error());
    outcome
}

pub(crate) async fn a_handler_that_is_not_concurrent_has_its_worker_alone(h: &mut Harness) {
    one_worker(h, 3);
    let alone = h.gated("alone").await;
    let second = h.start_waiting(1, h.request("gated-shared", "shared")).await;
    h.open("alone").await;
    assert!(h.end(alone).await.is_ok());
    let mut second = second;
    h.until_log(&mut second, "ready").await;
    // And the other way round: it does not come beside one that runs.
    let third = h.start_waiting(1, h.request("echo", &1)).await;
    h.open("shared").await;
    assert!(h.end(second).await.is_ok() && h.end(third).await.is_ok());
}

pub(crate) async fn a_crash_fails_every_call_that_had_begun(h: &mut Harness) {
    one_worker(h, 3);
    h.configure(|config| config.pool.backoff_min = std::time::Duration::from_millis(1));
    let beside = shared(h, "never.opened").await;
    let error = h.error(h.request("die-shared", "last words")).await;
    let other = h.end(beside).await;
    let other = other.error().expect("its process is gone");
    for error in [&error, other] {
        assert_eq!(code(error), ErrorCode::WorkerCrashed);
        assert!(matches!(error.cause(), Some(CrashCause::Signal { signal: 6, .. })), "{error:?}");
    }
    assert_eq!(h.backend().await.stats().crashed, 1, "it was one crash");
    assert_eq!(h.value::<i32>("echo", &1).await, 1);
}

pub(crate) async fn without_depth_a_worker_has_one_call(h: &mut Harness) {
    h.run_at_a_time(1);
    let first = shared(h, "first").await;
    let second = h.start_waiting(1, h.request("gated-shared", "second")).await;
    h.open("first").await;
    assert!(h.end(first).await.is_ok());
    opened(h, second, "second").await;
}
