//! What becomes of a call and of its worker when something goes wrong in between: each worker goes back or goes, and each
//! execution is told what happened to it.

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use plugdock_contracts::error::{CrashCause, KillReason};
use plugdock_contracts::{ByteSize, CancelReason, ExecutionRequest, Limits, Timeouts, WorkerState};

use super::super::carrier::PoolCarrier;
use super::super::seat::WorkerSeat;
use super::bench::{Bench, Setup, after_ms, id, request, soon, word};
use crate::engine::{Carrier as _, Claim, NoSeat};
use crate::execution::{CancelSignal, Cancelled};
use crate::pool::executor::Begun;
use crate::pool::executor::mock::{Gate, SLOW};
use crate::worker::bench::BenchedJob;

#[tokio::test(start_paused = true)]
async fn a_panic_in_a_call_gives_the_place_back_and_not_the_worker() {
    let bench = Setup::new(0, 1).gates(|gates| gates.call = Gate::Panic).start();
    assert_eq!(word(&bench.outcome().await), "UNKNOWN_ERROR");
    bench.mock.set(|gates| gates.call = Gate::Ok);
    assert_eq!(word(&bench.outcome().await), "OK");
    assert_eq!(bench.mock.starts(), 2, "whatever the first worker still does of the call, it does alone");
    assert_eq!(bench.stats().pool.unwrap().recycled["tainted"], 1);
}

#[tokio::test(start_paused = true)]
async fn an_idempotent_call_is_retried_once_and_both_starts_are_counted() {
    let bench = Setup::new(0, 1).gates(|gates| {
        gates.call = Gate::Err;
        gates.traits.idempotent = true;
    });
    let bench = bench.start();
    let outcome = bench.outcome().await;
    assert_eq!((word(&outcome), outcome.attempts.started), ("WORKER_CRASHED", 2));
    assert_eq!((bench.mock.calls(), bench.stats().pool.unwrap().retried), (2, 1));
}

