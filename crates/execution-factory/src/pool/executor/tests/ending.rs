//! How live workers are sent away, checked, and end by themselves.

use std::time::Duration;

use plugdock_contracts::error::{CrashCause, KillReason};
use plugdock_contracts::health::{HealthIssue, HealthLevel, HealthReport};
use plugdock_plugin_runtime::{Ctx, HandlerError, Plugin};

use super::super::CheckAnswer;
use super::bench::{Behaviour, bench, serving, soon};
use crate::process::ExitCause;

fn plugin() -> Plugin {
    Plugin::new("acme/x", "1.0.0").handler("go", async |_ctx: Ctx, (): ()| Ok::<_, HandlerError>(()))
}

#[tokio::test]
async fn one_that_goes_when_told_was_expected_to() {
    let bench = serving(plugin());
    let (worker, process) = bench.start().await;
    assert_eq!(bench.leases(), 1, "it has a directory of its own");
    worker.retire(Duration::from_hours(1));
    worker.retire(Duration::from_hours(1));
    // The task serves until the goodbye; how the process ends after that is said by the test.
    process.end(ExitCause::Code(0));
    let end = soon(worker.ended()).await;
    assert_eq!((end.cause, end.expected), (CrashCause::Exit { code: 0 }, true));
    assert_eq!(bench.leases(), 0);
}

#[tokio::test]
async fn one_that_does_not_go_is_killed_at_the_earliest_of_its_times() {
    let bench = bench(Behaviour::Mute);
    let (worker, _process) = bench.start().await;
    worker.retire(Duration::from_hours(1));
    worker.retire(Duration::from_millis(10));
    worker.retire(Duration::from_hours(1));
    let end = soon(worker.ended()).await;
    assert_eq!((end.cause, end.expected), (CrashCause::Killed { reason: KillReason::Timeout }, true));
}

#[tokio::test]
async fn one_without_a_channel_is_ended_and_that_is_no_wish_of_ours() {
    let bench = bench(Behaviour::Close);
    let (worker, process) = bench.start().await;
    drop(process.channel.lock().unwrap().take());
    let end = soon(worker.ended()).await;
    assert_eq!((end.cause, end.expected), (CrashCause::ChannelClosed, false));
    assert_eq!(soon(worker.check(true)).await, CheckAnswer::Gone);
}

#[tokio::test]
async fn an_end_of_its_own_is_unexpected_and_known_to_whoever_asks_and_asks_again() {
    let bench = serving(plugin());
    let (worker, process) = bench.start().await;
    let early = worker.ended();
    process.print("why\n");
    process.end(ExitCause::Code(9));
    let end = soon(early).await;
    assert_eq!(
        (&end.cause, end.expected, &end.tail),
        (&CrashCause::Exit { code: 9 }, false, &vec!["why".to_owned()])
    );
    assert_eq!(soon(worker.ended()).await, end);
}

#[tokio::test]
async fn the_last_reference_kills_and_the_directory_still_goes() {
    let bench = serving(plugin());
    let (worker, _process) = bench.start().await;
    let ended = worker.ended();
    drop(worker);
    let end = soon(ended).await;
    assert_eq!((end.cause, end.expected), (CrashCause::Killed { reason: KillReason::Shutdown }, true));
    assert_eq!(bench.leases(), 0);
}

#[tokio::test]
async fn a_check_asks_the_plugin_unless_it_is_busy() {
    let sick = plugin().health(async || {
        HealthReport::of(vec![HealthIssue::new(HealthLevel::Unhealthy, "database", "it is \u{1b}[31mgone")])
    });
    let bench = serving(sick);
    let (worker, _process) = bench.start().await;
    assert_eq!(soon(worker.check(true)).await, CheckAnswer::Healthy);
    let CheckAnswer::Unhealthy(detail) = soon(worker.check(false)).await else { panic!("it is sick") };
    assert!(detail.ends_with("it is gone"), "{detail}");
    bench.end(worker).await;
}

#[tokio::test]
async fn what_it_uses_is_read_while_it_lives() {
    let mut bench = serving(plugin());
    bench.limits.cpu_time = Some(Duration::from_secs(100_000));
    let (worker, process) = bench.start().await;
    let sample = worker.sample();
    assert!(sample.resident.is_some_and(|bytes| bytes > 100_000) && sample.cpu.is_some());
    assert!(!sample.cpu_spent);
    process.end(ExitCause::Code(0));
    soon(worker.ended()).await;
    assert_eq!(worker.sample(), super::super::Sample::default(), "its number may be another's now");
}
