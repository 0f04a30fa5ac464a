//! A simulated life: a scheduler and what is around it, and how each event comes to the scheduler.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::sync::Arc;
use std::time::{Duration, Instant};

use plugdock_contracts::request::Priority;
use plugdock_contracts::{HandlerId, PluginId, TenantId};

use super::super::input::{AfterCall, Again, CallOver, Ready, Submission};
use super::super::member::WorkerKey;
use super::super::{Refused, Scheduler};
use super::event::{Arrival, End, Event, Reply};
use super::outside::{At, Fault, Outside, Process, Request, Told};
use super::setup::Setup;
use crate::pool::lifecycle::{Answer, Bounds};
use crate::pool::queue::{LaneKey, Ticket};

/// The names of everything, made once: making one is not free, and lives are many.
#[derive(Debug, Clone)]
pub(super) struct Names {
    pub(super) plugins: Vec<PluginId>,
    tenants: Vec<TenantId>,
    alone: HandlerId,
    shared: HandlerId,
    concurrent: Arc<BTreeSet<HandlerId>>,
}

impl Names {
    pub(super) fn new() -> Self {
        let shared = HandlerId::new("shared").unwrap();
        Self {
            plugins: ["acme/a", "acme/b", "acme/c"].map(|id| PluginId::new(id).unwrap()).into(),
            tenants: ["one", "two"].map(|id| TenantId::new(id).unwrap()).into(),
            alone: HandlerId::new("alone").unwrap(),
            concurrent: Arc::new(BTreeSet::from([shared.clone()])),
            shared,
        }
    }
}

/// A life as it goes on.
#[derive(Debug)]
pub(super) struct World {
    pub(super) scheduler: Scheduler,
    pub(super) outside: Outside,
    pub(super) names: Arc<Names>,
    pub(super) stopped: bool,
    /// Workers within the bounds after the step before.
    pub(super) n_regular: usize,
    /// Slots that lanes were promised by workers that gave way, after the step before, and who had been refused by then.
    pub(super) promised: (BTreeMap<LaneKey, usize>, usize),
    next_ticket: u64,
}

impl World {
    pub(super) fn new(setup: &Setup, names: &Arc<Names>, begin: Instant) -> Result<Self, Fault> {
        let mut world = Self {
            scheduler: Scheduler::new(setup.config.clone(), begin),
            outside: Outside::new(begin, &setup.lanes, setup.config.queue.tenant_cap.is_some()),
            names: Arc::clone(names),
            stopped: false,
            n_regular: 0,
            promised: (BTreeMap::new(), 0),
            next_ticket: 0,
        };
        for n in 0..setup.lanes.len() {
            if setup.lanes[n].warm > 0 {
                world.lane(n)?;
            }
        }
        Ok(world)
    }

    pub(super) fn step(&mut self, event: Event) -> Result<(), Fault> {
        let now = self.outside.now;
        match event {
            Event::Submit(arrival) => self.arrive(arrival)?,
            Event::Cancel(nth) => {
                if let Some(ticket) = choose(&self.outside.requests.keys().copied().collect::<Vec<_>>(), nth)
                {
                    self.cancel(ticket)?;
                }
            }
            Event::End { nth, how } => {
                let is_running = |request: &Request| request.at != At::Waiting;
                let running = self.outside.requests.iter().filter(|(_, request)| is_running(request));
                if let Some(ticket) = choose(&running.map(|(ticket, _)| *ticket).collect::<Vec<_>>(), nth) {
                    self.end(ticket, how)?;
                }
            }
            Event::Ready(nth) => {
                if let Some(worker) = choose(&self.outside.workers(|process| !process.is_ready), nth) {
                    self.ready(worker)?;
                }
            }
            Event::FailStart { nth, permanent } => {
                if let Some(worker) = choose(&self.outside.workers(|process| !process.is_ready), nth) {
                    self.outside.bury(worker);
                    self.scheduler.start_failed(now, worker, permanent, "it did not start".to_owned());
                }
            }
            Event::Postpone { nth, ms } => {
                if let Some(worker) = choose(&self.outside.workers(|process| !process.is_ready), nth) {
                    self.outside.bury(worker);
                    self.scheduler.start_postponed(now, worker, Duration::from_millis(ms.into()));
                }
            }
            Event::Exit(nth) => {
                let going = self.outside.workers(Process::is_going);
                if let Some(worker) = choose(&going, nth) {
                    self.exit(worker)?;
                }
            }
            Event::Crash { nth, calls_first } => {
                if let Some(worker) = choose(&self.outside.workers(|process| process.is_ready), nth) {
                    self.crash(worker, calls_first)?;
                }
            }
            Event::Answer { nth, how } => self.answer(nth, how),
            Event::Pass(ms) => self.outside.now += Duration::from_millis(ms.into()),
            Event::Tick(over) => self.tick(Duration::from_millis(over.into()))?,
            Event::Resize { min, max } => {
                self.scheduler.resize(now, Bounds { min: min.into(), max: max.into() });
            }
            Event::Reload(nth) => self.reload(nth)?,
        }
        self.heed()
    }

