//! The pool: its desk, its lanes, and the tasks that tend its workers. It decides nothing; the scheduler does.
//!
//! # Locks
//!
//! The order is: the book, then the desk. The other way round never happens: what is done with the desk's lock held names
//! nothing of the pool, and what follows from it is done when the lock is free. Whoever holds `tended`, `tasks` or a
//! plugin memory's lock takes no other one. Under none of them is anything awaited, or the last reference to a worker
//! dropped, which ends it: a worker's handle leaves the desk as the answer of what removed it.

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use plugdock_contracts::backend::BackendEvent;
use plugdock_contracts::error::{CrashCause, ErrorCode, ExecutionError};
use plugdock_contracts::{Limits, PluginId, WorkerId, WorkerStatus};
use tokio::runtime::Handle as Runtime;
use tokio::sync::Notify;
use tokio::task::JoinSet;

use super::clock;
use super::desk::{Desk, DeskState, Effects};
use super::identity::Identity;
use super::lane_book::LaneBook;
use super::scheduler::{Action, Note, Scheduler, SchedulerConfig, WorkerKey};
use crate::engine::{Announcer, NoSeat};
use crate::plugin::PluginSource;
use crate::pool::PoolConfig;
use crate::pool::executor::{PoolWorker, StartOrder, StartWorker};
use crate::pool::lifecycle::{Bounds, BreakerConfig, WearLimits};
use crate::pool::queue::{CapPolicy, LaneKey, QueueConfig, Ticket};
use crate::worker::WorkerDefaults;

/// A ready worker.
#[derive(Debug, Clone)]
pub(crate) struct Handle {
    pub(crate) worker: Arc<dyn PoolWorker>,
    /// From its start until it was ready.
    pub(crate) spawn: Duration,
    /// When it was ready: whoever asks later did not wait for its start.
    pub(crate) ready_at: Instant,
}

/// The desk of a real pool.
pub(crate) type PoolDesk = Desk<Handle, Mutex<DeskState<Handle>>, Errands>;

/// Workers beyond the bounds for nested executions, for each worker within them: they do not wait, so a bound of their
/// own keeps a handler that invokes without end from starting processes without end.
const NESTED_FACTOR: usize = 8;

/// What a pool is made of.
pub(crate) struct PoolParts {
    pub(crate) config: PoolConfig,
    pub(crate) starter: Box<dyn StartWorker>,
    pub(crate) announcer: Announcer,
    pub(crate) plugins: Arc<PluginSource>,
    pub(crate) defaults: Arc<WorkerDefaults>,
    /// What a worker may use when neither request nor manifest says so.
    pub(crate) limits: Limits,
    /// Time from a start to a worker that is ready, everything included.
    pub(crate) start_within: Duration,
}

/// A worker as the pool's tasks know it, from its start to its end.
#[derive(Debug, Clone)]
pub(super) struct Tended {
    pub(super) id: WorkerId,
    pub(super) lane: LaneKey,
    /// Ends the start of a worker that is no longer wanted.
    pub(super) give_up: Arc<Notify>,
}

/// The pool.
pub(crate) struct PoolCore {
    desk: PoolDesk,
    pub(super) parts: PoolParts,
    pub(super) host_env: Vec<(String, String)>,
    pub(super) book: Mutex<LaneBook>,
    /// Areas named so far: none is named twice.
    n_areas: AtomicU64,
    pub(super) tended: Mutex<HashMap<WorkerKey, Tended>>,
    pub(super) tasks: Mutex<JoinSet<()>>,
    pub(super) runtime: Runtime,
}

/// Does what the scheduler wants done, by a pool that may be gone.
#[derive(Debug)]
pub(crate) struct Errands(Weak<PoolCore>);

impl Effects for Errands {
    fn perform(&self, action: Action) {
        if let Some(pool) = self.0.upgrade() {
            pool.perform(action);
        }
    }

    fn now(&self) -> Instant {
        clock::now()
    }
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl PoolCore {
    /// Makes a pool in the current runtime. It starts what is kept warm by itself.
    pub(crate) fn new(parts: PoolParts) -> Arc<Self> {
        let scheduler = Scheduler::new(scheduler_config(&parts.config), clock::now());
        let pool = Arc::new_cyclic(|myself| Self {
            desk: Desk::new(scheduler, Errands(Weak::clone(myself))),
            parts,
            // Names that are no text are no names a grant could mean.
            host_env: std::env::vars_os()
                .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
                .collect(),
            book: Mutex::default(),
            n_areas: AtomicU64::new(0),
            tended: Mutex::default(),
            tasks: Mutex::default(),
            runtime: Runtime::current(),
        });
        super::timekeeper::begin(&pool);
        pool
    }

    pub(crate) fn desk(&self) -> &PoolDesk {
        &self.desk
    }

    pub(super) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        let mut tasks = lock(&self.tasks);
        // Finished tasks are taken out here, so that the set stays as small as what is alive.
        while tasks.try_join_next().is_some() {}
        tasks.spawn_on(task, &self.runtime);
    }

