//! Who gets a worker when there are not enough: shares of plugins and tenants, parts of the queue, priorities, fairness.

use std::time::{Duration, Instant};

use plugdock_contracts::backend::BackendEvent;
use plugdock_contracts::request::Priority;
use plugdock_contracts::{ByteSize, ErrorCode, ExecutionError, ExecutionRequest, TenantId};
use plugdock_execution_factory::OnCap;

use crate::harness::{CEILING, Harness, code, wait_for};
use crate::plugin::{CALLEE, CONFORMANCE};

fn of_tenant(mut request: ExecutionRequest, tenant: &str) -> ExecutionRequest {
    request.descriptor.tenant = Some(TenantId::new(tenant).unwrap());
    request
}

fn with_priority(mut request: ExecutionRequest, priority: Priority) -> ExecutionRequest {
    request.priority = priority;
    request
}

#[track_caller]
fn check_full(error: &ExecutionError, limit: u64, of: &str) {
    assert_eq!(code(error), ErrorCode::QueueFull, "{error:?}");
    assert_eq!((&error.details()["limit"], &error.details()["of"]), (&limit.into(), &of.into()), "{error:?}");
    assert!(error.is_retryable());
}

pub(crate) async fn a_plugin_waits_for_its_own_share(h: &mut Harness) {
    h.configure(|config| (config.pool.max, config.pool.plugin_concurrency) = (4, Some(1)));
    let held = h.gated("held").await;
    let waiting = h.start_waiting(1, h.turn("waiting")).await;
    let other = h.outcome(h.request_of(CALLEE, "double", &2)).await;
    assert_eq!(other.into_value::<i64>().unwrap(), 4, "another plugin is not concerned");
    assert_eq!((h.backend().await.stats().waiting, h.turns()), (1, Vec::new()));
    h.open("held").await;
    assert!(h.end(held).await.is_ok() && h.end(waiting).await.is_ok());
}

pub(crate) async fn a_tenant_waits_for_its_own_share(h: &mut Harness) {
    h.configure(|config| (config.pool.max, config.pool.tenant_concurrency) = (4, Some(1)));
    let held = h.ready(of_tenant(h.request("polite", &()), "one")).await;
    let waiting = h.start_waiting(1, of_tenant(h.turn("waiting"), "one")).await;
    let other = h.outcome(of_tenant(h.request("echo", &1), "two")).await;
    assert!(other.is_ok(), "another tenant is not concerned: {:?}", other.error());
    assert_eq!((h.backend().await.stats().waiting, h.turns()), (1, Vec::new()));
    held.cancel("enough");
    assert_eq!(h.end(held).await.error().map(code), Some(ErrorCode::Aborted));
    assert!(h.end(waiting).await.is_ok());
}

pub(crate) async fn a_share_may_refuse_instead(h: &mut Harness) {
    h.configure(|config| {
        (config.pool.max, config.pool.plugin_concurrency) = (4, Some(1));
        config.pool.on_cap = OnCap::Reject;
    });
    let held = h.gated("held").await;
    check_full(&h.error(h.request("echo", &1)).await, 1, "calls of the plugin");
    h.open("held").await;
    assert!(h.end(held).await.is_ok());
    assert_eq!(h.value::<i32>("echo", &1).await, 1);
}

pub(crate) async fn a_plugins_part_of_the_queue_is_bounded(h: &mut Harness) {
    h.run_at_a_time(1);
    h.configure(|config| config.pool.plugin_queue = Some(1));
    let held = h.gated("held").await;
    let waiting = h.start_waiting(1, h.turn("own")).await;
    check_full(&h.error(h.turn("too many")).await, 1, "requests of the plugin");
    let other = h.start_waiting(2, h.request_of(CALLEE, "double", &2)).await;
    h.open("held").await;
    for execution in [held, waiting, other] {
        let outcome = h.end(execution).await;
        assert!(outcome.is_ok(), "{:?}", outcome.error());
    }
    assert_eq!(h.turns(), ["own"]);
}

pub(crate) async fn a_tenants_part_of_the_queue_is_bounded(h: &mut Harness) {
    h.run_at_a_time(1);
    h.configure(|config| config.pool.tenant_queue = Some(1));
    let held = h.gated("held").await;
    let waiting = h.start_waiting(1, of_tenant(h.turn("one"), "one")).await;
    check_full(&h.error(of_tenant(h.turn("too many"), "one")).await, 1, "requests of the tenant");
    let other = h.start_waiting(2, of_tenant(h.turn("two"), "two")).await;
    h.open("held").await;
    for execution in [held, waiting, other] {
        assert!(h.end(execution).await.is_ok());
    }
    assert_eq!(h.turns(), ["one", "two"]);
}

