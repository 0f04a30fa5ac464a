//! The scheduler's state, and how requests come in and leave.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::{Duration, Instant};

use plugdock_contracts::PluginId;
use plugdock_contracts::request::Priority;

use super::action::{Action, WhyNot};
use super::call_table::{CallEntry, CallState, CallTable};
use super::input::{Refused, Submission};
use super::lane::Lane;
use super::member::{Member, WorkerKey};
use super::tally::Tally;
use crate::pool::lifecycle::{Bounds, Breaker, BreakerConfig, Gate, WearLimits};
use crate::pool::queue::{FairQueue, LaneKey, Level, Part, PluginKey, QueueConfig, Ticket, Waiter};
use crate::pool::stats::PoolRecorder;

/// Numbers of a scheduler.
#[derive(Debug, Clone)]
pub(crate) struct SchedulerConfig {
    pub(crate) bounds: Bounds,
    /// Calls on one worker at a time, of concurrent handlers.
    pub(crate) depth: usize,
    /// Workers beyond `max`, for nested executions.
    pub(crate) max_surplus: usize,
    pub(crate) queue: QueueConfig,
    pub(crate) wear: WearLimits,
    pub(crate) breaker: BreakerConfig,
    pub(crate) idle_after: Duration,
    pub(crate) health_every: Duration,
    pub(crate) health_within: Duration,
    /// Draws the jitter of workers; two pools should not draw the same.
    pub(crate) seed: u64,
}

/// What a timer is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Timer {
    Member(WorkerKey),
    Lane(LaneKey),
}

/// The scheduler.
#[derive(Debug)]
pub(crate) struct Scheduler {
    pub(super) config: SchedulerConfig,
    pub(super) queue: FairQueue,
    pub(super) members: BTreeMap<WorkerKey, Member>,
    pub(super) lanes: BTreeMap<LaneKey, Lane>,
    pub(super) plugins: HashMap<PluginId, (PluginKey, usize)>,
    pub(super) calls: CallTable,
    /// Idle workers of all lanes, longest idle first.
    pub(super) idle: BTreeSet<(Instant, WorkerKey)>,
    /// Workers that are going, have no call, and whose slot is nobody's yet.
    pub(super) vacant: BTreeSet<WorkerKey>,
    /// Worn workers that wait for their turn to be replaced.
    pub(super) worn: BTreeSet<WorkerKey>,
    /// Sent away one by one for recycling, their replacement not ready yet.
    pub(super) n_out: usize,
    /// What all workers are.
    pub(super) tally: Tally,
    /// Lanes with fewer workers than are kept of them.
    pub(super) short: BTreeSet<LaneKey>,
    pub(super) timers: BTreeSet<(Instant, Timer)>,
    pub(super) recorder: PoolRecorder,
    pub(super) actions: Vec<Action>,
    pub(super) stopping: bool,
    pub(super) next_worker: u64,
    next_lane: u32,
    next_plugin: u32,
}

impl Scheduler {
    pub(crate) fn new(config: SchedulerConfig, now: Instant) -> Self {
        Self {
            queue: FairQueue::new(config.queue.clone()),
            config,
            members: BTreeMap::new(),
            lanes: BTreeMap::new(),
            plugins: HashMap::new(),
            calls: CallTable::default(),
            idle: BTreeSet::new(),
            vacant: BTreeSet::new(),
            worn: BTreeSet::new(),
            n_out: 0,
            tally: Tally::default(),
            short: BTreeSet::new(),
            timers: BTreeSet::new(),
            recorder: PoolRecorder::new(now),
            actions: Vec::new(),
            stopping: false,
            next_worker: 0,
            next_lane: 0,
            next_plugin: 0,
        }
    }

    /// What is to be done, in order; the list is empty afterwards.
    pub(crate) fn take_actions(&mut self) -> Vec<Action> {
        std::mem::take(&mut self.actions)
    }