    /// Does what the scheduler wants done.
    pub(super) fn heed(&mut self) -> Result<(), Fault> {
        loop {
            let actions = self.scheduler.take_actions();
            for action in actions {
                self.outside.heed(action)?;
            }
            let Some((ticket, request)) = self.outside.stale.pop() else { return Ok(()) };
            self.prepare_again(ticket, request)?;
        }
    }

    /// The lane of a worker identity, made if it was forgotten.
    fn lane(&mut self, n: usize) -> Result<LaneKey, Fault> {
        let known = &self.outside.lanes[n];
        if let Some(key) = known.key {
            return Ok(key);
        }
        let (setup, now) = (known.setup, self.outside.now);
        let plugin = &self.names.plugins[usize::from(setup.plugin)];
        let key = self.scheduler.add_lane(now, plugin, setup.weight, setup.warm);
        self.outside.lanes[n].key = Some(key);
        self.outside.made.insert(key, setup);
        self.heed()?;
        Ok(key)
    }

    fn arrive(&mut self, arrival: Arrival) -> Result<(), Fault> {
        self.next_ticket += 1;
        let (ticket, now) = (Ticket(self.next_ticket), self.outside.now);
        let n = usize::from(arrival.lane) % self.outside.lanes.len();
        let patience = arrival.patience.map(|ms| Duration::from_millis(ms.into()));
        let request = Request {
            lane: self.lane(n)?,
            plugin: self.outside.lanes[n].setup.plugin,
            tenant: arrival.tenant,
            priority: arrival.priority,
            concurrent: arrival.concurrent,
            nested: arrival.nested,
            bytes: arrival.bytes,
            since: now,
            patience,
            deadline: patience.map(|patience| now + patience).filter(|_| !arrival.nested),
            at: At::Waiting,
            came_back: false,
        };
        self.submit(ticket, request, false)
    }

    fn submit(&mut self, ticket: Ticket, request: Request, again: bool) -> Result<(), Fault> {
        let priorities = [Priority::Low, Priority::Normal, Priority::High];
        let submission = Submission {
            ticket,
            lane: request.lane,
            handler: if request.concurrent { self.names.shared.clone() } else { self.names.alone.clone() },
            tenant: request.tenant.checked_sub(1).map(|n| self.names.tenants[usize::from(n)].clone()),
            priority: priorities[usize::from(request.priority)],
            bytes: request.bytes.into(),
            deadline: request.deadline,
            nested: request.nested,
            again,
        };
        match self.scheduler.submit(self.outside.now, submission) {
            Ok(()) => {
                self.outside.count.admitted += 1;
                self.outside.requests.insert(ticket, request);
                Ok(())
            }
            Err(Refused::Full { full, .. }) if request.nested || again => {
                Err(format!("{ticket:?} is nested or was here before, and is refused: {full}"))
            }
            Err(Refused::TooManyNested { .. }) if !request.nested => Err(format!("{ticket:?} is not nested")),
            Err(Refused::Stale) => Err(format!("{ticket:?} is stale at once")),
            Err(_) => Ok(()),
        }
    }

