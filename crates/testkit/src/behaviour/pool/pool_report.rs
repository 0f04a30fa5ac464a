//! What a pool says of itself: numbers that add up, and reasons for everything that it did to workers.

use plugdock_contracts::backend::BackendEvent;
use plugdock_contracts::{BackendKind, ErrorCode, Shutdown, WorkerState};

use crate::harness::{Harness, code, within_ceiling};

pub(crate) async fn the_numbers_of_workers_add_up(h: &mut Harness) {
    h.configure(|config| (config.pool.min, config.pool.max, config.pool.queue) = (1, 3, 7));
    let held = h.gated("held").await;
    let second = h.gated("second").await;
    h.open("second").await;
    assert!(h.end(second).await.is_ok());
    h.until_workers("one to idle", |workers| workers.iter().any(|w| w.state == WorkerState::Idle)).await;
    let stats = h.backend().await.stats();
    let pool = h.pool_stats().await;
    assert_eq!((pool.min, pool.max, pool.queue_limit), (1, 3, 7));
    assert_eq!((pool.starting, pool.idle, pool.busy, pool.draining), (0, 1, 1, 0), "{pool:?}");
    assert_eq!((stats.workers, stats.running, stats.spawned), (2, 1, 2), "{stats:?}");
    assert!(pool.utilisation > 0.0 && pool.utilisation <= 1.0, "{pool:?}");
    assert_eq!(h.backend().await.workers().len(), 2);
    h.open("held").await;
    assert!(h.end(held).await.is_ok());
}

pub(crate) async fn every_worker_that_went_is_counted_with_its_reason(h: &mut Harness) {
    h.run_at_a_time(1);
    h.configure(|config| {
        (config.pool.recycle_calls, config.pool.recycle_jitter) = (Some(1), 0);
        config.pool.backoff_min = std::time::Duration::from_millis(1);
    });
    let mut heard = h.heard().await;
    for _ in 0..3 {
        assert_eq!(h.value::<i32>("echo", &1).await, 1);
    }
    assert_eq!(code(&h.error(h.request("die", "last words")).await), ErrorCode::WorkerCrashed);
    let backend = h.backend().await;
    within_ceiling("the shutdown", backend.shutdown(Shutdown::Drain(std::time::Duration::from_secs(20))))
        .await;
    let stats = backend.stats();
    let recycled: u64 = h.pool_stats().await.recycled.values().sum();
    let failed_starts = h.pool_stats().await.start_failed;
    assert_eq!(
        stats.spawned,
        recycled + stats.crashed + failed_starts,
        "each went for one reason: {stats:?}"
    );
    assert_eq!(stats.crashed, 1);
    // Everything was announced before the shutdown was over, so the events are there.
    let spawned = |event: &BackendEvent| matches!(event, BackendEvent::Spawned { .. });
    let exited = |event: &BackendEvent| matches!(event, BackendEvent::Exited { .. });
    heard.until("the end of the backend", |event| *event == BackendEvent::ShuttingDown).await;
    let n_spawned = heard.count(spawned);
    while heard.count(exited) < n_spawned {
        heard.next("every end").await;
    }
    assert_eq!(heard.count(exited), n_spawned, "each began and ended once");
}

pub(crate) async fn waiting_and_spawning_are_measured(h: &mut Harness) {
    h.run_at_a_time(1);
    let cold = h.outcome(h.request("echo", &1)).await;
    let warm = h.outcome(h.request("echo", &1)).await;
    assert_eq!((cold.backend, warm.backend), (BackendKind::WorkerPool, BackendKind::WorkerPool));
    let (spawn, queue) =
        (cold.timings.spawn.expect("it was started"), cold.timings.queue.expect("it waited for it"));
    assert!(queue >= spawn, "it waited at least as long as the start took: {:?}", cold.timings);
    let stats = h.backend().await.stats();
    assert_eq!((stats.queue.count, stats.spawn.count, stats.run.count), (2, 1, 2), "{stats:?}");
    assert!(stats.spawn.max > 0 && stats.queue.max >= stats.spawn.min, "{stats:?}");
}

pub(crate) async fn a_stopped_pool_has_no_workers_and_starts_none(h: &mut Harness) {
    h.one_idle_worker().await;
    let backend = h.backend().await;
    within_ceiling("the shutdown", backend.shutdown(Shutdown::Now)).await;
    assert!(backend.workers().is_empty());
    let pool = h.pool_stats().await;
    assert_eq!((pool.starting, pool.idle, pool.busy, pool.draining), (0, 0, 0, 0));
    assert_eq!(pool.recycled.get("shutdown"), Some(&1), "{pool:?}");
    let error = within_ceiling("the refusal", backend.reload(None)).await.unwrap_err();
    assert_eq!(code(&error), ErrorCode::ShuttingDown);
    assert_eq!(code(&h.error(h.request("echo", &1)).await), ErrorCode::ShuttingDown);
    assert_eq!(backend.stats().spawned, 1);
}
