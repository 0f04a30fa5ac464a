//! Workers that stay: whose they are, when they are started, and when they go because nobody needs them.

use std::time::Duration;

use plugdock_contracts::backend::{BackendEvent, RecycleReason};
use plugdock_contracts::outcome::WorkerStart;
use plugdock_contracts::{ByteSize, ErrorCode, PluginId, WorkerState};

use crate::harness::{Harness, code};
use crate::plugin::{CALLEE, CONFORMANCE};

/// The plugin with most handlers is kept warm.
fn warm(h: &mut Harness, min: usize, max: usize) {
    h.configure(|config| {
        (config.pool.min, config.pool.max) = (min, max);
        config.pool.warm = vec![PluginId::new(CONFORMANCE).unwrap()];
    });
}

pub(crate) async fn a_worker_is_kept_warm(h: &mut Harness) {
    let first = h.outcome(h.request("echo", &1)).await;
    let second = h.outcome(h.request("echo", &1)).await;
    assert!(
        first.worker.is_some() && first.worker == second.worker,
        "{:?}, {:?}",
        first.worker,
        second.worker
    );
    assert_eq!((first.start, second.start), (Some(WorkerStart::Cold), Some(WorkerStart::Warm)));
    assert!(first.timings.spawn.is_some() && second.timings.spawn.is_none());
    assert_eq!(h.backend().await.stats().spawned, 1);
}

pub(crate) async fn a_worker_serves_one_plugin(h: &mut Harness) {
    let own = h.outcome(h.request("echo", &1)).await;
    let others = h.outcome(h.request_of(CALLEE, "double", &1)).await;
    assert!(own.is_ok() && others.is_ok(), "{:?}, {:?}", own.error(), others.error());
    assert_ne!(own.worker, others.worker);
    let workers = h.until_workers("both to idle", |workers| workers.iter().all(|w| w.running == 0)).await;
    let mut plugins: Vec<_> = workers.iter().map(|worker| worker.plugin.as_str()).collect();
    plugins.sort_unstable();
    assert_eq!(plugins, [CALLEE, CONFORMANCE]);
}

pub(crate) async fn a_worker_serves_one_sandbox_plan(h: &mut Harness) {
    let plain = h.outcome(h.request("echo", &1)).await;
    let mut limited = h.request("echo", &1);
    limited.limits.memory = Some(ByteSize::from_bytes(1 << 32));
    let limited = h.outcome(limited).await;
    for outcome in [&plain, &limited] {
        assert!(outcome.is_ok(), "{:?}", outcome.error());
    }
    assert_ne!(plain.worker, limited.worker, "another limit is another plan");
    let again = h.outcome(h.request("echo", &1)).await;
    assert_eq!(plain.worker, again.worker, "the first plan's worker is still there");
}

pub(crate) async fn workers_are_told_with_what_they_do(h: &mut Harness) {
    let held = h.gated("held").await;
    let workers = h.backend().await.workers();
    let [busy] = &workers[..] else { panic!("one worker, not {workers:?}") };
    assert_eq!((busy.state, busy.running, busy.calls), (WorkerState::Busy, 1, 0));
    assert_eq!(busy.plugin.as_str(), CONFORMANCE);
    assert!(busy.pid.is_some_and(|pid| pid > 0) && !busy.generation.is_empty(), "{busy:?}");
    h.open("held").await;
    let outcome = h.end(held).await;
    assert_eq!(outcome.worker.as_ref(), Some(&busy.worker));
    let idle = h.until_workers("it to idle", |workers| workers[0].state == WorkerState::Idle).await;
    assert_eq!((idle[0].worker.clone(), idle[0].calls, idle[0].running), (busy.worker.clone(), 1, 0));
    assert!(idle[0].age >= busy.age);
    assert!(idle[0].resident_bytes.is_some_and(|bytes| bytes > 0), "{:?}", idle[0]);
}

pub(crate) async fn workers_that_are_wanted_warm_are_started_with_the_pool(h: &mut Harness) {
    warm(h, 2, 4);
    assert_eq!((h.pool_stats().await.min, h.pool_stats().await.max), (2, 4));
    let workers = h.until_workers("two to be ready", |workers| {
        workers.iter().filter(|worker| worker.state == WorkerState::Idle).count() == 2
    });
    let workers = workers.await;
    assert!(workers.iter().all(|worker| worker.plugin.as_str() == CONFORMANCE), "{workers:?}");
    assert_eq!(h.value::<i32>("echo", &1).await, 1);
    assert_eq!(h.backend().await.stats().spawned, 2, "the call needed no further one");
}

pub(crate) async fn the_first_call_on_a_warm_worker_is_warm(h: &mut Harness) {
    warm(h, 1, 1);
    h.pool_stats().await;
    h.until_workers("it to be ready", |workers| workers.iter().any(|w| w.state == WorkerState::Idle)).await;
    let outcome = h.outcome(h.request("echo", &1)).await;
    assert_eq!(outcome.start, Some(WorkerStart::Warm), "no process was started for it");
    assert_eq!(outcome.timings.spawn, None, "and it waited for none");
}

