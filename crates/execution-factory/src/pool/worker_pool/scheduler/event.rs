//! What happens to workers: ready, failed to start, a call over, gone, checked.

use std::time::Instant;

use plugdock_contracts::backend::RecycleReason;
use plugdock_contracts::error::KillReason;

use super::action::{Action, Note, WhyNot};
use super::call_table::{CallEntry, CallState};
use super::input::{AfterCall, Again, CallOver, Ready};
use super::member::WorkerKey;
use super::scheduler_core::Scheduler;
use crate::pool::lifecycle::{Answer, Check, Checkup, Judgement, Phase, Step, Verdict};
use crate::pool::queue::{LaneKey, Ticket, Waiter};

impl Scheduler {
    /// A worker introduced itself.
    pub(crate) fn ready(&mut self, now: Instant, worker: WorkerKey, ready: Ready) {
        let seed = self.config.seed ^ worker.0;
        let Some(member) = self.members.get_mut(&worker) else { return };
        let was_starting = member.phase == Phase::Starting;
        let (lane, bound) = (member.lane, member.bound.take());
        member.idle_since = now;
        member.step(Step::Ready);
        member.checkup = Some(Checkup::new(self.config.health_every, self.config.health_within, seed, now));
        let (replaces, refills) = (member.replaces.take(), std::mem::take(&mut member.refills));
        self.n_out -= usize::from(refills);
        if let Some(lane) = self.lanes.get_mut(&lane) {
            lane.concurrent = ready.concurrent;
            lane.starting -= usize::from(was_starting && bound.is_none());
        }
        self.record_level(now);
        self.sync(lane);
        if let Some(old) = replaces {
            self.replaced(now, old);
        }
        if !was_starting {
            // It was sent away meanwhile, when there was nobody yet to be told.
            if let Some(member) = self.members.get_mut(&worker) {
                member.told = false;
            }
            return self.send_away_if_free(worker);
        }
        self.list(worker);
        self.arm_member(now, worker);
        match bound {
            Some(ticket) => self.grant(now, ticket, worker),
            None => self.free(now, worker),
        }
        self.settle(now);
    }

    /// The replacement of a worn worker is ready.
    fn replaced(&mut self, now: Instant, old: WorkerKey) {
        let Some(member) = self.members.get_mut(&old) else { return };
        member.replacement = None;
        if let Some(why) = member.wear.due(now) {
            self.leave(now, old, why);
        }
    }

    /// A worker did not become ready; nothing of it is left. `text` says why, for people.
    pub(crate) fn start_failed(&mut self, now: Instant, worker: WorkerKey, permanent: bool, text: String) {
        let Some(member) = self.members.get(&worker) else { return };
        let (lane, bound, trial, given_up) =
            (member.lane, member.bound, member.trial, member.leaving.is_some());
        if given_up {
            return self.exited(now, worker, true, text);
        }
        self.recorder.start_failed();
        if let Some(ticket) = bound {
            self.refuse(now, ticket, WhyNot::StartFailed(worker));
        } else if permanent {
            for waiter in self.queue.drain_lane(lane) {
                self.refuse(now, waiter.ticket, WhyNot::StartFailed(worker));
            }
        } else if self.lanes.get(&lane).is_some_and(|lane| lane.members.len() == lane.starting)
            && let Some(oldest) = self.queue.head(lane).map(|waiter| waiter.ticket)
        {
            // It was started for the one that waits longest; the others may still hope for the next start.
            self.queue.cancel(oldest);
            self.refuse(now, oldest, WhyNot::StartFailed(worker));
        }
        self.remove(now, worker);
        self.failed(now, lane, trial, text);
        self.settle(now);
    }

    /// A call on a worker is over.
    pub(crate) fn ended(&mut self, now: Instant, ticket: Ticket, over: CallOver) {
        let Some(entry) = self.calls.get(ticket).cloned() else { return };
        let CallState::Running(worker) = entry.state else { return };
        if !entry.nested
            && let Some(lane) = self.lanes.get(&entry.lane)
        {
            self.queue.release(lane.plugin_key, entry.tenant, entry.level, over.service);
        }
        if over.ran {
            self.recorder.served(over.service);
        }
        if over.proved
            && self.lanes.get_mut(&entry.lane).is_some_and(|lane| lane.breaker.proved(now))
        {
            self.actions.push(Action::Tell(Note::Released { lane: entry.lane }));
            self.release_hold(entry.lane);
        }
        // Those whom a cap held back first: else the worker's own lane could keep a tenant's only place for itself.
        self.serve_woken(now);
        self.after_call(now, worker, over);
        self.decide_again(now, ticket, &entry, over.again);
        self.settle(now);
    }