    /// The lane of a request, made if there is none. A plugin that was prepared before its program was replaced is stale.
    pub(crate) fn lane(&self, order: StartOrder, ticket: Ticket) -> Result<LaneKey, NoSeat> {
        let known = lock(&self.book).last(&order);
        if let Some(lane) = known {
            return Ok(lane);
        }
        let identity = Identity::of(&order, &self.parts.defaults, &self.host_env)?;
        let plugin = &order.plugin;
        let mut book = lock(&self.book);
        // With the book in hand, so that whoever replaces the program meanwhile finds the lane, and closes it.
        if !self.parts.plugins.is_current(plugin) {
            return Err(NoSeat::Stale { place: ticket.0 });
        }
        if let Some(lane) = book.find(&identity) {
            book.remember(&order, lane);
            return Ok(lane);
        }
        let outdated = book.close_outdated(&identity.origin, &identity.digest);
        let id = plugin.manifest.id.clone();
        let warm = if self.is_warm(&id) && self.is_plain(&order) { self.parts.config.min } else { 0 };
        let weight = self.parts.config.weights.get(&id).copied().unwrap_or(1);
        let mut order = order;
        order.area = format!("lane-{}", self.n_areas.fetch_add(1, Ordering::Relaxed));
        let order = Arc::new(order);
        let now = clock::now();
        // The book is told before any worker of the lane can be asked for: actions are done after the change.
        let lane = self.desk.act(now, |state| {
            let lane = state.scheduler.add_lane(now, &id, weight, warm);
            book.insert(lane, identity, order);
            drop(book);
            lane
        });
        self.close_lanes(&outdated, &id);
        Ok(lane)
    }

    fn is_warm(&self, plugin: &PluginId) -> bool {
        self.parts.config.warm.contains(plugin)
    }

    /// Whether an order is what a plugin gets when a request asks for nothing of its own.
    fn is_plain(&self, order: &StartOrder) -> bool {
        let manifest = &order.plugin.manifest;
        let limits = manifest.resources.limits.clone().or(&self.parts.limits);
        order.permissions == manifest.permissions && order.limits == limits && order.existing.is_none()
    }

    pub(super) fn perform(self: &Arc<Self>, action: Action) {
        match action {
            Action::Start { worker, lane } => super::warden::start(self, worker, lane),
            Action::Retire { worker } => match self.handle(worker) {
                Some(handle) => handle.worker.retire(self.parts.config.retire_within),
                None => {
                    if let Some(tended) = self.tended(worker) {
                        tended.give_up.notify_one();
                    }
                }
            },
            Action::Kill { worker, reason } => {
                if let Some(handle) = self.handle(worker) {
                    handle.worker.kill(reason);
                }
            }
            Action::Check { worker, check } => super::warden::check(self, worker, check),
            Action::Forget { lane } => lock(&self.book).forget(lane),
            Action::Tell(note) => self.tell(note),
            // Those are answered at the desk.
            Action::Grant { .. } | Action::Refuse { .. } => {}
        }
    }

    pub(super) fn handle(&self, worker: WorkerKey) -> Option<Handle> {
        self.desk.look(|state| state.handles.get(&worker).cloned())
    }

    pub(super) fn tended(&self, worker: WorkerKey) -> Option<Tended> {
        lock(&self.tended).get(&worker).cloned()
    }

    pub(super) fn plugin_of(&self, lane: LaneKey) -> Option<PluginId> {
        lock(&self.book).get(lane).map(|entry| entry.order.plugin.manifest.id.clone())
    }

    fn tell(&self, note: Note) {
        let of_worker = |worker| {
            let tended = self.tended(worker)?;
            Some((tended.id, self.plugin_of(tended.lane)?))
        };
        let event = match note {
            Note::Recycled { worker, why } => {
                of_worker(worker).map(|(worker, plugin)| BackendEvent::Recycled { worker, plugin, why })
            }
            Note::HealthFailed { worker, detail } => of_worker(worker)
                .map(|(worker, plugin)| BackendEvent::HealthFailed { worker, plugin, detail }),
            Note::Quarantined { lane, exits, retry_after } => {
                self.plugin_of(lane).map(|plugin| BackendEvent::Quarantined { plugin, exits, retry_after })
            }
            Note::Released { lane } => self.plugin_of(lane).map(|plugin| BackendEvent::Released { plugin }),
            Note::Resized { min, max } => Some(BackendEvent::Resized { min, max }),
        };
        if let Some(event) = event {
            self.parts.announcer.announce(event);
        }
    }

