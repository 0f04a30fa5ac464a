//! Limits and caps: who is not let in, and who waits for others of its own.

use super::super::input::Refused;
use super::stage::{Ask, Stage, config};
use crate::pool::queue::{CapPolicy, Part};

#[track_caller]
fn is_full(refused: Result<crate::pool::queue::Ticket, Refused>, part: Part) {
    match refused {
        Err(Refused::Full { full, .. }) => assert_eq!(full.part, part),
        other => panic!("{other:?}"),
    }
}

fn of_tenant(tenant: &'static str) -> Ask {
    Ask { tenant: Some(tenant), ..Ask::default() }
}

#[test]
fn one_runs_three_wait_and_the_fifth_is_refused() {
    let mut stage = Stage::new({
        let mut config = config(1, 1);
        config.queue.limit = 3;
        config
    });
    let lane = stage.lane("acme/a");
    stage.submit(lane);
    stage.ready(0);
    for _ in 0..3 {
        stage.submit(lane);
    }
    is_full(stage.try_ask(lane, &Ask::default()), Part::Count);
    stage.says(&["start w0 of l0", "t1 gets w0"]);
}

#[test]
fn a_queue_without_places_lets_in_whom_a_worker_is_started_for() {
    let mut stage = Stage::new({
        let mut config = config(0, 2);
        (config.queue.limit, config.queue.plugin_cap) = (0, Some(1));
        config
    });
    let (a, b) = (stage.lane("acme/a"), stage.lane("acme/b"));
    stage.submit(a);
    is_full(stage.try_ask(a, &Ask::default()), Part::Count);
    stage.ready(0);
    // There is a slot, but the plugin has as many calls running as it may.
    is_full(stage.try_ask(a, &Ask::default()), Part::Count);
    stage.submit(b);
    is_full(stage.try_ask(b, &Ask::default()), Part::Count);
    stage.says(&["start w0 of l0", "t1 gets w0", "start w1 of l1"]);
}

#[test]
fn bytes_are_counted() {
    let mut stage = Stage::new(config(0, 1));
    let lane = stage.lane("acme/a");
    stage.ask(lane, &Ask { bytes: 900, ..Ask::default() });
    is_full(stage.try_ask(lane, &Ask { bytes: 101, ..Ask::default() }), Part::Bytes);
    stage.ready(0);
    stage.ask(lane, &Ask { bytes: 101, ..Ask::default() });
}

#[test]
fn a_plugin_at_its_cap_waits_while_others_run() {
    let mut stage = Stage::new({
        let mut config = config(0, 4);
        config.queue.plugin_cap = Some(2);
        config
    });
    let (a, b) = (stage.lane("acme/a"), stage.lane("acme/b"));
    let calls = [stage.submit(a), stage.submit(a), stage.submit(a)];
    stage.ready(0);
    stage.ready(1);
    stage.submit(b);
    stage.ready(2);
    stage.says(&[
        "start w0 of l0",
        "start w1 of l0",
        "t1 gets w0",
        "t2 gets w1",
        "start w2 of l1",
        "t4 gets w2",
    ]);
    stage.end(calls[1]);
    stage.says(&["t3 gets w1"]);
}

#[test]
fn a_tenant_at_its_cap_keeps_no_other_waiting() {
    let mut stage = Stage::new({
        let mut config = config(0, 2);
        config.queue.tenant_cap = Some(1);
        config
    });
    let lane = stage.lane("acme/a");
    let calls = [
        stage.ask(lane, &of_tenant("one")),
        stage.ask(lane, &of_tenant("one")),
        stage.ask(lane, &of_tenant("two")),
    ];
    stage.ready(0);
    stage.ready(1);
    stage.says(&["start w0 of l0", "start w1 of l0", "t1 gets w0", "t3 gets w1"]);
    stage.end(calls[2]);
    stage.says(&[]);
    stage.end(calls[0]);
    // By the worker that was idle already.
    stage.says(&["t2 gets w1"]);
}

#[test]
fn a_tenants_next_call_is_woken_in_another_lane() {
    let mut stage = Stage::new({
        let mut config = config(0, 2);
        config.queue.tenant_cap = Some(1);
        config
    });
    let (a, b) = (stage.lane("acme/a"), stage.lane("acme/b"));
    let warm_up = stage.submit(b);
    stage.ready(0);
    stage.end(warm_up);
    let first = stage.ask(a, &of_tenant("one"));
    stage.ready(1);
    stage.ask(b, &of_tenant("one"));
    stage.hush();
    stage.end(first);
    stage.says(&["t3 gets w0"]);
}

#[test]
fn caps_may_reject() {
    let mut stage = Stage::new({
        let mut config = config(0, 4);
        (config.queue.plugin_cap, config.queue.tenant_cap) = (Some(2), Some(1));
        config.queue.on_cap = CapPolicy::Reject;
        config
    });
    let lane = stage.lane("acme/a");
    let first = stage.ask(lane, &of_tenant("one"));
    stage.ready(0);
    is_full(stage.try_ask(lane, &of_tenant("one")), Part::TenantCap);
    stage.ask(lane, &of_tenant("two"));
    stage.ready(1);
    is_full(stage.try_ask(lane, &of_tenant("three")), Part::PluginCap);
    stage.end(first);
    stage.ask(lane, &of_tenant("one"));
}
