//! Counts executions and keeps the distributions of their times. A snapshot costs the same however many there were;
//! it grows with the number of plugins, which is bounded.

use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use plugdock_contracts::stats::BackendStats;
use plugdock_contracts::{Outcome, PluginId};

use super::code_counts::CodeCounts;
use super::measure::Measure;
use super::plugin_counts::PluginTable;

/// Error codes that are counted by name: all of ours and some of plugins'.
const MAX_CODES: usize = 128;

#[derive(Debug)]
struct Counts {
    started: u64,
    succeeded: u64,
    failed: u64,
    abandoned: u64,
    codes: CodeCounts,
    queue: Measure,
    spawn: Measure,
    run: Measure,
    total: Measure,
}

/// Counts executions.
pub(crate) struct Recorder {
    all: Mutex<Counts>,
    by_plugin: PluginTable,
}

impl Recorder {
    pub(crate) fn new() -> Self {
        let all = Counts {
            started: 0,
            succeeded: 0,
            failed: 0,
            abandoned: 0,
            codes: CodeCounts::new(MAX_CODES),
            queue: Measure::fine(),
            spawn: Measure::fine(),
            run: Measure::fine(),
            total: Measure::fine(),
        };
        Self { all: Mutex::new(all), by_plugin: PluginTable::default() }
    }

    fn lock(&self) -> MutexGuard<'_, Counts> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A request was taken in.
    pub(crate) fn started(&self) {
        self.lock().started += 1;
    }

    /// An execution did not stop when asked and was left behind. Its end is told apart from this.
    pub(crate) fn abandoned(&self) {
        self.lock().abandoned += 1;
    }

    /// An execution of a plugin ended.
    pub(crate) fn ended(&self, plugin: &PluginId, outcome: &Outcome) {
        self.lock().ended(outcome);
        self.by_plugin.ended(plugin, outcome);
    }

    /// The numbers; what runs and waits is filled by whoever knows it. Those of all are of one instant, those of each
    /// plugin of another.
    pub(crate) fn snapshot(&self) -> BackendStats {
        let mut stats = self.lock().stats();
        stats.by_plugin = self.by_plugin.stats();
        stats
    }
}

impl Counts {
    fn ended(&mut self, outcome: &Outcome) {
        match outcome.error() {
            None => self.succeeded += 1,
            Some(error) => {
                self.failed += 1;
                self.codes.count(error.code());
            }
        }
        let timings = &outcome.timings;
        for (measure, span) in [
            (&mut self.queue, timings.queue),
            (&mut self.spawn, timings.spawn),
            (&mut self.run, timings.run),
            (&mut self.total, Some(timings.total)),
        ] {
            if let Some(span) = span {
                measure.record(span);
            }
        }
    }

    fn stats(&self) -> BackendStats {
        let mut stats = BackendStats::default();
        (stats.started, stats.succeeded, stats.failed) = (self.started, self.succeeded, self.failed);
        stats.abandoned = self.abandoned;
        stats.failed_by_code.clone_from(self.codes.by_code());
        stats.queue = self.queue.distribution();
        stats.spawn = self.spawn.distribution();
        stats.run = self.run.distribution();
        stats.total = self.total.distribution();
        stats
    }
}

impl fmt::Debug for Recorder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recorder").field("started", &self.lock().started).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use plugdock_contracts::backend::BackendKind;
    use plugdock_contracts::error::{ErrorCode, ExecutionError};
    use plugdock_contracts::{ExecutionId, Payload};

    use super::*;

    fn plugin(name: &str) -> PluginId {
        PluginId::new(name).unwrap()
    }

    fn outcome(result: Result<Payload, ExecutionError>, millis: u64) -> Outcome {
        let mut outcome = Outcome::new(ExecutionId::generate(), BackendKind::InProcess, result);
        outcome.timings.queue = Some(Duration::from_micros(millis));
        outcome.timings.run = Some(Duration::from_millis(millis));
        outcome.timings.total = Duration::from_millis(millis + 1);
        outcome
    }

    #[test]
    fn results_codes_and_times_are_counted_for_all_and_by_plugin() {
        let recorder = Recorder::new();
        for millis in 1..=100 {
            recorder.started();
            recorder.ended(&plugin("acme/a"), &outcome(Ok(Payload::null()), millis));
        }
        recorder.started();
        let mut cold = outcome(Err(ExecutionError::new(ErrorCode::Timeout, "x")), 1);
        cold.timings.spawn = Some(Duration::from_millis(7));
        recorder.ended(&plugin("acme/b"), &cold);
        recorder.abandoned();
        let stats = recorder.snapshot();
        assert_eq!((stats.started, stats.succeeded, stats.failed, stats.abandoned), (101, 100, 1, 1));
        assert_eq!(stats.failed_by_code["TIMEOUT"], 1);
        assert!((49_000..=51_000).contains(&stats.run.p50), "{}", stats.run.p50);
        assert_eq!((stats.queue.max, stats.total.max, stats.spawn.max), (100, 101_000, 7000));
        let (a, b) = (&stats.by_plugin["acme/a"], &stats.by_plugin["acme/b"]);
        assert_eq!((a.succeeded, a.failed, b.succeeded, b.failed), (100, 0, 0, 1));
        assert_eq!((a.spawn.count, b.spawn.count, b.failed_by_code["TIMEOUT"]), (0, 1, 1));
        assert_eq!((a.run.count, a.run.max, a.queue.min), (100, 100_000, 1));
    }

    #[test]
    fn an_execution_that_never_ran_has_no_run_time() {
        let recorder = Recorder::new();
        let refused = Err(ExecutionError::new(ErrorCode::QueueFull, "x"));
        let refused = Outcome::new(ExecutionId::generate(), BackendKind::WorkerPool, refused);
        recorder.ended(&plugin("acme/a"), &refused);
        let stats = recorder.snapshot();
        assert_eq!((stats.queue.count, stats.run.count, stats.total.count), (0, 0, 1));
    }

    #[test]
    fn codes_that_plugins_make_up_do_not_grow_without_bound() {
        let recorder = Recorder::new();
        for n in 0..MAX_CODES * 2 {
            let code = ErrorCode::Unknown(format!("CODE_{n}"));
            recorder.ended(&plugin("acme/a"), &outcome(Err(ExecutionError::new(code, "x")), 1));
        }
        let stats = recorder.snapshot();
        assert_eq!((stats.failed_by_code.len(), stats.failed_by_code["OTHER"]), (MAX_CODES + 1, 128));
        assert_eq!(stats.by_plugin["acme/a"].failed_by_code.len(), 33);
    }
}
