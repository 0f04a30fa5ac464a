//! Keeps the counts and lists of workers true: whatever changes of a worker changes through here. It decides nothing.

use std::time::Instant;

use super::member::{Member, WorkerKey};
use super::scheduler_core::Scheduler;
use super::tally::{Post, Spot};
use crate::pool::queue::LaneKey;

impl Scheduler {
    /// Adds a worker.
    pub(super) fn enlist(&mut self, now: Instant, worker: WorkerKey, member: Member) {
        let (lane, post) = (member.lane, Post::of(&member, self.config.depth));
        self.members.insert(worker, member);
        if let Some(found) = self.lanes.get_mut(&lane) {
            found.members.insert(worker);
        }
        self.repost(now, worker, lane, Post::default(), post);
    }

    /// Changes a worker, and with it what it counts as.
    pub(super) fn change<R>(
        &mut self,
        now: Instant,
        worker: WorkerKey,
        edit: impl FnOnce(&mut Member) -> R,
    ) -> Option<R> {
        let depth = self.config.depth;
        let member = self.members.get_mut(&worker)?;
        let before = Post::of(member, depth);
        let answer = edit(member);
        let (lane, after) = (member.lane, Post::of(member, depth));
        self.repost(now, worker, lane, before, after);
        Some(answer)
    }

    /// Takes a worker off everything.
    pub(super) fn delist(&mut self, now: Instant, worker: WorkerKey) -> Option<Member> {
        self.disarm_member(worker);
        let member = self.members.remove(&worker)?;
        if let Some(found) = self.lanes.get_mut(&member.lane) {
            found.members.remove(&worker);
        }
        self.worn.remove(&worker);
        let before = Post::of(&member, self.config.depth);
        self.repost(now, worker, member.lane, before, Post::default());
        Some(member)
    }

    fn repost(&mut self, now: Instant, worker: WorkerKey, lane: LaneKey, before: Post, after: Post) {
        if before == after {
            return;
        }
        self.tally.change(&before.tally, &after.tally);
        if let Some(found) = self.lanes.get_mut(&lane) {
            found.tally.change(&before.tally, &after.tally);
            match before.spot {
                Spot::Idle(since) => {
                    found.idle.remove(&(since, worker)) && self.idle.remove(&(since, worker))
                }
                Spot::Shared(running) => found.shared.remove(&(running, worker)),
                Spot::Vacant => self.vacant.remove(&worker),
                Spot::Nowhere => true,
            };
            match after.spot {
                Spot::Idle(since) => found.idle.insert((since, worker)) && self.idle.insert((since, worker)),
                Spot::Shared(running) => found.shared.insert((running, worker)),
                Spot::Vacant => self.vacant.insert(worker),
                Spot::Nowhere => true,
            };
        }
        let (before, after) = (before.tally, after.tally);
        if (before.ready, before.busy) != (after.ready, after.busy) {
            self.recorder.level(now, self.tally.ready, self.tally.busy);
        }
        if (before.starting, before.staying) != (after.starting, after.staying) {
            self.sync(lane);
        }
    }

    /// Tells the queue what workers a lane has and will have, and notes whether it has fewer than are kept of it.
    pub(super) fn sync(&mut self, lane: LaneKey) {
        let Some(found) = self.lanes.get(&lane) else { return };
        let per_worker = if found.concurrent.is_empty() { 1 } else { self.config.depth };
        let coming = (found.tally.starting + found.promised).saturating_mul(per_worker);
        let n_workers = found.tally.staying + found.promised;
        if n_workers < found.warm && !found.closed {
            self.short.insert(lane);
        } else {
            self.short.remove(&lane);
        }
        self.queue.set_held(lane, found.held || found.closed);
        self.queue.set_workers(lane, n_workers);
        self.queue.set_coming(lane, coming);
    }

    /// Workers within the bounds, whatever they do.
    pub(super) fn n_regular(&self) -> usize {
        self.members.len() - self.tally.surplus
    }

    /// Slots in use when everybody is gone whose slot is nobody's yet.
    pub(super) fn n_kept(&self) -> usize {
        self.n_regular() - self.tally.unclaimed
    }
}
