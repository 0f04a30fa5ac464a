//! How a worker goes: it takes no further call, is sent away when it has none, and its slot passes on when it is dead.

use std::time::Instant;

use plugdock_contracts::backend::RecycleReason;

use super::action::{Action, Note, WhyNot};
use super::member::WorkerKey;
use super::scheduler_core::Scheduler;
use crate::pool::lifecycle::Step;
use crate::pool::queue::LaneKey;

impl Scheduler {
    /// A worker takes no further call, and goes when it has none.
    pub(super) fn leave(&mut self, now: Instant, worker: WorkerKey, why: RecycleReason) {
        if self.members.get(&worker).is_none_or(|member| member.leaving.is_some()) {
            return;
        }
        self.untie(worker);
        self.disarm_member(worker);
        self.worn.remove(&worker);
        let bound = self.change(now, worker, |member| {
            member.leaving = Some(why);
            member.step(Step::Drain);
            member.bound.take()
        });
        if let Some(ticket) = bound.flatten() {
            let why = if self.stopping { WhyNot::ShuttingDown } else { WhyNot::Stale };
            self.refuse(now, ticket, why);
        }
        let Some(member) = self.members.get(&worker) else { return };
        let (lane, is_dying) = (member.lane, member.dying);
        if !is_dying {
            self.recorder.recycled(why);
            self.actions.push(Action::Tell(Note::Recycled { worker, why }));
        }
        self.vacate(now, worker);
        self.refuse_quarantined(now, lane);
    }

    /// A worker that is going may have no call left: then it is sent away, and its slot is soon free.
    pub(super) fn vacate(&mut self, now: Instant, worker: WorkerKey) {
        let Some(member) = self.members.get_mut(&worker) else { return };
        if member.leaving.is_none() || member.running > 0 {
            return;
        }
        if !std::mem::replace(&mut member.told, true) {
            self.actions.push(Action::Retire { worker });
        }
        let (lane, pledged) = (member.lane, member.pledged.take());
        let owes_slot = member.recycled && member.successor.is_none();
        if let Some(other) = pledged.and_then(|lane| self.lanes.get_mut(&lane)) {
            other.pledged -= 1;
        }
        if owes_slot {
            self.promise(now, worker, lane);
        }
    }

    /// Promises the slot of a worker that is going, and has no call, to a lane.
    pub(super) fn promise(&mut self, now: Instant, going: WorkerKey, lane: LaneKey) {
        self.change(now, going, |member| member.successor = Some(lane));
        if let Some(found) = self.lanes.get_mut(&lane) {
            found.promised += 1;
        }
        self.sync(lane);
    }

    /// A worker gives up its slot to a lane. One that still has calls may have them for long, so its slot is not promised
    /// yet: whatever becomes free earlier is as good. Until then no other of those is sent away for the same lane.
    pub(super) fn give_way(&mut self, now: Instant, worker: WorkerKey, lane: LaneKey) {
        self.leave(now, worker, RecycleReason::Displaced);
        let Some(member) = self.members.get_mut(&worker) else { return };
        if member.running == 0 {
            self.promise(now, worker, lane);
        } else if let Some(found) = self.lanes.get_mut(&lane) {
            member.pledged = Some(lane);
            found.pledged += 1;
        }
    }

    /// Nothing is expected of a start any more: the worker that it should replace has no replacement, and the next worn
    /// one may go. Answers which worker that is.
    pub(super) fn untie(&mut self, worker: WorkerKey) -> Option<WorkerKey> {
        let member = self.members.get_mut(&worker)?;
        let (replaces, refills) = (member.replaces.take(), std::mem::take(&mut member.refills));
        self.n_out -= usize::from(refills);
        if let Some(old) = replaces.and_then(|old| self.members.get_mut(&old)) {
            old.replacement = None;
        }
        replaces
    }

    /// Takes a worker that is dead off everything; its slot goes to whom it was promised.
    pub(super) fn remove(&mut self, now: Instant, worker: WorkerKey) {
        self.untie(worker);
        let Some(member) = self.delist(now, worker) else { return };
        if let Some(other) = member.pledged.and_then(|lane| self.lanes.get_mut(&lane)) {
            other.pledged -= 1;
        }
        if let Some(successor) = member.successor {
            self.succeed(now, successor, member.recycled);
        } else if member.recycled {
            self.refill(now, member.lane);
        }
        self.refuse_quarantined(now, member.lane);
    }

    /// The slot that a lane was promised is free. The lane gets it if it still wants one, whoever else wants one by now:
    /// else two that gave way to it at a time would take their slots back, each when it has no worker any more.
    fn succeed(&mut self, now: Instant, lane: LaneKey, recycled: bool) {
        if let Some(found) = self.lanes.get_mut(&lane) {
            found.promised -= 1;
        }
        self.sync(lane);
        if recycled {
            self.refill(now, lane);
        } else if self.has_slot() && self.queue.wants_slot(lane) && self.can_start(now, lane) {
            self.start(now, lane, false, None);
        }
        self.forget_if_unused(now, lane);
    }

    fn has_slot(&self) -> bool {
        self.n_regular() < self.config.bounds.max && !self.stopping
    }

    /// The slot of a recycled worker is free: it is filled again whether somebody waits or not.
    fn refill(&mut self, now: Instant, lane: LaneKey) {
        if self.has_slot() && self.can_start(now, lane) {
            let key = self.start(now, lane, false, None);
            if let Some(member) = self.members.get_mut(&key) {
                member.refills = true;
            }
        } else {
            self.n_out -= 1;
        }
    }

    /// When the bounds were lowered, a worker that was being started for a nested execution was left to it. Now it goes.
    pub(super) fn end_excess(&mut self, now: Instant, worker: WorkerKey) {
        let is_regular = self.members.get(&worker).is_some_and(|member| !member.surplus);
        if is_regular && self.n_kept() > self.config.bounds.max {
            self.leave(now, worker, RecycleReason::Resized);
        }
    }

    /// A worker beyond the bounds becomes one within them, or goes when it has no call.
    pub(super) fn end_surplus(&mut self, now: Instant, worker: WorkerKey) {
        let Some(member) = self.members.get(&worker).filter(|member| member.surplus) else { return };
        if self.n_regular() < self.config.bounds.max && member.leaving.is_none() {
            self.change(now, worker, |member| member.surplus = false);
        } else if member.running == 0 {
            self.leave(now, worker, RecycleReason::Surplus);
        }
    }
}
