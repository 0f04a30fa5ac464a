//! Bringing waiters and workers together: who takes a free worker, who gets a slot, who has to go for it.

use std::time::Instant;

use plugdock_contracts::HandlerId;
use plugdock_contracts::backend::RecycleReason;

use super::action::{Action, Note, WhyNot};
use super::call_table::CallState;
use super::member::{Member, WorkerKey};
use super::scheduler_core::{Scheduler, Timer};
use crate::pool::lifecycle::{Gate, Phase, Step, Wear};
use crate::pool::queue::{LaneKey, Ticket, Woken};

/// Whether a worker of a lane may be started.
enum Start {
    Now,
    /// Not now; a timer or the end of the one trial says when.
    Later,
    Quarantined,
}

impl Scheduler {
    /// The worker that should take a call of this handler: an idle one, the last that had one, because its memory is
    /// warm; else the least loaded of those that it may share.
    pub(super) fn available(&self, lane: LaneKey, handler: &HandlerId) -> Option<WorkerKey> {
        let lane = self.lanes.get(&lane)?;
        if let Some((_, worker)) = lane.idle.last() {
            return Some(*worker);
        }
        let may_share = self.config.depth > 1 && lane.concurrent.contains(handler);
        lane.shared.first().filter(|_| may_share).map(|(_, worker)| *worker)
    }

    /// Gives a request a worker.
    pub(super) fn grant(&mut self, now: Instant, ticket: Ticket, worker: WorkerKey) {
        self.unlist(worker);
        let Some(entry) = self.calls.get(ticket) else { return };
        let Some(member) = self.members.get_mut(&worker) else { return };
        let shares = self.config.depth > 1
            && self.lanes.get(&member.lane).is_some_and(|lane| lane.concurrent.contains(&entry.handler));
        member.exclusive |= !shares;
        member.running += 1;
        member.step(Step::CallBegins);
        if let Some(checkup) = &mut member.checkup {
            checkup.call_begins();
        }
        self.calls.set_state(ticket, CallState::Running(worker));
        self.list(worker);
        self.record_level(now);
        self.actions.push(Action::Grant { ticket, worker });
    }

    /// Puts a worker on the lists of those that can take a call, if it can.
    pub(super) fn list(&mut self, worker: WorkerKey) {
        let Some(member) = self.members.get(&worker).filter(|member| member.takes_calls()) else { return };
        let Some(lane) = self.lanes.get_mut(&member.lane) else { return };
        if member.phase == Phase::Idle {
            lane.idle.insert((member.idle_since, worker));
            self.idle.insert((member.idle_since, worker));
        } else if !member.exclusive && member.running < self.config.depth {
            lane.shared.insert((member.running, worker));
        }
    }

    /// Takes a worker off those lists.
    pub(super) fn unlist(&mut self, worker: WorkerKey) {
        let Some(member) = self.members.get(&worker) else { return };
        let Some(lane) = self.lanes.get_mut(&member.lane) else { return };
        lane.idle.remove(&(member.idle_since, worker));
        lane.shared.remove(&(member.running, worker));
        self.idle.remove(&(member.idle_since, worker));
    }

    /// Hands the free workers of a lane to those that wait in it.
    pub(super) fn serve(&mut self, now: Instant, lane: LaneKey) {
        while let Some(head) = self.queue.head(lane).map(|waiter| waiter.ticket) {
            let handler = self.calls.get(head).map(|entry| entry.handler.clone());
            let Some(worker) = handler.and_then(|handler| self.available(lane, &handler)) else { return };
            let Some(waiter) = self.queue.take(lane) else { return };
            self.grant(now, waiter.ticket, worker);
        }
    }

    /// Serves the lanes in which somebody may go who was held back by a cap.
    pub(super) fn serve_woken(&mut self, now: Instant) {
        while let Some(woken) = self.queue.woken() {
            match woken {
                Woken::Lane(lane) => self.serve(now, lane),
                Woken::Plugin(plugin) => {
                    let of_plugin = self.lanes.iter().filter(|(_, lane)| lane.plugin_key == plugin);
                    let lanes: Vec<LaneKey> = of_plugin.map(|(lane, _)| *lane).collect();
                    lanes.into_iter().for_each(|lane| self.serve(now, lane));
                }
            }
        }
    }

