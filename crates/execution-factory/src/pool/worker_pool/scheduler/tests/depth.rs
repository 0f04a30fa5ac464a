//! Several calls on one worker, of handlers that say that they may.

use std::time::Duration;

use super::stage::{Ask, GONE, Stage, TAINTED, TAKEN_BACK, config};

const SHARED: Ask = Ask {
    tenant: None,
    priority: plugdock_contracts::request::Priority::Normal,
    bytes: 0,
    patience: None,
    nested: false,
    concurrent: true,
};

fn deep(max: usize) -> Stage {
    Stage::new({
        let mut config = config(0, max);
        config.depth = 2;
        config
    })
}

#[test]
fn concurrent_calls_share_a_worker_up_to_its_depth() {
    let mut stage = deep(1);
    let lane = stage.lane("acme/a");
    let calls: Vec<_> = (0..4).map(|_| stage.ask(lane, &SHARED)).collect();
    stage.ready(0);
    stage.says(&["start w0 of l0", "t1 gets w0", "t2 gets w0"]);
    stage.end(calls[1]);
    stage.says(&["t3 gets w0"]);
}

#[test]
fn the_least_loaded_is_shared_first_and_an_idle_one_before_that() {
    let mut stage = deep(3);
    let lane = stage.lane("acme/a");
    let mut stage = stage.with_idle(lane, 3);
    for _ in 0..5 {
        stage.ask(lane, &SHARED);
    }
    let said = stage.hush();
    assert_eq!(&said[..3], ["t4 gets w2", "t5 gets w1", "t6 gets w0"]);
    assert_eq!(&said[3..], ["t7 gets w0", "t8 gets w1"]);
}

#[test]
fn a_call_that_shares_with_none_has_its_worker_alone() {
    let mut stage = deep(1);
    let lane = stage.lane("acme/a");
    let alone = stage.submit(lane);
    stage.ready(0);
    stage.ask(lane, &SHARED);
    stage.says(&["start w0 of l0", "t1 gets w0"]);
    stage.end(alone);
    stage.submit(lane);
    stage.says(&["t2 gets w0"]);
}

#[test]
fn who_shares_does_not_overtake_who_does_not() {
    let mut stage = deep(1);
    let lane = stage.lane("acme/a");
    let first = stage.ask(lane, &SHARED);
    stage.ready(0);
    let alone = stage.submit(lane);
    stage.ask(lane, &SHARED);
    stage.hush();
    stage.end(first);
    stage.says(&["t2 gets w0"]);
    stage.end(alone);
    stage.says(&["t3 gets w0"]);
}

#[test]
fn when_the_one_that_shares_with_none_goes_the_next_may_share_at_once() {
    let mut stage = deep(1);
    let lane = stage.lane("acme/a");
    stage.ask(lane, &SHARED);
    stage.ready(0);
    let gives_up = stage.submit(lane);
    stage.ask(lane, &SHARED);
    stage.hush();
    stage.cancel(gives_up);
    stage.says(&["t3 gets w0"]);
}

#[test]
fn the_same_when_its_time_is_over() {
    let mut stage = deep(1);
    let lane = stage.lane("acme/a");
    stage.ask(lane, &SHARED);
    stage.ready(0);
    stage.ask(lane, &Ask { patience: Some(Duration::from_millis(5)), ..Ask::default() });
    stage.ask(lane, &SHARED);
    stage.hush();
    stage.pass_ms(5);
    stage.says(&["t2 refused: waited 5 ms", "t3 gets w0"]);
}

#[test]
fn a_tainted_worker_finishes_its_other_calls() {
    let mut stage = deep(1);
    let lane = stage.lane("acme/a");
    let calls: Vec<_> = (0..3).map(|_| stage.ask(lane, &SHARED)).collect();
    stage.ready(0);
    stage.hush();
    stage.over(calls[0], TAINTED);
    stage.says(&["w0 recycled: tainted"]);
    stage.end(calls[1]);
    stage.exit(0);
    stage.says(&["retire w0", "start w1 of l0"]);
}

#[test]
fn a_dying_worker_gets_back_none_of_what_it_lost() {
    let mut stage = deep(1);
    let lane = stage.lane("acme/a");
    let calls = [stage.ask(lane, &SHARED), stage.ask(lane, &SHARED)];
    stage.ready(0);
    stage.hush();
    stage.over(calls[0], TAKEN_BACK);
    stage.over(calls[1], GONE);
    stage.crash(0);
    stage.says(&[]);
    stage.pass_ms(100);
    stage.says(&["start w1 of l0"]);
    stage.ready(1);
    stage.says(&["t1 gets w1"]);
}

#[test]
fn a_worker_that_gives_way_with_calls_left_keeps_nobody_from_another_slot() {
    let mut stage = deep(2);
    let (a, b) = (stage.lane("acme/a"), stage.lane("acme/b"));
    let long = stage.ask(a, &SHARED);
    stage.ready(0);
    let short = stage.ask(a, &SHARED);
    let other = stage.submit(a);
    stage.ready(1);
    // One more for each, so that both workers have something to go on with.
    stage.submit(a);
    stage.submit(b);
    stage.hush();
    stage.end_after(short, 60);
    stage.says(&["w0 recycled: displaced"]);
    // The first one's other call goes on for long. The second one is free, and goes in its place.
    stage.end_after(other, 60);
    stage.exit(1);
    stage.says(&["w1 recycled: displaced", "retire w1", "start w2 of l1"]);
    // Then the first one's slot is for whoever waits, not for that lane.
    stage.end_after(long, 1000);
    stage.exit(0);
    stage.says(&["retire w0", "start w3 of l0"]);
}
