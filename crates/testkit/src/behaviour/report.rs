//! What a backend says of itself and of what it ran.

use plugdock_contracts::backend::{BackendEvent, PluginRef};
use plugdock_contracts::describe::HandlerKind;
use plugdock_contracts::outcome::{Attempts, MechanismState, WorkerStart};
use plugdock_contracts::{BackendKind, ErrorCode, ExecutionEvent, ExecutionRequest, PluginId, Shutdown};
use serde_json::json;

use crate::harness::{Harness, code, within_ceiling};
use crate::plugin::{CALLEE, CONFORMANCE, VERSION};

pub(crate) async fn a_live_id_is_not_used_twice(h: &mut Harness) {
    let first = h.gated("first").await;
    let mut second = h.request("echo", &1);
    second.execution_id = first.id().clone();
    let error = h.error(second.clone()).await;
    assert_eq!(code(&error), ErrorCode::ValidationError);
    h.open("first").await;
    assert!(h.take_rest(first, Vec::new()).await.outcome.is_ok(), "the first was not disturbed");
    assert!(h.outcome(second).await.is_ok(), "an id that is free again can be used");
}

pub(crate) async fn statistics_count_by_code(h: &mut Harness) {
    let before = h.backend().await.stats();
    assert_eq!((before.started, before.succeeded, before.failed), (0, 0, 0));
    for _ in 0..3 {
        h.value::<i32>("echo", &1).await;
    }
    for handler in ["fail", "missing", "missing"] {
        h.error(h.request(handler, &())).await;
    }
    let stats = h.backend().await.stats();
    assert_eq!((stats.started, stats.succeeded, stats.failed), (6, 3, 3), "{stats:?}");
    assert_eq!((stats.failed_by_code["ROW_MALFORMED"], stats.failed_by_code["HANDLER_NOT_FOUND"]), (1, 2));
    assert_eq!((stats.running, stats.waiting), (0, 0));
    assert_eq!(stats.total.count, 6);
    assert!(stats.total.min <= stats.total.p50 && stats.total.p50 <= stats.total.max, "{:?}", stats.total);
    assert_eq!(stats.spawned > 0, h.in_processes());
}

pub(crate) async fn a_backend_is_healthy_until_it_stops(h: &mut Harness) {
    let backend = h.backend().await;
    let report = within_ceiling("the health", backend.health()).await;
    assert!(report.is_healthy(), "{report:?}");
    within_ceiling("the shutdown", backend.shutdown(Shutdown::Now)).await;
    assert!(!within_ceiling("the health", backend.health()).await.is_healthy());
}

pub(crate) async fn subscribers_see_what_happens(h: &mut Harness) {
    let backend = h.backend().await;
    let mut subscription = backend.subscribe();
    let worker = h.outcome(h.request("echo", &1)).await.worker;
    within_ceiling("the shutdown", backend.shutdown(Shutdown::Now)).await;
    let (mut events, stays) = (Vec::new(), h.keeps_workers());
    within_ceiling("the announcements", async {
        // The last word of a backend whose workers stay is that they are gone.
        let is_last = |event: &BackendEvent| match event {
            BackendEvent::ShuttingDown => !stays,
            BackendEvent::Exited { .. } => stays,
            _ => false,
        };
        while !events.last().is_some_and(is_last) {
            events.push(subscription.next().await.unwrap());
        }
    })
    .await;
    assert_eq!(subscription.dropped(), 0);
    assert_eq!(worker.is_some(), h.in_processes());
    if let Some(worker) = worker {
        let spawned = matches!(&events[0], BackendEvent::Spawned { worker: id, plugin, pid }
            if *id == worker && plugin.as_str() == CONFORMANCE && *pid > 0);
        assert!(spawned, "{events:?}");
        assert_eq!(events[1], BackendEvent::Ready { worker: worker.clone() });
        assert!(events.contains(&BackendEvent::Exited { worker }), "{events:?}");
    }
}