    /// Finds slots for the lanes that want one, as long as there are any: free ones, those of workers that are going
    /// anyway, those of workers that have nothing to do.
    pub(super) fn settle(&mut self, now: Instant) {
        if self.stopping {
            return;
        }
        self.serve_woken(now);
        while let Some(lane) = self.queue.wanting() {
            match self.may_start(now, lane) {
                Start::Now => {}
                Start::Later => {
                    self.hold(now, lane);
                    continue;
                }
                Start::Quarantined => {
                    self.refuse_quarantined(now, lane);
                    self.hold(now, lane);
                    continue;
                }
            }
            if self.n_regular() < self.config.bounds.max {
                self.start(now, lane, false, None);
            } else if let Some(going) = self.going() {
                self.promise(going, lane);
            } else if let Some(idle) = self.idlest(lane) {
                self.leave(now, idle, RecycleReason::Displaced);
                self.promise(idle, lane);
            } else {
                break;
            }
        }
        self.recycle(now);
    }

    /// A worker whose slot is nobody's yet; one without a call before one that still has some.
    fn going(&self) -> Option<WorkerKey> {
        // With more workers than there may be, a slot that becomes free is no slot.
        if self.n_regular() - self.unclaimed.len() >= self.config.bounds.max {
            return None;
        }
        let is_free = |worker: &&WorkerKey| self.members.get(worker).is_some_and(|member| member.running == 0);
        self.unclaimed.iter().find(is_free).or_else(|| self.unclaimed.first()).copied()
    }

    /// The worker of another lane that has had nothing to do for longest; those that are kept warm only when there is
    /// no other.
    fn idlest(&self, wanting: LaneKey) -> Option<WorkerKey> {
        if self.n_regular() > self.config.bounds.max {
            return None;
        }
        let lane_of = |worker: &WorkerKey| self.members.get(worker).filter(|member| !member.surplus).map(|m| m.lane);
        let mut others = self.idle.iter().filter(|(_, worker)| lane_of(worker).is_some_and(|lane| lane != wanting));
        let spare = others.clone().find(|(_, worker)| {
            lane_of(worker).and_then(|lane| self.lanes.get(&lane)).is_some_and(|lane| lane.members.len() > lane.warm)
        });
        spare.or_else(|| others.next()).map(|(_, worker)| *worker)
    }

    /// Promises the slot of a worker that is going to a lane.
    pub(super) fn promise(&mut self, going: WorkerKey, lane: LaneKey) {
        self.unclaimed.remove(&going);
        if let Some(member) = self.members.get_mut(&going) {
            member.successor = Some(lane);
        }
        if let Some(lane) = self.lanes.get_mut(&lane) {
            lane.promised += 1;
        }
        self.sync(lane);
    }

    fn may_start(&mut self, now: Instant, lane: LaneKey) -> Start {
        match self.lanes.get_mut(&lane).map(|lane| lane.breaker.may_start(now)) {
            Some(Gate::Yes | Gate::Trial) => Start::Now,
            Some(Gate::Quarantined { .. }) => Start::Quarantined,
            Some(Gate::TrialOut | Gate::NotBefore(_)) | None => Start::Later,
        }
    }

    /// Starts a worker of a lane.
    pub(super) fn start(
        &mut self,
        now: Instant,
        lane: LaneKey,
        surplus: bool,
        bound: Option<Ticket>,
    ) -> WorkerKey {
        let worker = WorkerKey(self.next_worker);
        self.next_worker += 1;
        let seed = self.config.seed ^ worker.0;
        let mut member = Member::new(lane, Wear::new(&self.config.wear, seed, now), now);
        (member.surplus, member.bound) = (surplus, bound);
        self.n_surplus += usize::from(surplus);
        if let Some(found) = self.lanes.get_mut(&lane) {
            if matches!(found.breaker.may_start(now), Gate::Trial) {
                found.breaker.trial_started();
                member.trial = true;
            }
            found.members.insert(worker);
            found.starting += usize::from(bound.is_none());
        }
        self.members.insert(worker, member);
        self.recorder.spawned();
        self.actions.push(Action::Start { worker, lane });
        self.sync(lane);
        worker
    }

