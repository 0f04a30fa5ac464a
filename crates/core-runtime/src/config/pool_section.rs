//! The values of `pool.*` as the factory's own configuration of a worker pool.
//! It reads values that were checked; what they may be is the table's business.

use std::collections::BTreeMap;
use std::time::Duration;

use plugdock_contracts::{ByteSize, PluginId, span};
use plugdock_execution_factory::{OnCap, PoolConfig};
use serde::{Deserialize, Deserializer};

/// A field for each row, so that a row without one is found when a configuration is made.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Rows {
    min: usize,
    max: usize,
    depth: usize,
    warm: Vec<PluginId>,
    queue: usize,
    queue_bytes: ByteSize,
    plugin_queue: Option<usize>,
    tenant_queue: Option<usize>,
    plugin_concurrency: Option<usize>,
    tenant_concurrency: Option<usize>,
    on_cap: OnCapWord,
    weights: BTreeMap<PluginId, u32>,
    #[serde(with = "span::as_text")]
    turn: Duration,
    #[serde(with = "span::as_text")]
    age_after: Duration,
    recycle_calls: Option<u64>,
    #[serde(with = "span::as_text::option")]
    recycle_age: Option<Duration>,
    recycle_memory: Option<ByteSize>,
    recycle_jitter: u8,
    #[serde(with = "span::as_text")]
    idle_after: Duration,
    #[serde(with = "span::as_text")]
    retire_within: Duration,
    #[serde(with = "span::as_text")]
    health_every: Duration,
    #[serde(with = "span::as_text")]
    health_within: Duration,
    crash_limit: u32,
    #[serde(with = "span::as_text")]
    crash_window: Duration,
    #[serde(with = "span::as_text")]
    backoff_min: Duration,
    #[serde(with = "span::as_text")]
    backoff_max: Duration,
    #[serde(with = "span::as_text")]
    quarantine: Duration,
    #[serde(with = "span::as_text")]
    quarantine_max: Duration,
    #[serde(with = "span::as_text")]
    reload_check: Duration,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum OnCapWord {
    Wait,
    Reject,
}

/// Reads the section.
pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<PoolConfig, D::Error> {
    Rows::deserialize(deserializer).map(pool_config)
}

fn pool_config(rows: Rows) -> PoolConfig {
    let mut pool = PoolConfig::default();
    pool.min = rows.min;
    pool.max = rows.max;
    pool.depth = rows.depth;
    pool.warm = rows.warm;
    pool.queue = rows.queue;
    pool.queue_bytes = rows.queue_bytes;
    pool.plugin_queue = rows.plugin_queue;
    pool.tenant_queue = rows.tenant_queue;
    pool.plugin_concurrency = rows.plugin_concurrency;
    pool.tenant_concurrency = rows.tenant_concurrency;
    pool.on_cap = match rows.on_cap {
        OnCapWord::Wait => OnCap::Wait,
        OnCapWord::Reject => OnCap::Reject,
    };
    pool.weights = rows.weights;
    pool.turn = rows.turn;
    pool.age_after = rows.age_after;
    pool.recycle_calls = rows.recycle_calls;
    pool.recycle_age = rows.recycle_age;
    pool.recycle_memory = rows.recycle_memory;
    pool.recycle_jitter = rows.recycle_jitter;
    pool.idle_after = rows.idle_after;
    pool.retire_within = rows.retire_within;
    pool.health_every = rows.health_every;
    pool.health_within = rows.health_within;
    pool.crash_limit = rows.crash_limit;
    pool.crash_window = rows.crash_window;
    pool.backoff_min = rows.backoff_min;
    pool.backoff_max = rows.backoff_max;
    pool.quarantine = rows.quarantine;
    pool.quarantine_max = rows.quarantine_max;
    pool.reload_check = rows.reload_check;
    pool
}