    fn after_call(&mut self, now: Instant, worker: WorkerKey, over: CallOver) {
        self.unlist(worker);
        let Some(member) = self.members.get_mut(&worker) else { return };
        member.running -= 1;
        if over.ran {
            member.wear.call_ended();
        }
        if let Some(resident) = over.resident {
            member.wear.sampled(resident);
        }
        if over.proved {
            member.trial = false;
        }
        if member.running == 0 {
            member.exclusive = false;
            member.idle_since = now;
            member.step(Step::LastCallEnds);
        }
        match over.worker {
            AfterCall::Fine => {}
            // It is dying, and takes nothing more; its end is still to be told, and with it whether that was ours.
            AfterCall::Gone if member.leaving.is_none() => {
                (member.told, member.dying) = (true, true);
                self.leave(now, worker, RecycleReason::Tainted);
            }
            AfterCall::Tainted if member.leaving.is_none() => self.leave(now, worker, RecycleReason::Tainted),
            AfterCall::Gone | AfterCall::Tainted => {}
        }
        self.send_away_if_free(worker);
        self.list(worker);
        self.record_level(now);
        self.free(now, worker);
    }

    /// A worker can take calls: it keeps to its lane, or gives its slot to a lane that is owed one.
    fn free(&mut self, now: Instant, worker: WorkerKey) {
        let Some(member) = self.members.get(&worker).filter(|member| member.takes_calls()) else { return };
        let (lane, surplus) = (member.lane, member.surplus);
        if member.wear.due(now).is_some() {
            self.worn.insert(worker);
            self.recycle(now);
        }
        if surplus {
            self.end_surplus(now, worker);
        }
        if self.members.get(&worker).is_none_or(|member| !member.takes_calls()) {
            return;
        }
        let is_full = self.n_regular() >= self.config.bounds.max && self.unclaimed.is_empty();
        let nobody_else_idles = self.idle.iter().all(|(_, idle)| *idle == worker);
        if is_full
            && nobody_else_idles
            && let Some(other) = self.queue.yields_to(lane)
        {
            self.leave(now, worker, RecycleReason::Displaced);
            self.promise(worker, other);
            return;
        }
        self.serve(now, lane);
    }

    /// A worker beyond the bounds becomes one within them, or goes.
    fn end_surplus(&mut self, now: Instant, worker: WorkerKey) {
        if self.n_regular() < self.config.bounds.max {
            self.n_surplus -= 1;
            let Some(member) = self.members.get_mut(&worker) else { return };
            member.surplus = false;
            let lane = member.lane;
            self.sync(lane);
        } else if self.members.get(&worker).is_some_and(|member| member.running == 0) {
            self.leave(now, worker, RecycleReason::Surplus);
        }
    }

    fn decide_again(&mut self, now: Instant, ticket: Ticket, entry: &CallEntry, again: Again) {
        match again {
            Again::No => return self.drop_call(now, ticket),
            Again::TakenBack => self.recorder.redispatched(),
            Again::Retried => self.recorder.retried(),
        }
        let Some(lane) = self.lanes.get(&entry.lane).filter(|lane| !lane.closed && !self.stopping) else {
            let why = if self.stopping { WhyNot::ShuttingDown } else { WhyNot::Stale };
            return self.refuse(now, ticket, why);
        };
        if entry.nested {
            let is_full = self.n_regular() >= self.config.bounds.max;
            let key = self.start(now, entry.lane, is_full, Some(ticket));
            return self.calls.set_state(ticket, CallState::Bound(key));
        }
        let waiter = Waiter {
            ticket,
            lane: entry.lane,
            plugin: lane.plugin_key,
            tenant: entry.tenant,
            level: entry.level,
            bytes: entry.bytes,
            since: entry.since,
            // It was given a worker in time once; that the worker died is not its fault.
            deadline: entry.deadline.map(|deadline| now + deadline.saturating_duration_since(entry.since)),
        };
        self.calls.set_state(ticket, CallState::Waiting);
        self.queue.put_back(now, waiter);
        self.serve(now, entry.lane);
    }

