//! Slots between plugins: who gets a free one, who gives one up, and when.

use super::stage::{Stage, TAINTED, config};

#[test]
fn a_slot_comes_from_the_worker_that_has_been_idle_longest() {
    let mut stage = Stage::new(config(0, 3));
    let (a, b) = (stage.lane("acme/a"), stage.lane("acme/b"));
    let calls = [stage.submit(a), stage.submit(a), stage.submit(a)];
    (0..3).for_each(|worker| stage.ready(worker));
    for call in [calls[1], calls[0], calls[2]] {
        stage.end_after(call, 10);
    }
    stage.hush();
    stage.submit(b);
    stage.says(&["w1 recycled: displaced", "retire w1"]);
    stage.exit(1);
    stage.ready(3);
    stage.says(&["start w3 of l1", "t4 gets w3"]);
}

#[test]
fn kept_warm_workers_go_last() {
    let mut stage = Stage::new(config(0, 2));
    let (_warm, a, b) = (stage.warm_lane("acme/w", 1), stage.lane("acme/a"), stage.lane("acme/b"));
    stage.ready(0);
    let call = stage.submit(a);
    stage.ready(1);
    stage.end_after(call, 10);
    stage.hush();
    stage.submit(b);
    stage.says(&["w1 recycled: displaced", "retire w1"]);
    stage.exit(1);
    stage.says(&["start w2 of l2", "forget l1"]);
    // Only when there is no other.
    let c = stage.lane("acme/c");
    stage.submit(c);
    stage.says(&["w0 recycled: displaced", "retire w0"]);
}

#[test]
fn a_displaced_warm_worker_does_not_take_its_slot_back() {
    let mut stage = Stage::new(config(0, 1));
    let (_warm, a) = (stage.warm_lane("acme/w", 1), stage.lane("acme/a"));
    stage.ready(0);
    stage.hush();
    let call = stage.submit(a);
    stage.exit(0);
    stage.ready(1);
    stage.says(&["w0 recycled: displaced", "retire w0", "start w1 of l1", "t1 gets w1"]);
    // When nobody waits any more, and the worker had nothing to do for long enough, the warm one comes back.
    stage.end(call);
    stage.pass(super::stage::FAR);
    stage.exit(1);
    stage.says(&["ask w1", "w1 recycled: idle", "retire w1", "start w2 of l0", "forget l1"]);
}

#[test]
fn a_busy_worker_yields_when_its_turn_is_over() {
    let mut stage = Stage::new(config(0, 1));
    let (a, b) = (stage.lane("acme/a"), stage.lane("acme/b"));
    let first = stage.submit(a);
    stage.ready(0);
    let second = stage.submit(a);
    stage.submit(a);
    stage.submit(b);
    stage.hush();
    stage.end_after(first, 30);
    stage.says(&["t2 gets w0"]);
    stage.end_after(second, 30);
    stage.says(&["w0 recycled: displaced", "retire w0"]);
    stage.exit(0);
    stage.ready(1);
    stage.says(&["start w1 of l1", "t4 gets w1"]);
}

#[test]
fn a_promised_slot_is_not_taken_back_by_who_gave_way() {
    // Two plugins on two slots give way to a third that had neither; each is without a worker for a moment then.
    let mut stage = Stage::new(config(0, 2));
    let lanes = [stage.lane("acme/a"), stage.lane("acme/b"), stage.lane("acme/c")];
    let calls = [stage.submit(lanes[0]), stage.submit(lanes[1])];
    stage.ready(0);
    stage.ready(1);
    for lane in [lanes[0], lanes[1], lanes[2], lanes[2], lanes[2]] {
        stage.submit(lane);
    }
    stage.hush();
    stage.end_after(calls[0], 60);
    stage.end_after(calls[1], 1);
    let said = stage.hush();
    assert!(said.contains(&"retire w0".to_owned()), "{said:?}");
    stage.exit(0);
    stage.says(&["start w2 of l2"]);
}

#[test]
fn the_slot_of_a_worker_that_goes_anyway_is_used_before_another_goes() {
    let mut stage = Stage::new(config(0, 2));
    let (a, b) = (stage.lane("acme/a"), stage.lane("acme/b"));
    let calls = [stage.submit(a), stage.submit(a)];
    stage.ready(0);
    stage.ready(1);
    stage.end(calls[1]);
    stage.over(calls[0], TAINTED);
    stage.hush();
    stage.submit(b);
    stage.says(&[]);
    stage.exit(0);
    stage.says(&["start w2 of l1"]);
}

#[test]
fn a_lane_that_nobody_uses_is_forgotten() {
    let mut stage = Stage::new(config(0, 1));
    let asked_once = stage.lane("acme/a");
    stage.lane("acme/never");
    let call = stage.submit(asked_once);
    stage.cancel(call);
    stage.ready(0);
    stage.hush();
    stage.pass(super::stage::FAR);
    stage.exit(0);
    let said = stage.hush();
    assert!(said.contains(&"forget l0".to_owned()) && said.contains(&"forget l1".to_owned()), "{said:?}");
    assert_eq!(stage.scheduler.next_tick(), None);
}