    /// The workers, for people.
    pub(crate) fn workers(&self) -> Vec<WorkerStatus> {
        let now = clock::now();
        let views = self.desk.look(|state| {
            let views = state.scheduler.view(now);
            views.into_iter().map(|view| (state.handles.get(&view.worker).cloned(), view)).collect::<Vec<_>>()
        });
        let mut workers = Vec::with_capacity(views.len());
        for (handle, view) in views {
            let Some(tended) = self.tended(view.worker) else { continue };
            let described = lock(&self.book).get(view.lane).map(|entry| {
                (entry.order.plugin.manifest.id.clone(), entry.identity.generation().to_owned())
            });
            let Some((plugin, generation)) = described else { continue };
            let mut status = WorkerStatus::new(tended.id, plugin, generation, view.state);
            (status.age, status.calls, status.running) = (view.age, view.calls, view.running);
            if let Some(handle) = handle {
                let sample = handle.worker.sample();
                status.pid = Some(handle.worker.pid());
                (status.cpu, status.resident_bytes) = (sample.cpu, sample.resident);
            }
            workers.push(status);
        }
        workers
    }

    /// Ends every worker. Nothing is left when it returns.
    pub(crate) async fn stop(&self) {
        let now = clock::now();
        self.desk.act(now, |state| state.scheduler.stop(now));
        self.desk.emptied().await;
        let mut tasks = std::mem::take(&mut *lock(&self.tasks));
        tasks.shutdown().await;
    }

    /// Notes the error of a start, tells the scheduler, and forgets it again.
    pub(super) fn start_failed(&self, worker: WorkerKey, error: ExecutionError, permanent: bool) {
        let now = clock::now();
        let text = error.to_string();
        // Only a spawner that is being restarted says when to try again.
        let postponed = error.retry_after().filter(|_| *error.code() == ErrorCode::SpawnFailed);
        let with_spawner = error.cause() == Some(&CrashCause::SpawnerLost);
        let pause = postponed.or(with_spawner.then_some(Duration::ZERO));
        self.desk.act(now, |state| {
            state.errors.insert(worker, error);
            match pause {
                Some(pause) => state.scheduler.start_postponed(now, worker, pause),
                None => state.scheduler.start_failed(now, worker, permanent, text),
            }
        });
        self.desk.act(now, |state| state.errors.remove(&worker));
    }
}

fn scheduler_config(config: &PoolConfig) -> SchedulerConfig {
    SchedulerConfig {
        bounds: Bounds { min: config.min, max: config.max },
        depth: config.depth,
        max_surplus: config.max.saturating_mul(NESTED_FACTOR),
        queue: QueueConfig {
            limit: config.queue,
            byte_limit: config.queue_bytes.bytes(),
            plugin_limit: config.plugin_queue,
            tenant_limit: config.tenant_queue,
            plugin_cap: config.plugin_concurrency,
            tenant_cap: config.tenant_concurrency,
            on_cap: match config.on_cap {
                super::super::OnCap::Wait => CapPolicy::Wait,
                super::super::OnCap::Reject => CapPolicy::Reject,
            },
            turn: config.turn,
            age_after: config.age_after,
        },
        wear: WearLimits {
            calls: config.recycle_calls,
            age: config.recycle_age,
            memory: config.recycle_memory.map(plugdock_contracts::ByteSize::bytes),
            jitter_percent: config.recycle_jitter,
        },
        breaker: BreakerConfig {
            limit: config.crash_limit,
            window: config.crash_window,
            backoff_min: config.backoff_min,
            backoff_max: config.backoff_max,
            quarantine: config.quarantine,
            quarantine_max: config.quarantine_max,
        },
        idle_after: config.idle_after,
        health_every: config.health_every,
        health_within: config.health_within,
        // What only has to differ between pools of one machine.
        seed: std::hash::BuildHasher::hash_one(&std::collections::hash_map::RandomState::new(), 0),
    }
}

impl fmt::Debug for PoolCore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PoolCore").field("workers", &lock(&self.tended).len()).finish_non_exhaustive()
    }
}
