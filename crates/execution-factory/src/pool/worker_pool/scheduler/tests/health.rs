//! Workers are asked how they are; one that just took work is not killed for what it did not answer.

use std::time::Duration;

use super::super::member::WorkerKey;
use super::stage::{Stage, config};
use crate::pool::lifecycle::Answer;

const EVERY: Duration = Duration::from_secs(10);

fn watched() -> Stage {
    let mut stage = Stage::new({
        let mut config = config(0, 1);
        config.health_every = EVERY;
        config
    });
    let lane = stage.lane("acme/a");
    stage.with_idle(lane, 1)
}

fn answer(stage: &mut Stage, answer: Answer) {
    let (worker, check) = stage.checks.pop().unwrap();
    stage.scheduler.checked(stage.now, worker, check, answer);
    stage.listen();
}

/// Until the next question is due, which it is within a tenth of the distance.
fn wait(stage: &mut Stage) {
    stage.pass(EVERY * 11 / 10);
}

#[test]
fn a_healthy_worker_is_asked_again_later() {
    let mut stage = watched();
    for _ in 0..3 {
        wait(&mut stage);
        stage.says(&["ask w0"]);
        answer(&mut stage, Answer::Healthy);
    }
    stage.says(&[]);
}

#[test]
fn an_ill_or_silent_idle_worker_is_killed() {
    for bad in [Answer::Unhealthy("no disk".to_owned()), Answer::Silent] {
        let mut stage = watched();
        wait(&mut stage);
        answer(&mut stage, bad);
        stage.says(&["ask w0", "w0 is ill", "w0 recycled: unhealthy", "kill w0"]);
        stage.exit(0);
        assert!(stage.scheduler.is_empty());
    }
}

#[test]
fn a_worker_that_took_work_meanwhile_is_asked_again_as_a_busy_one() {
    let mut stage = watched();
    let lane = stage.scheduler.members[&WorkerKey(0)].lane;
    wait(&mut stage);
    let call = stage.submit(lane);
    answer(&mut stage, Answer::Silent);
    stage.pass_ms(0);
    stage.says(&["ask w0", "t2 gets w0", "ask w0, busy"]);
    answer(&mut stage, Answer::Unhealthy("its handler holds a lock".to_owned()));
    stage.end(call);
    stage.says(&[]);
}

#[test]
fn a_busy_worker_whose_connection_is_silent_is_killed_with_its_call() {
    let mut stage = watched();
    let lane = stage.scheduler.members[&WorkerKey(0)].lane;
    let call = stage.submit(lane);
    wait(&mut stage);
    stage.hush();
    answer(&mut stage, Answer::Silent);
    stage.says(&["w0 is ill", "w0 recycled: unhealthy", "kill w0"]);
    stage.exit(0);
    stage.submit(lane);
    stage.over(call, super::stage::GONE);
    stage.says(&["start w1 of l0"]);
}

#[test]
fn an_answer_that_comes_too_late_changes_nothing() {
    let mut stage = watched();
    wait(&mut stage);
    stage.stop();
    stage.hush();
    answer(&mut stage, Answer::Silent);
    stage.exit(0);
    stage.says(&["forget l0"]);
}
