//! Workers of no process at all, for the tests of whoever uses workers: each step succeeds, fails, is slow or never ends.
//!
//! Slow steps take time on tokio's clock, so that a test with paused time decides when they end. Whatever a step does, a kill
//! works, and everyone who waits for the worker's end hears of it.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use plugdock_contracts::error::{CrashCause, ErrorCode, ExecutionError, KillReason, Step};
use plugdock_contracts::outcome::WorkerStart;
use plugdock_contracts::{BoxFuture, CancelReason, HandlerId, Payload, WorkerId};
use tokio::sync::watch;

use super::{
    Begun, Called, CheckAnswer, HandlerTraits, PoolWorker, Sample, StartError, StartOrder, StartWorker,
    WorkerAfter, WorkerEnd,
};
use crate::engine::{Carried, Job, StopClock, StopDecision};
use crate::worker::kill_reason;

/// How long a slow step takes, on tokio's clock.
pub(crate) const SLOW: Duration = Duration::from_millis(100);

/// What a step does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Gate {
    /// It succeeds at once.
    Ok,
    /// It fails at once.
    Err,
    /// It succeeds after [`SLOW`].
    Slow,
    /// It does not end by itself.
    Never,
    /// It panics: a defect of the worker's host side, and none of the steps that [`Gate::ALL`] tells apart.
    Panic,
}

impl Gate {
    /// All of them, for tests of every combination.
    pub(crate) const ALL: [Self; 4] = [Self::Ok, Self::Err, Self::Slow, Self::Never];

    /// Passes the gate; false is a failure.
    async fn pass(self) -> bool {
        match self {
            Self::Ok => true,
            Self::Err => false,
            Self::Slow => {
                tokio::time::sleep(SLOW).await;
                true
            }
            Self::Never => std::future::pending().await,
            Self::Panic => panic!("the mock was told to"),
        }
    }
}

/// What each step does. They may be changed while workers live.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Gates {
    /// From the order to the ready worker. `Err` fails, and `permanent` says how.
    pub(crate) start: Gate,
    /// A call. `Err` is a crash in the middle of it, `Slow` heeds a stop, `Never` has to be killed for one.
    pub(crate) call: Gate,
    /// Whether a call that crashed had begun.
    pub(crate) begun: Begun,
    /// A health check. `Err` says that it does not work.
    pub(crate) check: Gate,
    /// From the goodbye to the end. `Err` is a crash on the way out, `Never` ends by a kill when its time is over.
    pub(crate) retire: Gate,
    /// Whether a start that fails would always fail.
    pub(crate) permanent: bool,
    /// What the program says of every handler.
    pub(crate) traits: HandlerTraits,
    /// Handlers that may run beside others.
    pub(crate) concurrent: &'static [&'static str],
    /// What each worker seems to use.
    pub(crate) sample: Sample,
}

impl Default for Gates {
    fn default() -> Self {
        Self {
            start: Gate::Ok,
            call: Gate::Ok,
            begun: Begun::Perhaps,
            check: Gate::Ok,
            retire: Gate::Ok,
            permanent: false,
            traits: HandlerTraits::default(),
            concurrent: &[],
            sample: Sample::default(),
        }
    }
}

/// Makes mock workers and counts them. Clones share everything.
#[derive(Debug, Clone, Default)]
pub(crate) struct MockStarter(Arc<Mock>);

#[derive(Debug, Default)]
struct Mock {
    gates: Mutex<Gates>,
    starts: AtomicUsize,
    calls: AtomicUsize,
    alive: AtomicUsize,
    workers: Mutex<Vec<(WorkerId, Weak<MockWorker>)>>,
}

/// Counts as alive until it ends or is dropped.
#[derive(Debug)]
struct Alive(Arc<Mock>);

impl Drop for Alive {
    fn drop(&mut self) {
        self.0.alive.fetch_sub(1, Ordering::AcqRel);
    }
}

impl MockStarter {
    pub(crate) fn new(gates: Gates) -> Self {
        let starter = Self::default();
        starter.set(|all| *all = gates);
        starter
    }