pub(crate) async fn bytes_that_wait_are_bounded(h: &mut Harness) {
    h.run_at_a_time(1);
    h.configure(|config| config.pool.queue_bytes = ByteSize::from_bytes(1000));
    let held = h.gated("held").await;
    let waiting = h.start_waiting(1, h.request("echo", &"x".repeat(600))).await;
    assert!(h.pool_stats().await.queued_bytes >= 600);
    check_full(&h.error(h.request("echo", &"x".repeat(600))).await, 1000, "bytes");
    let small = h.start_waiting(2, h.turn("small")).await;
    h.open("held").await;
    for execution in [held, waiting, small] {
        assert!(h.end(execution).await.is_ok());
    }
    assert_eq!(h.pool_stats().await.queued_bytes, 0);
}

pub(crate) async fn a_full_queue_says_when_to_come_again(h: &mut Harness) {
    h.run_at_a_time(1);
    h.wait_at_a_time(1);
    let mut heard = h.heard().await;
    let held = h.gated("held").await;
    let waiting = h.start_waiting(1, h.turn("waiting")).await;
    let error = h.error(h.turn("too many")).await;
    check_full(&error, 1, "requests");
    assert!(error.retry_after().is_some_and(|after| !after.is_zero()), "{error:?}");
    let full = heard.until("the full queue", |event| matches!(event, BackendEvent::QueueFull { .. })).await;
    let is_told = matches!(&full, BackendEvent::QueueFull { plugin, waiting: 1, limit: 1 } if plugin.as_str() == CONFORMANCE);
    assert!(is_told, "{full:?}");
    assert_eq!(h.pool_stats().await.queue_full, 1);
    h.open("held").await;
    assert!(h.end(held).await.is_ok() && h.end(waiting).await.is_ok());
}

pub(crate) async fn a_higher_priority_goes_first(h: &mut Harness) {
    h.run_at_a_time(1);
    h.configure(|config| config.pool.age_after = Duration::from_mins(1));
    let held = h.gated("held").await;
    let mut waiting = Vec::new();
    for (n, priority) in
        [Priority::Low, Priority::Normal, Priority::High, Priority::Normal].into_iter().enumerate()
    {
        let request = with_priority(h.turn(format!("{priority:?} {n}")), priority);
        waiting.push(h.start_waiting(n as u64 + 1, request).await);
    }
    h.open("held").await;
    for execution in waiting.into_iter().chain([held]) {
        assert!(h.end(execution).await.is_ok());
    }
    assert_eq!(h.turns(), ["High 2", "Normal 1", "Normal 3", "Low 0"]);
}

pub(crate) async fn who_waited_long_goes_before_a_higher_priority(h: &mut Harness) {
    const AGE_AFTER: Duration = Duration::from_millis(50);
    h.run_at_a_time(1);
    h.configure(|config| config.pool.age_after = AGE_AFTER);
    let held = h.gated("held").await;
    let low = h.start_waiting(1, with_priority(h.turn("low"), Priority::Low)).await;
    let since = Instant::now();
    wait_for("it to have risen twice", || {
        if since.elapsed() > AGE_AFTER * 4 { Ok(()) } else { Err(format!("{:?}", since.elapsed())) }
    })
    .await;
    let high = h.start_waiting(2, with_priority(h.turn("high"), Priority::High)).await;
    h.open("held").await;
    for execution in [held, low, high] {
        assert!(h.end(execution).await.is_ok());
    }
    assert_eq!(h.turns(), ["low", "high"]);
}

pub(crate) async fn two_plugins_share_one_worker(h: &mut Harness) {
    h.run_at_a_time(1);
    h.configure(|config| {
        config.pool.turn = Duration::from_micros(1);
        config.timeouts.acquire = Some(CEILING);
    });
    let held = h.gated("held").await;
    let mut waiting = Vec::new();
    for n in 0..4 {
        waiting.push(h.start_waiting(n + 1, h.turn("a")).await);
    }
    for n in 0..4 {
        waiting.push(h.start_waiting(n + 5, h.turn_of(CALLEE, "b")).await);
    }
    h.open("held").await;
    for execution in waiting.into_iter().chain([held]) {
        let outcome = h.end(execution).await;
        assert!(outcome.is_ok(), "{:?}", outcome.error());
    }
    let turns = h.turns();
    let first_b = turns.iter().position(|turn| turn == "b").expect("they ran");
    assert!(
        first_b <= 1,
        "who came later, of another plugin, does not wait for all that came before: {turns:?}"
    );
    let runs = turns.chunk_by(|one, next| one == next).map(<[String]>::len);
    assert!(runs.max().is_some_and(|longest| longest <= 2), "{turns:?}");
}
