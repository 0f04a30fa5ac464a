//! What stays of a pool that has little to do: `min` workers in all, and the warm ones of each lane.

use std::time::Duration;

use super::stage::{Stage, config};

fn restful(min: usize, max: usize) -> Stage {
    Stage::new({
        let mut config = config(min, max);
        config.idle_after = Duration::from_mins(1);
        config
    })
}

#[test]
fn idle_workers_go_until_min_stay() {
    let mut stage = restful(2, 5);
    let lane = stage.lane("acme/a");
    let mut stage = stage.with_idle(lane, 5);
    stage.pass(Duration::from_secs(59));
    stage.says(&[]);
    stage.pass(Duration::from_secs(1));
    let said = stage.hush();
    assert_eq!(said.iter().filter(|line| line.ends_with("recycled: idle")).count(), 3, "{said:?}");
    stage.pass(Duration::from_hours(2));
    assert!(!stage.hush().iter().any(|line| line.contains("recycled")));
}

#[test]
fn a_call_begins_the_time_anew() {
    let mut stage = restful(0, 1);
    let lane = stage.lane("acme/a");
    let mut stage = stage.with_idle(lane, 1);
    stage.pass(Duration::from_secs(50));
    let call = stage.submit(lane);
    stage.end(call);
    stage.pass(Duration::from_secs(59));
    stage.says(&["t2 gets w0"]);
    stage.pass(Duration::from_secs(1));
    stage.says(&["w0 recycled: idle", "retire w0"]);
}

#[test]
fn warm_workers_are_started_at_once_and_stay() {
    let mut stage = restful(0, 3);
    stage.warm_lane("acme/w", 2);
    stage.says(&["start w0 of l0", "start w1 of l0"]);
    stage.ready(0);
    stage.ready(1);
    stage.pass(Duration::from_mins(50));
    stage.says(&[]);
}

#[test]
fn a_warm_worker_that_is_gone_is_replaced() {
    let mut stage = restful(1, 1);
    stage.warm_lane("acme/w", 1);
    stage.ready(0);
    stage.hush();
    stage.crash(0);
    stage.says(&[]);
    stage.pass_ms(100);
    stage.says(&["start w1 of l0"]);
}

#[test]
fn a_spare_worker_goes_below_min_for_a_warm_one_that_is_missing() {
    let mut stage = restful(2, 2);
    let (_warm, other) = (stage.warm_lane("acme/w", 2), stage.lane("acme/a"));
    stage.ready(0);
    stage.ready(1);
    let call = stage.submit(other);
    stage.exit(0);
    stage.ready(2);
    stage.end(call);
    stage.hush();
    stage.pass(Duration::from_mins(2));
    stage.exit(2);
    let said = stage.hush();
    assert_eq!(said, ["w2 recycled: idle", "retire w2", "start w3 of l0", "forget l1"]);
}
