//! The configuration of a worker pool: plain data with defaults, validated together. Where it came from is not its concern.

use std::collections::BTreeMap;
use std::time::Duration;

use plugdock_contracts::span::MAX_SPAN;
use plugdock_contracts::{ByteSize, PluginId};

/// Most workers of a pool: far above what a machine runs, and low enough that a slip of the keyboard is seen.
pub(crate) const MOST_WORKERS: usize = 4096;

/// Most requests that may wait.
pub(crate) const MOST_WAITING: usize = 1 << 24;

/// Most calls on one worker: as many as a connection carries.
pub(crate) const MOST_DEPTH: usize = 1024;

/// What happens to a request whose plugin or tenant has as many calls running as it may.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum OnCap {
    /// It waits, in the plugin's or tenant's own part of the queue.
    #[default]
    Wait,
    /// It is refused with `QUEUE_FULL`.
    Reject,
}

/// What a worker pool is made with.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct PoolConfig {
    /// Workers that are kept when there is nothing to do: so many of each plugin in `warm`, and so many in all that the
    /// idle ones are not sent away. Default 2.
    pub min: usize,
    /// Workers at a time. Default 10.
    pub max: usize,
    /// Calls on one worker at a time, for handlers that declare themselves concurrent. Default 1.
    pub depth: usize,
    /// Plugins whose workers are started with the pool, `min` of each.
    pub warm: Vec<PluginId>,
    /// Requests that may wait. Default 100.
    pub queue: usize,
    /// Bytes of input that may wait. Default 64 MiB.
    pub queue_bytes: ByteSize,
    /// Requests of one plugin that may wait. Default: as many as in all.
    pub plugin_queue: Option<usize>,
    /// Requests of one tenant that may wait. Default: as many as in all.
    pub tenant_queue: Option<usize>,
    /// Calls of one plugin that run at a time. Default: no bound but `max`.
    pub plugin_concurrency: Option<usize>,
    /// Calls of one tenant that run at a time. Default: no bound but `max`.
    pub tenant_concurrency: Option<usize>,
    /// What happens to a request beyond those two. Default: it waits.
    pub on_cap: OnCap,
    /// Shares of plugins when there is not enough for all, 1 for those not named.
    pub weights: BTreeMap<PluginId, u32>,
    /// Run time for which a plugin of weight 1 keeps a worker that others wait for. Default 50 ms: some ten times what
    /// replacing a worker costs.
    pub turn: Duration,
    /// Wait after which a request counts as one priority higher. Default 1 s.
    pub age_after: Duration,
    /// Calls after which a worker is replaced. Default 1000.
    pub recycle_calls: Option<u64>,
    /// Age after which a worker is replaced. Default 30 min.
    pub recycle_age: Option<Duration>,
    /// Resident memory above which a worker is replaced, between calls. Default: none.
    pub recycle_memory: Option<ByteSize>,
    /// How far the three differ from worker to worker, in per cent downwards, so that they do not all come due at once.
    /// Default 10.
    pub recycle_jitter: u8,
    /// Time without a call after which a worker above `min` is sent away. Default 60 s.
    pub idle_after: Duration,
    /// Time from a worker's goodbye to its kill. Default 2 s.
    pub retire_within: Duration,
    /// Between two health checks of a worker. Default 10 s.
    pub health_every: Duration,
    /// Time a worker has to answer a health check. Default 5 s.
    pub health_within: Duration,
    /// Unexpected ends of a plugin's workers, failed starts included, within `crash_window` before it is quarantined.
    /// Default 5.
    pub crash_limit: u32,
    /// See `crash_limit`. Default 60 s.
    pub crash_window: Duration,
    /// Pause before the next start after a first unexpected end; it doubles with each further one. Default 100 ms.
    pub backoff_min: Duration,
    /// Longest such pause. Default 10 s.
    pub backoff_max: Duration,
    /// How long a plugin is quarantined before one worker is tried; it doubles when that fails too. Default 30 s.
    pub quarantine: Duration,
    /// Longest quarantine. Default 10 min.
    pub quarantine_max: Duration,
    /// How old what is known of a plugin's files may be before they are looked at again. Zero looks each time. Default 1 s.
    pub reload_check: Duration,
}

impl Default for PoolConfig {
    fn default() -> Self {
        Self {
            min: 2,
            max: 10,
            depth: 1,
            warm: Vec::new(),
            queue: 100,
            queue_bytes: ByteSize::from_bytes(64 << 20),
            plugin_queue: None,
            tenant_queue: None,
            plugin_concurrency: None,
            tenant_concurrency: None,
            on_cap: OnCap::Wait,
            weights: BTreeMap::new(),
            turn: Duration::from_millis(50),
            age_after: Duration::from_secs(1),
            recycle_calls: Some(1000),
            recycle_age: Some(Duration::from_mins(30)),
            recycle_memory: None,
            recycle_jitter: 10,
            idle_after: Duration::from_mins(1),
            retire_within: Duration::from_secs(2),
            health_every: Duration::from_secs(10),
            health_within: Duration::from_secs(5),
            crash_limit: 5,
            crash_window: Duration::from_mins(1),
            backoff_min: Duration::from_millis(100),
            backoff_max: Duration::from_secs(10),
            quarantine: Duration::from_secs(30),
            quarantine_max: Duration::from_mins(10),
            reload_check: Duration::from_secs(1),
        }
    }
}

