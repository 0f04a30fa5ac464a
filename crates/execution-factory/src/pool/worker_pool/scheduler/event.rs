//! What happens to workers: ready, failed to start, a call over, gone, checked.

use std::time::{Duration, Instant};

use plugdock_contracts::backend::RecycleReason;
use plugdock_contracts::error::KillReason;

use super::action::{Action, Note, WhyNot};
use super::call_table::{CallEntry, CallState};
use super::input::{AfterCall, Again, CallOver, Ready};
use super::member::{Member, WorkerKey};
use super::scheduler_core::Scheduler;
use crate::pool::lifecycle::{Answer, Check, Checkup, Judgement, Step, Verdict};
use crate::pool::queue::{LaneKey, Ticket, Waiter};

/// How a worker came to its end.
enum Exit {
    /// It was sent away or killed by us.
    Expected,
    /// With the spawner, and all other workers.
    Lost,
    /// By itself; the text says how.
    Crashed(String),
}

impl Scheduler {
    /// A worker introduced itself.
    pub(crate) fn ready(&mut self, now: Instant, worker: WorkerKey, ready: Ready) {
        let seed = self.config.seed ^ worker.0;
        let checkup = Checkup::new(self.config.health_every, self.config.health_within, seed, now);
        let Some(lane) = self.members.get(&worker).map(|member| member.lane) else { return };
        if let Some(lane) = self.lanes.get_mut(&lane) {
            lane.concurrent = ready.concurrent;
        }
        let bound = self.change(now, worker, |member| {
            member.idle_since = now;
            member.step(Step::Ready);
            member.checkup = Some(checkup);
            // There was nobody yet to be told that it shall go, if it shall.
            member.told = false;
            member.bound.take()
        });
        self.sync(lane);
        if let Some(old) = self.untie(worker) {
            self.replaced(now, old);
        }
        self.arm_member(now, worker);
        match bound.flatten() {
            Some(ticket) => {
                self.grant(now, ticket, worker);
                // It may take others beside the one that it was started for.
                self.serve(now, lane);
            }
            None => self.free(now, worker),
        }
        self.vacate(now, worker);
        self.settle(now);
    }

    /// The replacement of a worn worker is ready.
    fn replaced(&mut self, now: Instant, old: WorkerKey) {
        if let Some(why) = self.members.get(&old).and_then(|member| member.wear.due(now)) {
            self.leave(now, old, why);
        }
    }

    /// A worker did not become ready; nothing of it is left. `text` says why, for people.
    pub(crate) fn start_failed(&mut self, now: Instant, worker: WorkerKey, permanent: bool, text: String) {
        let Some(member) = self.members.get(&worker) else { return };
        let (lane, trial, given_up) = (member.lane, member.trial, member.leaving.is_some());
        if given_up {
            return self.exited(now, worker, true, text);
        }
        self.not_started(now, worker, permanent);
        self.failed(now, lane, trial, text);
        self.remove(now, worker);
        self.settle(now);
    }

    /// A worker could not be started, whatever its plugin: the lane waits, and the plugin is not blamed.
    pub(crate) fn start_postponed(&mut self, now: Instant, worker: WorkerKey, pause: Duration) {
        let Some(member) = self.members.get(&worker) else { return };
        let (lane, trial, given_up) = (member.lane, member.trial, member.leaving.is_some());
        if given_up {
            return self.exited(now, worker, true, String::new());
        }
        self.not_started(now, worker, false);
        if let Some(found) = self.lanes.get_mut(&lane) {
            if trial {
                found.breaker.trial_withdrawn();
            }
            found.breaker.pause(now + pause);
        }
        self.hold(now, lane);
        self.remove(now, worker);
        self.settle(now);
        self.forget_if_unused(now, lane);
    }