    /// A worker's processes are dead. `expected` when it was sent away or killed by us.
    pub(crate) fn exited(&mut self, now: Instant, worker: WorkerKey, expected: bool, text: String) {
        let Some(member) = self.members.get(&worker) else { return };
        let (lane, trial, bound) = (member.lane, member.trial, member.bound);
        if let (true, true, Some(why)) = (member.dying, expected, member.leaving) {
            self.recorder.recycled(why);
            self.actions.push(Action::Tell(Note::Recycled { worker, why }));
        }
        if let Some(ticket) = bound {
            self.refuse(now, ticket, WhyNot::StartFailed(worker));
        }
        self.remove(now, worker);
        if !expected {
            self.recorder.crashed();
            self.failed(now, lane, trial, text);
        } else if trial && let Some(lane) = self.lanes.get_mut(&lane) {
            lane.breaker.trial_withdrawn();
            lane.held = false;
        }
        self.sync(lane);
        self.keep_warm(now);
        self.settle(now);
        self.forget_if_unused(now, lane);
    }

    /// Takes a worker off every list; its slot goes to whom it was promised.
    fn remove(&mut self, now: Instant, worker: WorkerKey) {
        self.unlist(worker);
        self.disarm_member(worker);
        let Some(member) = self.members.remove(&worker) else { return };
        self.n_surplus -= usize::from(member.surplus);
        self.unclaimed.remove(&worker);
        self.worn.remove(&worker);
        self.n_out -= usize::from(member.refills);
        if let Some(lane) = self.lanes.get_mut(&member.lane) {
            lane.members.remove(&worker);
            let counted = member.phase == Phase::Starting && member.bound.is_none();
            lane.starting -= usize::from(counted);
        }
        if let Some(old) = member.replaces.and_then(|old| self.members.get_mut(&old)) {
            old.replacement = None;
        }
        self.record_level(now);
        self.sync(member.lane);
        if let Some(successor) = member.successor {
            self.succeed(now, successor, member.recycled);
        } else if member.recycled {
            self.n_out -= 1;
        }
    }

    /// The slot that a lane was promised is free. A recycled worker's is filled in any case, another's if it is wanted.
    fn succeed(&mut self, now: Instant, lane: LaneKey, recycled: bool) {
        if let Some(found) = self.lanes.get_mut(&lane) {
            found.promised -= 1;
        }
        self.sync(lane);
        let has_room = self.n_regular() < self.config.bounds.max && !self.stopping;
        if recycled {
            if has_room && self.can_start(now, lane) {
                let key = self.start(now, lane, false, None);
                if let Some(member) = self.members.get_mut(&key) {
                    member.refills = true;
                }
            } else {
                self.n_out -= 1;
            }
        }
    }

    /// A worker of a lane ended unexpectedly or did not start.
    fn failed(&mut self, now: Instant, lane: LaneKey, trial: bool, text: String) {
        let seed = self.config.seed ^ self.next_worker;
        let Some(found) = self.lanes.get_mut(&lane) else { return };
        let was_quarantined = found.breaker.is_quarantined();
        let verdict = if trial || !was_quarantined {
            found.breaker.failed(now, text, seed)
        } else {
            found.breaker.older_failed(now, text, seed)
        };
        let exits = found.breaker.exits().iter().cloned().collect();
        if let Verdict::Quarantined { retry_after } = verdict {
            if trial || !was_quarantined {
                self.actions.push(Action::Tell(Note::Quarantined { lane, exits, retry_after }));
            }
            self.refuse_quarantined(now, lane);
        }
        self.hold(now, lane);
    }

    /// A worker answered a health check, or did not.
    pub(crate) fn checked(&mut self, now: Instant, worker: WorkerKey, check: Check, answer: Answer) {
        let Some(member) = self.members.get_mut(&worker) else { return };
        let Some(checkup) = member.checkup.as_mut().filter(|_| member.leaving.is_none()) else { return };
        match checkup.verdict(now, check, answer) {
            Judgement::Fine { note } => {
                if let Some(note) = note {
                    tracing::warn!(worker = worker.0, note, "a worker is not well");
                }
                self.arm_member(now, worker);
            }
            Judgement::AskAgain => self.arm_member(now, worker),
            Judgement::Fail { detail } => {
                self.recorder.health_failed();
                self.actions.push(Action::Tell(Note::HealthFailed { worker, detail }));
                if let Some(member) = self.members.get_mut(&worker) {
                    member.told = true;
                }
                self.leave(now, worker, RecycleReason::Unhealthy);
                self.actions.push(Action::Kill { worker, reason: KillReason::Unhealthy });
                self.settle(now);
            }
        }
    }
}
