//! Workers that are worn are replaced, and those that overran serve nothing more. Nobody's call suffers.

use std::collections::BTreeMap;
use std::time::Duration;

use plugdock_contracts::backend::{BackendEvent, RecycleReason};
use plugdock_contracts::{ByteSize, ErrorCode};

use crate::behaviour::cancel::hasty;
use crate::harness::{Harness, Heard, code};

async fn until_recycled(heard: &mut Heard, reason: RecycleReason) {
    let is = |event: &BackendEvent| matches!(event, BackendEvent::Recycled { why, .. } if *why == reason);
    heard.until(&format!("a worker to be recycled: {reason}"), is).await;
}

pub(crate) async fn a_worker_is_replaced_after_its_calls(h: &mut Harness) {
    h.run_at_a_time(1);
    h.configure(|config| (config.pool.recycle_calls, config.pool.recycle_jitter) = (Some(3), 0));
    let mut heard = h.heard().await;
    let mut served = BTreeMap::new();
    for number in 0..9 {
        let outcome = h.outcome(h.request("echo", &number)).await;
        *served.entry(outcome.worker.clone().expect("a worker ran it")).or_insert(0) += 1;
        assert_eq!(outcome.into_value::<i32>().unwrap(), number);
    }
    assert_eq!(served.values().copied().collect::<Vec<_>>(), [3, 3, 3]);
    until_recycled(&mut heard, RecycleReason::Calls).await;
}

pub(crate) async fn failed_calls_wear_a_worker_too(h: &mut Harness) {
    h.run_at_a_time(1);
    h.configure(|config| (config.pool.recycle_calls, config.pool.recycle_jitter) = (Some(2), 0));
    let mut workers = Vec::new();
    for _ in 0..4 {
        workers.push(h.outcome(h.request("fail", &())).await.worker.expect("a worker ran it"));
    }
    assert_eq!(workers[0], workers[1]);
    assert_ne!(workers[1], workers[2]);
    assert_eq!(workers[2], workers[3]);
}

pub(crate) async fn an_idle_worker_is_replaced_when_it_is_old(h: &mut Harness) {
    h.configure(|config| {
        (config.pool.min, config.pool.max) = (1, 2);
        config.pool.recycle_age = Some(Duration::from_millis(300));
    });
    let mut heard = h.heard().await;
    let first = h.outcome(h.request("echo", &1)).await.worker;
    until_recycled(&mut heard, RecycleReason::Age).await;
    h.until_stats("the old one to be gone", |stats| stats.spawned >= 2 && stats.workers >= 1).await;
    let next = h.outcome(h.request("echo", &1)).await;
    assert!(next.is_ok(), "{:?}", next.error());
    assert_ne!(next.worker, first);
}

pub(crate) async fn a_worker_that_grew_is_replaced(h: &mut Harness) {
    h.run_at_a_time(1);
    h.configure(|config| config.pool.recycle_memory = Some(ByteSize::from_bytes(64 << 20)));
    let mut heard = h.heard().await;
    let small = h.outcome(h.request("grow", &1)).await;
    let large = h.outcome(h.request("grow", &96)).await;
    assert!(small.is_ok() && large.is_ok(), "{:?}, {:?}", small.error(), large.error());
    assert_eq!(small.worker, large.worker);
    until_recycled(&mut heard, RecycleReason::Memory).await;
    let next = h.outcome(h.request("echo", &1)).await;
    assert!(next.is_ok() && next.worker != large.worker, "{:?}", next.error());
}

pub(crate) async fn a_worker_that_overran_serves_nothing_more(h: &mut Harness) {
    h.run_at_a_time(1);
    for handler in ["deaf", "spin", "deaf-blocking"] {
        let request = hasty(h.request(handler, &())).with_call_timeout(Duration::from_millis(200));
        let over = h.outcome(request).await;
        assert_eq!(over.error().map(code), Some(ErrorCode::Timeout), "{handler}");
        let next = h.outcome(h.request("echo", &1)).await;
        assert!(next.is_ok() && next.worker != over.worker, "{handler}: {:?}", next.error());
    }
    // Whether it was killed on purpose is known when it is dead.
    h.until_stats("three to be counted", |stats| {
        stats.pool.as_ref().is_some_and(|pool| pool.recycled.get("tainted") == Some(&3))
    })
    .await;
    assert_eq!(h.backend().await.stats().crashed, 0, "it was killed on purpose");
}

pub(crate) async fn a_worker_whose_handler_stopped_in_time_is_kept(h: &mut Harness) {
    h.run_at_a_time(1);
    let execution = h.ready(h.request("polite", &())).await;
    execution.cancel("enough");
    let stopped = h.end(execution).await;
    assert_eq!(stopped.error().map(code), Some(ErrorCode::Aborted));
    let next = h.outcome(h.request("echo", &1)).await;
    assert!(next.is_ok(), "{:?}", next.error());
    assert_eq!(next.worker, stopped.worker, "whoever does as it is told may go on");
}
