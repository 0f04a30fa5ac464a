//! What the pool's owner does while requests wait and run, and what is left when the owner goes.

use std::time::Duration;

use plugdock_contracts::backend::{BackendEvent, BackendEvents, Shutdown};
use plugdock_contracts::error::CrashCause;
use plugdock_contracts::{ByteSize, Limits, WorkerState};
use tokio::time::Instant;

use super::super::clock;
use super::super::pool_core::lock;
use super::super::scheduler::Action;
use super::bench::{Bench, START_WITHIN, Setup, after_ms, id, request, soon, word};
use crate::pool::executor::Begun;
use crate::pool::executor::mock::{Gate, SLOW};
use crate::pool::lifecycle::Bounds;

async fn warmed(setup: Setup) -> Bench {
    let bench = setup.pool(|pool| pool.warm = vec![id("acme/x")]).start();
    bench.pool.warm_up(&Limits::default()).await.unwrap();
    after_ms(1).await;
    bench
}

/// The events so far.
async fn events(from: &mut BackendEvents) -> Vec<BackendEvent> {
    let mut seen = Vec::new();
    while let Ok(Some(event)) = tokio::time::timeout(Duration::ZERO, from.next()).await {
        seen.push(event);
    }
    seen
}

#[tokio::test(start_paused = true)]
async fn a_pool_that_is_let_go_of_without_a_stop_leaves_no_worker() {
    for (start, check) in [(Gate::Ok, Gate::Never), (Gate::Never, Gate::Ok)] {
        let setup = Setup::new(2, 4).gates(|gates| (gates.start, gates.check) = (start, check));
        let setup = setup.pool(|pool| pool.health_every = Duration::from_millis(20));
        let bench = warmed(setup).await;
        after_ms(100).await;
        assert_eq!((bench.mock.starts(), bench.workers().len()), (2, 2));
        let mock = bench.mock.clone();
        let pool = bench.let_go();
        assert_eq!(pool.strong_count(), 0, "nobody who tends the pool keeps it");
        after_ms(1).await;
        assert_eq!((mock.alive(), mock.workers().len()), (0, 0));
    }
}