    /// A lane for a worker identity of a plugin. `warm` workers are kept of it.
    pub(crate) fn add_lane(&mut self, now: Instant, plugin: &PluginId, weight: u32, warm: usize) -> LaneKey {
        let lane = LaneKey(self.next_lane);
        self.next_lane += 1;
        let (plugin_key, n_lanes) = self.plugins.entry(plugin.clone()).or_insert_with(|| {
            self.next_plugin += 1;
            (PluginKey(self.next_plugin), 0)
        });
        *n_lanes += 1;
        let plugin_key = *plugin_key;
        self.queue.add_lane(lane, plugin_key, weight);
        let breaker = Breaker::new(self.config.breaker);
        self.lanes.insert(lane, Lane::new(plugin.clone(), plugin_key, warm, breaker));
        self.sync(lane);
        self.keep_warm(now);
        if warm == 0 {
            // Whoever asked for it may never come, or be refused.
            self.arm_lane(lane, now + self.config.idle_after);
        }
        lane
    }

    /// Takes a request in. What becomes of it is an action: a grant, at once or later, or a refusal.
    ///
    /// # Errors
    /// [`Refused`]: it is not taken in, and no action will name it.
    pub(crate) fn submit(&mut self, now: Instant, submission: Submission) -> Result<(), Refused> {
        self.check(now, &submission)?;
        if submission.nested {
            return self.submit_nested(now, submission);
        }
        let Submission { ticket, lane, handler, tenant, priority, bytes, deadline, again, .. } = submission;
        let Some(found) = self.lanes.get(&lane) else { return Err(Refused::Stale) };
        let plugin = found.plugin_key;
        let tenant = self.calls.enter(tenant.as_ref());
        let level = match priority {
            Priority::High => Level::High,
            Priority::Low => Level::Low,
            _ => Level::Normal,
        };
        // A worker that is free belongs to whoever waits already; only when nobody does, to the newcomer.
        let free = if self.queue.head(lane).is_none() { self.available(lane, &handler) } else { None };
        let state = CallState::Waiting;
        let entry =
            CallEntry { lane, handler, tenant, level, bytes, since: now, deadline, nested: false, state };
        if let Some(worker) = free
            && self.queue.try_run(plugin, tenant, level)
        {
            self.admit(ticket, entry);
            self.grant(now, ticket, worker);
            // It may have taken the place of another of its tenant, which was the first of another lane.
            self.serve_woken(now);
            return Ok(());
        }
        let waiter = Waiter { ticket, lane, plugin, tenant, level, bytes, since: now, deadline };
        if again {
            self.queue.put_back(now, waiter);
        } else if let Err(full) = self.queue.submit(now, waiter.clone()) {
            // One for which a worker is started at once does not wait for others: with no places at all, it is the only
            // way in.
            if full.part == Part::Count && self.starts_for(now, waiter) {
                self.admit(ticket, entry);
                self.serve(now, lane);
                self.settle(now);
                return Ok(());
            }
            self.calls.leave(tenant);
            self.recorder.queue_full();
            let capacity = self.config.bounds.max.saturating_mul(self.config.depth);
            let retry_after = self.recorder.retry_after(self.queue.len(), capacity);
            return Err(Refused::Full { full, retry_after });
        }
        self.admit(ticket, entry);
        self.serve(now, lane);
        self.settle(now);
        Ok(())
    }

    /// Lets a request in beyond the limit if a worker will be started for it now. One that would have to wait for a cap, or
    /// for a worker that is being started already, is not let in.
    fn starts_for(&mut self, now: Instant, waiter: Waiter) -> bool {
        let (ticket, lane) = (waiter.ticket, waiter.lane);
        let has_bytes = self.queue.bytes().saturating_add(waiter.bytes) <= self.config.queue.byte_limit;
        let has_room = self.n_regular() < self.config.bounds.max && self.queue.wanting().is_none();
        if !(has_bytes && has_room && self.can_start(now, lane)) {
            return false;
        }
        self.queue.put_back(now, waiter);
        let starts = self.queue.wants_slot(lane);
        if !starts {
            self.queue.cancel(ticket);
        }
        starts
    }

