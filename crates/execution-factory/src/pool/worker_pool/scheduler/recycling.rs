//! Replacing worn workers in the background: the replacement first where there is a slot, else one at a time.

use std::time::Instant;

use plugdock_contracts::backend::RecycleReason;

use super::member::WorkerKey;
use super::scheduler_core::Scheduler;
use crate::pool::lifecycle::{Gate, Recycle};
use crate::pool::queue::LaneKey;

impl Scheduler {
    /// Replaces what is worn, as far as that may be done now.
    pub(super) fn recycle(&mut self, now: Instant) {
        if self.stopping {
            return;
        }
        let worn: Vec<WorkerKey> = self.worn.iter().copied().collect();
        for worker in worn {
            let Some(member) = self.members.get(&worker).filter(|member| member.takes_calls()) else {
                self.worn.remove(&worker);
                continue;
            };
            // Memory that was given back meanwhile is no wear any more.
            let Some(why) = member.wear.due(now) else {
                self.worn.remove(&worker);
                continue;
            };
            let lane = member.lane;
            if member.replacement.is_some() || !self.can_start(now, lane) {
                continue;
            }
            let how = self.config.bounds.may_recycle(self.n_regular(), self.n_out);
            if how == Recycle::Wait {
                return;
            }
            self.replace(now, worker, lane, why, how);
        }
    }

    /// A worker is worn. One beyond the bounds is not replaced.
    pub(super) fn wear_out(&mut self, now: Instant, worker: WorkerKey) {
        let Some(member) = self.members.get(&worker) else { return };
        let Some(why) = member.wear.due(now) else { return };
        if member.surplus {
            self.leave(now, worker, why);
        } else {
            self.worn.insert(worker);
        }
    }

    fn replace(&mut self, now: Instant, worker: WorkerKey, lane: LaneKey, why: RecycleReason, how: Recycle) {
        match how {
            Recycle::Wait => {}
            Recycle::ReplaceFirst => {
                let key = self.start(now, lane, false, None);
                if let Some(new) = self.members.get_mut(&key) {
                    new.replaces = Some(worker);
                }
                if let Some(old) = self.members.get_mut(&worker) {
                    old.replacement = Some(key);
                }
            }
            Recycle::OneByOne => {
                self.n_out += 1;
                if let Some(old) = self.members.get_mut(&worker) {
                    old.recycled = true;
                }
                // When it has no call left, its slot is promised to its own lane.
                self.leave(now, worker, why);
            }
        }
    }

    /// Whether a worker of the lane may be started now.
    pub(super) fn can_start(&mut self, now: Instant, lane: LaneKey) -> bool {
        let Some(found) = self.lanes.get_mut(&lane).filter(|lane| !lane.closed) else { return false };
        matches!(found.breaker.may_start(now), Gate::Yes | Gate::Trial)
    }
}