#[tokio::test(start_paused = true)]
async fn a_pool_that_is_let_go_of_ends_with_its_last_execution() {
    let bench = Setup::new(0, 1).gates(|gates| gates.call = Gate::Slow).start();
    let execution = bench.go().await;
    let mock = bench.mock.clone();
    let pool = bench.let_go();
    assert!(pool.strong_count() > 0, "it runs");
    assert_eq!(word(&soon(execution.wait()).await), "OK");
    after_ms(1).await;
    assert_eq!((pool.strong_count(), mock.alive()), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn requests_that_wait_for_a_replaced_program_are_prepared_again_and_keep_their_places() {
    let dir = tempfile::tempdir().unwrap();
    let program = dir.path().join("program");
    std::fs::write(&program, "one").unwrap();
    let mut setup = Setup::new(0, 1).gates(|gates| gates.call = Gate::Slow).pool(|pool| pool.queue = 2);
    setup.program = Some(program.clone());
    let bench = setup.start();
    let mut told = bench.engine.subscribe();
    let running = bench.go().await;
    let (first, second) = (bench.go().await, bench.go().await);
    assert_eq!(bench.stats().waiting, 2, "the queue is full");
    std::fs::write(&program, "another").unwrap();
    assert_eq!(bench.pool.reload(None).await.unwrap(), [id("acme/x"), id("acme/y")]);
    assert_eq!(bench.pool.reload(None).await.unwrap(), [], "it is done");
    after_ms(1).await;
    assert_eq!(bench.stats().waiting, 2, "they were not refused for want of room");
    let begun = Instant::now();
    let wait = async |execution: plugdock_contracts::Execution| {
        let outcome = soon(execution.wait()).await;
        assert_eq!(word(&outcome), "OK");
        (begun.elapsed(), outcome.worker.unwrap())
    };
    let (old, (first, one), (second, other)) = tokio::join!(wait(running), wait(first), wait(second));
    assert!(old.0 < first && first < second);
    assert!(old.1 != one && one == other, "the old worker finishes and serves no more");
    let reloads = events(&mut told).await;
    let reloads = reloads.iter().filter(|event| matches!(event, BackendEvent::Reloaded { .. })).count();
    assert_eq!(reloads, 1, "one replacement is told once");
}

#[tokio::test(start_paused = true)]
async fn what_is_kept_warm_is_started_again_and_not_for_requests_of_other_limits() {
    let bench = warmed(Setup::new(2, 4)).await;
    assert_eq!(bench.workers().iter().filter(|worker| worker.state == WorkerState::Idle).count(), 2);
    bench.mock.workers()[0].crash(CrashCause::OutOfMemory, Begun::No);
    after_ms(200).await;
    assert_eq!(bench.workers().len(), 2, "after the pause");
    let mut special = request("acme/x");
    special.limits.memory = Some(ByteSize::from_bytes(64 << 20));
    assert_eq!(word(&soon(bench.engine.start(special).wait()).await), "OK");
    after_ms(200).await;
    assert_eq!((bench.workers().len(), bench.mock.starts()), (3, 4), "one for it, none to keep");
}

#[tokio::test(start_paused = true)]
async fn a_pool_is_resized_under_load() {
    let bench = Setup::new(0, 3).gates(|gates| gates.call = Gate::Slow).start();
    let mut executions = Vec::new();
    for _ in 0..6 {
        executions.push(bench.go().await);
    }
    assert_eq!((bench.mock.alive(), bench.stats().waiting), (3, 3));
    bench.pool.resize(0, 1);
    tokio::time::sleep(SLOW).await;
    assert_eq!((bench.mock.alive(), bench.stats().running), (1, 1), "the others went when they were free");
    bench.pool.resize(0, 2);
    after_ms(1).await;
    assert_eq!(bench.mock.alive(), 2);
    for execution in executions {
        assert_eq!(word(&soon(execution.wait()).await), "OK");
    }
}

#[tokio::test(start_paused = true)]
async fn a_start_that_never_ends_is_given_up_when_it_is_not_wanted_any_more() {
    let bench = warmed(Setup::new(2, 4).gates(|gates| gates.start = Gate::Never)).await;
    let begun = Instant::now();
    bench.pool.resize(1, 1);
    after_ms(1).await;
    assert_eq!(bench.workers().len(), 1, "the other one is gone already");
    soon(bench.engine.shutdown(Shutdown::Now)).await;
    assert!(begun.elapsed() < START_WITHIN / 2);
    bench.assert_empty("given up");
}

#[tokio::test(start_paused = true)]
async fn a_worker_that_is_sent_away_before_its_start_was_begun_is_not_waited_for() {
    let bench = warmed(Setup::new(1, 1).gates(|gates| gates.start = Gate::Never)).await;
    let now = clock::now();
    // Two threads that each do what followed from their change may do it in either order.
    let (start, retire) = bench.pool.desk().act(now, |state| {
        state.scheduler.resize(now, Bounds { min: 1, max: 2 });
        let _told = state.scheduler.take_actions();
        let lane = state.scheduler.add_lane(now, &id("acme/y"), 1, 1);
        let start = state.scheduler.take_actions();
        state.scheduler.close_lane(now, lane);
        (start, state.scheduler.take_actions())
    });
    let [Action::Start { worker, lane }] = start[..] else { panic!("{start:?}") };
    assert!(retire.contains(&Action::Retire { worker }));
    let entry = {
        let book = lock(&bench.pool.book);
        let any = book.find_any().unwrap();
        book.get(any).unwrap().clone()
    };
    lock(&bench.pool.book).insert(lane, entry.identity, entry.order);
    for action in retire.into_iter().chain(start) {
        bench.pool.perform(action);
    }
    after_ms(1).await;
    assert!(bench.pool.tended(worker).is_none(), "it does not start for as long as a start may take");
}

#[tokio::test(start_paused = true)]
async fn a_start_error_reaches_exactly_the_request_that_waited() {
    let bench = Setup::new(0, 1).gates(|gates| gates.start = Gate::Slow).start();
    let first = bench.go().await;
    bench.mock.set(|gates| gates.start = Gate::Err);
    // The first start is under way and goes well; its worker then dies, so that one has to be started for each.
    let second = bench.go().await;
    assert_eq!(word(&soon(first.wait()).await), "OK");
    assert_eq!(word(&soon(second.wait()).await), "OK");
    bench.mock.workers()[0].crash(CrashCause::OutOfMemory, Begun::No);
    let (third, fourth) = (bench.go().await, bench.go().await);
    let third = soon(third.wait()).await;
    assert_eq!(word(&third), "SPAWN_FAILED");
    assert_eq!(third.error().unwrap().message(), "the mock was told not to start");
    bench.mock.set(|gates| gates.start = Gate::Ok);
    assert_eq!(word(&soon(fourth.wait()).await), "OK", "it hoped for the next start");
    assert_eq!(bench.stats().failed, 1);
}

#[tokio::test(start_paused = true)]
async fn a_start_that_would_always_fail_is_told_to_everyone_who_waits() {
    let bench = Setup::new(0, 1).gates(|gates| (gates.start, gates.permanent) = (Gate::Err, true)).start();
    let outcomes = tokio::join!(bench.outcome(), bench.outcome(), bench.outcome());
    for outcome in [outcomes.0, outcomes.1, outcomes.2] {
        assert_eq!(word(&outcome), "SPAWN_FAILED");
    }
    assert_eq!(bench.mock.starts(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_start_that_panics_is_told_to_whoever_waits_and_holds_no_stop_up() {
    let bench = Setup::new(0, 1).gates(|gates| gates.start = Gate::Panic).start();
    assert_eq!(word(&bench.outcome().await), "UNKNOWN_ERROR");
    soon(bench.engine.shutdown(Shutdown::Now)).await;
    bench.assert_empty("a start that panics");
}

#[tokio::test(start_paused = true)]
async fn workers_and_numbers_agree_whenever_one_looks() {
    let setup = Setup::new(1, 3)
        .gates(|gates| (gates.start, gates.call, gates.retire) = (Gate::Slow, Gate::Slow, Gate::Slow));
    let bench = warmed(setup.pool(|pool| {
        pool.recycle_calls = Some(2);
        pool.health_every = Duration::from_millis(30);
    }))
    .await;
    let executions: Vec<_> = (0..20).map(|_| bench.engine.start(request("acme/x"))).collect();
    let look = async {
        let mut seen = std::collections::BTreeSet::new();
        for _ in 0..200 {
            after_ms(7).await;
            let (workers, stats) = (bench.workers(), bench.stats());
            let pool = stats.pool.unwrap();
            assert_eq!(workers.len() as u64, stats.workers);
            assert_eq!(stats.workers, pool.starting + pool.idle + pool.busy + pool.draining);
            assert!(workers.len() <= 3, "never above the bound");
            assert!(pool.idle == 0 || stats.waiting == 0);
            assert_eq!(workers.iter().map(|worker| worker.running as u64).sum::<u64>(), stats.running);
            for worker in &workers {
                assert_eq!(worker.pid.is_none(), worker.state == WorkerState::Starting, "{worker:?}");
                seen.insert(worker.state.as_str());
            }
        }
        assert_eq!(seen.into_iter().collect::<Vec<_>>(), ["busy", "draining", "idle", "starting"]);
    };
    let wait = async {
        for execution in executions {
            assert_eq!(word(&soon(execution.wait()).await), "OK");
        }
    };
    tokio::join!(look, wait);
    soon(bench.engine.shutdown(Shutdown::Drain(SLOW))).await;
    bench.assert_empty("looked at");
}
