//! What can be seen of a scheduler from outside: its workers and its numbers.

use std::time::{Duration, Instant};

use plugdock_contracts::WorkerState;
use plugdock_contracts::stats::BackendStats;

use super::member::WorkerKey;
use super::scheduler_core::Scheduler;
use crate::pool::lifecycle::Phase;
use crate::pool::queue::LaneKey;

/// One worker at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct MemberView {
    pub(crate) worker: WorkerKey,
    pub(crate) lane: LaneKey,
    pub(crate) state: WorkerState,
    pub(crate) age: Duration,
    pub(crate) calls: u64,
    pub(crate) running: usize,
}

impl Scheduler {
    /// The workers, oldest first.
    pub(crate) fn view(&self, now: Instant) -> Vec<MemberView> {
        self.members
            .iter()
            .map(|(worker, member)| MemberView {
                worker: *worker,
                lane: member.lane,
                state: member.phase.state(),
                age: now.saturating_duration_since(member.born),
                calls: member.wear.calls(),
                running: member.running,
            })
            .collect()
    }

    /// Fills in the pool's numbers.
    pub(crate) fn fill(&self, now: Instant, stats: &mut BackendStats) {
        stats.running = self.calls.n_running() as u64;
        stats.waiting = self.queue.len() as u64;
        stats.workers = self.members.len() as u64;
        self.recorder.fill(now, stats);
        let mut pool = stats.pool.take().unwrap_or_default();
        for member in self.members.values() {
            match member.phase {
                Phase::Starting => pool.starting += 1,
                Phase::Idle => pool.idle += 1,
                Phase::Busy => pool.busy += 1,
                Phase::Draining | Phase::Stopped => pool.draining += 1,
            }
        }
        pool.min = self.config.bounds.min as u64;
        pool.max = self.config.bounds.max as u64;
        pool.queue_limit = self.config.queue.limit as u64;
        pool.queued_bytes = self.queue.bytes();
        pool.queued_bytes_limit = self.config.queue.byte_limit;
        let quarantined = self.lanes.values().filter(|lane| lane.breaker.is_quarantined());
        pool.quarantined = quarantined.map(|lane| lane.plugin.to_string()).collect();
        pool.quarantined.sort_unstable();
        pool.quarantined.dedup();
        stats.pool = Some(pool);
    }

    /// A worker was ready this long after it was asked for.
    pub(crate) fn spawn_took(&mut self, took: Duration, plugin: &plugdock_contracts::PluginId) {
        self.recorder.ready(took, plugin);
    }

    /// Whether a request would be given a worker, or one would be started for it, at once.
    pub(crate) fn has_room(&self) -> bool {
        !self.idle.is_empty() || self.n_regular() < self.config.bounds.max
    }
}