    /// Changes what steps do from now on.
    pub(crate) fn set(&self, change: impl FnOnce(&mut Gates)) {
        change(&mut self.0.gates.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// Starts that were asked for.
    pub(crate) fn starts(&self) -> usize {
        self.0.starts.load(Ordering::Acquire)
    }

    /// Calls that were given to workers.
    pub(crate) fn calls(&self) -> usize {
        self.0.calls.load(Ordering::Acquire)
    }

    /// Workers that have not ended.
    pub(crate) fn alive(&self) -> usize {
        self.0.alive.load(Ordering::Acquire)
    }

    /// The workers that somebody holds, in the order in which they became ready.
    pub(crate) fn workers(&self) -> Vec<Arc<MockWorker>> {
        let workers = self.0.workers.lock().unwrap_or_else(PoisonError::into_inner);
        workers.iter().filter_map(|(_, worker)| worker.upgrade()).collect()
    }

    /// The worker of an id, while somebody holds it.
    pub(crate) fn worker(&self, id: &WorkerId) -> Option<Arc<MockWorker>> {
        self.workers().into_iter().find(|worker| worker.id == *id)
    }
}

impl StartWorker for MockStarter {
    fn start(
        &self,
        id: WorkerId,
        _order: Arc<StartOrder>,
    ) -> BoxFuture<'static, Result<Arc<dyn PoolWorker>, StartError>> {
        let mock = Arc::clone(&self.0);
        mock.starts.fetch_add(1, Ordering::AcqRel);
        Box::pin(async move {
            let gates = *mock.gates.lock().unwrap_or_else(PoisonError::into_inner);
            if !gates.start.pass().await {
                let error = ExecutionError::new(ErrorCode::SpawnFailed, "the mock was told not to start")
                    .with_step(Step::Spawn);
                return Err(StartError { error, permanent: gates.permanent });
            }
            mock.alive.fetch_add(1, Ordering::AcqRel);
            let worker = Arc::new(MockWorker {
                id: id.clone(),
                mock: Arc::clone(&mock),
                served: AtomicUsize::new(0),
                fate: Arc::new(Fate {
                    end: watch::Sender::new(None),
                    alive: Mutex::new(Some(Alive(Arc::clone(&mock)))),
                }),
                retiring: Mutex::default(),
            });
            let mut workers = mock.workers.lock().unwrap_or_else(PoisonError::into_inner);
            workers.push((id, Arc::downgrade(&worker)));
            Ok(worker as Arc<dyn PoolWorker>)
        })
    }
}

/// A worker of no process.
#[derive(Debug)]
pub(crate) struct MockWorker {
    pub(crate) id: WorkerId,
    mock: Arc<Mock>,
    served: AtomicUsize,
    fate: Arc<Fate>,
    /// The way out, once it was told to go.
    retiring: Mutex<tokio::task::JoinSet<()>>,
}

/// Its end, which happens once.
#[derive(Debug)]
struct Fate {
    end: watch::Sender<Option<(WorkerEnd, Begun)>>,
    alive: Mutex<Option<Alive>>,
}

impl Fate {
    fn end(&self, cause: CrashCause, expected: bool, begun: Begun) {
        // Before it is told, so that whoever hears of it counts one less.
        drop(self.alive.lock().unwrap_or_else(PoisonError::into_inner).take());
        self.end.send_if_modified(|end| {
            let first = end.is_none();
            end.get_or_insert((WorkerEnd { cause, expected, tail: Vec::new() }, begun));
            first
        });
    }

    async fn ended(&self) -> (WorkerEnd, Begun) {
        let mut end = self.end.subscribe();
        let seen = end.wait_for(Option::is_some).await.expect("the sender is in here");
        seen.clone().expect("it was waited for")
    }
}

impl MockWorker {
    /// It dies. What it was given counts as begun or provably not, as the test says.
    pub(crate) fn crash(&self, cause: CrashCause, begun: Begun) {
        self.fate.end(cause, false, begun);
    }

    /// Calls it was given.
    pub(crate) fn served(&self) -> usize {
        self.served.load(Ordering::Acquire)
    }

