//! What time brings, and what the pool's owner wants: expiry, ageing, checks, shrinking; resize, reload, stop.

use std::time::{Duration, Instant};

use plugdock_contracts::backend::RecycleReason;
use plugdock_contracts::error::KillReason;

use super::action::{Action, Note, WhyNot};
use super::lane::Lane;
use super::member::WorkerKey;
use super::scheduler_core::{Scheduler, Timer};
use crate::pool::lifecycle::{Bounds, Phase};
use crate::pool::queue::LaneKey;

/// How soon a worker whose time has come but that may not go yet is looked at again.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

impl Scheduler {
    /// When something happens by itself next.
    pub(crate) fn next_tick(&self) -> Option<Instant> {
        let timer = self.timers.first().map(|(at, _)| *at);
        match (timer, self.queue.next_event()) {
            (Some(timer), Some(event)) => Some(timer.min(event)),
            (timer, event) => timer.or(event),
        }
    }

    /// Time has passed.
    pub(crate) fn tick(&mut self, now: Instant) {
        while let Some(waiter) = self.queue.expire(now) {
            let waited = now.saturating_duration_since(waiter.since);
            self.refuse(now, waiter.ticket, WhyNot::Waited(waited));
        }
        self.queue.age(now);
        self.serve_shared(now);
        while let Some((at, timer)) = self.timers.first().copied()
            && at <= now
        {
            self.timers.remove(&(at, timer));
            match timer {
                Timer::Member(worker) => self.look_at_member(now, worker),
                Timer::Lane(lane) => self.look_at_lane(now, lane),
            }
        }
        self.settle(now);
    }

    /// Another waiter may be the first of its lane by now, and may share a worker that the one before it could not.
    fn serve_shared(&mut self, now: Instant) {
        let shares = |(_, lane): &(&LaneKey, &Lane)| !lane.shared.is_empty();
        let lanes: Vec<LaneKey> = self.lanes.iter().filter(shares).map(|(key, _)| *key).collect();
        for lane in lanes {
            self.serve(now, lane);
        }
    }

    fn look_at_member(&mut self, now: Instant, worker: WorkerKey) {
        let Some(member) = self.members.get_mut(&worker) else { return };
        member.timer = None;
        if member.leaving.is_some() {
            return;
        }
        let is_busy = member.running > 0;
        if let Some(check) = member.checkup.as_mut().and_then(|checkup| checkup.begin(now, is_busy)) {
            self.actions.push(Action::Check { worker, check });
        }
        self.wear_out(now, worker);
        let Some(member) = self.members.get(&worker) else { return };
        let idle_for = now.saturating_duration_since(member.idle_since);
        if member.phase == Phase::Idle && idle_for >= self.config.idle_after && self.may_shrink(member.lane) {
            return self.leave(now, worker, RecycleReason::Idle);
        }
        self.arm_member(now, worker);
    }

    /// Whether the pool, and the lane, have an idle worker too many.
    fn may_shrink(&self, lane: LaneKey) -> bool {
        if self.lanes.get(&lane).is_some_and(|lane| lane.tally.staying <= lane.warm) {
            return false;
        }
        // One that no plugin is kept warm by makes place for one that is missed there.
        let is_missed = |lane: &LaneKey| self.lanes.get(lane).is_some_and(|lane| !lane.held);
        let is_full = self.n_regular() >= self.config.bounds.max;
        self.n_kept() > self.config.bounds.min || (is_full && self.short.iter().any(is_missed))
    }

    fn look_at_lane(&mut self, now: Instant, lane: LaneKey) {
        let Some(found) = self.lanes.get_mut(&lane) else { return };
        found.timer = None;
        if found.breaker.next_event(now).is_none() {
            self.release_hold(lane);
        } else if let Some(at) = self.lanes.get(&lane).and_then(|lane| lane.breaker.next_event(now)) {
            self.arm_lane(lane, at.max(now + Duration::from_millis(1)));
        }
        self.forget_if_unused(now, lane);
    }

    /// Has a worker looked at when the next thing is due by time alone.
    pub(super) fn arm_member(&mut self, now: Instant, worker: WorkerKey) {
        self.disarm_member(worker);
        let Some(member) = self.members.get(&worker).filter(|member| member.leaving.is_none()) else {
            return;
        };
        let checkup = member.checkup.as_ref().and_then(crate::pool::lifecycle::Checkup::next_due);
        let wear = member.wear.next_due().filter(|_| !self.worn.contains(&worker));
        let idle = member.idle_since.checked_add(self.config.idle_after);
        let idle = idle.map(|at| if at <= now { now + self.config.idle_after.max(LOOK_AGAIN) } else { at });
        let Some(at) = [checkup, wear, idle].into_iter().flatten().min() else { return };
        let at = at.max(now);
        if let Some(member) = self.members.get_mut(&worker) {
            member.timer = Some(at);
        }
        self.timers.insert((at, Timer::Member(worker)));
    }

