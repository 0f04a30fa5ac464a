//! Counts executions and keeps the distributions of their times. A snapshot costs the same however many there were.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use hdrhistogram::Histogram;
use plugdock_contracts::stats::{BackendStats, Distribution, micros};
use plugdock_contracts::{ErrorCode, Outcome};

/// Error codes that are counted by name: all of ours and some of plugins', whose number nobody bounds.
const MAX_CODES: usize = 128;

/// The name under which further codes are counted together.
const OTHER_CODES: &str = "OTHER";

/// Significant digits of a distribution: three are exact enough to compare and keep it below 200 KiB.
const DIGITS: u8 = 3;

/// Longest time that is told apart, in microseconds: an hour. Longer ones count as that.
const MAX_MICROS: u64 = 3_600_000_000;

struct Counts {
    started: u64,
    succeeded: u64,
    failed: u64,
    abandoned: u64,
    by_code: BTreeMap<String, u64>,
    run: Histogram<u64>,
    total: Histogram<u64>,
}

/// Counts executions.
pub(crate) struct Recorder(Mutex<Counts>);

fn histogram() -> Histogram<u64> {
    Histogram::new_with_bounds(1, MAX_MICROS, DIGITS)
        .expect("the bounds are constants that the library accepts")
}

impl Recorder {
    pub(crate) fn new() -> Self {
        Self(Mutex::new(Counts {
            started: 0,
            succeeded: 0,
            failed: 0,
            abandoned: 0,
            by_code: BTreeMap::new(),
            run: histogram(),
            total: histogram(),
        }))
    }

    fn lock(&self) -> MutexGuard<'_, Counts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn started(&self) {
        self.lock().started += 1;
    }

    pub(crate) fn abandoned(&self) {
        self.lock().abandoned += 1;
    }

    pub(crate) fn ended(&self, outcome: &Outcome) {
        let mut counts = self.lock();
        match &outcome.result {
            Ok(_) => counts.succeeded += 1,
            Err(error) => {
                counts.failed += 1;
                let ours = !matches!(error.code(), ErrorCode::Unknown(_));
                let known = ours
                    || counts.by_code.contains_key(error.code().as_str())
                    || counts.by_code.len() < MAX_CODES;
                let name = if known { error.code().as_str() } else { OTHER_CODES };
                *counts.by_code.entry(name.to_owned()).or_default() += 1;
            }
        }
        if let Some(run) = outcome.timings.run {
            counts.run.saturating_record(micros(run));
        }
        counts.total.saturating_record(micros(outcome.timings.total));
    }

    /// The numbers, all of one instant; what runs and waits is filled by whoever knows it.
    pub(crate) fn snapshot(&self) -> BackendStats {
        let counts = self.lock();
        let mut stats = BackendStats::default();
        stats.started = counts.started;
        stats.succeeded = counts.succeeded;
        stats.failed = counts.failed;
        stats.abandoned = counts.abandoned;
        stats.failed_by_code.clone_from(&counts.by_code);
        stats.run = distribution(&counts.run);
        stats.total = distribution(&counts.total);
        stats
    }
}

fn distribution(histogram: &Histogram<u64>) -> Distribution {
    let mut made = Distribution::default();
    if histogram.is_empty() {
        return made;
    }
    made.count = histogram.len();
    made.min = histogram.min();
    made.mean = histogram.mean();
    made.p50 = histogram.value_at_quantile(0.5);
    made.p95 = histogram.value_at_quantile(0.95);
    made.p99 = histogram.value_at_quantile(0.99);
    made.max = histogram.max();
    made
}

impl std::fmt::Debug for Recorder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
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

    fn ended(result: Result<Payload, ExecutionError>, millis: u64) -> Outcome {
        let mut outcome = Outcome::new(ExecutionId::generate(), BackendKind::InProcess, result);
        outcome.timings.run = Some(Duration::from_millis(millis));
        outcome.timings.total = Duration::from_millis(millis + 1);
        outcome
    }

    #[test]
    fn results_and_codes_are_counted() {
        let recorder = Recorder::new();
        for millis in 1..=100 {
            recorder.started();
            recorder.ended(&ended(Ok(Payload::null()), millis));
        }
        recorder.started();
        recorder.ended(&ended(Err(ExecutionError::new(ErrorCode::Timeout, "x")), 1));
        let stats = recorder.snapshot();
        assert_eq!((stats.started, stats.succeeded, stats.failed), (101, 100, 1));
        assert_eq!(stats.failed_by_code["TIMEOUT"], 1);
        assert!((49_000..=51_000).contains(&stats.run.p50), "{}", stats.run.p50);
    }

    #[test]
    fn codes_that_plugins_make_up_do_not_grow_without_bound() {
        let recorder = Recorder::new();
        for n in 0..MAX_CODES * 2 {
            let code = ErrorCode::Unknown(format!("CODE_{n}"));
            recorder.ended(&ended(Err(ExecutionError::new(code, "x")), 1));
        }
        let stats = recorder.snapshot();
        assert_eq!(stats.failed_by_code.len(), MAX_CODES + 1);
        assert_eq!(stats.failed_by_code[OTHER_CODES], MAX_CODES as u64);
    }
}