    fn gates(&self) -> Gates {
        *self.mock.gates.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn run(&self, job: &Job) -> Called {
        self.mock.calls.fetch_add(1, Ordering::AcqRel);
        let start = if self.served.fetch_add(1, Ordering::AcqRel) == 0 {
            WorkerStart::Cold
        } else {
            WorkerStart::Warm
        };
        let mut clock = StopClock::start(job, tokio::time::Instant::now());
        let Gates { call: gate, begun, .. } = self.gates();
        tokio::select! {
            biased;
            (end, begun) = self.fate.ended() => self.died(start, end, begun),
            passed = gate.pass() => {
                if passed {
                    return self.told(start, Ok(job.request.input.clone()), WorkerAfter::Fine, Begun::Perhaps);
                }
                self.crash(CrashCause::Exit { code: 1 }, begun);
                let (end, begun) = self.fate.ended().await;
                self.died(start, end, begun)
            }
            stop = clock.stop() => self.stopped(job, start, gate, stop).await,
        }
    }

    async fn stopped(&self, job: &Job, start: WorkerStart, gate: Gate, stop: StopDecision) -> Called {
        let is_deaf = gate == Gate::Never;
        let worker = match &stop.reason {
            _ if is_deaf => WorkerAfter::Gone,
            CancelReason::Timeout => WorkerAfter::Tainted,
            _ => WorkerAfter::Fine,
        };
        if is_deaf {
            // A worker that dies meanwhile is dead, and no more is to be known.
            let _dead = tokio::time::timeout(job.timeouts.grace(), self.fate.ended()).await;
            self.kill(kill_reason(&stop.reason));
        }
        let how = if is_deaf { "its worker was killed" } else { "it stopped when asked" };
        let mut called = self.told(start, Err(stop.error(job, how)), worker, Begun::Perhaps);
        called.carried.killed = is_deaf;
        called
    }

    fn died(&self, start: WorkerStart, end: WorkerEnd, begun: Begun) -> Called {
        let code = match &end.cause {
            CrashCause::Killed { reason: KillReason::Unhealthy } => ErrorCode::WorkerUnhealthy,
            CrashCause::Killed { reason: KillReason::Shutdown } => ErrorCode::ShuttingDown,
            _ => ErrorCode::WorkerCrashed,
        };
        let killed = matches!(end.cause, CrashCause::Killed { .. });
        let error = ExecutionError::new(code, end.cause.to_string()).with_cause(end.cause);
        let mut called = self.told(start, Err(error), WorkerAfter::Gone, begun);
        called.carried.killed = killed;
        called
    }

    fn told(
        &self,
        start: WorkerStart,
        result: Result<Payload, ExecutionError>,
        worker: WorkerAfter,
        begun: Begun,
    ) -> Called {
        let mut carried = Carried::new(result);
        carried.worker = Some(self.id.clone());
        carried.start = Some(start);
        carried.attempts.started = u32::from(begun == Begun::Perhaps);
        Called { carried, worker, begun }
    }
}

impl PoolWorker for MockWorker {
    fn pid(&self) -> u32 {
        0
    }

    fn traits_of(&self, handler: &HandlerId) -> HandlerTraits {
        let gates = self.gates();
        let concurrent = gates.traits.concurrent || gates.concurrent.contains(&handler.as_str());
        HandlerTraits { concurrent, ..gates.traits }
    }

    fn concurrent(&self) -> Arc<BTreeSet<HandlerId>> {
        let names = self.gates().concurrent;
        Arc::new(names.iter().map(|name| HandlerId::new(name).expect("the test names a handler")).collect())
    }

    fn call<'a>(&'a self, job: &'a Job) -> BoxFuture<'a, Called> {
        Box::pin(self.run(job))
    }

    fn check(&self, _busy: bool) -> BoxFuture<'static, CheckAnswer> {
        let (gate, fate) = (self.gates().check, Arc::clone(&self.fate));
        Box::pin(async move {
            tokio::select! {
                biased;
                _dead = fate.ended() => CheckAnswer::Gone,
                passed = gate.pass() => {
                    if passed { CheckAnswer::Healthy } else { CheckAnswer::Unhealthy("the mock was told so".to_owned()) }
                }
            }
        })
    }

    fn sample(&self) -> Sample {
        self.gates().sample
    }

    fn retire(&self, within: Duration) {
        let (gate, fate) = (self.gates().retire, Arc::clone(&self.fate));
        // Each time a way out of its own, of which the quickest counts; they end with the worker.
        self.retiring.lock().unwrap_or_else(PoisonError::into_inner).spawn(async move {
            match tokio::time::timeout(within, gate.pass()).await {
                Ok(passed) => fate.end(CrashCause::Exit { code: i32::from(!passed) }, true, Begun::Perhaps),
                Err(_elapsed) => {
                    fate.end(CrashCause::Killed { reason: KillReason::Timeout }, true, Begun::Perhaps);
                }
            }
        });
    }

    fn kill(&self, reason: KillReason) {
        self.fate.end(CrashCause::Killed { reason }, true, Begun::Perhaps);
    }

    fn ended(&self) -> BoxFuture<'static, WorkerEnd> {
        let fate = Arc::clone(&self.fate);
        Box::pin(async move { fate.ended().await.0 })
    }
}

impl Drop for MockWorker {
    fn drop(&mut self) {
        self.kill(KillReason::Shutdown);
    }
}
