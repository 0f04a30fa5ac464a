//! Workers that die or do not start: pauses, quarantine, and who is told what.

use std::time::Duration;

use super::super::input::{Again, CallOver, Refused};
use super::super::member::WorkerKey;
use super::stage::{FINE, GONE, Stage, TAKEN_BACK, config};

const QUARANTINE: Duration = Duration::from_secs(30);

fn strict(limit: u32) -> Stage {
    Stage::new({
        let mut config = config(0, 3);
        config.breaker.limit = limit;
        config
    })
}

#[test]
fn after_a_crash_the_next_start_waits() {
    let mut stage = strict(3);
    let lane = stage.lane("acme/a");
    let call = stage.submit(lane);
    stage.ready(0);
    stage.over(call, GONE);
    stage.crash(0);
    stage.hush();
    stage.submit(lane);
    stage.says(&[]);
    stage.pass_ms(100);
    stage.says(&["start w1 of l0"]);
}

#[test]
fn another_plugin_does_not_wait_for_that() {
    let mut stage = strict(3);
    let (a, b) = (stage.lane("acme/a"), stage.lane("acme/b"));
    stage.submit(a);
    stage.fail_start(0, false);
    stage.submit(a);
    stage.hush();
    stage.submit(b);
    stage.says(&["start w1 of l1"]);
}

#[test]
fn calls_may_end_before_or_after_their_worker() {
    for exit_first in [false, true] {
        let mut stage = strict(3);
        let lane = stage.lane("acme/a");
        let calls = [stage.submit(lane), stage.submit(lane)];
        stage.ready(0);
        stage.hush();
        if exit_first {
            stage.crash(0);
            stage.over(calls[0], TAKEN_BACK);
        } else {
            stage.over(calls[0], TAKEN_BACK);
            stage.crash(0);
        }
        stage.ready(1);
        let said = stage.hush();
        assert_eq!(said.last().map(String::as_str), Some("t1 gets w1"), "{said:?}");
        stage.end(calls[0]);
        stage.says(&["t2 gets w1"]);
    }
}

#[test]
fn a_passing_failure_of_a_start_is_told_to_the_oldest() {
    let mut stage = strict(3);
    let lane = stage.lane("acme/a");
    stage.submit(lane);
    stage.submit(lane);
    stage.hush();
    stage.fail_start(1, false);
    stage.fail_start(0, false);
    stage.says(&["t1 refused: w1 did not start", "t2 refused: w0 did not start"]);
}

#[test]
fn while_a_worker_serves_nobody_is_refused_for_that() {
    let mut stage = strict(5);
    let lane = stage.lane("acme/a");
    let first = stage.submit(lane);
    stage.ready(0);
    stage.submit(lane);
    stage.hush();
    stage.fail_start(1, false);
    stage.end(first);
    stage.says(&["t2 gets w0"]);
}

#[test]
fn a_failure_for_good_is_told_to_all() {
    let mut stage = strict(3);
    let lane = stage.lane("acme/a");
    stage.submit(lane);
    stage.submit(lane);
    stage.hush();
    stage.fail_start(0, true);
    stage.says(&["t1 refused: w0 did not start", "t2 refused: w0 did not start"]);
}

#[test]
fn too_many_are_a_quarantine_then_one_trial_then_release() {
    let mut stage = strict(1);
    let lane = stage.lane("acme/a");
    stage.submit(lane);
    stage.submit(lane);
    stage.submit(lane);
    stage.hush();
    stage.fail_start(0, false);
    stage.says(&[
        "t1 refused: w0 did not start",
        "l0 quarantined",
        "t2 refused: quarantined",
        "t3 refused: quarantined",
    ]);
    match stage.try_ask(lane, &super::stage::Ask::default()) {
        Err(Refused::Quarantined { exits, retry_after }) => {
            assert_eq!((exits, retry_after), (vec!["no such file".to_owned()], QUARANTINE));
        }
        other => panic!("{other:?}"),
    }
    // Those that were being started go on: they are not to blame yet.
    for worker in [1, 2] {
        stage.fail_start(worker, false);
    }
    stage.hush();
    stage.pass(QUARANTINE * 2);
    let trial = stage.submit(lane);
    stage.submit(lane);
    stage.says(&["start w3 of l0"]);
    stage.ready(3);
    stage.end(trial);
    stage.says(&["t5 gets w3", "l0 released", "t6 gets w3"]);
}

