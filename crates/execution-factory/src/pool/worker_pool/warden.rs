//! The tasks that tend workers: one from the start of each to its end, one for each health check. They hold neither the
//! pool nor the worker while they wait, so that a pool that everyone has let go of ends.

use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use plugdock_contracts::backend::BackendEvent;
use plugdock_contracts::error::{CrashCause, ErrorCode, ExecutionError, KillReason, Step};
use plugdock_contracts::span::format_span;
use plugdock_contracts::{PluginId, WorkerId, WorkerState};
use tokio::sync::Notify;

use super::clock;
use super::pool_core::{Handle, PoolCore, Tended, lock};
use super::scheduler::{Ready, WorkerKey};
use crate::pool::executor::{CheckAnswer, PoolWorker, StartError, StartOrder, WorkerEnd};
use crate::pool::lifecycle::{Answer, Check, CheckKind};
use crate::pool::queue::LaneKey;

/// Between the end of a worker's connection and the end of its process, before it counts as one that does not answer.
const EXIT_WITHIN: Duration = Duration::from_millis(500);

/// What became of a start.
enum Started {
    Ready(Arc<dyn PoolWorker>),
    Failed(StartError),
    GivenUp,
}

/// Tells of the end of a worker whose task panics, so that nobody waits for it for ever.
struct Vigil {
    pool: Weak<PoolCore>,
    worker: WorkerKey,
}

impl Drop for Vigil {
    fn drop(&mut self) {
        // A task that was aborted belonged to a pool or a runtime that is gone, and what it tended with it.
        if std::thread::panicking()
            && let Some(pool) = self.pool.upgrade()
        {
            pool.lost(self.worker);
        }
    }
}

/// Starts a worker, and tends it to its end.
pub(super) fn start(pool: &Arc<PoolCore>, worker: WorkerKey, lane: LaneKey) {
    let Some(order) = lock(&pool.book).get(lane).map(|entry| Arc::clone(&entry.order)) else {
        debug_assert!(false, "a worker of a lane that nobody knows");
        return;
    };
    let tended = Tended { id: WorkerId::generate(), lane, give_up: Arc::new(Notify::new()) };
    lock(&pool.tended).insert(worker, tended.clone());
    // Another thread may have been told to send it away before this one came to start it, and found nobody to tell.
    if !pool.is_wanted(worker) {
        tended.give_up.notify_one();
    }
    pool.spawn(tend(Arc::downgrade(pool), worker, tended, order));
}

async fn tend(pool: Weak<PoolCore>, worker: WorkerKey, tended: Tended, order: Arc<StartOrder>) {
    // From here, and not from when it was spawned: a runtime that is gone drops it unbegun, with a lock held.
    let vigil = Vigil { pool, worker };
    let pool = &vigil.pool;
    let plugin = order.plugin.manifest.id.clone();
    let begun = clock::now();
    let started = begin(pool, &tended, order).await;
    let Some(alive) = pool.upgrade() else { return };
    match started {
        Started::Ready(handle) => {
            let ended = handle.ended();
            alive.begin_service(worker, &tended.id, &plugin, handle, begun);
            drop(alive);
            let end = ended.await;
            if let Some(alive) = pool.upgrade() {
                alive.end_service(worker, &tended.id, plugin, end);
            }
        }
        Started::Failed(StartError { error, permanent }) => {
            let told = BackendEvent::StartFailed { plugin, error: Box::new(error.clone()) };
            alive.parts.announcer.announce(told);
            alive.start_failed(worker, error, permanent);
            lock(&alive.tended).remove(&worker);
        }
        Started::GivenUp => {
            let now = clock::now();
            let text = "it was given up while it was started".to_owned();
            alive.desk().act(now, |state| state.scheduler.exited(now, worker, true, text));
            lock(&alive.tended).remove(&worker);
        }
    }
}

async fn begin(pool: &Weak<PoolCore>, tended: &Tended, order: Arc<StartOrder>) -> Started {
    let begun = pool
        .upgrade()
        .map(|pool| (pool.parts.starter.start(tended.id.clone(), order), pool.parts.start_within));
    let Some((starting, within)) = begun else { return Started::GivenUp };
    tokio::select! {
        biased;
        () = tended.give_up.notified() => Started::GivenUp,
        started = tokio::time::timeout(within, starting) => match started {
            Ok(Ok(handle)) => Started::Ready(handle),
            Ok(Err(error)) => Started::Failed(error),
            Err(_elapsed) => {
                let message = format!("no worker was ready within {}", format_span(within));
                let error = ExecutionError::new(ErrorCode::SpawnFailed, message);
                Started::Failed(StartError { error: error.with_step(Step::Spawn).with_limit(within), permanent: false })
            }
        },
    }
}