    /// Refuses those whom a worker was started for that did not become ready.
    fn not_started(&mut self, now: Instant, worker: WorkerKey, permanent: bool) {
        let Some(member) = self.members.get(&worker) else { return };
        let (lane, bound) = (member.lane, member.bound);
        self.recorder.start_failed();
        if let Some(ticket) = bound {
            self.refuse(now, ticket, WhyNot::StartFailed(worker));
        } else if permanent {
            for waiter in self.queue.drain_lane(lane) {
                self.refuse(now, waiter.ticket, WhyNot::StartFailed(worker));
            }
        } else if self.lanes.get(&lane).is_some_and(|lane| lane.tally.serving == 0)
            && let Some(oldest) = self.queue.head(lane).map(|waiter| waiter.ticket)
        {
            // It was started for the one that waits longest; the others may still hope for the next start.
            self.queue.cancel(oldest);
            self.refuse(now, oldest, WhyNot::StartFailed(worker));
        }
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
        let is_proof = over.proved && self.is_proof(entry.lane, worker);
        if is_proof && self.lanes.get_mut(&entry.lane).is_some_and(|lane| lane.breaker.proved(now)) {
            self.actions.push(Action::Tell(Note::Released { lane: entry.lane }));
            self.release_hold(entry.lane);
        }
        // Before anybody is served: it must be given to nobody.
        self.taint(now, worker, over.worker);
        // And so must this, because it is older than those that wait.
        let is_nested_again = entry.nested && over.again != Again::No && !self.is_over(&entry);
        if !is_nested_again {
            self.end_or_requeue(now, ticket, &entry, over.again);
        }
        self.refuse_quarantined(now, entry.lane);
        // Those whom a cap held back first: else the worker's own lane could keep a tenant's only place for itself.
        self.serve_woken(now);
        self.after_call(now, worker, over);
        if is_nested_again {
            self.count_again(over.again);
            let free = self.available(entry.lane, &entry.handler);
            self.place_nested(now, ticket, entry.lane, free);
        }
        self.serve(now, entry.lane);
        self.settle(now);
    }

    /// Whether a call that ended well shows that new workers of its lane work: in quarantine only that of the trial does.
    fn is_proof(&self, lane: LaneKey, worker: WorkerKey) -> bool {
        let is_trial = self.members.get(&worker).is_some_and(|member| member.trial);
        is_trial || self.lanes.get(&lane).is_some_and(|lane| !lane.breaker.is_quarantined())
    }

    /// A worker takes nothing more when a call left it in no state for that.
    fn taint(&mut self, now: Instant, worker: WorkerKey, after: AfterCall) {
        if after == AfterCall::Fine {
            return;
        }
        if after == AfterCall::Gone
            && let Some(member) = self.members.get_mut(&worker)
        {
            // Its end is still to be told, and with it whether that was ours.
            member.told = true;
            member.dying |= member.leaving.is_none();
        }
        self.leave(now, worker, RecycleReason::Tainted);
    }

    fn after_call(&mut self, now: Instant, worker: WorkerKey, over: CallOver) {
        self.change(now, worker, |member| {
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
        });
        self.vacate(now, worker);
        self.free(now, worker);
    }

    /// A worker can take calls: it keeps to its lane, or gives its slot to a lane that is owed one.
    fn free(&mut self, now: Instant, worker: WorkerKey) {
        if !self.members.get(&worker).is_some_and(Member::takes_calls) {
            return;
        }
        self.wear_out(now, worker);
        self.recycle(now);
        self.end_surplus(now, worker);
        self.end_excess(now, worker);
        let Some(member) = self.members.get(&worker).filter(|member| member.takes_calls()) else { return };
        let (lane, is_idle, is_regular) = (member.lane, member.running == 0, !member.surplus);
        if is_regular
            && self.is_tight(worker)
            && let Some(other) = self.queue.yields_to(lane)
        {
            let awaits_another = self.lanes.get(&other).is_none_or(|lane| lane.pledged > 0);
            if is_idle || !awaits_another {
                return self.give_way(now, worker, other);
            }
        }
        self.serve(now, lane);
    }