pub(crate) async fn timings_are_complete_and_consistent(h: &mut Harness) {
    for handler in ["echo", "fail"] {
        let taken = h.take(h.request(handler, &())).await;
        let timings = taken.outcome.timings;
        let (queue, run) = (timings.queue.expect("it was admitted"), timings.run.expect("it ran"));
        let spawn = timings.spawn.unwrap_or_default();
        let is_cold = taken.outcome.start == Some(WorkerStart::Cold);
        assert_eq!((timings.spawn.is_some(), taken.outcome.start.is_some()), (is_cold, h.in_processes()));
        // A worker that is kept is started while its first execution waits for it.
        let in_turn = if h.keeps_workers() { queue + run } else { queue + spawn + run };
        assert!(in_turn <= timings.total, "{timings:?}");
        assert!(!run.is_zero() && !timings.total.is_zero());
        let cold = (taken.outcome.backend == BackendKind::Subprocess).then_some(WorkerStart::Cold);
        if h.in_processes() && cold.is_some() {
            assert_eq!(taken.outcome.start, cold);
        }
        let ExecutionEvent::Started { worker } = &taken.events[0] else { panic!("{:?}", taken.events) };
        assert_eq!(*worker, taken.outcome.worker);
    }
}

pub(crate) async fn usage_is_measured_or_absent(h: &mut Harness) {
    const MIB: usize = 48;
    let outcome = h.outcome(h.request("burn", &MIB)).await;
    assert!(outcome.is_ok(), "{:?}", outcome.error());
    let usage = outcome.usage;
    if !h.in_processes() {
        assert_eq!(
            (usage.cpu(), usage.peak_resident_bytes),
            (None, None),
            "in-process it cannot be told apart"
        );
        return;
    }
    match usage.peak_resident_bytes {
        // The peak of a worker that serves one execution after the other is not this one's.
        None => assert!(h.keeps_workers()),
        Some(peak) => assert!(peak >= (MIB as u64) << 20, "{usage:?}"),
    }
    assert!(!usage.cpu().expect("it was measured").is_zero(), "{usage:?}");
}

pub(crate) async fn the_sandbox_report_says_what_was_in_force(h: &mut Harness) {
    let sandbox = h.outcome(h.request("echo", &1)).await.sandbox;
    assert!(!sandbox.mechanisms.is_empty());
    let in_force =
        sandbox.mechanisms.iter().filter(|mechanism| mechanism.state == MechanismState::Enforced).count();
    if h.in_processes() {
        let new_privileges = |name: &str| name.contains("no-new-privileges") || name.contains("no_new_privs");
        let found = sandbox.mechanisms.iter().find(|mechanism| new_privileges(&mechanism.name));
        assert_eq!(found.expect("it is always reported").state, MechanismState::Enforced, "{sandbox:?}");
    } else {
        assert_eq!(in_force, 0, "in-process nothing holds the handler: {sandbox:?}");
    }
}

pub(crate) async fn a_plugin_describes_itself(h: &mut Harness) {
    let plugin = PluginRef::Id(PluginId::new(CONFORMANCE).unwrap());
    let backend = h.backend().await;
    let description = within_ceiling("the description", backend.describe(&plugin)).await.unwrap();
    assert_eq!((description.id.as_str(), description.version.to_string().as_str()), (CONFORMANCE, VERSION));
    let kind = |name: &str| description.handler(name).map(|handler| handler.kind);
    assert_eq!(kind("echo"), Some(HandlerKind::Call));
    assert_eq!(kind("pieces"), Some(HandlerKind::Stream));
    assert_eq!(kind("upper"), Some(HandlerKind::Channel));
    let echo = description.handler("echo").unwrap();
    assert_eq!((echo.doc.as_str(), echo.idempotent), ("Answers its input.", true));
    assert_eq!(echo.examples[0].input, json!("hello"));
    let unknown = PluginRef::Id(PluginId::new("acme/missing").unwrap());
    let error = within_ceiling("the refusal", backend.describe(&unknown)).await.unwrap_err();
    assert_eq!(code(&error), ErrorCode::HandlerNotFound);
}