    /// What whoever prepares requests does with one whose plugin was replaced.
    fn prepare_again(&mut self, ticket: Ticket, mut request: Request) -> Result<(), Fault> {
        if self.stopped {
            return Ok(());
        }
        // Any lane of its plugin: they all have the new program.
        let Some(n) = self.outside.lanes.iter().position(|known| known.setup.plugin == request.plugin) else {
            return Ok(());
        };
        let now = self.outside.now;
        (request.lane, request.since, request.at) = (self.lane(n)?, now, At::Waiting);
        request.deadline = request.deadline.and(request.patience).map(|patience| now + patience);
        request.came_back |= !request.nested;
        self.submit(ticket, request, true)
    }

    fn cancel(&mut self, ticket: Ticket) -> Result<(), Fault> {
        let waits = self.outside.requests.get(&ticket).is_some_and(|request| request.at == At::Waiting);
        if self.scheduler.cancel(self.outside.now, ticket) != waits {
            return Err(format!(
                "{ticket:?} is given up: waiting is {waits}, and the scheduler says otherwise"
            ));
        }
        if waits {
            self.outside.requests.remove(&ticket);
            self.outside.count.cancelled += 1;
        }
        Ok(())
    }

    pub(super) fn end(&mut self, ticket: Ticket, how: End) -> Result<(), Fault> {
        let now = self.outside.now;
        let Some(request) = self.outside.requests.get_mut(&ticket) else { return Ok(()) };
        let At::Running { worker, begun } = request.at else { return Ok(()) };
        let process = self.outside.processes.get_mut(&worker);
        let is_dead = process.as_ref().is_none_or(|process| process.is_dying);
        let how = if is_dead && !matches!(how, End::TakenBack | End::Retried) { End::Gone } else { how };
        let (fate, ran, again) = match how {
            End::Fine { .. } => (AfterCall::Fine, true, Again::No),
            End::Unused => (AfterCall::Fine, false, Again::No),
            End::Tainted => (AfterCall::Tainted, true, Again::No),
            End::Gone => (AfterCall::Gone, true, Again::No),
            End::TakenBack => (AfterCall::Gone, false, Again::TakenBack),
            End::Retried => (AfterCall::Gone, true, Again::Retried),
        };
        let resident = if let End::Fine { resident } = how { Some(resident.into()) } else { None };
        if let Some(process) = process.filter(|_| fate == AfterCall::Gone) {
            process.is_dying = true;
        }
        if again == Again::No {
            self.outside.requests.remove(&ticket);
            self.outside.count.done += 1;
        } else {
            (request.at, request.came_back) = (At::Waiting, true);
            request.deadline = request.deadline.and(request.patience).map(|patience| now + patience);
        }
        let proved = resident.is_some();
        let service = now.saturating_duration_since(begun);
        self.scheduler.ended(now, ticket, CallOver { worker: fate, ran, proved, service, resident, again });
        self.heed()
    }

    pub(super) fn ready(&mut self, worker: WorkerKey) -> Result<(), Fault> {
        let Some(process) = self.outside.processes.get_mut(&worker) else { return Ok(()) };
        // Who told it to go while it started told nobody: it is told again.
        (process.is_ready, process.told) = (true, Told::Nothing);
        let concurrent = if process.concurrent { Arc::clone(&self.names.concurrent) } else { Arc::default() };
        self.scheduler.ready(self.outside.now, worker, Ready { concurrent });
        self.heed()
    }

    /// A worker that was to go, or is dying, is gone. Calls that it had are ended later.
    pub(super) fn exit(&mut self, worker: WorkerKey) -> Result<(), Fault> {
        let Some(process) = self.outside.processes.get(&worker) else { return Ok(()) };
        let expected = process.told != Told::Nothing || worker.0.is_multiple_of(2);
        self.outside.bury(worker);
        self.scheduler.exited(self.outside.now, worker, expected, "it ended".to_owned());
        self.heed()
    }

