//! The bounds of a pool, from its configuration and while it runs.

use plugdock_contracts::backend::{BackendEvent, RecycleReason};
use plugdock_contracts::{ByteSize, ErrorCode, Shutdown, WorkerState};
use std::time::Duration;

use crate::harness::{Harness, code, within_ceiling};

pub(crate) async fn more_workers_serve_those_that_wait(h: &mut Harness) {
    h.run_at_a_time(1);
    let mut heard = h.heard().await;
    let first = h.gated("first").await;
    let mut second = h.start_waiting(1, h.request("gated", "second")).await;
    h.backend().await.resize(1, 2).unwrap();
    h.until_log(&mut second, "ready").await;
    heard.until("the change", |event| *event == BackendEvent::Resized { min: 1, max: 2 }).await;
    let pool = h.pool_stats().await;
    assert_eq!((pool.min, pool.max, pool.busy), (1, 2, 2));
    for (gate, execution) in [("first", first), ("second", second)] {
        h.open(gate).await;
        assert!(h.end(execution).await.is_ok());
    }
}

pub(crate) async fn fewer_workers_are_those_that_have_nothing_to_do(h: &mut Harness) {
    h.configure(|config| (config.pool.min, config.pool.max) = (0, 3));
    let mut heard = h.heard().await;
    let held = [h.gated("one").await, h.gated("two").await];
    let busy = h.gated("busy").await;
    for (gate, execution) in ["one", "two"].into_iter().zip(held) {
        h.open(gate).await;
        assert!(h.end(execution).await.is_ok());
    }
    h.until_workers("two to idle", |workers| {
        workers.iter().filter(|worker| worker.state == WorkerState::Idle).count() == 2
    })
    .await;
    h.backend().await.resize(0, 1).unwrap();
    h.until_stats("one to be left", |stats| stats.workers == 1).await;
    heard.until("the end of both", |event| matches!(event, BackendEvent::Exited { .. })).await;
    assert_eq!(h.pool_stats().await.recycled[RecycleReason::Resized.as_str()], 2);
    h.open("busy").await;
    assert!(h.end(busy).await.is_ok());
}

pub(crate) async fn a_busy_worker_finishes_before_it_goes(h: &mut Harness) {
    h.configure(|config| (config.pool.min, config.pool.max) = (0, 2));
    let held = [h.gated("one").await, h.gated("two").await];
    h.backend().await.resize(0, 1).unwrap();
    h.until_workers("one to drain", |workers| {
        workers.iter().filter(|worker| worker.state == WorkerState::Draining && worker.running == 1).count()
            == 1
    })
    .await;
    for (gate, execution) in ["one", "two"].into_iter().zip(held) {
        h.open(gate).await;
        let outcome = h.end(execution).await;
        assert!(outcome.is_ok(), "{:?}", outcome.error());
    }
    h.until_stats("one to be left", |stats| stats.workers == 1).await;
    assert_eq!(h.value::<i32>("echo", &1).await, 1);
}

pub(crate) async fn bounds_that_cannot_be_are_refused(h: &mut Harness) {
    let (min, max) = {
        let pool = h.pool_stats().await;
        (pool.min, pool.max)
    };
    let backend = h.backend().await;
    for (low, high) in [(3, 2), (0, 0), (0, usize::MAX)] {
        let error = backend.resize(low, high).unwrap_err();
        assert_eq!(code(&error), ErrorCode::ValidationError, "{low}, {high}");
    }
    let pool = h.pool_stats().await;
    assert_eq!((pool.min, pool.max), (min, max), "nothing was changed");
    within_ceiling("the shutdown", backend.shutdown(Shutdown::Now)).await;
    assert_eq!(code(&backend.resize(1, 2).unwrap_err()), ErrorCode::ShuttingDown);
}

pub(crate) async fn a_faulty_pool_is_refused_with_every_fault(h: &mut Harness) {
    h.configure(|config| {
        let pool = &mut config.pool;
        (pool.min, pool.max, pool.depth) = (3, 2, 0);
        (pool.plugin_concurrency, pool.tenant_queue) = (Some(0), Some(usize::MAX));
        (pool.recycle_calls, pool.recycle_jitter, pool.crash_limit) = (Some(0), 100, 0);
        (pool.queue_bytes, pool.recycle_memory) = (ByteSize::from_bytes(0), Some(ByteSize::from_bytes(0)));
        (pool.backoff_min, pool.backoff_max) = (Duration::from_secs(2), Duration::from_secs(1));
        (pool.health_every, pool.health_within, pool.idle_after) =
            (Duration::ZERO, Duration::ZERO, Duration::MAX);
    });
    let error = h.refusal().await;
    assert_eq!(code(&error), ErrorCode::ValidationError);
    for field in [
        "min",
        "depth",
        "plugin_concurrency",
        "tenant_queue",
        "recycle_calls",
        "recycle_jitter",
        "crash_limit",
        "queue_bytes",
        "recycle_memory",
        "backoff_min",
        "health_every",
        "health_within",
        "idle_after",
    ] {
        let named = format!("pool.{field}");
        assert!(
            error.chain().iter().any(|fault| fault.contains(&named)),
            "{named} is missing in {:?}",
            error.chain()
        );
    }
    assert_eq!(error.chain().len(), 13, "{:?}", error.chain());
}
