//! A scheduler on a stage: tests tell it what happens, and read what it wants done as short lines.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use plugdock_contracts::request::Priority;
use plugdock_contracts::{HandlerId, PluginId, TenantId};

use super::super::action::{Action, Note, WhyNot};
use super::super::input::{AfterCall, Again, CallOver, Ready, Refused, Submission};
use super::super::member::WorkerKey;
use super::super::{Scheduler, SchedulerConfig};
use crate::pool::lifecycle::{Bounds, BreakerConfig, Check, CheckKind, WearLimits};
use crate::pool::queue::{CapPolicy, LaneKey, QueueConfig, Ticket};

/// Far enough away to play no part.
pub(super) const FAR: Duration = Duration::from_hours(1);

/// A pool in which only what a test sets matters: nothing is worn, idle for too long, or asked how it is.
pub(super) fn config(min: usize, max: usize) -> SchedulerConfig {
    SchedulerConfig {
        bounds: Bounds { min, max },
        depth: 1,
        max_surplus: 2,
        queue: QueueConfig {
            limit: 1000,
            byte_limit: 1000,
            plugin_limit: None,
            tenant_limit: None,
            plugin_cap: None,
            tenant_cap: None,
            on_cap: CapPolicy::Wait,
            turn: Duration::from_millis(50),
            age_after: FAR,
        },
        wear: WearLimits { calls: None, age: None, memory: None, jitter_percent: 0 },
        breaker: BreakerConfig {
            limit: 3,
            window: Duration::from_secs(10),
            backoff_min: Duration::from_millis(100),
            backoff_max: Duration::from_secs(1),
            quarantine: Duration::from_secs(30),
            quarantine_max: Duration::from_mins(1),
        },
        idle_after: FAR,
        health_every: FAR,
        health_within: Duration::from_secs(5),
        seed: 1,
    }
}

pub(super) struct Stage {
    pub(super) scheduler: Scheduler,
    pub(super) now: Instant,
    pub(super) checks: Vec<(WorkerKey, Check)>,
    said: Vec<String>,
    next_ticket: u64,
}

/// What a request is, apart from its lane.
#[derive(Clone, Default)]
pub(super) struct Ask {
    pub(super) tenant: Option<&'static str>,
    pub(super) priority: Priority,
    pub(super) bytes: u64,
    pub(super) patience: Option<Duration>,
    pub(super) nested: bool,
    /// Of the handler that may run beside others.
    pub(super) concurrent: bool,
}

impl Stage {
    pub(super) fn new(config: SchedulerConfig) -> Self {
        let now = Instant::now();
        Self {
            scheduler: Scheduler::new(config, now),
            now,
            checks: Vec::new(),
            said: Vec::new(),
            next_ticket: 0,
        }
    }

    pub(super) fn lane(&mut self, plugin: &str) -> LaneKey {
        self.warm_lane(plugin, 0)
    }

    pub(super) fn warm_lane(&mut self, plugin: &str, warm: usize) -> LaneKey {
        let lane = self.scheduler.add_lane(self.now, &PluginId::new(plugin).unwrap(), 1, warm);
        self.listen();
        lane
    }

    pub(super) fn try_ask(&mut self, lane: LaneKey, ask: &Ask) -> Result<Ticket, Refused> {
        self.next_ticket += 1;
        let ticket = Ticket(self.next_ticket);
        let submission = Submission {
            ticket,
            lane,
            handler: HandlerId::new(if ask.concurrent { "shared" } else { "alone" }).unwrap(),
            tenant: ask.tenant.map(|tenant| TenantId::new(tenant).unwrap()),
            priority: ask.priority,
            bytes: ask.bytes,
            deadline: ask.patience.map(|patience| self.now + patience),
            nested: ask.nested,
            again: false,
        };
        let taken = self.scheduler.submit(self.now, submission);
        self.listen();
        taken.map(|()| ticket)
    }

    #[track_caller]
    pub(super) fn ask(&mut self, lane: LaneKey, ask: &Ask) -> Ticket {
        self.try_ask(lane, ask).unwrap()
    }

    /// A plain request.
    #[track_caller]
    pub(super) fn submit(&mut self, lane: LaneKey) -> Ticket {
        self.ask(lane, &Ask::default())
    }

    pub(super) fn cancel(&mut self, ticket: Ticket) -> bool {
        let waited = self.scheduler.cancel(self.now, ticket);
        self.listen();
        waited
    }

    /// A worker is ready. It says that the handler `shared` may run beside others.
    pub(super) fn ready(&mut self, worker: u64) {
        let concurrent = Arc::new(BTreeSet::from([HandlerId::new("shared").unwrap()]));
        self.scheduler.ready(self.now, WorkerKey(worker), Ready { concurrent });
        self.listen();
    }

    pub(super) fn fail_start(&mut self, worker: u64, permanent: bool) {
        self.scheduler.start_failed(self.now, WorkerKey(worker), permanent, "no such file".to_owned());
        self.listen();
    }

