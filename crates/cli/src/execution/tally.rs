//! What many executions of one request came to: counts, times, and the first error.
//! It is filled by whoever runs them, and shows nothing.

use std::collections::BTreeMap;
use std::time::Duration;

use plugdock_contracts::outcome::WorkerStart;
use plugdock_contracts::stats::BackendStats;
use plugdock_contracts::{ExecutionError, Outcome};
use plugdock_core_runtime::StopSignal;
use serde::Serialize;

use super::samples::Samples;

/// Values that the median of the moment is made of: enough for two digits, cheap enough to sort at each look.
const MAX_LIVE: usize = 2048;

/// What many executions came to.
#[derive(Debug)]
pub(crate) struct Tally {
    pub(crate) done: u64,
    pub(crate) succeeded: u64,
    pub(crate) failed_by_code: BTreeMap<String, u64>,
    /// The first error that was no answer to the request to stop.
    pub(crate) first_error: Option<ExecutionError>,
    pub(crate) total: Samples,
    pub(crate) queue: Samples,
    pub(crate) run: Samples,
    /// The times so far, to look at while it goes on.
    pub(crate) live: Samples,
    pub(crate) starts: Starts,
    pub(crate) elapsed: Duration,
    /// What asked to stop before all were done.
    pub(crate) stopped_by: Option<StopSignal>,
}

/// Processes, and what became of them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Starts {
    /// Executions for which a process was started.
    pub(crate) cold: u64,
    /// Executions that found a process waiting.
    pub(crate) warm: u64,
    /// Worker processes started.
    pub(crate) spawned: u64,
    /// Workers that were replaced or sent away on purpose.
    pub(crate) recycled: u64,
    /// Workers that died unexpectedly.
    pub(crate) crashed: u64,
    /// Handlers started once more.
    pub(crate) retried: u64,
    /// Calls taken back from a worker that died before it started them.
    pub(crate) taken_back: u64,
}

impl Default for Tally {
    fn default() -> Self {
        Self {
            done: 0,
            succeeded: 0,
            failed_by_code: BTreeMap::new(),
            first_error: None,
            total: Samples::default(),
            queue: Samples::default(),
            run: Samples::default(),
            live: Samples::with_bound(MAX_LIVE),
            starts: Starts::default(),
            elapsed: Duration::ZERO,
            stopped_by: None,
        }
    }
}

impl Tally {
    /// Counts one that ended.
    pub(crate) fn add(&mut self, outcome: Outcome) {
        self.done += 1;
        self.live.add(outcome.timings.total);
        self.total.add(outcome.timings.total);
        outcome.timings.queue.into_iter().for_each(|span| self.queue.add(span));
        outcome.timings.run.into_iter().for_each(|span| self.run.add(span));
        match outcome.start {
            Some(WorkerStart::Cold) => self.starts.cold += 1,
            Some(WorkerStart::Warm) => self.starts.warm += 1,
            _ => {}
        }
        self.starts.retried += u64::from(outcome.attempts.started.saturating_sub(1));
        self.starts.taken_back += u64::from(outcome.attempts.taken_back);
        match outcome.result {
            Ok(_payload) => self.succeeded += 1,
            Err(error) => {
                *self.failed_by_code.entry(error.code().to_string()).or_default() += 1;
                // What was cancelled because somebody asked to stop is no finding.
                if self.stopped_by.is_none() {
                    self.first_error.get_or_insert(error);
                }
            }
        }
    }

    /// Takes the backend's numbers of before and after, of which only it knows.
    pub(crate) fn workers(&mut self, before: &BackendStats, after: &BackendStats) {
        let recycled =
            |stats: &BackendStats| stats.pool.as_ref().map_or(0, |pool| pool.recycled.values().sum());
        self.starts.spawned = after.spawned.saturating_sub(before.spawned);
        self.starts.crashed = after.crashed.saturating_sub(before.crashed);
        self.starts.recycled = u64::saturating_sub(recycled(after), recycled(before));
    }

    /// Executions that ended with an error.
    pub(crate) fn failed(&self) -> u64 {
        self.done - self.succeeded
    }

    /// Executions that ended in a second.
    pub(crate) fn rate(&self) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "three digits of it are shown")]
        let done = self.done as f64;
        let seconds = self.elapsed.as_secs_f64();
        if seconds > 0.0 { done / seconds } else { 0.0 }
    }
}
