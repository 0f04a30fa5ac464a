//! Bringing waiters and workers together: who takes a free worker, who gets a slot, who has to go for it.

use std::time::Instant;

use plugdock_contracts::HandlerId;

use super::action::{Action, WhyNot};
use super::call_table::CallState;
use super::member::{Member, WorkerKey};
use super::scheduler_core::{Scheduler, Timer};
use crate::pool::lifecycle::{Gate, Step, Wear};
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
        let Some(entry) = self.calls.get(ticket) else { return };
        let shares = self.config.depth > 1
            && self.lanes.get(&entry.lane).is_some_and(|lane| lane.concurrent.contains(&entry.handler));
        self.change(now, worker, |member| {
            member.exclusive |= !shares;
            member.running += 1;
            member.step(Step::CallBegins);
            if let Some(checkup) = &mut member.checkup {
                checkup.call_begins();
            }
        });
        self.calls.set_state(ticket, CallState::Running(worker));
        self.actions.push(Action::Grant { ticket, worker });
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
                    for lane in lanes {
                        self.serve(now, lane);
                    }
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
                self.promise(now, going, lane);
            } else if let Some(idle) = self.idlest(lane) {
                self.give_way(now, idle, lane);
            } else {
                break;
            }
        }
        self.recycle(now);
        // After those that wait: else a lane that is kept warm would take the slot back that it just had to give.
        self.keep_warm(now);
    }

    /// A worker that is going, has no call, and whose slot is nobody's yet.
    pub(super) fn going(&self) -> Option<WorkerKey> {
        // With more workers than there may be, a slot that becomes free is no slot.
        self.vacant.first().filter(|_| self.n_kept() < self.config.bounds.max).copied()
    }

    /// The worker of another lane that has had nothing to do for longest; those that are kept warm only when there is
    /// no other.
    fn idlest(&self, wanting: LaneKey) -> Option<WorkerKey> {
        if self.n_regular() > self.config.bounds.max {
            return None;
        }
        let lane_of =
            |worker: &WorkerKey| self.members.get(worker).filter(|member| !member.surplus).map(|m| m.lane);
        let mut others =
            self.idle.iter().filter(|(_, worker)| lane_of(worker).is_some_and(|lane| lane != wanting));
        let spare = others.clone().find(|(_, worker)| {
            lane_of(worker)
                .and_then(|lane| self.lanes.get(&lane))
                .is_some_and(|lane| lane.tally.staying > lane.warm)
        });
        spare.or_else(|| others.next()).map(|(_, worker)| *worker)
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
        if let Some(found) = self.lanes.get_mut(&lane)
            && matches!(found.breaker.may_start(now), Gate::Trial)
        {
            found.breaker.trial_started();
            member.trial = true;
        }
        self.enlist(now, worker, member);
        self.recorder.spawned();
        self.actions.push(Action::Start { worker, lane });
        worker
    }

    /// No worker of the lane is started for now. It wants no slot meanwhile, so that others get them.
    pub(super) fn hold(&mut self, now: Instant, lane: LaneKey) {
        let may_start = self.can_start(now, lane);
        let Some(found) = self.lanes.get_mut(&lane) else { return };
        // Nothing would release it: it was held for a pause that is over, or for a trial that is.
        found.held = !may_start;
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
        if found.tally.serving > 0 {
            return;
        }
        let Gate::Quarantined { until, exits } = found.breaker.may_start(now) else { return };
        let (exits, retry_after) = (exits.to_vec(), until.saturating_duration_since(now));
        for waiter in self.queue.drain_lane(lane) {
            let why = WhyNot::Quarantined { exits: exits.clone(), retry_after };
            self.refuse(now, waiter.ticket, why);
        }
    }

    /// Has the lane looked at again at this moment.
    pub(super) fn arm_lane(&mut self, lane: LaneKey, at: Instant) {
        let Some(found) = self.lanes.get_mut(&lane) else { return };
        if let Some(before) = found.timer.replace(at) {
            self.timers.remove(&(before, Timer::Lane(lane)));
        }
        self.timers.insert((at, Timer::Lane(lane)));
    }
}
