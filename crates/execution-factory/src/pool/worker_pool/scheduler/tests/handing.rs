//! A worker that becomes free goes to the next waiter, at once and in order. Rows of what the pool that this one replaces
//! did wrong, with what a user expects.

use std::time::Duration;

use plugdock_contracts::request::Priority;

use super::stage::{Ask, FAR, Stage, TAKEN_BACK, config};

#[test]
fn a_short_call_behind_a_long_one_runs_as_soon_as_that_ends() {
    let mut stage = Stage::new(config(1, 1));
    let lane = stage.lane("acme/a");
    let long = stage.submit(lane);
    stage.ready(0);
    let short = stage.ask(lane, &Ask { patience: Some(Duration::from_secs(5)), ..Ask::default() });
    stage.says(&["start w0 of l0", "t1 gets w0"]);
    stage.end_after(long, 200);
    stage.says(&["t2 gets w0"]);
    stage.end_after(short, 10);
    stage.says(&[]);
}

#[test]
fn fifty_short_calls_on_two_workers_all_run_in_order() {
    let mut stage = Stage::new(config(2, 2));
    let lane = stage.lane("acme/a");
    let ask = Ask { patience: Some(Duration::from_secs(5)), ..Ask::default() };
    let calls: Vec<_> = (0..50).map(|_| stage.ask(lane, &ask)).collect();
    stage.ready(0);
    stage.ready(1);
    for call in calls {
        stage.end_after(call, 5);
    }
    let granted: Vec<String> = stage.hush().into_iter().filter(|line| line.contains("gets")).collect();
    let order: Vec<u64> =
        granted.iter().map(|line| line[1..].split_once(' ').unwrap().0.parse().unwrap()).collect();
    assert_eq!(order, (1..=50).collect::<Vec<u64>>());
}

#[test]
fn waiting_ends_with_the_grant_however_long_the_call_runs() {
    let mut stage = Stage::new(config(0, 1));
    let lane = stage.lane("acme/a");
    let call = stage.ask(lane, &Ask { patience: Some(Duration::from_secs(5)), ..Ask::default() });
    stage.pass_ms(4000);
    stage.ready(0);
    stage.pass_ms(7000);
    stage.end(call);
    stage.says(&["start w0 of l0", "t1 gets w0"]);
}

#[test]
fn who_waited_too_long_is_told_how_long() {
    let mut stage = Stage::new(config(0, 1));
    let lane = stage.lane("acme/a");
    let first = stage.submit(lane);
    stage.ask(lane, &Ask { patience: Some(Duration::from_millis(20)), ..Ask::default() });
    stage.ready(0);
    stage.pass_ms(20);
    stage.end(first);
    stage.says(&["start w0 of l0", "t1 gets w0", "t2 refused: waited 20 ms"]);
}

#[test]
fn a_newcomer_does_not_overtake_who_waits() {
    let mut stage = Stage::new(config(0, 1));
    let lane = stage.lane("acme/a");
    let first = stage.submit(lane);
    stage.ready(0);
    stage.submit(lane);
    stage.submit(lane);
    stage.end(first);
    stage.says(&["start w0 of l0", "t1 gets w0", "t2 gets w0"]);
}

#[test]
fn the_urgent_go_first_and_waiting_makes_urgent() {
    let mut stage = Stage::new({
        let mut config = config(0, 1);
        config.queue.age_after = Duration::from_millis(100);
        config
    });
    let lane = stage.lane("acme/a");
    let running = stage.submit(lane);
    stage.ready(0);
    let ask = |priority| Ask { priority, ..Ask::default() };
    let low = stage.ask(lane, &ask(Priority::Low));
    let normal = stage.ask(lane, &ask(Priority::Normal));
    stage.hush();
    stage.pass_ms(210);
    let high = stage.ask(lane, &ask(Priority::High));
    for call in [running, low, normal, high] {
        stage.end(call);
    }
    stage.says(&["t2 gets w0", "t3 gets w0", "t4 gets w0"]);
}

#[test]
fn who_gives_up_leaves_the_place_to_the_next() {
    let mut stage = Stage::new(config(0, 1));
    let lane = stage.lane("acme/a");
    let calls = [stage.submit(lane), stage.submit(lane), stage.submit(lane)];
    stage.ready(0);
    stage.hush();
    assert!(stage.cancel(calls[1]));
    assert!(!stage.cancel(calls[0]), "it runs");
    assert!(!stage.cancel(calls[1]), "it is over");
    stage.end(calls[0]);
    stage.says(&["t3 gets w0"]);
}

#[test]
fn what_is_taken_back_keeps_its_place() {
    let mut stage = Stage::new(config(0, 1));
    let lane = stage.lane("acme/a");
    let first = stage.submit(lane);
    stage.submit(lane);
    stage.ready(0);
    stage.over(first, TAKEN_BACK);
    stage.crash(0);
    stage.hush();
    stage.pass_ms(100);
    stage.ready(1);
    stage.end(first);
    stage.says(&["start w1 of l0", "t1 gets w1", "t2 gets w1"]);
}

#[test]
fn what_is_taken_back_waits_for_as_long_as_at_first() {
    let mut stage = Stage::new(config(0, 1));
    let lane = stage.lane("acme/a");
    let call = stage.ask(lane, &Ask { patience: Some(Duration::from_secs(1)), ..Ask::default() });
    stage.ready(0);
    stage.pass_ms(5000);
    stage.over(call, TAKEN_BACK);
    stage.crash(0);
    stage.pass_ms(990);
    stage.ready(1);
    stage.says(&["start w0 of l0", "t1 gets w0", "start w1 of l0", "t1 gets w1"]);
}

#[test]
fn the_pool_grows_only_as_far_as_somebody_waits() {
    let mut stage = Stage::new(config(0, 3));
    let lane = stage.lane("acme/a");
    let first = stage.submit(lane);
    stage.ready(0);
    stage.end(first);
    stage.submit(lane);
    stage.submit(lane);
    stage.submit(lane);
    stage.submit(lane);
    stage.says(&["start w0 of l0", "t1 gets w0", "t2 gets w0", "start w1 of l0", "start w2 of l0"]);
    stage.pass(FAR / 2);
    stage.says(&[]);
}
