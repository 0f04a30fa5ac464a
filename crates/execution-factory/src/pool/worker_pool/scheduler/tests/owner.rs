//! What the pool's owner does to it: resize, reload, stop.

use super::super::input::Refused;
use super::stage::{Ask, Stage, config};

#[test]
fn a_smaller_pool_sends_those_away_first_that_have_nothing_to_do() {
    let mut stage = Stage::new(config(0, 4));
    let lane = stage.lane("acme/a");
    let mut stage = stage.with_idle(lane, 2);
    stage.submit(lane);
    let busy = stage.submit(lane);
    stage.submit(lane);
    stage.hush();
    // Two busy, one that is started.
    stage.resize(0, 1);
    stage.says(&["resized 0..1", "w2 recycled: resized", "retire w2", "w0 recycled: resized"]);
    stage.end(busy);
    stage.says(&["retire w0"]);
    // Nobody new comes while there are too many.
    stage.exit(0);
    stage.exit(2);
    stage.says(&[]);
}

#[test]
fn a_larger_pool_starts_workers_for_who_waits() {
    let mut stage = Stage::new(config(0, 1));
    let lane = stage.lane("acme/a");
    stage.submit(lane);
    stage.submit(lane);
    stage.submit(lane);
    stage.hush();
    stage.resize(0, 2);
    stage.says(&["resized 0..2", "start w1 of l0"]);
}

#[test]
fn a_replaced_program_drains() {
    let mut stage = Stage::new(config(0, 4));
    let old = stage.lane("acme/a");
    let mut stage = stage.with_idle(old, 2);
    let running = stage.submit(old);
    let (second, third, fourth) = (stage.submit(old), stage.submit(old), stage.submit(old));
    stage.ready(2);
    let new = stage.lane("acme/a");
    stage.hush();
    // Three busy, one that is started, one who waits for it.
    stage.close(old);
    let said = stage.hush();
    assert_eq!(said[0], "t6 refused: stale");
    assert_eq!(said.iter().filter(|line| line.ends_with("recycled: reloaded")).count(), 4);
    assert_eq!(said.iter().filter(|line| line.starts_with("retire")).collect::<Vec<_>>(), ["retire w3"]);
    assert_eq!(stage.try_ask(old, &Ask::default()), Err(Refused::Stale));
    // The first slot that becomes free is the new program's.
    stage.submit(new);
    stage.exit(3);
    stage.says(&["start w4 of l1"]);
    for call in [running, second, third] {
        stage.end(call);
    }
    for worker in 0..3 {
        stage.exit(worker);
    }
    let said = stage.hush();
    assert_eq!(said.last().map(String::as_str), Some("forget l0"), "{said:?} {fourth:?}");
}

#[test]
fn stop_refuses_who_waits_and_ends_everything() {
    let mut stage = Stage::new(config(0, 3));
    let (a, b) = (stage.lane("acme/a"), stage.lane("acme/b"));
    let busy = stage.submit(a);
    let idle = stage.submit(a);
    stage.ready(0);
    stage.ready(1);
    stage.end(idle);
    stage.submit(b);
    stage.submit(b);
    let nested = stage.ask(b, &Ask { nested: true, ..Ask::default() });
    stage.hush();
    stage.stop();
    let said = stage.hush();
    for wanted in ["t3 refused: shutting down", "t4 refused: shutting down", "kill w0", "retire w2"] {
        assert!(said.contains(&wanted.to_owned()), "{wanted} is missing in {said:?}");
    }
    assert!(said.contains(&format!("t{} refused: shutting down", nested.0)), "{said:?}");
    assert_eq!(stage.try_ask(a, &Ask::default()), Err(Refused::ShuttingDown));
    for worker in [1, 2, 3] {
        stage.exit(worker);
    }
    assert!(!stage.scheduler.is_empty());
    stage.exit(0);
    stage.over(busy, super::stage::GONE);
    assert!(stage.scheduler.is_empty());
    let said = stage.hush();
    assert!(said.contains(&"forget l0".to_owned()) && said.contains(&"forget l1".to_owned()), "{said:?}");
    // A second time nothing follows.
    stage.stop();
    stage.says(&[]);
}

#[test]
fn a_worker_that_is_ready_after_the_stop_is_sent_away() {
    let mut stage = Stage::new(config(0, 1));
    let lane = stage.lane("acme/a");
    stage.submit(lane);
    stage.stop();
    stage.hush();
    stage.ready(0);
    stage.says(&["retire w0"]);
    stage.exit(0);
    assert!(stage.scheduler.is_empty());
}

#[test]
fn what_is_quarantined_is_named_once_a_plugin() {
    let mut stage = Stage::new({
        let mut config = config(0, 4);
        config.breaker.limit = 1;
        config
    });
    let lanes = [stage.lane("acme/a"), stage.lane("acme/b"), stage.lane("acme/a")];
    for (worker, lane) in (0..).zip(lanes) {
        stage.submit(lane);
        stage.fail_start(worker, false);
    }
    let mut stats = plugdock_contracts::stats::BackendStats::default();
    stage.scheduler.fill(stage.now, &mut stats);
    assert_eq!(stats.pool.unwrap().quarantined, ["acme/a", "acme/b"]);
}

#[test]
fn a_worker_that_was_started_for_a_nested_execution_goes_after_it_when_there_are_too_many() {
    let mut stage = Stage::new(config(0, 2));
    let (a, b) = (stage.lane("acme/a"), stage.lane("acme/b"));
    let nested = Ask { nested: true, ..Ask::default() };
    let calls = [stage.ask(a, &nested), stage.ask(a, &nested)];
    stage.resize(0, 1);
    stage.submit(b);
    stage.ready(0);
    stage.ready(1);
    stage.hush();
    stage.end(calls[0]);
    stage.says(&["w0 recycled: resized", "retire w0"]);
    stage.exit(0);
    stage.end(calls[1]);
    stage.exit(1);
    stage.says(&["w1 recycled: displaced", "retire w1", "start w2 of l1", "forget l0"]);
}
