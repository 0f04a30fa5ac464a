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
    /// Time executions waited for a worker or a slot, in microseconds; those that got none are not in it.
    pub queue: Distribution,
    /// Time to start a worker process until it was ready for calls, in microseconds.
    pub spawn: Distribution,
    /// Run time of executions that reached their handler, in microseconds.
    pub run: Distribution,
    /// Time from admission to outcome, in microseconds.
    pub total: Distribution,
    /// The same by plugin. The number of plugins told apart is bounded; further ones are counted as `OTHER`.
    pub by_plugin: BTreeMap<String, PluginStats>,
    /// Numbers that only a pool of workers has.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pool: Option<PoolStats>,
}

/// One plugin's numbers since the backend was made.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct PluginStats {
    /// Executions that ended with a result.
    pub succeeded: u64,
    /// Executions that ended with an error.
    pub failed: u64,
    /// Those by error code.
    pub failed_by_code: BTreeMap<String, u64>,
    /// Time executions waited for a worker or a slot, in microseconds.
    pub queue: Distribution,
    /// Time to start a worker process until it was ready for calls, in microseconds.
    pub spawn: Distribution,
    /// Run time of executions that reached their handler, in microseconds.
    pub run: Distribution,
    /// Time from admission to outcome, in microseconds.
    pub total: Distribution,
}

/// A worker pool's numbers. Those that count are since the pool was made, the others of the moment they were read.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct PoolStats {
    /// Workers the pool keeps.
    pub min: u64,
    /// Workers it has at most.
    pub max: u64,
    /// Workers by state; together [`BackendStats::workers`].
    pub starting: u64,
    /// Ready and without a call.
    pub idle: u64,
    /// With at least one call.
    pub busy: u64,
    /// Taking no further call.
    pub draining: u64,
    /// Requests that may wait at most.
    pub queue_limit: u64,
    /// Bytes of input that wait now.
    pub queued_bytes: u64,
    /// Bytes of input that may wait at most.
    pub queued_bytes_limit: u64,
    /// Requests refused because the queue, or a plugin's or a tenant's part of it, was full.
    pub queue_full: u64,
    /// Share of the time that workers were ready in which they had a call, 0 to 1.
    pub utilisation: f64,
    /// Workers that were replaced or sent away on purpose, by reason.
    pub recycled: BTreeMap<String, u64>,
    /// Workers that did not answer a health check.
    pub health_failed: u64,
    /// Starts that failed before the worker was ready.
    pub start_failed: u64,
    /// Calls taken back from a worker that died before it started them.
    pub redispatched: u64,
    /// Calls started once more because their handler is idempotent.
    pub retried: u64,
    /// Plugins that are quarantined now.
    pub quarantined: Vec<String>,
}

/// Where the values of a measure lie. All in the unit its field names; quantiles are exact to three digits, those of one
/// plugin to two.
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
