//! How long workers took to start, all together and by plugin, those started ahead of need included.
//! It knows nothing of executions, whose times the engine keeps.

use std::collections::BTreeMap;
use std::time::Duration;

use hdrhistogram::Histogram;
use plugdock_contracts::PluginId;
use plugdock_contracts::stats::{BackendStats, Distribution, micros};

/// Plugins told apart; further ones share a row.
const MAX_PLUGINS: usize = 256;

/// The row that they share, named as [`BackendStats`] says.
const OTHER: &str = "OTHER";

/// Significant digits of the distribution of all, as [`BackendStats`] promises.
const DIGITS: u8 = 3;

/// Significant digits of a plugin's: a histogram of starts below a second then takes 14 KiB at most.
const PLUGIN_DIGITS: u8 = 2;

/// Longest time that is told apart, in microseconds: an hour. A start has ended long before.
const MAX_MICROS: u64 = 3_600_000_000;

/// Distributions of the time from the start of a process until it was ready.
#[derive(Debug, Clone)]
pub(super) struct SpawnTimes {
    all: Histogram<u64>,
    by_plugin: BTreeMap<Box<str>, Histogram<u64>>,
}

impl SpawnTimes {
    /// Of nothing yet.
    pub(super) fn new() -> Self {
        Self { all: histogram(DIGITS), by_plugin: BTreeMap::new() }
    }

    /// A worker of a plugin is ready, this long after its start.
    pub(super) fn record(&mut self, plugin: &PluginId, span: Duration) {
        record(&mut self.all, span);
        let is_told = self.by_plugin.contains_key(plugin.as_str()) || self.by_plugin.len() < MAX_PLUGINS;
        let name = if is_told { plugin.as_str() } else { OTHER };
        record(self.by_plugin.entry(name.into()).or_insert_with(|| histogram(PLUGIN_DIGITS)), span);
    }

    /// Puts the distributions in the place of those that executions measured, which miss starts ahead of need.
    pub(super) fn fill(&self, stats: &mut BackendStats) {
        stats.spawn = distribution(&self.all);
        for plugin in stats.by_plugin.values_mut() {
            plugin.spawn = Distribution::default();
        }
        for (name, histogram) in &self.by_plugin {
            stats.by_plugin.entry(name.to_string()).or_default().spawn = distribution(histogram);
        }
    }
}

/// It grows with the longest value it holds.
fn histogram(digits: u8) -> Histogram<u64> {
    Histogram::new(digits).expect("the number of digits is one that the library accepts")
}

fn record(histogram: &mut Histogram<u64>, span: Duration) {
    let recorded = histogram.record(micros(span).min(MAX_MICROS));
    recorded.expect("a histogram that grows takes every value up to half of `i64::MAX`");
}

fn distribution(histogram: &Histogram<u64>) -> Distribution {
    let mut made = Distribution::default();
    if histogram.is_empty() {
        return made;
    }
    (made.count, made.min, made.max) = (histogram.len(), histogram.min(), histogram.max());
    made.mean = histogram.mean();
    let mut quantiles = histogram.value_at_quantiles([0.5, 0.95, 0.99]);
    for place in [&mut made.p50, &mut made.p95, &mut made.p99] {
        *place = quantiles.next().unwrap_or(made.max);
    }
    made
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plugin(n: usize) -> PluginId {
        PluginId::new(&format!("acme/p{n}")).unwrap()
    }

    #[test]
    fn spawns_are_kept_by_plugin_and_replace_what_executions_measured() {
        let mut times = SpawnTimes::new();
        for millis in 1..=100 {
            times.record(&plugin(0), Duration::from_millis(millis));
        }
        times.record(&plugin(1), Duration::from_hours(100));
        let mut stats = BackendStats::default();
        stats.by_plugin.entry("acme/gone".to_owned()).or_default().spawn.count = 9;
        times.fill(&mut stats);
        assert_eq!((stats.spawn.count, stats.by_plugin["acme/gone"].spawn.count), (101, 0));
        assert!((94_900..=96_100).contains(&stats.spawn.p95), "{:?}", stats.spawn);
        let spawn = stats.by_plugin["acme/p0"].spawn;
        assert!(
            (49_500..=50_500).contains(&spawn.p50) && (94_000..=96_000).contains(&spawn.p95),
            "{spawn:?}"
        );
        assert!(stats.by_plugin["acme/p1"].spawn.max <= MAX_MICROS * 101 / 100);
    }

    #[test]
    fn plugins_beyond_the_bound_share_a_row() {
        let mut times = SpawnTimes::new();
        for n in 0..MAX_PLUGINS + 10 {
            times.record(&plugin(n), Duration::from_millis(1));
        }
        times.record(&plugin(0), Duration::from_millis(1));
        let mut stats = BackendStats::default();
        times.fill(&mut stats);
        assert_eq!(stats.by_plugin.len(), MAX_PLUGINS + 1);
        assert_eq!((stats.by_plugin[OTHER].spawn.count, stats.by_plugin["acme/p0"].spawn.count), (10, 2));
    }
}