    /// Ends a call as told.
    pub(super) fn over(&mut self, ticket: Ticket, over: CallOver) {
        self.scheduler.ended(self.now, ticket, over);
        self.listen();
    }

    /// A call ends well after so long.
    pub(super) fn end_after(&mut self, ticket: Ticket, ms: u64) {
        let service = Duration::from_millis(ms);
        self.now += service;
        self.over(ticket, CallOver { service, ..FINE });
    }

    /// A call ends well, at once.
    pub(super) fn end(&mut self, ticket: Ticket) {
        self.end_after(ticket, 0);
    }

    /// A worker that was sent away or killed is gone.
    pub(super) fn exit(&mut self, worker: u64) {
        self.scheduler.exited(self.now, WorkerKey(worker), true, String::new());
        self.listen();
    }

    /// A worker died by itself.
    pub(super) fn crash(&mut self, worker: u64) {
        self.scheduler.exited(self.now, WorkerKey(worker), false, "signal 9".to_owned());
        self.listen();
    }

    /// Time passes, and what is due is done when it is due.
    pub(super) fn pass(&mut self, span: Duration) {
        let until = self.now + span;
        while let Some(next) = self.scheduler.next_tick().filter(|next| *next <= until) {
            self.now = self.now.max(next);
            self.scheduler.tick(self.now);
            self.listen();
        }
        self.now = until;
    }

    pub(super) fn pass_ms(&mut self, ms: u64) {
        self.pass(Duration::from_millis(ms));
    }

    pub(super) fn resize(&mut self, min: usize, max: usize) {
        self.scheduler.resize(self.now, Bounds { min, max });
        self.listen();
    }

    pub(super) fn close(&mut self, lane: LaneKey) {
        self.scheduler.close_lane(self.now, lane);
        self.listen();
    }

    pub(super) fn stop(&mut self) {
        self.scheduler.stop(self.now);
        self.listen();
    }

    /// So many workers, ready and idle.
    #[track_caller]
    pub(super) fn with_idle(mut self, lane: LaneKey, workers: u64) -> Self {
        let calls: Vec<Ticket> = (0..workers).map(|_| self.submit(lane)).collect();
        (0..workers).for_each(|worker| self.ready(worker));
        for call in calls {
            self.end(call);
        }
        self.said.clear();
        self
    }

    /// What it said since the last time, in order.
    #[track_caller]
    pub(super) fn says(&mut self, wanted: &[&str]) {
        assert_eq!(std::mem::take(&mut self.said), wanted);
    }

    /// Forgets what it said until now.
    pub(super) fn hush(&mut self) -> Vec<String> {
        std::mem::take(&mut self.said)
    }

    pub(super) fn listen(&mut self) {
        for action in self.scheduler.take_actions() {
            if let Action::Check { worker, check } = &action {
                self.checks.push((*worker, *check));
            }
            self.said.push(line(&action));
        }
    }
}

pub(super) const FINE: CallOver = CallOver {
    worker: AfterCall::Fine,
    ran: true,
    proved: true,
    service: Duration::ZERO,
    resident: None,
    again: Again::No,
};

pub(super) const TAINTED: CallOver = CallOver { worker: AfterCall::Tainted, proved: false, ..FINE };

pub(super) const GONE: CallOver = CallOver { worker: AfterCall::Gone, proved: false, ..FINE };

pub(super) const TAKEN_BACK: CallOver = CallOver { ran: false, again: Again::TakenBack, ..GONE };

fn line(action: &Action) -> String {
    match action {
        Action::Start { worker, lane } => format!("start w{} of l{}", worker.0, lane.0),
        Action::Grant { ticket, worker } => format!("t{} gets w{}", ticket.0, worker.0),
        Action::Refuse { ticket, why } => {
            let why = match why {
                WhyNot::Waited(waited) => format!("waited {} ms", waited.as_millis()),
                WhyNot::StartFailed(worker) => format!("w{} did not start", worker.0),
                WhyNot::Quarantined { .. } => "quarantined".to_owned(),
                WhyNot::Stale => "stale".to_owned(),
                WhyNot::ShuttingDown => "shutting down".to_owned(),
            };
            format!("t{} refused: {why}", ticket.0)
        }
        Action::Retire { worker } => format!("retire w{}", worker.0),
        Action::Kill { worker, .. } => format!("kill w{}", worker.0),
        Action::Check { worker, check } => {
            format!("ask w{}{}", worker.0, if check.kind == CheckKind::Busy { ", busy" } else { "" })
        }
        Action::Forget { lane } => format!("forget l{}", lane.0),
        Action::Tell(Note::Recycled { worker, why }) => format!("w{} recycled: {}", worker.0, why.as_str()),
        Action::Tell(Note::Quarantined { lane, .. }) => format!("l{} quarantined", lane.0),
        Action::Tell(Note::Released { lane }) => format!("l{} released", lane.0),
        Action::Tell(Note::HealthFailed { worker, .. }) => format!("w{} is ill", worker.0),
        Action::Tell(Note::Resized { min, max }) => format!("resized {min}..{max}"),
    }
}