impl PoolConfig {
    /// Everything that is wrong, each with the field's name and what to do.
    pub fn faults(&self) -> Vec<String> {
        let mut faults = size_faults(self.min, self.max);
        self.count_faults(&mut faults);
        self.span_faults(&mut faults);
        let warm = self.warm.len().saturating_mul(self.min);
        if warm > self.max {
            faults.push(format!(
                "pool.warm names {} plugins, {} workers each are more than pool.max {}: raise max or name fewer",
                self.warm.len(),
                self.min,
                self.max
            ));
        }
        for (plugin, weight) in &self.weights {
            if !(1..=1000).contains(weight) {
                faults.push(format!(
                    "pool.weights: the weight of `{plugin}` is {weight}, it must be 1 to 1000"
                ));
            }
        }
        faults
    }

    fn count_faults(&self, faults: &mut Vec<String>) {
        if self.queue > MOST_WAITING {
            faults.push(format!("pool.queue is {}, the most is {MOST_WAITING}", self.queue));
        }
        if !(1..=MOST_DEPTH).contains(&self.depth) {
            faults.push(format!("pool.depth is {}, it must be 1 to {MOST_DEPTH}", self.depth));
        }
        if self.queue > 0 && self.queue_bytes.bytes() == 0 {
            faults.push("pool.queue_bytes is zero: only requests without input could wait".to_owned());
        }
        let parts = [("plugin_queue", self.plugin_queue), ("tenant_queue", self.tenant_queue)];
        for (name, part) in parts {
            if let Some(part) = part.filter(|part| *part > self.queue) {
                faults.push(format!(
                    "pool.{name} is {part}, more than pool.queue {}: no more than that ever wait",
                    self.queue
                ));
            }
        }
        let caps = [
            ("plugin_concurrency", self.plugin_concurrency == Some(0)),
            ("tenant_concurrency", self.tenant_concurrency == Some(0)),
            ("recycle_calls", self.recycle_calls == Some(0)),
            ("recycle_memory", self.recycle_memory.is_some_and(|memory| memory.bytes() == 0)),
            ("crash_limit", self.crash_limit == 0),
        ];
        let zeros = caps.iter().filter(|(_, is_zero)| *is_zero);
        faults.extend(zeros.map(|(name, _)| format!("pool.{name} is zero: nothing could ever run")));
        if self.recycle_jitter > 90 {
            faults.push(format!("pool.recycle_jitter is {} per cent, the most is 90", self.recycle_jitter));
        }
    }

    fn span_faults(&self, faults: &mut Vec<String>) {
        let spans = [
            ("turn", self.turn, true),
            ("age_after", self.age_after, true),
            ("idle_after", self.idle_after, true),
            ("retire_within", self.retire_within, false),
            ("health_every", self.health_every, true),
            ("health_within", self.health_within, true),
            ("crash_window", self.crash_window, true),
            ("backoff_min", self.backoff_min, true),
            ("backoff_max", self.backoff_max, true),
            ("quarantine", self.quarantine, true),
            ("quarantine_max", self.quarantine_max, true),
            ("reload_check", self.reload_check, false),
            ("recycle_age", self.recycle_age.unwrap_or(Duration::from_secs(1)), true),
        ];
        for (name, span, must_be_positive) in spans {
            if must_be_positive && span.is_zero() {
                faults.push(format!("pool.{name} is zero"));
            }
            if span > MAX_SPAN {
                faults.push(format!("pool.{name} is longer than a century"));
            }
        }
        for (low, high, low_name, high_name) in [
            (self.backoff_min, self.backoff_max, "backoff_min", "backoff_max"),
            (self.quarantine, self.quarantine_max, "quarantine", "quarantine_max"),
        ] {
            if low > high {
                faults.push(format!("pool.{low_name} is longer than pool.{high_name}"));
            }
        }
    }
}

/// What is wrong with the bounds of a pool.
pub(crate) fn size_faults(min: usize, max: usize) -> Vec<String> {
    let mut faults = Vec::new();
    if max == 0 {
        faults.push("pool.max is zero: nothing could ever run".to_owned());
    } else if min > max {
        faults.push(format!("pool.min is {min}, more than pool.max {max}"));
    }
    if max > MOST_WORKERS {
        faults.push(format!("pool.max is {max}, the most is {MOST_WORKERS}"));
    }
    faults
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_sound() {
        assert_eq!(PoolConfig::default().faults(), Vec::<String>::new());
    }

    #[test]
    fn every_fault_is_listed_with_its_field() {
        let mut config = PoolConfig::default();
        (config.min, config.max, config.depth) = (3, 2, 0);
        config.tenant_concurrency = Some(0);
        config.plugin_queue = Some(101);
        config.turn = Duration::ZERO;
        config.backoff_min = Duration::from_mins(5);
        config.recycle_jitter = 91;
        config.warm = vec![PluginId::new("acme/a").unwrap()];
        config.weights.insert(PluginId::new("acme/a").unwrap(), 0);
        let faults = config.faults();
        for field in [
            "pool.min",
            "pool.depth",
            "tenant_concurrency",
            "plugin_queue",
            "pool.turn",
            "backoff_min",
            "recycle_jitter",
            "pool.warm",
            "pool.weights",
        ] {
            assert!(faults.iter().any(|fault| fault.contains(field)), "{field} is missing in {faults:?}");
        }
        assert_eq!(faults.len(), 9, "{faults:?}");
    }

    #[test]
    fn a_pool_without_workers_is_refused() {
        assert!(size_faults(0, 0)[0].contains("pool.max"));
        assert!(size_faults(0, usize::MAX)[0].contains("the most"));
    }
}