    /// A worker takes no further call, and goes when it has none.
    pub(super) fn leave(&mut self, now: Instant, worker: WorkerKey, why: RecycleReason) {
        self.unlist(worker);
        let Some(member) = self.members.get_mut(&worker) else { return };
        if member.leaving.is_some() {
            return;
        }
        member.leaving = Some(why);
        let (lane, was_starting, bound) = (member.lane, member.phase == Phase::Starting, member.bound.take());
        member.step(Step::Drain);
        if !member.surplus {
            self.unclaimed.insert(worker);
        }
        self.worn.remove(&worker);
        if was_starting
            && bound.is_none()
            && let Some(lane) = self.lanes.get_mut(&lane)
        {
            lane.starting -= 1;
        }
        if let Some(ticket) = bound {
            let why = if self.stopping { WhyNot::ShuttingDown } else { WhyNot::Stale };
            self.refuse(now, ticket, why);
        }
        if !self.members.get(&worker).is_some_and(|member| member.dying) {
            self.recorder.recycled(why);
            self.actions.push(Action::Tell(Note::Recycled { worker, why }));
        }
        self.send_away_if_free(worker);
        self.record_level(now);
        self.sync(lane);
    }

    /// Has a worker sent away that is going and has no call left.
    pub(super) fn send_away_if_free(&mut self, worker: WorkerKey) {
        let Some(member) = self.members.get_mut(&worker) else { return };
        if member.leaving.is_some() && member.running == 0 && !member.told {
            member.told = true;
            self.actions.push(Action::Retire { worker });
        }
    }

    /// No worker of the lane is started for now. It wants no slot meanwhile, so that others get them.
    pub(super) fn hold(&mut self, now: Instant, lane: LaneKey) {
        let Some(found) = self.lanes.get_mut(&lane) else { return };
        found.held = true;
        let until = found.breaker.next_event(now);
        if let Some(until) = until {
            self.arm_lane(lane, until);
        }
        self.sync(lane);
    }

    pub(super) fn release_hold(&mut self, lane: LaneKey) {
        if let Some(found) = self.lanes.get_mut(&lane).filter(|lane| lane.held) {
            found.held = false;
            self.sync(lane);
        }
    }

    /// Refuses everything that waits for a quarantined plugin, unless a worker of it still serves.
    pub(super) fn refuse_quarantined(&mut self, now: Instant, lane: LaneKey) {
        let Some(found) = self.lanes.get_mut(&lane) else { return };
        if found.members.len() > found.starting {
            return;
        }
        let Gate::Quarantined { until, exits } = found.breaker.may_start(now) else { return };
        let (exits, retry_after) = (exits.to_vec(), until.saturating_duration_since(now));
        for waiter in self.queue.drain_lane(lane) {
            let why = WhyNot::Quarantined { exits: exits.clone(), retry_after };
            self.refuse(now, waiter.ticket, why);
        }
    }

    /// Tells the queue what workers a lane has and will have.
    pub(super) fn sync(&mut self, lane: LaneKey) {
        let Some(found) = self.lanes.get(&lane) else { return };
        let keeps = |worker: &&WorkerKey| {
            self.members.get(worker).is_some_and(|member| member.leaving.is_none() && !member.surplus)
        };
        let n_workers = found.members.iter().filter(keeps).count() + found.promised;
        let per_worker = if found.concurrent.is_empty() { 1 } else { self.config.depth };
        let coming = (found.starting + found.promised).saturating_mul(per_worker);
        let held = found.held || found.closed;
        self.queue.set_held(lane, held);
        self.queue.set_workers(lane, n_workers);
        self.queue.set_coming(lane, coming);
    }

    /// Has the lane looked at again at this moment.
    pub(super) fn arm_lane(&mut self, lane: LaneKey, at: Instant) {
        let Some(found) = self.lanes.get_mut(&lane) else { return };
        if let Some(before) = found.timer.replace(at) {
            self.timers.remove(&(before, Timer::Lane(lane)));
        }
        self.timers.insert((at, Timer::Lane(lane)));
    }

    pub(super) fn record_level(&mut self, now: Instant) {
        let ready = |member: &&Member| matches!(member.phase, Phase::Idle | Phase::Busy) || member.running > 0;
        let n_ready = self.members.values().filter(ready).count();
        let n_busy = self.members.values().filter(|member| member.running > 0).count();
        self.recorder.level(now, n_ready, n_busy);
    }
}
