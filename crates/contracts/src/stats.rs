//! A backend's numbers since it was made. They are read one after another while it works, so sums may differ by the
//! executions that ended in between.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Numbers since a backend was made.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct BackendStats {
    /// Executions that were started, refused ones included.
    pub started: u64,
    /// Executions that ended with a result.
    pub succeeded: u64,
    /// Executions that ended with an error.
    pub failed: u64,
    /// Those by error code.
    pub failed_by_code: BTreeMap<String, u64>,
    /// Executions that run now.
    pub running: u64,
    /// Executions that wait now.
    pub waiting: u64,
    /// In-process executions that did not stop when asked and may still run.
    pub abandoned: u64,
    /// Worker processes started.
    pub spawned: u64,
    /// Worker processes that died unexpectedly.
    pub crashed: u64,
    /// Worker processes that live now.
    pub workers: u64,
    /// Run time of executions that reached their handler, in microseconds.
    pub run: Distribution,
    /// Time from admission to outcome, in microseconds.
    pub total: Distribution,
}

/// Where the values of a measure lie. All in the unit its field names; quantiles are exact to three digits.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Distribution {
    /// How many values.
    pub count: u64,
    /// Smallest.
    pub min: u64,
    /// Mean.
    pub mean: f64,
    /// Half are at most this.
    pub p50: u64,
    /// 95 of 100 are at most this.
    pub p95: u64,
    /// 99 of 100 are at most this.
    pub p99: u64,
    /// Largest.
    pub max: u64,
}

/// A duration as whole microseconds, as the distributions count it.
pub fn micros(span: Duration) -> u64 {
    u64::try_from(span.as_micros()).unwrap_or(u64::MAX)
}
