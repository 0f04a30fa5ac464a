//! Each step of a worker's life succeeds, fails, is slow or never ends: the full product, in two pools and two ways to
//! stop. Whatever the combination, each request has one outcome, the one that follows from the gates, within its times.

use std::time::Duration;

use plugdock_contracts::backend::Shutdown;
use plugdock_contracts::{Execution, Outcome, Timeouts};
use tokio::time::Instant;

use super::bench::{Bench, START_WITHIN, Setup, after_ms, id, request, soon, word};
use crate::pool::executor::mock::{Gate, SLOW};

const ACQUIRE: Duration = Duration::from_millis(400);
const CALL: Duration = Duration::from_millis(300);
const GRACE: Duration = Duration::from_millis(50);
const RETIRE: Duration = Duration::from_millis(150);
const DRAIN: Duration = Duration::from_millis(200);
/// Timers count whole milliseconds; a handful of them follow each other.
const ROUNDING: Duration = Duration::from_millis(20);

/// One combination.
#[derive(Debug, Clone, Copy)]
struct Case {
    start: Gate,
    call: Gate,
    check: Gate,
    recycle: Gate,
    drain: Gate,
    /// Workers are kept, and not recycled; else each serves one call.
    warm: bool,
    patient: bool,
}

impl Case {
    fn setup(self) -> Setup {
        let (min, max) = if self.warm { (1, 2) } else { (0, 1) };
        let mut setup = Setup::new(min, max);
        setup.gates.start = self.start;
        setup.gates.call = self.call;
        setup.gates.check = self.check;
        setup.gates.retire = self.recycle;
        setup.timeouts = Timeouts::default();
        setup.timeouts.acquire = Some(ACQUIRE);
        setup.timeouts.call = Some(CALL);
        setup.timeouts.grace = Some(GRACE);
        setup.pool(|pool| {
            pool.recycle_calls = (!self.warm).then_some(1);
            pool.warm = if self.warm { vec![id("acme/x")] } else { Vec::new() };
            pool.retire_within = RETIRE;
            pool.health_every = Duration::from_millis(50);
            pool.health_within = Duration::from_millis(100);
            pool.crash_limit = 3;
        })
    }

    fn how(self) -> Shutdown {
        if self.patient { Shutdown::Drain(DRAIN) } else { Shutdown::Now }
    }

