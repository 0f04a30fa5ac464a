//! Worn workers are replaced in the background: the replacement first where there is a slot, else one at a time.

use std::time::Duration;

use plugdock_contracts::backend::RecycleReason;

use super::super::input::CallOver;
use super::super::member::WorkerKey;
use super::stage::{FAR, FINE, Stage, config};

fn worn_after(calls: u64, max: usize) -> Stage {
    Stage::new({
        let mut config = config(0, max);
        config.wear.calls = Some(calls);
        config
    })
}

#[test]
fn below_the_bound_the_replacement_comes_first() {
    let mut stage = worn_after(1, 2);
    let lane = stage.lane("acme/a");
    let call = stage.submit(lane);
    stage.ready(0);
    stage.hush();
    stage.end(call);
    stage.says(&["start w1 of l0"]);
    // It serves until then.
    let second = stage.submit(lane);
    stage.ready(1);
    stage.says(&["t2 gets w0", "w0 recycled: calls"]);
    stage.end(second);
    stage.says(&["retire w0"]);
}

#[test]
fn at_the_bound_the_worn_one_goes_and_the_slot_is_its_lanes() {
    let mut stage = worn_after(1, 1);
    let (a, b) = (stage.lane("acme/a"), stage.lane("acme/b"));
    let call = stage.submit(a);
    stage.ready(0);
    stage.submit(a);
    stage.hush();
    stage.end(call);
    stage.says(&["w0 recycled: calls", "retire w0"]);
    stage.submit(b);
    stage.exit(0);
    stage.ready(1);
    stage.says(&["start w1 of l0", "t2 gets w1"]);
}

#[test]
fn ten_that_are_due_at_once_go_one_by_one() {
    let mut stage = Stage::new({
        let mut config = config(0, 10);
        config.wear.age = Some(Duration::from_mins(10));
        config
    });
    let lane = stage.lane("acme/a");
    let mut stage = stage.with_idle(lane, 10);
    stage.pass(Duration::from_mins(10));
    let (mut next, mut order) = (10, Vec::new());
    loop {
        let said = stage.hush();
        let gone: Vec<&String> = said.iter().filter(|line| line.starts_with("retire")).collect();
        let Some(gone) = gone.first() else { break };
        assert_eq!(said, [format!("w{0} recycled: age", &gone[8..]), (*gone).clone()], "one at a time");
        let worker: u64 = gone[8..].parse().unwrap();
        order.push(worker);
        stage.exit(worker);
        assert_eq!(stage.hush(), [format!("start w{next} of l0")]);
        stage.ready(next);
        next += 1;
    }
    assert_eq!(order, (0..10).collect::<Vec<u64>>());
}

#[test]
fn memory_counts_between_calls_and_what_was_given_back_does_not() {
    let mut stage = Stage::new({
        let mut config = config(0, 2);
        config.wear.memory = Some(100);
        config
    });
    let lane = stage.lane("acme/a");
    let calls = [stage.submit(lane), stage.submit(lane)];
    stage.ready(0);
    stage.ready(1);
    stage.hush();
    stage.over(calls[0], CallOver { resident: Some(100), ..FINE });
    stage.says(&[]);
    stage.over(calls[1], CallOver { resident: Some(101), ..FINE });
    stage.says(&["w1 recycled: memory", "retire w1"]);
}

#[test]
fn an_old_worker_that_has_nothing_to_do_is_replaced_too() {
    let mut stage = Stage::new({
        let mut config = config(0, 1);
        config.wear.age = Some(FAR / 2);
        config
    });
    let lane = stage.lane("acme/a");
    let mut stage = stage.with_idle(lane, 1);
    stage.pass(FAR / 2);
    stage.exit(0);
    stage.says(&["w0 recycled: age", "retire w0", "start w1 of l0"]);
}

#[test]
fn a_replacement_that_does_not_start_leaves_the_old_one_at_work() {
    let mut stage = worn_after(1, 2);
    let lane = stage.lane("acme/a");
    let call = stage.submit(lane);
    stage.ready(0);
    stage.end(call);
    stage.hush();
    stage.fail_start(1, false);
    stage.submit(lane);
    stage.says(&["t2 gets w0"]);
    // When the pause is over, it is tried again.
    stage.pass_ms(100);
    stage.says(&["start w2 of l0"]);
}

#[test]
fn a_replacement_that_is_given_up_replaces_nobody() {
    let mut stage = worn_after(1, 3);
    let lane = stage.lane("acme/a");
    let call = stage.submit(lane);
    stage.ready(0);
    stage.end(call);
    stage.hush();
    stage.scheduler.leave(stage.now, WorkerKey(1), RecycleReason::Resized);
    stage.ready(1);
    // Told twice, because at first there is nobody to be told. Another one is started in its place.
    stage.says(&["w1 recycled: resized", "retire w1", "retire w1", "start w2 of l0"]);
    stage.submit(lane);
    stage.says(&["t2 gets w0"]);
}