pub(crate) async fn a_warm_plugin_that_cannot_start_is_told_and_the_others_work(h: &mut Harness) {
    warm(h, 1, 2);
    h.break_program();
    h.pool_stats().await;
    h.until_stats("the start to have failed", |stats| {
        stats.pool.as_ref().is_some_and(|pool| pool.start_failed > 0)
    })
    .await;
    assert_eq!(code(&h.error(h.request("echo", &1)).await), ErrorCode::SpawnFailed);
    let other = h.outcome(h.request_of(CALLEE, "double", &2)).await;
    if h.serves_from_one_program() {
        assert_eq!(other.error().map(code), Some(ErrorCode::SpawnFailed), "it is the same program");
    } else {
        assert_eq!(other.into_value::<i64>().unwrap(), 4);
    }
}

pub(crate) async fn a_warm_plugin_that_is_not_there_is_a_fault_of_the_configuration(h: &mut Harness) {
    h.configure(|config| config.pool.warm = vec![PluginId::new("acme/missing").unwrap()]);
    let error = h.refusal().await;
    assert_eq!(code(&error), ErrorCode::ValidationError);
    assert!(error.message().contains("acme/missing") && error.help().is_some(), "{error:?}");
}

pub(crate) async fn the_warm_up_runs_in_every_worker(h: &mut Harness) {
    h.run_at_a_time(1);
    h.configure(|config| (config.pool.recycle_calls, config.pool.recycle_jitter) = (Some(2), 0));
    let mut workers = Vec::new();
    for _ in 0..4 {
        let outcome = h.outcome(h.request("warmed", &())).await;
        workers.push(outcome.worker.clone());
        assert_eq!(outcome.into_value::<u64>().unwrap(), 1, "once in each");
    }
    assert_eq!(workers[0], workers[1]);
    assert_ne!(workers[1], workers[2]);
}

pub(crate) async fn first_calls_at_once_start_no_more_than_there_may_be(h: &mut Harness) {
    warm(h, 2, 2);
    let mut running = Vec::new();
    for number in 0..8 {
        running.push(h.start(h.request("echo", &number)).await);
    }
    for (number, execution) in running.into_iter().enumerate() {
        assert_eq!(h.end(execution).await.into_value::<usize>().unwrap(), number);
    }
    let stats = h.backend().await.stats();
    assert_eq!((stats.spawned, stats.workers), (2, 2), "{stats:?}");
}

pub(crate) async fn there_are_never_more_workers_than_there_may_be(h: &mut Harness) {
    h.configure(|config| {
        (config.pool.min, config.pool.max) = (1, 3);
        (config.pool.recycle_calls, config.pool.recycle_jitter) = (Some(3), 0);
        config.timeouts.acquire = Some(crate::harness::CEILING);
    });
    let mut running = Vec::new();
    for number in 0..30 {
        running.push(h.start(h.request("echo", &number)).await);
    }
    for execution in running {
        assert!(h.end(execution).await.is_ok());
        let stats = h.backend().await.stats();
        assert!(stats.workers <= 3, "{stats:?}");
    }
    let recycled = h.pool_stats().await.recycled;
    assert!(recycled.get("calls").is_some_and(|n| *n > 0), "workers came and went meanwhile: {recycled:?}");
}

pub(crate) async fn a_free_worker_is_preferred_to_a_new_one(h: &mut Harness) {
    h.configure(|config| (config.pool.min, config.pool.max) = (1, 4));
    for number in 0..6 {
        assert_eq!(h.value::<i32>("echo", &number).await, number);
    }
    assert_eq!(h.backend().await.stats().spawned, 1);
}

pub(crate) async fn the_longest_idle_worker_goes_for_another_plugin(h: &mut Harness) {
    h.run_at_a_time(1);
    let mut heard = h.heard().await;
    let idle = h.one_idle_worker().await;
    let outcome = h.outcome(h.request_of(CALLEE, "double", &2)).await;
    assert_eq!(outcome.into_value::<i64>().unwrap(), 4);
    let gone =
        heard.until("the idle one to go", |event| matches!(event, BackendEvent::Recycled { .. })).await;
    let BackendEvent::Recycled { worker, plugin, why } = gone else { unreachable!("it was asked for") };
    assert_eq!((worker, plugin.as_str(), why), (idle.worker, CONFORMANCE, RecycleReason::Displaced));
    assert_eq!(h.backend().await.stats().workers, 1);
}

pub(crate) async fn workers_with_nothing_to_do_are_sent_away(h: &mut Harness) {
    h.configure(|config| {
        (config.pool.min, config.pool.max) = (1, 3);
        config.pool.idle_after = Duration::from_millis(50);
    });
    let mut held = Vec::new();
    for gate in ["one", "two", "three"] {
        held.push((gate, h.gated(gate).await));
    }
    assert_eq!(h.backend().await.stats().workers, 3);
    for (gate, execution) in held {
        h.open(gate).await;
        assert!(h.end(execution).await.is_ok());
    }
    h.until_stats("only those that are kept to be there", |stats| stats.workers == 1).await;
    assert_eq!(h.pool_stats().await.recycled["idle"], 2);
    assert_eq!(h.value::<i32>("echo", &1).await, 1);
    assert_eq!(h.backend().await.stats().spawned, 3, "the one that stayed served it");
}

pub(crate) async fn nested_calls_get_a_worker_beyond_the_bounds(h: &mut Harness) {
    h.run_at_a_time(1);
    let target = serde_json::json!({ "plugin": CALLEE, "handler": "double", "input": 2 });
    assert_eq!(h.value::<i64>("invoke", &target).await, 4);
    assert_eq!(h.backend().await.stats().spawned, 2);
    h.until_stats("no more than there may be", |stats| stats.workers <= 1).await;
}