pub(crate) async fn a_free_slot_makes_it_ready(h: &mut Harness) {
    h.run_at_a_time(1);
    let backend = h.backend().await;
    within_ceiling("readiness", backend.ready()).await;
    let first = h.gated("first").await;
    let mut ready = backend.ready();
    let at_once = std::future::poll_fn(|cx| std::task::Poll::Ready(ready.as_mut().poll(cx).is_ready())).await;
    assert!(!at_once, "the only slot is taken");
    h.open("first").await;
    within_ceiling("readiness", ready).await;
    assert!(h.take_rest(first, Vec::new()).await.outcome.is_ok());
}

pub(crate) async fn what_ran_was_started_once(h: &mut Harness) {
    for handler in ["echo", "fail", "nothing"] {
        let attempts = h.outcome(h.request(handler, &())).await.attempts;
        assert_eq!((attempts.started, attempts.taken_back), (1, 0), "{handler}");
    }
    let unknown = h.outcome(ExecutionRequest::new("acme/missing", "echo").unwrap()).await;
    assert_eq!(unknown.attempts, Attempts::default(), "a plugin that is not there starts nothing");
}

pub(crate) async fn statistics_are_kept_by_plugin(h: &mut Harness) {
    h.value::<i32>("echo", &1).await;
    h.error(h.request("fail", &())).await;
    let double = h.outcome(h.request_of(CALLEE, "double", &2)).await;
    assert_eq!(double.into_value::<i64>().unwrap(), 4);
    let stats = h.backend().await.stats();
    let of = |plugin: &str| {
        let one = &stats.by_plugin[plugin];
        (one.succeeded, one.failed, one.total.count, one.run.count)
    };
    assert_eq!((of(CONFORMANCE), of(CALLEE)), ((1, 1, 2, 2), (1, 0, 1, 1)), "{stats:?}");
    assert_eq!(stats.by_plugin[CONFORMANCE].failed_by_code["ROW_MALFORMED"], 1);
}

pub(crate) async fn a_wait_counts_as_wait_and_not_as_run(h: &mut Harness) {
    h.run_at_a_time(1);
    let first = h.gated("first").await;
    let waiting = h.start_waiting(1, h.request("echo", &1)).await;
    let cancelled = h.start_waiting(2, h.request("echo", &1)).await;
    cancelled.cancel("never mind");
    assert!(!h.end(cancelled).await.is_ok());
    h.open("first").await;
    assert!(h.end(first).await.is_ok() && h.end(waiting).await.is_ok());
    let stats = h.backend().await.stats();
    assert_eq!(
        (stats.queue.count, stats.run.count, stats.total.count),
        (2, 2, 3),
        "who got no place is in neither: {stats:?}"
    );
}

pub(crate) async fn only_a_pool_is_resized_and_reloaded(h: &mut Harness) {
    if h.keeps_workers() {
        return h.not_applicable("it keeps workers");
    }
    assert_eq!(h.value::<i32>("echo", &1).await, 1);
    let backend = h.backend().await;
    let error = backend.resize(1, 2).unwrap_err();
    assert_eq!(code(&error), ErrorCode::Unsupported);
    assert!(error.help().is_some());
    let error = within_ceiling("the refusal", backend.reload(None)).await.unwrap_err();
    assert_eq!(code(&error), ErrorCode::Unsupported);
    assert!(backend.workers().is_empty() && backend.stats().pool.is_none());
}

pub(crate) async fn a_subscriber_that_does_not_keep_up_sees_how_many_it_lost(h: &mut Harness) {
    const N: u64 = 1500;
    let backend = h.backend().await;
    let mut late = backend.subscribe();
    let refused = h.outcome(h.request_with("denied", &N, Vec::new())).await;
    assert_eq!(refused.into_value::<u64>().unwrap(), N);
    within_ceiling("the shutdown", backend.shutdown(Shutdown::Now)).await;
    let mut received = 0;
    within_ceiling("the last announcement", async {
        loop {
            match late.next().await.expect("the backend is there") {
                BackendEvent::Denied { .. } => received += 1,
                BackendEvent::ShuttingDown => return,
                _ => {}
            }
        }
    })
    .await;
    let lost = late.dropped();
    assert!(received + lost >= N, "{received} came and {lost} were lost, of {N} and more");
    assert!(received < N || lost == 0, "what was lost cannot have come too");
}