    fn crash(&mut self, worker: WorkerKey, calls_first: bool) -> Result<(), Fault> {
        if calls_first {
            let calls: Vec<Ticket> = self.outside.running_on(worker).map(|(ticket, _)| ticket).collect();
            for ticket in calls {
                let how =
                    [End::Gone, End::TakenBack, End::Retried][usize::try_from(ticket.0 % 3).unwrap_or(0)];
                self.end(ticket, how)?;
            }
        }
        self.outside.bury(worker);
        self.scheduler.exited(self.outside.now, worker, false, "signal 9".to_owned());
        self.heed()
    }

    pub(super) fn answer(&mut self, nth: u16, how: Reply) {
        if self.outside.checks.is_empty() {
            return;
        }
        let (worker, check) = self.outside.checks.swap_remove(usize::from(nth) % self.outside.checks.len());
        let answer = match how {
            Reply::Healthy => Answer::Healthy,
            Reply::Degraded => Answer::Degraded("slow".to_owned()),
            Reply::Unhealthy => Answer::Unhealthy("ill".to_owned()),
            Reply::Silent => Answer::Silent,
        };
        self.scheduler.checked(self.outside.now, worker, check, answer);
    }

    /// Time passes until something is due and a little more.
    pub(super) fn tick(&mut self, over: Duration) -> Result<(), Fault> {
        let next = self.scheduler.next_tick().unwrap_or(self.outside.now);
        self.outside.now = self.outside.now.max(next) + over;
        let now = self.outside.now;
        self.scheduler.tick(now);
        if let Some(late) = self.scheduler.next_tick().filter(|next| *next <= now) {
            return Err(format!("after a look at {now:?} something is due since {late:?}"));
        }
        self.heed()?;
        let overdue = |request: &Request| {
            request.at == At::Waiting && request.deadline.is_some_and(|deadline| deadline <= now)
        };
        match self.outside.requests.iter().find(|(_, request)| overdue(request)) {
            Some((ticket, _)) => Err(format!("{ticket:?} waits beyond its deadline")),
            None => Ok(()),
        }
    }

    fn reload(&mut self, nth: u16) -> Result<(), Fault> {
        let n = usize::from(nth) % self.outside.lanes.len();
        let Some(old) = self.outside.lanes[n].key.take() else { return Ok(()) };
        // As the pool does it: the new lane first, so that it is there for those that the old one refuses.
        self.lane(n)?;
        self.outside.closed.insert(old);
        self.scheduler.close_lane(self.outside.now, old);
        self.heed()
    }

    /// One line for people.
    pub(super) fn describe(&self) -> String {
        let mut text = format!("{:>6} ms |", (self.outside.now - self.outside.begin).as_millis());
        for (worker, member) in &self.scheduler.members {
            let lane = member.lane.0;
            let extra = if member.surplus { "+" } else { "" };
            _ = write!(text, " w{}:{lane}{extra} {} {}", worker.0, member.phase, member.running);
            _ = member.leaving.map_or(Ok(()), |why| write!(text, " ({})", why.as_str()));
            _ = write!(text, ",");
        }
        text.push_str(" | waiting");
        for (ticket, request) in self.outside.requests.iter().filter(|(_, request)| request.at == At::Waiting)
        {
            _ = write!(text, " t{}:{}", ticket.0, request.lane.0);
        }
        text.push_str(" | running");
        for (ticket, request) in &self.outside.requests {
            if let At::Running { worker, .. } = request.at {
                _ = write!(text, " t{}:w{}", ticket.0, worker.0);
            }
        }
        text
    }
}

fn choose<T: Copy>(of: &[T], nth: u16) -> Option<T> {
    (!of.is_empty()).then(|| of[usize::from(nth) % of.len()])
}