#[test]
fn a_trial_that_fails_quarantines_for_twice_as_long() {
    let mut stage = strict(1);
    let lane = stage.lane("acme/a");
    stage.submit(lane);
    stage.fail_start(0, false);
    stage.pass(QUARANTINE);
    stage.submit(lane);
    stage.hush();
    stage.fail_start(1, false);
    stage.says(&["t2 refused: w1 did not start", "l0 quarantined"]);
    stage.pass(Duration::from_millis(59_999));
    assert!(stage.try_ask(lane, &super::stage::Ask::default()).is_err());
    stage.pass_ms(1);
    stage.submit(lane);
    stage.says(&["start w2 of l0"]);
}

#[test]
fn a_trial_that_is_given_up_leaves_the_next_one() {
    let mut stage = strict(1);
    let lane = stage.lane("acme/a");
    stage.submit(lane);
    stage.fail_start(0, false);
    stage.pass(QUARANTINE);
    stage.submit(lane);
    stage.scheduler.leave(stage.now, WorkerKey(1), plugdock_contracts::backend::RecycleReason::Resized);
    stage.listen();
    stage.hush();
    stage.exit(1);
    stage.says(&["start w2 of l0"]);
}

#[test]
fn what_an_older_worker_does_well_ends_no_quarantine() {
    let mut stage = strict(1);
    let lane = stage.lane("acme/a");
    let old = stage.submit(lane);
    stage.ready(0);
    stage.submit(lane);
    stage.fail_start(1, false);
    stage.pass(QUARANTINE);
    stage.submit(lane);
    stage.hush();
    stage.end(old);
    let said = stage.hush();
    assert!(!said.contains(&"l0 released".to_owned()), "{said:?}");
}

#[test]
fn who_waits_for_the_last_worker_of_a_quarantined_plugin_is_refused_when_it_goes() {
    let mut stage = strict(1);
    let lane = stage.lane("acme/a");
    let running = stage.submit(lane);
    stage.ready(0);
    stage.submit(lane);
    stage.fail_start(1, false);
    stage.submit(lane);
    stage.hush();
    stage.over(running, GONE);
    let said = stage.hush();
    assert_eq!(said, ["t2 refused: quarantined", "t3 refused: quarantined"]);
}

#[test]
fn one_that_cannot_be_started_for_now_is_not_its_plugins_fault() {
    let mut stage = strict(1);
    let lane = stage.lane("acme/a");
    stage.submit(lane);
    stage.submit(lane);
    stage.hush();
    for worker in [0, 1] {
        stage.scheduler.start_postponed(stage.now, WorkerKey(worker), Duration::from_millis(40));
        stage.listen();
    }
    stage.submit(lane);
    stage.says(&["t1 refused: w0 did not start", "t2 refused: w1 did not start"]);
    stage.pass_ms(40);
    stage.says(&["start w2 of l0"]);
    // Not even for a moment: there is no timer to wait for then.
    stage.submit(lane);
    stage.hush();
    stage.scheduler.start_postponed(stage.now, WorkerKey(2), Duration::ZERO);
    stage.listen();
    let said = stage.hush();
    assert!(said.iter().any(|line| line.starts_with("t3 refused")), "{said:?}");
    assert!(stage.scheduler.members.len() == 1, "{said:?}");
}

#[test]
fn an_idempotent_call_is_tried_again_at_its_place() {
    let mut stage = strict(3);
    let lane = stage.lane("acme/a");
    let call = stage.submit(lane);
    stage.ready(0);
    stage.hush();
    stage.over(call, CallOver { again: Again::Retried, ..GONE });
    stage.exit(0);
    stage.ready(1);
    stage.over(call, FINE);
    stage.says(&["start w1 of l0", "w0 recycled: tainted", "t1 gets w1"]);
}

#[test]
fn a_worker_that_died_with_the_spawner_is_a_crash_and_nothing_else() {
    let mut stage = strict(1);
    let lane = stage.lane("acme/a");
    let mut stage = stage.with_idle(lane, 1);
    stage.scheduler.lost(stage.now, WorkerKey(0));
    stage.listen();
    stage.says(&["forget l0"]);
    let mut stats = plugdock_contracts::stats::BackendStats::default();
    stage.scheduler.fill(stage.now, &mut stats);
    assert_eq!((stats.crashed, stats.pool.unwrap().recycled), (1, std::collections::BTreeMap::new()));
}