    /// What the first request of a cold pool ends with: nothing else happens yet.
    fn first(self) -> &'static str {
        match (self.start, self.call, self.check) {
            (Gate::Err | Gate::Never, _, _) => "SPAWN_FAILED",
            (_, Gate::Ok | Gate::Slow, _) => "OK",
            (_, Gate::Err, _) => "WORKER_CRASHED",
            // The check is out for less time than the call may take.
            (_, _, Gate::Never) => "WORKER_UNHEALTHY",
            _ => "TIMEOUT",
        }
    }

    /// What any request may end with, whatever was before it.
    fn any(self) -> Vec<&'static str> {
        // A worker may not come in time, because others have it, fail to start, or are slow to go.
        let mut codes = vec!["ACQUIRE_TIMEOUT"];
        let starts = matches!(self.start, Gate::Ok | Gate::Slow);
        codes.push(if starts { self.first() } else { "SPAWN_FAILED" });
        if !starts || self.call == Gate::Err {
            codes.push("QUARANTINED");
        }
        // A check that began while the worker idled, or that a busy one does not answer, ends a call that is long enough.
        if starts && self.check == Gate::Never && matches!(self.call, Gate::Slow | Gate::Never) {
            codes.push("WORKER_UNHEALTHY");
        }
        if self.call == Gate::Never && starts {
            codes.push("TIMEOUT");
        }
        codes
    }

    /// The longest that a request may take: each clock once.
    fn longest(self) -> Duration {
        let start = if self.start == Gate::Never { START_WITHIN } else { SLOW };
        ACQUIRE.max(start) + CALL + GRACE + ROUNDING
    }

    /// The longest that a stop may take.
    fn longest_stop(self) -> Duration {
        let patience = if self.patient { DRAIN } else { Duration::ZERO };
        patience + GRACE + RETIRE + ROUNDING
    }

    async fn run(self) {
        let context = format!("{self:?}");
        let bench = self.setup().start();
        if self.warm {
            bench.pool.warm_up(&plugdock_contracts::Limits::default()).await.unwrap();
        }
        self.use_it(&bench, &context).await;
        self.stop_it(&bench, &context).await;
        bench.assert_empty(&context);
        assert_eq!(bench.let_go().strong_count(), 0, "somebody holds the pool: {context}");
    }

    async fn use_it(self, bench: &Bench, context: &str) {
        let begun = Instant::now();
        let first = bench.engine.start(request("acme/x"));
        let second = bench.engine.start(request("acme/x"));
        let cancelled = bench.engine.start(request("acme/x"));
        let dropped = bench.engine.start(request("acme/x"));
        after_ms(30).await;
        cancelled.cancel("the test");
        drop(dropped);
        let wait = async |execution: Execution| -> (Outcome, Duration) {
            let outcome = soon(execution.wait()).await;
            (outcome, begun.elapsed())
        };
        let ends = tokio::join!(wait(first), wait(second), wait(cancelled));
        for (outcome, took) in [&ends.0, &ends.1, &ends.2] {
            assert!(*took <= self.longest(), "{} took {took:?}: {context}", word(outcome));
        }
        if !self.warm {
            assert_eq!(word(&ends.0.0), self.first(), "{context}");
        }
        let any = self.any();
        assert!(any.contains(&word(&ends.0.0)), "{}: {context}", word(&ends.0.0));
        assert!(any.contains(&word(&ends.1.0)), "{}: {context}", word(&ends.1.0));
        // It may have been over before.
        let third = word(&ends.2.0);
        assert!(third == "ABORTED" || any.contains(&third), "{third}: {context}");
        // Checks, recycling and back-off go on with nobody waiting.
        after_ms(300).await;
    }

    async fn stop_it(self, bench: &Bench, context: &str) {
        let mut last = vec![bench.go().await, bench.go().await];
        bench.mock.set(|gates| gates.retire = self.drain);
        let begun = Instant::now();
        let stop = bench.engine.shutdown(self.how());
        let late = async {
            // The stop has begun by now.
            let outcome = soon(bench.engine.start(request("acme/x")).wait()).await;
            assert_eq!(word(&outcome), "SHUTTING_DOWN", "{context}");
        };
        let (report, ()) = soon(async { tokio::join!(stop, late) }).await;
        let took = begun.elapsed();
        assert!(took <= self.longest_stop(), "the stop took {took:?}: {context}");
        let mut any = self.any();
        any.push("SHUTTING_DOWN");
        for execution in last.drain(..) {
            let outcome = soon(execution.wait()).await;
            assert!(any.contains(&word(&outcome)), "{}: {context}", word(&outcome));
        }
        assert!(report.abandoned.is_empty(), "{context}");
    }
}

/// Every case of a way to start and a pool: 4 to the power of 4, in both ways to stop.
async fn run_all(start: Gate, warm: bool) {
    for call in Gate::ALL {
        for check in Gate::ALL {
            for recycle in Gate::ALL {
                for drain in Gate::ALL {
                    for patient in [false, true] {
                        Case { start, call, check, recycle, drain, warm, patient }.run().await;
                    }
                }
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_cold_pool_whose_workers_start() {
    run_all(Gate::Ok, false).await;
}

#[tokio::test(start_paused = true)]
async fn a_cold_pool_whose_workers_do_not_start() {
    run_all(Gate::Err, false).await;
}

#[tokio::test(start_paused = true)]
async fn a_cold_pool_whose_workers_start_slowly() {
    run_all(Gate::Slow, false).await;
}

#[tokio::test(start_paused = true)]
async fn a_cold_pool_whose_workers_never_end_to_start() {
    run_all(Gate::Never, false).await;
}

#[tokio::test(start_paused = true)]
async fn a_warm_pool_whose_workers_start() {
    run_all(Gate::Ok, true).await;
}

#[tokio::test(start_paused = true)]
async fn a_warm_pool_whose_workers_do_not_start() {
    run_all(Gate::Err, true).await;
}

#[tokio::test(start_paused = true)]
async fn a_warm_pool_whose_workers_start_slowly() {
    run_all(Gate::Slow, true).await;
}

#[tokio::test(start_paused = true)]
async fn a_warm_pool_whose_workers_never_end_to_start() {
    run_all(Gate::Never, true).await;
}
