//! What was done to the pool from outside, so that the cause of each failure can be compared with it. Written down before it is
//! done; only the latest is kept, because a failure follows its cause within seconds.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use plugdock_contracts::WorkerId;

/// Entries that are kept of each sort: minutes of attacks.
const KEPT: usize = 4096;

/// After a spawner's death, until starts succeed again: its restart waits longer after each death, up to five seconds.
const AFTERMATH: Duration = Duration::from_secs(7);

/// A signal that is sent from outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Blow {
    Kill,
    Term,
    Stop,
}

impl Blow {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Kill => "KILL",
            Self::Term => "TERM",
            Self::Stop => "STOP",
        }
    }

    const fn number(self) -> i32 {
        match self {
            Self::Kill => 9,
            Self::Term => 15,
            Self::Stop => 19,
        }
    }
}

#[derive(Debug)]
struct Ring<T>(VecDeque<T>);

impl<T> Default for Ring<T> {
    fn default() -> Self {
        Self(VecDeque::new())
    }
}

impl<T> Ring<T> {
    fn push(&mut self, entry: T) {
        if self.0.len() == KEPT {
            self.0.pop_front();
        }
        self.0.push_back(entry);
    }
}

#[derive(Debug, Default)]
struct Deeds {
    hits: Ring<(u32, Blow, Instant)>,
    pids: Ring<(WorkerId, u32)>,
    spawner_kills: Ring<Instant>,
    stopping: bool,
}

/// What was done.
#[derive(Debug, Default)]
pub(super) struct Evidence(Mutex<Deeds>);

impl Evidence {
    fn deeds(&self) -> MutexGuard<'_, Deeds> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A process will be signalled.
    pub(super) fn hits(&self, pid: u32, blow: Blow) {
        self.deeds().hits.push((pid, blow, Instant::now()));
    }

    /// A spawner will be killed.
    pub(super) fn kills_spawner(&self) {
        self.deeds().spawner_kills.push(Instant::now());
    }

    /// The backend is told to stop.
    pub(super) fn stops(&self) {
        self.deeds().stopping = true;
    }

    /// The process of a worker.
    pub(super) fn is_process_of(&self, worker: WorkerId, pid: u32) {
        self.deeds().pids.push((worker, pid));
    }

    pub(super) fn is_stopping(&self) -> bool {
        self.deeds().stopping
    }

    /// Whether a worker was sent a signal.
    pub(super) fn was_hit(&self, worker: &WorkerId, signal: i32) -> bool {
        let deeds = self.deeds();
        let pid = deeds.pids.0.iter().rev().find(|(id, _)| id == worker).map(|(_, pid)| *pid);
        let hit = |(hit, blow, _): &(u32, Blow, Instant)| Some(*hit) == pid && blow.number() == signal;
        deeds.hits.0.iter().any(hit)
    }

    /// Whether any process was sent that signal since then.
    pub(super) fn was_any_hit(&self, signal: i32, since: Instant) -> bool {
        self.deeds().hits.0.iter().any(|(_, blow, at)| blow.number() == signal && *at >= since)
    }

    /// Whether the lack of a spawner may be felt by what began then.
    pub(super) fn spawner_was_missing(&self, since: Instant) -> bool {
        self.deeds().spawner_kills.0.iter().any(|at| *at + AFTERMATH >= since)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_worker_is_a_victim_of_the_signal_that_its_process_was_sent_and_of_no_other() {
        let evidence = Evidence::default();
        let (victim, other) = (WorkerId::generate(), WorkerId::generate());
        evidence.is_process_of(victim.clone(), 7);
        evidence.is_process_of(other.clone(), 8);
        evidence.hits(7, Blow::Kill);
        assert!(evidence.was_hit(&victim, 9));
        assert!(!evidence.was_hit(&victim, 15));
        assert!(!evidence.was_hit(&other, 9));
    }

    #[test]
    fn only_the_latest_is_kept() {
        let evidence = Evidence::default();
        for pid in 0..10_000 {
            evidence.hits(pid, Blow::Term);
        }
        assert_eq!(evidence.deeds().hits.0.len(), KEPT);
    }
}