#[tokio::test(start_paused = true)]
async fn a_retry_has_what_is_left_of_the_time_of_which_only_what_ran_is_taken() {
    let mut setup =
        Setup::new(0, 1).gates(|gates| (gates.call, gates.traits.idempotent) = (Gate::Never, true));
    setup.timeouts.call = Some(Duration::from_secs(1));
    // Each pause takes 75 to 100 ms.
    let bench = setup.pool(|pool| pool.backoff_max = pool.backoff_min).start();
    let begun = tokio::time::Instant::now();
    let execution = bench.go().await;
    after_ms(299).await;
    bench.mock.workers()[0].crash(CrashCause::OutOfMemory, Begun::No);
    after_ms(500).await;
    bench.mock.workers()[0].crash(CrashCause::OutOfMemory, Begun::Perhaps);
    let outcome = soon(execution.wait()).await;
    assert_eq!((word(&outcome), outcome.attempts.started, outcome.attempts.taken_back), ("TIMEOUT", 2, 1));
    // It crashed the second time at 800 ms, when it had run for 400 to 425 ms; then come a pause, the rest, the grace.
    let took = begun.elapsed();
    assert!((Duration::from_millis(1950)..Duration::from_millis(2010)).contains(&took), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn a_call_that_never_began_is_taken_back_three_times() {
    let bench = Setup::new(0, 1)
        .gates(|gates| (gates.call, gates.begun) = (Gate::Err, Begun::No))
        .pool(|pool| pool.crash_limit = 100)
        .start();
    let outcome = bench.outcome().await;
    assert_eq!(word(&outcome), "WORKER_CRASHED");
    assert_eq!((outcome.attempts.started, outcome.attempts.taken_back), (0, 3));
    assert_eq!((bench.mock.calls(), bench.stats().pool.unwrap().redispatched), (4, 3));
}

#[tokio::test(start_paused = true)]
async fn a_call_of_whose_stream_something_passed_is_not_begun_anew() {
    let setup = Setup::new(0, 1).gates(|gates| {
        (gates.call, gates.traits.idempotent) = (Gate::Err, true);
    });
    let bench = setup.start();
    let carrier = bench.carrier();
    let claimant = Claimant::new(&bench);
    let mut seat = claimant.reserve(&carrier).await.unwrap();
    claimant.job.port().data(bytes::Bytes::from_static(b"piece"), Box::new(()));
    let end = soon(carrier.carry(&claimant.job.job, &mut seat)).await;
    assert_eq!((end.attempts.started, bench.mock.calls()), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn of_a_call_that_began_the_crash_is_told_even_when_it_cannot_be_retried() {
    let bench = Setup::new(0, 1)
        .gates(|gates| (gates.call, gates.traits.idempotent) = (Gate::Err, true))
        .pool(|pool| pool.crash_limit = 1)
        .start();
    assert_eq!(word(&bench.outcome().await), "WORKER_CRASHED");
    assert_eq!(word(&bench.outcome().await), "QUARANTINED");
}

#[tokio::test(start_paused = true)]
async fn of_a_call_that_did_not_begin_it_is_told_why_it_does_not() {
    let bench = Setup::new(0, 1)
        .gates(|gates| (gates.call, gates.begun) = (Gate::Err, Begun::No))
        .pool(|pool| pool.crash_limit = 1)
        .start();
    assert_eq!(word(&bench.outcome().await), "QUARANTINED");
}

#[tokio::test(start_paused = true)]
async fn a_worker_that_stops_answering_under_a_call_is_killed_for_it() {
    let bench = Setup::new(0, 1)
        .gates(|gates| (gates.call, gates.check) = (Gate::Never, Gate::Never))
        .pool(|pool| pool.health_every = Duration::from_secs(1))
        .start();
    let outcome = bench.outcome().await;
    assert_eq!(word(&outcome), "WORKER_UNHEALTHY");
    let cause = outcome.error().unwrap().cause();
    assert_eq!(cause, Some(&CrashCause::Killed { reason: KillReason::Unhealthy }));
    assert_eq!(bench.stats().pool.unwrap().health_failed, 1);
    assert_eq!(bench.mock.alive(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_worker_that_grew_too_large_is_replaced_after_the_call() {
    let bench = Setup::new(0, 1)
        .gates(|gates| gates.sample.resident = Some(2 << 20))
        .pool(|pool| pool.recycle_memory = Some(ByteSize::from_bytes(1 << 20)))
        .start();
    assert_eq!(word(&bench.outcome().await), "OK");
    assert_eq!(word(&bench.outcome().await), "OK");
    assert!(bench.stats().pool.unwrap().recycled["memory"] >= 1);
    assert!(bench.mock.starts() >= 2);
}

#[tokio::test(start_paused = true)]
async fn a_worker_whose_processor_time_runs_out_is_replaced_before_a_call_is_blamed() {
    let bench = Setup::new(0, 1).gates(|gates| gates.sample.cpu_spent = true).start();
    let mut limited = request("acme/x");
    limited.limits.cpu_time = Some(Duration::from_secs(5));
    for _ in 0..2 {
        assert_eq!(word(&soon(bench.engine.start(limited.clone()).wait()).await), "OK");
    }
    assert_eq!(bench.mock.starts(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_call_that_ran_over_and_heeded_it_taints_its_worker_and_a_cancelled_one_does_not() {
    let mut setup = Setup::new(0, 1).gates(|gates| gates.call = Gate::Slow);
    setup.timeouts.call = Some(SLOW / 2);
    let bench = setup.start();
    assert_eq!(word(&bench.outcome().await), "TIMEOUT");
    let mut patient = request("acme/x");
    patient.timeouts.call = Some(SLOW * 2);
    let execution = bench.engine.start(patient);
    after_ms(10).await;
    execution.cancel("the test");
    assert_eq!(word(&soon(execution.wait()).await), "ABORTED");
    bench.mock.set(|gates| gates.call = Gate::Ok);
    assert_eq!(word(&bench.outcome().await), "OK");
    assert_eq!(bench.mock.starts(), 2);
}

/// What a claim is made of.
struct Claimant {
    request: Arc<ExecutionRequest>,
    job: BenchedJob,
    limits: Limits,
    timeouts: Timeouts,
    cancel: CancelSignal,
    cancelled: Cancelled,
}

impl Claimant {
    fn new(bench: &Bench) -> Self {
        let (cancel, cancelled) = CancelSignal::new();
        let plugin = bench.pool.parts.plugins.look_for(&id("acme/x")).unwrap();
        let job = BenchedJob::of(plugin, "go", &serde_json::json!(1));
        let request = Arc::new(request("acme/x"));
        Self { request, job, limits: Limits::default(), timeouts: Timeouts::default(), cancel, cancelled }
    }

    async fn reserve(&self, carrier: &PoolCarrier) -> Result<Option<WorkerSeat>, NoSeat> {
        self.reserve_at(carrier, None).await
    }

    async fn reserve_at(
        &self,
        carrier: &PoolCarrier,
        place: Option<u64>,
    ) -> Result<Option<WorkerSeat>, NoSeat> {
        let plugin = &self.job.job.plugin;
        let claim = Claim {
            request: &self.request,
            plugin,
            permissions: &plugin.manifest.permissions,
            limits: &self.limits,
            timeouts: &self.timeouts,
            cancelled: &self.cancelled,
            nested: false,
            place,
        };
        carrier.reserve(claim).await
    }
}

fn states(bench: &Bench) -> Vec<WorkerState> {
    bench.workers().iter().map(|worker| worker.state).collect()
}

/// Polls once.
async fn is_pending(mut future: Pin<&mut impl Future>) -> bool {
    poll_fn(|cx| Poll::Ready(future.as_mut().poll(cx).is_pending())).await
}

#[tokio::test(start_paused = true)]
async fn a_request_that_is_prepared_again_is_not_refused_for_want_of_room_nor_overtaken() {
    let dir = tempfile::tempdir().unwrap();
    let program = dir.path().join("program");
    std::fs::write(&program, "one").unwrap();
    let mut setup = Setup::new(0, 1).pool(|pool| pool.queue = 1);
    setup.program = Some(program.clone());
    let bench = setup.start();
    let carrier = bench.carrier();
    let held = Claimant::new(&bench).reserve(&carrier).await.unwrap();
    let old = Claimant::new(&bench);
    let mut waiting = pin!(old.reserve(&carrier));
    assert!(is_pending(waiting.as_mut()).await);
    std::fs::write(&program, "another").unwrap();
    bench.pool.reload(Some(&id("acme/x"))).await.unwrap();
    let Err(NoSeat::Stale { place }) = waiting.await else { panic!("its program is another") };
    let (first, second) = (Claimant::new(&bench), Claimant::new(&bench));
    let mut newcomer = pin!(second.reserve(&carrier));
    assert!(is_pending(newcomer.as_mut()).await, "the queue is full with it");
    let mut again = pin!(first.reserve_at(&carrier, Some(place)));
    assert!(is_pending(again.as_mut()).await, "it is not refused");
    drop(held);
    let seat = soon(again).await.unwrap();
    assert!(is_pending(newcomer.as_mut()).await, "who came later is served later");
    drop(seat);
    assert!(soon(newcomer).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_request_that_is_cancelled_in_the_moment_it_is_granted_returns_the_worker() {
    let bench = Setup::new(0, 1).start();
    let carrier = bench.carrier();
    let (first, second) = (Claimant::new(&bench), Claimant::new(&bench));
    let seat = first.reserve(&carrier).await.unwrap();
    let mut waiting = pin!(second.reserve(&carrier));
    assert!(is_pending(waiting.as_mut()).await);
    drop(seat);
    assert_eq!(states(&bench), [WorkerState::Busy], "it was handed over");
    second.cancel.cancel(CancelReason::CallerGone);
    assert!(matches!(waiting.await, Err(NoSeat::Failed(_))));
    assert_eq!(states(&bench), [WorkerState::Idle]);
    assert!(Claimant::new(&bench).reserve(&carrier).await.is_ok());
    assert_eq!((bench.mock.starts(), bench.stats().running), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn a_request_that_is_cancelled_while_it_waits_frees_its_place_at_once() {
    let setup = Setup::new(0, 1).gates(|gates| gates.call = Gate::Slow);
    let bench = setup.pool(|pool| pool.queue = 1).start();
    let running = bench.go().await;
    let waiting = bench.go().await;
    assert_eq!(word(&bench.outcome().await), "QUEUE_FULL");
    waiting.cancel("the test");
    assert_eq!(word(&soon(waiting.wait()).await), "ABORTED");
    assert_eq!(bench.stats().waiting, 0);
    let next = bench.go().await;
    for execution in [running, next] {
        assert_eq!(word(&soon(execution.wait()).await), "OK");
    }
}

#[tokio::test(start_paused = true)]
async fn a_seat_that_was_never_used_leaves_its_worker_as_it_was() {
    let bench = Setup::new(0, 1).pool(|pool| pool.recycle_calls = Some(1)).start();
    let carrier = bench.carrier();
    for _ in 0..3 {
        drop(Claimant::new(&bench).reserve(&carrier).await.unwrap());
    }
    assert_eq!((states(&bench), bench.mock.starts()), (vec![WorkerState::Idle], 1));
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_dropped_midway_taints_its_worker() {
    let bench = Setup::new(0, 1).gates(|gates| gates.call = Gate::Never).start();
    let carrier = bench.carrier();
    let claimant = Claimant::new(&bench);
    let mut seat = claimant.reserve(&carrier).await.unwrap();
    let call = carrier.carry(&claimant.job.job, &mut seat);
    assert!(tokio::time::timeout(SLOW, call).await.is_err());
    assert_eq!(bench.stats().pool.unwrap().recycled["tainted"], 1);
    after_ms(1).await;
    assert_eq!((bench.mock.alive(), states(&bench)), (0, vec![]));
}