    /// Whether a lane can get a slot only by a worker that gives way. With more workers than there may be, none can.
    fn is_tight(&self, worker: WorkerKey) -> bool {
        let nobody_else_idles = self.idle.iter().all(|(_, idle)| *idle == worker);
        self.n_regular() == self.config.bounds.max && nobody_else_idles && self.going().is_none()
    }

    /// Whether a request that shall run again has nowhere to run.
    fn is_over(&self, entry: &CallEntry) -> bool {
        self.stopping || self.lanes.get(&entry.lane).is_none_or(|lane| lane.closed)
    }

    /// A call is over, or comes back to its old place.
    fn end_or_requeue(&mut self, now: Instant, ticket: Ticket, entry: &CallEntry, again: Again) {
        if again == Again::No {
            return self.drop_call(now, ticket);
        }
        let Some(lane) = self.lanes.get(&entry.lane).filter(|_| !self.is_over(entry)) else {
            let why = if self.stopping { WhyNot::ShuttingDown } else { WhyNot::Stale };
            return self.refuse(now, ticket, why);
        };
        let plugin = lane.plugin_key;
        self.count_again(again);
        let waiter = Waiter {
            ticket,
            lane: entry.lane,
            plugin,
            tenant: entry.tenant,
            level: entry.level,
            bytes: entry.bytes,
            since: entry.since,
            // It was given a worker in time once; that the worker died is not its fault.
            deadline: entry.deadline.map(|deadline| now + deadline.saturating_duration_since(entry.since)),
        };
        self.calls.set_state(ticket, CallState::Waiting);
        self.queue.put_back(now, waiter);
    }

    fn count_again(&mut self, again: Again) {
        match again {
            Again::No => {}
            Again::TakenBack => self.recorder.redispatched(),
            Again::Retried => self.recorder.retried(),
        }
    }

    /// A worker died with the spawner: unexpectedly, and its plugin is not blamed.
    pub(crate) fn lost(&mut self, now: Instant, worker: WorkerKey) {
        self.gone(now, worker, Exit::Lost);
    }

    /// A worker's processes are dead. `expected` when it was sent away or killed by us.
    pub(crate) fn exited(&mut self, now: Instant, worker: WorkerKey, expected: bool, text: String) {
        self.gone(now, worker, if expected { Exit::Expected } else { Exit::Crashed(text) });
    }

    fn gone(&mut self, now: Instant, worker: WorkerKey, exit: Exit) {
        let Some(member) = self.members.get(&worker) else { return };
        let (lane, trial, bound) = (member.lane, member.trial, member.bound);
        let untold = match (member.dying, member.leaving) {
            (true, Some(why)) => Some(why),
            // It was killed for a call whose end is still to be told.
            (_, None) => Some(RecycleReason::Tainted),
            (false, Some(_)) => None,
        };
        match (&exit, untold) {
            (Exit::Expected, Some(why)) => {
                self.recorder.recycled(why);
                self.actions.push(Action::Tell(Note::Recycled { worker, why }));
            }
            (Exit::Expected, None) => {}
            (Exit::Lost | Exit::Crashed(_), _) => self.recorder.crashed(),
        }
        if let Some(ticket) = bound {
            self.refuse(now, ticket, WhyNot::StartFailed(worker));
        }
        // Before its slot is given on: whoever gets it must know whether the lane may start a worker.
        match exit {
            Exit::Crashed(text) => self.failed(now, lane, trial, text),
            Exit::Expected | Exit::Lost => {
                if trial && let Some(lane) = self.lanes.get_mut(&lane) {
                    lane.breaker.trial_withdrawn();
                    lane.held = false;
                }
            }
        }
        self.remove(now, worker);
        self.sync(lane);
        self.settle(now);
        self.forget_if_unused(now, lane);
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