    fn check(&mut self, now: Instant, submission: &Submission) -> Result<(), Refused> {
        if self.stopping {
            return Err(Refused::ShuttingDown);
        }
        let Some(lane) = self.lanes.get_mut(&submission.lane).filter(|lane| !lane.closed) else {
            return Err(Refused::Stale);
        };
        if lane.tally.serving > 0 {
            return Ok(());
        }
        let retry_after = match lane.breaker.may_start(now) {
            Gate::Quarantined { until, .. } => until.saturating_duration_since(now),
            // A nested one would have a worker started for itself, beside the one that is tried.
            Gate::TrialOut if submission.nested => self.config.breaker.backoff_min,
            _ => return Ok(()),
        };
        Err(Refused::Quarantined { exits: lane.breaker.exits().iter().cloned().collect(), retry_after })
    }

    /// A nested request takes what is free, or a worker is started for it alone, beyond the bounds if need be: the slot
    /// it would wait for could be held by the execution that waits for it.
    fn submit_nested(&mut self, now: Instant, submission: Submission) -> Result<(), Refused> {
        let Submission { ticket, lane, handler, tenant, bytes, .. } = submission;
        let worker = self.available(lane, &handler);
        let is_full = self.n_regular() >= self.config.bounds.max;
        if worker.is_none() && is_full && self.tally.surplus >= self.config.max_surplus {
            return Err(Refused::TooManyNested { limit: self.config.max_surplus });
        }
        let tenant = self.calls.enter(tenant.as_ref());
        let (level, state) = (Level::Nested, CallState::Waiting);
        let entry = CallEntry {
            lane,
            handler,
            tenant,
            level,
            bytes,
            since: now,
            deadline: None,
            nested: true,
            state,
        };
        self.admit(ticket, entry);
        self.place_nested(now, ticket, lane, worker);
        Ok(())
    }

    /// Gives a nested request the worker that is free for it, or starts one.
    pub(super) fn place_nested(
        &mut self,
        now: Instant,
        ticket: Ticket,
        lane: LaneKey,
        free: Option<WorkerKey>,
    ) {
        if let Some(worker) = free {
            return self.grant(now, ticket, worker);
        }
        let is_full = self.n_regular() >= self.config.bounds.max;
        let key = self.start(now, lane, is_full, Some(ticket));
        self.calls.set_state(ticket, CallState::Bound(key));
    }

    fn admit(&mut self, ticket: Ticket, entry: CallEntry) {
        if let Some(lane) = self.lanes.get_mut(&entry.lane) {
            lane.n_calls += 1;
        }
        self.calls.insert(ticket, entry);
    }

    /// Takes a request off that is over or refused.
    pub(super) fn drop_call(&mut self, now: Instant, ticket: Ticket) {
        let Some(entry) = self.calls.remove(ticket) else { return };
        if let Some(lane) = self.lanes.get_mut(&entry.lane) {
            lane.n_calls -= 1;
        }
        self.forget_if_unused(now, entry.lane);
    }

    /// Refuses a request that is out of the queue already.
    pub(super) fn refuse(&mut self, now: Instant, ticket: Ticket, why: WhyNot) {
        self.actions.push(Action::Refuse { ticket, why });
        self.drop_call(now, ticket);
    }

    /// A request is given up. If it waits, its place is free at once; if it runs, its call's end is still to be told.
    /// Answers whether it waited.
    pub(crate) fn cancel(&mut self, now: Instant, ticket: Ticket) -> bool {
        let Some(CallEntry { lane, state, .. }) = self.calls.get(ticket).cloned() else { return false };
        match state {
            CallState::Waiting => {
                self.queue.cancel(ticket);
                self.drop_call(now, ticket);
                // The next one may share a worker that this one could not.
                self.serve(now, lane);
                self.settle(now);
                true
            }
            CallState::Bound(worker) => {
                self.change(now, worker, |member| member.bound = None);
                self.drop_call(now, ticket);
                // Nobody needs it beyond the bounds any more. Within them it is started for whoever comes.
                self.end_surplus(now, worker);
                self.settle(now);
                true
            }
            CallState::Running(_) => false,
        }
    }
}
