//! What a backend says of itself and of what it ran.

use plugdock_contracts::backend::{BackendEvent, PluginRef};
use plugdock_contracts::describe::HandlerKind;
use plugdock_contracts::outcome::{MechanismState, WorkerStart};
use plugdock_contracts::{BackendKind, ErrorCode, ExecutionEvent, PluginId, Shutdown};
use serde_json::json;

use crate::harness::{Harness, code, within_ceiling};
use crate::plugin::{CONFORMANCE, VERSION};

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
    let mut events = Vec::new();
    within_ceiling("the announcements", async {
        while events.last() != Some(&BackendEvent::ShuttingDown) {
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
        assert_eq!(timings.spawn.is_some(), h.in_processes());
        assert!(queue + spawn + run <= timings.total, "{timings:?}");
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
    let peak = usage.peak_resident_bytes.expect("it was measured");
    assert!(peak >= (MIB as u64) << 20, "{usage:?}");
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
    h.configure(|config| config.max_concurrent = 1);
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
