//! Nested executions wait for nobody: whoever they would wait for may be waiting for them.

use super::super::input::Refused;
use super::stage::{Ask, GONE, Stage, TAKEN_BACK, config};

const NESTED: Ask = Ask {
    tenant: None,
    priority: plugdock_contracts::request::Priority::Normal,
    bytes: 0,
    patience: None,
    nested: true,
    concurrent: false,
};

#[test]
fn a_nested_request_has_a_worker_started_beyond_the_bounds() {
    let mut stage = Stage::new(config(0, 1));
    let lane = stage.lane("acme/a");
    stage.submit(lane);
    stage.ready(0);
    stage.submit(lane);
    let nested = stage.ask(lane, &NESTED);
    stage.ready(1);
    stage.says(&["start w0 of l0", "t1 gets w0", "start w1 of l0", "t3 gets w1"]);
    // Nobody else gets it, not even who waits.
    stage.end(nested);
    stage.says(&["w1 recycled: surplus", "retire w1"]);
}

#[test]
fn one_becomes_a_worker_within_the_bounds_when_there_is_a_slot() {
    let mut stage = Stage::new(config(0, 1));
    let lane = stage.lane("acme/a");
    let first = stage.submit(lane);
    stage.ready(0);
    stage.submit(lane);
    let nested = stage.ask(lane, &NESTED);
    stage.ready(1);
    stage.over(first, GONE);
    stage.crash(0);
    stage.hush();
    stage.end(nested);
    stage.says(&["t2 gets w1"]);
}

#[test]
fn a_free_worker_is_taken_before_one_is_started() {
    let mut stage = Stage::new(config(0, 2));
    let lane = stage.lane("acme/a");
    let mut stage = stage.with_idle(lane, 1);
    stage.ask(lane, &NESTED);
    stage.says(&["t2 gets w0"]);
}

#[test]
fn they_have_a_bound_of_their_own() {
    let mut stage = Stage::new(config(0, 1));
    let lane = stage.lane("acme/a");
    stage.submit(lane);
    stage.ask(lane, &NESTED);
    stage.ask(lane, &NESTED);
    assert_eq!(stage.try_ask(lane, &NESTED), Err(Refused::TooManyNested { limit: 2 }));
}

#[test]
fn the_start_for_a_cancelled_one_is_given_up() {
    let mut stage = Stage::new(config(0, 1));
    let lane = stage.lane("acme/a");
    stage.submit(lane);
    let nested = stage.ask(lane, &NESTED);
    stage.hush();
    assert!(stage.cancel(nested));
    stage.says(&["w1 recycled: surplus", "retire w1"]);
    stage.exit(1);
    stage.ready(0);
    stage.says(&["t1 gets w0"]);
}

#[test]
fn within_the_bounds_it_serves_whoever_comes() {
    let mut stage = Stage::new(config(0, 1));
    let lane = stage.lane("acme/a");
    let nested = stage.ask(lane, &NESTED);
    stage.cancel(nested);
    stage.submit(lane);
    stage.ready(0);
    stage.says(&["start w0 of l0", "t2 gets w0"]);
}

#[test]
fn one_that_is_taken_back_gets_another_worker() {
    let mut stage = Stage::new(config(0, 1));
    let lane = stage.lane("acme/a");
    stage.submit(lane);
    let nested = stage.ask(lane, &NESTED);
    stage.ready(1);
    stage.hush();
    stage.over(nested, TAKEN_BACK);
    stage.ready(2);
    stage.says(&["start w2 of l0", "t2 gets w2"]);
}

#[test]
fn a_start_that_fails_is_told_to_whom_it_was_for() {
    let mut stage = Stage::new(config(0, 2));
    let lane = stage.lane("acme/a");
    stage.submit(lane);
    stage.ask(lane, &NESTED);
    stage.hush();
    stage.fail_start(1, false);
    stage.says(&["t2 refused: w1 did not start"]);
}

#[test]
fn in_half_open_quarantine_no_second_worker_is_started() {
    let mut stage = Stage::new({
        let mut config = config(0, 4);
        config.breaker.limit = 1;
        config
    });
    let lane = stage.lane("acme/a");
    stage.submit(lane);
    stage.fail_start(0, false);
    stage.pass(std::time::Duration::from_secs(30));
    stage.submit(lane);
    assert!(matches!(stage.try_ask(lane, &NESTED), Err(Refused::Quarantined { .. })));
}

#[test]
fn a_worker_beyond_the_bounds_is_shared_with_nobody() {
    let mut stage = Stage::new({
        let mut config = config(0, 1);
        config.depth = 4;
        config
    });
    let lane = stage.lane("acme/a");
    stage.submit(lane);
    stage.ready(0);
    stage.ask(lane, &Ask { concurrent: true, ..Ask::default() });
    let nested = stage.ask(lane, &Ask { concurrent: true, ..NESTED });
    stage.hush();
    stage.ready(1);
    stage.says(&["t3 gets w1"]);
    stage.end(nested);
    stage.says(&["w1 recycled: surplus", "retire w1"]);
}