    pub(super) fn disarm_member(&mut self, worker: WorkerKey) {
        if let Some(at) = self.members.get_mut(&worker).and_then(|member| member.timer.take()) {
            self.timers.remove(&(at, Timer::Member(worker)));
        }
    }

    /// Starts what is missing of the plugins that are kept warm.
    pub(super) fn keep_warm(&mut self, now: Instant) {
        if self.stopping {
            return;
        }
        let short: Vec<LaneKey> = self.short.iter().copied().collect();
        for lane in short {
            let has_room =
                |this: &Self| this.n_regular() < this.config.bounds.max && this.short.contains(&lane);
            while has_room(self) && self.can_start(now, lane) {
                self.start(now, lane, false, None);
            }
        }
    }

    /// Forgets a lane of which nothing is left.
    pub(super) fn forget_if_unused(&mut self, now: Instant, lane: LaneKey) {
        let Some(found) = self.lanes.get(&lane) else { return };
        let unused = found.members.is_empty() && found.n_calls == 0 && found.promised == 0;
        if !unused || (found.warm > 0 && !found.closed && !self.stopping) {
            return;
        }
        if !found.breaker.is_idle(now) && !found.closed && !self.stopping {
            // What it remembers of crashes is needed until the window is over.
            if found.timer.is_none() {
                self.arm_lane(lane, now + self.config.breaker.window);
            }
            return;
        }
        if let Some(found) = self.lanes.remove(&lane) {
            if let Some(at) = found.timer {
                self.timers.remove(&(at, Timer::Lane(lane)));
            }
            self.short.remove(&lane);
            self.queue.drop_lane(lane);
            if let Some((_, n_lanes)) = self.plugins.get_mut(&found.plugin) {
                *n_lanes -= 1;
                if *n_lanes == 0 {
                    self.plugins.remove(&found.plugin);
                }
            }
            self.actions.push(Action::Forget { lane });
        }
    }

    /// Changes how many workers there may be. The bounds were checked.
    pub(crate) fn resize(&mut self, now: Instant, bounds: Bounds) {
        if self.stopping {
            return;
        }
        self.config.bounds = bounds;
        self.actions.push(Action::Tell(Note::Resized { min: bounds.min, max: bounds.max }));
        let mut over = self.n_kept().saturating_sub(bounds.max);
        // Those that are started, then the longest idle, then those that have to finish first.
        let rank = |worker: &WorkerKey| {
            let member = &self.members[worker];
            (member.running > 0, member.phase != Phase::Starting, member.idle_since, *worker)
        };
        let may_go = |worker: &WorkerKey| {
            let member = &self.members[worker];
            member.leaving.is_none() && !member.surplus && member.bound.is_none()
        };
        let mut workers: Vec<WorkerKey> = self.members.keys().copied().filter(may_go).collect();
        workers.sort_by_key(rank);
        for worker in workers {
            if over == 0 {
                break;
            }
            over -= 1;
            self.leave(now, worker, RecycleReason::Resized);
        }
        self.settle(now);
    }

    /// A lane's program was replaced: what waits is prepared again, what runs finishes, nothing more is started.
    pub(crate) fn close_lane(&mut self, now: Instant, lane: LaneKey) {
        let Some(found) = self.lanes.get_mut(&lane) else { return };
        found.closed = true;
        let members: Vec<WorkerKey> = found.members.iter().copied().collect();
        for waiter in self.queue.drain_lane(lane) {
            self.refuse(now, waiter.ticket, WhyNot::Stale);
        }
        for worker in members {
            self.leave(now, worker, RecycleReason::Reloaded);
        }
        self.sync(lane);
        self.settle(now);
        self.forget_if_unused(now, lane);
    }

    /// The pool stops: nothing is taken in, everything that waits is refused, every worker goes, busy ones by force.
    pub(crate) fn stop(&mut self, now: Instant) {
        self.stopping = true;
        let lanes: Vec<LaneKey> = self.lanes.keys().copied().collect();
        for lane in lanes {
            for waiter in self.queue.drain_lane(lane) {
                self.refuse(now, waiter.ticket, WhyNot::ShuttingDown);
            }
            self.forget_if_unused(now, lane);
        }
        let workers: Vec<WorkerKey> = self.members.keys().copied().collect();
        for worker in workers {
            self.leave(now, worker, RecycleReason::Shutdown);
            if self.members.get(&worker).is_some_and(|member| member.running > 0) {
                self.actions.push(Action::Kill { worker, reason: KillReason::Shutdown });
            }
        }
    }

    /// Whether no worker is left.
    pub(crate) fn is_empty(&self) -> bool {
        self.members.is_empty()
    }
}