impl PoolCore {
    fn begin_service(
        &self,
        worker: WorkerKey,
        id: &WorkerId,
        plugin: &PluginId,
        ready: Arc<dyn PoolWorker>,
        begun: Instant,
    ) {
        let announcer = &self.parts.announcer;
        let (pid, concurrent) = (ready.pid(), ready.concurrent());
        announcer.announce(BackendEvent::Spawned { worker: id.clone(), plugin: plugin.clone(), pid });
        announcer.announce(BackendEvent::Ready { worker: id.clone() });
        let now = clock::now();
        self.desk().act(now, |state| {
            let spawn = now.saturating_duration_since(begun);
            state.handles.insert(worker, Handle { worker: ready, spawn, ready_at: now });
            state.scheduler.spawn_took(spawn, plugin);
            state.scheduler.ready(now, worker, Ready { concurrent });
        });
    }

    fn end_service(&self, worker: WorkerKey, id: &WorkerId, plugin: PluginId, end: WorkerEnd) {
        let now = clock::now();
        let text = format!("the worker {}", end.cause);
        let text = end.tail.last().map_or(text.clone(), |last| format!("{text}; it said: {last}"));
        let handle = self.desk().act(now, |state| {
            let handle = state.handles.remove(&worker);
            match end.cause {
                // All workers of all plugins died of it.
                CrashCause::SpawnerLost if !end.expected => state.scheduler.lost(now, worker),
                _ => state.scheduler.exited(now, worker, end.expected, text),
            }
            handle
        });
        // Outside the lock: the last reference does some work when it goes.
        drop(handle);
        lock(&self.tended).remove(&worker);
        if !end.expected {
            let crashed = BackendEvent::Crashed { worker: id.clone(), plugin, cause: end.cause };
            self.parts.announcer.announce(crashed);
        }
        self.parts.announcer.announce(BackendEvent::Exited { worker: id.clone() });
    }

    /// Whether a worker that is being started is still to be.
    fn is_wanted(&self, worker: WorkerKey) -> bool {
        let now = clock::now();
        let views = self.desk().look(|state| state.scheduler.view(now));
        views.iter().any(|view| view.worker == worker && view.state == WorkerState::Starting)
    }

    /// The task that tended a worker is gone.
    fn lost(&self, worker: WorkerKey) {
        let now = clock::now();
        let text = "the task that tended it panicked".to_owned();
        let handle = self.desk().act(now, |state| {
            let handle = state.handles.remove(&worker)?;
            state.scheduler.exited(now, worker, false, text.clone());
            Some(handle)
        });
        if let Some(handle) = handle {
            handle.worker.kill(KillReason::Unhealthy);
        } else {
            let error = ExecutionError::new(ErrorCode::UnknownError, text).with_step(Step::Spawn);
            self.start_failed(worker, error, false);
        }
        lock(&self.tended).remove(&worker);
    }
}

/// Asks a worker how it is, and tells the scheduler.
pub(super) fn check(pool: &Arc<PoolCore>, worker: WorkerKey, check: Check) {
    let Some(handle) = pool.handle(worker) else { return };
    let (asked, ended) = (handle.worker.check(check.kind == CheckKind::Busy), handle.worker.ended());
    drop(handle);
    let pool_then = Arc::downgrade(pool);
    pool.spawn(async move {
        let answer = match tokio::time::timeout_at(check.deadline.into(), asked).await {
            Ok(CheckAnswer::Healthy) => Answer::Healthy,
            Ok(CheckAnswer::Degraded(what)) => Answer::Degraded(what),
            Ok(CheckAnswer::Unhealthy(what)) => Answer::Unhealthy(what),
            // Its end says more than that it does not answer, if it comes.
            Ok(CheckAnswer::Gone) => match tokio::time::timeout(EXIT_WITHIN, ended).await {
                Ok(_told_elsewhere) => return,
                Err(_elapsed) => Answer::Silent,
            },
            Err(_elapsed) => Answer::Silent,
        };
        let Some(pool) = pool_then.upgrade() else { return };
        let now = clock::now();
        pool.desk().act(now, |state| state.scheduler.checked(now, worker, check, answer));
    });
}
